"""Parameters in, run folder out: papermill runs the notebook, render writes the page.

A run folder appears whole or not at all: everything is made in a hidden folder beside it, which
is renamed at the end and removed on any failure.
"""

import fcntl
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from . import clock
from .errors import AuditError, ParamError, RunFailed, SourceError, ours
from .files import UNUSABLE
from .params import PostmortemParams
from .patient import PATIENT
from .prefill_params import PrefillParams
from .probe_params import ProbeParams
from .readiness_params import ReadinessParams
from .render import render_html
from .rollout_params import WeeklyParams

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
START_S = 120  # a kernel on a busy machine takes its time
QUIETLY = ["--log-level=CRITICAL"]  # of the kernel: it calls its own shutdown an error at times
STAMP = "%Y%m%dT%H%M%SZ"


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
        """Whether something could not be judged: unfit data, tokens unpriced, a probe cut short."""
        unjudged = ("unfit_data", "partly_measured", "not_measured")
        return self.findings["verdict"] in unjudged or bool(self.findings["cost"]["unpriced"])


def run_postmortem(params: PostmortemParams, out: Path, *, now: datetime | None = None) -> Run:
    """Run notebooks/postmortem.ipynb with *params* into a new folder under *out*.

    Raises what the notebook raised on purpose, as itself; RunFailed for anything else.
    """
    return _run("postmortem", asdict(params), out, clock.now() if now is None else now)


def run_weekly(params: WeeklyParams, out: Path, *, now: datetime | None = None) -> Run:
    """Run notebooks/weekly.ipynb with *params* into a new folder under *out*, as run_postmortem."""
    return _run("weekly", asdict(params), out, clock.now() if now is None else now)


def run_readiness(params: ReadinessParams, out: Path, *, now: datetime | None = None) -> Run:
    """Run notebooks/readiness.ipynb with *params* into a new folder, as run_postmortem."""
    return _run("readiness", asdict(params), out, clock.now() if now is None else now)


def run_probe(params: ProbeParams, out: Path, *, now: datetime | None = None) -> Run:
    """Run notebooks/probe.ipynb with *params* into a new folder under *out*.

    What is sent has its receipt in a hidden file under *out*, which begins as a copy of
    receipts_path and is gone once the folder holds it. An interrupt ends the measuring and not the
    report. Raises as run_postmortem, and says in the message where receipts are kept.
    """
    return _spend("probe", params, out, clock.now() if now is None else now)


def run_prefill(params: PrefillParams, out: Path, *, now: datetime | None = None) -> Run:
    """Run notebooks/prefill.ipynb with *params* into a new folder under *out*, as run_probe."""
    return _spend("prefill", params, out, clock.now() if now is None else now)


def _spend(kind: str, params: ProbeParams | PrefillParams, out: Path, at: datetime) -> Run:
    """Run the notebook of *kind*, which pays for what it sends."""
    if not params.execute:
        return _run(kind, asdict(params), out, at)
    kept = out / f".{kind}-{params.name}-{at:{STAMP}}.receipts.jsonl"
    if params.receipts_path:
        _copy(Path(params.receipts_path), kept)
    try:
        run = _run(kind, asdict(params), out, at, {"receipts_path": str(kept)}, patient=True)
    except AuditError as error:
        raise type(error)(f"{error}{resume(kept)}") from error
    except KeyboardInterrupt as stop:
        raise RunFailed(f"stopped before the report.{resume(kept)}") from stop
    kept.unlink(missing_ok=True)
    return run


def _copy(receipts: Path, kept: Path) -> None:
    """Go on in a copy: the folder of an earlier run stays as it was."""
    if not receipts.is_file():
        raise SourceError(
            f"no receipts at {receipts}; expected the receipts.jsonl of a run that was stopped."
        )
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(receipts, kept)


def resume(receipts: Path) -> str:
    """How to go on from *receipts*; "" where no call was made."""
    if not (receipts.is_file() and receipts.stat().st_size):
        return ""
    return f" What was sent is kept: go on with -p receipts_path {receipts}"


def _run(
    kind: str, params: dict[str, Any], out: Path, at: datetime,
    places: Mapping[str, str] | None = None, *, patient: bool = False,
) -> Run:  # fmt: skip
    """Run the notebook of *kind* into a new folder.

    places   parameters that say where things are kept, for this run alone
    patient  whether the notebook, not we, is what an interrupt stops
    """
    name = params["name"]
    if UNUSABLE & set(name) or not name.strip(". "):
        raise ParamError(f"name is {name!r}; expected a name that can be part of a folder's.")
    target = out / f"{kind}-{name}-{at:{STAMP}}"
    if target.exists():
        raise RunFailed(f"{target} exists already; wait a second, or give another name.")
    with _unfinished(out) as folder, _only(out, f"{kind}-{name}"):
        notebook = folder / "notebook.ipynb"
        given = params | dict(places or {}) | {"run_folder": str(folder)}
        _execute(NOTEBOOKS / f"{kind}.ipynb", notebook, given, patient)
        render_html(notebook, folder / "report.html", title=f"{kind.capitalize()}: {name}")
        _forget(notebook, {key: params[key] for key in places or {}} | {"run_folder": ""})
        findings = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
        folder.rename(target)
    return Run(folder=target, findings=findings)


@contextmanager
def _only(out: Path, what: str) -> Iterator[None]:
    """One run of a kind and name at a time: a schedule that comes round too soon stops here."""
    path = out / f".{what}.lock"
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = path.exists() and os.path.samestat(path.stat(), os.fstat(lock.fileno()))
        except BlockingIOError:
            ours = False
        if not ours:  # else it is the file of a run that ended as we came, which is gone
            raise RunFailed(
                f"a run of {what} is under way under {out}; expected it to have ended. Wait for it,"
                " or give another name."
            )
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


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


def _execute(source: Path, target: Path, parameters: dict[str, Any], patient: bool) -> None:
    if not source.is_file():
        raise RunFailed(f"no notebook at {source}; run from a clone of the project.")
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory(prefix="cacheaudit-") as sockets:
            papermill.execute_notebook(
                source,
                target,
                parameters=parameters,
                progress_bar=False,
                log_output=False,
                start_timeout=START_S,
                config=kernel_config(sockets),
                extra_arguments=QUIETLY,
                engine_name=PATIENT if patient else None,
            )
    except PapermillExecutionError as error:
        raise _as_ours(error) from error
    except RuntimeError as error:
        raise RunFailed(
            f"the notebook's kernel died, or did not answer within {START_S} seconds. Nothing was"
            " kept; is there memory left? Run it again when the machine is less busy."
        ) from error


def kernel_config(sockets: str) -> Config:
    """Sockets in the folder *sockets*, a run's own: no port is opened, and runs at one time, which
    would share the working directory's, do not meet."""
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}})


def _as_ours(error: PapermillExecutionError) -> AuditError:
    """The error that a cell raised on purpose, or RunFailed naming the cell."""
    if kind := ours(error.ename):
        return kind(error.evalue)
    return RunFailed(
        f"cell {error.cell_index} of the notebook stopped with {error.ename}: {error.evalue}."
        " Nothing was kept; run the notebook in JupyterLab to see where."
    )


def _forget(notebook: Path, places: Mapping[str, str]) -> None:
    """Put *places* back to what was given: where this run kept things is no input of the next."""
    document = nbformat.read(notebook, as_version=4)
    for cell in document.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            lines = cell.source.splitlines()
            for name, given in places.items():
                said = f"{name} = "
                lines = [f"{said}{json.dumps(given)}" if x.startswith(said) else x for x in lines]
            cell.source = "\n".join(lines)
    about = document.metadata.get("papermill", {})
    about.get("parameters", {}).update(places)
    for key in ("input_path", "output_path"):
        about[key] = Path(str(about.get(key, ""))).name
    nbformat.write(document, notebook)
