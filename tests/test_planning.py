"""Plans of a cutover, where it is known which one is cheap and why."""

from dataclasses import replace

import pandas as pd
import pytest

import cacheaudit
from cacheaudit.errors import ParamError, UnfitData
from cacheaudit.planning import compare_plans
from cacheaudit.planning.compare import predicted
from cacheaudit.planning.judged import judged
from cacheaudit.planning.proposals import (
    BY_CALL,
    BY_NEW_TALK,
    BY_TALK,
    BY_TALKS,
    CANARY,
    KEPT_WARM,
    PREFILLED,
    STRAIGHT,
)
from cacheaudit.replaying import Cutover, Rules
from cacheaudit.replaying.simulate import prepare
from tests.migrations import BLOCK, RATES, START, days, migration
from tests.replays import at as second
from tests.test_replay_lanes import log, prefixes

pytestmark = pytest.mark.slow  # whole plans and verdicts, a second or more each


@pytest.fixture(scope="module")
def plans():
    return compare_plans(days(), migration())


def usd(plans, name):
    return plans.plan(name).predicted["excess_usd"].value


def test_a_slow_ramp_by_request_is_the_worst_of_both(plans):
    """Both versions forget what the other serves, for as long as both serve."""
    assert usd(plans, BY_CALL) > 20 * usd(plans, STRAIGHT)
    assert plans.plans[-1].name == BY_CALL


def test_a_random_canary_hurts_more_than_a_straight_cut(plans):
    assert usd(plans, CANARY) > 3 * usd(plans, STRAIGHT)
    assert plans.plan(CANARY).by_day[0].exposed_requests < (
        plans.plan(STRAIGHT).by_day[0].exposed_requests / 5
    )  # what it is for


def test_a_ramp_by_conversation_keeps_what_a_ramp_by_request_loses(plans):
    assert usd(plans, BY_TALK) < usd(plans, BY_CALL) / 3
    assert usd(plans, BY_NEW_TALK) < usd(plans, BY_TALK)


def test_a_prefill_buys_nothing_where_one_call_would_have_written_as_well(plans):
    """A cold start writes each live prefix once, and so does a prefill; touches come on top."""
    assert plans.break_even == 0
    assert usd(plans, PREFILLED) > usd(plans, STRAIGHT)
    assert plans.cheapest == STRAIGHT
    curve = [one.value for one in plans.prefill.values()]
    assert curve == sorted(curve)


def test_a_prefill_pays_where_many_calls_come_before_the_first_answer_begins():
    """30 calls together, each of which would write the prefix anew."""
    busy = days(1, count=2, talks_per_hour=60, turns=0, burst=30, prefixes=3)
    plans = compare_plans(busy, migration(ready_s=20, ramp_s=3600, canary_s=3600))

    assert plans.break_even > 0
    assert usd(plans, PREFILLED) < usd(plans, STRAIGHT)
    assert "prefill" in plans.cheapest


def test_a_prefill_that_has_nothing_to_send_does_not_pay():
    """A log without shared prefixes: all counts of a prefill cost the same."""
    talks = days(4, count=1, hours=6.0).drop(columns="block_ids").assign(prompt_tokens=4000)
    plans = compare_plans(talks, migration(ramp_s=3600, canary_s=1200))

    assert len({one.value for one in plans.prefill.values()}) == 1
    assert plans.break_even == 0


def test_a_plan_outside_the_floor_is_not_the_cheapest_however_cheap():
    plans = compare_plans(days(), migration(floor=0.87, floor_s=300))

    assert plans.plan(STRAIGHT).within_floor is False
    assert plans.cheapest == PREFILLED
    none = compare_plans(days(), migration(floor=1.0, floor_s=60))
    assert none.cheapest == ""


def test_a_rate_limit_rules_out_what_passes_it(plans):
    peak = max(day.peak_tokens for day in plans.plan(STRAIGHT).by_day)
    tight = compare_plans(days(), migration(limit_tokens_per_min=peak - 1))

    assert tight.plan(STRAIGHT).within_limit is False
    assert tight.cheapest != STRAIGHT
    assert plans.plan(STRAIGHT).within_limit is None
    counted = compare_plans(days(), migration(limit_tokens_per_min=peak, reads_count=True))
    assert counted.plan(STRAIGHT).within_limit is False


def test_an_old_version_that_serves_a_part_is_warm_when_all_comes_back():
    busy = days(2, count=2, prefixes=4, talks_per_hour=600, turns=0)
    plans = compare_plans(busy, migration(keep_old_warm=0.1, ramp_s=3600, canary_s=3600))

    cold, warm = (plans.plan(name).predicted for name in (STRAIGHT, KEPT_WARM))
    assert warm["rollback_share"].value > cold["rollback_share"].value
    assert warm["rollback_usd"].value < cold["rollback_usd"].value / 2


def test_moving_costs_nothing_on_a_day_without_calls_around_it():
    """Quiet control: what is not re-used cannot be lost."""
    lonely = days(3, count=3, talks_per_hour=3, turns=0, prefixes=500)
    plans = compare_plans(lonely, migration())

    assert usd(plans, STRAIGHT) == pytest.approx(0, abs=0.02)
    assert plans.plan(STRAIGHT).predicted["cold_requests"].value <= 1


def test_an_own_plan_is_compared_too():
    at = START + pd.Timedelta(hours=12)
    own = Cutover(
        at=at, to="new", from_model="old", steps=((at - pd.Timedelta("1h"), 0.5), (at, 1.0))
    )
    plans = compare_plans(days(), migration(proposals={"mine": own}))

    assert plans.plan("mine").cutover.at == plans.days[-1]
    assert plans.plan("mine").predicted["mixed_s"].value == 3600


def test_without_prices_the_hit_rates_remain():
    rules = {"old": Rules(block_tokens=BLOCK), "new": Rules(block_tokens=BLOCK, **RATES)}
    plans = compare_plans(days(), migration(rules=rules))

    assert usd(plans, STRAIGHT) is None
    assert plans.cheapest == ""
    assert plans.plan(STRAIGHT).predicted["hit_rate"].value > 0.5


def test_days_are_those_that_the_log_covers(plans):
    assert [day.floor("D") for day in plans.days] == [
        START + pd.Timedelta(days=n) for n in range(3)
    ]
    at_nine = compare_plans(days(), migration(clock="09:00"))
    assert {day.hour for day in at_nine.days} == {9}
    given = migration(at=(START, START + pd.Timedelta(hours=30)))
    assert compare_plans(days(), given).days == (START + pd.Timedelta(hours=30),)
    with pytest.raises(UnfitData, match=r"no day that holds 7\.1 h before a cutover"):
        compare_plans(days(count=1, hours=6), migration())


def one_day(frame, **more):
    """The straight cut at noon of prefixes in turn, in a day of *frame*."""
    given = {"rules": {"old": Rules(**RATES), "new": Rules(**RATES)}, "at": (second(43_200),)}
    return compare_plans(frame, migration(**(given | more)))


def test_a_day_on_which_nothing_came_is_passed_over_and_said():
    frame = days()
    gone = frame["ts"].dt.floor("D") == START + pd.Timedelta(days=1)
    plans = compare_plans(frame[~gone], migration(clock="12:00"))

    assert [day.day for day in plans.days] == [2, 4]
    assert [day.day for day in plans.without_calls] == [3]
    assert plans.plan(STRAIGHT).predicted["excess_usd"].value > 0
    with pytest.raises(UnfitData, match="no day that holds"):
        compare_plans(frame[~gone], migration(at=(START + pd.Timedelta(hours=36),)))


@pytest.mark.parametrize("log_of", [days, lambda: prefixes(4 * 60 * 24)])
def test_a_version_that_the_log_does_not_have_cannot_move(log_of):
    rules = dict.fromkeys(("olden", "new"), Rules(block_tokens=BLOCK, **RATES))
    with pytest.raises(UnfitData, match="no call on olden, only on old"):
        compare_plans(log_of(), migration(from_model="olden", rules=rules))


def test_plans_by_conversation_need_conversations():
    named = {one.name for one in one_day(prefixes(4 * 60 * 24)).plans}
    blocks = compare_plans(days().drop(columns="session_id"), migration(most_days=1))

    for names in (named, {one.name for one in blocks.plans}):
        assert not names & {*BY_TALKS}
        assert {STRAIGHT, BY_CALL, KEPT_WARM} <= names
    assert blocks.plan(KEPT_WARM).cutover.split_by == "spread"


def test_the_worst_stretch_is_sought_minute_by_minute():
    """Half hours counted from the first step would straddle the one after the cutover, in which
    each prefix comes once, and cold."""
    frame = prefixes(60 * 24, every_s=60, count=30)
    at, rules = second(43_200), dict.fromkeys(("old", "new"), Rules(ttl_s=3600, **RATES))
    steps = ((at - pd.Timedelta("20min"), 0.05), (at, 1.0))
    cut = Cutover(at=at, to="new", from_model="old", steps=steps, split_by="spread")
    asked = migration(rules=rules, at=(at,), floor_s=1800)

    assert judged(prepare(frame), asked, cut).lowest_share < 0.1


def test_an_early_rollback_does_not_shorten_the_first_hour():
    frame = prefixes(4 * 60 * 24, count=20)
    soon, late = (
        one_day(frame, rollback_after_s=after_s).plan(STRAIGHT).by_day[0]
        for after_s in (600.0, 3600.0)
    )

    assert soon.first_hour_hit_rate == late.first_hour_hit_rate
    assert soon.lowest_share == late.lowest_share


def test_a_candidate_that_caches_less_is_seen_beside_the_incumbent():
    """Below its minimum nothing is cached: it is as good as itself, and reads nothing."""
    rules = {"old": Rules(**RATES), "new": Rules(min_tokens=5001, **RATES)}
    frame = prefixes(4 * 60 * 24)
    longer = frame.assign(
        prefix_tokens=frame["prefix_tokens"].where(frame["prefix_id"] != "p0", 9000),
        cache_read_tokens=frame["cache_read_tokens"].where(frame["prefix_id"] != "p0", 9000),
        prompt_tokens=frame["prompt_tokens"].where(frame["prefix_id"] != "p0", 9100),
    )
    small = one_day(longer, rules=rules).plan(STRAIGHT).predicted
    alike = one_day(longer).plan(STRAIGHT).predicted

    assert small["lowest_share"].value > 0.9
    assert small["against_incumbent"].value < 0.2
    assert alike["against_incumbent"].value > 0.9


def test_a_busy_hour_long_after_the_cutover_counts_towards_the_limit():
    quiet = prefixes(4 * 60 * 24)
    rush = prefixes(40 * 60, every_s=1.5).assign(ts=lambda f: f["ts"] + pd.Timedelta("15h"))
    frame = pd.concat([quiet, rush]).sort_values("ts", ignore_index=True)
    given = {"reads_count": True, "limit_tokens_per_min": 30_000.0}
    after = frame[frame["ts"] >= second(43_200)]
    dearest = after.groupby(after["ts"].dt.floor("min"))["prompt_tokens"].sum().max()

    assert one_day(frame, **given).plan(STRAIGHT).by_day[0].peak_tokens == dearest
    assert one_day(frame, **given).plan(STRAIGHT).within_limit is False
    assert one_day(quiet, **given).plan(STRAIGHT).within_limit is True


def test_both_serve_as_long_as_calls_stay_on_the_old_version():
    """Until what is replayed ends: an hour and a lifetime after the cutover."""
    one = {"cache_read_tokens": 10, "cache_write_5m_tokens": 1, "uncached_input_tokens": 1}
    frame = log(*[(n * 20.0, {"session_id": f"s{n % 40}", **one}) for n in range(3 * 60 * 24)])
    plans = one_day(frame, ramp_s=3600)

    assert plans.plan(STRAIGHT).by_day[0].mixed_s == 0
    assert plans.plan(BY_TALK).by_day[0].mixed_s == 3600
    assert 3600 < plans.plan(KEPT_WARM).by_day[0].mixed_s <= 3600 + 300
    assert plans.plan(BY_NEW_TALK).by_day[0].mixed_s == 3600 + 3600 + 300


def test_right_after_going_back_less_is_read_than_in_the_lifetime_after():
    rules = dict.fromkeys(("old", "new"), Rules(ttl_s=3600, **RATES))
    frame = prefixes(4 * 60 * 24, count=20)
    found = one_day(frame, rules=rules, rollback_after_s=7200.0).plan(STRAIGHT).by_day[0]

    assert found.rollback_first_share < found.rollback_share < 1


def test_one_day_has_no_interval_and_more_have():
    assert predicted([2.0]) == replace(predicted([2.0]), low=None, high=None)
    three = predicted([1.0, 2.0, 3.0])
    assert three.value == 2.0
    assert three.high - three.value == pytest.approx(4.303 * (1 + 1 / 3) ** 0.5, rel=1e-3)
    assert predicted([1.0, None]).value is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"to_model": "old"}, "both old"),
        ({"to_model": "newest"}, "no rules for newest"),
        ({"floor": 1.5}, "a share is outside"),
        ({"ramp_shares": (0.5, 0.1)}, "ramp_shares fall"),
        ({"ramp_s": 0}, "not above 0 s"),
        ({"clock": "late"}, "clock is 'late'"),
    ],
)
def test_a_migration_that_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(ParamError, match=message):
        compare_plans(days(), migration(**wrong))


def test_plans_are_public_and_plain(plans):
    assert cacheaudit.compare_plans is compare_plans
    plain = plans.to_dict()
    assert [one["name"] for one in plain["plans"]] == [one.name for one in plans.plans]
    assert plain["prefill"][0]["prefixes"] == 0
