"""The excess by bucket and added up, with intervals; its last sum is the estimate."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .doubt import Doubt, doubt_of
from .estimate import NAN, Estimate, Floats, Gap, exact
from .spread import spread_of
from .usual import EPOCH, HOUR

COLUMNS = ["usd", "low", "high", "cumulated_usd", "cumulated_low", "cumulated_high"]
ENOUGH_DAYS = 3  # of baseline, for an interval
DAY_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcessCurve:
    """Excess of an incident over its baseline, bucket by bucket, all affected cohorts together.

    total      the whole of it; the last cumulated figures are the same
    buckets    bucket_start (UTC), usd, low, high, cumulated_usd, cumulated_low, cumulated_high:
               USD with 95 % intervals, NaN without one; no rows where there is no figure
    """

    total: Estimate
    buckets: pd.DataFrame

    def without(self, part: "ExcessCurve") -> "ExcessCurve":
        """This curve less *part* of it; the two intervals are taken as independent."""
        total = self.total.without(part.total)
        if pd.isna(total.value):
            return ExcessCurve(total=total, buckets=self.buckets.iloc[:0])
        own, inner = (b.set_index("bucket_start") for b in (self.buckets, part.buckets))
        every = own.index.union(inner.index)
        sides = []
        for one in (own, inner):
            by_bucket = one[["usd", "low", "high"]].reindex(every).fillna(0.0)
            summed = one[COLUMNS[3:]].reindex(every).ffill().fillna(0.0)
            sides.append((by_bucket.to_numpy(), summed.to_numpy()))
        pairs = [_less(whole, taken) for whole, taken in zip(*sides, strict=True)]
        values = np.hstack(pairs)
        if len(values):
            values[-1, 3:] = total.value, total.low, total.high
        frame = pd.DataFrame(values, columns=COLUMNS)
        frame.insert(0, "bucket_start", every)
        return ExcessCurve(total=total, buckets=frame)


def _less(whole: Floats, taken: Floats) -> Floats:
    """(value, low, high) of *whole* less those of *taken*, taken as independent, (n, 3)."""
    value = whole[:, 0] - taken[:, 0]
    down = np.hypot(whole[:, 0] - whole[:, 1], taken[:, 2] - taken[:, 0])
    up = np.hypot(whole[:, 2] - whole[:, 0], taken[:, 0] - taken[:, 1])
    return np.column_stack([value, value - down, value + up])


def curve_of(gap: Gap, start: float, end: float, low: float, high: float) -> ExcessCurve:
    """The curve of *gap*, which holds the incident [start, end) and what may belong to it.

    start, end, low, high   hours since 1970; [low, high] is the interval of the start
    """
    if gap.reason:
        return without_interval(exact(NAN, gap.reason), gap)
    if np.isnan(gap.usd).any():
        return without_interval(exact(NAN, "tokens without a price"), gap)
    by_day = end - start > DAY_HOURS
    doubt = doubt_of(gap, start, end, low, high)
    inside = _chosen(gap, doubt)
    value = float(inside.usd.sum())
    spread = spread_of(inside, by_day=by_day)
    if gap.days < ENOUGH_DAYS:
        return without_interval(exact(value, "a baseline under three days"), inside)
    if not len(inside.usd):
        return without_interval(exact(value, "no traffic in the incident"), inside)
    if not spread.freedom >= 1:
        return without_interval(exact(value, "too few days of baseline at these hours"), inside)
    summed = np.cumsum(inside.usd)
    down, up = (np.hypot(spread.running, x) for x in (doubt.less, doubt.more))
    total = Estimate(value=value, low=value - float(down[-1]), high=value + float(up[-1]))
    each, usd = spread.each, inside.usd
    figures = [usd, usd - each, usd + each, summed, summed - down, summed + up]
    return ExcessCurve(total=total, buckets=_frame(inside, figures))


def without_interval(total: Estimate, gap: Gap) -> ExcessCurve:
    """The curve of a figure that has no interval; without rows where there is no figure."""
    if np.isnan(total.value):
        gap = Gap(starts=np.zeros(0), usd=np.zeros(0), stray=np.zeros((0, 0)), days=0)
    unknown = np.full(len(gap.usd), NAN)
    figures = [gap.usd, unknown, unknown, np.cumsum(gap.usd), unknown, unknown]
    return ExcessCurve(total=total, buckets=_frame(gap, figures))


def _chosen(gap: Gap, doubt: Doubt) -> Gap:
    kept = doubt.counted
    return Gap(
        starts=gap.starts[kept],
        usd=gap.usd[kept],
        stray=gap.stray[:, kept],
        days=gap.days,
        weekends=gap.weekends,
    )


def _frame(gap: Gap, figures: list[Floats]) -> pd.DataFrame:
    frame = pd.DataFrame(dict(zip(COLUMNS, figures, strict=True)))
    minutes = np.round(gap.starts * 60).astype(np.int64)
    starts = EPOCH + pd.to_timedelta(minutes, unit="min")
    frame.insert(0, "bucket_start", pd.DatetimeIndex(starts).astype("datetime64[us, UTC]"))
    return frame


def hours(at: pd.Timestamp) -> float:
    """*at* in hours since 1970."""
    return float((at - EPOCH) / HOUR)
