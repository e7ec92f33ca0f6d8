"""Notebooks are thin, committed without outputs, and mirror the dataclass that declares them."""

import json
import re
from dataclasses import fields

import nbformat
import papermill
import pytest

from cacheaudit.params import PostmortemParams
from cacheaudit.run import NOTEBOOKS, kernel_config
from tests.conftest import ROOT

ALL = sorted(NOTEBOOKS.glob("*.ipynb"))
SRE_HEADINGS = [
    "Summary", "Impact", "Trigger", "Root causes", "What it cost and why", "Detection",
    "Resolution", "Action items", "Lessons learned", "Timeline", "Supporting information",
]  # fmt: skip


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.stem)
def test_cells_call_and_show(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code" or "parameters" in cell.metadata.get("tags", []):
            continue

        assert len(cell.source.splitlines()) <= 12
        assert not re.search(r"^\s*(def|for|if|try|while|class|with)\b", cell.source, re.M)


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.stem)
def test_notebooks_are_committed_without_outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_the_parameters_cell_mirrors_the_dataclass():
    inferred = papermill.inspect_notebook(NOTEBOOKS / "postmortem.ipynb")
    declared = {f.name: getattr(PostmortemParams(), f.name) for f in fields(PostmortemParams)}

    assert list(inferred) == list(declared)
    cell = {}
    exec(_parameters_cell(), cell)  # the cell holds literals only; the test below holds it to that
    assert {name: cell[name] for name in declared} == declared


def test_every_parameter_has_its_help_in_the_cell():
    lines = _parameters_cell().splitlines()

    assert all(re.fullmatch(r"[a-z_]+ = [^#]+  # [^=]+", line) for line in lines), lines


def test_the_postmortem_has_the_headings_of_the_sre_template():
    cells = nbformat.read(NOTEBOOKS / "postmortem.ipynb", as_version=4).cells
    text = "\n".join(c.source for c in cells if c.cell_type == "markdown")

    assert re.findall(r"^## (.+)$", text, re.M) == SRE_HEADINGS


@pytest.mark.slow
def test_papermill_alone_runs_it_with_a_parameter_file(tmp_path):
    """Without our command line, from the repository's root, offline, with -f params/*.yaml."""
    out = tmp_path / "out.ipynb"
    papermill.execute_notebook(
        NOTEBOOKS / "postmortem.ipynb",
        out,
        parameters={"name": "by-papermill", "min_drop": 0.05},
        cwd=str(ROOT),
        progress_bar=False,
        log_output=False,
        config=kernel_config(str(tmp_path)),
    )
    document = json.loads(out.read_text(encoding="utf-8"))
    outputs = json.dumps([c.get("outputs") for c in document["cells"]])

    assert "model.below_minimum" in outputs
    assert not (tmp_path / "findings.json").exists()  # run_folder is empty: nothing is written


def _parameters_cell() -> str:
    cells = nbformat.read(NOTEBOOKS / "postmortem.ipynb", as_version=4).cells
    (cell,) = [c for c in cells if "parameters" in c.metadata.get("tags", [])]
    return cell.source
