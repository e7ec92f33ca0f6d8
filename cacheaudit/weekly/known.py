"""What earlier runs have left, as values: the last report, verifications, a calibration. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..moments import utc
from ..schema import Cohort
from .parts import cohort_name

ALL, SMALL = "all traffic", "smaller cohorts"  # as a verification names them


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """An incident that was open in the last report.

    said      what it was, in words
    cohorts   whose it was; empty for all traffic, and in a report of an older form
    measure   what moved; "" in a report of an older form
    """

    start: pd.Timestamp
    said: str
    cohorts: tuple[Cohort, ...] = ()
    measure: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For findings.json, which the next report reads."""
        return {"start": self.start, "said": self.said, "measure": self.measure,
                "cohorts": [{"scope": s, "route": r} for s, r in self.cohorts]}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LastReport:
    """The newest earlier report of the same name.

    folder   its run folder's name
    until    end of the data that it had
    in_use   kind of name (news.KINDS) -> names that had traffic in its data; empty for a report of
             an older form
    open     incidents that were open then
    """

    folder: str
    until: pd.Timestamp
    in_use: Mapping[str, tuple[str, ...]]
    open: tuple[Remembered, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found of a fix: verification.json beside a postmortem.

    name      of the postmortem
    about     cohorts whose fix was judged, in words
    start     of the incident that was fixed
    verdict   closed, still_open, not_yet_known
    sentence  that in words
    until     end of the data that it judged; None where it does not say
    """

    start: pd.Timestamp
    verdict: str
    sentence: str
    fixed_at: pd.Timestamp | None
    until: pd.Timestamp | None = None
    name: str
    about: tuple[str, ...]

    @property
    def at(self) -> pd.Timestamp:
        """What it is as new as."""
        return self.until or self.fixed_at or self.start

    def of(self, cohorts: Sequence[Cohort], *, all_of_them: bool) -> bool:
        """Whether it judged *cohorts* (none: all traffic): all of them, or any."""
        if ALL in self.about or any(one.endswith(SMALL) for one in self.about):
            return True
        names = [cohort_name(one) for one in cohorts]
        found = [name in self.about for name in names]
        return bool(found) and (all(found) if all_of_them else any(found))

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {"incident_start": self.start, "verdict": self.verdict, "sentence": self.sentence,
                "fixed_at": self.fixed_at}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How often this kit is wrong on a team's own usage: calibration.json.

    name      what it was called
    cohorts   in which falls were planted
    until     end of the usage that it was measured on
    data      the file
    """

    name: str
    cohorts: tuple[Cohort, ...]
    sentence: str
    until: pd.Timestamp
    data: Mapping[str, Any]


def last_report(folder: str, found: Mapping[str, Any]) -> LastReport:
    """Of the *found* findings.json of a run *folder*. Raises KeyError, TypeError or ValueError for
    what is no weekly report."""
    week = found.get("week") or {}
    until = week["window"][1] if week else found["window"][1]
    return LastReport(
        folder=folder,
        until=utc(until),
        in_use={str(k): tuple(map(str, v)) for k, v in (week.get("in_use") or {}).items()},
        open=tuple(
            Remembered(
                start=utc(one["start"]), said=str(one["said"]), cohorts=_cohorts(one),
                measure=str(one.get("measure") or ""),
            )
            for one in week.get("open") or ()
        ),
    )  # fmt: skip


def _cohorts(found: Mapping[str, Any]) -> tuple[Cohort, ...]:
    return tuple((one["scope"], one["route"]) for one in found.get("cohorts") or ())


def verification(found: Mapping[str, Any]) -> Verification:
    """Of a verification.json. Raises KeyError, TypeError or ValueError for what is none."""
    if found["kind"] != "verification":
        raise ValueError(str(found["kind"]))
    fixed = found.get("fixed_at")
    return Verification(
        start=utc(found["incident"]["start"]),
        verdict=str(found["verdict"]),
        sentence=str(found["sentence"]),
        fixed_at=None if fixed is None else utc(fixed),
        until=utc(found["window"][1]) if found.get("window") else None,
        name=str(found["name"]),
        about=tuple(str(found["incident"]["about"]).split(", ")),
    )


def calibration(found: Mapping[str, Any]) -> Calibration:
    """Of a calibration.json. Raises KeyError, TypeError or ValueError for what is none."""
    if found["kind"] != "calibration":
        raise ValueError(str(found["kind"]))
    until = utc(found["window"][1])
    return Calibration(
        name=str(found.get("name") or "without a name"), cohorts=_cohorts(found),
        sentence=str(found["sentence"]), until=until, data=dict(found),
    )  # fmt: skip
