"""`cacheaudit readiness` and its notebook: the folder, the page, the exit code."""

import json
import re
from dataclasses import asdict

import papermill
import pytest
import yaml

from cacheaudit.run import NOTEBOOKS, kernel_config
from tests.candidates import cohort, log_of, params_on, probe_of, usage_of
from tests.conftest import ROOT

HOSTILE = "<script>alert(1)</script>"
NOW_ISH = {"start": "2026-03-09T00:00Z", "end": "2026-03-16T00:00Z"}


def words_of(folder, params):
    """The command line over a file of *params*."""
    (folder / "p.yaml").write_text(yaml.safe_dump(asdict(params)), encoding="utf-8")
    return ["readiness", "-f", "p.yaml", "--out", "reports"]


@pytest.fixture
def below(tmp_path):
    """Billing alone, prefixes below the minimum, and a workspace with a hostile name."""
    usage = usage_of(cohort(2600)).assign(scope=HOSTILE)
    return params_on(tmp_path, usage, **NOW_ISH)


@pytest.mark.slow
def test_not_ready_is_exit_3_and_a_folder_with_the_reason(tmp_path, below, command):
    done = command(*words_of(tmp_path, below), cwd=tmp_path)
    (run,) = (tmp_path / "reports").iterdir()
    page = (run / "report.html").read_text(encoding="utf-8")
    found = json.loads((run / "findings.json").read_text(encoding="utf-8"))

    assert done.returncode == 3, done.stderr
    assert re.fullmatch(r"readiness-sample-\d{8}T\d{6}Z", run.name)
    assert {path.name for path in run.iterdir()} == {
        "report.html", "findings.json", "notebook.ipynb", "usage.parquet"
    }  # fmt: skip
    assert "fail: above_minimum" in done.stdout
    assert "Not ready</p>" in page
    assert "✗ fail" in page
    assert "prepare_migration(" not in page
    assert "<script" not in page.lower()
    assert "&lt;script&gt;" in page
    for sentence in found["summary"]:
        assert sentence[:40] in page
    assert ".unfinished-" not in (run / "notebook.ipynb").read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_cannot_be_judged_is_exit_4_and_json_says_what_to_bring(tmp_path, command):
    usage = usage_of(cohort(1500), cohort(9000), apart=False)
    params = params_on(tmp_path, usage, **NOW_ISH)
    done = command(*words_of(tmp_path, params), "--json", cwd=tmp_path)
    found = json.loads(done.stdout)

    assert (done.returncode, found["verdict"]) == (4, "not_yet_known")
    assert found["exit_code"] == 4
    needs = {gate["name"]: gate["needs"] for gate in found["gates"]}
    assert "a request log" in needs["above_minimum"]
    assert "report.html" in done.stderr


@pytest.mark.slow
def test_ready_is_exit_0(tmp_path, command):
    long = cohort(6000)
    params = params_on(
        tmp_path, usage_of(long), log=log_of(long, days=4), probe=probe_of((0.87, 0.89, 0.91)),
        budget_usd=5.0, **NOW_ISH,
    )  # fmt: skip
    done = command(*words_of(tmp_path, params), cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("pass: ") == 8


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["-p", "candidat", "x"], 1, "did you mean 'candidate'"),
        (["-p", "candidate", "claude-sonnet-4-5-20250929"], 1, "expected two versions"),
        (["-f", "none.yaml"], 1, "no parameter file at none.yaml"),
        (["--nonsense"], 2, "No such option"),
    ],
)
def test_wrong_calls_are_one_line_and_leave_no_folder(tmp_path, words, code, said, command):
    done = command("readiness", *words, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_papermill_alone_runs_it_with_its_defaults(tmp_path):
    """As by hand in JupyterLab: offline, from the repository's root; the sample is not ready."""
    out = tmp_path / "out.ipynb"
    papermill.execute_notebook(
        NOTEBOOKS / "readiness.ipynb", out, parameters={"name": "by-papermill"}, cwd=str(ROOT),
        progress_bar=False, log_output=False,
        config=kernel_config(str(tmp_path)),
    )  # fmt: skip
    document = json.loads(out.read_text(encoding="utf-8"))
    outputs = json.dumps([cell.get("outputs") for cell in document["cells"]])

    assert "claude-opus-4-6 is not ready: it fails" in outputs
    assert "No run folder: nothing was written." in outputs
    assert not (tmp_path / "findings.json").exists()


@pytest.mark.slow
def test_a_plan_that_does_not_exist_leaves_nothing_behind(tmp_path, command):
    """Refused by the notebook, as an error of ours, before anything is pulled."""
    done = command("readiness", "-p", "plan", "strait cut", "--out", "reports", cwd=tmp_path)

    assert done.returncode == 1
    assert "did you mean 'straight cut'" in done.stderr
    assert list((tmp_path / "reports").iterdir()) == []
