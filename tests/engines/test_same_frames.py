"""One request log on DuckDB, PostgreSQL and Spark: the same frames, to the last NA and dtype."""

from dataclasses import fields

import ibis
import pandas as pd
import pytest

from cacheaudit.engine import as_table, read_requests, rollup
from cacheaudit.request_table import TYPES
from cacheaudit.schema import TOKENS
from cacheaudit.traffic import live_prefixes, log_facts
from cacheaudit.traffic.calls import at_ms, by_bytes
from cacheaudit.traffic.eligible import Lifetime, eligible
from cacheaudit.traffic.gaps import gaps
from cacheaudit.traffic.inventory import prefixes
from tests.engines.hostile import (
    AFTER,
    BEFORE,
    MOVE,
    OLD,
    UNREPORTED,
    hostile,
    in_postgres,
    in_spark,
)  # fmt: skip
from tests.engines.postgres import ZONE
from tests.logs import call, log
from tests.planted import START

RULES = {OLD: Lifetime(ttl_s=300, min_tokens=1024)}  # the new version has none
ENGINES = ["postgres", f"postgres in {ZONE}", "spark", f"spark in {ZONE}"]
EDGES_US = [0, 1, 499, 500, 999, 499_999, 500_000, 999_500, 999_999, 1_000_000, 59_999_999]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return hostile()


@pytest.fixture(scope="module")
def on_duckdb(frame, tmp_path_factory) -> ibis.Table:
    path = tmp_path_factory.mktemp("hostile") / "requests.parquet"
    frame.to_parquet(path)
    return read_requests(path)


@pytest.fixture(scope="module", params=ENGINES)
def put(request):
    """Puts a frame on one of the engines."""
    name, _, zone = request.param.partition(" in ")
    server = request.getfixturevalue(name)
    on = {"postgres": in_postgres, "spark": in_spark}[name]
    return lambda frame: on(frame, server, zone)


@pytest.fixture(scope="module")
def elsewhere(frame, put) -> ibis.Table:
    return put(frame)


def same(found: pd.DataFrame, expected: pd.DataFrame, what: str) -> None:
    """Equal rows in any order, equal columns in one."""
    columns = list(expected.columns)
    left, right = (f.sort_values(columns, ignore_index=True) for f in (found, expected))
    pd.testing.assert_frame_equal(left, right, check_exact=True, obj=what)


def test_the_log_leaves_every_count_of_tokens_unreported_somewhere(on_duckdb):
    """Else the tests below would not be about NA."""
    usage = rollup(on_duckdb, "1m")

    assert all(usage[c].isna().any() for c in TOKENS)
    assert [c for c in TOKENS if usage[c].isna().all()] == [UNREPORTED]
    assert usage["scope"].isna().any()
    assert usage["provider"].nunique() == 2


def test_every_call_arrives_as_it_was(elsewhere, on_duckdb):
    """Text in any script and nulls included; times by number, as Spark gives them in its zone."""
    tables = [as_table(t) for t in (elsewhere, on_duckdb)]
    rows = [t.mutate(ts=at_ms(t.ts)).to_pyarrow().to_pylist() for t in tables]
    found, expected = (sorted(r, key=lambda one: one["request_id"]) for r in rows)

    assert found == expected


@pytest.mark.parametrize("bucket", ["1m", "1h", "1d"])
def test_a_rollup_is_the_same_frame(elsewhere, on_duckdb, bucket):
    found, expected = rollup(elsewhere, bucket), rollup(on_duckdb, bucket)

    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_the_facts_of_a_log_are_the_same_tables(elsewhere, on_duckdb):
    found, expected = (log_facts(t, BEFORE, AFTER) for t in (elsewhere, on_duckdb))

    for field in fields(expected):
        assert len(getattr(expected, field.name))
        same(getattr(found, field.name), getattr(expected, field.name), field.name)


def test_what_a_move_can_have_rewritten_is_the_same(elsewhere, on_duckdb):
    found, expected = (live_prefixes(as_table(t), MOVE) for t in (elsewhere, on_duckdb))

    assert expected.on_new > 0
    assert expected.on_old > 0
    assert found == expected


@pytest.mark.parametrize("most", [5, 1000])
def test_the_inventory_of_prefixes_is_the_same_frame(elsewhere, on_duckdb, most):
    found, expected = (prefixes(t, most=most) for t in (elsewhere, on_duckdb))

    assert len(expected) > 5
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_the_gaps_are_the_same_frame(elsewhere, on_duckdb):
    found, expected = (gaps(t) for t in (elsewhere, on_duckdb))

    assert expected["calls"].sum() > 500
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize("bucket", ["1h", "1d"])
def test_what_an_ideal_cache_could_read_is_the_same_frame(elsewhere, on_duckdb, bucket):
    found, expected = (eligible(t, RULES, bucket) for t in (elsewhere, on_duckdb))

    assert expected["eligible_tokens"].sum() > 0
    assert expected["eligible_tokens"].isna().any()
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_times_are_cut_to_milliseconds_alike(put):
    """Some engines round to whole seconds, some keep fractions."""
    made = [
        call(0, ts=START + pd.Timedelta(microseconds=us), request_id=f"{i:02}")
        for i, us in enumerate(EDGES_US)
    ]
    table = as_table(put(log(*made)))
    found = table.select("request_id", ms=at_ms(table.ts)).to_pandas().sort_values("request_id")

    assert (found["ms"] - START.timestamp() * 1000).tolist() == [us // 1000 for us in EDGES_US]


def test_text_sorts_by_its_bytes(put):
    """In German or English order, b comes before C and ä beside a."""
    ids = ["a", "B", "b", "C", "Z", "_", "ä", "ß", "日", "\\x41"]
    table = as_table(put(log(*(call(i, request_id=one) for i, one in enumerate(ids)))))
    found = table.order_by(by_bytes(table.request_id)).request_id.to_pandas().tolist()

    assert found == sorted(ids, key=str.encode)


def test_the_facts_of_an_empty_window_are_the_same_tables(put, on_duckdb):
    """Nothing to count: the dtypes are those of DuckDB."""
    found, expected = (log_facts(t, BEFORE, BEFORE) for t in (put(log(call(0))), log(call(0))))

    for field in fields(expected):
        same(getattr(found, field.name), getattr(expected, field.name), field.name)


def test_columns_that_a_log_lacks_are_null_and_typed(put):
    """A table of four columns, as a team's own query may give."""
    few = ["ts", "provider", "model", "prompt_tokens"]
    table = put(log(call(0, prompt_tokens=7))).select(few)

    assert {name: str(kind) for name, kind in as_table(table).schema().items()} == TYPES
    assert rollup(table).loc[0, TOKENS].isna().all()
    assert int(rollup(table).loc[0, "requests"]) == 1
