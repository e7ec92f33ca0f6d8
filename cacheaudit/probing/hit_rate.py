"""A hit rate from repetitions that are not many calls but many protocols, with its interval.

The rate is read over input tokens, of sums. Calls of one repetition depend on each other, because
a miss warms the cache for the next; so the repetition is the unit. Their spread gives a variance of
the ratio (linearised: Cochran, Sampling Techniques, 1977, 6.3), and with it as many independent
calls as would spread alike, at most half as many again as were made: a miss warms the cache for the
next call, so that repetitions may differ less than independent calls would, but a small spread may
be luck. On these Wilson's interval (1927) is taken, at Student's quantile, because the spread is
estimated, too; it has a width also where every call hit. Then there is no spread to tell whether
calls or whole repetitions are what is independent, and the geometric mean of both numbers is taken
(tests/test_probe_answers.py and bench/probe.py hold the interval to its promise). What a hit reads
is not all of its input: the interval is of the share of what a hit could have read, times that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from scipy import stats

from ..wilson import wilson
from .protocols import Paced

EVENER = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A rate with a 95 % interval, as shares; *repetitions* and *calls* it rests on."""

    value: float
    low: float
    high: float
    repetitions: int
    calls: int


def hit_rate(found: Sequence[Paced], alpha: float = 0.05) -> Rate | None:
    """Read over input of the calls that followed a first one; None of fewer than two repetitions.

    Assumes repetitions that are independent and alike: a nonce of their own, the same pace.
    """
    units = [one for one in found if one.calls and one.input_tokens]
    if len(units) < 2:
        return None
    inputs = [one.input_tokens for one in units]
    value = sum(one.read_tokens for one in units) / sum(inputs)
    best = _readable(units)
    share = min(1.0, value / best)
    calls = _alike(units, value, best)
    quantile = float(stats.t.ppf(1 - alpha / 2, len(units) - 1))
    low, high = wilson(share, calls, quantile)
    return Rate(
        value=value,
        low=min(value, float(low) * best),
        high=max(value, float(high) * best),
        repetitions=len(units),
        calls=sum(one.calls for one in units),
    )


def _readable(units: Sequence[Paced]) -> float:
    """Share of the input that a hit reads; all of it where there was no hit to tell."""
    hit = [one for one in units if one.hits]
    held = sum(one.input_tokens / one.calls * one.hits for one in hit)
    return min(1.0, sum(one.read_tokens for one in hit) / held) if held else 1.0


def _alike(units: Sequence[Paced], value: float, best: float) -> float:
    """Independent calls that would spread as *units* do, at most EVENER times those made."""
    many, total = len(units), sum(one.input_tokens for one in units)
    calls = sum(one.calls for one in units)
    even = total**2 / sum(one.input_tokens**2 / one.calls for one in units)  # calls of one weight
    most = min(float(calls), even)
    share = min(1.0, value / best)
    if not 0 < share < 1:
        return sqrt(most * many)
    off = sum((one.read_tokens - value * one.input_tokens) ** 2 for one in units)
    variance = many / (many - 1) * off / total**2 / best**2
    return most if not variance else min(EVENER * most, share * (1 - share) / variance)
