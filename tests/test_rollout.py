"""After a planted cutover: on time, late, or not known; and why. The truth of each is planted."""

import numpy as np
import pandas as pd
import pytest

from cacheaudit.gates import GateBars
from cacheaudit.history import hourly, planted_migration
from cacheaudit.metrics import rollup
from cacheaudit.rollout import watch
from tests.cutovers import (
    CUTOVER,
    NEW,
    OLD,
    START,
    after,
    cohort,
    cut,
    planted,
    random_cohorts,
    split,
    worse,
)

MARCH = pd.Timestamp("2026-03-17 14:20", tz="UTC")


@pytest.fixture(scope="module")
def quiet():
    """A cutover that loses a cold cache and no more."""
    return planted()


def standings(found):
    return [(group.window.standing, group.recovery.standing) for group in found.groups]


def test_a_cutover_that_only_meets_a_cold_cache_is_on_time(quiet):
    found = watch(quiet, cutover=CUTOVER)
    (group,) = found.groups

    assert (found.verdict, found.exit_code) == ("on_time", 0)
    assert found.cutover == found.full_cutover == group.start == CUTOVER
    assert found.ttl_s == 300
    assert found.recovered_at == CUTOVER  # to the hour, which began with a cold cache
    assert found.now == pytest.approx(found.baseline, rel=0.05)
    assert group.outlasts_ttl is False


def test_the_baseline_is_the_week_before_and_does_not_roll(quiet):
    """A month later the same baseline would be held against it: nothing after the cutover is in."""
    late = worse(quiet, 0.8)
    found, spoilt = watch(quiet, cutover=CUTOVER), watch(late, cutover=CUTOVER)

    assert found.baseline_window == (CUTOVER - pd.Timedelta("7D"), CUTOVER)
    assert spoilt.baseline == found.baseline
    assert list(spoilt.groups[0].hours["usual"]) == list(found.groups[0].hours["usual"])


def test_a_rollout_that_recovers_in_time_is_on_time(quiet):
    """Three quarters of the reads are lost for 30 hours: the window fails, recovery does not."""
    found = watch(worse(quiet, 0.75, until=after(30)), cutover=CUTOVER)

    assert standings(found) == [("fail", "pass")]
    assert found.verdict == "late"  # the rollout window's bar is one of its own
    assert found.objective == "met"
    assert abs(found.recovered_at - after(30)) <= pd.Timedelta("1h")


def test_a_loss_that_leaves_the_window_s_bar_alone_and_heals_is_on_time(quiet):
    found = watch(worse(quiet, 0.3, until=after(30)), cutover=CUTOVER)

    assert standings(found) == [("pass", "pass")]
    assert found.verdict == "on_time"
    assert abs(found.recovered_at - after(30)) <= pd.Timedelta("1h")


def test_a_rollout_that_recovers_after_its_time_is_late():
    usage = worse(planted(days=16), 0.3, until=after(96))
    found = watch(usage, cutover=CUTOVER)

    assert standings(found) == [("pass", "fail")]
    assert (found.verdict, found.exit_code, found.objective) == ("late", 3, "missed")
    assert abs(found.recovered_at - after(96)) <= pd.Timedelta("1h")


def test_one_that_never_reaches_half_in_four_hours_fails_the_window(quiet):
    early = cut(worse(quiet, 0.8), after(5))
    found = watch(early, cutover=CUTOVER)

    assert standings(found) == [("fail", "unknown")]
    assert "the time is not up" in found.groups[0].recovery.needs
    assert (found.verdict, found.exit_code) == ("late", 3)


def test_before_the_window_ends_nothing_is_late(quiet):
    found = watch(cut(worse(quiet, 0.8), after(2.7)), cutover=CUTOVER)

    assert standings(found) == [("unknown", "unknown")]
    assert (found.verdict, found.exit_code) == ("not_yet_known", 4)


def test_a_climb_that_is_there_at_the_end_of_the_window_passes_it(quiet):
    """The whole window is below the bar, its last hour is not: within 4 hours is by their end."""
    found = watch(cut(worse(quiet, 0.95, until=after(2.7)), after(6)), cutover=CUTOVER)

    assert found.groups[0].window.standing == "pass"


def test_a_rate_that_was_there_and_fell_within_the_window_does_not_pass(quiet):
    found = watch(cut(worse(quiet, 0.95, since=after(1.7)), after(6)), cutover=CUTOVER)

    assert found.groups[0].window.standing == "fail"


def test_traffic_too_thin_to_judge_is_unknown_and_says_so():
    """A prefix asked for about twice a day: its hours tell nothing of a rate."""
    thin = planted(cohort(prefixes=1, touches_per_ttl=0.02), days=14)
    found = watch(thin, cutover=CUTOVER)

    assert set(standings(found)) <= {("unknown", "unknown")}
    assert found.exit_code == 4
    assert all(gate.needs for group in found.groups for gate in group.gates)


def test_without_cache_fields_nothing_is_judged_and_the_gate_of_telemetry_fails(quiet):
    late = quiet["bucket_end"] > CUTOVER
    blind = quiet.assign(cache_read_tokens=quiet["cache_read_tokens"].mask(late))
    found = watch(blind, cutover=CUTOVER)

    assert standings(found) == [("unknown", "unknown")]
    assert "cache fields" in found.groups[0].window.needs
    assert (found.telemetry.standing, found.telemetry.value) == ("fail", 0.0)
    assert (found.verdict, found.exit_code) == ("not_yet_known", 4)


def test_a_few_requests_without_cache_fields_leave_the_rate_and_fail_their_own_gate(quiet):
    late = quiet["bucket_end"] > CUTOVER
    some = late & (np.arange(len(quiet)) % 20 == 0)
    found = watch(
        quiet.assign(cache_read_tokens=quiet["cache_read_tokens"].mask(some)), cutover=CUTOVER
    )

    assert found.verdict == "on_time"
    assert found.telemetry.standing == "fail"
    assert found.exit_code == 3


def test_an_old_version_that_serves_on_keeps_the_clock_of_recovery_from_starting(quiet):
    """Its warm traffic is no part of the rate: only what the new version served is judged."""
    usage = worse(split(quiet, 0.4), 0.8)
    found = watch(usage, cutover=CUTOVER)
    (group,) = found.groups

    assert group.old_share == pytest.approx(0.4, abs=0.01)
    assert (group.full, found.full_cutover) == (None, None)
    assert standings(found) == [("fail", "unknown")]
    assert "the old version still serves 40.0\u00a0%" in group.recovery.needs
    assert group.now.rate < 0.3 * group.now.usual
    assert group.outlasts_ttl is None  # traffic still moves: no lifetime has begun


def test_a_split_that_is_stated_to_stay_is_judged(quiet):
    usage = worse(split(quiet, 0.4), 0.8)
    found = watch(usage, cutover=CUTOVER, full_cutover=CUTOVER)

    assert standings(found) == [("fail", "fail")]


def test_a_split_whose_new_version_reads_as_before_is_back_at_once(quiet):
    assert standings(watch(split(quiet, 0.4), cutover=CUTOVER)) == [("pass", "pass")]


def test_a_few_stragglers_on_the_old_version_do_not_hold_up_the_full_cutover(quiet):
    (group,) = watch(split(quiet, 0.02), cutover=CUTOVER).groups

    assert group.full == CUTOVER
    assert group.old_share == pytest.approx(0.02, abs=0.01)


def test_a_ramp_counts_recovery_from_its_end():
    usage = planted(days=16)
    ramp = split(usage, 0.5, since=CUTOVER)
    late = ramp["bucket_end"] > after(48)
    whole = usage["bucket_end"] > after(48)
    both = pd.concat([ramp[~late], usage[whole]], ignore_index=True)
    (group,) = watch(worse(both, 0.3, until=after(96)), cutover=CUTOVER).groups

    assert abs(group.full - after(48)) <= pd.Timedelta("2h")
    assert group.recovery.standing == "pass"  # 48 hours after the full cutover, 96 after the start


def test_a_loss_that_outlasts_one_lifetime_is_no_cold_start(quiet):
    (group,) = watch(worse(quiet, 0.5), cutover=CUTOVER).groups

    assert group.outlasts_ttl is True
    assert group.lost_later_tokens > 20 * group.lost_in_ttl_tokens > 0


def test_the_sample_s_two_cohorts_are_judged_apart():
    """Together they would pass: 64 % of 91 % is above half. One of them reads nothing."""
    found = watch(hourly(planted_migration()), cutover=MARCH)
    long, short = found.groups

    assert [group.moves[0].scope for group in found.groups] == ["claims-review", "support-chat"]
    assert standings(found) == [("pass", "pass"), ("fail", "fail")]
    assert (short.write_share, short.uncached_share) == (0.0, 1.0)
    assert short.outlasts_ttl is True
    assert long.recovered_at == MARCH
    assert (found.verdict, found.recovered_at) == ("late", None)


@pytest.mark.slow
def test_traffic_that_did_not_move_is_no_part_of_it():
    found = watch(hourly(planted_migration()), cutover=MARCH)

    assert not any(m.scope == "support-chat-eu" for g in found.groups for m in g.moves)


@pytest.mark.slow
def test_small_cohorts_are_judged_together():
    small = [cohort(scope=f"small-{n}", prefixes=4, touches_per_ttl=0.6) for n in range(3)]
    found = watch(planted(cohort(prefixes=60, touches_per_ttl=3.0), *small), cutover=CUTOVER)

    assert [len(group.moves) for group in found.groups] == [1, 3]
    assert found.groups[1].label == "3 smaller cohorts"


def test_the_newest_cutover_is_found_where_none_is_named(quiet):
    found = watch(quiet)

    assert found.cutover == CUTOVER.floor("h")
    assert found.verdict == "on_time"


def test_without_a_cutover_there_is_nothing_to_be_late():
    still = planted(cohort(versions=((START, OLD),)))
    found = watch(still)

    assert (found.verdict, found.exit_code, found.groups) == ("no_cutover", 0, ())


def test_a_cutover_that_was_named_and_is_not_in_the_data_is_not_known(quiet):
    found = watch(quiet, cutover=CUTOVER + pd.Timedelta("3D"))

    assert (found.verdict, found.exit_code) == ("not_yet_known", 4)
    assert "no cohort moved" in found.gates[0].needs


def test_a_workspace_that_is_new_has_moved_from_nowhere():
    new = cohort(scope="new", versions=((START, NEW),))
    usage = planted(cohort(), new)
    usage = usage[(usage["scope"] != "new") | (usage["bucket_start"] > CUTOVER)]
    found = watch(usage.reset_index(drop=True), cutover=CUTOVER)

    assert [group.moves[0].scope for group in found.groups] == ["chat"]


def test_buckets_of_a_day_cannot_tell_a_window_of_hours(quiet):
    days = rollup(quiet, pd.Timedelta("1D"))
    (group,) = watch(days, cutover=CUTOVER.floor("D")).groups

    assert group.window.standing == "unknown"
    assert group.window.needs == "usage by the hour"


def test_unfit_data_is_never_late(quiet):
    found = watch(worse(quiet, 0.9), cutover=CUTOVER, unfit="The field was renamed.")

    assert standings(found) == [("unknown", "unknown")]
    assert "The field was renamed." in found.groups[0].window.needs


def test_its_own_bars_are_asked_for(quiet):
    usage = worse(quiet, 0.3)
    strict = GateBars(rollout_window_share=0.9, recovery_hours=24)
    lax = GateBars(recovered_at_share=0.5)

    assert standings(watch(usage, cutover=CUTOVER, bars=strict)) == [("fail", "fail")]
    assert standings(watch(usage, cutover=CUTOVER, bars=lax)) == [("pass", "pass")]


def test_the_input_is_left_as_it_was(quiet):
    before = quiet.copy(deep=True)
    watch(quiet, cutover=CUTOVER)

    pd.testing.assert_frame_equal(quiet, before)


@pytest.mark.slow
def test_quiet_cutovers_are_hardly_ever_late_and_lost_reads_hardly_ever_on_time():
    """A fifth of the reads lost for good; any size and pace. bench/gates.py has many more seeds."""
    told = {"quiet": [], "lost": []}
    for seed in range(8):
        cohorts = random_cohorts(seed)
        usage = planted(*cohorts, seed=seed, days=12.5)
        told["quiet"].append(watch(usage).verdict)
        for one in cohorts:
            usage = worse(usage, 0.2, since=one.versions[1][0], scope=one.scope)
        told["lost"].append(watch(usage).verdict)

    assert told["quiet"].count("late") == 0
    assert told["quiet"].count("on_time") >= 4
    assert told["lost"].count("on_time") == 0
    assert told["lost"].count("late") >= 4
