"""Shapley's split of a change: what each factor adds, averaged over all orders of changing them."""

from collections.abc import Callable, Sequence
from math import factorial

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def shapley(factors: Sequence[str], value: Callable[[frozenset[str]], Floats]) -> dict[str, Floats]:
    """{factor: its part of value(all) - value(none)}; the parts sum to that difference.

    value   what comes out when just these factors are as they became, the others as they were;
            (k,), one figure for each of k games that are split alike

    phi_f = sum over S without f of |S|! (n - |S| - 1)! / n! * (value(S + f) - value(S))
    (Shapley, A Value for n-Person Games, 1953). 2^n values: meant for a handful of factors.
    """
    n = len(factors)
    values = [value(_members(factors, mask)) for mask in range(2**n)]
    weights = [factorial(k) * factorial(n - k - 1) / factorial(n) for k in range(n)]
    parts: dict[str, Floats] = {}
    for place, factor in enumerate(factors):
        bit, part = 1 << place, np.zeros_like(values[0])
        for mask in range(2**n):
            if not mask & bit:
                part += weights[mask.bit_count()] * (values[mask | bit] - values[mask])
        parts[factor] = part
    return parts


def _members(factors: Sequence[str], mask: int) -> frozenset[str]:
    return frozenset(f for place, f in enumerate(factors) if mask >> place & 1)
