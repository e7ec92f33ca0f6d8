"""A request log in which engines that differ would differ, and how it enters each of them.

Every column of tokens has calls that do not report it (and one is reported by none); scopes are
text in several scripts, two of them equal but for their case; calls at the same microsecond are
told apart by their ids alone; clocks in New York are put back in the middle of it.
"""

from itertools import count
from typing import Any

import ibis
import numpy as np
import pandas as pd

from cacheaudit.engine import as_table
from cacheaudit.request_table import TYPES
from cacheaudit.schema import TOKENS
from cacheaudit.traffic import Move, Window
from tests.engines.postgres import Postgres
from tests.engines.spark import Spark
from tests.logs import call, log

CLOCKS_BACK = pd.Timestamp("2026-11-01 06:00", tz="UTC")  # 2:00 in New York becomes 1:00
LOW, HIGH = CLOCKS_BACK - pd.Timedelta("36h"), CLOCKS_BACK + pd.Timedelta("36h")
HALF_SECOND_US = 500_000  # where rounding to whole seconds and cutting off differ
OLD, NEW = "claude-opus-4-6", "claude-opus-4-7"
SCOPES = ["chat", "Chat", "équipe", "ßß", "日本", "'; drop--", "\\x41", None]
UNREPORTED = "cache_write_12h_tokens"
PG_TYPES = {"string": "text", "int64": "bigint", "float64": "double precision"}
PG_TYPES |= {"boolean": "boolean", "timestamp('UTC')": "timestamptz"}
NUMBER = count()

BEFORE = Window(start=LOW, end=CLOCKS_BACK, cohorts=())
AFTER = Window(start=CLOCKS_BACK, end=HIGH, cohorts=(("chat", "gateway"), (None, "Gateway")))
MOVE = Move(
    provider="anthropic",
    cohorts=(("chat", "gateway"), ("chat", None)),
    from_model=OLD,
    to_model=NEW,
    start=CLOCKS_BACK,
    stop=CLOCKS_BACK + pd.Timedelta("3h"),
    since=CLOCKS_BACK - pd.Timedelta("4h"),
    longest_s=3600,
    shortest_s=300,
    implicit=False,
)


def hostile(calls: int = 4000, seed: int = 7) -> pd.DataFrame:
    """The log, in no order."""
    rng = np.random.default_rng(seed)
    return log(*(_one(i, rng) for i in range(calls))).astype(
        dict.fromkeys([*TOKENS, "prefix_tokens", "prompt_tokens", "status", "turn_index"], "Int64")
    )


def _one(i: int, rng: np.random.Generator) -> dict[str, Any]:
    """Call number *i*: a quarter of the calls begin at the same time as another."""
    span_us = int((HIGH - LOW).total_seconds() * 1e6)
    tick = int(rng.integers(span_us // 10**8)) * 10**8 if i % 4 == 0 else int(rng.integers(span_us))
    if i % 5 == 0:
        tick = tick // 10**6 * 10**6 + HALF_SECOND_US

    def maybe(value: Any, share: float = 0.8) -> Any:
        return value if rng.random() < share else None

    ts = LOW + pd.Timedelta(microseconds=tick)
    counts = {c: maybe(int(rng.integers(3000)) * int(rng.integers(2))) for c in TOKENS}
    moved = ts >= CLOCKS_BACK + pd.Timedelta(hours=3 * float(rng.random()))
    return call(
        0,
        **counts | {UNREPORTED: None, "ts": ts},
        provider="openai" if i % 7 == 0 else "anthropic",
        model=NEW if moved else OLD,
        model_requested=maybe("opus"),
        scope=SCOPES[int(rng.integers(len(SCOPES)))] if i % 3 == 0 else "chat",
        route=maybe(str(rng.choice(["gateway", "Gateway"])), 0.9),
        request_id=f"{rng.choice(['a', 'B', 'é', 'Z', '_'])}{i}",
        session_id=maybe(f"s{rng.integers(150)}", 0.6),
        prefix_id=maybe(f"{rng.choice(['P', 'p', 'ö', '_'])}{rng.integers(12)}", 0.9),
        prefix_tokens=maybe(int(rng.integers(1000, 4000)), 0.5),
        prompt_tokens=maybe(int(rng.integers(100, 9000)), 0.5),
        client_version=maybe(str(rng.choice(["1.9", "1.10"]))),
        region=maybe("us-east-1"),
        tools_hash=maybe(str(rng.choice(["x", "y"]))),
        service_tier=maybe("standard"),
        cache_miss_reason=maybe("tools_changed", 0.1),
        turn_index=maybe(int(rng.integers(60)), 0.2),
        latency_ms=maybe(float(rng.integers(1, 90_000))),
        first_token_ms=maybe(float(rng.integers(1, 5_000)), 0.5),
        status=maybe(int(rng.choice([200, 200, 200, 400, 529]))),
        marker_sent=maybe(bool(rng.integers(2))),
    )


def in_postgres(frame: pd.DataFrame, postgres: Postgres, zone: str = "") -> ibis.Table:
    """*frame* as a table of the server, on a connection of its own."""
    connection = postgres.connect(zone)
    name = f"requests_{next(NUMBER)}"
    table = as_table(frame).to_pyarrow()
    columns = ", ".join(f'"{c}" {PG_TYPES[TYPES[c]]}' for c in table.column_names)
    with connection.con.cursor() as cursor:
        cursor.execute(f"create table {name} ({columns})")
        with cursor.copy(f"copy {name} from stdin") as copy:
            for row in table.to_pylist():
                copy.write_row(list(row.values()))
    return connection.table(name)


def in_spark(frame: pd.DataFrame, spark: Spark, zone: str = "") -> ibis.Table:
    """*frame* as a table of Spark, by way of Parquet: it keeps what is null (see test_spark)."""
    path = spark.folder / f"requests_{next(NUMBER)}.parquet"
    as_table(frame).to_parquet(path)
    return spark.connect(zone).read_parquet(path)
