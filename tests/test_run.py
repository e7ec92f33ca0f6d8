"""A run folder appears whole or not at all, and an error is one clear message and exit 1."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime

import pandas as pd
import pytest

from cacheaudit.engine import rollup
from cacheaudit.errors import EmptyWindow, ParamError, RunFailed, SchemaError
from cacheaudit.findings import findings_of
from cacheaudit.history import hourly, planted_migration
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.run import run_postmortem
from cacheaudit.sources.frame import read_usage, write_usage
from tests.conftest import ROOT
from tests.logs import call, log

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
COLD = {"cache_read_tokens": 0, "cache_write_5m_tokens": 1000}
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run over a frame whose workspace and gateway have hostile names."""
    folder = tmp_path_factory.mktemp("run")
    usage = hourly(planted_migration())
    usage["scope"] = usage["scope"].replace("support-chat", HOSTILE)
    usage["route"] = '"><img src=x onerror=alert(2)>'
    write_usage(usage, folder / "usage.parquet")
    params = PostmortemParams(name="hostile", source="frame", path=str(folder / "usage.parquet"))
    return run_postmortem(params, folder / "reports", now=NOW)


def test_the_folder_holds_page_findings_notebook_and_usage(run):
    assert run.folder.name == "postmortem-hostile-20261123T070000Z"
    assert {p.name for p in run.folder.iterdir()} == {
        "report.html", "findings.json", "notebook.ipynb", "usage.parquet"
    }  # fmt: skip
    assert [p.name for p in run.folder.parent.iterdir()] == [run.folder.name]
    assert not run.undecided


def test_hostile_text_from_data_is_text_on_the_page(run):
    page = run.report.read_text(encoding="utf-8")

    assert "<script" not in page.lower()
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_page_needs_no_network_and_shows_no_code(run):
    page = run.report.read_text(encoding="utf-8")

    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)
    assert "investigate(" not in page
    assert "import " not in re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", page)


def test_the_notebook_that_is_kept_names_no_scratch_folder(run):
    text = (run.folder / "notebook.ipynb").read_text(encoding="utf-8")

    assert ".unfinished-" not in text
    assert str(run.folder.parent) not in text


def test_the_findings_are_what_the_same_usage_gives_again(run):
    """Read back from the folder alone, the usage gives the same findings: it can be re-judged."""
    again = investigate(
        PostmortemParams(name="hostile", source="frame", path=str(run.folder / "usage.parquet"))
    )
    ours, theirs = dict(run.findings), findings_of(again)
    for document in (ours, theirs):
        document.pop("provenance")

    assert ours == json.loads(json.dumps(theirs))


def test_every_number_of_the_summary_is_a_number_of_the_findings(run):
    """Ten roundings of what findings.json holds, no more."""
    page = run.report.read_text(encoding="utf-8")
    for sentence in run.findings["summary"]:
        assert sentence.replace("<", "&lt;").replace(">", "&gt;")[:40] in page
    incident = run.findings["incident"]

    assert f"{incident['before'] * 100:.1f}" in run.findings["summary"][0]
    assert f"{run.findings['excess_usd']['value']:,.0f}" in run.findings["summary"][0]


@pytest.mark.slow
def test_a_failed_run_leaves_nothing_behind(tmp_path):
    usage = tmp_path / "usage.csv"
    usage.write_text("bucket_start,provider\n2026-03-01T00:00Z,anthropic\n")
    params = PostmortemParams(name="bad", source="frame", path=str(usage))

    with pytest.raises(SchemaError, match="lacks the columns"):
        run_postmortem(params, tmp_path / "reports", now=NOW)

    assert list((tmp_path / "reports").iterdir()) == []


def test_a_run_folder_is_never_overwritten(tmp_path):
    (tmp_path / "postmortem-x-20261123T070000Z").mkdir()

    with pytest.raises(RunFailed, match="exists already"):
        run_postmortem(PostmortemParams(name="x"), tmp_path, now=NOW)


@pytest.mark.parametrize("name", ["../up", "", "a/b", ".."])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path, name):
    with pytest.raises(ParamError, match="expected a name that can be part of a folder"):
        run_postmortem(PostmortemParams(name=name), tmp_path, now=NOW)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"source": "antropic"}, ParamError, "did you mean 'anthropic'"),
        ({"source": "frame", "path": "nowhere.csv"}, Exception, "nowhere.csv"),
        ({"source": "anthropic", "start": "2026-03-01"}, Exception, "ANTHROPIC_ADMIN_KEY"),
        ({"source": "openai", "start": "2026-03-01"}, Exception, "OPENAI_ADMIN_KEY"),
        ({"source": "anthropic"}, Exception, "start"),
        ({"source": "sample", "start": "2031-01-01", "end": "2031-02-01"}, EmptyWindow, "covers"),
        ({"events_path": "nowhere.csv"}, Exception, "nowhere.csv"),
    ],
)
def test_bad_input_is_one_clear_error_of_ours(given, error, words):
    from cacheaudit.errors import AuditError

    with pytest.raises(AuditError, match=words) as caught:
        investigate(PostmortemParams(**given))

    assert isinstance(caught.value, error)
    assert "\n" not in str(caught.value)


def process(*words, cwd):
    """The command line in a process of its own, as people call it."""
    return subprocess.run(
        [sys.executable, "-m", "cacheaudit", *words], cwd=cwd, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["postmortem", "-p", "strat", "x"], 1, "did you mean 'start'"),
        (["postmortem", "-p", "min_drop", "much"], 1, "min_drop is str; expected float"),
        (["postmortem", "-f", "none.yaml"], 1, "no parameter file at none.yaml"),
        (["postmortem", "--nonsense"], 2, "No such option"),
        (["causes", "none.parquet"], 1, "none.parquet"),
        (["causes", "--source", "sample", "--since", "later"], 1, "expected a duration"),
        (["pull", "-p", "source", "sample"], 2, "--out"),
    ],
)
def test_wrong_calls_exit_1_or_2_with_one_line_and_leave_no_folder(
    tmp_path, words, code, said, command
):
    done = command(*words, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "reports").exists()


@pytest.mark.slow
def test_triage_in_the_terminal_names_the_cause(tmp_path):
    done = process("causes", "--source", "sample", cwd=tmp_path)

    assert done.returncode == 0
    assert "model.below_minimum [leading]" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_request_log_is_read_by_triage_and_said_to_be(tmp_path, command):
    """The log agrees with the usage that it is the source of, so it is used."""
    calls = [
        call(600 * i, session_id="s", **({} if 600 * i < 864000 else COLD)) for i in range(2880)
    ]
    log(*calls).to_parquet(tmp_path / "log.parquet")
    write_usage(rollup(log(*calls)), tmp_path / "usage.parquet")
    done = command(
        "causes", "usage.parquet", "--requests", "log.parquet", "--json", cwd=tmp_path
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "request log log.parquet: used" in done.stderr
    assert json.loads(done.stdout)["log"]["loss_after"] == 1.0
    assert json.loads(done.stdout)["provenance"]["params"]["requests_path"] == "log.parquet"


@pytest.mark.parametrize(
    ("path", "held", "words"),
    [
        ("absent.parquet", None, "no log at absent.parquet; expected a file, a folder or a glob."),
        ("log.parquet", "none", "cannot be read after row 0"),
        ("log.txt", "text", "log.txt is none of .jsonl"),
        ("log.jsonl", "", "log.jsonl"),
    ],
)
def test_a_log_that_cannot_be_read_is_one_message_and_exit_1(tmp_path, path, held, words, command):
    if held is not None:
        (tmp_path / path).write_text(held)

    done = command("causes", "--source", "sample", "--requests", path, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_pull_writes_a_frame_that_reads_back(tmp_path, command):
    done = command("pull", "-p", "source", "sample", "--out", "usage.parquet", cwd=tmp_path)

    assert done.returncode == 0
    assert len(read_usage(tmp_path / "usage.parquet")) > 1000


@pytest.mark.parametrize(("strict", "code"), [([], 4), (["--strict"], 1)])
def test_a_model_without_a_price_costs_the_money_section_only(tmp_path, strict, code, command):
    usage = hourly(planted_migration())
    usage["model"] = usage["model"].replace("claude-opus-4-6", "claude-opus-4-6-invented")
    write_usage(usage, tmp_path / "usage.parquet")

    done = command("causes", "usage.parquet", *strict, cwd=tmp_path)

    assert done.returncode == code
    assert "unpriced" in done.stderr
    assert "claude-opus-4-6-invented" in done.stderr
    assert "nearest known: claude-opus-4-6" in done.stderr
    assert "0 %" in done.stdout.replace("\u00a0", " ")


def test_rows_without_a_model_name_keep_hit_rate_and_verdict(tmp_path, command):
    usage = hourly(planted_migration()).assign(model=pd.NA)
    values = [c for c in usage.columns if c.endswith("_tokens") or c == "requests"]
    keys = [c for c in usage.columns if c not in values and c != "billed_usd"]
    merged = usage.groupby(keys, dropna=False)[values].sum(min_count=1).reset_index()
    write_usage(merged, tmp_path / "usage.parquet")

    done = command("causes", "usage.parquet", "--json", cwd=tmp_path)
    findings = json.loads(done.stdout)

    assert done.returncode == 4
    assert findings["incident"]["measure"] == "hit_rate"
    assert findings["cost"]["total_usd"] is None
    assert not any(c["id"].startswith("model.") for c in findings["causes"][:1])


def test_the_parameter_files_that_ship_are_accepted():
    from cacheaudit.params import read_params_file

    files = sorted((ROOT / "params").glob("postmortem*.yaml"))

    assert files
    for file in files:
        read_params_file(PostmortemParams, file, {})


@pytest.mark.slow
def test_two_runs_at_one_time_do_not_meet(tmp_path):
    """Monday, 07:00: two schedules, one folder. Kernels once shared the sockets of it."""
    calls = [("postmortem", "-p", "name", "a"), ("postmortem", "-p", "name", "b")]
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "cacheaudit", *call, "--out", "reports"], cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for call in calls
    ]  # fmt: skip
    said = [one.communicate(timeout=200) for one in both]

    assert [one.returncode for one in both] == [0, 0], said
    assert len(list((tmp_path / "reports").glob("postmortem-*"))) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["reports"]
