"""How long a diagnosis of a quarter takes, beside reading the same usage from disk.

Each shape is 90 days by the hour, ten models in five scopes: 108,000 rows, or as many as the
shape leaves. The seconds are this machine's; what carries over to another is the ratio to its
rival, `cacheaudit.read_usage` of the same frame from Parquet and from CSV in the same run.

    python bench/diagnose.py    about two minutes on two cores
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from cacheaudit import check_usage, diagnose, read_usage

RUNS = 5
HOURS = pd.date_range("2026-01-01", periods=90 * 24, freq="h", tz="UTC")
MODELS = [
    *("claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-5", "claude-haiku-4-5", "gpt-4.1"),
    *("claude-sonnet-4-0", "claude-opus-4-1", "claude-opus-4-0", "gpt-4o", "gpt-5"),
]  # all in the price list; the first moves to the second in `migration`
SCOPES = [f"team-{i}" for i in range(5)]
ROUTE = "gateway"
USUAL = 0.9  # hit rate
FALL = 60 * 24  # hours in: where the incidents begin
Traffic = list[pd.DataFrame]


def traffic(
    rng: np.random.Generator, model: str, scope: str, route: str, rate: np.ndarray
) -> pd.DataFrame:
    """Requests of one key with their tokens, where *rate* (one for each hour) of input is read."""
    requests = rng.poisson(300, len(HOURS))
    tokens = requests * rng.poisson(2700, len(HOURS))
    stray = rng.normal(0, 0.005, len(HOURS))
    read = np.where(rate > 0, tokens * (rate + stray), 0).astype(int)
    written = np.where(rate > 0, tokens // 20, 0)
    return pd.DataFrame(
        {
            "bucket_start": HOURS,
            "bucket_end": HOURS + pd.Timedelta("1h"),
            "provider": "anthropic" if model.startswith("claude") else "openai",
            "model": model,
            "scope": scope,
            "route": route,
            "requests": requests,
            "uncached_input_tokens": tokens - read - written,
            "cache_read_tokens": read,
            "cache_write_5m_tokens": written,
            "output_tokens": requests * 190,
        }
    )


def rate(*falls: tuple[int, int | None, float]) -> np.ndarray:
    """USUAL in every hour, but in [first, last) of each of *falls*."""
    values = np.full(len(HOURS), USUAL)
    for first, last, low in falls:
        values[first:last] = low
    return values


def quiet(rng: np.random.Generator) -> Traffic:
    """Nothing happens."""
    return [traffic(rng, m, s, ROUTE, rate()) for m, s in product(MODELS, SCOPES)]


def one_scope_falls(rng: np.random.Generator) -> Traffic:
    """One scope reads half of its input from day 60 on."""
    fallen = {SCOPES[0]: rate((FALL, None, 0.5))}
    return [traffic(rng, m, s, ROUTE, fallen.get(s, rate())) for m, s in product(MODELS, SCOPES)]


def migration(rng: np.random.Generator) -> Traffic:
    """In every scope one model takes the place of another, and reads nothing."""
    old, new, *others = MODELS
    found = [traffic(rng, m, s, ROUTE, rate()) for m, s in product(others, SCOPES)]
    for scope in SCOPES:
        found.append(traffic(rng, old, scope, ROUTE, rate())[:FALL])
        found.append(traffic(rng, new, scope, ROUTE, rate((0, None, 0.0)))[FALL:])
    return found


def routes(rng: np.random.Generator) -> Traffic:
    """Every model in two or three scopes, through two routes each; one scope falls."""
    fallen = {SCOPES[0]: rate((FALL, None, 0.5))}
    return [
        traffic(rng, model, scope, f"{scope}-{route}", fallen.get(scope, rate()))
        for (i, model), (j, scope), route in product(enumerate(MODELS), enumerate(SCOPES), "ab")
        if (i + j) % 2
    ]


def three_incidents(rng: np.random.Generator) -> Traffic:
    """Three scopes fall for five days each, one after the other."""
    fallen = {
        scope: rate((day * 24, (day + 5) * 24, 0.5))
        for scope, day in zip(SCOPES, (30, 45, 60), strict=False)
    }
    return [traffic(rng, m, s, ROUTE, fallen.get(s, rate())) for m, s in product(MODELS, SCOPES)]


SHAPES: dict[str, Callable[[np.random.Generator], Traffic]] = {
    "quiet": quiet,
    "one scope falls": one_scope_falls,
    "migration": migration,
    "two routes a scope": routes,
    "three incidents": three_incidents,
}


def usage_of(shape: str) -> pd.DataFrame:
    """The usage frame of *shape*, the same in every run."""
    return check_usage(pd.concat(SHAPES[shape](np.random.default_rng(1)), ignore_index=True))


def seconds(run: Callable[[], object]) -> float:
    """Median wall seconds of RUNS runs after one warm-up."""
    took = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return statistics.median(took[1:])


def main() -> None:
    """Print the table."""
    print(
        f"diagnose, seconds (median of {RUNS}), and as a multiple of read_usage of the same frame"
    )
    print(f"{'':20s}{'rows':>9s}{'incidents':>11s}{'diagnose':>10s}{'/ Parquet':>11s}{'/ CSV':>8s}")
    with tempfile.TemporaryDirectory() as scratch:
        parquet, csv = Path(scratch) / "usage.parquet", Path(scratch) / "usage.csv"
        for shape in SHAPES:
            usage = usage_of(shape)
            usage.to_parquet(parquet)
            usage.to_csv(csv, index=False)
            ours = seconds(lambda: diagnose(usage))  # noqa: B023
            from_parquet = seconds(lambda: read_usage(parquet))
            from_csv = seconds(lambda: read_usage(csv))
            print(
                f"{shape:20s}{len(usage):9,d}{len(diagnose(usage).incidents):11d}{ours:10.2f}"
                f"{ours / from_parquet:11.2f}{ours / from_csv:8.2f}"
            )


if __name__ == "__main__":
    main()
