"""Alarms with a frozen baseline, and which of them are one incident."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cacheaudit.changes import Brief, Levels, LevelShift, Segment
from cacheaudit.cost import cost_of
from cacheaudit.incidents import Series, find_incidents, sharpen, watched_series
from cacheaudit.incidents.alarms import alarms_of, brief_alarms
from cacheaudit.incidents.find import incident_of
from cacheaudit.schema import check_usage
from tests.planted import START, at, stream, usage_of, with_minutes

HOUR = pd.Timedelta("1h")


def levels(*steps: tuple[float, int], freq: str = "1h") -> tuple[Series, Levels]:
    """A hit rate made of (level, buckets) steps, hour by hour from START."""
    values = np.concatenate([np.full(n, level) for level, n in steps])
    index = pd.date_range(START, periods=len(values), freq=freq)
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
        LevelShift(
            at=s.start,
            low=s.start,
            high=s.start,
            could_low=s.start,
            could_high=s.start,
            before=0,
            after=0,
            strength=9,
        )
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


def brief_levels(series: Series, found: Levels, *places: tuple[int, float, float]) -> Levels:
    """*found* with one bucket off its level at each place: (hour, value, margin)."""
    index = series.values.index
    own = [
        next(s for s in found.segments if s.end is None or index[n] < s.end) for n, _, _ in places
    ]
    return replace(
        found,
        brief=tuple(
            Brief(at=index[n], until=index[n + 1], level=segment.level, value=value, strength=9.0,
                  margin=margin)
            for segment, (n, value, margin) in zip(own, places, strict=True)
        ),
    )  # fmt: skip


def test_a_settled_bad_level_that_falls_further_is_a_second_alarm():
    """0.8 for 200 hours, 0.6 for four days, then 0.3: held against 0.6, and inside the first."""
    outer, inner = alarms_of(*levels((0.8, 200), (0.6, 96), (0.3, 100)))

    assert (outer.start, outer.end) == (hours(200), None)
    assert (outer.before, outer.after) == (0.8, 0.6)
    assert (outer.deeper_at, outer.inside) == (hours(296), None)
    assert (inner.start, inner.end) == (hours(296), None)
    assert (inner.before, inner.after) == (0.6, 0.3)
    assert inner.baseline == (hours(200), hours(296))
    assert inner.baseline_buckets == 96
    assert (inner.deeper_at, inner.inside) == (None, hours(200))


def test_a_third_fall_lies_in_the_second_stretch():
    found = list(alarms_of(*levels((0.9, 200), (0.7, 96), (0.45, 96), (0.1, 96))))

    assert [a.before for a in found] == [0.9, 0.7, 0.45]
    assert [a.inside for a in found] == [None, hours(200), hours(296)]
    assert [a.deeper_at for a in found] == [hours(296), hours(392), None]


@pytest.mark.parametrize(
    ("settled", "further", "alarms"),
    [
        (24, 0.3, 2),  # a day is settled
        (23, 0.3, 1),
        (96, 0.49, 2),  # by half of the first fall
        (96, 0.51, 1),
    ],
)
def test_how_far_and_how_late_a_further_fall_is_one(settled, further, alarms):
    found = list(alarms_of(*levels((0.8, 200), (0.6, settled), (further, 100))))

    assert len(found) == alarms
    assert (found[0].deeper_at is None) == (alarms == 1)


@pytest.mark.parametrize(("freq", "buckets", "alarms"), [
    ("2h", 23, 1), ("2h", 24, 2), ("30min", 47, 1), ("30min", 48, 2)
])  # fmt: skip
def test_settled_is_a_day_and_two_dozen_buckets(freq, buckets, alarms):
    found = list(alarms_of(*levels((0.8, 200), (0.6, buckets), (0.3, 100), freq=freq)))

    assert len(found) == alarms


def test_a_further_fall_is_at_least_twice_a_step_that_counts():
    """From 0.80 to 0.76: half of that is less than a step and would be chance."""
    assert len(list(alarms_of(*levels((0.80, 200), (0.76, 96), (0.71, 96))))) == 1
    assert len(list(alarms_of(*levels((0.80, 200), (0.76, 96), (0.69, 96))))) == 2


def test_recovery_to_the_settled_level_ends_only_the_inner_alarm():
    outer, inner = alarms_of(*levels((0.8, 200), (0.6, 96), (0.3, 48), (0.59, 100)))

    assert inner.end == hours(344)
    assert outer.end is None


def test_full_recovery_ends_both():
    outer, inner = alarms_of(*levels((0.8, 200), (0.6, 96), (0.3, 48), (0.8, 100)))

    assert (outer.end, inner.end) == (hours(344), hours(344))


def test_a_rise_of_cost_that_goes_on_is_a_second_alarm_as_well():
    """Logs of a cost: it rises by e^0.5, and then by as much again."""
    series, found = levels((0.0, 200), (0.5, 96), (1.0, 96))
    dear = replace(series, measure="usd_per_request", falls_hurt=False)
    outer, inner = alarms_of(dear, found)

    assert outer.after == pytest.approx(np.exp(0.5))
    assert (inner.before, inner.after) == pytest.approx((1.0, np.exp(0.5)))
    assert inner.inside == outer.start


ROLLED_OUT = [stream().then(8, volatile=0.3).then(12, volatile=0.9)]


@pytest.mark.parametrize(
    ("rollouts", "starts"),
    [
        ((), [8, 12]),
        (((at(8), at(12)),), [8]),
        (((at(8), at(11)),), [8, 12]),
        (((at(9), at(12)),), [8, 12]),
    ],
)
def test_the_steps_of_one_rollout_are_one_incident(rollouts, starts):
    usage = usage_of(ROLLED_OUT, days=18)
    series = watched_series(usage, cost_of(usage).usd, min_drop=0.03, min_rise=0.15)
    found = find_incidents(series[:1], HOUR, 0.01, rollouts)

    assert [i.start for i in found] == [at(d) for d in starts]
    assert found[0].deeper_at == (at(12) if len(starts) > 1 else None)
    assert [i.inside for i in found[1:]] == [at(8)] * (len(starts) - 1)


def test_a_brief_dip_is_one_bucket_against_the_level_around_it():
    series, found = levels((0.8, 300))
    (alarm,) = brief_alarms(series, brief_levels(series, found, (150, 0.2, 3.0)))

    assert (alarm.start, alarm.end) == (hours(150), hours(151))
    assert (alarm.before, alarm.after, alarm.margin) == (0.8, 0.2, 3.0)
    assert alarm.baseline == (START, hours(150))


def test_a_brief_dip_near_the_start_is_held_against_what_follows():
    series, found = levels((0.8, 300))
    (alarm,) = brief_alarms(series, brief_levels(series, found, (23, 0.2, 3.0)))

    assert alarm.baseline[0] == hours(24)
    assert alarm.baseline[1] > hours(299)


def test_a_brief_rise_of_a_rate_is_none_and_neither_is_money():
    series, found = levels((0.5, 300))
    up = brief_levels(series, found, (150, 0.9, 3.0))
    down = brief_levels(series, found, (150, 0.1, 3.0))

    assert not list(brief_alarms(series, up))
    assert list(brief_alarms(series, down))
    assert not list(brief_alarms(replace(series, measure="usd_per_request"), down))


def test_a_brief_dip_off_a_level_that_is_worse_already_is_told_already():
    series, found = levels((0.8, 200), (0.5, 23), (0.8, 100))

    assert not list(brief_alarms(series, brief_levels(series, found, (210, 0.2, 3.0))))


def dipped(*places: tuple[int, float], step: tuple[int, float] | None = None) -> Series:
    """A flat rate of 0.8 with noise, an hour off it at each place, and a step at an hour."""
    series, _ = levels((0.8, 400))
    values = series.values + np.random.default_rng(5).normal(0, 0.005, 400)
    if step is not None:
        values.iloc[step[0] :] = values.iloc[step[0] :] - step[1]
    for place, depth in places:
        values.iloc[place] -= depth
    return replace(series, values=values)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (hours(200), [200]),
        (hours(200) - HOUR, [200]),
        (hours(200) + pd.Timedelta("59min"), [200]),
        (hours(201), []),
        (hours(200) - 61 * pd.Timedelta("1min"), []),
        (hours(300), []),
        (None, []),
    ],
)
def test_an_hour_that_stands_out_is_an_incident_where_something_changed(moment, expected):
    moments = () if moment is None else (moment,)
    found = find_incidents((dipped((200, 0.4)),), HOUR, 0.01, moments=moments)

    assert [i.start for i in found] == [hours(n) for n in expected]
    assert all(i.end == i.start + HOUR for i in found)


def test_an_hour_that_many_others_match_is_no_incident():
    """The two largest others are apart; with five as deep, the sixth stands out from nothing."""
    alike = [(60 * n, 0.4) for n in range(1, 7)]

    assert find_incidents((dipped((200, 0.4)),), HOUR, 0.01, moments=(hours(200),))
    assert not find_incidents((dipped((200, 0.4), *alike),), HOUR, 0.01, moments=(hours(200),))


def test_a_brief_dip_inside_a_longer_stretch_is_not_told_twice():
    """All traffic fell for good at 190; one cohort shows only one hour of it."""
    lasting, brief = dipped(step=(190, 0.3)), dipped((200, 0.4))
    own = replace(brief, cohort=("chat", "gateway"))
    other = replace(lasting, cohort=("eu", "gateway"))
    told = find_incidents((lasting, own), HOUR, 0.01, moments=(hours(200),))
    apart = find_incidents((other, own), HOUR, 0.01, moments=(hours(200),))

    assert [i.start for i in told] == [hours(190)]
    assert [i.start for i in apart] == [hours(190), hours(200)]


def test_volume_is_watched_for_all_traffic_and_for_each_cohort():
    """A cohort that doubles beside one eight times its size is seen in its own series."""
    usage = usage_of(
        [stream(per_hour=160, prefixes=5), stream(scope="b", per_hour=10, prefixes=10).then(
            8, volume=2.5)], days=16
    )  # fmt: skip
    series = watched_series(usage, cost_of(usage).usd, min_drop=0.03, min_rise=0.15)
    volume = {s.cohort: s for s in series if s.measure == "volume"}
    (found,) = find_incidents(tuple(volume.values()), HOUR, alpha=0.01)

    assert set(volume) == {None, ("chat", "gateway"), ("b", "gateway")}
    assert len(volume["b", "gateway"].values) == 16
    assert {a.cohort for a in found.alarms} == {("b", "gateway")}
    assert found.start == at(8)


def bill(*ratios: float) -> pd.DataFrame:
    days = pd.date_range(START, periods=len(ratios), freq="1D")
    priced = np.linspace(90, 110, len(ratios))
    return pd.DataFrame({"charged_usd": priced * ratios, "priced_usd": priced}, index=days)


def charged_series(charged: pd.DataFrame) -> list[Series]:
    usage = usage_of([stream(prefixes=2)], days=2)
    series = watched_series(
        usage, cost_of(usage).usd, min_drop=0.03, min_rise=0.15, charged=charged
    )
    return [s for s in series if s.measure == "charged_ratio"]


def test_a_bill_that_leaves_the_price_list_is_an_alarm_of_its_own():
    (one,) = charged_series(bill(*[1.0] * 10, *[1.25] * 8))
    (found,) = find_incidents((one,), HOUR, alpha=0.01)

    assert found.measure == "charged_ratio"
    assert found.start == at(10)
    assert found.after == pytest.approx(1.25, abs=0.01)


@pytest.mark.parametrize("later", [0.75, 1.04])
def test_a_bill_that_falls_or_hardly_moves_is_none(later):
    (one,) = charged_series(bill(*[1.0] * 10, *[later] * 8))

    assert not find_incidents((one,), HOUR, alpha=0.01)


def test_a_bill_of_a_week_is_not_watched_and_empty_days_are_left_out():
    assert charged_series(bill(*[1.0] * 7)) == []
    (one,) = charged_series(bill(0.0, *[1.0] * 8))
    assert one.values.tolist() == [0.0] * 8
