"""Are the cached prefixes above the candidate's minimum: counted in a log, or bounded from billing.

A prefix of x tokens on the incumbent is k x tokens on the candidate (k: the tokenizers' ratio, an
interval), and is cached there if k x >= the minimum; asked for is the share S of cached tokens for
which that holds. Billing knows the mean m of x and its relative spread c = sd / m, no more
(cached_lengths.py). With t = minimum / k, of all laws with that mean and spread,

    t > m:  S <= (1 + d) c^2 / (c^2 + d^2),  d = t / m - 1
    t < m:  S >= 1 - (1 - d) c^2 / (c^2 + d^2),  d = 1 - t / m

Both are Cantelli's inequality for the tokens rather than the requests: the parabola through the
worst two-point law lies above x where it counts. No shape is assumed; only that the spread is
at most its upper bound, which holds at cached_lengths' level and errs to the wide side where a mix
changes. So a small spread decides, and a mixture of lengths is unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..words import count, listing, share, times_range
from .bars import GateBars
from .gate import Gate, at_least, known

ROUNDING = 1e-9
QUESTION = "Are the cached prefixes above the candidate's minimum?"
BRING = (
    "a request log with prefix_tokens (requests_path), or a probe of the candidate with the team's"
    " own prompts"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedLength:
    """What billing says of one cohort's cached prefixes: a row of cached_lengths().

    cached_tokens  read and written in all: the cohort's weight
    mean_tokens    per request; None where requests are not counted
    spread_high    upper bound of sd / mean; None where there are too few buckets
    """

    cached_tokens: float
    mean_tokens: float | None
    spread_high: float | None


def above_minimum(
    prefixes: Sequence[tuple[float, float]] | None,
    *,
    minimum_tokens: float | None,
    ratio: tuple[float, float] | None = (1.0, 1.0),
    bars: GateBars,
) -> Gate:
    """Counted: the share of cached tokens in prefixes that the candidate would cache.

    prefixes   (tokens of the prefix on the incumbent, tokens read and written of it) each, from a
               request log; None without one
    ratio      the candidate's tokens per token of the incumbent, lowest and highest; None: unknown
    """
    if not prefixes or not (total := sum(cached for _, cached in prefixes)) > 0:
        return _unknown("The lengths of the cached prefixes are not known.", BRING, bars)
    if minimum_tokens is None or ratio is None:
        return _not_stated(minimum_tokens, bars)
    low, high = (
        sum(cached for tokens, cached in prefixes if k * tokens >= minimum_tokens) / total
        for k in ratio
    )
    reason = (
        f"{_range(low, high)} of the cached tokens are in prefixes of at least the candidate's"
        f" {count(minimum_tokens)} tokens, counted in the log{_stretched(ratio)}; the bar is"
        f" {share(bars.above_minimum_share)}."
    )
    return _judged(
        low, high, reason, "a probe, which measures the tokens of a prompt on both", bars
    )


def above_minimum_billed(
    cohorts: Sequence[CachedLength],
    *,
    minimum_tokens: float | None,
    ratio: tuple[float, float] | None = (1.0, 1.0),
    bars: GateBars,
) -> Gate:
    """Bounded: the same from billing alone, over *cohorts* weighted by their cached tokens."""
    weighed = [one for one in cohorts if one.cached_tokens > 0]
    if not weighed:
        return _unknown("Nothing was cached on the incumbent, or nobody counted it.", BRING, bars)
    if minimum_tokens is None or ratio is None:
        return _not_stated(minimum_tokens, bars)
    total = sum(one.cached_tokens for one in weighed)
    bounds = [_bounds(one, minimum_tokens, ratio) for one in weighed]
    low, high = (
        sum(one.cached_tokens * bound[side] for one, bound in zip(weighed, bounds, strict=True))
        / total
        for side in (0, 1)
    )
    reason = (
        f"{_range(low, high)} of the cached tokens are in prefixes of at least the candidate's"
        f" {count(minimum_tokens)} tokens: {_lengths(weighed)}{_stretched(ratio)}; the bar is"
        f" {share(bars.above_minimum_share)}."
    )
    return _judged(low, high, reason, BRING, bars)


def token_share_bounds(
    mean_tokens: float, spread: float, threshold_tokens: float
) -> tuple[float, float]:
    """Bounds on the share of tokens in prefixes of at least *threshold_tokens*, whatever their law.

    >>> low, high = token_share_bounds(2600, 0.02, 4096)
    >>> (low, round(high, 4))
    (0.0, 0.0019)
    """
    d = threshold_tokens / mean_tokens - 1
    if 0 < abs(d) < ROUNDING:
        return 0.0, 1.0  # on which side of the mean it lies is decided by the last digit of a sum
    if d > 0:
        bound = (1 + d) * spread**2 / (spread**2 + d**2)
        return 0.0, min(1.0, bound)
    if d < 0:
        return max(0.0, 1 - (1 + d) * spread**2 / (spread**2 + d**2)), 1.0
    return (1.0, 1.0) if spread == 0 else (0.0, 1.0)


def _bounds(
    one: CachedLength, minimum_tokens: float, ratio: tuple[float, float]
) -> tuple[float, float]:
    """(low, high) over every ratio in between: the share only grows with it."""
    mean, spread = known(one.mean_tokens), known(one.spread_high)
    if mean is None or spread is None or not mean > 0:
        return 0.0, 1.0
    lowest, highest = (token_share_bounds(mean, spread, minimum_tokens / k) for k in ratio)
    return lowest[0], highest[1]


def _not_stated(minimum_tokens: float | None, bars: GateBars) -> Gate:
    """What stands where the candidate itself is not known: its minimum, else its tokenizer."""
    if minimum_tokens is None:
        return _unknown(
            "The candidate's minimum is not known.",
            "a probe of the candidate (question smallest), or its documented minimum",
            bars,
        )
    return _unknown(
        "How many tokens the candidate makes of the same text is not known.",
        "a probe of both versions, which measures the tokens of the same prompt",
        bars,
    )


def _lengths(cohorts: Sequence[CachedLength]) -> str:
    """Mean and spread of the largest cohorts, in words."""
    told = []
    for one in sorted(cohorts, key=lambda c: -c.cached_tokens)[:3]:
        mean, spread = known(one.mean_tokens), known(one.spread_high)
        if mean is None:
            told.append("requests are not counted")
        elif spread is None:
            told.append(f"{count(mean)} on average, spread not known")
        else:
            told.append(f"{count(mean)} on average with a spread of at most {share(spread)}")
    rest = "" if len(cohorts) <= 3 else f", and {count(len(cohorts) - 3)} smaller cohorts"
    return f"by billing they have {listing(told)}{rest}"


def _stretched(ratio: tuple[float, float]) -> str:
    if ratio == (1.0, 1.0):
        return ""
    return f", at {times_range(*ratio)} the tokens"


def _range(low: float, high: float) -> str:
    if low == high:
        return share(low)
    if (low, high) == (0.0, 1.0):
        return "None, some or all"
    if low == 0:
        return f"At most {share(high)}"
    return f"At least {share(low)}" if high == 1 else f"{share(low)} to {share(high)}"


def _judged(low: float, high: float, reason: str, needs: str, bars: GateBars) -> Gate:
    bar = bars.above_minimum_share
    standing = at_least(low, high, bar)
    return Gate(
        name="above_minimum", question=QUESTION, value=low if low == high else None, low=low,
        high=high, bar=bar, unit="share", standing=standing, reason=reason,
        needs=needs if standing == "unknown" else "",
    )  # fmt: skip


def _unknown(reason: str, needs: str, bars: GateBars) -> Gate:
    return Gate(
        name="above_minimum", question=QUESTION, bar=bars.above_minimum_share, unit="share",
        standing="unknown", reason=reason, needs=needs,
    )  # fmt: skip
