"""Find the buckets at which a series moves to a new level.

Several shifts, a weekly rhythm, autocorrelated noise and buckets of unequal weight are expected.
The method, with its assumptions, is in docs/METHODS.md; in short:

1. A rhythm (hour of day, apart for weekends) is taken out where there are data for it.
2. The noise is measured at every scale: what a mean of m buckets strays by is read from the
   series, not assumed from one bucket. Few steps do not disturb it; once found, they are taken
   out and the noise is measured again.
3. Lone outliers are pulled in: one bucket is never a shift, however deep; two can be.
4. All seeded intervals (Kovács et al. 2023, Biometrika 110(1), "Seeded binary segmentation")
   are scanned with a weighted CUSUM, and every short stretch against its surroundings; of those
   above the bar the narrowest is split first (Baranowski, Chen and Fryzlewicz 2019, JRSS-B
   81(3), "Narrowest-over-threshold"). Two cuts that one step explains as well become one.
5. The bar is Bonferroni's over every split looked at, over all series of the diagnosis, from
   Student's t: conservative, and stated before the data is seen.

Assumed: within a level, noise at each scale stays what it is in the rest of the series. A slow
drift is not a shift and can be called one; a shock that lasts for hours is a shift.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from .noise import clip_lone_outliers, estimate_noise, rhythm, wild_hours
from .scan import MIN_SEGMENT, Scan, narrowest_over, places

Floats = npt.NDArray[np.float64]

NEAR = 6  # buckets over which noise blurs the place of a step
ROUNDS = 3  # of re-estimating the noise with the steps taken out
LONE_REACH = 2.0  # standard deviations that a lone bucket may stand out


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
    known = series.dropna().sort_index()
    y = known.to_numpy(float)
    n = len(y)
    if n < 2 * MIN_SEGMENT:
        return _one_level(known)
    w = np.ones(n) if weight is None else weight.loc[known.index].to_numpy(float)
    index = pd.DatetimeIndex(known.index)
    flat = pd.Series(y - rhythm(known), index=index)
    found = _split(flat, w, np.zeros(n), min_step, alpha / tests)
    for _ in range(ROUNDS):  # with the steps known, the noise is known better
        if not found.cuts:  # nothing to take out
            break
        finer = _split(flat, w, found.steps(), min_step, alpha / tests)
        if len(finer.cuts) <= len(found.cuts):
            break
        found = finer
    return _levels(found, index)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """Cuts of one series, and what they were judged by."""

    cuts: list[int]
    scan: Scan
    noise_sd: float
    bar: float

    @property
    def edges(self) -> list[int]:
        """Cuts with the two ends."""
        return [0, *self.cuts, self.scan.n]

    def steps(self) -> Floats:
        """Level of each bucket, (n,)."""
        levels = [self.scan.mean(left, right) for left, right in pairwise(self.edges)]
        return np.repeat(levels, np.diff(self.edges))


def _split(flat: pd.Series, w: Floats, steps: Floats, min_step: float, alpha: float) -> _Split:
    """Cut *flat*, judged by the noise around *steps*."""
    rest = flat - steps
    noise = estimate_noise(rest.to_numpy(), w, floor=min_step / 10)
    sd = noise.sd * wild_hours(rest, noise.sd)
    kept = clip_lone_outliers(flat.to_numpy(), sd, reach=LONE_REACH)
    scan = Scan(kept, 1 / sd**2, noise.inflation, w / w.mean())
    looks = max(1, sum(splits.size for _, splits, _ in scan.looks()))
    freedom = max(3.0, len(flat) / noise.long_run - 1)
    bar = float(-stdtrit(freedom, alpha / (2 * looks)))
    cuts = _prune(scan, narrowest_over(scan, bar), bar, min_step)
    return _Split(cuts=cuts, scan=scan, noise_sd=float(np.median(noise.sd)), bar=bar)


def _prune(scan: Scan, cuts: list[int], bar: float, min_step: float) -> list[int]:
    """Move each cut to its best place between its neighbours; drop the weak and the small."""
    while cuts:
        edges = [0, *cuts, scan.n]
        for i in range(1, len(edges) - 1):
            left, right, _ = scan.window(edges[i - 1], edges[i], edges[i + 1])
            edges[i] = _best_split(scan, left, right)
        cuts = _merge(scan, edges, bar)
        edges = [0, *cuts, scan.n]
        around = list(zip(edges, cuts, edges[2:], strict=False))
        steps = [abs(scan.mean(a, cut) - scan.mean(cut, b)) for a, cut, b in around]
        strengths = [scan.window(a, cut, b)[2] for a, cut, b in around]
        weak = [i for i, s in enumerate(strengths) if s < bar or steps[i] < min_step]
        if not weak:
            break
        del cuts[min(weak, key=lambda i: strengths[i])]
    return cuts


def _merge(scan: Scan, edges: list[int], bar: float) -> list[int]:
    """Cuts, where two that stand on either side of one step become that step."""
    for i in range(1, len(edges) - 2):
        left, first, second, right = edges[i - 1 : i + 3]
        one = _best_split(scan, left, right)
        more = scan.gain_of_two(left, first, second, right)
        more -= float(scan.gain(left, np.array([one]), right)[0])
        shortest = min(first - left, second - first, right - second)
        if more / scan.inflation[shortest] < bar**2 / 2:
            return [*edges[1:i], one, *edges[i + 2 : -1]]
    return edges[1:-1]


def _best_split(scan: Scan, left: int, right: int) -> int:
    splits = places(left, right)
    return int(splits[scan.gain(left, splits, right).argmax()])


def _levels(found: _Split, index: pd.DatetimeIndex) -> Levels:
    scan, edges = found.scan, found.edges
    shifts = []
    for left, cut, right in zip(edges, found.cuts, edges[2:], strict=False):
        near = scan.window(left, cut, right)
        low, high = _interval(scan, near[0], cut, near[1])
        shifts.append(
            LevelShift(
                at=index[cut],
                low=index[low],
                high=index[high],
                before=scan.mean(left, cut),
                after=scan.mean(cut, right),
                strength=near[2],
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
    return Levels(shifts=tuple(shifts), segments=segments, noise_sd=found.noise_sd, bar=found.bar)


def _interval(scan: Scan, left: int, cut: int, right: int) -> tuple[int, int]:
    """Smallest run of places around *cut* that holds 95 % of the likelihood of the step.

    With a flat prior over the places between the neighbouring shifts, the posterior is
    proportional to the likelihood; correlated noise flattens it.
    """
    splits = places(left, right)
    shorter = min(cut - left, right - cut, NEAR)
    score = scan.gain(left, splits, right) / scan.inflation[shorter]
    mass = np.exp(score - score.max())
    mass /= mass.sum()
    low = high = int(cut - splits[0])
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
