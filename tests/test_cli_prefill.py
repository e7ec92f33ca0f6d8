"""`cacheaudit prefill` against the sandbox, through notebook and SDK: what is sent, kept, said."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from cacheaudit.cli import cli
from cacheaudit.errors import ParamError, RunFailed
from tests.models import sandbox
from tests.prefills import KEY, OPUS, body, calls

ROUTE = KEY.partition("/")[2]


@pytest.fixture(scope="module")
def box():
    """A sandbox at the time of this machine: the notebook's clock is the real one."""
    with sandbox(OPUS, now=pd.Timestamp.now(tz="UTC"), speed=1.0) as running:
        yield running


def words_of(box, folder, names="abbc", **given):
    """-p NAME VALUE for a prefill of three prefixes, the second of which is used twice."""
    path = folder / "bodies.jsonl"
    path.write_text("".join(json.dumps(body("messages", n)) + "\n" for n in names))
    known = {
        "name": "cli", "candidate": {"model": OPUS.id, "base_url": box.url}, "lead_s": 120.0,
        "prompts_path": str(path), "requests_per_minute": 600.0, "budget_usd": 2.0,
    }  # fmt: skip
    return [
        word
        for name, value in {**known, **given}.items()
        for word in ("-p", name, value if isinstance(value, str) else json.dumps(value))
    ]


def invoked(*words, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_API_KEY", KEY)
        result = CliRunner().invoke(cli, ["prefill", *words, "--out", str(folder / "reports")])
    runs = sorted(folder.glob("reports/prefill-*"))
    return result, runs[-1] if runs else None


@pytest.fixture(scope="module")
def done(box, tmp_path_factory):
    """One prefill with --execute; the endpoint is busy once."""
    folder = tmp_path_factory.mktemp("prefill")
    box.fault(kind="429", path="/v1/messages", after=1, seconds=0.2)
    result, run = invoked(*words_of(box, folder), "--execute", folder=folder)
    return result, run, json.loads((run / "findings.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_plan_comes_first_then_the_page_and_its_three_sentences(done):
    result, run, findings = done

    assert result.exit_code == 0
    assert result.stdout.index("at the very most") < result.stdout.index(str(run / "report.html"))
    assert all(sentence in result.stdout for sentence in findings["summary"])
    assert result.stderr == ""


@pytest.mark.slow
def test_the_folder_holds_page_findings_notebook_and_receipts(done):
    _, run, findings = done
    receipts = (run / "receipts.jsonl").read_text(encoding="utf-8").splitlines()

    assert re.fullmatch(r"prefill-cli-\d{8}T\d{6}Z", run.name)
    assert {path.name for path in run.iterdir()} == {
        "report.html", "findings.json", "notebook.ipynb", "receipts.jsonl"
    }  # fmt: skip
    assert [path.name for path in run.parent.iterdir()] == [run.name]
    assert len(receipts) == findings["metrics"]["calls"] == 4
    assert [one["outcome"] for one in findings["metrics"]["by_outcome"]] == ["answered", "busy"]
    assert (findings["verdict"], findings["warm"]["warm"]) == ("warmed", 3)
    assert [one["uses"] for one in findings["prefixes"]] == [2, 1, 1]
    assert findings["cost"]["spent_usd"] <= findings["cost"]["budget_usd"]
    assert (run / "report.html").stat().st_size < 100_000


@pytest.mark.slow
def test_the_key_and_the_text_are_in_nothing_that_was_written_or_said(done):
    result, run, _ = done
    for path in run.iterdir():
        text = path.read_bytes()

        assert ROUTE.encode() not in text, path.name
        assert b"b17" not in text, path.name
    assert ROUTE not in result.output


@pytest.mark.slow
def test_the_notebook_that_is_kept_names_no_place_of_this_run(done):
    _, run, _ = done
    text = (run / "notebook.ipynb").read_text(encoding="utf-8")

    assert ".unfinished-" not in text
    assert ".receipts.jsonl" not in text


@pytest.mark.slow
def test_less_than_the_bar_exits_3_and_json_is_the_findings(box, tmp_path):
    """Money for two of three; the bar asks for all."""
    words = words_of(box, tmp_path, "xyz", budget_usd=0.07, warm_share=1.0)
    result, run = invoked(*words, "--execute", "--json", folder=tmp_path)
    findings = json.loads(result.stdout)

    assert result.exit_code == 3
    assert findings == json.loads((run / "findings.json").read_text(encoding="utf-8"))
    assert findings["verdict"] == "less_warm"
    assert 0 < findings["warm"]["warm"] < 3
    assert findings["stopped"] == "budget"
    assert "at the very most" in result.stderr


@pytest.mark.slow
def test_what_may_be_warm_exits_4(box, tmp_path):
    """One warm, one answered without its counts, one denied: the bar lies between."""
    box.fault(kind="missing", path="/v1/messages", after=1, names=["usage"])
    box.fault(kind="401", path="/v1/messages", after=2)
    words = words_of(box, tmp_path, warm_share=0.6, together=1)
    result, run = invoked(*words, "--execute", folder=tmp_path)
    box.state.faults.clear()
    findings = json.loads((run / "findings.json").read_text(encoding="utf-8"))

    assert result.exit_code == 4
    assert (findings["verdict"], findings["warm"]["not_known"]) == ("not_known", 1)


@pytest.mark.slow
def test_no_answer_at_all_could_not_run(box, tmp_path):
    box.fault(kind="401", path="/v1/messages", times=99)
    result, run = invoked(*words_of(box, tmp_path), "--execute", folder=tmp_path)
    box.state.faults.clear()

    assert isinstance(result.exception, RunFailed)
    assert "nothing was warmed" in str(result.exception)
    assert run.is_dir()


@pytest.mark.parametrize("extra", [[], ["-p", "execute", "true"]])
def test_nothing_is_sent_without_execute_whatever_the_parameters_say(box, tmp_path, extra):
    """The plan is printed; --out is a file, so that the run ends before its notebook starts."""
    before = calls(box)
    (tmp_path / "reports").write_text("")
    result, _ = invoked(*words_of(box, tmp_path), *extra, folder=tmp_path)

    assert "at the very most" in result.stdout
    assert "cannot write under" in str(result.exception)
    assert ("the command sends with --execute" in result.stderr) == bool(extra)
    assert calls(box) == before


def test_what_cannot_work_is_said_before_a_notebook_starts(box, tmp_path):
    words = words_of(box, tmp_path, cutover="2026-01-01T00:00")
    result, run = invoked(*words, "--execute", folder=tmp_path)

    assert isinstance(result.exception, ParamError)
    assert "expected a time to come" in str(result.exception)
    assert run is None
    assert not Path(tmp_path / "reports").exists()
