"""Where one series is worse than its frozen baseline."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..changes import Levels, Segment
from .series import Cohort, Measure, Series

WEEK = pd.Timedelta("7D")


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


def alarms_of(series: Series, levels: Levels) -> Iterator[Alarm]:
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
            yield _alarm(series, levels, bad, base, end=segment.start)
            bad = []
        lasting = segment.end is None or segment.end - segment.start >= WEEK
        renews = worse(base, segment) and (lasting or segment.buckets >= base.buckets)
        quiet = [segment] if renews else [*quiet, segment]
    if bad:
        yield _alarm(series, levels, bad, max(quiet, key=lambda s: s.buckets), end=None)


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
        baseline=(base.start, base.end or _after_last(series)),
        baseline_buckets=base.buckets,
        began_before=base.start > start,
    )


def _after_last(series: Series) -> pd.Timestamp:
    """A time after the last bucket of *series*."""
    return pd.Timestamp(series.values.index[-1]) + WEEK
