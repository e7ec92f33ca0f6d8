"""Traffic for replays, and an oracle that shares nothing with them: a dictionary and a clock."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from cacheaudit.replaying import Cutover, Rules

START = pd.Timestamp("2026-11-02T00:00Z")


def at(second: float) -> pd.Timestamp:
    return START + pd.Timedelta(seconds=second)


def trace(calls: Sequence[tuple[float, Sequence[int]]], **columns: Any) -> pd.DataFrame:
    """(second, path of block names) as a frame whose block ids are prefix-chained."""
    return pd.DataFrame(
        {
            "ts": pd.to_datetime([at(when) for when, _ in calls], utc=True).as_unit("us"),
            "provider": "anthropic",
            "model": "old",
            "block_ids": [chained(path) for _, path in calls],
            **columns,
        }
    )


def chained(path: Sequence[int]) -> list[int]:
    """Ids that name the whole path up to each block."""
    return [hash(tuple(path[: end + 1])) for end in range(len(path))]


def tree_hits(frame: pd.DataFrame, rules: dict[str, Rules], served: Sequence[str]) -> list[int]:
    """Leading blocks that each call finds, one call at a time."""
    last: dict[Any, tuple[float, float]] = {}  # key -> last use, begin of the entry
    found = []
    scopes = frame["scope"].fillna("") if "scope" in frame else [""] * len(frame)
    for when, ids, model, scope in zip(
        frame["ts"].astype("int64") / 1e6, frame["block_ids"], served, scopes, strict=True
    ):
        rule = rules[model]
        whole = len(ids) * rule.block_tokens * rule.token_ratio
        keeps, leading, going = bool(len(ids)) and whole >= rule.min_tokens, 0, True
        for block in ids if keeps else []:
            used, begun = last.get((model, scope, block), (float("-inf"), when))
            alive = when - used <= rule.ttl_s
            begun = begun if alive else when
            going = going and alive and (not rule.ready_s or when - begun >= rule.ready_s)
            leading += going
            last[model, scope, block] = when, begun
        short = leading * rule.block_tokens * rule.token_ratio < rule.min_tokens
        found.append(0 if short else leading)
    return found


def straight(second: float, **more: Any) -> Cutover:
    return Cutover(at=at(second), to="new", **more)


@st.composite
def calls(draw: st.DrawFn, most: int = 60) -> list[tuple[float, list[int]]]:
    """Calls in order of time, some at once, over few prefixes: collisions are what matters."""
    paths = st.lists(st.integers(0, 2), max_size=4)
    gaps = st.sampled_from([0, 0, 1, 5, 30, 100, 299, 300, 301, 900])
    when, out = 0.0, []
    for gap, path in draw(st.lists(st.tuples(gaps, paths), min_size=1, max_size=most)):
        when += gap
        out.append((when, path))
    return out


@st.composite
def ending(draw: st.DrawFn, second: float = 1500) -> Cutover:
    """Any plan after which all traffic has moved, at *second* or before."""
    shares = sorted(draw(st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9]), max_size=3)))
    steps = [(at(second - 300 * (len(shares) - n)), share) for n, share in enumerate(shares)]
    split = draw(st.sampled_from(["session", "prefix", "request", "spread"]))
    return straight(second, steps=(*steps, (at(second), 1.0)), split_by=split)
