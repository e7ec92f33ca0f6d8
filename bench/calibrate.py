"""Is the power that `cacheaudit calibrate` states the power that the alarm has?

Each world is traffic of a few cohorts through the honest cache of cacheaudit/history.py. Its first
month, quiet, is calibrated. Then come new months of the same world: in each, one cohort loses as
many points of its hit rate as was planted, at a place drawn by the same rule, and the detection
looks at what was known 1 h to 7 days later (tests/test_calibrate.py holds that short way equal to
the diagnosis' own). Three ways to lose them:

    one by one      each read finds nothing with the same chance; all that calibrate plants
    conversations   for six hours at a time, all calls of a prefix find nothing, or none does
    lifetime        entries live shorter; how much shorter is searched for, the cache decides

Quiet months of the same worlds count false alarms. Reported seeds are 82000 and up.

    python bench/calibrate.py                          a quarter of an hour on one core
    python bench/calibrate.py --seeds 82000:82001 --months 2 --plants 10 --jobs 1
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cacheaudit.bars import Bars
from cacheaudit.calibration import Site, calibrate, quiet_stretch, watch_of
from cacheaudit.calibration.detect import delay_h
from cacheaudit.calibration.plant import plots_of, sites
from cacheaudit.cost import cost_of
from cacheaudit.history import SONNET_45, Cohort, planted_requests
from cacheaudit.incidents import find_incidents, watched_series
from cacheaudit.schema import check_usage
from cacheaudit.wilson import wilson

FIRST_SEED = 82000
FRESH = 1_000_000  # between the seeds of a world and of its new months
START = pd.Timestamp("2026-03-01", tz="UTC")
END = START + pd.Timedelta("30D")
HOUR = pd.Timedelta("1h")
DROPS = (0.05, 0.1, 0.2, 0.4)
WAYS = ("one by one", "conversations", "lifetime")
TOKENS = ["cache_read_tokens", "cache_write_5m_tokens", "uncached_input_tokens", "output_tokens"]


def cohort(scope: str, prefixes: int, touches: float, prefix_tokens: int = 2600) -> Cohort:
    """A cohort that stays on one version."""
    return Cohort(
        scope=scope, route="gateway", prefix_tokens=prefix_tokens, prefixes=prefixes,
        touches_per_ttl=touches, versions=((START, SONNET_45),),
    )  # fmt: skip


WORLDS: dict[str, tuple[Cohort, ...]] = {
    "three large": (cohort("a", 16, 3.0), cohort("b", 16, 3.0), cohort("c", 16, 3.0, 6000)),
    "one small": (cohort("a", 16, 3.0), cohort("b", 12, 2.0, 6000), cohort("c", 3, 0.5)),
    "all small": (cohort("a", 4, 0.5), cohort("b", 3, 0.5), cohort("c", 2, 0.4, 6000)),
    "one alone": (cohort("a", 6, 1.0),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one calibration stated, and what then happened, as (planted, found, delays) by size."""

    world: str
    stated: dict[float, list[int | None]]
    real: dict[tuple[str, float], list[int | None]]
    stated_false: tuple[int, int]
    real_false: tuple[int, int]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "world": self.world,
            "stated": {str(points): delays for points, delays in self.stated.items()},
            "real": {f"{way} {points}": delays for (way, points), delays in self.real.items()},
            "stated_false": self.stated_false,
            "real_false": self.real_false,
            "seconds": self.seconds,
        }


def calls_of(world: str, seed: int) -> pd.DataFrame:
    """Every call of a month, with the time since its prefix was last used."""
    calls = planted_requests(WORLDS[world], (START, END), seed)
    gap = calls.groupby("prefix_id")["ts"].diff().dt.total_seconds()
    return calls.assign(gap_s=gap.fillna(np.inf), requests=1)


def usage_of(calls: pd.DataFrame) -> pd.DataFrame:
    """The provider's report by the hour."""
    by = [calls["ts"].dt.floor("h").rename("bucket_start"), *(calls[c] for c in
          ("provider", "model", "scope", "route"))]  # fmt: skip
    sums = calls.groupby(by)[["requests", *TOKENS]].sum().reset_index()
    return check_usage(sums.assign(bucket_end=sums["bucket_start"] + HOUR))


def fallen(
    calls: pd.DataFrame, site: Site, points: float, way: str, rng: np.random.Generator
) -> pd.DataFrame:
    """*calls* of the site's cohort, which loses *points* of its hit rate, or all, from then on."""
    mine = calls["ts"] >= site.at
    reads = mine & (calls["cache_read_tokens"] > 0)
    tokens = calls.loc[mine, [*TOKENS[:3]]].sum()
    share = min(1.0, points * tokens.sum() / tokens["cache_read_tokens"])
    if way == "lifetime":
        gaps = calls.loc[reads, "gap_s"].to_numpy()
        lost = reads & (calls["gap_s"] > np.quantile(gaps, 1 - share))
    elif way == "conversations":
        block = calls["ts"].dt.floor("6h").astype("int64") // 10**9
        group = pd.factorize(calls["prefix_id"].astype(str) + block.astype(str))[0]
        lost = reads & (rng.uniform(size=group.max() + 1) < share)[group]
    else:
        lost = reads & (rng.uniform(size=len(calls)) < share)
    read = calls["cache_read_tokens"]
    return calls.assign(
        cache_read_tokens=read.mask(lost, 0),
        cache_write_5m_tokens=calls["cache_write_5m_tokens"] + read.where(lost, 0),
    )


def incidents(usage: pd.DataFrame) -> tuple[Any, ...]:
    """All that the detection finds, over every series; no version changes in these worlds."""
    bars = Bars()
    series = watched_series(
        usage, cost_of(usage).usd, min_drop=bars.min_drop, min_rise=bars.min_rise
    )
    return find_incidents(series, HOUR, bars.alpha)


def run(task: tuple[str, int, int, int]) -> Told:
    """One world with one seed."""
    world, seed, months, plants = task
    began = time.perf_counter()
    usage = usage_of(calls_of(world, seed))
    found = calibrate(usage, drops=DROPS, plants=plants, seed=seed)
    seconds = time.perf_counter() - began
    quiet = quiet_stretch(usage, watch_of(usage))
    rng = np.random.default_rng(seed)
    places = list(sites(quiet, plots_of(quiet), months, rng))
    real: dict[tuple[str, float], list[int | None]] = {(w, d): [] for w in WAYS for d in DROPS}
    false = 0
    for i, site in enumerate(places):
        calls = calls_of(world, FRESH + 1000 * seed + i)
        calm = usage_of(calls)
        false += bool(incidents(calm))
        mine = calls[calls["scope"] == site.plot.cohort[0]]
        others = calm[calm["scope"] != site.plot.cohort[0]]
        watch, ends = watch_of(calm), pd.DatetimeIndex(calm["bucket_end"].unique()).sort_values()
        series = watch.series(calm)
        for way, points in real:
            own = usage_of(fallen(mine, site, points, way, rng))
            month = pd.concat([others, own], ignore_index=True)
            moved = watch.replanted(series, month, site.plot.cohort)
            real[way, points].append(delay_h(watch, moved, ends, site))
    return Told(
        world=world,
        stated={d.points: list(d.delays_h) for d in found.drops},
        real=real,
        stated_false=(found.false_alarms.found, found.false_alarms.windows),
        real_false=(false, months),
        seconds=seconds,
    )


def share(delays: list[int | None]) -> str:
    """Share found with its interval, and the median delay of all."""
    n, found = len(delays), sum(d is not None for d in delays)
    low, high = wilson(found / n, n)
    middle = sorted(10**6 if d is None else d for d in delays)[(n - 1) // 2]
    half = "never" if middle == 10**6 else f"{middle} h"
    return f"{found / n:6.1%} ({low:4.0%}-{high:4.0%}) {half:>6}"


def rows(told: list[Told]) -> Iterator[str]:
    """Stated and real by world and size."""
    heads = ("stated", *WAYS)
    yield f"{'world':<12}{'fall':>6}" + "".join(f"{h:>26}" for h in heads)
    for world in ["all", *dict.fromkeys(t.world for t in told)]:
        own = [t for t in told if world in ("all", t.world)]
        for points in DROPS:
            cells = [[d for t in own for d in t.stated[points]]]
            cells += [[d for t in own for d in t.real[way, points]] for way in WAYS]
            yield f"{world:<12}{points:>6.0%}" + "".join(f"{share(c):>26}" for c in cells)
    for name in ("stated_false", "real_false"):
        found, windows = (sum(getattr(t, name)[i] for t in told) for i in (0, 1))
        high = wilson(found / windows, windows)[1]
        yield f"{name.replace('_', ' ')}: {found} of {windows} windows (below {high:.1%})"


def span(text: str) -> range:
    """'82000:82002' as a range; '7' as range(7, 8)."""
    first, _, last = text.partition(":")
    return range(int(first), int(last) if last else int(first) + 1)


def main() -> int:
    """Run, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=span, default=range(FIRST_SEED, FIRST_SEED + 3))
    parser.add_argument("--months", type=int, default=10, help="new months of each world and seed")
    parser.add_argument("--plants", type=int, default=20)
    parser.add_argument("--only", default="", help="worlds whose name has this part")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write every delay to this file")
    asked = parser.parse_args()
    tasks = [
        (world, seed, asked.months, asked.plants)
        for seed in asked.seeds
        for world in WORLDS
        if asked.only in world
    ]
    began, told = time.perf_counter(), []
    with ProcessPoolExecutor(asked.jobs) as pool:
        for one in pool.map(run, tasks):
            told.append(one)
            print(f"\r{len(told)}/{len(tasks)}", end="", file=sys.stderr, flush=True)
            if asked.json:
                plain = [each.to_dict() for each in told]
                asked.json.write_text(json.dumps(plain), encoding="utf-8")
    print("\n".join(rows(told)))
    print(f"calibrate: {max(t.seconds for t in told):.0f} s at most", end="; ")
    print(f"all: {time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
