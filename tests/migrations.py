"""Days of planted traffic for plans: prefixes of known use, conversations that grow, as blocks."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from cacheaudit.planning import Migration
from cacheaudit.replaying import Rules

START = pd.Timestamp("2026-11-02T00:00Z")
BLOCK = 500
RATES = {"read_usd_per_mtok": 0.5, "write_usd_per_mtok": 6.25, "uncached_usd_per_mtok": 5.0}
HEAD, GROWS = 6, 1  # blocks of a shared prefix, and by which each turn grows


@cache
def days(
    seed: int = 0,
    *,
    count: int = 3,
    hours: float = 24.0,
    prefixes: int = 20,
    talks_per_hour: float = 120.0,
    turns: float = 4.0,
    burst: int = 1,
) -> pd.DataFrame:
    """*count* days: conversations of *turns* turns on one of *prefixes*, the k-th with weight 1/k.

    burst   so many calls begin together, each with a conversation of its own
    """
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, prefixes + 1)
    span_s = (count - 1) * 86_400 + hours * 3600
    begun = np.sort(rng.uniform(0, span_s, rng.poisson(talks_per_hour * span_s / 3600)))
    calls: list[tuple[float, list[int], str]] = []
    for number, first in enumerate(begun):
        prefix = int(rng.choice(prefixes, p=weight / weight.sum()))
        head = [prefix * 1000 + n for n in range(HEAD)]
        for one in range(burst):
            at_s, own = float(first) + one * 0.1, 1_000_000 * (1 + number * burst + one)
            for turn in range(1 + rng.poisson(turns)):
                grown = [own + n for n in range(GROWS * (turn + 1))]
                calls.append((at_s, head + grown, f"s{number}-{one}"))
                at_s += 5 + float(rng.exponential(40))
    calls.sort(key=lambda call: call[0])
    return pd.DataFrame(
        {
            "ts": (START + pd.to_timedelta([call[0] for call in calls], unit="s")).as_unit("us"),
            "provider": "anthropic",
            "model": "old",
            "session_id": [call[2] for call in calls],
            "block_ids": [call[1] for call in calls],
        }
    )


def migration(*, ready_s: float = 0.0, **more: Any) -> Migration:
    rules = Rules(block_tokens=BLOCK, ready_s=ready_s, **RATES)
    given = {"from_model": "old", "to_model": "new", "rules": {"old": rules, "new": rules}}
    return Migration(**(given | more))
