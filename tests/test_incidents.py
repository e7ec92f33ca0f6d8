"""Alarms with a frozen baseline, and which of them are one incident."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cacheaudit.changes import Levels, LevelShift, Segment
from cacheaudit.cost import cost_of
from cacheaudit.incidents import Series, find_incidents, sharpen, watched_series
from cacheaudit.incidents.alarms import alarms_of
from cacheaudit.incidents.find import incident_of
from cacheaudit.schema import check_usage
from tests.planted import START, at, stream, usage_of, with_minutes

HOUR = pd.Timedelta("1h")


def levels(*steps: tuple[float, int]) -> tuple[Series, Levels]:
    """A hit rate made of (level, buckets) steps, hour by hour from START."""
    values = np.concatenate([np.full(n, level) for level, n in steps])
    index = pd.date_range(START, periods=len(values), freq="1h")
    edges = np.cumsum([0, *[n for _, n in steps]])
    segments = tuple(
        Segment(
            start=index[left],
            end=index[right] if right < len(index) else None,
            level=level,
            buckets=n,
        )
        for (level, n), left, right in zip(steps, edges, edges[1:], strict=False)
    )
    shifts = tuple(
        LevelShift(at=s.start, low=s.start, high=s.start, before=0, after=0, strength=9)
        for s in segments[1:]
    )
    series = Series(
        measure="hit_rate",
        cohort=None,
        values=pd.Series(values, index=index),
        weight=pd.Series(1.0, index=index),
        falls_hurt=True,
        min_step=0.03,
    )
    return series, Levels(shifts=shifts, segments=segments, noise_sd=0.01, bar=5.0)


def hours(n: int) -> pd.Timestamp:
    return START + n * HOUR


def test_a_fall_that_lasts_has_no_end():
    (alarm,) = alarms_of(*levels((0.8, 200), (0.3, 100)))

    assert (alarm.start, alarm.end) == (hours(200), None)
    assert (alarm.before, alarm.after) == (0.8, 0.3)
    assert alarm.baseline == (hours(0), hours(200))


def test_a_dip_that_heals_is_an_alarm_with_an_end():
    (alarm,) = alarms_of(*levels((0.8, 200), (0.3, 3), (0.8, 200)))

    assert (alarm.start, alarm.end) == (hours(200), hours(203))


def test_a_slow_decline_is_held_against_the_frozen_baseline():
    """A baseline that follows would find each step small, and the sum of them no incident."""
    (alarm,) = alarms_of(*levels((0.80, 200), (0.78, 50), (0.76, 50), (0.74, 50)))

    assert alarm.before == 0.8
    assert alarm.start == hours(250)


def test_the_baseline_is_the_longest_quiet_stretch():
    (alarm,) = alarms_of(*levels((0.80, 200), (0.81, 20), (0.3, 50)))

    assert alarm.before == 0.80
    assert alarm.baseline == (hours(0), hours(200))


def test_a_better_week_is_the_new_norm():
    (alarm,) = alarms_of(*levels((0.5, 300), (0.8, 170), (0.6, 50)))

    assert alarm.before == 0.8


def test_a_better_day_is_not():
    assert not list(alarms_of(*levels((0.6, 300), (0.8, 24), (0.6, 200))))


def test_an_improvement_late_in_the_window_is_no_incident():
    assert not list(alarms_of(*levels((0.5, 300), (0.8, 100))))


@pytest.mark.parametrize("ripple", [(), ((0.25, 5),), ((0.25, 5), (0.3, 10))])
def test_a_first_level_that_is_soon_better_began_before_the_window(ripple):
    (alarm,) = alarms_of(*levels((0.3, 50), *ripple, (0.8, 200)))

    assert alarm.began_before
    assert (alarm.start, alarm.end) == (START, hours(50 + sum(n for _, n in ripple)))
    assert alarm.before == 0.8
    assert alarm.baseline[0] == alarm.end
    assert alarm.baseline[1] > hours(250)


def test_a_good_start_followed_by_a_fall_began_inside_the_window():
    """As in the public incident of 2026-04-01: five good hours, three bad, then days of good."""
    (alarm,) = alarms_of(*levels((0.94, 5), (0.24, 3), (0.98, 56)))

    assert not alarm.began_before
    assert (alarm.start, alarm.end) == (hours(5), hours(8))


def test_one_level_raises_no_alarm():
    assert not list(alarms_of(*levels((0.8, 300))))


def test_alarms_that_begin_together_are_one_incident_and_the_rate_leads():
    usage = usage_of([stream().then(9.6, marked=False), stream(scope="b")], days=16)
    series = watched_series(usage, cost_of(usage).usd, min_drop=0.03, min_rise=0.15)
    (found,) = find_incidents(series, HOUR, alpha=0.01)

    assert found.measure == "hit_rate"
    assert found.alarms[0].cohort == ("chat", "gateway")
    assert {a.cohort for a in found.alarms} >= {None, ("chat", "gateway")}


def test_longer_prompts_and_their_volume_are_one_incident():
    """The volume is known by the day: its alarm begins at midnight before."""
    longer = stream().then(9.6, prefix_tokens=6000, tail_tokens=500)
    usage = usage_of([longer], days=20)
    series = watched_series(usage, cost_of(usage).usd, min_drop=0.03, min_rise=0.15)
    found = find_incidents(series, HOUR, alpha=0.01)

    assert [i.measure for i in found] == ["usd_per_request"]


def test_the_end_is_open_while_any_cohort_is_still_down():
    (alarm,) = alarms_of(*levels((0.8, 200), (0.3, 100), (0.8, 50)))
    both = incident_of([alarm, replace(alarm, cohort=("a", None), end=None, after=0.5)])

    assert both.end is None
    assert both.after == 0.3


@pytest.mark.parametrize(
    ("drop", "expected"),
    [
        (["uncached_input_tokens"], ("read_share_of_cached", None)),
        (["requests"], ("hit_rate", "usd_per_mtok")),
        ([], ("hit_rate", "usd_per_request")),
    ],
)
def test_what_is_watched_is_what_is_reported(drop, expected):
    usage = check_usage(usage_of([stream()], days=10).drop(columns=drop))
    series = watched_series(usage, cost_of(usage).usd, min_drop=0.03, min_rise=0.15)
    rate, money = expected

    assert series[0].measure == rate
    assert money is None or money in {s.measure for s in series}
    assert "volume" in {s.measure for s in series}


def test_an_unpriced_hour_has_no_unit_cost_rather_than_a_low_one():
    usage = usage_of([stream()], days=10)
    usd = cost_of(usage).usd.where(usage.index != 5)
    money = next(
        s
        for s in watched_series(usage, usd, min_drop=0.03, min_rise=0.15)
        if s.measure == "usd_per_request"
    )

    assert money.values.isna().sum() == 1


def test_each_cohort_is_watched_where_there_are_several():
    usage = usage_of([stream(), stream(scope="b")], days=10)
    series = watched_series(usage, cost_of(usage).usd, min_drop=0.03, min_rise=0.15)

    assert {s.cohort for s in series} == {None, ("chat", "gateway"), ("b", "gateway")}


def test_minutes_sharpen_the_start_and_hours_leave_it():
    told = [stream().then(9.6, marked=False)]
    usage = with_minutes(told, 9.6, days=14)
    fine = usage[usage["bucket_end"] - usage["bucket_start"] < HOUR]
    coarse = usage_of(told, days=14)
    series = watched_series(coarse, cost_of(coarse).usd, min_drop=0.03, min_rise=0.15)
    (found,) = find_incidents(series, HOUR, alpha=0.01)

    assert found.start == at(9.6).floor("h")
    assert abs(sharpen(found, fine, HOUR).start - at(9.6)) <= pd.Timedelta("1min")
    assert sharpen(found, fine.iloc[:0], HOUR) is found
