"""The weekly page over planted cutovers: run folder, findings, words, exit codes, parameters."""

import json
import re
from dataclasses import fields
from datetime import UTC, datetime

import nbformat
import pandas as pd
import papermill
import pytest
import yaml

from cacheaudit.errors import ParamError
from cacheaudit.gates import GateBars
from cacheaudit.params import read_params, read_params_file
from cacheaudit.report import rollout as page
from cacheaudit.report import week as front
from cacheaudit.report.week_summary import headline, summary
from cacheaudit.rollout_params import WATCHED, WeeklyParams
from cacheaudit.run import NOTEBOOKS, run_weekly
from cacheaudit.sources.frame import write_usage
from cacheaudit.weekly import observe
from cacheaudit.weekly_findings import weekly_findings
from tests.conftest import ROOT
from tests.cutovers import CUTOVER, after, cohort, cut, planted, split, worse

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
SINCE = CUTOVER.isoformat()


@pytest.fixture(scope="module")
def quiet():
    return planted(days=16)


def week(usage, tmp_path, **given):
    """A weekly look at *usage* as a file, on the morning after it, without the notebook."""
    write_usage(usage, tmp_path / "usage.parquet")
    path = str(tmp_path / "usage.parquet")
    return observe(WeeklyParams(source="frame", path=path, **{"since": SINCE, **given}),
                   now=usage["bucket_end"].max() + pd.Timedelta("7h"))  # fmt: skip


def text(pieces):
    return "\n".join(piece.to_text() for piece in pieces).replace("\u00a0", " ")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The notebook with its defaults, but for a workspace with a hostile name."""
    return run_weekly(WeeklyParams(name="x"), tmp_path_factory.mktemp("run"), now=NOW)


@pytest.mark.slow
def test_the_run_folder_holds_page_findings_notebook_and_usage(run):
    assert run.folder.name == "weekly-x-20261123T070000Z"
    assert {p.name for p in run.folder.iterdir()} == {
        "report.html", "findings.json", "notebook.ipynb", "usage.parquet"
    }  # fmt: skip
    assert [p.name for p in run.folder.parent.iterdir()] == [run.folder.name]
    assert ".unfinished-" not in (run.folder / "notebook.ipynb").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_findings_have_the_schema_s_keys_and_the_gates(run):
    found = run.findings
    postmortem = {
        "schema", "kind", "verdict", "summary", "window", "data_quality", "metrics", "series",
        "cohorts", "incidents", "incident", "causes", "excess_usd", "cold_start", "recovery",
        "events", "cost", "inventory", "gates", "probe", "plans", "provenance",
    }  # fmt: skip

    assert postmortem <= set(found)
    assert (found["kind"], found["verdict"], found["exit_code"]) == ("weekly", "late", 3)
    assert set(found["recovery"]) >= {"baseline", "now", "recovered_at", "slo"}
    assert found["recovery"]["slo"]["verdict"] == "missed"
    assert [gate["standing"] for gate in found["gates"]] == ["pass", "pass", "fail", "fail", "pass"]
    assert found["cohorts"][1]["cohorts"][0]["moved_to"] == "claude-opus-4-6"
    assert found["provenance"]["params"]["source"] == "sample"


@pytest.mark.slow
def test_the_page_says_late_in_a_word_and_shows_no_code(run):
    html = run.report.read_text(encoding="utf-8")

    assert "Late</p>" in html
    assert "✗ fail" in html
    assert re.findall(r'<li><a href="#[a-z-]+">([^<]+)', html) == [
        "What moved", "Incidents", "Since the cutover", "Gates", "What could still be won",
        "Supporting information",
    ]  # fmt: skip
    assert "observe(" not in html
    assert "<script" not in html.lower()
    for sentence in run.findings["summary"]:
        assert sentence[:40] in html


def test_hostile_names_are_text_on_the_page(tmp_path, quiet):
    usage = quiet.assign(scope="<script>alert(1)</script>")
    found = week(usage, tmp_path)
    html = "".join(
        piece._repr_html_()
        for piece in (front.banner(found), *front.front(found), *front.sections(found))
    )

    assert "<script" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("story", "code", "label", "words"),
    [
        ("quiet", 0, "On time", "There is nothing to do"),
        ("lost", 3, "Late", "so a cold start was over 5 minutes after the last traffic moved"),
        ("back_late", 3, "Late", "was back only at 2026-05-16 "),
        ("split", 4, "Not yet known", "the old version still serves 40.0 %"),
        ("early", 4, "Not yet known", "the time is not up"),
        ("blind", 4, "Not yet known", "cache fields"),
        ("elsewhere", 4, "Not yet known", "no cohort moved to another version then"),
    ],
)
def test_the_words_and_the_exit_follow_from_the_data(tmp_path, quiet, story, code, label, words):
    late = quiet["bucket_end"] > CUTOVER
    usage, since = {
        "quiet": (quiet, SINCE),
        "lost": (worse(quiet, 0.8), SINCE),
        "back_late": (worse(quiet, 0.3, until=after(96)), SINCE),
        "split": (worse(split(quiet, 0.4), 0.3), SINCE),
        "early": (cut(worse(quiet, 0.3), after(20)), SINCE),
        "blind": (
            quiet.assign(cache_read_tokens=quiet["cache_read_tokens"].mask(late)), SINCE
        ),
        "elsewhere": (quiet, after(72).isoformat()),
    }[story]  # fmt: skip
    found = week(usage, tmp_path, since=since)
    told = text([front.banner(found), *page.gates(found)])

    assert (found.rollout.exit_code, found.exit_code) == (code, code)
    assert f"] {label}: " in told
    assert words in " ".join(told.split())


def test_without_a_cutover_the_page_says_so_and_exits_0(tmp_path):
    still = planted(cohort(versions=cohort().versions[:1]))
    found = week(still, tmp_path, since="")

    assert found.rollout.exit_code == 0
    assert (found.verdict, found.exit_code) == ("quiet", 0)
    assert headline(found).startswith("Nothing moved")
    assert "cutover" not in text(front.sections(found)).lower()
    assert weekly_findings(found)["recovery"] is None


def test_every_number_of_the_words_is_one_of_the_findings(tmp_path, quiet):
    found = week(worse(quiet, 0.8), tmp_path)
    data = weekly_findings(found)

    assert f"{data['recovery']['now'] * 100:.1f}" in summary(found)[1]
    assert f"{data['recovery']['baseline'] * 100:.1f}" in summary(found)[1]
    json.dumps(data, allow_nan=False)


def test_data_that_is_not_fit_leaves_the_gates_open(tmp_path, quiet):
    """A parser that lost its fields looks like a cold cache: reads gone, input shorter by them."""
    late = quiet["bucket_end"] > CUTOVER
    lost = quiet.assign(cache_read_tokens=quiet["cache_read_tokens"].mask(late, 0))
    found = week(lost, tmp_path)

    assert any(note.severity == "unfit" for note in found.quality)
    assert (found.rollout.verdict, found.rollout.exit_code) == ("not_yet_known", 4)


def test_the_parameters_cell_mirrors_the_dataclass_and_its_file():
    inferred = papermill.inspect_notebook(NOTEBOOKS / "weekly.ipynb")
    declared = {f.name: getattr(WeeklyParams(), f.name) for f in fields(WeeklyParams)}
    (cell,) = [
        c for c in nbformat.read(NOTEBOOKS / "weekly.ipynb", as_version=4).cells
        if "parameters" in c.metadata.get("tags", [])
    ]  # fmt: skip
    held = {}
    exec(cell.source, held)
    file = yaml.safe_load((ROOT / "params" / "weekly.yaml").read_text(encoding="utf-8"))

    assert list(inferred) == list(declared)
    assert {name: held[name] for name in declared} == declared
    assert file == declared
    assert all("  # " in line for line in cell.source.splitlines())
    assert read_params_file(WeeklyParams, ROOT / "params" / "weekly.yaml", {}) == WeeklyParams()


def test_every_watched_bar_is_a_parameter_and_reaches_its_gate():
    assert set(WATCHED) <= {f.name for f in fields(GateBars)}
    assert WeeklyParams(rollout_window_share=0.7).bars.rollout_window_share == 0.7
    assert WeeklyParams().bars == GateBars()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sinze": "2026-03-17"}, "has no 'sinze'; did you mean 'since'"),
        ({"since": "soon"}, "since is 'soon'; expected a time such as"),
        ({"since": "2026-03-18", "full_cutover": "2026-03-17"}, "is before since"),
        ({"recovery_hours": 0}, "recovery_hours is 0; expected a number above 0"),
        ({"telemetry_share": 1.5}, "telemetry_share is 1.5; expected a share"),
        ({"bucket": "2h"}, "bucket is '2h'"),
    ],
)
def test_bad_parameters_are_refused_before_a_run(given, words):
    with pytest.raises(ParamError, match=words):
        read_params(WeeklyParams, given)


def test_the_window_begins_with_the_baseline():
    params = WeeklyParams(since="2026-03-17T14:20", baseline_days=7)

    assert params.pull.window[0] == pd.Timestamp("2026-03-10", tz="UTC")
    assert WeeklyParams(since="2026-03-17", start="2026-02-01").pull.start == "2026-02-01"


@pytest.mark.slow
def test_the_command_exits_by_the_verdict(tmp_path, command, quiet):
    write_usage(worse(quiet, 0.8), tmp_path / "usage.parquet")
    (tmp_path / "weekly.yaml").write_text("source: frame\npath: usage.parquet\n")
    done = command("weekly", "--since", SINCE, "-f", "weekly.yaml", cwd=tmp_path)
    (folder,) = (tmp_path / "reports").iterdir()

    assert done.returncode == 3, done.stderr
    assert f"{folder.name}/report.html" in done.stdout
    assert "fail: recovery, chat via gateway on claude-opus-4-6" in done.stdout
    found = json.loads((folder / "findings.json").read_text())
    assert found["cutover"]["at"] == SINCE
    assert found["provenance"]["params"]["reports_path"] == "reports"
