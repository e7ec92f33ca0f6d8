"""What was served, out of the provider's reports and the request log, against what was said."""

import pandas as pd

from bench.rehearsing.stage import Stage
from bench.rehearsing.week import Scene
from cacheaudit.planning.compare import Predicted

INPUT = (
    "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens",
    "uncached_input_tokens",
)  # fmt: skip
EXACT = 0.001  # of money: tokens are priced once by call and once by minute


def production(on: Stage, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """The provider's report of production's key in [start, end)."""
    usage = on.usage(start, end)
    return usage[usage["route"] == "production"]


def hit_rate(usage: pd.DataFrame) -> float | None:
    """Tokens read of all input, of usage or of calls; None where nothing was asked."""
    read, *rest = (float(usage[name].sum()) for name in INPUT)
    whole = read + sum(rest)
    return read / whole if whole else None


def during(log: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Calls of *log* in [start, end)."""
    return log[(log["ts"] >= start) & (log["ts"] < end)]


def first_calls(log: pd.DataFrame, start: pd.Timestamp) -> pd.DataFrame:
    """Of each prefix, the first call from *start* on: `ts`, `found` (whether it read anything)."""
    late = log[log["ts"] >= start].sort_values("ts", kind="stable")
    first = late.groupby("prefix_id").first()
    return pd.DataFrame({"ts": first["ts"], "found": first["cache_read_tokens"] > 0})


def matches(scene: Scene, name: str, found: float, other: float) -> None:
    """Two sums of money that are one."""
    scene.book.check(name, found, "within", (1 - EXACT) * other, (1 + EXACT) * other, unit="usd")


def share_inside(scene: Scene, name: str, found: float | None, said: Predicted) -> None:
    """A share in a prediction's interval, which may reach beyond what a share can be."""
    ends = (said.low, said.high)
    low, high = (None if one is None else min(1.0, max(0.0, one)) for one in ends)
    scene.book.check(name, found, "within", low, high, unit="share")
