"""What earlier runs have left on disk: run folders, verifications, a calibration."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import SourceError
from ..moments import utc
from .known import (
    Calibration,
    LastReport,
    Verification,
    calibration,
    last_report,
    verification,
)

SAME = pd.Timedelta("1D")  # data that ends so close to ours is that of the same report
BROKEN = (KeyError, TypeError, ValueError, IndexError, AttributeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Run folders that were looked at.

    last            None: there is no earlier report of this name
    verifications   of incidents that earlier postmortems of the same name told
    notes           sentences about what could not be read
    """

    last: LastReport | None = None
    verifications: tuple[Verification, ...] = ()
    notes: tuple[str, ...] = ()


def read_reports(path: str, name: str, until: pd.Timestamp) -> Shelf:
    """What the run folders under *path* tell a weekly report *name* whose data ends at *until*.

    The last report is the one whose data ends last, a day or more before ours: one that was made
    twice says the same twice. A folder that cannot be read is named, and left out.
    """
    root = Path(path)
    if not path or not root.is_dir():
        return Shelf()
    broken: list[str] = []
    reports = []
    for file, found in _documents(root.glob(f"weekly-{_literal(name)}-*/findings.json"), broken):
        if (found.get("kind"), found.get("name")) != ("weekly", name):
            continue
        try:
            reports.append(last_report(file.parent.name, found))
        except BROKEN:
            broken.append(file.parent.name)
    earlier = [one for one in reports if one.until <= until - SAME]
    checked = []
    for file, found in _documents(root.glob("postmortem-*/verification*.json"), broken):
        try:
            one = verification(found)
        except BROKEN:
            broken.append(file.parent.name)
            continue
        if one.name == name:  # another's incident may begin in the same hour
            checked.append(one)
    left_out = f"Earlier runs that could not be read were left out: {', '.join(sorted(broken))}."
    return Shelf(
        last=max(earlier, key=lambda one: (one.until, one.folder), default=None),
        verifications=tuple(checked),
        notes=(left_out,) if broken else (),
    )


def read_refreshed(folder: Path) -> pd.Timestamp | None:
    """Until when the usage of a run *folder* was complete; None where it does not say."""
    try:
        found = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
        said = found["provenance"]["refreshed_at"]
        return None if said is None else utc(said)
    except (OSError, *BROKEN):
        return None


def read_calibration(path: str) -> Calibration:
    """The calibration.json at *path*. SourceError for what is none."""
    file = Path(path)
    try:
        return calibration(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise SourceError(
            f"no calibration at {path} ({error.strerror}); expected the calibration.json that"
            " `cacheaudit calibrate` writes. Leave calibration_path empty without one."
        ) from error
    except BROKEN as error:
        raise SourceError(
            f"{file.name} is no calibration; expected the file that `cacheaudit calibrate` writes."
        ) from error


def _literal(name: str) -> str:
    """*name* so that a glob takes it for itself."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _documents(files: Iterator[Path], broken: list[str]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The mappings in *files*; what cannot be read goes to *broken*."""
    for file in sorted(files):
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = None
        if isinstance(found, dict):
            yield file, found
        else:
            broken.append(file.parent.name)
