"""Find the buckets at which a series moves to a new level.

Several shifts, a weekly rhythm, autocorrelated noise and buckets of unequal weight are expected.
The method, with its assumptions, is in docs/METHODS.md; in short:

1. A rhythm (hour of day, apart for weekends) is taken out where there are data for it.
2. The noise is measured at every scale: what a mean of m buckets strays by is read from the
   series, not assumed from one bucket. Few steps do not disturb it; once found, they are taken
   out and the noise is measured again.
3. Lone outliers are pulled in: one bucket is never a shift, however deep; two can be. One or two
   that stand out are told apart from the shifts, with how far they lie beyond all others.
4. All seeded intervals (Kovács et al. 2023, Biometrika 110(1), "Seeded binary segmentation")
   are scanned with a weighted CUSUM, and every short stretch against its surroundings; of those
   above the bar the narrowest is split first (Baranowski, Chen and Fryzlewicz 2019, JRSS-B
   81(3), "Narrowest-over-threshold"). Two cuts that one step explains as well become one.
5. The bar is Bonferroni's over every split looked at, over all series of the diagnosis, from
   Student's t: conservative, and stated before the data is seen.

Assumed: within a level, noise at each scale stays what it is in the rest of the series. A slow
drift is not a shift and can be called one; a shock that lasts for hours is a shift.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from .noise import clip_lone_outliers, estimate_noise, rhythm, wild_hours
from .scan import MIN_MASS, MIN_SEGMENT, Scan, looks, narrowest_over, places

Floats = npt.NDArray[np.float64]

NEAR = 6  # buckets over which noise blurs the place of a step
ROUNDS = 3  # of re-estimating the noise with the steps taken out
GRID = 84  # places at which a stretch may begin or end in the first look
LONE_REACH = 2.0  # standard deviations that a lone bucket may stand out
BRIEF_BAR = 4.0  # standard errors: a candidate, for callers who know where to look
PEERS = 2  # places that may stand out as far as a brief dip does


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelShift:
    """One step.

    at             start of the first bucket of the new level
    low, high      95 % interval of `at`, from the likelihood of every other place for the step
    could_low, could_high   the same at 99.9 %: outside, a change elsewhere is no suspect
    before, after  weighted means of the two levels, in the unit of the series
    strength       step over its standard error; the bar it passed is in Levels.bar
    """

    at: pd.Timestamp
    low: pd.Timestamp
    high: pd.Timestamp
    could_low: pd.Timestamp
    could_high: pd.Timestamp
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
class Brief:
    """One or two buckets that lie off the level around them.

    at, until  start of the first, and of the bucket after the last
    level      the level around them; value: their own, without the rhythm
    strength   distance in standard errors
    margin     that distance over the next largest in the series, the PEERS largest apart
    """

    at: pd.Timestamp
    until: pd.Timestamp
    level: float
    value: float
    strength: float
    margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """A series as steps.

    shifts, segments   in order of time; always one segment more than shifts
    brief              one or two buckets past BRIEF_BAR, not beside a shift; the ends never
    noise_sd           standard deviation of a bucket of median weight
    bar                least strength of a shift
    """

    shifts: tuple[LevelShift, ...]
    segments: tuple[Segment, ...]
    noise_sd: float
    bar: float
    brief: tuple[Brief, ...] = ()


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
    found = _split(flat, w, _best_stretch(flat, w), min_step, alpha / tests)
    for _ in range(ROUNDS):  # with the steps known, the noise is known better
        if not found.cuts:  # nothing to take out
            break
        finer = _split(flat, w, found.steps(), min_step, alpha / tests)
        if len(finer.cuts) <= len(found.cuts):
            break
        found = finer
    levels = _levels(found, index)
    return replace(levels, brief=_brief(found, flat, min_step))


def _best_stretch(flat: pd.Series, w: Floats) -> Floats:
    """Levels of the one stretch that stands out most, before, in and after it, (n,).

    Noise is first measured around these, as the pooled variance of a t test is around the two
    means: an incident of days would else pass for noise of days, and hide itself. Ends on a grid
    of GRID places, which is near enough for that.
    """
    y = np.asarray(flat, dtype=np.float64)
    n = len(y)
    scan = Scan(y, w / w.mean(), np.ones(n + 1), w / w.mean())
    grid = np.unique(np.linspace(0, n, min(n, GRID) + 1).astype(np.int64))
    first, second = np.triu_indices(len(grid), 1)
    left, right = grid[first], grid[second]
    best = int(scan.gain_of_two(0, left, right, n).argmax())
    edges = np.unique([0, left[best], right[best], n])
    levels = [scan.mean(int(a), int(b)) for a, b in pairwise(edges)]
    return np.repeat(levels, np.diff(edges))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """Cuts of one series, and what they were judged by."""

    cuts: list[int]
    scan: Scan
    sd: Floats
    calm_sd: Floats  # without the wildness of hours
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
    looked = max(1, sum(splits.size for _, splits, _ in looks(scan.n)))
    freedom = max(3.0, len(flat) / np.sqrt(noise.long_run) - 2)
    bar = float(-stdtrit(freedom, alpha / (2 * looked)))
    cuts = _prune(scan, narrowest_over(scan, bar), bar, min_step)
    return _Split(cuts=cuts, scan=scan, sd=sd, calm_sd=noise.sd, bar=bar)


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
        more = float(scan.gain_of_two(left, first, second, right))
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
        low, high = _interval(scan, near[0], cut, near[1], 0.95)
        could_low, could_high = _interval(scan, near[0], cut, near[1], 0.999)
        shifts.append(
            LevelShift(
                at=index[cut],
                low=index[low],
                high=index[high],
                could_low=index[could_low],
                could_high=index[could_high],
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
    noise_sd = float(np.median(found.sd))
    return Levels(shifts=tuple(shifts), segments=segments, noise_sd=noise_sd, bar=found.bar)


def _brief(found: _Split, flat: pd.Series, min_step: float) -> tuple[Brief, ...]:
    """Runs of one or two buckets past BRIEF_BAR and twice the least step, the strongest first of
    those that overlap; what lies beside a cut belongs to it."""
    steps = found.steps()
    off = flat.to_numpy() - steps
    wild = wild_hours(flat - steps, found.calm_sd, share=0.75)  # an odd day is what we look for
    precision = 1 / (found.calm_sd * wild) ** 2
    mass = np.diff(found.scan.mass)
    inner = np.ones(len(off), dtype=bool)
    for cut in [0, len(off), *found.cuts]:
        inner[max(0, cut - 1) : cut + 1] = False
    runs: list[tuple[float, float, int, int, float]] = []
    for size in (1, 2):
        one = np.ones(size)
        weight = np.convolve(precision, one, "valid")
        mean = np.convolve(precision * off, one, "valid") / weight
        strength = np.abs(mean) * np.sqrt(weight / found.scan.inflation[size])
        whole = np.convolve(inner, one, "valid") == size
        strength[~whole | (np.convolve(mass, one, "valid") < MIN_MASS)] = 0.0
        peers = np.sort(strength)[::-1]
        if len(peers) <= PEERS * size + 1 or peers[PEERS * size + 1] <= 0:
            continue
        margin = strength / peers[PEERS * size + 1]
        places = np.flatnonzero((strength > BRIEF_BAR) & (np.abs(mean) >= 2 * min_step))
        runs += [(float(margin[i]), float(strength[i]), int(i), size, mean[i]) for i in places]
    taken: list[Brief] = []
    index, used = pd.DatetimeIndex(flat.index), np.zeros(len(off), dtype=bool)
    for margin_of, strong, i, size, away in sorted(runs, reverse=True):
        if used[i : i + size].any():
            continue
        used[max(0, i - 1) : i + size + 1] = True
        at, until, level = index[i], index[i + size], float(steps[i])
        taken.append(
            Brief(at=at, until=until, level=level, value=level + away, strength=strong,
                  margin=margin_of)
        )  # fmt: skip
    return tuple(sorted(taken, key=lambda b: b.at))


def _interval(scan: Scan, left: int, cut: int, right: int, cover: float) -> tuple[int, int]:
    """Smallest run of places around *cut* that holds *cover* of the likelihood of the step.

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
    while covered < cover and (low > 0 or high + 1 < len(mass)):
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
