"""The usage frame is checked at the door: what passes, and what is refused in which words."""

import pandas as pd
import pytest

from cacheaudit.errors import SchemaError
from cacheaudit.schema import (
    COST,
    COUNTS,
    EVENTS,
    SIGNALS,
    USAGE,
    check_cost,
    check_events,
    check_signals,
    check_usage,
    empty_events,
    empty_signals,
    empty_usage,
    label,
)

HOUR = pd.Timedelta("1h")
NOON = pd.Timestamp("2026-03-01 12:00", tz="UTC")


def row(start=NOON, width=HOUR, **columns):
    base = {"bucket_start": start, "bucket_end": start + width, "provider": "p", "model": "m"}
    return {**base, "cache_read_tokens": 5, **columns}


def frame(*rows):
    return pd.DataFrame(list(rows))


def test_all_columns_appear_in_order_and_absent_ones_are_na():
    usage = check_usage(frame(row()))

    assert list(usage.columns) == USAGE
    assert usage["requests"].isna().all()
    assert usage["scope"].isna().all()
    assert (usage.dtypes[COUNTS] == "Int64").all()


def test_checking_twice_changes_nothing():
    once = check_usage(frame(row(NOON + HOUR), row(scope="b"), row(scope="a")))

    pd.testing.assert_frame_equal(check_usage(once), once)


def test_rows_are_sorted_by_key_and_the_input_is_left_alone():
    given = frame(row(NOON + HOUR), row())
    before = given.copy()
    usage = check_usage(given)

    assert usage["bucket_start"].is_monotonic_increasing
    pd.testing.assert_frame_equal(given, before)


def test_na_stays_na_and_zero_stays_zero():
    usage = check_usage(frame(row(requests=0), row(NOON + HOUR, requests=None)))

    assert usage["requests"].tolist()[0] == 0
    assert usage["requests"].isna().tolist() == [False, True]


@pytest.mark.parametrize("column", ["bucket_start", "bucket_end", "provider", "model"])
def test_a_missing_required_column_is_named(column):
    with pytest.raises(SchemaError, match=column):
        check_usage(frame(row()).drop(columns=column))


def test_a_frame_without_any_token_column_is_refused():
    with pytest.raises(SchemaError, match="no token column"):
        check_usage(frame(row()).drop(columns="cache_read_tokens").assign(requests=1))


def test_an_unknown_column_is_refused_since_it_is_probably_misspelt():
    with pytest.raises(SchemaError, match="input_tokens"):
        check_usage(frame(row(input_tokens=3)))


def test_times_without_a_zone_are_refused():
    naive = frame(row(pd.Timestamp("2026-03-01")))

    with pytest.raises(SchemaError, match="UTC"):
        check_usage(naive)


def test_times_in_another_zone_are_refused():
    with pytest.raises(SchemaError, match="UTC"):
        check_usage(frame(row(NOON.tz_convert("Europe/Berlin"))))


@pytest.mark.parametrize("width", [pd.Timedelta(0), -HOUR])
def test_a_bucket_that_does_not_end_after_its_start_is_refused(width):
    with pytest.raises(SchemaError, match="do not end after they start"):
        check_usage(frame(row(width=width)))


def test_a_negative_count_is_refused():
    with pytest.raises(SchemaError, match="below zero"):
        check_usage(frame(row(uncached_input_tokens=-1)))


def test_half_a_token_is_refused():
    with pytest.raises(SchemaError, match="output_tokens"):
        check_usage(frame(row(output_tokens=1.5)))


def test_a_repeated_key_is_refused():
    with pytest.raises(SchemaError, match="keys repeat"):
        check_usage(frame(row(), row()))


def test_an_hour_beside_its_minutes_is_refused():
    with pytest.raises(SchemaError, match="overlap"):
        check_usage(frame(row(), row(NOON + pd.Timedelta("10min"), pd.Timedelta("1min"))))


def test_the_same_hour_of_two_scopes_is_no_overlap():
    usage = check_usage(frame(row(scope="a"), row(scope="b"), row(scope=None), row(scope="")))

    assert len(usage) == 4


def test_neighbouring_buckets_are_no_overlap():
    assert len(check_usage(frame(row(), row(NOON + HOUR)))) == 2


def test_empty_frames_have_every_column():
    assert list(empty_usage().columns) == USAGE
    assert list(empty_events().columns) == EVENTS
    assert list(empty_signals().columns) == SIGNALS


def test_an_event_of_unknown_kind_is_refused():
    with pytest.raises(SchemaError, match="deploy"):
        check_events(pd.DataFrame({"at": [NOON], "kind": ["deploy"], "what": ["x"]}))


def test_events_and_signals_are_sorted_by_time():
    events = check_events(
        pd.DataFrame({"at": [NOON + HOUR, NOON], "kind": ["model", "price"], "what": ["x", "y"]})
    )
    signals = check_signals(
        pd.DataFrame({"at": [NOON + HOUR, NOON], "name": ["p50", "p50"], "value": [1, 2.5]})
    )

    assert events["what"].tolist() == ["y", "x"]
    assert signals["value"].tolist() == [2.5, 1.0]


def test_a_cost_table_keeps_rows_that_repeat_a_key():
    cost = check_cost(
        pd.DataFrame({"day": [NOON, NOON], "provider": ["p", "p"], "amount_usd": [1, 1]})
    )

    assert list(cost.columns) == COST
    assert cost["amount_usd"].sum() == 2


def test_label_is_text_or_none():
    assert label("a") == "a"
    assert label(pd.NA) is None
    assert label(float("nan")) is None
