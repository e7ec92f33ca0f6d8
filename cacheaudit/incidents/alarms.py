"""Where one series is worse than its frozen baseline."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..changes import Brief, Levels, Segment
from ..schema import Cohort
from .series import RATES, Measure, Series

WEEK = pd.Timedelta("7D")
SETTLED = pd.Timedelta("1D")  # a bad level that stayed so long is one from which to fall further
SETTLED_BUCKETS = 24
DEEPER = 2.0  # least further fall, in steps that count


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One stretch of one series below (or above) its baseline.

    could_low, could_high   the widest that its start may lie apart (99.9 %)
    before, after   levels in the unit of the measure; costs and volume as ratios to before
    deeper_at       start of a further fall inside this stretch, an alarm of its own; None: none
    inside          start of the stretch that this one lies in; None: it stands alone
    margin          of a dip of one or two buckets: how far beyond all others it lies; else None
    """

    measure: Measure
    cohort: Cohort | None
    start: pd.Timestamp
    start_low: pd.Timestamp
    start_high: pd.Timestamp
    could_low: pd.Timestamp
    could_high: pd.Timestamp
    end: pd.Timestamp | None
    before: float
    after: float
    baseline: tuple[pd.Timestamp, pd.Timestamp]
    baseline_buckets: int
    began_before: bool
    deeper_at: pd.Timestamp | None = None
    inside: pd.Timestamp | None = None
    margin: float | None = None


def alarms_of(series: Series, levels: Levels) -> Iterator[Alarm]:
    """Walk the levels with a frozen baseline: the longest quiet stretch before the change.

    A better level that lasts a week, or longer than all that was quiet, is the new norm. A first
    level that is soon followed by a longer, better one began before the window. A bad level that
    settled and fell further is a second alarm inside the first, held against that level.
    """
    sign = 1.0 if series.falls_hurt else -1.0
    segments = list(levels.segments)

    def worse(segment: Segment, base: Segment) -> bool:
        return sign * (base.level - segment.level) >= series.min_step

    if not segments:
        return
    if (i := _first_norm(segments, worse)) is not None:
        yield _alarm(series, levels, segments[:i], segments[i], end=segments[i].start)
        segments = segments[i:]
    quiet, bad = [segments[0]], list[Segment]()
    for segment in segments[1:]:
        base = max(quiet, key=lambda s: s.buckets)
        if worse(segment, base):
            bad.append(segment)
            continue
        if bad:
            yield from _stretch(series, levels, bad, base, end=segment.start)
            bad = []
        lasting = segment.end is None or segment.end - segment.start >= WEEK
        renews = worse(base, segment) and (lasting or segment.buckets >= base.buckets)
        quiet = [segment] if renews else [*quiet, segment]
    if bad:
        yield from _stretch(series, levels, bad, max(quiet, key=lambda s: s.buckets), end=None)


def brief_alarms(series: Series, levels: Levels) -> Iterator[Alarm]:
    """One or two buckets in which a rate fell, off a level that was not itself worse."""
    if series.measure not in RATES:
        return
    longest = max(levels.segments, key=lambda s: s.buckets, default=None)
    for brief in levels.brief:
        if longest is None or brief.value >= brief.level:
            continue
        own = next(s for s in levels.segments if s.end is None or brief.at < s.end)
        base = own if own.buckets >= SETTLED_BUCKETS else longest
        if base.level - own.level >= series.min_step:
            continue  # inside an incident that is told already
        yield Alarm(
            measure=series.measure,
            cohort=series.cohort,
            start=brief.at,
            start_low=brief.at,
            start_high=brief.at,
            could_low=brief.at,
            could_high=brief.at,
            end=brief.until,
            before=base.level,
            after=float(np.clip(brief.value, 0, 1)),
            baseline=_baseline(series, base, brief),
            baseline_buckets=base.buckets,
            began_before=False,
            margin=brief.margin,
        )


def _baseline(series: Series, base: Segment, brief: Brief) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The level before a brief dip; what follows it where too little went before."""
    index, end = pd.DatetimeIndex(series.values.dropna().index), base.end or _after_last(series)
    if not base.start <= brief.at < end:
        return base.start, end
    earlier = int(((index >= base.start) & (index < brief.at)).sum())
    return (base.start, brief.at) if earlier >= SETTLED_BUCKETS else (brief.until, end)


def _stretch(
    series: Series,
    levels: Levels,
    bad: list[Segment],
    base: Segment,
    *,
    end: pd.Timestamp | None,
) -> Iterator[Alarm]:
    """The alarm of the levels *bad*, and those of further falls inside it."""
    place = _falls_further(series, bad, base)
    if place is None:
        yield _alarm(series, levels, bad, base, end=end)
        return
    outer = _alarm(series, levels, bad[:place], base, end=end)
    yield replace(outer, deeper_at=bad[place].start)
    settled = max(bad[:place], key=lambda s: s.buckets)
    sign = 1.0 if series.falls_hurt else -1.0
    over = next(
        (i for i in range(place, len(bad))
         if sign * (settled.level - bad[i].level) < series.min_step), len(bad)
    )  # fmt: skip
    until = end if over == len(bad) else bad[over].start
    for inner in _stretch(series, levels, bad[place:over], settled, end=until):
        yield replace(inner, inside=inner.inside or outer.start)


def _falls_further(series: Series, bad: list[Segment], base: Segment) -> int | None:
    """Index of the first level that lies well below one of *bad* that had settled."""
    sign = 1.0 if series.falls_hurt else -1.0
    for i in range(1, len(bad)):
        settled = max(bad[:i], key=lambda s: s.buckets)
        first, further = base.level - settled.level, settled.level - bad[i].level
        long = settled.buckets >= SETTLED_BUCKETS and bad[i].start - settled.start >= SETTLED
        if long and sign * further >= max(DEEPER * series.min_step, sign * first / 2):
            return i
    return None


def _first_norm(segments: list[Segment], worse: Callable[[Segment, Segment], bool]) -> int | None:
    """Index of the first level that is better and longer than all before it together.

    The first level of all must be about as bad as the worst: else the fall lies in the window.
    """
    for i in range(1, len(segments)):
        earlier, norm = segments[:i], segments[i]
        longer = norm.buckets > sum(s.buckets for s in earlier)
        falls = [abs(norm.level - s.level) for s in earlier]
        if longer and all(worse(s, norm) for s in earlier) and falls[0] >= max(falls) / 2:
            return i
    return None


def _alarm(
    series: Series,
    levels: Levels,
    bad: list[Segment],
    base: Segment,
    *,
    end: pd.Timestamp | None,
) -> Alarm:
    start = bad[0].start
    shift = next((s for s in levels.shifts if s.at == start), None)
    after = max(bad, key=lambda s: s.buckets).level  # not the bucket in which it happened
    share = series.measure in RATES
    return Alarm(
        measure=series.measure,
        cohort=series.cohort,
        start=start,
        start_low=start if shift is None else shift.low,
        start_high=start if shift is None else shift.high,
        could_low=start if shift is None else shift.could_low,
        could_high=start if shift is None else shift.could_high,
        end=end,
        before=base.level if share else 1.0,
        after=float(np.clip(after, 0, 1)) if share else float(np.exp(after - base.level)),
        baseline=(base.start, base.end or _after_last(series)),
        baseline_buckets=base.buckets,
        began_before=base.start > start,
    )


def _after_last(series: Series) -> pd.Timestamp:
    """A time after the last bucket of *series*."""
    return pd.Timestamp(series.values.index[-1]) + WEEK
