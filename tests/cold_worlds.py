"""Random traffic through an ideal TTL cache, with a move to another version and without one.

Nothing of the package decides here: an entry is what is shared of a prefix, or what one
conversation holds beyond it; it lives for a lifetime after its last touch, on its version; it is
readable at once. In the world without the move entries are not keyed on the version, and every
request costs what its version costs in the other world, too.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cacheaudit.schema import check_usage
from tests.planted import OPUS, PRICES, SONNET, START

How = Literal["cut", "by request", "by prefix"]
CUT_S = 40_000.0  # seconds after START


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """How often who calls, and how it moves.

    gap      mean seconds between two calls on a prefix, over the lifetime
    share    of the calls (or prefixes) on the new version while the ramp lasts
    ramp     its length, in lifetimes
    talks    conversations on each prefix; 0: only the shared part is cached
    """

    seed: int
    prefixes: int = 12
    gap: float = 0.4
    ttl_s: int = 3600
    how: How = "cut"
    share: float = 0.5
    ramp: float = 2.0
    talks: int = 0
    old: str = SONNET
    new: str = OPUS

    @property
    def stop_s(self) -> float:
        """When the last call was sent to the old version, at the latest."""
        return CUT_S + (0.0 if self.how == "cut" else self.ramp * self.ttl_s)


def calls_of(one: Traffic) -> pd.DataFrame:
    """Every call with its version, and what it read and wrote: `moved` and `stayed` (written)."""
    rng = np.random.default_rng(one.seed)
    low, high = CUT_S - 2 * one.ttl_s, one.stop_s + 2 * one.ttl_s
    each = (rng.gamma(0.7, 1 / 0.7, one.prefixes) * one.gap + 0.03) * one.ttl_s
    parts = [
        pd.DataFrame({"at": rng.uniform(low, high, rng.poisson((high - low) / gap)), "prefix": i})
        for i, gap in enumerate(each)
    ]
    calls = pd.concat(parts).sort_values("at", ignore_index=True)
    length = rng.integers(1000, 9000, one.prefixes)
    calls["shared"] = length[calls["prefix"]]
    calls["talk"] = rng.integers(0, max(1, one.talks), len(calls))
    turn = calls.groupby(["prefix", "talk"]).cumcount()
    calls["beyond"] = 300 * (turn + 1) if one.talks else 0
    first = rng.uniform(CUT_S, one.stop_s, one.prefixes)[calls["prefix"]]
    moved = {
        "cut": calls["at"] >= CUT_S,
        "by request": rng.uniform(size=len(calls)) < one.share,
        "by prefix": calls["at"] >= first,
    }[one.how]
    calls["model"] = np.where((calls["at"] < CUT_S), one.old, np.where(moved, one.new, one.old))
    calls.loc[calls["at"] >= one.stop_s, "model"] = one.new
    calls["moved"] = _written(calls, one.ttl_s, by_version=True)
    calls["stayed"] = _written(calls, one.ttl_s, by_version=False)
    return calls


def _written(calls: pd.DataFrame, ttl_s: float, *, by_version: bool) -> list[int]:
    """Tokens that each call writes: of the shared part, and of its conversation."""
    touched: dict[tuple[object, ...], tuple[float, int]] = {}
    found = []
    for row in calls.itertuples():
        written = 0
        entries = [(("head", row.prefix), row.shared), (("talk", row.prefix, row.talk), row.beyond)]
        for entry, tokens in entries:
            key = (*entry, row.model if by_version else "")
            last, held = touched.get(key, (-np.inf, 0))
            written += tokens - (held if row.at - last <= ttl_s else 0)
            touched[key] = (row.at, tokens)
        found.append(written)
    return found


def live_tokens(calls: pd.DataFrame, ttl_s: float, *, again: bool) -> tuple[int, int]:
    """(tokens of the entries live at a cut, their prefixes); *again*: that were used in time."""
    before = calls[(calls["at"] < CUT_S) & (calls["at"] >= CUT_S - ttl_s)]
    tokens, prefixes = 0, set()
    for by, column in ((["prefix"], "shared"), (["prefix", "talk"], "beyond")):
        for key, rows in before.groupby(by):
            later = calls[(calls["at"] >= CUT_S) & (calls[by] == list(key)).all(axis=1)]
            used = len(later) and later["at"].min() - rows["at"].max() <= ttl_s
            if used or not again:
                tokens += rows[column].iloc[-1]
                prefixes.add(key[0])
    return int(tokens), len(prefixes)


def loss_usd(calls: pd.DataFrame, ttl_s: int, *, since: float = -np.inf) -> float:
    """What the move cost: writes in place of reads, at the price of the version that served."""
    rows = calls[calls["at"] >= since]
    premium = {m: p[2 if ttl_s == 300 else 3] - p[1] for m, p in PRICES.items()}
    paid = np.array([premium[m] for m in rows["model"]])
    return float(((rows["moved"] - rows["stayed"]).to_numpy() * paid).sum()) / 1e6


def table_of(calls: pd.DataFrame, ttl_s: int) -> pd.DataFrame:
    """The calls as a request table."""
    held = calls["shared"] + calls["beyond"]
    life = "5m" if ttl_s == 300 else "1h"
    return pd.DataFrame({
        "ts": START + pd.to_timedelta((calls["at"] * 1000).round(), unit="ms"),
        "provider": "anthropic",
        "model": calls["model"],
        "scope": "chat",
        "route": "gateway",
        "prefix_id": "p" + calls["prefix"].astype(str),
        "prefix_tokens": calls["shared"],
        "session_id": "s" + calls["prefix"].astype(str) + "-" + calls["talk"].astype(str),
        "uncached_input_tokens": 50,
        "cache_read_tokens": held - calls["moved"],
        f"cache_write_{life}_tokens": calls["moved"],
        "output_tokens": 100,
    })  # fmt: skip


def usage_of(table: pd.DataFrame, width: str) -> pd.DataFrame:
    """The same as a provider reports it, in buckets of *width*."""
    start = table["ts"].dt.floor(width).rename("bucket_start")
    labels = ["provider", "model", "scope", "route"]
    counts = [c for c in table.columns if c.endswith("_tokens") and c != "prefix_tokens"]
    sums = table.groupby([start, *labels])[counts].sum().reset_index()
    return check_usage(sums.assign(bucket_end=sums["bucket_start"] + pd.Timedelta(width)))
