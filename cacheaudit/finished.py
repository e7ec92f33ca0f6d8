"""A finished postmortem, read back from its run folder: what it found, and the usage it judged."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .errors import AuditError, ParamError, SourceError
from .sources.frame import read_usage

SCHEMA = 1
NEEDED = (
    "name", "incident", "incidents", "causes", "data_quality", "events", "log", "provenance",
    "window", "verdict",
)  # fmt: skip
OF_INCIDENT = (
    "incident", "pattern", "causes", "excess_usd", "run_rate", "cold_start", "recovery", "cohorts",
)  # fmt: skip
EDITED = (KeyError, TypeError, ValueError, AttributeError, IndexError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a run folder holds.

    folder    where it is
    findings  findings.json of kind postmortem, as plain data
    """

    folder: Path
    findings: Mapping[str, Any]

    def usage(self) -> pd.DataFrame:
        """The usage frame that was judged. Raises SourceError where the folder has lost it."""
        return read_usage(self.folder / "usage.parquet")

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters that the postmortem ran with, without places to keep things."""
        found: Mapping[str, Any] = self.findings["provenance"]["params"]
        return found

    @property
    def costliest(self) -> Mapping[str, Any]:
        """The incident with the largest known excess, as findings.json says. Raises ParamError."""
        start = None if self.findings["incident"] is None else self.findings["incident"]["start"]
        return self.incident(None if start is None else pd.Timestamp(start))

    def incident(self, start: pd.Timestamp | None) -> Mapping[str, Any]:
        """The incident that began at *start*; one of `incidents`. Raises ParamError."""
        found = self.findings["incidents"]
        if not found:
            raise ParamError(
                f"the postmortem in {self.folder.name} found no incident (its verdict:"
                f" {self.findings['verdict']}); expected one that did. There is nothing to send on."
            )
        of_start: list[Mapping[str, Any]] = [
            one for one in found if pd.Timestamp(one["incident"]["start"]) == start
        ]
        if not of_start:
            known = ", ".join(one["incident"]["start"] for one in found)
            raise ParamError(f"no incident starts at {start}; expected one of: {known}.")
        return of_start[0]


def read_finished(folder: Path) -> Finished:
    """The postmortem that was written into *folder*.

    Raises SourceError where there is none, where it is of another kind or schema, or where it was
    written before incidents named their cohorts.
    """
    path = folder / "findings.json"
    try:
        if not path.is_file():
            raise SourceError(
                f"no findings.json in {folder}; expected the run folder of a postmortem, such as"
                " reports/postmortem-NAME-TIME."
            )
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(
            f"findings.json in {folder} could not be read ({error.strerror}); expected the run"
            " folder of a postmortem. Check who may read it."
        ) from error
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"findings.json in {folder} is no JSON; expected what a postmortem wrote. It may have"
            " been cut off: run the postmortem again."
        ) from error
    known = found if isinstance(found, dict) else {}
    kind, schema = known.get("kind"), known.get("schema")
    if kind != "postmortem":
        raise SourceError(f"findings.json is of kind {kind!r}; expected that of a postmortem.")
    if schema != SCHEMA:
        raise SourceError(
            f"findings.json has schema {schema!r}; expected {SCHEMA}. It was written by another"
            " version of cacheaudit: run the postmortem again."
        )
    with as_written():
        _demand_whole(known)
    return Finished(folder=folder, findings=known)


@contextmanager
def as_written(by: str = "the postmortem") -> Iterator[None]:
    """What findings.json, written *by* that, lacks or holds in another form: a SourceError."""
    try:
        yield
    except AuditError:
        raise
    except EDITED as error:
        lacks = f"has no {error.args[0]}" if isinstance(error, KeyError) else "is not as written"
        raise SourceError(
            f"findings.json {lacks}: an earlier version wrote it, or it was edited. Run {by} again."
        ) from error


def _demand_whole(found: Mapping[str, Any]) -> None:
    """Raises one of EDITED where something is missing that a reader of a folder relies on."""
    _demand(found, NEEDED)
    if not isinstance(found["name"], str):
        raise TypeError("name")
    dict(found["provenance"]["params"])
    if found["incident"] is not None:
        _time(found["incident"]["start"])
    for one in found["incidents"]:
        _demand(one, OF_INCIDENT)
        incident = one["incident"]
        times = [incident["start"], *incident["baseline"], incident["end"]]
        times.append((one["recovery"] or {}).get("recovered_at"))
        for at in (*times[:3], *(t for t in times[3:] if t is not None)):
            _time(at)
        str(incident["measure"]), float(incident["before"]), float(incident["after"])
        if one["run_rate"] is not None:
            _demand(one["run_rate"]["per_day_usd"], ("value", "low", "high"))
        for cohort in one["cohorts"]:
            _demand(cohort, ("scope", "route", "affected", "before", "after"))
            for heir in cohort["baseline_of"]:
                _demand(heir, ("scope", "route"))


def _demand(found: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        _ = found[name]


def _time(text: Any) -> pd.Timestamp:
    """*text*, as it was written: with a zone. Raises ValueError."""
    at = pd.Timestamp(text)
    if pd.isna(at) or at.tzinfo is None:
        raise ValueError("no time in UTC")
    return at
