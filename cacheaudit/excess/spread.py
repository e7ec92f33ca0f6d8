"""How far the excess may lie from its estimate: what the baseline's own days stray by."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls
from scipy.special import stdtrit

from ..noise import is_weekend
from .estimate import NAN, Floats, Gap, Ints
from .usual import whole

LAGS = 12  # hours over which the carry from day to day is looked for
PHIS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)  # correlation of neighbouring hours
MOST_CARRIED = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """95 % half-widths in USD: of each bucket, and of the sum up to and with it, (n,) each.

    freedom   of Student's t; below 1 there is no interval
    """

    each: Floats
    running: Floats
    freedom: float


def spread_of(gap: Gap, *, by_day: bool) -> Spread:
    """The spread of *gap*, from sums over stretches of the baseline as long as the incident.

    by_day   for incidents of more than a day: its days (UTC) stray like those of the baseline,
             and neighbouring days together as far as hours carry over midnight. Otherwise the
             stretch itself, at the same hours of the other days, strays like itself.

    Assumes that the baseline's days are drawn alike, apart from the profile. What the profile
    itself lacks is the same spread over the days that it was averaged from.
    """
    n = len(gap.starts)
    if n == 0 or gap.stray.shape[0] == 0:
        return Spread(each=np.zeros(n), running=np.zeros(n), freedom=NAN)
    seen = ~np.isnan(gap.stray)
    stray = np.where(seen, gap.stray, 0.0)
    rows = np.cumsum(seen.sum(axis=0)) / np.arange(1, n + 1)  # days, parts of a day as parts
    lost = 2 if gap.weekends else 1
    freedom = np.where(rows > lost, rows - lost, NAN)
    day = whole(gap.starts) // 24 if by_day else np.zeros(n, dtype=np.int64)
    last = np.flatnonzero(np.diff(day, append=day[-1] + 1))
    running = np.cumsum(stray, axis=1)
    so_far = np.concatenate([np.zeros((len(stray), 1)), running[:, last]], axis=1)
    of_day = np.searchsorted(last, np.arange(n))
    within = _square(running - so_far[:, of_day]) / freedom
    carried = _carried(gap) if by_day and len(last) > 1 else 0.0
    variance = _over_days(within, last, of_day, carried)
    variance += (1 + 2 * carried) * _of_profile(stray, gap, rows) / freedom
    variance /= 1 - 2 * carried / np.maximum(rows, 2)  # the mean took the days' common part out
    reach = _quantile(freedom)
    alone = _square(stray) / freedom * (1 + 1 / np.maximum(rows, 1))
    return Spread(
        each=reach * np.sqrt(alone),
        running=reach * np.sqrt(variance),
        freedom=float(freedom[-1]),
    )


def _square(stray: Floats) -> Floats:
    """Sum of squares over the days, by bucket."""
    return np.asarray((stray**2).sum(axis=0))


def _quantile(freedom: Floats) -> Floats:
    """97.5 % of Student's t, NaN below one degree of freedom."""
    return np.where(freedom >= 1, stdtrit(np.maximum(freedom, 1.0), 0.975), NAN)


def _over_days(within: Floats, last: Ints, of_day: Ints, carried: float) -> Floats:
    """Variance of the sum up to each bucket, from its variance *within* its day.

    Neighbouring days correlate by *carried*.
    """
    whole_day = within[last]
    before = np.concatenate([[0.0], np.cumsum(whole_day)])
    pairs = np.concatenate([[0.0, 0.0], np.cumsum(np.sqrt(whole_day[1:] * whole_day[:-1]))])
    yesterday = np.concatenate([[0.0], whole_day])[of_day]
    return np.asarray(
        before[of_day]
        + within
        + 2 * carried * (pairs[of_day + (of_day == 0)] + np.sqrt(yesterday * within))
    )


def _of_profile(stray: Floats, gap: Gap, rows: Floats) -> Floats:
    """Sum of squares of what the levels of the profile were strayed by, by bucket.

    A level is the mean over its days, so it strays by the sum over the incident at that level
    divided by their number. Weekends have a level of their own where gap.weekends says so.
    """
    late = is_weekend(whole(gap.starts)) if gap.weekends else np.zeros(len(gap.starts), int)
    share = gap.weekends / gap.days if gap.weekends else 0.0
    total = np.zeros(len(gap.starts))
    for own, part in ((late == 0, 1 - share), (late == 1, share)):
        if own.any():
            total += _square(np.cumsum(stray * own, axis=1)) / np.maximum(rows * part, 1)
    return total


def _carried(gap: Gap) -> float:
    """Correlation of the sums of neighbouring days, from how hours correlate, in [0, 0.6].

    The covariance of hours k apart is white noise at k = 0, an autoregression phi^k and a mood
    that a day's hours share; over midnight the autoregression alone. The three are fitted to both
    (non-negative least squares, phi on a grid): sums of days, of which there are few, would tell
    it far less well.
    """
    panel, seen = _panel(gap)
    days = len(panel)
    size = np.sqrt((panel**2).sum(axis=0) / np.maximum(seen.sum(axis=0), 1))
    if days < 4 or not size.any():
        return 0.0
    panel = np.divide(panel, size, out=np.zeros_like(panel), where=size > 0)
    h = np.arange(24)
    inner = (h - h[:, None]).ravel()
    over = (24 - h[:, None] + h).ravel()
    ahead, near = (inner >= 0) & (inner <= LAGS), over <= LAGS
    y, weight = [], []
    for lag, keep, first, second in ((inner, ahead, slice(None), slice(None)),
                                     (over, near, slice(None, -1), slice(1, None))):  # fmt: skip
        sums = (panel[first].T @ panel[second]).ravel()[keep]
        pairs = (seen[first].T @ seen[second]).ravel()[keep]
        total = [np.bincount(lag[keep], weights=x, minlength=LAGS + 1) for x in (sums, pairs)]
        weight.append(np.sqrt(total[1]))
        y.append(np.divide(total[0], total[1], out=np.zeros(LAGS + 1), where=total[1] > 0))
    values, weights, lags = np.concatenate(y), np.concatenate(weight), np.arange(LAGS + 1)
    best: tuple[float, float] = (np.inf, 0.0)
    none = np.zeros(LAGS + 1)
    for phi in PHIS:
        # The profile took the mean over the days out: of each covariance, its mean over them.
        near_by, round_by = phi**lags, phi ** (24 - lags)
        taken = (near_by + round_by) / days
        white = np.concatenate([(lags == 0) * (1 - 1 / days), none])
        decay = np.concatenate([near_by - taken, near_by - taken])
        shared = np.concatenate([none + 1 - 1 / days, none - 1 / days])
        design = np.column_stack([white, decay, shared])
        (a, b, c), miss = nnls(design * weights[:, None], values * weights)
        apart = np.abs(h - h[:, None])
        inside = size @ (a * np.eye(24) + b * phi**apart + c) @ size
        beside = size @ (b * phi ** (24 - h[:, None] + h)) @ size
        if miss < best[0] and inside > 0:
            best = (float(miss), float(beside / inside))
    return min(MOST_CARRIED, best[1])


def _panel(gap: Gap) -> tuple[Floats, Floats]:
    """What the baseline's days stray by at the incident's mean volume of the hour, (days, 24)."""
    clock = whole(gap.starts) % 24
    each = np.maximum(np.bincount(clock, minlength=24), 1)
    seen = ~np.isnan(gap.stray)
    sums = np.zeros((24, len(gap.stray)))
    np.add.at(sums, clock, np.where(seen, gap.stray, 0.0).T)
    there = np.zeros((24, len(gap.stray)))
    np.add.at(there, clock, seen.T.astype(np.float64))
    return sums.T / each, (there.T > 0).astype(np.float64)
