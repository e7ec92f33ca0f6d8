"""The request table: what is refused, what is read, and what it sums to."""

import numpy as np
import pandas as pd
import pytest

from cacheaudit.engine import as_table, read_requests, rollup
from cacheaudit.errors import SchemaError, SourceError
from cacheaudit.request_table import TYPES
from tests.logs import call, log
from tests.planted import START


def test_absent_columns_are_null_and_present_ones_have_their_types():
    table = as_table(log(call(0)))

    assert {name: str(kind) for name, kind in table.schema().items()} == TYPES
    assert table.cache_write_1h_tokens.isnull().all().to_pandas()


def test_columns_of_others_are_left_behind_even_nested_ones():
    frame = log(call(0)).assign(block_ids=[[1, 2]], colour="blue")

    assert set(as_table(frame).columns) == set(TYPES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="model"), r"needs the columns \['model'\]"),
        (lambda f: f.rename(columns={"output_tokens": "output_token"}), "mean output_tokens"),
        (lambda f: f.assign(ts=f["ts"].dt.tz_localize(None)), "expected timestamps in UTC"),
        (lambda f: f[["ts", "provider", "model"]], "no token column"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, message):
    with pytest.raises(SchemaError, match=message):
        as_table(change(log(call(0))))


def test_something_else_than_a_table_is_refused():
    with pytest.raises(SchemaError, match="expected a pandas frame or an Ibis table"):
        as_table([call(0)])


def test_a_rollup_keeps_every_token_and_leaves_na_what_nobody_reports():
    rng = np.random.default_rng(1)
    calls = [
        call(float(s), scope=str(rng.choice(["a", "b"])), cache_read_tokens=int(rng.integers(9999)))
        for s in rng.uniform(0, 3 * 86400, 500)
    ]
    frame = log(*calls)

    hours, days = rollup(frame, "1h"), rollup(frame, "1d")

    for usage in (hours, days):
        assert int(usage["requests"].sum()) == 500
        assert int(usage["cache_read_tokens"].sum()) == int(frame["cache_read_tokens"].sum())
        assert usage["cache_write_1h_tokens"].isna().all()
    assert (days["bucket_end"] - days["bucket_start"] == pd.Timedelta("1D")).all()


def test_a_null_count_is_not_a_zero():
    usage = rollup(log(call(0, output_tokens=None), call(1, output_tokens=None)))

    assert usage["output_tokens"].isna().all()


def test_calls_that_failed_are_not_billed():
    usage = rollup(log(call(0, status=200), call(1, status=529)))

    assert int(usage["requests"].sum()) == 1


def test_an_unknown_bucket_is_refused():
    with pytest.raises(SchemaError, match="expected 1m, 1h or 1d"):
        rollup(log(call(0)), "2h")


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_a_file_reads_back_as_what_was_written(tmp_path, kind):
    frame, path = log(call(0), call(3600)), tmp_path / f"requests.{kind}"
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True, date_format="iso")

    usage = rollup(read_requests(path))

    assert list(usage["bucket_start"]) == [START, START + pd.Timedelta("1h")]
    assert int(usage["cache_read_tokens"].sum()) == 2000


@pytest.mark.parametrize("name", ["requests.xlsx", "absent.parquet"])
def test_a_file_that_cannot_be_read_is_one_message(tmp_path, name):
    with pytest.raises(SourceError, match=name):
        read_requests(tmp_path / name)
