"""How often a gate is wrong where the truth is planted: cutovers, and minimums from billing alone.

    python bench/gates.py --seeds 10000:10300

Cutovers: traffic of one to three cohorts through an honest TTL cache (cacheaudit/history.py), of
any size and pace, moved at any hour; then a stated share of what the new version reads is written
instead, for good, or until some hours after the full cutover. Nothing is tuned on these seeds.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cacheaudit.rollout import watch
from tests.cutovers import planted, random_cohorts, worse
from tests.test_gates_minimum import random_month

STANDINGS = ("pass", "unknown", "fail")
Change = Callable[[pd.DataFrame, pd.Timestamp, list[str]], pd.DataFrame]


def quiet(usage: pd.DataFrame, at: pd.Timestamp, scopes: list[str]) -> pd.DataFrame:
    """A cold cache and no more."""
    return usage


def losing(share: float, hours: float | None = None) -> Change:
    """*share* of the reads, for good or for *hours*."""

    def change(usage: pd.DataFrame, at: pd.Timestamp, scopes: list[str]) -> pd.DataFrame:
        until = None if hours is None else at + pd.Timedelta(hours=hours)
        for scope in scopes:
            usage = worse(usage, share, since=at, until=until, scope=scope)
        return usage

    return change


STORIES: dict[str, Change] = {
    "cold start only": quiet,
    "5 % of the reads lost": losing(0.05),
    "10 % (the bar of recovery)": losing(0.10),
    "15 %": losing(0.15),
    "20 %": losing(0.20),
    "30 %": losing(0.30),
    "90 %": losing(0.90),
    "90 % for 24 hours": losing(0.90, 24),
    "30 % for 48 hours": losing(0.30, 48),
}


def cutovers(seeds: range) -> pd.DataFrame:
    """Verdicts in shares of the seeds, standings in shares of what was judged, by story."""
    told: dict[str, Counter[str]] = {name: Counter() for name in STORIES}
    for seed in seeds:
        cohorts = random_cohorts(seed)
        usage, at = planted(*cohorts, seed=seed), cohorts[0].versions[1][0]
        for name, change in STORIES.items():
            found = watch(change(usage, at, [c.scope for c in cohorts]))
            told[name][found.verdict] += 1
            for group in found.groups:
                told[name].update(["groups", *(f"{g.name} {g.standing}" for g in group.gates)])
    rows = []
    for name, counts in told.items():
        gates = [f"{g} {s}" for g in ("rollout_window", "recovery") for s in STANDINGS]
        rows.append({
            "story": name,
            **{v: counts[v] / len(seeds) for v in ("on_time", "not_yet_known", "late")},
            **{gate: counts[gate] / counts["groups"] for gate in gates},
        })  # fmt: skip
    return pd.DataFrame(rows)


def minimums(seeds: range) -> pd.DataFrame:
    """Decisions from billing alone, and wrong ones."""
    rows = []
    for above in (False, True):
        told = Counter()
        for seed in seeds:
            share, gate = random_month(np.random.default_rng((seed, above)), above)
            truth = "pass" if share >= 0.99 else "fail"
            told[gate.standing] += 1
            told["wrong"] += gate.standing not in ("unknown", truth)
        n = len(seeds)
        rows.append({"mean": "above" if above else "below", "cohorts": n, **{
            k: told[k] / n for k in ("pass", "fail", "unknown", "wrong")}})  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    """Print both tables."""
    words = argparse.ArgumentParser()
    words.add_argument("--seeds", default="10000:10300")
    given = words.parse_args()
    first, last = map(int, given.seeds.split(":"))
    seeds = range(first, last)
    pd.set_option("display.width", 200)
    print(f"Minimum from billing, seeds {given.seeds}")
    print(minimums(seeds).to_string(index=False, float_format="{:.1%}".format))
    print(f"\nCutovers, seeds {given.seeds}")
    print(cutovers(seeds).to_string(index=False, float_format="{:.1%}".format))


if __name__ == "__main__":
    main()
