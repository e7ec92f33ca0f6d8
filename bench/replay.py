"""Replays beside what one would write by hand: a tree for block traces, one query for prefixes.

    python bench/replay.py [--trace mooncake.jsonl.gz] [--rows 10000000] [--repeats 5] [--spark]

Blocks: a pure-Python tree walked call by call against `replay` (from the frame), and against one
more cutover on a trace that is prepared. --trace takes a trace in Mooncake's columns; without one,
made traffic of the same size. Prefixes: (prefix_id, ts) requests in a table of DuckDB against the
plain window query that sums the same hits; --spark adds the same replay on Spark in local mode. All
sides must agree. Wall seconds, in turn, in one process; the first turn is not counted.
"""

import argparse
import gzip
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd

from cacheaudit.replaying import Cutover, Rules, replay
from cacheaudit.replaying.simulate import prepare

TTL_S, BLOCK = 300, 512
MAKE = """
create table requests as
select md5(((hash(i) % 100000))::varchar) as prefix_id,
  timestamptz '2026-03-01 00:00:00+00' + to_milliseconds(i * 8) as ts,
  3000::bigint as prompt_tokens, 'anthropic' as provider, 'old' as model
from range({rows}) r(i)
"""
PLAIN = """
select hour, sum(case when gap_ms <= 300000 then prompt_tokens else 0 end), sum(prompt_tokens)
from (
  select epoch_ms(ts) // 3600000 as hour, prompt_tokens,
    epoch_ms(ts) - lag(epoch_ms(ts)) over (partition by prefix_id order by ts) as gap_ms
  from requests
) group by hour
"""


def mooncake(path: str) -> pd.DataFrame:
    """A trace in Mooncake's columns."""
    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return _frame([row["timestamp"] for row in rows], [row["hash_ids"] for row in rows])


def made() -> pd.DataFrame:
    """12,000 calls in an hour, 24 blocks each on average, a fifth of them shared."""
    rng = np.random.default_rng(7)
    paths, ids, fresh = [], [], 1
    for _ in range(12_000):
        base = paths[rng.integers(len(paths))] if paths and rng.random() < 0.5 else [0]
        kept = base[: 1 + int(rng.integers(len(base)))]
        more = int(rng.geometric(1 / 18))
        paths.append([*kept, *range(fresh, fresh + more)])
        fresh += more
        ids.append(paths[-1])
    return _frame(np.sort(rng.integers(0, 3_600_000, len(ids))).tolist(), ids)


def _frame(at_ms: list[int], ids: list[list[int]]) -> pd.DataFrame:
    ts = pd.to_datetime(at_ms, unit="ms", utc=True)
    return pd.DataFrame({"ts": ts, "provider": "x", "model": "old", "block_ids": ids})


def tree(calls: list[tuple[int, list[int]]], moved_ms: int) -> int:
    """Blocks that hit: a node per path and version, walked call by call."""
    roots: dict[bool, dict] = {False: {}, True: {}}
    found = 0
    for at_ms, ids in calls:
        node, going = roots[at_ms >= moved_ms], True
        for block in ids:
            child = node.get(block)
            if child is None:
                child = node[block] = [{}, None]
            going = going and child[1] is not None and at_ms - child[1] <= 1000 * TTL_S
            found += going
            child[1] = at_ms
            node = child[0]
    return found


def blocks(frame: pd.DataFrame, repeats: int) -> None:
    """The tree, a replay from the frame, and one more cutover."""
    at_ms = frame["ts"].dt.as_unit("ms").astype("int64").tolist()
    calls = list(zip(at_ms, frame["block_ids"], strict=True))
    middle = at_ms[len(at_ms) // 2]
    cutover = Cutover(at=pd.Timestamp(middle, unit="ms", tz="UTC"), to="new")
    rules, prepared = Rules(ttl_s=TTL_S, block_tokens=BLOCK), prepare(frame)
    sides = {
        "tree in Python": lambda: tree(calls, middle),
        "replay, from the frame": lambda: replay(frame, rules, cutover).hit_blocks,
        "replay, one more cutover": lambda: replay(prepared, rules, cutover).hit_blocks,
    }
    total = sum(len(ids) for ids in frame["block_ids"])
    print(f"{len(frame):,} calls of {total:,} blocks, a cutover in the middle\n")
    show(in_turn(sides, repeats), total, "blocks")


def prefixes(rows: int, repeats: int, spark: bool) -> None:
    """The plain query, our replay, and the same on Spark."""
    connection = ibis.duckdb.connect()
    connection.raw_sql(MAKE.format(rows=rows))
    table, rules = connection.table("requests"), Rules(ttl_s=TTL_S)
    sides: dict[str, Callable[[], Any]] = {
        "plain query": lambda: int(sum(r[1] for r in connection.raw_sql(PLAIN).fetchall())),
        "replay on DuckDB": lambda: replay(table, rules, bucket_s=3600).hit_tokens,
    }
    with tempfile.TemporaryDirectory() as folder:
        if spark:
            there = on_spark(connection, f"{folder}/requests.parquet")
            sides["replay on Spark"] = lambda: replay(there, rules, bucket_s=3600).hit_tokens
        print(f"\n{rows:,} requests of (prefix_id, ts), 100,000 prefixes\n")
        show(in_turn(sides, repeats), rows, "requests")


def on_spark(connection: Any, path: str) -> Any:
    """The same table on Spark, which it enters through a Parquet file at *path*."""
    from pyspark.sql import SparkSession

    connection.raw_sql(f"copy requests to '{path}' (format parquet)")
    session = SparkSession.builder.master("local[*]").config("spark.ui.enabled", "false")
    held = session.config("spark.driver.memory", "6g").getOrCreate()
    return ibis.pyspark.connect(held).read_parquet(path)


def in_turn(sides: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each side; all must find the same."""
    walls: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(repeats + 1):
        found = set()
        for name, side in sides.items():
            began = time.perf_counter()
            found.add(side())
            if turn:
                walls[name].append(time.perf_counter() - began)
        if len(found) != 1:
            raise SystemExit(f"the sides differ: {found}")
    return walls


def show(walls: dict[str, list[float]], count: int, what: str) -> None:
    """A Markdown table with the ratios to the first side."""
    base = next(iter(walls.values()))
    print(f"| | wall, s (median) | million {what} a second | the first / it (median of turns) |")
    print("|---|---|---|---|")
    for name, own in walls.items():
        ratio = statistics.median(a / b for a, b in zip(base, own, strict=True))
        wall = statistics.median(own)
        print(f"| {name} | {wall:.3f} | {count / wall / 1e6:.2f} | {ratio:.2f} |")


def main() -> None:
    """Both, as Markdown."""
    given = argparse.ArgumentParser()
    given.add_argument("--trace", default="")
    given.add_argument("--rows", type=int, default=10_000_000)
    given.add_argument("--repeats", type=int, default=5)
    given.add_argument("--spark", action="store_true")
    asked = given.parse_args()
    versions = f"Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, {versions}\n")
    blocks(mooncake(asked.trace) if asked.trace else made(), asked.repeats)
    prefixes(asked.rows, asked.repeats, asked.spark)


if __name__ == "__main__":
    main()
