"""A request log to the usage frame, beside the plain DuckDB query of the same sums.

Makes a month of requests as Parquet in a temporary folder (deleted after), then takes turns, each
run in a process of its own: ours is read_requests (its check of every count included) and rollup;
the rival is one SQL query that sums the same columns. Prints wall seconds without imports, peak
memory of the whole process, and medians of the ratios; both must give the same sums.

    python bench/rollup.py [--rows 10000000] [--repeats 5] [--spark]

--spark adds the same rollup on Spark in local mode (Java and the extra `spark`); its memory is
mostly the JVM's and is not shown.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import ibis

ROOT = Path(__file__).resolve().parent.parent
FILES = 4
MAKE = """
copy (
  select
    timestamptz '2026-03-01 00:00:00+00'
      + to_microseconds(i * {step} + (hash(i) % 1000)::bigint) as ts,
    'anthropic' as provider,
    ['claude-opus-4-6', 'claude-sonnet-4-5', 'claude-haiku-4-5'][1 + (hash(i + 1) % 3)::int]
      as model,
    'team-' || (hash(i + 2) % 5) as scope,
    'key-' || (hash(i + 3) % 4) as route,
    'r' || i as request_id,
    's' || (i // 12) as session_id,
    md5(((hash(i + 4) % 1000)::varchar)) as prefix_id,
    (hash(i + 5) % 900)::bigint as uncached_input_tokens,
    case when hash(i + 6) % 50 = 0 then null else (hash(i + 6) % 20000)::bigint end
      as cache_read_tokens,
    (hash(i + 7) % 700)::bigint as cache_write_5m_tokens,
    (hash(i + 8) % 600)::bigint as output_tokens,
    (hash(i + 9) % 30000) / 10.0::double as latency_ms,
    case when hash(i + 10) % 200 = 0 then 529 else 200 end::bigint as status
  from range({low}, {high}) r(i)
) to '{path}' (format parquet, row_group_size 122880)
"""
PLAIN = """
select date_trunc('hour', ts) as bucket_start, provider, model, scope, route,
  count(*) as requests, sum(uncached_input_tokens) as uncached_input_tokens,
  sum(cache_read_tokens) as cache_read_tokens, sum(cache_write_5m_tokens) as cache_write_5m_tokens,
  sum(output_tokens) as output_tokens
from read_parquet('{files}') where status is null or status < 400 group by all
"""
SUMS = ["requests", "uncached_input_tokens", "cache_read_tokens", "output_tokens"]


def make(folder: Path, rows: int) -> None:
    """*rows* requests over 30 days in FILES files, streamed by DuckDB row group by row group."""
    step, each = 30 * 86_400_000_000 // rows, -(-rows // FILES)
    connection = duckdb.connect(config={"memory_limit": "2GB", "preserve_insertion_order": False})
    for i in range(FILES):
        low, high, path = i * each, min((i + 1) * each, rows), folder / f"part-{i}.parquet"
        connection.execute(MAKE.format(step=step, low=low, high=high, path=path))


def ours(files: str) -> dict[str, int]:
    """The front door and the rollup."""
    from cacheaudit.engine import read_requests, rollup

    return _sums(rollup(read_requests(files)))


def plain(files: str) -> dict[str, int]:
    """The same sums, as one would type them."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    return _sums(connection.execute(PLAIN.format(files=files)).df())


def spark(files: str) -> dict[str, int]:
    """The same rollup on Spark, which enters through Parquet."""
    from pyspark.sql import SparkSession

    from cacheaudit.engine import as_table, rollup

    session = SparkSession.builder.master("local[*]").config("spark.ui.enabled", "false")
    held = session.config("spark.driver.memory", "4g").getOrCreate()
    connection = ibis.pyspark.connect(held)
    return _sums(rollup(as_table(connection.read_parquet(files))))


def _sums(frame) -> dict[str, int]:
    return {c: int(frame[c].sum()) for c in SUMS} | {"groups": len(frame)}


SIDES = {"ours": ours, "plain": plain, "spark": spark}


def child(side: str, files: str) -> None:
    """One run: what it took and what it found, as JSON."""
    if side != "plain":
        import cacheaudit.engine
        import cacheaudit.traffic  # noqa: F401  imports are not what is measured
    import pandas  # noqa: F401

    began = time.perf_counter()
    sums = SIDES[side](files)
    wall = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall_s": wall, "peak_mib": peak, "sums": sums}))


def measure(side: str, files: str) -> dict:
    """One run of *side* in its own process."""
    words = [sys.executable, __file__, "--child", side, "--files", files]
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, capture_output=True, text=True, env=path, check=False)
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Take turns, one warm-up first, and print a table."""
    given = argparse.ArgumentParser()
    given.add_argument("--rows", type=int, default=10_000_000)
    given.add_argument("--repeats", type=int, default=5)
    given.add_argument("--spark", action="store_true")
    given.add_argument("--child", default="")
    given.add_argument("--files", default="")
    asked = given.parse_args()
    if asked.child:
        child(asked.child, asked.files)
        return
    sides = ["plain", "ours", *(["spark"] if asked.spark else [])]
    runs: dict[str, list[dict]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as scratch:
        make(Path(scratch), asked.rows)
        size = sum(p.stat().st_size for p in Path(scratch).iterdir()) / 2**30
        for turn in range(asked.repeats + 1):
            for side in sides:
                found = measure(side, f"{scratch}/*.parquet")
                runs[side] += [found] if turn else []
    if any(run["sums"] != runs["plain"][0]["sums"] for side in sides for run in runs[side]):
        raise SystemExit(f"sums differ: { {side: runs[side][0]['sums'] for side in sides} }")
    show(runs, asked, size)


def show(runs: dict[str, list[dict]], asked: argparse.Namespace, size: float) -> None:
    """A Markdown table with the ratios to the plain query."""
    versions = (
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, Ibis {ibis.__version__}"
    )
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, {versions}")
    print(f"{asked.rows:,} requests, {size:.1f} GiB of Parquet, {asked.repeats} runs in turn\n")
    print("| | wall, s (median) | lowest to highest | to plain (median) | peak, MiB (highest) |")
    print("|---|---|---|---|---|")
    base = [run["wall_s"] for run in runs["plain"]]
    for side, done in runs.items():
        walls = [run["wall_s"] for run in done]
        ratio = statistics.median(a / b for a, b in zip(walls, base, strict=True))
        peak = "" if side == "spark" else f"{max(run['peak_mib'] for run in done):.0f}"
        print(
            f"| {side} | {statistics.median(walls):.2f} | {min(walls):.2f} to {max(walls):.2f}"
            f" | {ratio:.2f} | {peak} |"
        )


if __name__ == "__main__":
    main()
