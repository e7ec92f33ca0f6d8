"""Is the excess what it says: does its 95 % interval hold the truth, and how wide is it?

Hourly usage of one cohort is drawn from a known process: tokens with a rhythm of the day, a weekend
and luck; a hit rate with a profile by the hour, a weekend of its own, a mood by the day, correlated
noise (AR(1)) and luck of the hour that is larger where traffic is thin. At a known hour the hit
rate falls; what it would have been is drawn on from the same process, so the realised excess is
known to the cent. Fourteen days go before, and one comes after an incident that ends.

The oracle knows the process (profile, weekend, AR coefficient, all variances) and the volume, but
no draw of the noise: its interval is the exact one of a normal law. `given` is told the start and
the end, `found` goes through diagnose().
The excess of a quiet window, said to be an incident, would be as far from its truth: what fell is
added to both.

    python bench/excess.py                       seeds 10000:12000, all settings
    python bench/excess.py --seeds 0:200         for tuning: seeds below 1000
"""

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product

import numpy as np
import pandas as pd

from cacheaudit import check_usage, diagnose
from cacheaudit.causes.case import Case
from cacheaudit.cost import Costed, cost_of
from cacheaudit.excess import Estimate, excess
from cacheaudit.incidents import Incident

START = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday
HOUR = pd.Timedelta("1h")
MODEL, READ, UNCACHED = "claude-sonnet-4-5", 0.3, 3.0  # USD per million tokens
BEFORE = 14 * 24
USUAL, FALL, WEEKEND = 0.8, 0.25, -0.02
Z = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Of the hit rate: standard deviations, and what neighbouring hours share.

    mood    by the day; ar, phi: of an AR(1) by the hour; luck: of an hour of mean volume
    """

    mood: float
    ar: float
    phi: float
    luck: float


NOISE = {
    "white": Noise(mood=0.0, ar=0.0, phi=0.0, luck=0.02),
    "hours": Noise(mood=0.0, ar=0.02, phi=0.7, luck=0.01),
    "moods": Noise(mood=0.01, ar=0.01, phi=0.5, luck=0.01),
    "slow": Noise(mood=0.005, ar=0.02, phi=0.9, luck=0.01),
}
LENGTHS = {"2 h": 2, "6 h": 6, "1 day": 24, "6 days": 144}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """usage, and the truth: where the incident lies, what it cost beyond, the oracle's width."""

    usage: pd.DataFrame
    start: pd.Timestamp
    end: pd.Timestamp
    excess_usd: float
    oracle_usd: float


def drawn(seed: int, noise: Noise, length: int, fall: float) -> Drawn:
    """The draw of *seed*: the incident begins at a random hour of the fifteenth day or later."""
    rng = np.random.default_rng([seed, length, round(1e4 * (noise.ar + noise.mood))])
    first = int(rng.integers(0, 7 * 24))  # of the window, in a week that begins on a Monday
    n = BEFORE + length + 24
    hour = first + np.arange(n)
    late = hour // 24 % 7 >= 5
    clock = (hour % 24 - 14) / 24 * 2 * np.pi
    day = hour // 24 - hour[0] // 24
    busy = (1 + 0.6 * np.cos(clock)) * np.where(late, 0.4, 1.0)
    lucky = rng.lognormal(0, 0.08, day[-1] + 1)[day] * rng.lognormal(0, 0.1, n)
    tokens = np.round(4e6 * busy * lucky)
    level = USUAL + 0.05 * np.cos(clock) + WEEKEND * late
    shocks = rng.standard_normal(n) * noise.ar * np.sqrt(1 - noise.phi**2)
    wander = np.empty(n)
    last = rng.standard_normal() * noise.ar
    for i, shock in enumerate(shocks):
        last = wander[i] = noise.phi * last + shock
    luck = noise.luck * np.sqrt(4e6 / tokens)
    mood = rng.standard_normal(day[-1] + 1) * noise.mood
    usual = np.clip(level + mood[day] + wander + luck * rng.standard_normal(n), 0.01, 0.99)
    inside = (np.arange(n) >= BEFORE) & (np.arange(n) < BEFORE + length)
    read = np.round(tokens * np.where(inside, usual - fall, usual))
    otherwise = np.round(tokens * usual)
    each = (UNCACHED - READ) / 1e6
    usage = _blank(n).copy()
    starts = START + pd.to_timedelta(hour, unit="h")
    usage["bucket_start"] = starts.astype("datetime64[us, UTC]")
    usage["bucket_end"] = usage["bucket_start"] + HOUR
    counts = {
        "requests": tokens / 2800,
        "uncached_input_tokens": tokens - read,
        "cache_read_tokens": read,
        "output_tokens": tokens / 15,
    }
    for column, values in counts.items():
        usage[column] = pd.array(values.astype("int64"), dtype="Int64")
    variance = _variance(tokens[inside], luck[inside], day[inside], noise)
    return Drawn(
        usage=usage,
        start=starts[BEFORE],
        end=starts[BEFORE + length],
        excess_usd=float((otherwise - read)[inside].sum() * each),
        oracle_usd=2 * Z * each * float(np.sqrt(variance)),
    )


@cache
def _blank(n: int) -> pd.DataFrame:
    """A usage frame of *n* hours of the cohort, to be filled: checking 32,000 would take long."""
    starts = pd.date_range(START, periods=n, freq="h")
    return check_usage(
        pd.DataFrame(
            {
                "bucket_start": starts,
                "bucket_end": starts + HOUR,
                "provider": "anthropic",
                "model": MODEL,
                "scope": "chat",
                "route": "gateway",
                "requests": 1,
                "uncached_input_tokens": 1,
                "cache_read_tokens": 1,
                "output_tokens": 1,
            }
        )
    )


@cache
def _priced(n: int) -> Costed:
    """The prices of _blank(n), which are those of every draw."""
    return cost_of(_blank(n))


def _variance(tokens: np.ndarray, luck: np.ndarray, day: np.ndarray, noise: Noise) -> float:
    """Of the tokens read in the incident, for one who knows the process."""
    apart = np.abs(np.arange(len(tokens)) - np.arange(len(tokens))[:, None])
    covariance = noise.ar**2 * noise.phi**apart + noise.mood**2 * (day == day[:, None])
    covariance[np.diag_indices(len(tokens))] += luck**2
    return float(tokens @ covariance @ tokens)


def case_of(one: Drawn) -> Case:
    """The case of an incident whose start and end are known."""
    incident = Incident(
        start=one.start, start_low=one.start, start_high=one.start, could_low=one.start,
        could_high=one.start, end=one.end, measure="hit_rate", before=USUAL, after=USUAL - FALL,
        baseline=(one.usage["bucket_start"].min(), one.start), baseline_buckets=BEFORE,
        began_before=False, alarms=(),
    )  # fmt: skip
    return replace(_any_case(), incident=incident)


@cache
def _any_case() -> Case:
    """A case of this cohort, to be given another incident: the facts of its cause do not matter."""
    one = drawn(0, NOISE["white"], 24, FALL)
    incident = diagnose(one.usage).incidents[0]
    return replace(incident.case, pattern="uncached")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one interval said: its error and width in USD, and whether it held the truth."""

    covered: bool
    error: float
    width: float
    share: float  # of the truth: |error| / truth
    oracle: float


def told(one: Drawn, estimate: Estimate) -> Told:
    """*estimate* against the truth of *one*."""
    error = estimate.value - one.excess_usd
    return Told(
        covered=bool(estimate.low <= one.excess_usd <= estimate.high),
        error=error,
        width=estimate.high - estimate.low,
        share=abs(error) / max(one.excess_usd, 1e-9),
        oracle=one.oracle_usd,
    )


def run(seed: int, noise: Noise, length: int, fall: float, *, found: bool) -> Told | None:
    """One seed; None where the incident was not found within two hours."""
    one = drawn(seed, noise, length, fall)
    if not found:
        return told(one, excess(case_of(one), one.usage, _priced(len(one.usage))))
    near = [
        i for i in diagnose(one.usage).incidents if abs(i.incident.start - one.start) <= 2 * HOUR
    ]
    return told(one, near[0].excess_usd) if near else None


def line(name: str, runs: list[Told | None]) -> str:
    """A row of the table."""
    known = [r for r in runs if r is not None]
    if not known:
        return f"| {name} | none of {len(runs)} found |||||"
    covered = np.mean([r.covered for r in known])
    ratio = np.median([r.width / r.oracle for r in known])
    return (
        f"| {name} | {len(known)} of {len(runs)} | {covered:.1%} | {ratio:.2f} |"
        f" {np.median([r.share for r in known]):.2%} |"
    )


def tables(seeds: range, jobs: int, *, few: int) -> Iterator[str]:
    """Lines of the two tables; diagnose() has *few* seeds, for it takes longer."""
    head = "| noise, length | seeds | covered | width / oracle's | median error |"
    parts = (
        ("start and end given", seeds, {"fall": FALL, "found": False}),
        ("as diagnosed", seeds[:few], {"fall": FALL, "found": True}),
    )
    with ProcessPoolExecutor(jobs) as pool:
        for title, own, how in parts:
            began = time.perf_counter()
            yield from (f"\n{title}\n", head, "|---|---|---|---|---|")
            for (n, noise), (span, length) in product(NOISE.items(), LENGTHS.items()):
                one = partial(run, noise=noise, length=length, **how)
                yield line(f"{n}, {span}", list(pool.map(one, own, chunksize=25)))
            yield f"\n{time.perf_counter() - began:.0f} s"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="10000:12000")
    parser.add_argument("--found", type=int, default=200, help="so many seeds through diagnose()")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    first, last = map(int, asked.seeds.split(":"))
    for text in tables(range(first, last), asked.jobs, few=asked.found):
        print(text, flush=True)


if __name__ == "__main__":
    main()
