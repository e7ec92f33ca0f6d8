"""How fast, how often wrong and how sharp the level-shift detector is, beside ruptures.

Prints the tables of docs/METHODS.md. ruptures minimises the same squared error (KernelCPD with a
linear kernel finds what Pelt with model l2 finds, faster), with the usual penalty of 2 sd² log n
per shift, sd from the median difference of neighbours; its steps below min_step are dropped
as ours are. Tuning used seeds below 1000.

    python bench/changes.py                   under three minutes on two cores
    python bench/changes.py --quarters 500    quiet quarters through an honest cache, ten minutes
"""

import argparse
import os
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import ruptures
from scipy.signal import lfilter

from cacheaudit.changes import level_shifts
from cacheaudit.cost import cost_of
from cacheaudit.history import SONNET_45, Cohort, hourly, planted_migration
from cacheaudit.incidents import find_incidents, watched_series
from cacheaudit.schema import KEY, check_usage

START = pd.Timestamp("2026-01-01", tz="UTC")
QUARTER = (START, pd.Timestamp("2026-04-01", tz="UTC"))
SD = 0.02  # of a bucket, in every series below
MIN_STEP = 0.03
SERIES = 9  # a diagnosis of three cohorts watches about as many
WINDOWS = [("90 d by hour", 90, "h"), ("14 d by hour", 14, "h"), ("31 d by day", 31, "D")]
Spotted = list[tuple[int, int, int]]  # place, low, high: bucket numbers


@dataclass(frozen=True, slots=True)
class Made:
    """A made-up series: values, weights, and the buckets [first, last) that were lowered."""

    values: pd.Series
    weight: pd.Series
    first: int
    last: int


def correlated(rng: np.random.Generator, n: int, phi: float, degrees: float = 0) -> np.ndarray:
    """AR(1) noise of variance 1; from Student's t with *degrees* of freedom, if given."""
    shocks = rng.standard_t(degrees, n + 200) if degrees else rng.standard_normal(n + 200)
    unit = np.sqrt(degrees / (degrees - 2)) if degrees else 1.0
    return np.asarray(lfilter([1], [1, -phi], shocks)[200:]) * np.sqrt(1 - phi**2) / unit


def noise(kind: str, index: pd.DatetimeIndex, rng: np.random.Generator) -> np.ndarray:
    """Noise around a level of 0, by name; the rhythm and gaps included."""
    n, hour, weekend = len(index), index.hour.to_numpy(), index.day_of_week.to_numpy() >= 5
    if kind.startswith("AR(1)"):
        return SD * correlated(rng, n, float(kind.split()[1]))
    if kind == "tails of t(3)":
        return SD * correlated(rng, n, 0.0, degrees=3)
    if kind == "shocks t(3), AR 0.6":
        return SD * correlated(rng, n, 0.6, degrees=3)
    if kind == "weekly rhythm":
        return SD * correlated(rng, n, 0.3) + 0.05 * np.cos(hour / 24 * 2 * np.pi) - 0.06 * weekend
    if kind == "moods of the day":
        days = (index - index[0]).days.to_numpy()
        return SD / 2 * rng.standard_normal(n) + 0.015 * rng.standard_normal(days[-1] + 1)[days]
    if kind.startswith("random walk"):
        by_day = np.sqrt((index[1] - index[0]) / pd.Timedelta("1D"))
        walk = np.cumsum(rng.standard_normal(n)) * float(kind.split()[2]) * by_day
        return SD / 2 * rng.standard_normal(n) + walk
    if kind == "gaps":
        y = SD * correlated(rng, n, 0.3)
        y[rng.random(n) < 0.3] = np.nan
        gap = int(rng.integers(0, n // 2))
        y[gap : gap + n // 6] = np.nan
        return y
    return SD * rng.standard_normal(n)


def made(
    kind: str, days: int, every: str, seed: int, hours: int | None = 0, drop: float = 0.0
) -> Made:
    """A series of *kind*; lowered by *drop* for *hours* buckets (None: to the end)."""
    rng = np.random.default_rng(seed)
    n = days * (24 if every == "h" else 1)
    index = pd.date_range(START, periods=n, freq=every)
    y, weight = 0.8 + noise(kind, index, rng), np.ones(n)
    if kind == "unequal volume":
        busy = 0.55 + 0.4 * np.cos((index.hour.to_numpy() - 14) / 24 * 2 * np.pi)
        weight = busy * np.where(index.day_of_week.to_numpy() < 5, 1, 0.5)
        y = 0.8 + (y - 0.8) / np.sqrt(weight / weight.mean())
    elif kind == "few requests":
        asked = rng.poisson(20 * (0.55 + 0.4 * np.cos((index.hour.to_numpy() - 14) / 12 * np.pi)))
        y = rng.binomial(asked, 0.9) / np.where(asked > 0, asked, np.nan)
        weight = asked.astype(float)
    first = int(rng.integers(n // 6, n - n // 6))
    last = n if hours is None else min(n, first + hours)
    y[first:last] -= drop
    return Made(pd.Series(y, index), pd.Series(weight, index), first, last)


def ours(one: Made) -> Spotted:
    """Places of the shifts that level_shifts finds, with their intervals."""
    shifts = level_shifts(one.values, one.weight, min_step=MIN_STEP, tests=SERIES).shifts
    place = one.values.index.get_indexer
    return [tuple(place(pd.DatetimeIndex([s.at, s.low, s.high]))) for s in shifts]


def theirs(one: Made) -> Spotted:
    """Places of the shifts that ruptures finds; it gives no intervals."""
    known = one.values.dropna()
    y = known.to_numpy()
    sd = max(MIN_STEP / 10, 1.4826 * np.median(np.abs(np.diff(y))) / np.sqrt(2))
    algo = ruptures.KernelCPD(kernel="linear", min_size=2).fit(y)
    edges = [0, *algo.predict(pen=2 * sd**2 * np.log(len(y)))]
    levels = [y[a:b].mean() for a, b in pairwise(edges)]
    steps = np.abs(np.diff(levels)) >= MIN_STEP
    cuts = [c for c, big in zip(edges[1:-1], steps, strict=True) if big]
    places = one.values.index.get_indexer(known.index[cuts]) if cuts else []
    return [(int(p), int(p), int(p)) for p in places]


FINDERS: dict[str, Callable[[Made], Spotted]] = {"ours": ours, "ruptures": theirs}


def alarmed(job: tuple[str, str, int, str, int]) -> bool:
    """Whether *finder* finds anything in a quiet series."""
    finder, kind, days, every, seed = job
    return bool(FINDERS[finder](made(kind, days, every, seed)))


def hit(job: tuple[str, str, int, str, int, int | None, float]) -> tuple[int, bool, int] | None:
    """(error in buckets, inside the interval, its width) of the shift nearest to the planted."""
    finder, *rest = job
    one = made(*rest)
    spotted = FINDERS[finder](one)
    if not spotted:
        return None
    at, low, high = min(spotted, key=lambda s: abs(s[0] - one.first))
    near = max(2, (one.last - one.first) // 2) >= abs(at - one.first)
    return (abs(at - one.first), low <= one.first <= high, high - low) if near else None


def print_speed() -> None:
    """Milliseconds on one 90-day hourly series with two incidents, and ratios."""
    one = made("plain", 90, "h", 10_000, hours=100, drop=0.1)
    y = one.values.to_numpy()
    penalty = 2 * SD**2 * np.log(len(y))
    runs: dict[str, tuple[Callable[[], object], int]] = {
        "level_shifts": (lambda: ours(one), 10),
        "KernelCPD(linear)": (
            lambda: ruptures.KernelCPD(kernel="linear", min_size=2).fit(y).predict(pen=penalty),
            10,
        ),
        "Pelt(l2, jump=1)": (
            lambda: ruptures.Pelt(model="l2", jump=1, min_size=2).fit(y).predict(pen=penalty),
            1,
        ),
    }
    took = {}
    for name, (run, times) in runs.items():
        spans = []
        for _ in range(times):
            began = time.perf_counter()
            run()
            spans.append(time.perf_counter() - began)
        took[name] = min(spans)
    print(f"Speed on {len(y)} points, best of a few runs")
    for name, span in took.items():
        print(f"  {name:20s}{span * 1e3:10.1f} ms{span / took['level_shifts']:10.2f} x ours")


def print_quiet(pool: ProcessPoolExecutor, seeds: range) -> None:
    """Share of quiet series with any shift."""
    kinds = ["plain", "AR(1) 0.5", "AR(1) 0.8", "tails of t(3)", "unequal volume"]
    kinds += ["few requests", "weekly rhythm", "moods of the day", "gaps"]
    kinds += ["random walk 0.003", "random walk 0.006", "shocks t(3), AR 0.6"]
    print(f"\nQuiet series with any shift, % of {len(seeds)} (alpha 1 % over {SERIES} series)")
    print(" " * 24 + "".join(f"{name:>24s}" for name, _, _ in WINDOWS))
    print(" " * 24 + "          ours  ruptures  " * len(WINDOWS))
    for kind in kinds:
        cells = []
        for _, days, every in WINDOWS:
            for finder, some in (("ours", seeds), ("ruptures", seeds[: len(seeds) // 4])):
                jobs = [(finder, kind, days, every, s) for s in some]
                cells.append(100 * np.mean(list(pool.map(alarmed, jobs, chunksize=20))))
        print(f"  {kind:22s}" + "".join(f"{c:14.1f}{d:10.1f}" for c, d in pairs(cells)))


def pairs(cells: list[float]) -> Iterator[tuple[float, float]]:
    """Neighbours, two by two."""
    return zip(cells[::2], cells[1::2], strict=True)


def print_power(pool: ProcessPoolExecutor, seeds: range) -> None:
    """Smallest drop that is found in 80 % of series, by how long it lasts."""
    drops = [0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4]
    print(f"\nSmallest drop found in 80 % of {len(seeds)} series (bucket sd {SD}; > : above 0.4)")
    print(" " * 24 + "".join(f"{f'{h} h':>8s}" for h in (1, 2, 6, 24, 168)))
    for kind in ("plain", "AR(1) 0.5", "AR(1) 0.8", "unequal volume"):
        cells = []
        for hours in (1, 2, 6, 24, 168):
            place = bisect_left(drops, 0.8, key=lambda d, h=hours: _power(pool, kind, h, d, seeds))
            cells.append(f"{drops[place]:8.2f}" if place < len(drops) else "       >")
        print(f"  {kind:22s}" + "".join(cells))


def _power(pool: ProcessPoolExecutor, kind: str, hours: int, drop: float, seeds: range) -> float:
    jobs = [("ours", kind, 90, "h", s, hours, drop) for s in seeds]
    return float(np.mean([h is not None for h in pool.map(hit, jobs, chunksize=10)]))


def print_dates(pool: ProcessPoolExecutor, seeds: range) -> None:
    """Found, date error and coverage for shifts of 5 to 15 sd of a 6-hour mean that stay."""
    print(f"\nShifts that stay, 5 to 15 sd of a 6-bucket mean, {len(seeds)} series each")
    print(f"  {'':22s}{'':10s}{'found':>8s}{'<= 1 off':>10s}{'covered':>9s}{'width':>7s}   %")
    kinds = ["plain", "AR(1) 0.5", "AR(1) 0.8", "tails of t(3)", "unequal volume", "weekly rhythm"]
    for kind, days in [("plain", 14), *((kind, 90) for kind in kinds)]:
        for finder in FINDERS:
            some = seeds if finder == "ours" else seeds[: len(seeds) // 4]
            jobs = [(finder, kind, days, "h", s, None, _drop(s)) for s in some]
            hits = [h for h in pool.map(hit, jobs, chunksize=10) if h is not None]
            error, inside, width = (np.array(x) for x in zip(*hits, strict=True))
            shown = f"{100 * inside.mean():9.1f}{np.median(width):7.0f}" if finder == "ours" else ""
            print(
                f"  {f'{kind}, {days} d':22s}{finder:10s}{100 * len(hits) / len(some):8.1f}"
                f"{100 * (error <= 1).mean():10.1f}{shown}"
            )


def _drop(seed: int) -> float:
    """5 to 15 sd of a 6-bucket mean, evenly on a log scale."""
    return float(SD / np.sqrt(6) * np.exp(np.random.default_rng(seed).uniform(*np.log([5, 15]))))


def quarter(seed: int) -> pd.DataFrame:
    """A quiet quarter by the hour: one to four cohorts of honest TTL traffic."""
    rng = np.random.default_rng(seed)
    cohorts = [
        Cohort(
            scope=f"team-{i}",
            route="gateway",
            prefix_tokens=int(rng.choice([1500, 2600, 6000])),
            versions=((QUARTER[0], SONNET_45),),
            prefixes=int(rng.integers(3, 9)),
            touches_per_ttl=float(rng.choice([0.3, 1.0, 3.0])),
        )
        for i in range(int(rng.integers(1, 5)))
    ]
    return hourly(planted_migration(cohorts, QUARTER, seed=seed))


def by_day(usage: pd.DataFrame) -> pd.DataFrame:
    """The same usage in buckets of a day."""
    day = usage["bucket_start"].dt.floor("D")
    coarse = usage.assign(bucket_start=day, bucket_end=day + pd.Timedelta("1D"))
    counts = [c for c in coarse.columns if c not in KEY]
    sums = coarse.groupby(KEY, dropna=False, observed=True)[counts].sum(min_count=1)
    return check_usage(sums.reset_index())


def quarter_alarms(seed: int) -> list[bool]:
    """Whether any incident is found in the quarter, its first 31 and 14 days, and by the day."""
    usage = quarter(seed)
    cut = [usage[usage["bucket_start"] < START + pd.Timedelta(days=d)] for d in (31, 14)]
    found = []
    for frame in [usage, *cut, by_day(usage)]:
        series = watched_series(frame, cost_of(frame).usd, min_drop=MIN_STEP, min_rise=0.15)
        width = frame["bucket_end"].iloc[0] - frame["bucket_start"].iloc[0]
        found.append(bool(find_incidents(series, width, 0.01)))
    return found


def print_quarters(pool: ProcessPoolExecutor, seeds: range) -> None:
    """Share of honest quiet quarters with any incident, over all watched series."""
    alarms = np.array(list(pool.map(quarter_alarms, seeds)))
    print(f"\nQuiet quarters of honest traffic with any incident, % of {len(seeds)}")
    names = ["90 d by hour", "31 d by hour", "14 d by hour", "90 d by day"]
    for name, share in zip(names, alarms.mean(0), strict=True):
        print(f"  {name:22s}{100 * share:8.1f}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=10_000, help="first seed")
    parser.add_argument("--series", type=int, default=60, help="series per cell")
    parser.add_argument("--quarters", type=int, default=10, help="quiet quarters to simulate")
    args = parser.parse_args()
    seeds = range(args.seed, args.seed + args.series)
    print(f"seeds from {args.seed}, {os.cpu_count()} cores, ruptures {ruptures.version.version}")
    print_speed()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        print_quiet(pool, seeds)
        print_power(pool, seeds[: args.series // 2])
        print_dates(pool, seeds)
        print_quarters(pool, range(args.seed, args.seed + args.quarters))


if __name__ == "__main__":
    main()
