"""Does the cost bridge leave nothing over, whatever it is given? Random frames, and brute force.

Each frame is a few cells of traffic drawn at random: models that come, go and stay, moves between
providers, tiers, write lifetimes, prices that change inside the window, rows without requests.
Checked for each, in USD:

    residual     factors less the change of what the rows cost, priced row by row
    halves       every bucket split into two: no factor may move (every fifth frame)
    renamed      scopes and routes under other names, in another order: likewise
    brute force  an own, plain calculation over all orders of the factors (every tenth frame)

    python bench/bridge.py --frames 10000      about a quarter of an hour on two cores
"""

import argparse
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from cacheaudit.bridge import Bridge, explain_cost
from cacheaudit.cost import cost_of
from cacheaudit.schema import CACHE_WRITE, TOKENS, check_usage

CENT = 0.01
SEEDS = 10_000  # first seed
T0 = pd.Timestamp("2026-08-19", tz="UTC")  # two days before gpt-5.6-sol got cheaper
CUT, END = T0 + pd.Timedelta("36h"), T0 + pd.Timedelta("72h")
OFFERS = [
    ("anthropic", "claude-sonnet-4-5", None, ["5m"]),
    ("anthropic", "claude-sonnet-4-5", "batch", ["5m"]),
    ("anthropic", "claude-opus-4-6", None, ["5m", "1h"]),
    ("anthropic", "claude-haiku-4-5", None, ["1h"]),
    ("bedrock", "anthropic.claude-opus-4-6-v1", None, ["5m"]),
    ("openai", "gpt-5.6-sol", None, ["30m"]),
    ("openai", "gpt-4.1", None, []),
]
STATES = ["units", "share", "size", "split", "lives", "rate", "answer"]
NAMES = {
    "units": "volume", "share": "model_mix", "size": "prompt_size", "split": "cache_split",
    "lives": "write_lifetime", "rate": "price", "answer": "output_size",
}  # fmt: skip


def frame(seed: int, *, steady: bool = False) -> pd.DataFrame:
    """A usage frame of three days; *steady*: every cell has the same offers in both windows."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for cell in range(int(rng.integers(1, 4))):
        counted = steady or rng.random() < 0.85
        offers = rng.choice(len(OFFERS), size=int(rng.integers(1, 4)), replace=False)
        for place in offers:
            served = [True, True] if steady else list(rng.random(2) < 0.75)
            for late, serves in zip((False, True), served, strict=True):
                if serves:
                    rows += _rows(rng, cell, OFFERS[place], late=late, counted=counted)
    found = check_usage(pd.DataFrame(rows)) if rows else frame(seed + 500_000, steady=steady)
    both = [(found["bucket_start"] < CUT).any(), (found["bucket_start"] >= CUT).any()]
    return found if all(both) else frame(seed + 500_000, steady=steady)


def _rows(
    rng: np.random.Generator, cell: int, offer: tuple[Any, ...], *, late: bool, counted: bool
) -> list[dict[str, Any]]:
    """Some hours of one offer in one window, at a level of its own."""
    provider, model, tier, lives = offer
    volume, size, answer = rng.integers(1, 400), rng.integers(50, 9000), rng.integers(1, 900)
    read, written = rng.dirichlet([2, 1, 1])[:2] if lives or rng.random() < 0.5 else (0.4, 0.0)
    rows = []
    for hour in rng.choice(36, size=int(rng.integers(1, 12)), replace=False):
        requests = int(rng.poisson(volume)) + 1
        tokens = requests * int(size)
        row = {
            "bucket_start": (CUT if late else T0) + pd.Timedelta(hours=int(hour)),
            "provider": provider,
            "model": model,
            "service_tier": tier,
            "scope": f"team-{cell}",
            "route": "gateway" if cell % 2 else None,
            "requests": requests if counted else pd.NA,
            "cache_read_tokens": int(tokens * read),
            "output_tokens": requests * int(answer),
        }
        own = rng.dirichlet(np.ones(max(1, len(lives)))) * tokens * written
        row |= {f"cache_write_{n}_tokens": int(t) for n, t in zip(lives, own, strict=False)}
        spent = row["cache_read_tokens"] + sum(row.get(c, 0) for c in CACHE_WRITE)
        rows.append(
            row
            | {
                "bucket_end": row["bucket_start"] + pd.Timedelta("1h"),
                "uncached_input_tokens": tokens - spent,
            }
        )
    return rows


def bridge_of(usage: pd.DataFrame) -> Bridge:
    """The bridge over the cut."""
    return explain_cost(usage, before=(T0, CUT), after=(CUT, END))


def halved(usage: pd.DataFrame) -> pd.DataFrame:
    """Every bucket as two half as long."""
    first, second = usage.copy(), usage.copy()
    first["bucket_end"] = second["bucket_start"] = usage["bucket_start"] + pd.Timedelta("30min")
    for column in ["requests", *TOKENS]:
        first[column] = usage[column] // 2
        second[column] = usage[column] - first[column]
    return check_usage(pd.concat([first, second]))


def renamed(usage: pd.DataFrame) -> pd.DataFrame:
    """Other names for the cells, that sort the other way round."""
    scope = usage["scope"].map(lambda s: f"z{9 - int(s[-1])}")
    return check_usage(usage.assign(scope=scope, route=usage["scope"]))


def change_usd(usage: pd.DataFrame) -> float:
    """After less before, priced row by row."""
    usd, late = cost_of(usage).usd, usage["bucket_start"] >= CUT
    return float(usd[late].sum() - usd[~late].sum())


def brute_force(usage: pd.DataFrame) -> dict[str, float]:
    """The factors of a steady frame by plain arithmetic, over every order of changing them."""
    rates = cost_of(usage).book.rates.astype("float64")
    worth = defaultdict(float)
    for _, rows in usage.groupby(["scope", "route"], dropna=False):
        states = [_states(rows[(rows["bucket_start"] >= CUT) == late], rates) for late in (0, 1)]
        orders = list(permutations(STATES))
        known: dict[frozenset[str], float] = {}
        for order in orders:
            done: frozenset[str] = frozenset()
            for factor in order:
                for mask in (done, done | {factor}):
                    if mask not in known:
                        known[mask] = _usd(states, mask)
                worth[NAMES[factor]] += (known[done | {factor}] - known[done]) / len(orders)
                done |= {factor}
    return dict(worth)


def _states(rows: pd.DataFrame, rates: pd.DataFrame) -> dict[str, Any]:
    """{state: value, or value by offer} of one cell in one window."""
    offers = rows.groupby(["model", rows["service_tier"].fillna("")])
    units = float(rows["requests"].sum())
    found: dict[str, Any] = {"units": units} | {name: {} for name in STATES[1:]}
    for key, own in offers:
        n, tokens = float(own["requests"].sum()), own[TOKENS].fillna(0).astype("float64")
        price = rates.loc[own.index].to_numpy()
        sums, inputs = tokens.sum().to_numpy(), float(tokens.iloc[:, :-1].to_numpy().sum())
        written = sums[2:-1].sum()
        whole = tokens.to_numpy().sum(axis=1, keepdims=True)
        weight = np.where(sums > 0, tokens.to_numpy(), whole)
        found["share"][key], found["size"][key] = n / units, inputs / n
        found["answer"][key] = sums[-1] / n
        found["split"][key] = np.array([sums[0], sums[1], written]) / inputs
        found["lives"][key] = sums[2:-1] / written if written else None
        found["rate"][key] = (price * weight).sum(axis=0) / weight.sum(axis=0)
    return found


def _usd(states: list[dict[str, Any]], changed: frozenset[str]) -> float:
    """What a cell cost with the states *changed* as they became."""
    at = {name: states[name in changed][name] for name in STATES}
    total = 0.0
    for key in at["share"]:
        lives = at["lives"][key]
        if lives is None:  # nothing written in that window: the other one tells
            lives = states["lives" not in changed]["lives"][key]
        lives = np.zeros(len(CACHE_WRITE)) if lives is None else lives
        uncached, read, written = at["split"][key]
        per_token = np.array([uncached, read, *(written * lives)]) * at["size"][key]
        dear = np.append(per_token, at["answer"][key]) * at["rate"][key]
        paid = np.append(per_token, at["answer"][key]) > 0
        total += at["units"] * at["share"][key] * float(dear[paid].sum()) / 1e6
    return total


def checked(seed: int) -> dict[str, float]:
    """The worst difference of each check for the frame of *seed*, in USD."""
    usage = frame(seed)
    bridge = bridge_of(usage)
    worst = {"residual": abs(sum(bridge.factors.values()) - change_usd(usage))}
    if seed % 5 == 0:
        worst["halves"] = _apart(bridge.factors, bridge_of(halved(usage)).factors)
        worst["renamed"] = _apart(bridge.factors, bridge_of(renamed(usage)).factors)
    if seed % 10 == 0:
        steady = frame(seed, steady=True)
        worst["brute force"] = _apart(brute_force(steady), bridge_of(steady).factors)
    return worst


def _apart(one: Any, other: Any) -> float:
    return max(abs(one.get(f, 0.0) - other.get(f, 0.0)) for f in {*one, *other})


def main() -> int:
    """Print the worst of each check; 1 if any reaches half a cent."""
    parser = argparse.ArgumentParser(description="Does the cost bridge leave nothing over?")
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    seeds = range(SEEDS, SEEDS + asked.frames)
    with ProcessPoolExecutor(asked.jobs) as pool:
        found = list(pool.map(checked, seeds, chunksize=50))
    table = pd.DataFrame(found)
    print(f"{asked.frames} frames from seed {SEEDS}; worst difference in USD")
    for name in table:
        print(f"{name:14} {table[name].max():.2e}   of {table[name].count():,}")
    return int(table.max(axis=None) >= CENT / 2)


if __name__ == "__main__":
    sys.exit(main())
