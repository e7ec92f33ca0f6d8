"""`cacheaudit probe` against the sandbox, through the real SDKs: what is sent, kept and said."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from cacheaudit.cli import cli
from cacheaudit.errors import RunFailed, SourceError
from cacheaudit.patient import _passed_on
from cacheaudit.probe_params import ProbeParams
from cacheaudit.run import resume, run_probe
from tests.models import OLD, sandbox

SCOPE, ROUTE = "team", "route-9f3c61-not-for-any-file"
KEY = f"{SCOPE}/{ROUTE}"
SMALL = {
    "questions": ["caches", "hit_rate", "survival"], "pairs": 1, "repeats": 2, "follow_ups": 1,
    "idle_repeats": 2, "idle_s": [1.0], "paces_s": [0.0], "words": 5000, "budget_usd": 5.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def box():
    with sandbox(
        dataclasses.replace(OLD, id="claude-opus-4-6", minimum_tokens=4096),
        dataclasses.replace(OLD, id="claude-opus-5-5", minimum_tokens=512),
    ) as running:
        yield running


def candidates(box, *models):
    return [{"model": one, "base_url": box.url, "incumbent": one.endswith("4-6")} for one in models]


def words_of(**given):
    """-p NAME VALUE for each parameter."""
    return [word for k, v in given.items() for word in ("-p", k, v if isinstance(v, str) else json.dumps(v))]  # noqa: E501  # fmt: skip


@pytest.fixture(scope="module")
def done(box, tmp_path_factory):
    """One probe with --execute: an incumbent, a candidate, and one that the endpoint lacks."""
    folder = tmp_path_factory.mktemp("probe")
    asked = candidates(box, "claude-opus-4-6", "claude-opus-5-5", "claude-opus-4-7")
    words = words_of(name="cli", candidates=asked, **SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_API_KEY", KEY)
        result = CliRunner().invoke(
            cli, ["probe", *words, "--execute", "--out", str(folder / "reports")]
        )
    (run,) = (folder / "reports").iterdir()
    return result, run, json.loads((run / "findings.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_plan_comes_first_then_the_page_and_its_three_sentences(done):
    result, run, findings = done

    assert result.stdout.index("cost at most") < result.stdout.index(str(run / "report.html"))
    assert all(sentence in result.stdout for sentence in findings["summary"])


@pytest.mark.slow
def test_a_model_that_is_not_there_is_named_and_exits_4(done):
    result, _, findings = done
    made = {row["outcome"]: row["calls"] for row in findings["metrics"]["by_outcome"]}
    rates = {a["candidate"]: a["value"] for a in findings["probe"] if a["question"] == "hit_rate"}

    assert result.exit_code == 4
    assert made["no_model"] >= 1
    assert rates["claude-opus-4-6"] > 0.9
    assert rates["claude-opus-5-5"] > 0.9
    assert rates["claude-opus-4-7"] is None
    assert {n for one in findings["not_known"] for n in one["candidates"]} == {"claude-opus-4-7"}


@pytest.mark.slow
def test_the_folder_holds_page_findings_notebook_and_receipts(done):
    _, run, findings = done
    receipts = (run / "receipts.jsonl").read_text(encoding="utf-8").splitlines()

    assert re.fullmatch(r"probe-cli-\d{8}T\d{6}Z", run.name)
    assert {path.name for path in run.iterdir()} == {
        "report.html", "findings.json", "notebook.ipynb", "receipts.jsonl"
    }  # fmt: skip
    assert [path.name for path in run.parent.iterdir()] == [run.name]  # no receipts beside it
    assert len(receipts) == findings["metrics"]["calls"]
    assert findings["cost"]["spent_usd"] < findings["cost"]["worst_usd"]
    assert (run / "report.html").stat().st_size < 400_000


@pytest.mark.slow
def test_the_key_is_in_nothing_that_was_written_or_said(done):
    result, run, _ = done
    for path in run.iterdir():
        text = path.read_bytes()

        assert ROUTE.encode() not in text, path.name
        assert ROUTE.encode().hex().encode() not in text
    assert ROUTE not in result.output


@pytest.mark.slow
def test_the_notebook_that_is_kept_names_no_place_of_this_run(done):
    _, run, _ = done
    text = (run / "notebook.ipynb").read_text(encoding="utf-8")

    assert ".unfinished-" not in text
    assert ".receipts.jsonl" not in text
    assert str(run.parent) not in text


@pytest.mark.parametrize("extra", [[], ["-p", "execute", "true"]])
def test_nothing_is_sent_without_execute_whatever_the_parameters_say(box, tmp_path, extra):
    """The plan is printed; --out is a file, so that the run ends before its notebook starts.

    A run that would send looks for the receipts first, which are not there.
    """
    before = served(box)
    out = tmp_path / "file"
    out.write_text("")
    asked = candidates(box, "claude-opus-5-5")
    words = words_of(candidates=asked, receipts_path="none.jsonl", **SMALL)
    result = CliRunner().invoke(cli, ["probe", *words, *extra, "--out", str(out)])

    assert "cost at most" in result.stdout
    assert "cannot write under" in str(result.exception)
    assert ("the command sends with --execute" in result.stderr) == bool(extra)
    assert served(box) == before


def test_the_same_call_with_execute_would_send(box, tmp_path):
    words = words_of(candidates=candidates(box, "claude-opus-5-5"), receipts_path="none.jsonl")
    result = CliRunner().invoke(cli, ["probe", *words, "--execute", "--out", str(tmp_path)])

    assert "no receipts at none.jsonl" in str(result.exception)


def served(box):
    """How many calls the sandbox has seen."""
    return sum(sum(counts.values()) for counts in box.state.ledger._served.values())


def test_a_wrong_parameter_is_one_line_and_exit_1(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "cacheaudit", "probe", "-p", "budget", "3"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "did you mean 'budget_usd'" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_receipts_that_were_paid_for_are_named_when_a_run_fails(tmp_path):
    kept, empty = tmp_path / "kept.jsonl", tmp_path / "empty.jsonl"
    kept.write_text("{}\n")
    empty.write_text("")

    assert resume(kept) == f" What was sent is kept: go on with -p receipts_path {kept}"
    assert resume(empty) == resume(tmp_path / "none.jsonl") == ""


def test_an_error_of_the_run_says_how_to_go_on(tmp_path):
    """The folder of this second is there already, and so are receipts of an earlier attempt."""
    at = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    (tmp_path / "probe-x-20261123T070000Z").mkdir()
    kept = tmp_path / ".probe-x-20261123T070000Z.receipts.jsonl"
    kept.write_text("{}\n")

    with pytest.raises(RunFailed, match=r"exists already.* go on with -p receipts_path .*\.jsonl"):
        run_probe(ProbeParams(name="x", execute=True), tmp_path, now=at)

    assert kept.exists()


def test_receipts_to_go_on_from_are_copied_and_those_that_are_not_there_refused(tmp_path):
    """The run fails on its folder's name, after the copy: what was paid for before is unchanged."""
    at = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    (tmp_path / "probe-x-20261123T070000Z").mkdir()
    before = tmp_path / "receipts.jsonl"
    before.write_text("{}\n")
    with pytest.raises(RunFailed, match=r"go on with -p receipts_path"):
        run_probe(ProbeParams(name="x", execute=True, receipts_path=str(before)), tmp_path, now=at)
    with pytest.raises(SourceError, match=r"no receipts at none\.jsonl; expected the receipts"):
        run_probe(ProbeParams(name="x", execute=True, receipts_path="none.jsonl"), tmp_path)

    assert before.read_text() == "{}\n"
    assert (tmp_path / ".probe-x-20261123T070000Z.receipts.jsonl").read_text() == "{}\n"


def test_the_first_interrupt_is_the_notebook_s_and_the_second_ours():
    """A process stands in for the kernel: it says whether it was interrupted."""
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, lambda *_: (print('told', flush=True), sys.exit(0)))\n"
        "print('ready', flush=True)\nsignal.pause()"
    )
    kernel = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    client = SimpleNamespace(km=SimpleNamespace(provisioner=SimpleNamespace(pid=kernel.pid)))

    assert kernel.stdout.readline() == "ready\n"
    with _passed_on(client):
        os.kill(os.getpid(), signal.SIGINT)

        assert kernel.communicate(timeout=20)[0] == "told\n"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
