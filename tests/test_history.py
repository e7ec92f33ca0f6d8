"""The planted histories obey the cache they claim to run through."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cacheaudit.history import (
    CUTOVER,
    MARCH,
    OPUS_46,
    SONNET_45,
    TTL_S,
    Cohort,
    Version,
    hourly,
    migration_cohorts,
    planted_migration,
)
from cacheaudit.metrics import cache_metrics, token_totals

START = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday
WEEK = (START, START + pd.Timedelta("7D"))
SWITCH = START + pd.Timedelta("3D")


def cohort(**changes) -> Cohort:
    base = Cohort(
        scope="s", route="r", prefix_tokens=6000, versions=((START, SONNET_45),), prefixes=8
    )
    return replace(base, **changes)


@pytest.mark.parametrize("touches", [0.5, 1.0, 3.0])
def test_in_steady_state_a_prefix_is_warm_with_probability_one_minus_exp_minus_x(touches):
    """Within four standard errors, with one percentage point for prefixes going to sleep."""
    usage = planted_migration([cohort(touches_per_ttl=touches, prefixes=32)], WEEK, seed=3)
    requests = float(usage["requests"].sum())
    reads = float(usage["cache_read_tokens"].sum())
    warm = reads / (6000 * requests)
    expected = 1 - np.exp(-touches)

    assert warm == pytest.approx(
        expected, abs=4 * np.sqrt(expected * (1 - expected) / requests) + 0.01
    )


def test_one_lifetime_after_a_switch_the_curve_is_the_one_without_it():
    """A cache forgets: the same requests, with and without the switch, from T + TTL on."""
    minimum = Version(model="other", minimum_tokens=SONNET_45.minimum_tokens)
    stays = planted_migration([cohort()], WEEK, seed=5)
    moves = planted_migration(
        [cohort(versions=((START, SONNET_45), (SWITCH, minimum)))], WEEK, seed=5
    )
    columns = ["requests", "cache_read_tokens", "cache_write_5m_tokens", "uncached_input_tokens"]
    both = [u.groupby("bucket_start")[columns].sum() for u in (stays, moves)]
    settled = SWITCH + pd.Timedelta(seconds=TTL_S)

    pd.testing.assert_frame_equal(*[b[b.index < SWITCH] for b in both])
    pd.testing.assert_frame_equal(*[b[b.index >= settled] for b in both])
    during = [b[(b.index >= SWITCH) & (b.index < settled)]["cache_read_tokens"].sum() for b in both]
    assert during[1] < during[0]


def test_a_prefix_below_the_minimum_is_neither_written_nor_read():
    short = cohort(prefix_tokens=2600, versions=((START, OPUS_46),))
    totals = token_totals(planted_migration([short], WEEK, seed=1))

    assert totals["cache_read_tokens"] == 0
    assert totals["cache_write_5m_tokens"] == 0
    assert totals["uncached_input_tokens"] == 2800 * totals["requests"]


def test_a_prefix_of_exactly_the_minimum_is_cached():
    exact = cohort(prefix_tokens=OPUS_46.minimum_tokens, versions=((START, OPUS_46),))

    assert token_totals(planted_migration([exact], WEEK, seed=1))["cache_read_tokens"] > 0


def test_every_request_carries_its_prefix_and_tail():
    usage = planted_migration([cohort()], WEEK, seed=2)
    sums = cache_metrics(usage, ["scope"])

    assert sums["input_tokens_per_request"].item() == 6200
    assert sums["output_tokens_per_request"].item() == 190


def test_the_same_seed_gives_the_same_history_and_another_seed_another():
    one, same, other = (planted_migration([cohort()], WEEK, seed=s) for s in (4, 4, 5))

    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)


def test_a_cohort_more_does_not_change_the_others():
    alone = planted_migration([cohort()], WEEK, seed=4)
    pair = planted_migration([cohort(), cohort(scope="t")], WEEK, seed=4)

    pd.testing.assert_frame_equal(alone, pair[pair["scope"] == "s"].reset_index(drop=True))


def test_hours_hold_what_their_minutes_hold():
    minutes = planted_migration([cohort()], WEEK, seed=6)
    hours = hourly(minutes)

    assert token_totals(hours) == token_totals(minutes)
    assert (hours["bucket_end"] - hours["bucket_start"]).eq(pd.Timedelta("1h")).all()


def test_nights_and_weekends_are_quieter():
    usage = hourly(planted_migration([cohort(prefixes=32)], WEEK, seed=8))
    start = usage["bucket_start"]
    weekend = start.dt.day_of_week >= 5
    requests = usage["requests"].astype(float)

    assert requests[weekend].mean() < 0.9 * requests[~weekend].mean()
    assert requests[start.dt.hour == 2].mean() < 0.5 * requests[start.dt.hour == 14].mean()


def test_the_default_story_moves_two_of_three_cohorts_at_the_cutover():
    usage = planted_migration(window=(CUTOVER - pd.Timedelta("6h"), CUTOVER + pd.Timedelta("6h")))
    moved = set(usage.loc[usage["model"] == OPUS_46.model, "scope"])

    assert len(migration_cohorts()) == 3
    assert moved == {"support-chat", "claims-review"}
    assert usage.loc[usage["model"] == OPUS_46.model, "bucket_start"].min() == CUTOVER
    assert MARCH[0] < CUTOVER < MARCH[1]
