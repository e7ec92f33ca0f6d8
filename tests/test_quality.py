"""Notes on the data: what stops a diagnosis, what is only told, and what is no note at all."""

import numpy as np
import pandas as pd
import pytest

from cacheaudit.quality import check_quality, settled
from cacheaudit.schema import check_usage, empty_usage

START = pd.Timestamp("2026-03-02", tz="UTC")
HOUR = pd.Timedelta("1h")
DAY = pd.Timedelta("1D")


def usage(n=24 * 21, width=HOUR, start=START, **columns):
    begins = start + width * np.arange(n)
    every = {
        "provider": "p",
        "model": "m",
        "requests": 10,
        "cache_read_tokens": 800,
        "cache_write_5m_tokens": 100,
        "uncached_input_tokens": 100,
        "output_tokens": 50,
        **columns,
    }
    made = pd.DataFrame({"bucket_start": begins, "bucket_end": begins + width, **every})
    return check_usage(made.drop(columns=[c for c, v in every.items() if v is None]))


def notes(frame, **asked):
    return {n.id: n for n in check_quality(frame, **asked)}


def unfit(frame):
    return [n.id for n in check_quality(frame) if n.severity == "unfit"]


def test_whole_data_has_no_note():
    assert notes(usage()) == {}


def test_a_frame_without_rows_is_unfit():
    assert unfit(empty_usage()) == ["no_usage"]


def test_reads_that_are_nowhere_reported_are_unfit():
    assert unfit(usage(cache_read_tokens=None)) == ["no_cache_reads"]


def test_reads_reported_as_zero_are_fit():
    """A cache that never hit is a finding, not a fault of the data."""
    assert unfit(usage(cache_read_tokens=0)) == []


def test_rows_without_any_token_are_unfit():
    nothing = usage(cache_read_tokens=0, cache_write_5m_tokens=0, uncached_input_tokens=0)

    assert unfit(nothing) == ["no_tokens"]


@pytest.mark.parametrize(("buckets", "expected"), [(3, ["too_short"]), (4, [])])
def test_fewer_than_four_buckets_are_unfit(buckets, expected):
    assert unfit(usage(buckets)) == expected


def test_only_buckets_that_report_reads_are_counted():
    frame = usage(10)
    frame["cache_read_tokens"] = frame["cache_read_tokens"].where(frame.index < 3)

    assert unfit(frame) == ["too_short"]


def test_empty_buckets_are_counted_and_named():
    frame = usage().drop(index=[30, 31])
    note = notes(frame)["empty_buckets"]

    assert note.severity == "note"
    assert "2 of 504 buckets of an hour" in note.text
    assert "2026-03-03 06:00, 2026-03-03 07:00" in note.text


def test_many_empty_buckets_are_not_all_listed():
    note = notes(usage().drop(index=range(100, 120)))["empty_buckets"]

    assert "and 14 more" in note.text


def test_minutes_in_an_hour_do_not_make_its_neighbours_empty():
    hours = usage(480)
    minutes = usage(60, pd.Timedelta("1min"), start=START + 480 * HOUR)

    assert notes(check_usage(pd.concat([hours, minutes]))) == {}


def test_a_window_that_is_not_covered_is_told():
    frame = usage()

    assert "window_not_covered" in notes(frame, window=(START - HOUR, START + 21 * DAY))
    assert "window_not_covered" not in notes(frame, window=(START, START + 21 * DAY))


def test_a_window_that_cuts_into_an_hour_is_told():
    hours = usage(480)
    minutes = usage(20, pd.Timedelta("1min"), start=START + 480 * HOUR)
    note = notes(check_usage(pd.concat([hours, minutes])))["partial_buckets"]

    assert "2026-03-22 00:00 to 00:20" in note.text


def test_days_that_begin_at_another_hour_are_not_partial():
    """A provider's day can start at 07:00 UTC; it is whole all the same."""
    assert "partial_buckets" not in notes(usage(21, DAY, start=START + 7 * HOUR))


def test_less_than_two_weeks_cannot_show_a_weekly_rhythm():
    assert "13.0 days" in notes(usage(24 * 13))["short_window"].text
    assert "short_window" not in notes(usage(24 * 14))


@pytest.mark.parametrize(
    ("column", "note"),
    [
        ("uncached_input_tokens", "no_uncached"),
        ("requests", "no_requests"),
        ("output_tokens", "no_output"),
    ],
)
def test_what_is_not_reported_is_told(column, note):
    assert set(notes(usage(**{column: None}))) == {note}
    assert note not in notes(usage(**{column: 0}))


def test_rows_without_a_model_are_counted_in_tokens():
    frame = usage()
    frame.loc[:1, "model"] = None

    assert notes(frame)["no_model"].text.startswith("2,100 tokens in 2 rows")


def test_the_tail_that_may_still_change_is_told_and_left_out():
    frame = usage()
    refreshed = START + 20 * DAY + pd.Timedelta("30min")
    note = notes(frame, refreshed_at=refreshed)["provisional_tail"]

    assert "24 later buckets" in note.text
    assert settled(frame, refreshed)["bucket_end"].max() == START + 20 * DAY
    assert settled(frame, None) is frame
