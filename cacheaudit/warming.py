"""Is a loss fading, or here to stay: an exponential decay of the gap to the baseline, and its end.

    gap(t) = 1 - rate(t) / baseline(t) = g * exp(-k t) + noise

fitted by least squares to means of blocks (a day; six hours, for under eight days). Every (k, g)
that fits no worse than chance allows is kept, which is the profile likelihood: the interval of k,
and of every figure that follows from k and g, is its range over that set (Venzon and Moolgavkar
1988, Applied Statistics 37(1), "A method for computing profile-likelihood-based confidence
intervals"). What chance allows is Student's t over the spread of the blocks, in the baseline or
around the fit, whichever is larger, times (1 + r) / (1 - r) for the correlation r of neighbours.

Assumed: the gap goes on as it went, and to zero. A cache with a lifetime cannot stay cold for
longer than that once traffic stopped moving, so a gap that fades over days is not a cache that
warms up by itself: traffic or its prefixes still move, or another cause is fading.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

Floats = npt.NDArray[np.float64]
Shape = Literal["recovered", "warming", "lasting", "unclear"]

DAY = pd.Timedelta("1D")
LEAST_DAYS = 3  # whole days of a gap, before its trend is asked for
DAILY = 8  # days from which on a block is a day
SHORT_BLOCK = pd.Timedelta("6h")
LONGEST_DAYS = 180.0  # a date further off than this is none
DECAYS = np.concatenate([np.linspace(-4, 4, 321), np.geomspace(4.05, 40, 80)])  # k * span
STEP_BY = 4.0  # by how much a single step must fit better (in -2 log likelihood) to be preferred
MOST_CORRELATED = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Warming:
    """How a gap develops.

    shape            warming: it shrinks, at 95 %; lasting: it does not, and one that halved over
                     what was seen would have shown; unclear: neither, or too little data, or one
                     step explains it better. (`recovered` is for the caller to say)
    half_life_days   of the gap; None but for warming
    projected_at     when it will be back at the target; None but for warming
    projected_low, projected_high   95 % interval; None: not within LONGEST_DAYS
    """

    shape: Shape
    half_life_days: float | None = None
    projected_at: pd.Timestamp | None = None
    projected_low: pd.Timestamp | None = None
    projected_high: pd.Timestamp | None = None


def warming_of(
    curve: pd.DataFrame, usual: pd.DataFrame, *, since: pd.Timestamp, target: float
) -> Warming:
    """The shape of the gap in *curve* from *since* on.

    curve, usual   `rate`, `baseline`, `weight` by bucket start: of the incident, of the baseline
    target         share of the baseline at which it counts as back
    """
    late = curve[curve.index >= since]
    if late.empty:
        return Warming(shape="unclear")
    bucket = late.index[1:] - late.index[:-1]
    last = late.index[-1] + (bucket.min() if len(bucket) else pd.Timedelta(0))
    days = int((last - late.index[0]) / DAY)
    if days < LEAST_DAYS:
        return Warming(shape="unclear")
    begin = last - days * DAY  # whole days: half a night is no trend
    width = DAY if days >= DAILY else SHORT_BLOCK
    x, gap = _blocks(late[late.index >= begin], begin, width)
    if len(gap) < DAILY:
        return Warming(shape="unclear")
    _, normal = _blocks(usual, usual.index.min() if len(usual) else begin, width)
    fit = _fit(x, gap, normal)
    if fit is None:
        return Warming(shape="unclear")
    return _judged(fit, x, gap, target, begin=begin, last=last)


def _blocks(rows: pd.DataFrame, begin: pd.Timestamp, width: pd.Timedelta) -> tuple[Floats, Floats]:
    """(middle of each block in days from *begin*, its gap), of sums."""
    known = rows[(rows["weight"] > 0) & (rows["baseline"] > 0)]
    since = pd.DatetimeIndex(known.index) - begin
    number = np.asarray(since // width, dtype=np.int64)
    sums = (
        pd.DataFrame({
            "had": known["rate"] * known["weight"],
            "usual": known["baseline"] * known["weight"],
        })
        .groupby(number)
        .sum()
    )  # fmt: skip
    middle = (sums.index.to_numpy(float) + 0.5) * (width / DAY)
    return middle, (1 - sums["had"] / sums["usual"]).to_numpy(float)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Decays k, per day (m,), with the best g of each, how far g may stray, and what fits.

    allowed   whether any g at that k fits no worse than chance allows (m,)
    squares   what the best fit leaves; best: its place
    """

    k: Floats
    g: Floats
    stray: Floats
    allowed: npt.NDArray[np.bool_]
    squares: float
    best: int


def _fit(x: Floats, gap: Floats, normal: Floats) -> _Fit | None:
    """All decays against *gap* (n,) at *x* (n,), in days; None where nothing is lost."""
    k = DECAYS / float(x[-1] - x[0])
    shape = np.exp(-np.outer(k, x - x[0]))
    size = (shape**2).sum(axis=1)
    g = shape @ gap / size
    squares = ((gap - g[:, None] * shape) ** 2).sum(axis=1)
    best = int(squares.argmin())
    if g[best] <= 0:
        return None
    free = len(x) - 2
    rest = gap - g[best] * shape[best]
    spread = max(
        float(squares[best]) / free, float(np.var(normal, ddof=1)) if len(normal) > 2 else 0
    )
    r = min(MOST_CORRELATED, max(_correlation(rest, 2), _correlation(normal, 0), 0.0))
    variance = max(spread * (1 + r) / (1 - r), 1e-12)
    room = variance * float(stdtrit(free, 0.975)) ** 2 - (squares - squares[best])
    return _Fit(
        k=k,
        g=g,
        stray=np.sqrt(np.maximum(room, 0) / size),
        allowed=room >= 0,
        squares=float(squares[best]),
        best=best,
    )


def _correlation(values: Floats, fitted: int) -> float:
    """Of neighbours, (n,) with a correction for the mean and *fitted* parameters taken out."""
    n = len(values)
    if n < 4 or not np.var(values) > 0:
        return 0.0
    centred = values - values.mean()
    plain = float(centred[1:] @ centred[:-1] / (centred @ centred))
    return plain + (1 + fitted) * (1 + max(plain, 0.0)) / n


def _judged(
    fit: _Fit, x: Floats, gap: Floats, target: float, *, begin: pd.Timestamp, last: pd.Timestamp
) -> Warming:
    low, high = (float(bound) for bound in (fit.k[fit.allowed].min(), fit.k[fit.allowed].max()))
    seen = float(x[-1] - x[0])
    if low <= 0:
        halved = high * seen >= np.log(2)
        return Warming(shape="unclear" if halved else "lasting")
    if len(gap) * np.log(fit.squares / max(_one_step(gap), 1e-12)) > STEP_BY:
        return Warming(shape="unclear")
    early, at, late = _reaches(fit, x[0], 1 - target)

    def date(days: float) -> pd.Timestamp | None:
        if days > LONGEST_DAYS + (last - begin) / DAY:
            return None
        return max(last, begin + pd.Timedelta(days=days).floor("min"))

    return Warming(
        shape="warming",
        half_life_days=float(np.log(2) / fit.k[fit.best]),
        projected_at=date(at),
        projected_low=date(early),
        projected_high=date(late),
    )


def _reaches(fit: _Fit, offset: float, goal: float) -> tuple[float, float, float]:
    """Days until the gap is *goal*: the earliest that fits, the best, the latest."""
    k, g, stray = (part[fit.allowed] for part in (fit.k, fit.g, fit.stray))
    with np.errstate(divide="ignore"):
        early = np.log(np.maximum(g - stray, 1e-9) / goal) / k
        late = np.log((g + stray) / goal) / k
        best = float(np.log(fit.g[fit.best] / goal) / fit.k[fit.best])
    return offset + float(early.min()), offset + best, offset + float(late.max())


def _one_step(gap: Floats) -> float:
    """Least squares that one step leaves, two blocks or more on each side."""
    n = np.arange(2, len(gap) - 1)
    sums, squares = np.cumsum(gap), float(gap @ gap)
    first, rest = sums[n - 1], sums[-1] - sums[n - 1]
    return squares - float((first**2 / n + rest**2 / (len(gap) - n)).max())
