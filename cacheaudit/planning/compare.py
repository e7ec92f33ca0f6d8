"""`cacheaudit.compare_plans`: every plan over several past days, and the cheapest within the floor.

A past day is a sample of the day of the cutover. The mean over days is the prediction; its interval
is Student's t for one more day of the same kind, mean +- t * s * sqrt(1 + 1/n): days are taken for
independent and alike. One day has no interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from scipy.special import stdtrit

from ..errors import UnfitData
from ..replaying import Cutover
from ..replaying.simulate import Replayed, prepare
from .judged import MEASURES, Judged, Usual, judged, usual_of
from .migration import Migration
from .proposals import STRAIGHT, proposals, with_prefill
from .stretch import Stretch, days_of, names_talks, stretch, without_calls

LEVEL = 0.95
TRIED = (1, 5, 20, 100)  # prefixes of a prefill, whose worth is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """A mean over days, and where one more day falls with 95 %; None where not known."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """One plan: how it goes on the last day that was tried, and what it does on all of them.

    predicted    by measure (judged.Judged)
    by_day       the same, day by day
    within_floor whether every day was; None where no day tells
    within_limit whether every day stayed within the rate limit; None where it is not known
    """

    name: str
    cutover: Cutover
    predicted: Mapping[str, Predicted]
    by_day: tuple[Judged, ...]
    within_floor: bool | None
    within_limit: bool | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        steps = [[when.isoformat(), share] for when, share in self.cutover.steps]
        return {
            "name": self.name,
            "split_by": self.cutover.split_by,
            "steps": steps,
            "prefixes": self.cutover.prefill.prefixes if self.cutover.prefill else 0,
            "keep_old_warm": self.cutover.keep_old_warm,
            "within_floor": self.within_floor,
            "within_limit": self.within_limit,
            **{
                name: {"value": one.value, "low": one.low, "high": one.high}
                for name, one in self.predicted.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plans:
    """All plans, the cheapest first.

    days        when all traffic would have moved, on each day that was tried
    without_calls   the same of days that the log covers and that were passed over: the old version
                was not called after it, so that no plan could show anything
    cheapest    name of the cheapest within floor and limit; "" where none is, or nothing is priced
    prefill     prefixes -> excess_usd of a straight cut with a prefill of so many (0: without)
    break_even  most prefixes of those tried whose prefill saves more than it costs; 0: none
    """

    migration: Migration
    days: tuple[pd.Timestamp, ...]
    plans: tuple[Plan, ...]
    cheapest: str
    prefill: Mapping[int, Predicted]
    break_even: int
    without_calls: tuple[pd.Timestamp, ...] = ()

    def plan(self, name: str) -> Plan:
        """The plan of that name; KeyError for another."""
        return {one.name: one for one in self.plans}[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "days": [day.isoformat() for day in self.days],
            "without_calls": [day.isoformat() for day in self.without_calls],
            "cheapest": self.cheapest,
            "plans": [one.to_dict() for one in self.plans],
            "prefill": [
                {"prefixes": count, "excess_usd": one.value, "low": one.low, "high": one.high}
                for count, one in self.prefill.items()
            ],
            "break_even_prefixes": self.break_even,
        }


def compare_plans(requests: Replayed, migration: Migration) -> Plans:
    """Replay each plan of *migration* on the past days that *requests* covers.

    requests   a request table, a frame in its columns, or a block trace (replaying.replay)

    Days on which the old version was not called after the cutover are passed over, and said. Plans
    by conversation are left out where the log names none.

    Raises UnfitData where no day is covered: from `before_s` ahead of the cutover until `after_s`
    after it; and where the log has no call on `from_model`.
    """
    log = prepare(requests)
    days = days_of(log, migration)
    if not days:
        raise UnfitData(
            f"the log has no day that holds {migration.before_s / 3600:.1f} h before a cutover and"
            f" {migration.after_s / 3600:.1f} h with calls after it; expected one. Bring a longer"
            " log, or"
            " shorten ramp_s, canary_s and rollback_after_s."
        )
    parts = [stretch(log, migration, at) for at in days]
    usual = [usual_of(log, part, migration) for part in parts]
    tried = [proposals(migration, at, talks=names_talks(log)) for at in days]
    plans = [
        _plan(name, migration, parts, usual, [one[name] for one in tried]) for name in tried[-1]
    ]
    prefill = _prefill_curve(migration, parts)
    plans.sort(key=lambda one: _dear(one.predicted["excess_usd"]))
    fitting = [
        one
        for one in plans
        if one.within_floor and one.within_limit is not False
        and one.predicted["excess_usd"].value is not None
    ]  # fmt: skip
    return Plans(
        migration=migration,
        days=tuple(days),
        plans=tuple(plans),
        cheapest=fitting[0].name if fitting else "",
        prefill=prefill,
        break_even=_break_even(prefill),
        without_calls=tuple(without_calls(log, migration)),
    )


def _plan(
    name: str,
    migration: Migration,
    parts: Sequence[Stretch],
    usual: Sequence[Usual],
    cutovers: Sequence[Cutover],
) -> Plan:
    by_day = [
        judged(part.log, migration, one, day)
        for part, one, day in zip(parts, cutovers, usual, strict=True)
    ]
    lowest = [day.lowest_share for day in by_day if day.lowest_share is not None]
    limit = migration.limit_tokens_per_min
    return Plan(
        name=name,
        cutover=cutovers[-1],
        predicted={
            measure: predicted([getattr(day, measure) for day in by_day]) for measure in MEASURES
        },
        by_day=tuple(by_day),
        within_floor=min(lowest) >= migration.floor if lowest else None,
        within_limit=None if limit is None else max(day.peak_tokens for day in by_day) <= limit,
    )


def _prefill_curve(migration: Migration, parts: Sequence[Stretch]) -> dict[int, Predicted]:
    """What a straight cut costs with a prefill of 0, 1, 5, ... prefixes."""
    curve: dict[int, Predicted] = {}
    for count in (0, *sorted({*TRIED, migration.prefixes} - {0})):
        excess = []
        for part in parts:
            cut = proposals(migration, part.at)[STRAIGHT]
            plan = with_prefill(cut, migration, count) if count else cut
            excess.append(part.excess_usd(migration, plan))
        curve[count] = predicted(excess)
    return curve


def _break_even(curve: Mapping[int, Predicted]) -> int:
    without = curve[0].value
    if without is None:
        return 0
    paying = [n for n, one in curve.items() if n and one.value is not None and one.value < without]
    return max(paying, default=0)


def predicted(values: Sequence[float | None]) -> Predicted:
    """The mean of *values* and where one more falls; None if one of them is not known."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return Predicted(value=None)
    n, mean = len(known), sum(known) / len(known)
    if n < 2:
        return Predicted(value=mean)
    spread = (sum((one - mean) ** 2 for one in known) / (n - 1)) ** 0.5
    half = float(stdtrit(n - 1, 0.5 + LEVEL / 2)) * spread * (1 + 1 / n) ** 0.5
    return Predicted(value=mean, low=mean - half, high=mean + half)


def _dear(one: Predicted) -> float:
    return float("inf") if one.value is None else one.value
