"""Rates are of sums, and what is not reported is not 0."""

import numpy as np
import pandas as pd
import pytest

from cacheaudit.metrics import (
    MEASURES,
    cache_metrics,
    headline_rate,
    merged_cohorts,
    reports,
    rollup,
    token_totals,
    usual_width,
)
from cacheaudit.schema import COUNTS, check_usage

HOUR = pd.Timedelta("1h")
START = pd.Timestamp("2026-03-01", tz="UTC")


def usage(*rows, width=HOUR):
    """One row per dict; `hour` counts from START, every other entry is a column."""
    base = {"provider": "p", "model": "m"}
    filled = [
        {
            "bucket_start": START + r.get("hour", 0) * HOUR,
            "bucket_end": START + r.get("hour", 0) * HOUR + width,
            **base,
            **{k: v for k, v in r.items() if k != "hour"},
        }
        for r in rows
    ]
    return check_usage(pd.DataFrame(filled))


def tokens(read=0, written=0, uncached=0, **columns):
    return {
        "cache_read_tokens": read,
        "cache_write_5m_tokens": written,
        "uncached_input_tokens": uncached,
        **columns,
    }


def random_usage(seed, hours=24):
    rng = np.random.default_rng(seed)
    made = [
        tokens(*rng.integers(0, 10**6, 3), hour=h, scope=s, requests=9, output_tokens=70)
        for h in range(hours)
        for s in ("a", "b")
    ]
    return usage(*made)


def test_worked_example():
    """800 read, 100 written, 100 plain of 1,000 by 10 requests with 50 tokens of output."""
    one = cache_metrics(usage(tokens(800, 100, 100, requests=10, output_tokens=50)), ["provider"])

    assert one.iloc[0][MEASURES].to_dict() == pytest.approx(
        {
            "hit_rate": 0.8,
            "write_share": 0.1,
            "uncached_share": 0.1,
            "read_share_of_cached": 800 / 900,
            "input_tokens_per_request": 100.0,
            "output_tokens_per_request": 5.0,
        }
    )


def test_all_write_lifetimes_count_as_written():
    frame = usage(tokens(50, 10, 10) | {"cache_write_1h_tokens": 20, "cache_write_12h_tokens": 10})

    assert cache_metrics(frame, ["provider"])["write_share"].item() == pytest.approx(0.4)


def test_a_bucket_without_input_has_no_rate():
    rates = cache_metrics(usage(tokens(0, 0, 0, requests=0)), ["provider"])

    assert rates[MEASURES].isna().all(axis=None)


def test_a_rate_is_of_sums_never_a_mean_of_rates():
    """An hour of 1,000 tokens at 90 % and one of 10 tokens at 0 % make 89 %, not 45 %."""
    frame = usage(tokens(900, 0, 100), tokens(0, 0, 10, hour=1))

    assert cache_metrics(frame, ["provider"])["hit_rate"].item() == pytest.approx(900 / 1010)


def test_reads_that_are_not_reported_are_not_zero_reads():
    """Half the traffic reports no reads: the rate is that of the other half."""
    frame = usage(tokens(800, 100, 100, scope="a"), {"scope": "b", "uncached_input_tokens": 5000})

    assert cache_metrics(frame, ["bucket_start"])["hit_rate"].item() == pytest.approx(0.8)


def test_a_rate_that_nobody_reports_is_na():
    frame = usage({"cache_read_tokens": 800, "cache_write_5m_tokens": 100})
    rates = cache_metrics(frame, ["provider"]).iloc[0]

    assert np.isnan(rates["hit_rate"])
    assert rates["read_share_of_cached"] == pytest.approx(800 / 900)


def test_a_sum_that_nobody_reports_is_na_not_zero():
    sums = cache_metrics(usage({"cache_read_tokens": 800}), ["provider"]).iloc[0]

    assert sums["read_tokens"] == 800
    assert sums[["requests", "written_tokens", "uncached_tokens", "input_tokens"]].isna().all()


def test_a_provider_without_write_columns_still_has_a_hit_rate():
    frame = usage({"cache_read_tokens": 30, "uncached_input_tokens": 70})

    assert cache_metrics(frame, ["provider"])["hit_rate"].item() == pytest.approx(0.3)


def test_the_stand_in_rate_counts_no_reads_of_rows_that_report_no_writes():
    """Else a provider that reports reads alone would push the share above 1."""
    frame = usage(tokens(10, 10, 5, scope="a"), {"scope": "b", "cache_read_tokens": 1000})

    rate = cache_metrics(frame, ["bucket_start"])["read_share_of_cached"].item()
    assert rate == pytest.approx(0.5)


def test_tokens_per_request_use_the_rows_that_count_requests():
    frame = usage(tokens(100, 0, 0, scope="a", requests=10), tokens(10**6, 0, 0, scope="b"))

    assert cache_metrics(frame, ["bucket_start"])["input_tokens_per_request"].item() == 10


@pytest.mark.parametrize("seed", range(5))
def test_cutting_every_bucket_in_two_changes_no_rate(seed):
    whole = random_usage(seed)
    half = (whole["bucket_end"] - whole["bucket_start"]) / 2
    part = (whole[COUNTS] // 3).where(whole[COUNTS].notna())
    first = whole.assign(bucket_end=whole["bucket_start"] + half, **part)
    rest = whole.assign(bucket_start=whole["bucket_start"] + half, **(whole[COUNTS] - part))
    cut = check_usage(pd.concat([first, rest], ignore_index=True))

    for by in (["provider"], ["scope"]):
        expected = cache_metrics(whole, by)
        pd.testing.assert_frame_equal(cache_metrics(cut, by), expected)
    pd.testing.assert_frame_equal(
        cache_metrics(rollup(cut, HOUR), ["bucket_start", "scope"]),
        cache_metrics(whole, ["bucket_start", "scope"]),
    )


@pytest.mark.parametrize("seed", range(5))
def test_cohorts_sum_to_all_traffic(seed):
    frame = random_usage(seed)
    sums = ["requests", "read_tokens", "written_tokens", "uncached_tokens", "input_tokens"]
    parts = cache_metrics(frame, ["bucket_start", "scope"])[sums].groupby("bucket_start").sum()

    pd.testing.assert_frame_equal(parts, cache_metrics(frame, ["bucket_start"])[sums])


@pytest.mark.parametrize("seed", range(5))
def test_the_three_shares_add_up_to_one(seed):
    rates = cache_metrics(random_usage(seed), ["bucket_start"])

    total = rates[["hit_rate", "write_share", "uncached_share"]].sum(axis=1)
    np.testing.assert_allclose(total, 1.0)


def test_a_missing_label_is_a_group_of_its_own():
    rates = cache_metrics(usage(tokens(1, 0, 1, scope="a"), tokens(3, 0, 1)), ["scope"])

    assert rates["hit_rate"].tolist() == [0.5, 0.75]


def test_headline_rate_falls_back_where_uncached_is_nowhere_reported():
    assert headline_rate(usage(tokens(1, 1, 1))) == "hit_rate"
    assert headline_rate(usage({"cache_read_tokens": 1})) == "read_share_of_cached"


def test_rollup_keeps_coarser_buckets_and_unreported_counts():
    fine = usage(tokens(1, 2, 3), tokens(1, 2, 3, hour=1))
    coarse = rollup(fine, pd.Timedelta("1D"))

    assert len(coarse) == 1
    assert coarse["cache_read_tokens"].item() == 2
    assert coarse["requests"].isna().all()
    pd.testing.assert_frame_equal(rollup(coarse, HOUR), coarse)


def test_usual_width_is_that_of_most_of_the_time_not_of_most_buckets():
    hours = [tokens(1, 1, 1, hour=h) for h in range(48)]
    minute = pd.Timedelta("1min")
    minutes = [
        tokens(1, 1, 1)
        | {"bucket_start": START + 48 * HOUR + i * minute}
        | {"bucket_end": START + 48 * HOUR + (i + 1) * minute}
        for i in range(600)
    ]

    assert usual_width(usage(*hours, *minutes)) == HOUR


def test_totals_and_reports_know_not_reported_from_zero():
    frame = usage(tokens(0, 2, 3))

    assert token_totals(frame)["cache_read_tokens"] == 0
    assert token_totals(frame)["output_tokens"] is None
    assert reports(frame, "cache_read_tokens")
    assert not reports(frame, "requests")


def test_merged_cohorts_name_the_unnamed_default():
    frame = usage(tokens(1, 1, 1, scope="a", route="r"), tokens(1, 1, 1, scope="a"))

    assert sorted(merged_cohorts(frame, ["scope", "route"])) == ["a via default", "a via r"]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])  # of 23 hours, and of 25
def test_days_of_a_zone_whose_clocks_change_stay_the_days_they_are(day):
    edges = pd.date_range(end=pd.Timestamp(day, tz="Europe/Berlin") + pd.DateOffset(days=4),
                          periods=9, freq="D").tz_convert("UTC")  # fmt: skip
    days = usage(*(tokens(900, 50, 50, hour=n) for n in range(8)))
    days = check_usage(days.assign(bucket_start=edges[:-1], bucket_end=edges[1:]))

    assert rollup(days, usual_width(days)).equals(days)


def test_half_hours_that_lie_across_an_hour_go_to_the_one_in_which_they_begin():
    minutes = pd.Series([0, 45, 75]) * pd.Timedelta("1min")
    half = usage(*(tokens(read, 0, 0, hour=n) for n, read in enumerate((10, 7, 5))))
    half = half.assign(bucket_start=START + minutes, bucket_end=START + minutes + HOUR / 2)

    assert list(rollup(check_usage(half), HOUR)["cache_read_tokens"]) == [17, 5]
