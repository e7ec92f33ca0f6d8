"""Parameters in, run folder out: papermill runs the notebook, render writes the page.

A run folder appears whole or not at all: everything is made in a hidden folder beside it, which
is renamed at the end and removed on any failure.
"""

import json
import logging
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from .errors import AuditError, ParamError, RunFailed, ours
from .params import PostmortemParams
from .render import render_html

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
UNUSABLE = set('/\\:*?"<>|')  # in a folder's name, on one system or another
START_S = 120  # a kernel on a busy machine takes its time


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run: where it is and what it found (findings.json)."""

    folder: Path
    findings: Mapping[str, Any]

    @property
    def report(self) -> Path:
        """The page."""
        return self.folder / "report.html"

    @property
    def undecided(self) -> bool:
        """Whether something could not be judged with this data: unfit, or tokens unpriced."""
        return self.findings["verdict"] == "unfit_data" or bool(self.findings["cost"]["unpriced"])


def run_postmortem(params: PostmortemParams, out: Path, *, now: datetime | None = None) -> Run:
    """Run notebooks/postmortem.ipynb with *params* into a new folder under *out*.

    Raises what the notebook raised on purpose, as itself; RunFailed for anything else.
    """
    at = datetime.now(UTC) if now is None else now
    if UNUSABLE & set(params.name) or not params.name.strip(". "):
        raise ParamError(
            f"name is {params.name!r}; expected a name that can be part of a folder's."
        )
    target = out / f"postmortem-{params.name}-{at:%Y%m%dT%H%M%SZ}"
    if target.exists():
        raise RunFailed(f"{target} exists already; wait a second, or give another name.")
    with _unfinished(out) as folder:
        notebook = folder / "notebook.ipynb"
        given = asdict(params) | {"run_folder": str(folder)}
        _execute(NOTEBOOKS / "postmortem.ipynb", notebook, given)
        render_html(notebook, folder / "report.html", title=f"Postmortem: {params.name}")
        _forget_folder(notebook)
        findings = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
        folder.rename(target)
    return Run(folder=target, findings=findings)


@contextmanager
def _unfinished(out: Path) -> Any:
    """A hidden folder under *out*; gone at the end unless it was renamed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=out))
    except OSError as error:
        raise RunFailed(
            f"cannot write under {out}: {error.strerror}. Give another --out."
        ) from error
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _execute(source: Path, target: Path, parameters: dict[str, Any]) -> None:
    if not source.is_file():
        raise RunFailed(f"no notebook at {source}; run from a clone of the project.")
    logging.getLogger("papermill").setLevel(logging.ERROR)
    try:
        papermill.execute_notebook(
            source,
            target,
            parameters=parameters,
            progress_bar=False,
            log_output=False,
            start_timeout=START_S,
            config=Config({"KernelManager": {"transport": "ipc"}}),  # no port is opened
        )
    except PapermillExecutionError as error:
        raise _as_ours(error) from error


def _as_ours(error: PapermillExecutionError) -> AuditError:
    """The error that a cell raised on purpose, or RunFailed naming the cell."""
    if kind := ours(error.ename):
        return kind(error.evalue)
    return RunFailed(
        f"cell {error.cell_index} of the notebook stopped with {error.ename}: {error.evalue}."
        " Nothing was kept; run the notebook in JupyterLab to see where."
    )


def _forget_folder(notebook: Path) -> None:
    """Take the run folder, which was a scratch path, out of the executed notebook."""
    document = nbformat.read(notebook, as_version=4)
    for cell in document.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            lines = cell.source.splitlines()
            kept = ['run_folder = ""' if x.startswith("run_folder = ") else x for x in lines]
            cell.source = "\n".join(kept)
    about = document.metadata.get("papermill", {})
    about.get("parameters", {})["run_folder"] = ""
    for key in ("input_path", "output_path"):
        about[key] = Path(str(about.get(key, ""))).name
    nbformat.write(document, notebook)
