"""Several organisations in one report: own keys, own names, all of them or none."""

from pathlib import Path

import pandas as pd
import pytest

from cacheaudit.errors import AccessDenied, ParamError, SourceError
from cacheaudit.history import hourly, planted_migration
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.sources import fetch
from cacheaudit.sources.frame import write_usage


@pytest.fixture(scope="module")
def usage():
    return hourly(planted_migration(seed=5))


@pytest.fixture
def two(tmp_path, usage):
    """The same workspaces in two organisations; globex has none named for one of them."""
    write_usage(usage, tmp_path / "acme.parquet")
    unnamed = usage.assign(scope=usage["scope"].where(usage["scope"] != "claims-review"))
    write_usage(unnamed, tmp_path / "globex.parquet")
    pulls = {}
    for name in ("acme", "globex"):
        file = tmp_path / f"{name}.yaml"
        file.write_text(f"source: frame\npath: {tmp_path / name}.parquet\n", "utf-8")
        pulls[name] = str(file)
    return PostmortemParams(source="several", pulls=pulls, name="both")


def test_the_same_workspace_in_two_organisations_stays_two(two, usage):
    pull = fetch(two)

    assert len(pull.usage) == 2 * len(usage)
    assert set(pull.usage["scope"]) == {
        *(f"acme/{s}" for s in set(usage["scope"])),
        "globex",
        "globex/support-chat",
        "globex/support-chat-eu",
    }
    assert pull.usage["cache_read_tokens"].sum() == 2 * usage["cache_read_tokens"].sum()
    assert pull.source.startswith("acme: ")
    assert (pull.start, pull.end) == (usage["bucket_start"].min(), usage["bucket_end"].max())


@pytest.mark.slow
def test_one_report_names_the_organisations_and_owners_can_own_one(two, tmp_path):
    owners = tmp_path / "owners.csv"
    owners.write_text("scope,team\nacme*,Acme\nglobex*,Globex\n", "utf-8")
    found = investigate(
        PostmortemParams(source="several", pulls=two.pulls, owners_path=str(owners))
    )
    fell = {c.scope for c in found.diagnosis.costliest.case.affected}

    assert found.diagnosis.leading == ("model.below_minimum",)
    assert fell == {"acme/support-chat", "globex/support-chat"}


def test_the_run_s_window_and_bucket_are_over_each_file_s(two, usage):
    start = usage["bucket_start"].min() + pd.Timedelta("2D")
    cut = fetch(PostmortemParams(source="several", pulls=two.pulls, start=start.isoformat()))

    assert cut.usage["bucket_start"].min() == start


def test_one_pull_that_fails_fails_the_whole_by_its_name(two, tmp_path):
    (tmp_path / "globex.parquet").unlink()

    with pytest.raises(SourceError, match=r"^globex: no file"):
        fetch(two)


@pytest.mark.parametrize(
    ("pulls", "message"),
    [
        ({}, "pulls is empty"),
        ({"a/b": "a.yaml"}, "without a slash"),
        ({"acme": "nowhere.yaml"}, "no parameter file"),
    ],
)
def test_pulls_that_are_none_are_refused(pulls, message):
    with pytest.raises(ParamError, match=message):
        fetch(PostmortemParams(source="several", pulls=pulls))


def test_a_pull_of_pulls_is_refused(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("source: several\n", "utf-8")

    with pytest.raises(ParamError, match="has source several"):
        fetch(PostmortemParams(source="several", pulls={"a": str(file)}))


@pytest.mark.parametrize("source", ["anthropic", "anthropic_legacy", "openai"])
def test_each_organisation_s_key_is_in_a_variable_of_its_own(source, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", "not-this-one")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "not-this-one")
    params = PostmortemParams(source=source, start="2026-09-01", key_variable="ACME_KEY")

    with pytest.raises(AccessDenied, match="ACME_KEY unset"):
        fetch(params, now=pd.Timestamp("2026-09-02", tz="UTC"))


def test_a_key_in_place_of_its_variable_is_refused_and_not_repeated():
    with pytest.raises(ParamError) as refused:
        PostmortemParams(key_variable="sk-ant-admin01-abc")
    assert "abc" not in str(refused.value)


def test_paths_of_pulls_are_from_where_the_command_runs(two, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = {name: Path(file).name for name, file in two.pulls.items()}

    assert len(fetch(PostmortemParams(source="several", pulls=here)).usage)
