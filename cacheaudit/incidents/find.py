"""Alarms that begin together, as one incident."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

import pandas as pd

from ..changes import level_shifts
from .alarms import Alarm, alarms_of, brief_alarms
from .series import Measure, Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Alarms that began together; the fields are those of the leading alarm.

    start, start_low, start_high   first bucket of the new level, with its 95 % interval
    could_low, could_high   its 99.9 % interval: a change outside did not begin it
    end              start of the first bucket back at the baseline; None while it lasts
    measure          what moved: a hit rate before anything that money moves
    before, after    levels of that measure (costs and volume: 1 and the ratio)
    baseline         [start, end) of the frozen baseline; baseline_buckets: its buckets with data
    began_before     the window opens inside the incident, so its start is not known
    deeper_at        start of a further fall inside it, an incident of its own; None: none
    inside           start of the incident that this one lies in, whose level is its baseline
    """

    start: pd.Timestamp
    start_low: pd.Timestamp
    start_high: pd.Timestamp
    could_low: pd.Timestamp
    could_high: pd.Timestamp
    end: pd.Timestamp | None
    measure: Measure
    before: float
    after: float
    baseline: tuple[pd.Timestamp, pd.Timestamp]
    baseline_buckets: int
    began_before: bool
    alarms: tuple[Alarm, ...]
    deeper_at: pd.Timestamp | None = None
    inside: pd.Timestamp | None = None


# How far a brief dip lies beyond all others of its series, where something is known to have
# changed. docs/METHODS.md has how often chance reaches that.
MARGIN = 1.2
Span = tuple[pd.Timestamp, pd.Timestamp]


def find_incidents(
    series: tuple[Series, ...],
    width: pd.Timedelta,
    alpha: float,
    rollouts: tuple[Span, ...] = (),
    moments: tuple[pd.Timestamp, ...] = (),
) -> tuple[Incident, ...]:
    """Incidents by time; *alpha* is shared out over all series.

    rollouts   [start, end] in which traffic moved between versions: falls at its steps are one
    moments    when something is known to have changed: there a bucket or two that stand out are
               an incident, elsewhere never
    """
    found = [
        (one, level_shifts(one.values, one.weight, min_step=one.min_step, alpha=alpha,
                           tests=len(series)))
        for one in series
    ]  # fmt: skip
    if not found:
        return ()
    opens = min(pd.Timestamp(one.values.index.min()) for one in series)
    alarms = [
        _of_newcomer(alarm, opens)
        for one, levels in found
        for alarm in _as_rolled_out(alarms_of(one, levels), rollouts, width)
    ]
    alarms += [
        alarm
        for one, levels in found
        for alarm in brief_alarms(one, levels)
        if _stands(alarm, moments, width) and not _told(alarm, alarms, width)
    ]
    groups: list[list[Alarm]] = []
    for alarm in sorted(alarms, key=lambda a: (a.start_low, a.start)):
        for group in groups:
            if any(_together(alarm, other, width) for other in group):
                group.append(alarm)
                break
        else:
            groups.append([alarm])
    return tuple(incident_of(group) for group in groups)


def _stands(alarm: Alarm, moments: tuple[pd.Timestamp, ...], width: pd.Timedelta) -> bool:
    """Whether a brief dip begins where something is known to have changed, and stands out.

    Elsewhere an hour that stands out is only the oddest of many: with conversations of heavy
    tails most quarters have one.
    """
    near = any(m - width < alarm.start <= m + width for m in moments)
    return near and (alarm.margin or 0.0) >= MARGIN


def _of_newcomer(alarm: Alarm, opens: pd.Timestamp) -> Alarm:
    """A bad start of traffic that is new in the window began with it, not before the window.

    It is held against what ran before it came: a workspace that moved, keys that were rotated.
    """
    if not alarm.began_before or alarm.start < opens + pd.Timedelta("1D"):
        return alarm
    return replace(alarm, began_before=False, baseline=(opens, alarm.start))


def _told(lone: Alarm, alarms: list[Alarm], width: pd.Timedelta) -> bool:
    """Whether a stretch of the same traffic, or of all, has the bucket of *lone* in it."""
    return any(
        a.start - width <= lone.start and (a.end is None or lone.start < a.end + width)
        for a in alarms
        if a.cohort == lone.cohort or a.cohort is None or lone.cohort is None
    )


def _as_rolled_out(
    alarms: Iterator[Alarm], rollouts: tuple[Span, ...], width: pd.Timedelta
) -> Iterator[Alarm]:
    """*alarms* without the further falls of a rollout that made the first one as well."""

    def one_rollout(first: pd.Timestamp, further: pd.Timestamp) -> bool:
        return any(low - width <= first and further <= high + width for low, high in rollouts)

    for alarm in alarms:
        if alarm.inside is not None and one_rollout(alarm.inside, alarm.start):
            continue
        if alarm.deeper_at is not None and one_rollout(alarm.start, alarm.deeper_at):
            alarm = replace(alarm, deeper_at=None)
        yield alarm


def _together(a: Alarm, b: Alarm, width: pd.Timedelta) -> bool:
    """Whether two alarms may have begun at one time; volume and the bill are known by the day."""
    daily = {"volume", "charged_ratio"} & {a.measure, b.measure}
    reach = pd.Timedelta("1D") if daily else 2 * width
    return a.start_low <= b.start_high + reach and b.start_low <= a.start_high + reach


def incident_of(alarms: list[Alarm]) -> Incident:
    """The leading alarm: a hit rate before a cost before volume, then the largest move.

    One that knows what was before goes first: a new workspace has no past of its own. The date is
    that of the alarm, of the same measure, which knows it best.
    """
    order: list[Measure] = list(get_args(Measure))

    def rank(alarm: Alarm) -> tuple[int, bool, float]:
        move = abs(alarm.after - alarm.before) if order.index(alarm.measure) < 2 else alarm.after
        return order.index(alarm.measure), alarm.began_before, -move

    lead = min(alarms, key=rank)
    same = [a for a in alarms if a.measure == lead.measure]
    ends = [a.end for a in same]
    known = [e for e in ends if e is not None]
    dated = min(same, key=lambda a: (a.began_before, a.could_high - a.could_low, rank(a)))
    return Incident(
        start=dated.start,
        start_low=dated.start_low,
        start_high=dated.start_high,
        could_low=dated.could_low,
        could_high=dated.could_high,
        end=None if len(known) < len(ends) else max(known),
        measure=lead.measure,
        before=lead.before,
        after=lead.after,
        baseline=lead.baseline,
        baseline_buckets=lead.baseline_buckets,
        began_before=lead.began_before,
        alarms=tuple(sorted(alarms, key=rank)),
        deeper_at=lead.deeper_at,
        inside=lead.inside,
    )
