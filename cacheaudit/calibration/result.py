"""What a calibration found, and its sentences."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..schema import Cohort
from ..wilson import wilson
from ..words import count, share, span

SURE = 0.9  # share of plantings from which on a fall counts as one that is found
HOUR_S = 3600
DIGITS = 6  # of an interval: its end at 1 is 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DropPower:
    """How often, and how soon, a fall of *points* (a share, 0.1 = 10 points) was found.

    delays_h  of each planting, in hours; None where it was not found
    clipped   places in cohorts whose rate is below *points*: none was planted there
    """

    points: float
    delays_h: tuple[int | None, ...]
    clipped: int = 0

    @property
    def planted(self) -> int:
        """Number of plantings."""
        return len(self.delays_h)

    @property
    def found(self) -> int:
        """Of those, with an alarm."""
        return sum(delay is not None for delay in self.delays_h)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share found (Wilson)."""
        low, high = wilson(self.found / self.planted, self.planted)
        return round(float(low), DIGITS), round(float(high), DIGITS)

    def within_h(self, part: float) -> int | None:
        """Hours within which *part* of all plantings were found; None where so many never were."""
        ordered = sorted(d for d in self.delays_h if d is not None)
        needed = -int(-part * self.planted // 1)  # rounded up
        return ordered[needed - 1] if needed <= len(ordered) else None

    def to_dict(self) -> dict[str, Any]:
        """For calibration.json."""
        low, high = self.interval
        return {
            "points": self.points,
            "planted": self.planted,
            "found": self.found,
            "low": low,
            "high": high,
            "delay_h_median": self.within_h(0.5),
            "delay_h_p90": self.within_h(0.9),
            "clipped": self.clipped,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """Windows of reshuffled quiet days, and those of them with any alarm."""

    found: int
    windows: int

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval of their share (Wilson), as if they were independent."""
        return round(float(wilson(self.found / self.windows, self.windows)[1]), DIGITS)

    def to_dict(self) -> dict[str, Any]:
        """For calibration.json."""
        return {"found": self.found, "windows": self.windows, "high": self.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortPower:
    """One cohort in which falls were planted: its share of all input, its rate, what was found."""

    cohort: Cohort
    share: float
    rate: float
    drops: tuple[DropPower, ...]

    def to_dict(self) -> dict[str, Any]:
        """For calibration.json."""
        scope, route = self.cohort
        return {
            "scope": scope,
            "route": route,
            "share": self.share,
            "rate": self.rate,
            "drops": [one.to_dict() for one in self.drops],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The power of the alarm on one team's history.

    window        [start, end) of the quiet days that it was measured on
    alpha         stated false-alarm rate of the diagnosis; series: how many it is shared over
    drops         by size
    cohorts       the same by cohort, the busiest first
    left_out      stretches that were not quiet: ([start, end), what was found there)
    not_planted   cohorts without a watched rate over the whole stretch
    days_without_data   days of the window that have no rows
    too_large     sizes asked for that are larger than every cohort's rate
    """

    window: tuple[pd.Timestamp, pd.Timestamp]
    alpha: float
    series: int
    seed: int
    false_alarms: FalseAlarms
    drops: tuple[DropPower, ...]
    cohorts: tuple[CohortPower, ...]
    left_out: tuple[tuple[tuple[pd.Timestamp, pd.Timestamp], str], ...]
    not_planted: tuple[Cohort, ...]
    days_without_data: int = 0
    too_large: tuple[float, ...] = ()

    @property
    def days(self) -> int:
        """Days of the window that have data."""
        return (self.window[1] - self.window[0]).days - self.days_without_data

    @property
    def smallest_found(self) -> DropPower | None:
        """The smallest fall from which on every size tried is found in SURE of its plantings."""
        sure: DropPower | None = None
        for one in sorted(self.drops, key=lambda d: -d.points):
            if one.found < SURE * one.planted:
                break
            sure = one
        return sure

    @property
    def sentence(self) -> str:
        """The power in one sentence."""
        told = self.smallest_found or max(self.drops, key=lambda d: d.points)
        low, high = told.interval
        half = told.within_h(0.5)
        soon = "fewer than half of them"
        if half is not None:
            soon = f"in half of them within {span(half * HOUR_S)}"
        wrong = self.false_alarms
        raised = "none" if not wrong.found else count(wrong.found)
        return (
            f"A fall of {points_words(told.points)} in one of these cohorts is found in"
            f" {share(told.found / told.planted)} of {told.planted} plantings"
            f" ({share(low)} to {share(high)}), {soon}, where reads miss one by one, and less often"
            f" where whole conversations miss; of {wrong.windows} windows of these"
            f" {self.days} days, reshuffled, {raised} raised an alarm (below {share(wrong.high)})."
        )

    def to_dict(self) -> dict[str, Any]:
        """For calibration.json, without its name and provenance."""
        least = self.smallest_found
        return {
            "window": [at.isoformat() for at in self.window],
            "alpha": self.alpha,
            "series_watched": self.series,
            "seed": self.seed,
            "false_alarms": self.false_alarms.to_dict(),
            "drops": [one.to_dict() for one in self.drops],
            "smallest_found": None if least is None else least.points,
            "cohorts": [one.to_dict() for one in self.cohorts],
            "left_out": [
                {"start": a.isoformat(), "end": b.isoformat(), "found": what}
                for (a, b), what in self.left_out
            ],
            "days_without_data": self.days_without_data,
            "too_large": list(self.too_large),
            "not_planted": [{"scope": s, "route": r} for s, r in self.not_planted],
            "sentence": self.sentence,
        }


def points_words(points: float) -> str:
    """A fall in points.

    >>> points_words(0.1), points_words(0.01), points_words(0.025)
    ('10 points', '1 point', '2.5 points')
    """
    text = f"{100 * points:.4g}"
    return f"{text} point" if text == "1" else f"{text} points"


def cohort_words(cohort: Cohort) -> str:
    """A cohort as people call it.

    >>> cohort_words(("chat", "edge")), cohort_words((None, None))
    ('chat via edge', 'all traffic')
    """
    scope, route = cohort
    if scope is None and route is None:
        return "all traffic"
    return f"{scope or 'default'} via {route}" if route else str(scope)
