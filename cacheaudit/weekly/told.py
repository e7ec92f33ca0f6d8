"""Incidents of a week: what is open, what closed, what an earlier report knew of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from ..diagnosis import IncidentDiagnosis
from .known import Remembered, Verification

NEAR = pd.Timedelta("2h")  # more data dates a start anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An incident that is open, or that closed since the last report.

    is_new          whether it began since the last report
    verification    what was found of its fix; None without one
    """

    found: IncidentDiagnosis
    is_new: bool
    verification: Verification | None

    @property
    def open(self) -> bool:
        """Whether it lasts to the end of the data."""
        return self.found.incident.end is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidents:
    """All of them.

    open, closed   those that last; those that ended since the last report
    chosen         open, and none of it is excess: the list price of a version that was chosen
    older          those that had ended by then
    out_of_sight   open in the last report, and begun before this data: nothing here can tell
                   whether they are over
    """

    open: tuple[Told, ...]
    closed: tuple[Told, ...]
    chosen: tuple[IncidentDiagnosis, ...]
    older: tuple[IncidentDiagnosis, ...]
    out_of_sight: tuple[Remembered, ...] = ()


def told_of(
    found: Sequence[IncidentDiagnosis],
    since: pd.Timestamp,
    first: pd.Timestamp,
    *,
    remembered: Sequence[Remembered] = (),
    checked: Sequence[Verification] = (),
    settled: Collection[Remembered] = (),
) -> Incidents:
    """Sort the incidents that were *found* by what a reader of the last report knows.

    since        end of the last report's data;  first: start of this data
    remembered   what was open in the last report;  checked: verifications of fixes
    settled      of those remembered: what a frozen baseline shows to be over (settled.py)
    """
    told = [
        Told(found=one, is_new=one.incident.start >= since, verification=_check(one, checked))
        for one in found
    ]
    closed = [v for v in checked if v.verdict == "closed"]
    lost = tuple(
        one
        for one in remembered
        if one.start < first + pd.Timedelta("1D")
        and not any(_same(one.start, other) for other in found)
        and not any(_closes(v, one) for v in closed)
        and one not in settled
    )
    return Incidents(
        open=tuple(one for one in told if one.open and one.found.excess_usd.value != 0),
        closed=tuple(one for one in told if not one.open and _end(one.found) > since),
        chosen=tuple(one.found for one in told if one.open and one.found.excess_usd.value == 0),
        older=tuple(one.found for one in told if not one.open and _end(one.found) <= since),
        out_of_sight=lost,
    )


def _closes(check: Verification, one: Remembered) -> bool:
    return abs(one.start - check.start) <= NEAR and check.of(one.cohorts, all_of_them=True)


def _end(one: IncidentDiagnosis) -> pd.Timestamp:
    assert one.incident.end is not None  # asked of those that are over
    return one.incident.end


def _same(start: pd.Timestamp, one: IncidentDiagnosis) -> bool:
    """Whether *start* may be that of *one*; any, where it began before the data."""
    low, high = one.incident.start_low - NEAR, one.incident.start_high + NEAR
    return one.incident.began_before or low <= start <= high


def _check(one: IncidentDiagnosis, checked: Sequence[Verification]) -> Verification | None:
    """The newest verification of it: by its start, and by whose it is."""
    low, high = one.incident.start_low - NEAR, one.incident.start_high + NEAR
    whose = [c.cohort for c in one.case.affected]
    own = [v for v in checked if low <= v.start <= high and v.of(whose, all_of_them=False)]
    return max(own, key=lambda v: v.fixed_at or v.start, default=None)
