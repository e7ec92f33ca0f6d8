"""Which calls a share of the traffic is.

Evenly spread instead of drawn: the n-th call or the n-th conversation, in order of first use, moves
by arithmetic alone. So a replay needs no seed, engines agree, and the share holds on any stretch.

Calls   number i moves if i * share passes a whole number there: of a tenth, 0, 10, 20, ... On
        traffic that comes round in step (ten prefixes in turn, of which a tenth moves) it takes the
        same ones over and over, and a ramp looks cheaper than it is.
Spread  number i has a place in [0, 1) that looks drawn, and moves while the share is above it: what
        a load balancer's draw does. The places are a polynomial of i over the field of a prime, of
        degree 5: any 6 calls are as good as independent (Wegman and Carter, New hash functions and
        their use in authentication and set equality, 1981). The share holds as that of a draw does.
Keys    number k (a conversation, a prefix) has a place in [0, 1), and moves while the share is
        above it: who moved at 10 % is still there at 50 %. The places are one half and k times the
        golden ratio, modulo 1, in whole numbers: low-discrepancy (Knuth, The Art of Computer
        Programming 3, section 6.4, on multiplicative hashing). A share of few keys is coarse: of
        one, nothing moves until the share is above one half; of three, a tenth is none.
"""

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
PARTS = 1_000_000  # shares are counted in millionths
GOLDEN, RING = 2_654_435_769, 2**32  # RING / golden ratio, rounded to an odd number
HALF = RING // 2  # where the first key is: from 0 on, a lone conversation would move at any share
FIELD = 2**31 - 1  # a prime; a product of two numbers below it fits 64 bits
SPREAD = (1_414_213_562, 1_732_050_807, 236_067_977, 645_751_311, 316_624_790, 605_551_275)


def calls_moved(number: Whole, parts: Whole) -> npt.NDArray[np.bool_]:
    """Whether call *number* moves at a share of *parts* millionths; both (calls,)."""
    moved: npt.NDArray[np.bool_] = number * parts // PARTS != (number - 1) * parts // PARTS
    return moved


def keys_moved(number: Whole, parts: Whole) -> npt.NDArray[np.bool_]:
    """Whether the key of that *number* is on the new version; both (calls,)."""
    moved: npt.NDArray[np.bool_] = (number * GOLDEN + HALF) % RING * PARTS < parts * RING
    return moved


def calls_spread(number: Whole, parts: Whole) -> npt.NDArray[np.bool_]:
    """Whether call *number* moves at a share of *parts* millionths, as if drawn; both (calls,)."""
    moved: npt.NDArray[np.bool_] = _spread(number % FIELD) * PARTS < parts * FIELD
    return moved


def _spread(number: Any) -> Any:
    """The place of *number*, in whole numbers below FIELD: the polynomial, by Horner's rule."""
    place = number * 0
    for factor in SPREAD:
        place = (place * number + factor) % FIELD
    return place


def parts_at(at_ms: Whole, shares: list[tuple[int, float]]) -> Whole:
    """Millionths of the traffic on the new version at each of *at_ms*."""
    steps = np.array([when for when, _ in shares], dtype=np.int64)
    parts = np.array([0, *(round(share * PARTS) for _, share in shares)], dtype=np.int64)
    found: Whole = parts[np.searchsorted(steps, at_ms, side="right")]
    return found


def calls_moved_there(number: ir.Value, parts: ir.Value) -> ir.Value:
    """calls_moved on an engine."""
    number = _wide(number)
    return _whole(number * parts, PARTS) != _whole((number - 1) * parts, PARTS)


def keys_moved_there(number: ir.Value, parts: ir.Value) -> ir.Value:
    """keys_moved on an engine."""
    number = _wide(number)
    return (number * GOLDEN + HALF) % RING * PARTS < parts * RING


def calls_spread_there(number: ir.Value, parts: ir.Value) -> ir.Value:
    """calls_spread on an engine."""
    return _spread(_wide(number) % FIELD) * PARTS < _wide(parts) * FIELD


def parts_there(at_ms: ir.Value, shares: list[tuple[int, float]]) -> ir.Value:
    """parts_at on an engine."""
    found = ibis.literal(0, "int64")
    for when, share in shares:
        found = ibis.ifelse(at_ms >= when, ibis.literal(round(share * PARTS), "int64"), found)
    return found


def _wide(number: ir.Value) -> ir.Value:
    """In 64 bits: Spark numbers rows in 32, and DuckDB holds small literals in 32, which Ibis takes
    for 64 and would not cast."""
    return number.cast("float64").cast("int64")


def _whole(value: ir.Value, by: int) -> ir.Value:
    """Floor of *value* / *by*, whose sign engines treat differently below 0."""
    remainder = ((value % by) + by) % by
    return (value - remainder) / by
