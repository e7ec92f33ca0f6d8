"""Stretches of time in which a watched series was worse than its frozen baseline.

Watched are, for all traffic and for each cohort: the hit rate (or what stands in for it), the
cost per request (or per input token, where requests are not counted), and for all traffic the
volume by day. Alarms that begin together are one incident.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from .changes import Levels, Segment, level_shifts
from .metrics import cache_metrics, headline_rate, reports
from .schema import COHORT, label

Measure = Literal["hit_rate", "read_share_of_cached", "usd_per_request", "usd_per_mtok", "volume"]
WEEK = pd.Timedelta("7D")
VOLUME_RISE = 0.5  # volume moves by itself; less than half as much again is no incident
Cohort = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One watched series: values and weights by bucket start; +1 if a fall is what hurts."""

    measure: Measure
    cohort: Cohort | None  # None: all traffic
    values: pd.Series
    weight: pd.Series
    falls_hurt: bool
    min_step: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One stretch of one series below (or above) its baseline.

    before, after   levels in the unit of the measure; costs and volume as ratios to before
    """

    measure: Measure
    cohort: Cohort | None
    start: pd.Timestamp
    start_low: pd.Timestamp
    start_high: pd.Timestamp
    end: pd.Timestamp | None
    before: float
    after: float
    baseline: tuple[pd.Timestamp, pd.Timestamp]
    baseline_buckets: int
    began_before: bool


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


def watched_series(
    usage: pd.DataFrame, usd: pd.Series, *, min_drop: float, min_rise: float
) -> tuple[Series, ...]:
    """All series of *usage*; *usd* is the cost of each row, NaN where unpriced."""
    priced = usage.assign(usd=usd)
    found = [*_rates(priced, None, min_drop, min_rise), *_volume(usage)]
    cohorts = list(priced.groupby(COHORT, dropna=False, observed=True))
    if len(cohorts) > 1:
        for (scope, route), rows in cohorts:
            cohort = (label(scope), label(route))
            found.extend(_rates(rows, cohort, min_drop, min_rise))
    return tuple(found)


def find_incidents(
    series: tuple[Series, ...], width: pd.Timedelta, alpha: float
) -> tuple[Incident, ...]:
    """Incidents by time; *alpha* is shared out over all series."""
    alarms: list[Alarm] = []
    for one in series:
        levels = level_shifts(
            one.values, one.weight, min_step=one.min_step, alpha=alpha, tests=len(series)
        )
        alarms.extend(_alarms(one, levels))
    groups: list[list[Alarm]] = []
    for alarm in sorted(alarms, key=lambda a: (a.start_low, a.start)):
        reach = pd.Timedelta("1D") if alarm.measure == "volume" else 2 * width
        for group in groups:
            if any(_together(alarm, other, reach) for other in group):
                group.append(alarm)
                break
        else:
            groups.append([alarm])
    return tuple(_incident(group) for group in groups)


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


def _rates(
    rows: pd.DataFrame, cohort: Cohort | None, min_drop: float, min_rise: float
) -> Iterator[Series]:
    rate = headline_rate(rows)
    sums = cache_metrics(rows, ["bucket_start"])
    weight = sums["input_tokens"] if rate == "hit_rate" else sums["cached_tokens"]
    if sums[rate].count() >= 4:
        yield Series(
            measure="hit_rate" if rate == "hit_rate" else "read_share_of_cached",
            cohort=cohort,
            values=sums[rate],
            weight=weight,
            falls_hurt=True,
            min_step=min_drop,
        )
    usd = rows.groupby("bucket_start")["usd"].agg(lambda s: s.sum(skipna=False))
    counted = reports(rows, "requests")
    units = sums["requests"] if counted else sums["input_tokens"] / 1e6
    cost = (usd / units.where(units > 0)).where(lambda s: s > 0)
    if cost.count() >= 4:
        yield Series(
            measure="usd_per_request" if counted else "usd_per_mtok",
            cohort=cohort,
            values=cost.map(np.log),
            weight=units,
            falls_hurt=False,
            min_step=float(np.log1p(min_rise)),
        )


def _volume(usage: pd.DataFrame) -> Iterator[Series]:
    """Input tokens by whole UTC day, for all traffic; days the data cuts into are left out."""
    first, last = usage["bucket_start"].min(), usage["bucket_end"].max()
    day = usage["bucket_start"].dt.floor("D")
    whole = (day >= first.ceil("D")) & (day + pd.Timedelta("1D") <= last)
    sums = cache_metrics(usage.assign(day=day)[whole], ["bucket_start"]) if whole.any() else None
    if sums is None:
        return
    tokens = sums["input_tokens"].fillna(sums["cached_tokens"])
    daily = tokens.groupby(pd.DatetimeIndex(tokens.index).floor("D")).sum().where(lambda s: s > 0)
    if daily.count() >= 8:
        yield Series(
            measure="volume",
            cohort=None,
            values=daily.map(np.log),
            weight=pd.Series(1.0, index=daily.index),
            falls_hurt=False,
            min_step=float(np.log1p(VOLUME_RISE)),
        )


def _alarms(series: Series, levels: Levels) -> Iterator[Alarm]:
    """Walk the levels with a frozen baseline: the longest quiet stretch before the change.

    A better level that lasts a week, or longer than all that was quiet, is the new norm. A first
    level that is soon followed by a longer, better one began before the window.
    """
    sign = 1.0 if series.falls_hurt else -1.0
    segments = list(levels.segments)
    if len(segments) < 2:
        return

    def worse(segment: Segment, base: Segment) -> bool:
        return sign * (base.level - segment.level) >= series.min_step

    first, second = segments[:2]
    if worse(first, second) and first.buckets < second.buckets:
        yield _alarm(series, levels, [first], second, end=second.start, began_before=True)
        segments = segments[1:]
    quiet, bad = [segments[0]], list[Segment]()
    for segment in segments[1:]:
        base = max(quiet, key=lambda s: s.buckets)
        if worse(segment, base):
            bad.append(segment)
            continue
        if bad:
            yield _alarm(series, levels, bad, base, end=segment.start)
            bad = []
        lasting = segment.end is None or segment.end - segment.start >= WEEK
        renews = worse(base, segment) and (lasting or segment.buckets >= base.buckets)
        quiet = [segment] if renews else [*quiet, segment]
    if bad:
        yield _alarm(series, levels, bad, max(quiet, key=lambda s: s.buckets), end=None)


def _alarm(
    series: Series,
    levels: Levels,
    bad: list[Segment],
    base: Segment,
    *,
    end: pd.Timestamp | None,
    began_before: bool = False,
) -> Alarm:
    start = bad[0].start
    shift = next((s for s in levels.shifts if s.at == start), None)
    after = max(bad, key=lambda s: s.buckets).level  # not the bucket in which it happened
    share = series.measure in ("hit_rate", "read_share_of_cached")
    return Alarm(
        measure=series.measure,
        cohort=series.cohort,
        start=start,
        start_low=start if shift is None else shift.low,
        start_high=start if shift is None else shift.high,
        end=end,
        before=base.level if share else 1.0,
        after=float(np.clip(after, 0, 1)) if share else float(np.exp(after - base.level)),
        baseline=(base.start, end if began_before and end is not None else base.end or start),
        baseline_buckets=base.buckets,
        began_before=began_before,
    )


def _together(a: Alarm, b: Alarm, reach: pd.Timedelta) -> bool:
    return a.start_low <= b.start_high + reach and b.start_low <= a.start_high + reach


def _incident(alarms: list[Alarm]) -> Incident:
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
