"""The volume of the week beside the days of its baseline.

A day is 24 hours that end a whole number of days before the end of its stretch; its usual volume is
the mean of the baseline's days, weekends apart where there are two of each kind. With v the volume
of a day over what is usual, s its standard deviation over the D days of the baseline, and m days in
the week, the interval of the week's sum is

    sum * usual +- t(D - kinds) * s * sqrt(1 / m + 1 / D) * max(1, sum / usual)

A part of a day at the beginning of the week counts as the whole days after it do. Days are taken as
independent, so a slow wave of the demand can look like a move. That is why a
volume alone makes no verdict.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import t as student

from ..schema import Cohort

DAY = pd.Timedelta("1D")
LEAST_DAYS = 4  # of the baseline
APART = 2  # days of a kind, before weekends have a level of their own
UNREPORTED = 0.01  # of a day's tokens: above it, its volume is not known


def by_day(hours: pd.DataFrame, members: Sequence[Cohort], end: pd.Timestamp) -> pd.Series:
    """Prompt tokens of *members* by day, its start as index; a day without anybody's is no day,
    and one of which a part is not reported is NaN.

    hours   series.by_hour of a stretch that ends at *end*; a day that it only begins in is left out
    """
    back = (end - hours["at"]).dt.total_seconds().to_numpy(float) / DAY.total_seconds()
    start = end - pd.to_timedelta(np.ceil(back), unit="D")
    first = hours["at"].min()
    theirs = hours["cohort"].isin(members)
    own = hours[["prompt", "unknown"]].where(theirs, 0.0).fillna(0.0)
    days = own.groupby(pd.DatetimeIndex(start)).sum()
    partly = days["unknown"] > UNREPORTED * days.sum(axis=1)
    sums: pd.Series = days["prompt"].mask(partly)
    whole: pd.Series = sums[sums.index >= first]
    return whole


def usual_volume(
    volume: float, now: pd.Series, base: pd.Series, tests: int
) -> tuple[float, float, float] | None:
    """(usual, low, high) of this week's *volume*, with an interval at 95 % for all of *tests*.

    now, base   by_day of both; None with too few days, a baseline without any traffic, or a day
                of *now* that is not known
    """
    base = base.dropna()
    if now.isna().any():
        return None
    if len(base) < LEAST_DAYS or not len(now) or not base.sum() > 0:
        return None
    weekend = _weekend(base)
    kinds = 2 if min(weekend.sum(), (~weekend).sum()) >= APART else 1
    means = np.full(2, float(base.mean()))
    if kinds == 2:
        means = np.array([float(base[~weekend].mean()), float(base[weekend].mean())])
    expected = means[weekend.astype(int)]
    ratio = base.to_numpy(float)[expected > 0] / expected[expected > 0]
    freedom = len(base) - kinds
    sd = float(np.sqrt(((ratio - 1) ** 2).sum() / freedom))
    total, usual = float(now.sum()), float(means[_weekend(now).astype(int)].sum())
    if not usual > 0:
        return None
    reach = float(student.ppf(1 - 0.025 / tests, freedom)) * sd
    reach *= float(np.sqrt(1 / len(now) + 1 / len(base))) * max(usual, total)
    whole = volume / total if total > 0 else 1.0
    return usual * whole, max(0.0, total - reach) * whole, (total + reach) * whole


def _weekend(days: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    middle = pd.DatetimeIndex(days.index) + DAY / 2
    return np.asarray(middle.day_of_week >= 5)
