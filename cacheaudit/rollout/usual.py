"""The frozen baseline of what moved: its hit rate by hour of the day, and how far hours stray.

Usual is the rate (of sums) of the same hour of the day in the baseline, weekends apart where there
are ENOUGH hours. With rho what an hour of the baseline read over what was usual, noise.py says how
far rho strays: sd of an hour by its tokens w, and the inflation of a mean of m hours. A stretch of
m hours with the rate r, the usual rate b and W tokens then has

    variance of r / b = D / (D - 1) * (v(stretch) * q + v(baseline) + mood)
    v = sum of w^2 sd^2 / W^2 * inflation(m),  q = max(1, r (1 - r) / (b (1 - b)))

D / (D - 1), over the days of the baseline, is for the hours that were fitted; q is that of a share
that is nearer to a half; mood is by how much whole days of the baseline vary more than their hours
explain: a week is too short for the noise to see it at the scale of a day. Limits are Student's t
with n / sqrt(long run) - 2 degrees of freedom.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from ..noise import Noise, estimate_noise, week_hour

Floats = npt.NDArray[np.float64]

ENOUGH = 4  # hours of a cell, before it has a rate of its own
LEAST_BASELINE_H = 24  # with traffic
FLOOR = 0.005  # least sd of rho: a baseline without noise would make every ripple a finding
DAY = pd.Timedelta("1D")
LEAST_BUCKETS, LEAST_DAYS = 6, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A stretch of hours: its rate beside the usual one, with an interval.

    tokens   that the rate is of
    """

    rate: float
    low: float
    high: float
    usual: float
    tokens: float
    hours: float


def with_usual(hours: pd.DataFrame, baseline: pd.DataFrame) -> Floats:
    """What each row of *hours* would have read of its tokens, as a share; NaN without a baseline.

    hours, baseline   `move` (whose), `at`, `end` (of the bucket), `read`, `tokens`
    """
    usual = np.full(len(hours), np.nan)
    for cells in (_week_hour, _hour, _any):
        sums = (
            baseline.assign(cell=cells(baseline), n=1)
            .groupby(["move", "cell"])[["read", "tokens", "n"]]
            .sum()
        )
        known = sums[(sums["n"] >= (ENOUGH if cells is not _any else 1)) & (sums["tokens"] > 0)]
        rate = known["read"] / known["tokens"]
        keys = pd.MultiIndex.from_arrays([hours["move"], cells(hours)])
        usual = np.where(np.isnan(usual), rate.reindex(keys).to_numpy(float), usual)
    return usual


def seen(stretch: pd.DataFrame, baseline: pd.DataFrame, hours: float, tests: int) -> Seen | None:
    """*stretch* against *baseline* with an interval at 95 % for all of *tests* together.

    stretch, baseline   as with_usual, with its result as `usual`
    """
    known = stretch[(stretch["tokens"] > 0) & stretch["usual"].notna()]
    tokens = float(known["tokens"].sum())
    buckets = baseline[["at", "end"]].drop_duplicates()
    covered_h = float(((buckets["end"] - buckets["at"]).dt.total_seconds() / 3600).sum())
    if known.empty or covered_h < LEAST_BASELINE_H or len(buckets) < LEAST_BUCKETS:
        return None
    rate = float(known["read"].sum()) / tokens
    usual = float((known["tokens"] * known["usual"]).sum()) / tokens
    if not usual > 0:
        return None
    nearer = rate * (1 - rate) / max(usual * (1 - usual), 1e-6)
    sd, freedom = _stray(known, baseline, max(1.0, nearer))
    reach = float(student.ppf(1 - 0.025 / tests, freedom)) * sd * usual
    return Seen(
        rate=rate, low=max(0.0, rate - reach), high=min(1.0, rate + reach), usual=usual,
        tokens=tokens, hours=hours,
    )  # fmt: skip


def _stray(stretch: pd.DataFrame, baseline: pd.DataFrame, nearer: float) -> tuple[float, float]:
    """(sd of the stretch's rate over its usual one, degrees of freedom)."""
    old = _by_hour(baseline)
    w, rho = old["tokens"].to_numpy(float), (old["read"] / old["would"]).to_numpy(float)
    noise = estimate_noise(rho, w, floor=FLOOR)
    days = max(2.0, (old.index[-1] - old.index[0]) / DAY)
    now = _by_hour(stretch)["tokens"].to_numpy(float)
    own = _mean_variance(now, _sd_at(now, w, noise.sd), noise.inflation)
    base = _mean_variance(w, noise.sd, noise.inflation)
    variance = (own * nearer + base + _mood(old, noise)) * days / (days - 1)
    return max(FLOOR, variance**0.5), max(3.0, len(w) / noise.long_run**0.5 - 2)


def _mood(old: pd.DataFrame, noise: Noise) -> float:
    """How much more whole days of the baseline vary than the noise of their hours lets them."""
    day = np.asarray((old.index - old.index[0]) // DAY, dtype=np.int64)
    sums = old.groupby(day)[["read", "would", "tokens"]].sum()
    sums = sums[sums["tokens"] >= sums["tokens"].median() / 4]
    if len(sums) < LEAST_DAYS:
        return 0.0
    rho = (sums["read"] / sums["would"]).to_numpy(float)
    w = old["tokens"].to_numpy(float)
    explained = [
        _mean_variance(w[day == number], noise.sd[day == number], noise.inflation)
        for number in sums.index
    ]
    return max(0.0, float(np.var(rho, ddof=1)) - float(np.mean(explained)))


def _by_hour(rows: pd.DataFrame) -> pd.DataFrame:
    """All moves together, by bucket: `read`, `would` (the usual reads), `tokens`."""
    known = rows.assign(would=rows["tokens"] * rows["usual"])
    sums = known.groupby("at")[["read", "would", "tokens"]].sum()
    return sums[sums["would"] > 0]


def _mean_variance(w: Floats, sd: Floats, inflation: Floats) -> float:
    """Of the mean of hours weighted by their tokens *w* (n,)."""
    longest = len(inflation) - 1
    return float((w**2 * sd**2).sum() / w.sum() ** 2 * inflation[min(len(w), longest)])


def _sd_at(now: Floats, w: Floats, sd: Floats) -> Floats:
    """The sd of hours with *now* tokens, from *sd* at *w*; thinner ones than any stray as 1 / w."""
    order = np.argsort(w)
    inside = np.interp(now, w[order], sd[order])
    return np.asarray(inside * np.sqrt(np.maximum(1.0, w[order][0] / now)))


def _week_hour(hours: pd.DataFrame) -> npt.NDArray[np.int64]:
    return week_hour(pd.DatetimeIndex(hours["at"]))


def _hour(hours: pd.DataFrame) -> npt.NDArray[np.int64]:
    return _week_hour(hours) % 24


def _any(hours: pd.DataFrame) -> npt.NDArray[np.int64]:
    return np.zeros(len(hours), dtype=np.int64)
