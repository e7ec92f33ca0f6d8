"""Incidents of a week: what is open, what closed, what an earlier report knew of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from ..diagnosis import IncidentDiagnosis
from ..incidents import RATES
from .known import Remembered, Verification

NEAR = pd.Timedelta("2h")  # more data dates a start anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An incident that is open, or that closed since the last report.

    is_new          whether it began since the last report, as far as this data tells
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
        Told(
            found=one,
            is_new=one.incident.start >= since and not one.incident.began_before,
            verification=_check(one, checked),
        )
        for one in found
    ]
    lost = tuple(
        one
        for one in remembered
        if one.start < first + pd.Timedelta("1D")
        and not any(_same(one, other) for other in found)
        and not _closed(one, checked, since)
        and one not in settled
    )
    return Incidents(
        open=tuple(one for one in told if one.open and not _was_chosen(one.found)),
        closed=tuple(one for one in told if not one.open and _end(one.found) > since),
        chosen=tuple(one.found for one in told if one.open and _was_chosen(one.found)),
        older=tuple(one.found for one in told if not one.open and _end(one.found) <= since),
        out_of_sight=lost,
    )


def _was_chosen(one: IncidentDiagnosis) -> bool:
    """A cost that is up for the list price of another version. Reads that are lost are lost, also
    where they cost nothing."""
    return one.incident.measure not in RATES and one.excess_usd.value == 0


def _closed(one: Remembered, checked: Sequence[Verification], since: pd.Timestamp) -> bool:
    """Whether the newest verification of it closes it. An older one than the last report, which
    saw it open all the same, does not."""
    own = [
        v
        for v in checked
        if abs(one.start - v.start) <= NEAR and v.of(one.cohorts, all_of_them=True)
    ]
    newest = max(own, key=lambda v: v.at, default=None)
    return newest is not None and newest.verdict == "closed" and newest.at >= since


def _end(one: IncidentDiagnosis) -> pd.Timestamp:
    assert one.incident.end is not None  # asked of those that are over
    return one.incident.end


def _same(one: Remembered, other: IncidentDiagnosis) -> bool:
    """Whether *other* may be *one*: of some of its traffic (none is all), begun at its time, or
    before the data. One that is over is the same only where the same kind of measure fell."""
    low, high = other.incident.start_low - NEAR, other.incident.start_high + NEAR
    if not (other.incident.began_before or low <= one.start <= high):
        return False
    whose = {c.cohort for c in other.case.affected}
    if one.cohorts and whose and not whose & set(one.cohorts):
        return False
    alike = (one.measure in RATES) == (other.incident.measure in RATES)
    return other.incident.end is None or not one.measure or alike


def _check(one: IncidentDiagnosis, checked: Sequence[Verification]) -> Verification | None:
    """The newest verification of it: by its start, and by whose it is."""
    low, high = one.incident.start_low - NEAR, one.incident.start_high + NEAR
    whose = [c.cohort for c in one.case.affected]
    own = [v for v in checked if low <= v.start <= high and v.of(whose, all_of_them=False)]
    return max(own, key=lambda v: v.at, default=None)
