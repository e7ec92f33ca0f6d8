"""When it was over, and whether that was in time."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cacheaudit.recovery import Recovery, recovery_of
from cacheaudit.schema import check_usage
from tests.cases import HOUR, NOON, incident

WEEK = 7 * 24


def rows(rates: list[float], *, before: int = WEEK, night: float = 0.0) -> pd.DataFrame:
    """Hourly usage: *before* hours at 80 %, then *rates*; *night* is taken off from 0 to 5."""
    start = pd.date_range(NOON - before * HOUR, periods=before + len(rates), freq="1h")
    rate = np.array([0.8] * before + rates) - np.where(start.hour < 6, night, 0.0)
    read = (1e6 * rate).astype(int)
    return check_usage(
        pd.DataFrame({
            "bucket_start": start,
            "bucket_end": start + HOUR,
            "provider": "anthropic",
            "model": "claude-sonnet-4-5",
            "cache_read_tokens": read,
            "uncached_input_tokens": 1_000_000 - read,
        })
    )  # fmt: skip


def recovery(usage: pd.DataFrame, *, ends_after: int | None = None, **changes: Any) -> Recovery:
    end = None if ends_after is None else NOON + ends_after * HOUR
    settings = {"baseline": (NOON - WEEK * HOUR, NOON), "end": end, "after": 0.2, **changes}
    moved_by, ttl_s = settings.pop("moved_by", None), settings.pop("ttl_s", 300.0)
    found = recovery_of(
        incident(**settings), usage, at_share=0.9, within_hours=6, moved_by=moved_by, ttl_s=ttl_s
    )
    assert found is not None
    return found


def test_it_is_back_at_the_first_of_two_good_buckets():
    found = recovery(rows([0.2, 0.2, 0.75, 0.2, 0.75, 0.75, 0.8]), ends_after=4)

    assert found.recovered_at == NOON + 4 * HOUR
    assert found.objective == "met"


def test_it_is_not_back_while_it_lasts():
    found = recovery(rows([0.2] * 4))

    assert found.recovered_at is None
    assert found.objective == "pending"


@pytest.mark.parametrize(("hours", "expected"), [(6, "pending"), (7, "missed")])
def test_what_lasts_is_missed_only_when_the_time_is_up(hours, expected):
    assert recovery(rows([0.2] * hours)).objective == expected


def test_what_came_back_late_is_missed():
    assert recovery(rows([0.2] * 8 + [0.8] * 4), ends_after=8).objective == "missed"


def test_the_time_counts_from_the_end_of_the_cutover():
    usage = rows([0.2] * 8 + [0.8] * 4)

    assert recovery(usage, ends_after=8, moved_by=NOON + 3 * HOUR).objective == "met"


def test_a_quiet_night_is_held_against_other_nights():
    """At night 60 % is usual here; 90 % of the daily mean would call it still broken."""
    usage = rows([0.2] * 12 + [0.8] * 12, night=0.2)
    found = recovery(usage, ends_after=12, before=0.75)

    assert found.recovered_at == NOON + 12 * HOUR


def test_a_shallow_fall_is_not_back_before_it_ends():
    """80 % to 75 % never leaves a bar at 72 %; the middle of the two levels is the bar then."""
    found = recovery(rows([0.75] * 5 + [0.8] * 5), ends_after=5, after=0.75)

    assert found.recovered_at == NOON + 5 * HOUR


def test_an_incident_from_before_the_window_met_nothing():
    usage = rows([0.2] * 3 + [0.8] * WEEK, before=0)
    base = (NOON + 3 * HOUR, NOON + WEEK * HOUR)
    found = recovery(usage, ends_after=3, began_before=True, baseline=base)

    assert found.recovered_at == NOON + 3 * HOUR
    assert found.objective == "not_applicable"


def test_an_incident_from_before_the_window_can_have_missed_it():
    usage = rows([0.2] * 9 + [0.8] * WEEK, before=0)
    base = (NOON + 9 * HOUR, NOON + WEEK * HOUR)

    assert recovery(usage, ends_after=9, began_before=True, baseline=base).objective == "missed"


def test_now_is_the_rate_of_the_last_day():
    assert recovery(rows([0.2] * 24 + [0.5] * 24)).now == pytest.approx(0.5)


@pytest.mark.parametrize("measure", ["volume", "usd_per_request", "usd_per_mtok"])
def test_money_and_volume_have_no_recovery(measure):
    one = incident(measure=measure, before=1.0, after=2.0)

    assert recovery_of(one, rows([0.2]), at_share=0.9, within_hours=72) is None


def test_findings_carry_plain_data():
    row = recovery(rows([0.2] * 4)).to_dict()

    assert row["recovered_at"] is None
    assert row["slo"] == {
        "at_share_of_baseline": 0.9,
        "within_hours": 6,
        "verdict": "pending",
    }
