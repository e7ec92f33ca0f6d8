"""Find the buckets at which a series moves to a new level.

Several shifts, a weekly rhythm, autocorrelated noise and buckets of unequal weight are expected.
The method, with its assumptions, is in docs/METHODS.md; in short:

1. A rhythm (hour of day, apart for weekends) is taken out where there are data for it.
2. The noise of a bucket is `a + b / weight`; its long-run variance comes from how differences
   grow with their distance, which a few level shifts do not disturb.
3. Lone outliers are clipped: one bucket is never a shift, however deep; two can be.
4. All seeded intervals (Kovács et al. 2023, Biometrika 110(1), "Seeded binary segmentation")
   are scanned with a weighted CUSUM; of those above the bar the narrowest is split first
   (Baranowski, Chen and Fryzlewicz 2019, JRSS-B 81(3), "Narrowest-over-threshold").
5. The bar is Bonferroni's over every split looked at, over all series of the diagnosis, from
   Student's t: conservative, and stated before the data is seen.

Assumed: within a level, noise is stationary with tails no fatter than those left by the clip,
and correlation dies out within a day. A slow drift is not a shift and can be called one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from .noise import Noise, clip_lone_outliers, estimate_noise, rhythm

Floats = npt.NDArray[np.float64]

MIN_SEGMENT = 2  # buckets: one alone is an outlier


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelShift:
    """One step.

    at             start of the first bucket of the new level
    low, high      95 % interval of `at`, from the likelihood of every other place for the step
    before, after  weighted means of the two levels, in the unit of the series
    strength       step over its standard error; the bar it passed is in Levels.bar
    """

    at: pd.Timestamp
    low: pd.Timestamp
    high: pd.Timestamp
    before: float
    after: float
    strength: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch [start, end) of one level; `end` is the start of the next, None for the last."""

    start: pd.Timestamp
    end: pd.Timestamp | None
    level: float
    buckets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """A series as steps.

    shifts, segments   in order of time; always one segment more than shifts
    noise_sd           standard deviation of a bucket of median weight
    bar                least strength of a shift
    """

    shifts: tuple[LevelShift, ...]
    segments: tuple[Segment, ...]
    noise_sd: float
    bar: float


def level_shifts(
    series: pd.Series,
    weight: pd.Series | None = None,
    *,
    min_step: float,
    alpha: float = 0.01,
    tests: int = 1,
) -> Levels:
    """Split *series* (n buckets, indexed by bucket start in UTC) into levels.

    weight    how much each bucket weighs (tokens, requests); None: all alike
    min_step  smallest step that is worth a name, in the unit of the series
    alpha     chance of any shift in any of *tests* series when nothing happened
    """
    known = series.dropna()
    y = known.to_numpy(float)
    n = len(y)
    if n < 2 * MIN_SEGMENT:
        return _one_level(known)
    w = np.ones(n) if weight is None else weight.loc[known.index].to_numpy(float)
    index = pd.DatetimeIndex(known.index)
    flat = y - rhythm(known)
    noise = estimate_noise(flat, w, floor=min_step / 10)
    flat = clip_lone_outliers(flat, noise.sd, reach=5 * np.sqrt(noise.long_run))
    scan = _Scan(flat, 1 / noise.sd**2, noise.long_run)
    looks = max(1, sum(len(k) for _, _, k in scan.intervals()))
    freedom = max(3.0, n / noise.long_run - 1)
    bar = float(-stdtrit(freedom, alpha / (2 * tests * looks)))
    cuts = _prune(scan, _narrowest_over(scan, bar), bar, min_step)
    return _levels(scan, index, cuts, noise, bar)


class _Scan:
    """Weighted sums of one series; everything asked of it is a difference of prefixes."""

    def __init__(self, y: Floats, weight: Floats, long_run: float) -> None:
        self.n = len(y)
        self.long_run = long_run
        self.w = np.concatenate([[0.0], np.cumsum(weight)])
        self.wy = np.concatenate([[0.0], np.cumsum(weight * y)])

    def mean(self, left: int, right: int) -> float:
        """Weighted mean of [left, right)."""
        return float((self.wy[right] - self.wy[left]) / (self.w[right] - self.w[left]))

    def strength(
        self, left: int | Floats, split: Floats | npt.NDArray[np.int64], right: int | Floats
    ) -> Floats:
        """|step| at *split* of [left, right) over its standard error."""
        li, si, ri = (np.asarray(x, dtype=np.int64) for x in (left, split, right))
        w_left, w_right = self.w[si] - self.w[li], self.w[ri] - self.w[si]
        step = (self.wy[si] - self.wy[li]) / w_left - (self.wy[ri] - self.wy[si]) / w_right
        error = np.sqrt(self.long_run * (1 / w_left + 1 / w_right))
        return np.asarray(np.abs(step) / error)

    def intervals(self) -> Iterator[tuple[npt.NDArray[np.int64], int, npt.NDArray[np.int64]]]:
        """Seeded intervals, a scale at a time: (starts, length, inner split offsets)."""
        length = float(self.n)
        while length >= 2 * MIN_SEGMENT:
            size = int(np.ceil(length))
            count = max(1, int(np.ceil(2 * self.n / size)) - 1)
            starts = np.linspace(0, self.n - size, count).round().astype(np.int64)
            offsets = np.arange(MIN_SEGMENT, size - MIN_SEGMENT + 1, dtype=np.int64)
            splits = (starts[:, None] + offsets[None, :]).ravel()
            yield starts, size, splits
            length /= np.sqrt(2)


def _narrowest_over(scan: _Scan, bar: float) -> list[int]:
    """Splits, narrowest interval first; an interval that holds a chosen split is spent."""
    found: list[tuple[int, float, int, int]] = []
    for starts, size, splits in scan.intervals():
        inner = splits.reshape(len(starts), -1)
        strength = scan.strength(
            np.repeat(starts, inner.shape[1]).astype(float),
            splits,
            np.repeat(starts + size, inner.shape[1]).astype(float),
        ).reshape(inner.shape)
        best = strength.argmax(axis=1)
        rows = np.arange(len(starts))
        for row in rows[strength[rows, best] > bar]:
            top = float(strength[row, best[row]])
            found.append((size, -top, int(starts[row]), int(inner[row, best[row]])))
    cuts: list[int] = []
    for size, _, start, split in sorted(found):
        if not any(start < cut < start + size for cut in cuts):
            cuts.append(split)
    return sorted(cuts)


def _prune(scan: _Scan, cuts: list[int], bar: float, min_step: float) -> list[int]:
    """Move each cut to its best place between its neighbours; drop the weak and the small."""
    while cuts:
        edges = [0, *cuts, scan.n]
        for i in range(1, len(edges) - 1):
            edges[i] = _best_split(scan, edges[i - 1], edges[i + 1])
        cuts = edges[1:-1]
        steps = [
            abs(scan.mean(left, cut) - scan.mean(cut, right))
            for left, cut, right in zip(edges, cuts, edges[2:], strict=False)
        ]
        strengths = [
            float(scan.strength(left, np.array([cut]), right)[0])
            for left, cut, right in zip(edges, cuts, edges[2:], strict=False)
        ]
        weak = [i for i, s in enumerate(strengths) if s < bar or steps[i] < min_step]
        if not weak:
            break
        del cuts[min(weak, key=lambda i: strengths[i])]
    return cuts


def _best_split(scan: _Scan, left: int, right: int) -> int:
    splits = np.arange(left + 1, right)
    return int(splits[scan.strength(left, splits, right).argmax()])


def _levels(
    scan: _Scan, index: pd.DatetimeIndex, cuts: list[int], noise: Noise, bar: float
) -> Levels:
    edges = [0, *cuts, scan.n]
    shifts = []
    for left, cut, right in zip(edges, cuts, edges[2:], strict=False):
        low, high = _interval(scan, left, cut, right)
        shifts.append(
            LevelShift(
                at=index[cut],
                low=index[low],
                high=index[high],
                before=scan.mean(left, cut),
                after=scan.mean(cut, right),
                strength=float(scan.strength(left, np.array([cut]), right)[0]),
            )
        )
    segments = tuple(
        Segment(
            start=index[left],
            end=index[right] if right < scan.n else None,
            level=scan.mean(left, right),
            buckets=right - left,
        )
        for left, right in pairwise(edges)
    )
    sd = float(np.median(noise.sd))
    return Levels(shifts=tuple(shifts), segments=segments, noise_sd=sd, bar=bar)


def _interval(scan: _Scan, left: int, cut: int, right: int) -> tuple[int, int]:
    """Smallest run of places around *cut* that holds 95 % of the likelihood of the step.

    With a flat prior over the places between the neighbouring shifts, the posterior is
    proportional to exp(strength² / 2).
    """
    splits = np.arange(left + 1, right)
    score = scan.strength(left, splits, right) ** 2 / 2
    mass = np.exp(score - score.max())
    mass /= mass.sum()
    low = high = int(cut - left - 1)
    covered = float(mass[low])
    while covered < 0.95:
        down = float(mass[low - 1]) if low > 0 else -1.0
        up = float(mass[high + 1]) if high + 1 < len(mass) else -1.0
        low, high = (low - 1, high) if down >= up else (low, high + 1)
        covered += max(down, up)
    return int(splits[low]), int(splits[high])


def _one_level(series: pd.Series) -> Levels:
    if series.empty:
        return Levels(shifts=(), segments=(), noise_sd=float("nan"), bar=float("nan"))
    only = Segment(
        start=pd.Timestamp(series.index[0]),
        end=None,
        level=float(series.mean()),
        buckets=len(series),
    )
    return Levels(shifts=(), segments=(only,), noise_sd=float("nan"), bar=float("nan"))
