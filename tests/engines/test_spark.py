"""How a log enters Spark: what it makes of nulls and of times."""

import pandas as pd
import pytest

from cacheaudit.engine import as_table, rollup
from cacheaudit.errors import SchemaError
from tests.engines.hostile import in_spark
from tests.engines.postgres import ZONE
from tests.logs import call, log

COUNTS = [None, 0, 10**15]


def test_through_parquet_one_null_leaves_the_other_counts_alone(spark):
    """Through Ibis's memtable the whole column comes out as NaN."""
    frame = log(*(call(i, cache_read_tokens=n) for i, n in enumerate(COUNTS)))
    frame["cache_read_tokens"] = pd.array(COUNTS, dtype="Int64")
    table = as_table(in_spark(frame, spark))
    found = table.get_backend().raw_sql(table.order_by("ts").cache_read_tokens.compile())

    assert [row[0] for row in found.collect()] == COUNTS


def test_a_null_is_no_nan(spark):
    """Ibis calls both null on Spark; a sum of NaN is NaN, a sum without nulls is not."""
    frame = log(call(0, latency_ms=None), call(1, latency_ms=5.0))
    table = as_table(in_spark(frame, spark))

    assert table.latency_ms.sum().execute() == 5.0
    assert table.latency_ms.count().execute() == 1


@pytest.mark.parametrize("zone", ["UTC", ZONE])
def test_a_time_is_an_instant_in_every_zone(spark, zone):
    """The hour that New York has twice: 5:30 and 6:30 in UTC are both 1:30 there."""
    twice = [pd.Timestamp(f"2026-11-01 0{h}:30", tz="UTC") for h in (5, 6)]
    usage = rollup(in_spark(log(*(call(0, ts=ts) for ts in twice)), spark, zone))

    assert list(usage["bucket_start"]) == [ts.floor("h") for ts in twice]


def test_a_wall_clock_without_a_zone_is_refused_as_anywhere(spark):
    table = in_spark(log(call(0)), spark)
    bare = table.get_backend().sql(
        f"select ts::timestamp_ntz as ts, * except (ts) from {table.get_name()}"
    )

    with pytest.raises(SchemaError, match="expected timestamps in UTC"):
        as_table(bare)
