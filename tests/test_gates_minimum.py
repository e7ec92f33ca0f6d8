"""The minimum, from a log or from billing alone: wrong only as often as the spread's bound is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.cached_lengths import cached_lengths, spread_of
from cacheaudit.gates import CachedLength, GateBars, above_minimum, above_minimum_billed
from cacheaudit.gates.minimum import token_share_bounds
from cacheaudit.history import hourly, planted_migration
from cacheaudit.rules import tokenizer_ratio

BARS = GateBars()
OPUS_46 = 4096  # what the sample's migration meets


@pytest.fixture(scope="module")
def billed():
    """cached_lengths of the sample's month before its migration, by workspace."""
    usage = hourly(planted_migration())
    before = usage[usage["bucket_end"] <= pd.Timestamp("2026-03-17 14:00", tz="UTC")]
    return {row["scope"]: row for row in cached_lengths(before).to_dict("records")}


def lengths(row):
    return CachedLength(
        cached_tokens=row["cached_tokens"], mean_tokens=row["mean_tokens"],
        spread_high=row["spread_high"],
    )  # fmt: skip


def test_the_migration_below_the_minimum_fails_from_billing_alone(billed):
    """2,600 tokens against 4,096: the sample's own incident, known before it happens."""
    gate = above_minimum_billed(
        [lengths(billed["support-chat"])], minimum_tokens=OPUS_46, bars=BARS
    )

    assert (gate.standing, gate.low) == ("fail", 0.0)
    assert "2,600 on average" in gate.reason


def test_prefixes_above_the_minimum_pass_from_billing_alone(billed):
    gate = above_minimum_billed(
        [lengths(billed["claims-review"])], minimum_tokens=OPUS_46, bars=BARS
    )

    assert (gate.standing, gate.high) == ("pass", 1.0)


def test_both_together_fail_for_their_tokens_are_weighed(billed):
    both = [lengths(billed[name]) for name in ("claims-review", "support-chat")]
    gate = above_minimum_billed(both, minimum_tokens=OPUS_46, bars=BARS)
    weight = both[0].cached_tokens / sum(one.cached_tokens for one in both)

    assert gate.standing == "fail"
    assert gate.high == pytest.approx(weight, abs=0.01)


def test_a_mixture_of_lengths_is_unknown_and_says_what_to_bring():
    """Half of the requests cache 1,300 tokens and half 6,500: billing sees 3,900 on average."""
    rng = np.random.default_rng(5)
    n = rng.poisson(200, 168)
    long = rng.binomial(n, 0.5)
    buckets = pd.DataFrame({"requests": n, "cached_tokens": long * 6500 + (n - long) * 1300})
    _, _, high = spread_of(buckets)
    one = CachedLength(
        cached_tokens=float(buckets["cached_tokens"].sum()),
        mean_tokens=float(buckets["cached_tokens"].sum() / n.sum()), spread_high=high,
    )  # fmt: skip
    gate = above_minimum_billed([one], minimum_tokens=OPUS_46, bars=BARS)

    assert gate.standing == "unknown"
    assert "prefix_tokens" in gate.needs
    assert "probe" in gate.needs
    counted = above_minimum([(6500, 6500), (1300, 1300)], minimum_tokens=OPUS_46, bars=BARS)
    assert counted.standing == "fail"
    assert counted.value == pytest.approx(5 / 6)


def test_a_newer_tokenizer_can_lift_prefixes_over_the_minimum():
    """3,500 tokens may be 4,725 on the candidate: known is only that it is 1 to 1.35 times."""
    one = [CachedLength(cached_tokens=1e9, mean_tokens=3500, spread_high=0.01)]
    ratio = tokenizer_ratio("claude-opus-4-6", "claude-opus-5-5")
    measured = {k: above_minimum_billed(one, minimum_tokens=OPUS_46, ratio=(k, k), bars=BARS)
                for k in ratio}  # fmt: skip
    gate = above_minimum_billed(one, minimum_tokens=OPUS_46, ratio=ratio, bars=BARS)

    assert [measured[k].standing for k in ratio] == ["fail", "pass"]
    assert gate.standing == "unknown"
    assert "1.00x to 1.35x the tokens" in gate.reason


def test_a_log_counts_a_prefix_of_just_the_minimum_as_cached():
    gate = above_minimum([(1024, 99.5), (1023, 0.5)], minimum_tokens=1024, bars=BARS)

    assert (gate.standing, gate.value) == ("pass", 0.995)


@given(
    tokens=st.lists(st.integers(1, 20000), min_size=2, max_size=12),
    parts=st.lists(st.floats(0.01, 1), min_size=12, max_size=12),
    threshold=st.integers(2, 20000),
)
def test_no_law_of_lengths_leaves_the_bounds(tokens, parts, threshold):
    """The inequality itself: any discrete law, with its true mean and spread."""
    x, p = np.array(tokens, float), np.array(parts[: len(tokens)])
    p /= p.sum()
    mean = float(p @ x)
    spread = float(np.sqrt(max(0.0, p @ (x - mean) ** 2))) / mean
    share = float((p * x)[x >= threshold].sum()) / mean
    low, high = token_share_bounds(mean, spread, threshold)

    assert low - 1e-6 <= share <= high + 1e-6


def test_the_lower_bound_is_reached_by_a_law_of_two_lengths():
    """All that is lost lies just below the minimum."""
    mean, d, c = 6000.0, 0.3, 0.2
    threshold, p = mean * (1 - d), c**2 / (c**2 + d**2)

    assert token_share_bounds(mean, c, threshold)[0] == pytest.approx(1 - p * threshold / mean)


def test_the_upper_bound_is_reached_by_a_law_of_two_lengths():
    """Sharp: nothing tighter holds from a mean and a spread alone."""
    mean, d, c = 2600.0, 0.5, 0.4
    threshold, p = mean * (1 + d), c**2 / (c**2 + d**2)
    below = mean - c**2 * mean / d
    worst = p * threshold / mean

    assert p * threshold + (1 - p) * below == pytest.approx(mean)
    assert token_share_bounds(mean, c, threshold)[1] == pytest.approx(worst)


@pytest.mark.slow
@pytest.mark.parametrize("above", [False, True])
def test_random_traffic_is_decided_wrongly_in_few_of_many_cases(above):
    """One-sided at 2.5 %: of 300 quiet months around the bar, 18 wrong ones would be odd."""
    wrong = decided = 0
    for seed in range(300):
        share, gate = random_month(np.random.default_rng((seed, above)), above)
        decided += gate.standing != "unknown"
        wrong += gate.standing == ("fail" if share >= 0.99 else "pass")

    assert decided >= 60
    assert wrong <= 15


def random_month(rng, above):
    """(true share of tokens above the minimum, the gate) of a cohort whose law is drawn."""
    kind = rng.integers(3)
    minimum = 4096
    middle = minimum * (rng.uniform(1.05, 3) if above else rng.uniform(0.3, 0.97))
    wide = rng.uniform(0.005, 0.3)
    if kind == 0:
        law = rng.normal(middle, wide * middle, 4000).clip(1024)
    elif kind == 1:
        law = rng.lognormal(np.log(middle), wide, 4000).clip(1024)
    else:
        law = np.where(rng.random(4000) < rng.uniform(0.9, 1), middle, rng.uniform(1024, 12000))
    n = rng.poisson(rng.uniform(5, 200), int(rng.integers(24, 300))) + 1
    cached = np.array([rng.choice(law, k).sum() for k in n])
    _, _, high = spread_of(pd.DataFrame({"requests": n, "cached_tokens": cached}))
    one = CachedLength(
        cached_tokens=cached.sum(), mean_tokens=cached.sum() / n.sum(), spread_high=high
    )
    gate = above_minimum_billed([one], minimum_tokens=minimum, bars=BARS)
    return float(law[law >= minimum].sum() / law.sum()), gate
