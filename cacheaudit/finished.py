"""A finished postmortem, read back from its run folder: what it found, and the usage it judged."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .errors import ParamError, SourceError
from .sources.frame import read_usage

SCHEMA = 1
NEEDED = ("incidents", "causes", "data_quality", "events", "log", "provenance", "window", "verdict")


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
    if not path.is_file():
        raise SourceError(
            f"no findings.json in {folder}; expected the run folder of a postmortem, such as"
            " reports/postmortem-NAME-TIME."
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
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
    missing = [name for name in NEEDED if name not in known]
    if missing or not all("cohorts" in one for one in known["incidents"]):
        what = f"has no {missing[0]}" if missing else "does not name the cohorts of its incidents"
        raise SourceError(
            f"findings.json {what}: an earlier version wrote it, or it was edited. Run the"
            " postmortem again."
        )
    return Finished(folder=folder, findings=known)


def moment_of(name: str, text: str) -> pd.Timestamp:
    """The time that *text* says, in UTC; the option *name* is named in the error. ParamError."""
    try:
        at = pd.Timestamp(text)
    except ValueError as error:
        raise ParamError(
            f"{name} is {text!r}; expected a time such as 2026-03-17T14:20."
        ) from error
    if pd.isna(at):
        raise ParamError(f"{name} is {text!r}; expected a time such as 2026-03-17T14:20.")
    return at.tz_localize("UTC") if at.tzinfo is None else at.tz_convert("UTC")
