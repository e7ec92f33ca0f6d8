"""Rhythm, noise and outliers of a series, estimated so that level shifts do not disturb them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import nnls

Floats = npt.NDArray[np.float64]

MAD_TO_SD = 1.4826  # of a normal distribution
ENOUGH = 4  # observations per cell of a rhythm
WEEK = pd.Timedelta("7D")
DAY = pd.Timedelta("1D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """sd: standard deviation of each bucket, (n,); long_run: variance of a mean of many buckets
    over what independence would give (1 for white noise)."""

    sd: Floats
    long_run: float


def rhythm(series: pd.Series) -> Floats:
    """What the hour of the day (weekends apart) adds to a level, (n,).

    Medians of the distance to the running median of a week, which keeps the edges of a step;
    of the day, where there are less than two weeks. A cell with fewer than ENOUGH values adds
    0, so a rhythm that the data cannot show is never subtracted.
    """
    index = pd.DatetimeIndex(series.index)
    span = index[-1] - index[0]
    if span < 4 * DAY:
        return np.zeros(len(series))
    long = span >= 2 * WEEK
    level = series.rolling(WEEK if long else DAY, center=True, min_periods=1).median()
    cell = index.hour.to_numpy() + (24 * (index.day_of_week.to_numpy() >= 5) if long else 0)
    away = (series - level).groupby(cell)
    offset = away.transform("median").where(away.transform("size") >= ENOUGH, 0.0)
    return offset.to_numpy(float)


def estimate_noise(y: Floats, weight: Floats, *, floor: float) -> Noise:
    """Noise of *y* (n,) when a bucket's variance is a + b / weight.

    From differences at growing distances (a structure function): over a long distance they hold
    the whole variance, over one bucket only what correlation leaves of it. Medians make both
    blind to a few steps. *floor* is the least standard deviation: a series without noise would
    otherwise make every ripple a shift.
    """
    n = len(y)
    far = int(np.clip(n // 4, 1, 24))
    distances = np.arange(max(1, far // 2), far + 1)
    variance = float(np.median([_half_variance(y, int(k)) for k in distances]))
    near = _half_variance(y, 1)
    phi = float(np.clip(1 - near / variance, 0, 0.95)) if variance > 0 else 0.0
    shape = _variance_by_weight(y, weight, far)
    typical = float(np.median(shape))
    scale = variance / typical if typical > 0 else 0.0
    sd = np.sqrt(np.maximum(shape * scale, floor**2))
    blocks = _block_ratio(y, sd, max(2, min(24, n // 12)))
    long_run = max(1.0, (1 + phi) / (1 - phi), blocks)
    return Noise(sd=sd, long_run=long_run)


def clip_lone_outliers(y: Floats, sd: Floats, *, reach: float) -> Floats:
    """*y* held within *reach* standard deviations of the running median of five buckets.

    A run of two or fewer is clipped; three or more move the median and stay as they are.
    """
    local = pd.Series(y).rolling(5, center=True, min_periods=3).median().to_numpy()
    return np.clip(y, local - reach * sd, local + reach * sd)


def _half_variance(y: Floats, distance: int) -> float:
    """Robust variance of y as half that of its differences at *distance*."""
    difference = y[distance:] - y[:-distance]
    return float((MAD_TO_SD * np.median(np.abs(difference))) ** 2 / 2)


def _variance_by_weight(y: Floats, weight: Floats, distance: int) -> Floats:
    """a + b / weight per bucket, fitted to the spread of differences in quarters of weight."""
    inverse = 1 / np.maximum(weight, np.finfo(float).tiny)
    inverse = inverse / np.median(inverse)
    if len(y) < 40 or np.ptp(inverse) < 1e-9:
        return np.ones(len(y))
    squares = (y[distance:] - y[:-distance]) ** 2
    pair = inverse[distance:] + inverse[:-distance]
    quarter = np.digitize(pair, np.quantile(pair, [0.25, 0.5, 0.75]))
    spread, middle = [], []
    for q in range(4):
        inside = quarter == q
        if inside.sum() >= 8:
            spread.append(MAD_TO_SD**2 * float(np.median(squares[inside])))
            middle.append(float(np.median(pair[inside])))
    if len(spread) < 2 or max(spread) <= 0:
        return np.ones(len(y))
    design = np.column_stack([np.full(len(middle), 2.0), middle])
    (a, b), _ = nnls(design, np.asarray(spread))
    return np.asarray(a + b * inverse)


def _block_ratio(y: Floats, sd: Floats, size: int) -> float:
    """Variance of the differences of neighbouring block means, over what independence gives."""
    blocks = len(y) // size
    if blocks < 6:
        return 1.0
    precision = (1 / sd**2)[: blocks * size].reshape(blocks, size)
    means = (y[: blocks * size].reshape(blocks, size) * precision).sum(1) / precision.sum(1)
    variance = 1 / precision.sum(1)
    scaled = np.diff(means) / np.sqrt(variance[1:] + variance[:-1])
    return float((MAD_TO_SD * np.median(np.abs(scaled))) ** 2)
