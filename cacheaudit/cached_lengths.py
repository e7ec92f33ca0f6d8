"""How long the cached prefixes are, from billing alone: the mean in exact tokens, and its spread.

What a request read and wrote is what of it was cached. A bucket's mean over n requests varies by
the variance of one request over n, so the variance of the buckets' means times their requests
estimates that of a request. Assumptions: requests are independent, and their mix is the same in
every bucket; where the mix changes, or sessions grow together, the estimate is too large, never too
small by that. Hence a small spread is trustworthy, and a large one says "mixed", not how mixed.
"""

import math

import pandas as pd
from scipy.stats import chi2

from .metrics import cache_metrics

LEAST_BUCKETS = 3
LENGTH_KEYS = ["provider", "model", "scope", "route"]


def cached_lengths(usage: pd.DataFrame, *, alpha: float = 0.05) -> pd.DataFrame:
    """One row per LENGTH_KEYS with requests and cached tokens, the most cached tokens first.

    usage   usage frame (schema.py) with request counts

    requests, cached_tokens   sums
    mean_tokens               cached tokens per request, exact; NaN where requests are not reported
    spread                    sd of a request over the mean; NaN with fewer than LEAST_BUCKETS
    spread_low, spread_high   its interval at 1 - *alpha*, from chi-square: buckets are many
                              requests, so their means are near normal
    buckets                   buckets that it is from
    """
    sums = cache_metrics(usage, ["bucket_start", *LENGTH_KEYS])[["requests", "cached_tokens"]]
    known = sums[(sums["requests"] > 0) & sums["cached_tokens"].notna()].reset_index()
    rows = []
    for key, buckets in known.groupby(LENGTH_KEYS, dropna=False, sort=False):
        requests, cached = buckets["requests"].sum(), buckets["cached_tokens"].sum()
        spread, low, high = spread_of(buckets, alpha=alpha)
        rows.append([*key, requests, cached, cached / requests, spread, low, high, len(buckets)])
    columns = [
        *LENGTH_KEYS, "requests", "cached_tokens", "mean_tokens",
        "spread", "spread_low", "spread_high", "buckets",
    ]  # fmt: skip
    found = pd.DataFrame(rows, columns=columns)
    return found.sort_values("cached_tokens", ascending=False, kind="stable", ignore_index=True)


def spread_of(buckets: pd.DataFrame, *, alpha: float = 0.05) -> tuple[float, float, float]:
    """sd / mean of one request's cached length and its interval; NaN where there are too few.

    buckets   requests and cached_tokens, a row a bucket
    """
    known = buckets[buckets["requests"] > 0]
    length = known["cached_tokens"] / known["requests"]
    freedom = len(length) - 1
    if len(length) < LEAST_BUCKETS or not (mean := float(length.mean())) > 0:
        return math.nan, math.nan, math.nan
    squares = float(((length - mean) ** 2 * known["requests"]).sum())
    low, high = (squares / float(chi2.ppf(q, freedom)) for q in (1 - alpha / 2, alpha / 2))
    return (squares / freedom) ** 0.5 / mean, low**0.5 / mean, high**0.5 / mean
