"""Does the prediction of compare_plans hold: what the next day costs, from four days before it.

    python bench/plans.py [--seeds 70000:70500] [--volume 0.2] [--next 1.0]

A seed is five days of planted traffic: conversations that grow on shared prefixes of unequal use,
in bursts, as block traces. Each day has a volume and a length of conversations of its own, drawn
anew (log-normal, --volume and half of it); days are independent and alike, unless --next gives the
fifth another volume. The interval of four days is held against the fifth. Prints how often it holds
the truth, with Wilson's interval; how wide it is, beside its value; and beside the width that an
oracle would need, who knows how days spread.
"""

import argparse
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pandas as pd

from cacheaudit.planning import Migration, compare_plans
from cacheaudit.planning.compare import predicted
from cacheaudit.planning.proposals import BY_CALL, BY_TALK_PREFILLED, STRAIGHT
from cacheaudit.replaying import Rules
from cacheaudit.wilson import wilson

PLANS = (STRAIGHT, BY_CALL, BY_TALK_PREFILLED)
MEASURES = ("excess_usd", "first_hour_hit_rate")
DAYS, ORACLE = 5, 1.96
FIRST = pd.Timestamp("2026-11-02T12:00Z")
BLOCK, HEAD, PREFIXES = 500, 8, 40  # tokens of a block, blocks of a shared prefix, such prefixes
HOURLY = 200  # conversations begun
RULES = Rules(
    block_tokens=BLOCK, ready_s=2.0, read_usd_per_mtok=0.5, write_usd_per_mtok=6.25,
    uncached_usd_per_mtok=5.0,
)  # fmt: skip


def migration() -> Migration:
    """A cutover at noon of each day, tried within three hours."""
    at = tuple(FIRST + pd.Timedelta(days=n) for n in range(DAYS))
    return Migration(
        from_model="old", to_model="new", rules={"old": RULES, "new": RULES}, at=at,
        ramp_s=3600.0, canary_s=1800.0, rollback_after_s=3600.0,
    )  # fmt: skip


def traffic(seed: int, volume: float, following: float) -> pd.DataFrame:
    """Five days, each as long as *migration* looks at."""
    rng, move = np.random.default_rng(seed), migration()
    calls: list[tuple[float, list[int], str]] = []
    for day, at in enumerate(move.at):
        busy = float(rng.lognormal(0, volume)) * (following if day == DAYS - 1 else 1.0)
        turns = 4 * float(rng.lognormal(0, volume / 2))
        start_s = at.timestamp() - move.before_s - 1800
        span_s = move.before_s + move.after_s + 3600
        calls += _day(rng, day, start_s, span_s, HOURLY * busy, turns)
    calls.sort(key=lambda call: call[0])
    return pd.DataFrame(
        {
            "ts": pd.to_datetime([round(1000 * call[0]) for call in calls], unit="ms", utc=True),
            "provider": "anthropic",
            "model": "old",
            "session_id": [call[2] for call in calls],
            "block_ids": [call[1] for call in calls],
        }
    )


def _day(
    rng: np.random.Generator, day: int, start_s: float, span_s: float, hourly: float, turns: float
) -> list[tuple[float, list[int], str]]:
    """Conversations that begin at random, a few at once; the k-th prefix has weight 1/k."""
    weight = 1 / np.arange(1, PREFIXES + 1)
    bursts = rng.poisson(hourly * span_s / 3600 / 2)
    calls, number = [], 0
    for begun in rng.uniform(0, span_s, bursts):
        prefix = int(rng.choice(PREFIXES, p=weight / weight.sum()))
        head = [prefix * 1000 + n for n in range(HEAD)]
        for _ in range(1 + rng.poisson(1)):
            at_s, own = start_s + float(begun), (1 + day) * 100_000_000 + number * 1000
            number += 1
            for turn in range(1 + rng.poisson(turns)):
                path = head + [own + n for n in range(turn + 1)]
                calls.append((at_s, path, f"{day}-{number}"))
                at_s += 5 + float(rng.exponential(60))
    return calls


def trial(seed: int, volume: float, following: float) -> dict[tuple[str, str], tuple[float, ...]]:
    """(value, low, high) from four days and the fifth, by plan and measure."""
    plans = compare_plans(traffic(seed, volume, following), migration())
    found = {}
    for name in PLANS:
        for measure in MEASURES:
            *past, truth = [getattr(day, measure) for day in plans.plan(name).by_day]
            one = predicted(past)
            found[name, measure] = (one.value, one.low, one.high, truth)
    return found


def show(trials: list[dict[tuple[str, str], tuple[float, ...]]]) -> None:
    """A Markdown table."""
    print("| plan | measure | holds the next day | 95 % of that share | half its width"
          " (median) | the value (median) | width over an oracle's |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    for name, measure in trials[0]:
        rows = [one[name, measure] for one in trials]
        inside = sum(low <= truth <= high for _, low, high, truth in rows)
        low, high = wilson(inside / len(rows), len(rows))
        half = statistics.median((row[2] - row[1]) / 2 for row in rows)
        value = statistics.median(row[0] for row in rows)
        spread = statistics.stdev(row[3] for row in rows)
        print(
            f"| {name} | {measure} | {inside / len(rows):.1%} | {low:.1%} to {high:.1%}"
            f" | {half:.3g} | {value:.3g} | {half / (ORACLE * spread):.2f} |"
        )


def main() -> None:
    """All seeds, as Markdown."""
    given = argparse.ArgumentParser()
    given.add_argument("--seeds", default="70000:70500")
    given.add_argument("--volume", type=float, default=0.2)
    given.add_argument("--next", dest="following", type=float, default=1.0)
    given.add_argument("--jobs", type=int, default=2)
    asked = given.parse_args()
    seeds = range(*map(int, asked.seeds.split(":")))
    began = time.perf_counter()
    one = partial(trial, volume=asked.volume, following=asked.following)
    with ProcessPoolExecutor(asked.jobs) as pool:
        trials = list(pool.map(one, seeds, chunksize=5))
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, seeds {asked.seeds}, {time.perf_counter() - began:,.0f} s,"
        f" volume of a day {asked.volume:g}, of the next times {asked.following:g}\n"
    )
    show(trials)


if __name__ == "__main__":
    main()
