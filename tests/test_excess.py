"""Excess and cold start against planted truth: the cost of the world in which it did not happen."""

import numpy as np
import pandas as pd
import pytest

from cacheaudit.cost import cost_of
from cacheaudit.diagnosis import Diagnosis, diagnose
from cacheaudit.excess import Estimate, cold_start, excess
from cacheaudit.schema import check_usage
from tests.cases import HOUR, NOON, case, cohort, incident, side
from tests.planted import OPUS, SONNET, Stream, at, extra_usd, stream, usage_of, with_minutes

T = 9.6
DAYS = 16
CACHE = ("ttl_s", "edition", "marked", "volatile", "evicted")


def moved(one: Stream, day: float = T, **changes: object) -> Stream:
    return one.then(day, model=OPUS, floor=4096, **changes)


def healthy(one: Stream, *names: str) -> Stream:
    """The same traffic on the same models, with what went wrong put back."""
    return one.without(*CACHE, *names).above_every_floor()


def found_and_truth(
    told: list[Stream], *names: str, seed: int, since: float = T, days: float = DAYS
) -> tuple[Diagnosis, float]:
    actual = usage_of(told, days=days, seed=seed)
    otherwise = usage_of([healthy(s, *names) for s in told], days=days, seed=seed)
    return diagnose(actual), extra_usd(actual, otherwise, since=since)


def value(found: Diagnosis) -> Estimate:
    assert found.excess_usd is not None
    return found.excess_usd


WRONG = {
    "below the minimum": (lambda: [moved(stream()), stream(scope="eu")], ()),
    "markers dropped": (lambda: [stream().then(T, marked=False)], ()),
    "a clock in the prefix": (lambda: [stream().then(T, volatile=0.8)], ()),
    "a clock and a dearer model": (
        lambda: [moved(stream(prefix_tokens=6000), volatile=0.8)], ()
    ),
    "entries evicted": (lambda: [stream().then(T, evicted=0.4)], ()),
    "one lifetime shortened": (
        lambda: [stream(ttl_s=3600, prefixes=80, per_hour=6).then(T, ttl_s=300)], ()
    ),
    "longer answers": (lambda: [stream().then(T, output_tokens=600)], ("output_tokens",)),
    "longer answers of a dearer model": (
        lambda: [moved(stream(prefix_tokens=6000), output_tokens=700)], ("output_tokens",)
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", WRONG)
def test_the_excess_is_within_two_per_cent_of_the_planted_truth(name, seed):
    told, put_back = WRONG[name]
    found, truth = found_and_truth(told(), *put_back, seed=seed)

    assert value(found).value == pytest.approx(truth, rel=0.02)
    assert value(found).low <= value(found).value <= value(found).high


@pytest.mark.slow
def test_the_interval_covers_the_planted_truth():
    """At 95 %, 10 seeds should leave half of one out; three would be odd."""
    covered = 0
    for seed in range(10):
        found, truth = found_and_truth([moved(stream(prefixes=4))], seed=100 + seed, days=14)
        covered += value(found).low <= truth <= value(found).high

    assert covered >= 8


def test_twice_the_traffic_costs_what_the_second_half_costs():
    told = [stream().then(16, volume=2)]
    found, truth = found_and_truth(told, "volume", seed=1, since=16, days=30)

    assert found.leading == ("workload.volume",)
    assert value(found).value == pytest.approx(truth, rel=0.03)


@pytest.mark.slow
def test_a_night_is_held_against_other_nights():
    """Hit rates fall at night by themselves; held against whole days it would seem dearer."""
    told = [stream(rhythm=0.9, prefixes=200).then(10.0, evicted=0.3).then(10.25, evicted=0.0)]
    usage = usage_of(told, days=14, seed=2)
    truth = extra_usd(usage, usage_of([healthy(told[0])], days=14, seed=2), since=10.0)
    night = case(
        incident=incident(start=at(10.0), end=at(10.25), baseline=(at(0.0), at(10.0))),
        affected=(cohort(after=side(0.3)),),
        changes=(),
    )

    assert excess(night, usage, cost_of(usage)).value == pytest.approx(truth, rel=0.1)


def test_a_dearer_price_that_was_chosen_is_no_excess():
    found, _ = found_and_truth([moved(stream(prefix_tokens=6000))], seed=0)

    assert found.leading == ("model.price",)
    assert (value(found).value, value(found).reason) == (0.0, "a dearer price that was chosen")


def test_a_split_is_priced_by_hand():
    """2 hours of a million tokens, all uncached at 3.00; 80 % read at 0.30 before: 2.16 each."""
    start = pd.date_range(NOON - 96 * HOUR, periods=98, freq="1h")
    read = np.where(start < NOON, 800_000, 0)
    usage = check_usage(pd.DataFrame({
        "bucket_start": start,
        "bucket_end": start + HOUR,
        "provider": "anthropic",
        "model": SONNET,
        "scope": "chat",
        "route": "gateway",
        "cache_read_tokens": read,
        "uncached_input_tokens": 1_000_000 - read,
        "output_tokens": 1000,
    }))  # fmt: skip
    hand = case(
        incident=incident(baseline=(NOON - 96 * HOUR, NOON)),
        affected=(cohort(after=side(0.0)),),
        changes=(),
    )
    found = excess(hand, usage, cost_of(usage))

    assert found.value == pytest.approx(2 * (3.00 - (0.8 * 0.30 + 0.2 * 3.00)))
    assert (found.low, found.high) == pytest.approx((found.value, found.value))


def test_a_short_baseline_has_no_interval():
    usage = usage_of([stream().then(2.0, marked=False)], days=4)
    short = case(
        incident=incident(start=at(2.0), baseline=(at(0.0), at(2.0))),
        affected=(cohort(),),
        changes=(),
    )
    found = excess(short, usage, cost_of(usage))

    assert found.reason == "a baseline under three days"
    assert found.value > 0
    assert np.isnan(found.low)
    assert found.to_dict()["low"] is None


COLD = {"prefix_tokens": 6000, "prefixes": 800, "per_hour": 1.3, "ttl_s": 3600.0, "rhythm": 0.0}
CUT = 9.408  # 09:47


@pytest.mark.parametrize("seed", range(2))
def test_a_cold_start_costs_less_than_its_ceiling_and_nothing_persists(seed):
    told = moved(stream(**COLD), CUT)
    usage = usage_of([told], days=DAYS, seed=seed)
    as_before = usage_of([stream(**COLD)], days=DAYS, seed=seed)
    rewritten = usage["cache_write_1h_tokens"].sum() - as_before["cache_write_1h_tokens"].sum()
    truth = float(rewritten) * (10.0 - 0.5) / 1e6
    cold = diagnose(usage).cold_start

    assert cold is not None
    assert 0 < truth < cold.ceiling_usd
    assert cold.observed_usd == pytest.approx(truth, rel=0.25)
    assert cold.observed_usd < cold.ceiling_usd
    assert abs(cold.persisted_usd) < 0.05 * truth


def test_after_one_lifetime_a_cold_cache_is_as_a_warm_one():
    """The generator obeys the physics that the ceiling rests on (docs/METHODS.md, cold start)."""
    usage = usage_of([moved(stream(**COLD), CUT)], days=12)
    warm = usage_of([stream(**COLD)], days=12)
    later = at(CUT).ceil("h") + HOUR
    columns = ["bucket_start", "cache_read_tokens", "cache_write_1h_tokens"]

    pd.testing.assert_frame_equal(
        usage.loc[usage["bucket_start"] >= later, columns].reset_index(drop=True),
        warm.loc[warm["bucket_start"] >= later, columns].reset_index(drop=True),
    )


def test_minutes_make_the_ceiling_tight():
    told = [moved(stream())]
    hours = diagnose(usage_of(told, days=14)).cold_start
    minutes = diagnose(with_minutes(told, T, days=14)).cold_start

    assert hours is not None
    assert minutes is not None
    assert minutes.ceiling_usd < hours.ceiling_usd / 5


def test_a_loss_below_the_minimum_is_nearly_all_beyond_the_ceiling():
    found, truth = found_and_truth([moved(stream())], seed=0)

    assert found.cold_start is not None
    assert found.cold_start.observed_usd == 0
    assert found.cold_start.persisted_usd > 0.9 * truth > found.cold_start.ceiling_usd


def test_no_version_moved_no_ceiling():
    usage = usage_of([stream().then(T, marked=False)], days=14)

    assert diagnose(usage).cold_start is None


def test_an_unpriced_ceiling_is_not_known():
    usage = usage_of([stream(model="mystery-9").then(T, model="mystery-10", floor=4096)], days=14)
    cold = diagnose(usage).cold_start

    assert cold is not None
    assert cold.to_dict()["ceiling_usd"] is None


def test_the_ceiling_of_a_tokenizer_that_makes_more_tokens_counts_them():
    """1.35 times at most, from the first to the second generation (rules.py)."""
    same = _ceiling("claude-opus-4-6")
    more = _ceiling("claude-opus-4-7")

    assert more == pytest.approx(1.35 * same)


def _ceiling(model: str) -> float:
    """At the same prices: both Opus models cost the same."""
    usage = usage_of([stream().then(T, model=model, floor=9999)], days=14)
    found = diagnose(usage).incidents[0]
    cold = cold_start(found.case, usage, cost_of(usage))
    assert cold is not None
    return cold.ceiling_usd
