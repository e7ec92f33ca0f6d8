"""The verdict on migrations whose truth is planted, and what is said where something is missing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cacheaudit.engine import as_table
from cacheaudit.errors import ParamError
from cacheaudit.metrics import rollup
from cacheaudit.planning import Migration
from cacheaudit.planning.proposals import proposals
from cacheaudit.probing.answers import Answer
from cacheaudit.readiness import prepare_migration
from cacheaudit.readiness.at_stake import at_stake
from cacheaudit.readiness.forecast import NAMES
from cacheaudit.readiness_params import ReadinessParams
from cacheaudit.replaying import Rules
from tests.candidates import (
    CUTOVER,
    NEW,
    NOW,
    OLD,
    WEEK,
    cohort,
    log_of,
    probe_of,
    ready_on,
    usage_of,
)

SHORT, LONG = cohort(2600), cohort(6000)  # tokens, below and above the candidate's 4,096
GOOD = (0.87, 0.89, 0.91)


def gates(readiness):
    return {gate.name: gate for gate in readiness.gates}


def standings(readiness):
    return {gate.name: gate.standing for gate in readiness.gates}


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Nothing is missing and all is well."""
    return ready_on(
        tmp_path_factory.mktemp("ready"), usage_of(LONG), log=log_of(LONG, days=4),
        probe=probe_of(GOOD), budget_usd=5.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """The same from one day of log, which is quicker and has no interval."""
    return ready_on(
        tmp_path_factory.mktemp("short"), usage_of(LONG), log=log_of(LONG), probe=probe_of(GOOD),
        budget_usd=5.0,
    )  # fmt: skip


def test_with_log_probe_and_budget_a_good_candidate_is_ready(ready):
    assert (ready.verdict, ready.exit_code) == ("ready", 0)
    assert set(standings(ready).values()) == {"pass"}
    assert ready.plan.name == ready.plans.cheapest == "straight cut"


def test_both_versions_read_alike_where_only_the_name_changes(ready):
    """The same minimum is passed and the same lifetime holds, so the log reads the same on both."""
    steady = ready.steady

    assert steady.incumbent.hit_rate == steady.candidate.hit_rate == pytest.approx(0.92, abs=0.01)
    assert steady.alike_usd == pytest.approx(steady.candidate.cost.total_usd, rel=1e-9)


@pytest.mark.parametrize(
    ("lacking", "gate"),
    [
        ({"probe": None}, "hit_rate"),
        ({"budget_usd": 0.0}, "plan_cost"),
        ({"log": None}, "rollback_warm"),
        ({"candidate": "claude-opus-9"}, "above_minimum"),
    ],
)
def test_what_is_missing_is_unknown_and_says_what_to_bring(tmp_path, lacking, gate):
    """Each piece that readiness needs, taken away alone: never a pass, never a failure."""
    given = {"log": log_of(LONG), "probe": probe_of(GOOD), "budget_usd": 5.0} | lacking
    found = ready_on(tmp_path, usage_of(LONG), **given)

    assert (found.verdict, found.exit_code) == ("not_yet_known", 4)
    assert standings(found)[gate] == "unknown"
    assert gates(found)[gate].needs


@pytest.mark.parametrize(("low", "value", "high", "standing"), [
    (0.5, 0.6, 0.7, "fail"), (0.7, 0.8, 0.9, "unknown"), (0.82, 0.85, 0.88, "pass"),
])  # fmt: skip
def test_the_whole_interval_of_the_probe_is_held_against_the_incumbent_s(
    tmp_path, low, value, high, standing
):
    """The bar is 0.9 of the 90 % that the incumbent read in the same probe."""
    found = ready_on(tmp_path, usage_of(LONG), probe=probe_of((low, value, high)))

    assert standings(found)["hit_rate"] == standing


def test_prefixes_below_the_minimum_are_seen_from_billing_alone(tmp_path):
    """2,600 tokens against 4,096, without a log and without a probe."""
    found = ready_on(tmp_path, usage_of(SHORT))
    gate = gates(found)["above_minimum"]

    assert (found.verdict, found.exit_code) == ("not_ready", 3)
    assert [name for name, how in standings(found).items() if how == "fail"] == ["above_minimum"]
    assert gate.high == 0.0
    assert "2,600 on average" in gate.reason


SMALLEST = Answer(question="smallest", candidate=NEW, verdict="yes", value=1024, low=1e3, high=1024,
                  unit="tokens", repetitions=1, why="written")  # fmt: skip


@pytest.mark.parametrize(
    ("probe", "given", "minimum", "how", "standing"),
    [
        (probe_of(GOOD), 0, 4096, "https://platform.claude.com/", "fail"),
        (probe_of(GOOD, SMALLEST), 0, 1024, "measured on 2026-03-15", "pass"),
        (probe_of(GOOD, SMALLEST), 8000, 8000, "given", "fail"),
    ],
)
def test_what_is_given_goes_before_what_was_measured_and_that_before_what_is_documented(
    tmp_path, probe, given, minimum, how, standing
):
    found = ready_on(tmp_path, usage_of(SHORT), probe=probe, minimum_tokens=given)

    assert found.known.minimum_tokens == minimum
    assert found.known.minimum_from.startswith(how)
    assert standings(found)["above_minimum"] == standing


def test_lengths_that_differ_a_little_decide_as_well(tmp_path):
    """2,300 and 2,900 in one bill: the spread is small, so the mean speaks for all."""
    found = ready_on(tmp_path, usage_of(cohort(2300), cohort(2900), apart=False))

    assert found.verdict == "not_ready"
    assert 0 < gates(found)["above_minimum"].high < 0.2


def test_a_mixture_of_lengths_is_not_known_from_billing(tmp_path):
    found = ready_on(tmp_path, usage_of(cohort(1500), cohort(9000), apart=False))
    gate = gates(found)["above_minimum"]

    assert (found.verdict, found.exit_code) == ("not_yet_known", 4)
    assert gate.standing == "unknown"
    assert "a request log" in gate.needs


def test_a_log_counts_what_billing_cannot(tmp_path):
    """The same mixture with a log: the share above the minimum is exact, and it fails."""
    both = (cohort(1500), cohort(9000))
    log = log_of(*both)
    found = ready_on(tmp_path, usage_of(*both, apart=False), log=log)
    cached = log["cache_read_tokens"] + log["cache_write_5m_tokens"]
    gate = gates(found)["above_minimum"]

    assert gate.value == pytest.approx(cached[cached >= 4096].sum() / cached.sum())
    assert found.verdict == "not_ready"


@pytest.mark.slow
def test_lengths_are_counted_over_all_prefixes_not_only_those_that_are_shown(tmp_path):
    """40 prefixes of 6,000 tokens: more than the table has rows."""
    many = cohort(6000, prefixes=40)
    found = ready_on(tmp_path, usage_of(many), log=log_of(many))

    assert len(found.inventory) == 21
    assert standings(found)["above_minimum"] == "pass"
    assert "counted in the log" in gates(found)["above_minimum"].reason


CALL = {
    "ts": pd.Timestamp("2026-03-14 12:00", tz="UTC"), "provider": "anthropic", "model": OLD,
    "uncached_input_tokens": 10,
}  # fmt: skip


def calls(*rows):
    return as_table(pd.DataFrame([{**CALL, **row} for row in rows]))


def test_at_stake_is_the_length_of_what_was_of_use():
    """What a call reads has a length; what it writes behind that is nobody's entry yet."""
    log = calls(
        {"cache_read_tokens": 900, "cache_write_5m_tokens": 100, "prefix_tokens": 500},
        {"cache_read_tokens": 1000, "cache_write_5m_tokens": 0, "prefix_tokens": 500},
        {"cache_read_tokens": 0, "cache_write_5m_tokens": 300, "prefix_tokens": 300},
        {"cache_read_tokens": 0, "cache_write_5m_tokens": 0, "prefix_tokens": 700},
    )

    assert at_stake(log) == ((300, 300), (900, 900), (1000, 1000))


def test_at_stake_takes_the_prefix_where_no_cached_tokens_are_reported():
    """Not reported is not nothing: the call may have cached its prefix."""
    log = calls(
        {"cache_read_tokens": None, "prefix_tokens": 700},
        {"cache_read_tokens": None, "prefix_tokens": None},
    )

    assert at_stake(log) == ((700, 700),)


def test_failed_calls_are_not_at_stake():
    log = calls(
        {"cache_read_tokens": 900, "cache_write_5m_tokens": 0, "status": 200},
        {"cache_read_tokens": 900, "cache_write_5m_tokens": 0, "status": 529},
    )

    assert at_stake(log) == ((900, 900),)


@pytest.mark.slow
def test_going_back_is_held_against_what_the_incumbent_reads(tmp_path):
    """Not against the candidate's rate, which is nothing here: it caches none of these prefixes."""
    found = ready_on(tmp_path, usage_of(SHORT), log=log_of(SHORT))
    gate = gates(found)["rollback_warm"]

    assert found.steady.candidate.hit_rate == 0.0
    assert gate.bar == pytest.approx(0.5 * found.steady.incumbent.hit_rate)


def test_a_plan_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(ParamError, match="plan is 'strait cut'; did you mean 'straight cut'"):
        prepare_migration(ReadinessParams(plan="strait cut"))
    with pytest.raises(ParamError, match="expected one of straight cut, "):
        prepare_migration(ReadinessParams(plan="yolo"))


def test_the_names_of_plans_are_those_that_are_compared():
    both = dict.fromkeys(("a", "b"), Rules())
    migration = Migration(from_model="a", to_model="b", rules=both)

    assert set(NAMES) == set(proposals(migration, pd.Timestamp(CUTOVER, tz="UTC")))


@pytest.mark.slow
def test_a_plan_that_is_named_is_the_one_that_is_judged(tmp_path, short):
    named = ready_on(
        tmp_path, usage_of(LONG), log=log_of(LONG), probe=probe_of(GOOD), budget_usd=5.0,
        plan="ramp by request",
    )  # fmt: skip

    assert named.plan.name == "ramp by request"
    assert gates(named)["plan_cost"].value > 10 * gates(short)["plan_cost"].value


def test_a_log_without_the_incumbent_prices_no_plan_and_says_so(tmp_path):
    found = ready_on(tmp_path, usage_of(LONG), log=log_of(LONG).assign(model="another"))

    assert found.plans is None
    assert found.counted == ()
    assert standings(found)["above_minimum"] == "pass"  # from billing
    assert gates(found)["plan_cost"].needs == (
        f"a request log with calls on {OLD}; this one has none"
    )


def test_one_day_alone_is_no_interval_and_decides_nothing(short):
    """0.39 USD against a budget of 5 USD: on that day. Whether days differ, one cannot say."""
    assert len(short.plans.days) == 1
    assert (short.verdict, short.exit_code) == ("not_yet_known", 4)
    for name in ("plan_cost", "rollback_warm"):
        assert standings(short)[name] == "unknown"
        assert "more than one day" in gates(short)[name].needs


def test_a_log_that_is_too_short_for_a_plan_keeps_the_steady_rates(tmp_path):
    whole = log_of(LONG)
    hours = whole[whole["ts"] < whole["ts"].min() + pd.Timedelta("3h")]
    found = ready_on(tmp_path, usage_of(LONG), log=hours)

    assert found.plans is None
    assert found.steady.incumbent.hit_rate > 0.8
    assert "a longer request log, with 7.1 hours before" in gates(found)["plan_cost"].needs


@pytest.mark.slow
def test_without_a_price_the_rates_stand_and_the_money_is_unknown(tmp_path):
    """The lifetime and the minimum are given, so only the price is missing."""
    name = "claude-invented-9"
    found = ready_on(
        tmp_path, usage_of(LONG), log=log_of(LONG, days=4), candidate=name, minimum_tokens=4096,
        ttl="5m", tokenizer_ratio=1.0, budget_usd=5.0,
    )  # fmt: skip

    assert found.steady.usd_per_day()[1] is None
    assert found.plan.name == "straight cut"
    assert gates(found)["plan_cost"].needs == f"a price of {name} (prices_path)"
    assert standings(found)["plan_cost"] == "unknown"
    assert standings(found)["rollback_warm"] == "pass"
    assert found.exit_code == 4


@pytest.mark.slow
def test_own_prices_close_that_gap(tmp_path):
    own = tmp_path / "prices.csv"
    own.write_text(
        "provider,model,valid_from,uncached_input_usd_per_mtok,cache_read_usd_per_mtok,"
        "cache_write_5m_usd_per_mtok,output_usd_per_mtok,source_url,checked_on\n"
        "anthropic,claude-invented-9,2026-01-01,5,0.5,6.25,25,https://example.test,2026-03-01\n"
    )
    found = ready_on(
        tmp_path, usage_of(LONG), log=log_of(LONG, days=2), candidate="claude-invented-9",
        minimum_tokens=4096, ttl="5m", tokenizer_ratio=1.0, budget_usd=5.0, prices_path=str(own),
    )  # fmt: skip

    assert standings(found)["plan_cost"] == "pass"


@pytest.mark.slow
def test_no_plan_within_the_limit_is_said_and_one_can_be_chosen_all_the_same(tmp_path):
    given = {"log": log_of(LONG, days=2), "budget_usd": 5.0, "limit_tokens_per_min": 100.0}
    none = ready_on(tmp_path, usage_of(LONG), **given)
    named = ready_on(tmp_path, usage_of(LONG), plan="straight cut", **given)

    assert none.plan is None
    assert "a plan within the floor and the limit" in gates(none)["plan_cost"].needs
    assert standings(named)["plan_cost"] == "pass"


@pytest.mark.parametrize("cutover", ["2026-03-17T14:20", "2026-11-02T07:00", ""])
def test_usage_is_that_of_the_week_up_to_now_or_to_the_cutover(tmp_path, cutover):
    """A cutover to come, a far one and none: the baseline is never in the future."""
    found = ready_on(tmp_path, usage_of(LONG), cutover=cutover)

    assert found.pull.end == NOW.floor("h")
    assert found.baseline == pytest.approx(0.92, abs=0.01)


def test_a_far_cutover_meets_the_retirement_of_the_incumbent(tmp_path):
    """It retires on 2026-11-30; the rollback window would close on 2026-12-04."""
    found = ready_on(tmp_path, usage_of(LONG), cutover="2026-11-27T07:00")

    assert standings(found)["active"] == "fail"
    assert "retires on 2026-11-30" in gates(found)["active"].reason


def test_an_alias_is_not_ready(tmp_path):
    found = ready_on(tmp_path, usage_of(LONG), candidate="claude-opus-4-1")

    assert standings(found)["pinned"] == "fail"


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.35])
def test_lengths_are_those_on_the_candidate(tmp_path, ratio):
    """6,000 tokens are 3,000 at half the tokens, below the minimum."""
    found = ready_on(tmp_path, usage_of(LONG), tokenizer_ratio=ratio)

    assert standings(found)["above_minimum"] == ("fail" if ratio * 6000 < 4096 else "pass")


def test_usage_that_does_not_report_reads_is_no_telemetry(tmp_path):
    usage = usage_of(LONG)
    blind = usage.assign(cache_read_tokens=pd.array([pd.NA] * len(usage), "Int64"))
    found = ready_on(tmp_path, blind)

    assert standings(found)["telemetry"] == "fail"
    assert found.baseline is None


@pytest.mark.slow
def test_other_models_in_usage_and_log_change_nothing(tmp_path, short):
    """Only what moves is judged."""
    other = replace(LONG, prefix_tokens=2000)
    usage = pd.concat([usage_of(LONG), usage_of(other).assign(model="claude-opus-4-5")])
    log = pd.concat([log_of(LONG), log_of(other).assign(model="claude-opus-4-5")])
    found = ready_on(
        tmp_path, usage, log=log.sort_values("ts"), probe=probe_of(GOOD), budget_usd=5.0
    )

    assert found.baseline == short.baseline
    assert found.counted == short.counted
    assert [gate.reason for gate in found.gates] == [gate.reason for gate in short.gates]


def test_the_order_of_a_log_s_rows_changes_nothing(tmp_path, short):
    shuffled = log_of(LONG).sample(frac=1.0, random_state=np.random.RandomState(3))
    found = ready_on(tmp_path, usage_of(LONG), log=shuffled, probe=probe_of(GOOD), budget_usd=5.0)

    assert [gate.to_dict() for gate in found.gates] == [gate.to_dict() for gate in short.gates]


def test_usage_of_a_day_is_judged_like_usage_of_an_hour(tmp_path):
    """The minimum fails from daily bills, too: the mean is exact and the spread is none."""
    days = rollup(usage_of(SHORT), pd.Timedelta("1D"))
    found = ready_on(tmp_path, days, start=WEEK[0].isoformat(), end=WEEK[1].isoformat())

    assert standings(found)["above_minimum"] == "fail"


def test_a_probe_of_another_model_measures_nothing_here(tmp_path):
    found = ready_on(tmp_path, usage_of(LONG), probe=probe_of(GOOD), candidate="claude-opus-4-5")

    assert standings(found)["hit_rate"] == "unknown"
    assert NEW not in gates(found)["hit_rate"].reason
