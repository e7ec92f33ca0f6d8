"""Logs in the request table's own columns: row by row, and as the engine reads them."""

import json

import pandas as pd
import pytest

from cacheaudit.engine import rollup
from cacheaudit.errors import LogWarning, ParamError, SourceError
from cacheaudit.logs.lines import log_files
from cacheaudit.logs.opening import open_log, read_requests
from cacheaudit.logs.reading import reader_for
from cacheaudit.logs.table import read_log
from cacheaudit.logs.tally import tally

ROWS = [
    {"ts": f"2026-09-01T{h:02}:30:00Z", "provider": "anthropic", "model": "m", "scope": "a",
     "request_id": f"r{h}", "uncached_input_tokens": h, "cache_read_tokens": 100 * h,
     "marker_sent": h % 2 == 0, "latency_ms": 12.5, "mine": "left behind"}
    for h in range(24)
]  # fmt: skip


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    return path


def test_the_reader_and_the_engine_give_the_same_frame(path):
    assert reader_for(log_files(path)).name == "own"
    by_row, by_engine = read_log(path, format="own").table, open_log(path).table

    pd.testing.assert_frame_equal(rollup(by_row), rollup(by_engine))
    order = lambda t: t.order_by("ts").to_pandas()  # noqa: E731
    pd.testing.assert_frame_equal(order(by_row), order(by_engine))


def test_a_sum_over_it_is_the_engine_s(path):
    told = tally(path)

    assert sum(row.calls for row in told.rows) == 24
    assert told.rows[0].cache_read_tokens == 100 * sum(range(24))


def test_csv_is_read_alike(path, tmp_path):
    pd.DataFrame(ROWS).to_csv(tmp_path / "calls.csv", index=False)
    by_row = read_log(tmp_path / "calls.csv", format="own").table

    pd.testing.assert_frame_equal(rollup(by_row), rollup(open_log(path).table))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"ts": "2026-09-01T00:00:00"}, "ts has no zone"),
        ({"model": ""}, "model is missing"),
        ({"cache_read_tokens": -1}, "cache_read_tokens is -1"),
        ({"marker_sent": 3}, "marker_sent is int"),
        ({"uncached_input_tokens": None, "cache_read_tokens": None}, "no token count"),
    ],
)
def test_a_row_that_cannot_be_read_is_counted_with_its_line(tmp_path, row, why):
    path = tmp_path / "calls.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in [*ROWS, ROWS[0] | row]), "utf-8")

    with pytest.raises(SourceError, match=rf"1 of 25 calls .*{why}.*calls.jsonl line 25"):
        read_log(path, format="own")
    kept = read_log(path, format="own", max_loss=0.05)
    assert (kept.calls, len(kept.notes)) == (24, 1)
    with pytest.warns(LogWarning, match=why):
        read_requests(path, format="own", max_loss=0.05)


def test_columns_name_a_log_in_nobody_s_format(tmp_path):
    theirs = [
        {"began": r["ts"], "vendor": r["provider"], "served": r["model"],
         "usage": {"cached": r["cache_read_tokens"], "fresh": r["uncached_input_tokens"]}}
        for r in ROWS
    ]  # fmt: skip
    path = tmp_path / "theirs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in theirs), "utf-8")
    columns = {
        "ts": "began",
        "provider": "vendor",
        "model": "served",
        "cache_read_tokens": "usage.cached",
        "uncached_input_tokens": "usage.fresh",
    }
    found = rollup(open_log(path, columns=columns).table)

    assert found["cache_read_tokens"].tolist() == [100 * h for h in range(24)]
    with pytest.raises(SourceError, match="Name yours with `columns`"):
        open_log(path)
    with pytest.raises(ParamError, match="both set"):
        open_log(path, columns=columns, format="otel")


def test_a_database_with_a_format_that_lives_in_none_is_refused():
    with pytest.raises(ParamError, match="requests_format is 'otel' for a database"):
        open_log("duckdb:///nowhere.duckdb", table="calls", format="otel")
