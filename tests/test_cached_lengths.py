"""Lengths of cached prefixes out of billing: the mean is exact, the spread is estimated."""

import numpy as np
import pandas as pd
import pytest

from cacheaudit.cached_lengths import cached_lengths, spread_of
from cacheaudit.schema import check_usage


def usage_of(lengths_of, *, hours=168, per_hour=200, seed=1, **labels):
    """A week of calls, each of which reads or writes a length drawn by *lengths_of*."""
    rng = np.random.default_rng(seed)
    start = pd.date_range("2026-03-02", periods=hours, freq="1h", tz="UTC")
    requests = rng.poisson(per_hour, hours) + 1
    lengths = [lengths_of(rng, n) for n in requests]
    hit = [rng.random(n) < 0.9 for n in requests]
    return check_usage(
        pd.DataFrame(
            {
                "bucket_start": start,
                "bucket_end": start + pd.Timedelta("1h"),
                "provider": "anthropic",
                "model": "m",
                "requests": requests,
                "cache_read_tokens": [int(x[h].sum()) for x, h in zip(lengths, hit, strict=True)],
                "cache_write_5m_tokens": [
                    int(x[~h].sum()) for x, h in zip(lengths, hit, strict=True)
                ],
                **labels,
            }
        )
    )


def one_length(rng, n):
    return np.full(n, 2600)


def two_lengths(rng, n):
    return np.where(rng.random(n) < 0.5, 1200, 9000)


def test_one_prefix_has_its_exact_length_and_no_spread():
    row = cached_lengths(usage_of(one_length)).iloc[0]

    assert (row["mean_tokens"], row["spread"], row["spread_high"]) == (2600, 0, 0)


def test_a_mixture_is_told_from_its_mean():
    row = cached_lengths(usage_of(two_lengths)).iloc[0]

    assert row["mean_tokens"] == pytest.approx(5100, rel=0.01)
    assert row["spread"] == pytest.approx(3900 / 5100, rel=0.15)


def test_the_interval_holds_the_true_spread_as_often_as_it_says():
    """600 series of two days of lognormal lengths, seeds fixed beforehand: 95 % stated."""
    truth = (np.exp(0.25) - 1) ** 0.5
    inside = 0
    for seed in range(40_000, 40_600):
        rng = np.random.default_rng(seed)
        requests = rng.poisson(200, 48) + 1
        cached = [rng.lognormal(8, 0.5, n).sum() for n in requests]
        buckets = pd.DataFrame({"requests": requests, "cached_tokens": cached})
        _, low, high = spread_of(buckets)
        inside += low <= truth <= high

    assert inside / 600 >= 0.93  # 0.949 over 2,000


def test_a_mix_that_changes_only_makes_the_spread_larger():
    def drifting(rng, n):
        return np.full(n, rng.choice([2000, 3000]))

    row = cached_lengths(usage_of(drifting)).iloc[0]

    assert row["spread_low"] > 0.2  # of one hour it is 0: said to be mixed, which the week is


def test_each_key_has_its_row_and_what_is_not_reported_has_none():
    both = pd.concat(
        [usage_of(one_length, scope="a"), usage_of(two_lengths, scope="b")], ignore_index=True
    )
    found = cached_lengths(both)

    assert found["scope"].tolist() == ["b", "a"]
    assert found["cached_tokens"].sum() == both[["cache_read_tokens", "cache_write_5m_tokens"]].sum(
        axis=None
    )
    assert cached_lengths(both.assign(requests=pd.NA)).empty
    assert cached_lengths(usage_of(one_length, hours=2))["spread"].isna().all()
