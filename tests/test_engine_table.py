"""The log's own names and values: what is understood, what is refused, what is never said."""

import re
from datetime import date
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from cacheaudit.engine import as_table, rollup
from cacheaudit.engine.values import DAY
from cacheaudit.errors import SchemaError
from tests.logs import call, log
from tests.planted import START

READ = "cache_read_tokens"


def text_log(**columns: list[Any]) -> Any:
    """A DuckDB table of two calls, as a database or a CSV may hold it."""
    plain: dict[str, Any] = {
        "ts": ["2026-03-02T00:00:00Z", "2026-03-02T02:30:00+01:00"],
        "provider": ["anthropic"] * 2,
        "model": ["m"] * 2,
        READ: [1, 2],
    }
    return ibis.memtable(pd.DataFrame(plain | columns))


def test_a_log_is_read_by_its_own_names():
    frame = log(call(0), call(3600)).rename(columns={"ts": "time", "model": "engine", READ: "hits"})
    own = {"ts": "time", "model": "engine", READ: "hits", "scope": "route"}

    usage = rollup(as_table(frame, own))

    assert int(usage[READ].sum()) == 2000
    assert usage["scope"].tolist() == ["gateway"] * 2
    assert usage["route"].tolist() == ["gateway"] * 2


def test_a_name_that_is_given_wins_over_a_column_of_the_tables_own():
    frame = log(call(0)).assign(hits=7)

    assert as_table(frame, {READ: "hits"}).to_pandas()[READ].tolist() == [7]


def test_a_field_of_a_nested_column_is_named_with_dots():
    frame = pd.DataFrame(
        {"ts": [START], "provider": ["a"], "model": ["m"], "usage": [{"in": {"cached": 5}}]}
    )
    table = as_table(ibis.memtable(frame), {READ: "usage.in.cached"})

    assert table.to_pandas()[READ].tolist() == [5]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"cache_read_token": "cache_read_tokens"}, "did you mean cache_read_tokens"),
        ({READ: "cache_reads_tokens"}, "did you mean cache_read_tokens"),
        ({READ: "zzz"}, r"columns says cache_read_tokens is zzz, .*it has \['cache_read"),
        ({"zzz": READ}, "columns names zzz, which no request table has; it has "),
        ({READ: "model.deep"}, "columns says cache_read_tokens is model.deep"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_what_is_near(columns, message):
    with pytest.raises(SchemaError, match=message):
        as_table(log(call(0)), columns)


def test_counts_and_times_come_as_text_too():
    """As in a CSV: pandas writes 1000.0 where the column has gaps; the second is 01:30 in UTC."""
    marks = {"marker_sent": ["True", "false"], "latency_ms": ["1.5e3", ""]}
    table = as_table(text_log(**{READ: ["1000.0", ""]}, output_tokens=["7", "8"], **marks))
    frame = table.order_by("ts").to_pandas()

    assert frame["ts"].tolist() == [START, START + pd.Timedelta("90min")]
    assert frame[READ].isna().tolist() == [False, True]
    assert frame[READ][0] == 1000
    assert frame["output_tokens"].tolist() == [7, 8]
    assert frame["marker_sent"].tolist() == [True, False]
    assert frame["latency_ms"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("column", "values", "example"),
    [
        (READ, ["12", "n/a"], "1 rows (text of 3 characters"),
        (READ, ["1.5", "7"], "such as 1.5"),
        (READ, ["-5", "-5"], "2 rows (such as -5"),
        (READ, [1, -5], "such as -5"),
        (READ, [1.0, 2.5], "such as 2.5"),
        (READ, [1.0, float("inf")], "such as inf"),
        (READ, [10**16, 1], "such as 10000000000000000"),
        (READ, ["1e3", "2"], "such as 1e3"),
        ("status", [200, -1], "status in 1 rows"),
        ("latency_ms", ["fast", "2"], "expected numbers"),
        ("latency_ms", [float("inf"), 2.0], "such as inf"),
        ("marker_sent", ["yes", "true"], "expected true or false"),
        ("marker_sent", [2, 1], "marker_sent in 1 rows"),
        (READ, [True, False], "is boolean"),
        ("ts", ["2026-03-02T00:00:00", "2026-03-02T00:00:00Z"], "such as 2026-03-02T00:00:00;"),
        ("ts", ["2026-02-30T00:00:00Z", "2026-03-02T00:00:00Z"], "such as 2026-02-30T00:00:00Z;"),
        ("ts", ["2027-02-29T00:00:00Z", "2028-02-29T00:00:00Z"], "such as 2027-02-29T00:00:00Z;"),
        ("ts", ["2026-03-02T24:00:00Z", "2026-03-02T23:59:59+05:30"], "such as 2026-03-02T24"),
        ("ts", ["yesterday", None], "ts in 2 rows (text of 9 characters"),
        ("ts", [START, None], "ts in 1 rows (null"),
    ],
)  # fmt: skip
def test_what_is_no_count_and_no_time_is_found(column, values, example):
    """Never read as null, nor rounded: column, rows and a value are named."""
    with pytest.raises(SchemaError) as refused:
        as_table(text_log(**{column: values}))

    assert column in str(refused.value)
    assert example in str(refused.value)


def test_the_days_that_are_read_are_those_of_the_calendar():
    days = [f"{y}-{m:02}-{d:02}" for y in (1900, 2000, 2026, 2028) for m in range(14)
            for d in range(33)]  # fmt: skip

    assert [day for day in days if re.fullmatch(DAY, day)] == [d for d in days if is_day(d)]


def is_day(text):
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def test_what_somebody_wrote_is_never_quoted():
    """A column mapped by mistake holds prompts."""
    frame = text_log(prompt=["tell me my password 123", "9"])

    with pytest.raises(SchemaError) as refused:
        as_table(frame, {READ: "prompt"})

    assert "password" not in str(refused.value)
    assert "text of 23 characters" in str(refused.value)


def test_nan_in_a_column_of_an_engine_is_no_missing_count():
    connection = ibis.duckdb.connect()
    connection.raw_sql(
        "create table t as select timestamptz '2026-03-02 00:00:00+00' as ts, 'a' as provider,"
        " 'm' as model, 'nan'::double as cache_read_tokens"
    )

    with pytest.raises(SchemaError, match="cache_read_tokens in 1 rows \\(such as nan"):
        as_table(connection.table("t"))


def test_marks_and_whole_milliseconds_need_no_look():
    frame = log(call(0, marker_sent=True, latency_ms=5), call(1, marker_sent=False, latency_ms=6))
    read = as_table(frame).order_by("ts").to_pandas()

    assert read["marker_sent"].tolist() == [True, False]
    assert read["latency_ms"].tolist() == [5.0, 6.0]


def test_a_request_table_is_taken_as_it_is():
    table = as_table(log(call(0)))

    assert as_table(table) is table


@pytest.mark.parametrize("seed", range(5))
def test_a_rollup_equals_the_sum_of_its_rows(seed):
    """Against pandas: random calls, a third of the counts not reported."""
    rng = np.random.default_rng(seed)
    made = [
        call(
            float(rng.uniform(0, 5 * 3600)),
            model=str(rng.choice(["m", "n"])),
            cache_read_tokens=None if rng.random() < 0.33 else int(rng.integers(9)),
            cache_write_5m_tokens=None,
            status=int(rng.choice([200, 500])),
        )
        for _ in range(60)
    ]
    frame = log(*made).sample(frac=1, random_state=seed)
    usage = rollup(frame).set_index(["bucket_start", "model"])

    kept = frame[frame["status"] < 400]
    sums = kept.groupby([kept["ts"].dt.floor("1h"), "model"])[READ].sum(min_count=1)
    calls = kept.groupby([kept["ts"].dt.floor("1h"), "model"]).size()
    assert usage["requests"].to_dict() == calls.to_dict()
    assert usage[READ].astype("Float64").fillna(-1).to_dict() == sums.fillna(-1).to_dict()
    assert usage["cache_write_5m_tokens"].isna().all()
