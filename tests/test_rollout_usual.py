"""The interval of a stretch holds the true rate about as often as it says, whatever its level."""

import numpy as np
import pandas as pd
import pytest

from cacheaudit.rollout.usual import seen, with_usual

HOUR = pd.Timedelta("1h")
BEGIN = pd.Timestamp("2026-05-04", tz="UTC")
WEEK = 168


def hours(rng, first, n, rate, mood=0.0):
    """*n* hours of unequal traffic from hour *first* on; each day has a rate of its own."""
    at = pd.date_range(BEGIN, periods=first + n, freq="h")[first:]
    calls = rng.poisson(150 * (1.2 + np.cos((at.hour - 14) / 24 * 2 * np.pi))) + 1
    of_day = dict(zip(range(40), rng.normal(0, mood, 40), strict=True))
    p = np.clip([rate + of_day[(t - BEGIN).days] for t in at], 0.001, 0.999)
    tokens = calls * 3000.0
    return pd.DataFrame(
        {"move": 0, "at": at, "end": at + HOUR, "read": rng.binomial(calls, p) * 3000.0,
         "tokens": tokens}
    )  # fmt: skip


def judged(rng, rate, length, before=0.9, mood=0.0):
    """The stretch of *length* hours at *rate* that follows a week at *before*."""
    baseline = hours(rng, 0, WEEK, before, mood)
    baseline = baseline.assign(usual=with_usual(baseline, baseline))
    late = hours(rng, WEEK, length, rate, mood)
    return seen(late.assign(usual=with_usual(late, baseline)), baseline, length, 1)


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 4, 24])
@pytest.mark.parametrize("rate", [0.9, 0.45])
def test_the_interval_holds_the_truth(rate, length):
    """At 95 %: of 60, fewer than 51 would be odd. A rate near a half strays more."""
    found = [judged(np.random.default_rng(seed), rate, length) for seed in range(60)]
    oracle = [2 * 1.96 * (rate * (1 - rate) * 3000 / one.tokens) ** 0.5 for one in found]

    assert sum(one.low <= rate <= one.high for one in found) >= 51
    assert np.median([one.high - one.low for one in found] / np.array(oracle)) <= 1.6


@pytest.mark.slow
def test_moods_of_a_day_widen_it():
    """A day that is odd as a whole does not average out over its hours: quiet days stay inside."""
    found = [judged(np.random.default_rng(seed), 0.8, 24, 0.8, mood=0.03) for seed in range(60)]

    assert sum(one.low <= one.usual <= one.high for one in found) >= 48


def test_more_looks_widen_it():
    rng = np.random.default_rng(2)
    baseline = hours(rng, 0, WEEK, 0.9)
    baseline = baseline.assign(usual=with_usual(baseline, baseline))
    late = baseline.tail(4)
    one, nine = (seen(late, baseline, 4, tests) for tests in (1, 9))

    assert (one.rate, one.usual) == (nine.rate, nine.usual)
    assert nine.low < one.low < one.high < nine.high


def test_an_hour_is_held_against_its_own_hour():
    """Nights read half of what days read: the same night again is as usual."""
    rng = np.random.default_rng(3)
    week = hours(rng, 0, WEEK, 0.9)
    night = week["at"].dt.hour < 6
    week["read"] = week["read"].where(~night, week["read"] / 2)
    week = week.assign(usual=with_usual(week, week))
    found = seen(week[night].tail(6), week, 6, 1)

    assert found.usual == pytest.approx(0.45, abs=0.02)
    assert found.low <= found.usual <= found.high


@pytest.mark.parametrize("kept", [0, 5, 23])
def test_less_than_a_day_of_baseline_is_none(kept):
    rng = np.random.default_rng(4)
    baseline = hours(rng, 0, WEEK, 0.9).head(kept)
    baseline = baseline.assign(usual=with_usual(baseline, baseline))
    late = hours(rng, WEEK, 4, 0.9)

    assert seen(late.assign(usual=with_usual(late, baseline)), baseline, 4, 1) is None


def test_hours_that_report_nothing_are_left_out_and_not_zero():
    rng = np.random.default_rng(5)
    baseline = hours(rng, 0, WEEK, 0.9)
    baseline = baseline.assign(usual=with_usual(baseline, baseline))
    late = baseline.tail(8).copy()
    whole = seen(late.head(4), baseline, 4, 1)
    late.iloc[4:, [late.columns.get_loc("read"), late.columns.get_loc("tokens")]] = np.nan

    assert seen(late, baseline, 4, 1) == whole
