"""Rhythm, noise and outliers of a series, estimated so that level shifts do not disturb them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import nnls
from scipy.special import ndtri

Floats = npt.NDArray[np.float64]

ENOUGH = 4  # observations per cell of a rhythm
CHANCE = 1.5  # over sqrt(n): how much too wide n values spread by chance now and then
WEEK = pd.Timedelta("7D")
DAY = pd.Timedelta("1D")
SIZES = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48, 72, 96, 144, 192])  # buckets per block
TAILS = (0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How far a mean strays when nothing happens.

    sd         standard deviation of each bucket, (n,)
    inflation  variance of a mean of m buckets over what independent normal buckets would give,
               (n + 1,), by m; at least 1
    long_run   inflation of the mean of a day by the correlation of neighbours alone: how many
               buckets say as much as one independent one
    """

    sd: Floats
    inflation: Floats
    long_run: float


def rhythm(series: pd.Series) -> Floats:
    """What the hour of the day (weekends apart) adds to a level, (n,).

    Medians of the distance to the running median of a week, which keeps the edges of a step;
    of the day, where there are less than two weeks. A cell with fewer than ENOUGH values adds
    0, so a rhythm that the data cannot show is never subtracted.
    """
    hour = pd.DatetimeIndex(series.index).floor("h")
    hourly = series.groupby(hour).median() if hour.has_duplicates else series  # minutes: one vote
    found = _cells(hourly)
    if found is None:
        return np.zeros(len(series))
    cell, level = found
    size, usual = _quantile_by_cell(hourly.to_numpy(float) - level, cell, 0.5)
    offset = np.where(size >= ENOUGH, usual, 0.0)[cell]
    return np.asarray(offset[hour.unique().get_indexer(hour)])


def wild_hours(flat: pd.Series, sd: Floats, *, share: float = 0.9) -> Floats:
    """How many times *sd* the values of each hour of the day stray around their level, (n,).

    Traffic that stops on some nights and not on others makes those hours wilder than their
    weight tells; 1 where an hour strays no more than chance would have it. Judged by the
    quantile *share* of the distances: a lower one lets a few odd days pass as odd.
    """
    found = _cells(flat)
    if found is None:
        return np.ones(len(flat))
    cell, level = found
    size, far = _quantile_by_cell(np.abs(flat.to_numpy(float) - level) / sd, cell, share)
    if (size > 0).sum() <= 2:  # days: the weekend is no hour
        return np.ones(len(flat))
    stray = far / ndtri((1 + share) / 2)
    sure = (size >= 2 * ENOUGH) & (stray > 1 + CHANCE / np.sqrt(np.maximum(size, 1)))
    return np.asarray(np.where(sure, stray, 1.0)[cell])


def _quantile_by_cell(
    values: Floats, cell: npt.NDArray[np.int64], share: float
) -> tuple[npt.NDArray[np.int64], Floats]:
    """(number of *values* in each cell, their quantile *share*, linear between two), by cell."""
    size = np.bincount(cell)
    ordered = values[np.lexsort((values, cell))]
    place = share * np.maximum(size - 1, 0)
    below = np.cumsum(size) - size + place.astype(np.int64)
    last = len(ordered) - 1
    low = ordered[np.minimum(below, last)]
    high = ordered[np.minimum(below + (place % 1 > 0), last)]
    return size, low + (high - low) * (place % 1)


def _cells(series: pd.Series) -> tuple[npt.NDArray[np.int64], Floats] | None:
    """Cell of the rhythm and running level of each bucket; None where the data is too short."""
    index = pd.DatetimeIndex(series.index)
    span = index[-1] - index[0] + (index[1:] - index[:-1]).min()  # to the end of the last bucket
    if span < 4 * DAY:
        return None
    long = span >= 2 * WEEK
    level = series.rolling(WEEK if long else DAY, center=True, min_periods=1).median()
    cell = week_hour(index)
    return cell if long else cell % 24, level.to_numpy(float)


def week_hour(index: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    """Hour of the day (UTC) of each time, and 24 more on weekends, (n,)."""
    hour = np.asarray(index.as_unit("s").asi8 // 3600, dtype=np.int64)
    return hour % 24 + 24 * is_weekend(hour)


def is_weekend(hour: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """1 where *hour* (since 1970, a Thursday) lies in a Saturday or Sunday, UTC."""
    return ((hour // 24 + 3) % 7 >= 5).astype(np.int64)


def estimate_noise(y: Floats, weight: Floats, *, floor: float) -> Noise:
    """Noise of *y* (n,) when a bucket's variance is a + b / weight.

    Measured at every scale from contrasts of block means that lie well apart, as in an Allan
    variance: correlation, day-to-day moods and drift all show as means that stray further than
    independent buckets would. Medians make it blind to a few steps. *floor* is the least
    standard deviation: a series without noise would otherwise make every ripple a shift.
    """
    n = len(y)
    far = int(np.clip(n // 24, min(3, n - 1), 24))
    shape = _variance_by_weight(y, weight, far)
    blocks = _Blocks(y, 1 / shape)
    least = floor**2 / float(np.median(shape))
    variance = max(least, blocks.typical(1, far), blocks.plain())
    near = max(least, blocks.spread(1, 1))
    phi = float(np.clip(1 - near / variance, 0, 0.95))
    sizes = SIZES[: max(1, int((n // 12 >= SIZES).sum()))]
    stray = np.array([blocks.typical(int(m), max(int(m), far)) for m in sizes]) / variance
    stray = np.maximum.accumulate(np.maximum(stray, _of_autoregression(phi, sizes)))
    tails = np.array([blocks.tail(int(m), least) for m in sizes])
    every = np.arange(n + 1)
    grown = np.maximum(_extended(sizes, stray, every), _of_autoregression(phi, every))
    inflation = np.maximum(1.0, grown * np.interp(every, sizes, tails))
    sd = np.sqrt(np.maximum(shape * variance, floor**2))
    day = np.array([min(n, 24)])
    return Noise(sd=sd, inflation=inflation, long_run=float(_of_autoregression(phi, day)[0]))


def clip_lone_outliers(y: Floats, sd: Floats, *, reach: float) -> Floats:
    """*y* held within *reach* standard deviations of what its two neighbours span.

    A bucket that stands alone is pulled in, however deep; two in a row stay as they are. The
    neighbours span more by as much as they are the less sure: two thin hours say little of the
    busy one between them.
    """
    before, after = _neighbours(y)
    unsure = [reach * np.maximum(0.0, other - sd) for other in _neighbours(sd)]
    low = np.minimum(before - unsure[0], after - unsure[1])
    high = np.maximum(before + unsure[0], after + unsure[1])
    return np.clip(y, low - reach * sd, high + reach * sd)


def _neighbours(x: Floats) -> tuple[Floats, Floats]:
    """The values before and after each, (n,) each; at the ends the second next twice."""
    return np.concatenate([x[2:3], x[:-1]]), np.concatenate([x[1:], x[-3:-2]])


class _Blocks:
    """Contrasts of weighted block means of one series, all places at once."""

    def __init__(self, y: Floats, precision: Floats) -> None:
        self.n = len(y)
        self.p = np.concatenate([[0.0], np.cumsum(precision)])
        self.py = np.concatenate([[0.0], np.cumsum(precision * (y - np.median(y)))])

    def contrasts(self, size: int, gap: int) -> Floats:
        """|difference| of the means of blocks whose starts lie *gap* apart, standardised."""
        p = self.p[size:] - self.p[:-size]
        mean = (self.py[size:] - self.py[:-size]) / p
        return np.asarray(np.abs(mean[gap:] - mean[:-gap]) / np.sqrt(1 / p[gap:] + 1 / p[:-gap]))

    def spread(self, size: int, gap: int) -> float:
        """Robust variance of the contrasts."""
        return _normal_variance(self.contrasts(size, gap), 0.5)

    def typical(self, size: int, gap: int) -> float:
        """Median of the spreads at *gap* and below, down to two thirds of it."""
        gaps = np.unique(np.linspace(max(size, 2 * gap // 3), gap, 4).astype(int))
        return float(np.median([self.spread(size, int(g)) for g in gaps]))

    def plain(self) -> float:
        """Mean square of neighbouring contrasts but the largest: sees what a median of 0 hides."""
        squares = np.sort(self.contrasts(1, 1)) ** 2
        return float(squares[: -min(2 * ENOUGH, len(squares) // 4 + 1)].mean())

    def tail(self, size: int, least: float) -> float:
        """How much wider than normal the tails of neighbouring contrasts are, as a variance."""
        contrasts = self.contrasts(size, size)
        core = max(least, _normal_variance(contrasts, 0.5))
        places = len(contrasts) / size
        shares = [s for s in TAILS if (1 - s) * places >= 2 * ENOUGH]
        return max([1.0, *(_normal_variance(contrasts, s) / core for s in shares)])


def _normal_variance(sizes: Floats, share: float) -> float:
    """Variance of a normal law of which *share* lies within that share of *sizes*."""
    place = min(len(sizes) - 1, int(share * len(sizes)))
    return float((np.partition(sizes, place)[place] / ndtri((1 + share) / 2)) ** 2)


def _of_autoregression(phi: float, sizes: npt.NDArray[np.int64]) -> Floats:
    """Inflation of a mean of m buckets whose neighbours correlate by *phi*."""
    m = np.maximum(sizes, 1)
    return np.asarray((1 + phi) / (1 - phi) - 2 * phi * (1 - phi**m) / (m * (1 - phi) ** 2))


def _extended(sizes: npt.NDArray[np.int64], stray: Floats, every: npt.NDArray[np.int64]) -> Floats:
    """*stray* for every number of buckets; past the largest measured it grows as it did last."""
    inside = np.interp(every, sizes, stray)
    if len(sizes) < 4:
        return inside
    slope = np.log(stray[-1] / stray[-4]) / np.log(sizes[-1] / sizes[-4])
    beyond = np.maximum(every / sizes[-1], 1.0)
    return np.asarray(inside * beyond ** np.clip(slope, 0, 2))


def _variance_by_weight(y: Floats, weight: Floats, distance: int) -> Floats:
    """a + b / weight per bucket, fitted to the spread of differences in quarters of weight."""
    inverse = 1 / np.maximum(weight, np.finfo(float).tiny)
    inverse = inverse / np.median(inverse)
    if len(y) < 40 or np.ptp(inverse) < 1e-9:
        return np.ones(len(y))
    difference = np.abs(y[distance:] - y[:-distance])
    pair = inverse[distance:] + inverse[:-distance]
    quarter = np.digitize(pair, np.quantile(pair, [0.25, 0.5, 0.75]))
    spread, middle = [], []
    for q in range(4):
        inside = quarter == q
        if inside.sum() >= 8:
            spread.append(_normal_variance(difference[inside], 0.75))
            middle.append(float(np.median(pair[inside])))
    if len(spread) < 2 or max(spread) <= 0:
        return np.ones(len(y))
    design = np.column_stack([np.full(len(middle), 2.0), middle])
    (a, b), _ = nnls(design, np.asarray(spread))
    return np.asarray(a + b * inverse)
