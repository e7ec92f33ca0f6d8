"""Alarms that begin together, as one incident."""

from dataclasses import dataclass, replace

import pandas as pd

from ..changes import level_shifts
from ..metrics import cache_metrics
from .alarms import Alarm, alarms_of
from .series import Measure, Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Alarms that began together; the fields are those of the leading alarm.

    start, start_low, start_high   first bucket of the new level, with its 95 % interval
    end              start of the first bucket back at the baseline; None while it lasts
    measure          what moved: a hit rate before anything that money moves
    before, after    levels of that measure (costs and volume: 1 and the ratio)
    baseline         [start, end) of the frozen baseline; baseline_buckets: its buckets with data
    began_before     the window opens inside the incident, so its start is not known
    """

    start: pd.Timestamp
    start_low: pd.Timestamp
    start_high: pd.Timestamp
    end: pd.Timestamp | None
    measure: Measure
    before: float
    after: float
    baseline: tuple[pd.Timestamp, pd.Timestamp]
    baseline_buckets: int
    began_before: bool
    alarms: tuple[Alarm, ...]


def find_incidents(
    series: tuple[Series, ...], width: pd.Timedelta, alpha: float
) -> tuple[Incident, ...]:
    """Incidents by time; *alpha* is shared out over all series."""
    alarms: list[Alarm] = []
    for one in series:
        levels = level_shifts(
            one.values, one.weight, min_step=one.min_step, alpha=alpha, tests=len(series)
        )
        alarms.extend(alarms_of(one, levels))
    groups: list[list[Alarm]] = []
    for alarm in sorted(alarms, key=lambda a: (a.start_low, a.start)):
        for group in groups:
            if any(_together(alarm, other, width) for other in group):
                group.append(alarm)
                break
        else:
            groups.append([alarm])
    return tuple(incident_of(group) for group in groups)


def sharpen(incident: Incident, fine: pd.DataFrame, width: pd.Timedelta) -> Incident:
    """*incident* with its start told from finer buckets, where *fine* has them around it.

    fine   usage of the leading alarm's cohort in buckets shorter than *width*
    """
    if incident.measure not in ("hit_rate", "read_share_of_cached") or fine.empty:
        return incident
    near = (fine["bucket_start"] >= incident.start_low - 3 * width) & (
        fine["bucket_start"] < incident.start_high + 4 * width
    )
    sums = cache_metrics(fine[near], ["bucket_start"])
    weight = sums["input_tokens" if incident.measure == "hit_rate" else "cached_tokens"]
    drop = incident.before - incident.after
    shifts = level_shifts(sums[incident.measure], weight, min_step=drop / 2).shifts
    falls = [s for s in shifts if s.after < s.before]
    if not falls:
        return incident
    first = max(falls, key=lambda s: s.strength)
    return replace(incident, start=first.at, start_low=first.low, start_high=first.high)


def _together(a: Alarm, b: Alarm, width: pd.Timedelta) -> bool:
    """Whether two alarms may have begun at one time; volume is known by the day."""
    reach = pd.Timedelta("1D") if "volume" in (a.measure, b.measure) else 2 * width
    return a.start_low <= b.start_high + reach and b.start_low <= a.start_high + reach


def incident_of(alarms: list[Alarm]) -> Incident:
    """The leading alarm: a hit rate before a cost before volume, then the largest move."""
    order = ["hit_rate", "read_share_of_cached", "usd_per_request", "usd_per_mtok", "volume"]

    def rank(alarm: Alarm) -> tuple[int, float]:
        move = abs(alarm.after - alarm.before) if order.index(alarm.measure) < 2 else alarm.after
        return order.index(alarm.measure), -move

    lead = min(alarms, key=rank)
    same = [a for a in alarms if a.measure == lead.measure]
    ends = [a.end for a in same]
    known = [e for e in ends if e is not None]
    return Incident(
        start=lead.start,
        start_low=lead.start_low,
        start_high=lead.start_high,
        end=None if len(known) < len(ends) else max(known),
        measure=lead.measure,
        before=lead.before,
        after=lead.after,
        baseline=lead.baseline,
        baseline_buckets=lead.baseline_buckets,
        began_before=lead.began_before,
        alarms=tuple(sorted(alarms, key=rank)),
    )
