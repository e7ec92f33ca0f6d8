"""Tokens that count twice: a total beside its parts, repeated rows."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..schema import LABELS
from ..words import count, moment, share
from .note import QualityNote
from .totals import (
    COUNTED,
    DAY,
    LARGE,
    Codes,
    Numbers,
    Traffic,
    codes,
    known,
    mixed,
)

NEARLY_ALL = 0.95  # of the groups in which a label stands beside others
MATERIAL = 0.01  # of the input that counts twice
ENOUGH = 4  # groups that differ: fewer agree by chance
ALIKE = 0.03  # of the factor: all counts of all large cohorts
MOST = 9  # times: a larger common factor is rounding
CHANCE = 1e-9  # that honest counts have a common factor from some row on
CHUNK = 4096  # rows looked at first: honest tails share no factor for long


def beside_parts(
    usage: pd.DataFrame, rows: Numbers, labels: dict[str, Codes]
) -> Iterator[QualityNote]:
    """A label whose rows are the sum of the other rows of their bucket: a total beside its parts.

    Every count at once: an integer mix of them is compared, so nothing fits by rounding.
    """
    mix = sum(
        weight * known(getattr(rows, name))
        for name, weight in zip(COUNTED, (1, 3, 7, 11, 19), strict=True)
    )
    assert not isinstance(mix, int)
    buckets = codes(usage["bucket_start"])
    varied = [name for name in LABELS if labels[name].any()]
    for name in varied:
        group = mixed([buckets, *(labels[other] for other in varied if other != name)])
        size = np.bincount(group)[group]
        if not (beside := (size > 1) & (mix > 0)).any():
            continue
        equal = beside & (2 * mix == np.bincount(group, mix)[group])
        own = labels[name]
        stands, fits = np.bincount(own, beside), np.bincount(own, equal)
        best = int(np.argmax(fits / np.maximum(stands, 1)))
        here = equal & (own == best)
        if fits[best] < NEARLY_ALL * stands[best] or len(np.unique(mix[here])) < ENOUGH:
            continue
        if (tokens := float(rows.input[here].sum())) < MATERIAL * rows.input.sum():
            continue
        value = usage[name].to_numpy()[int(np.flatnonzero(own == best)[0])]
        yield QualityNote(
            id="total_beside_parts",
            severity="unfit",
            text=f"The rows {_named(name, value)} equal the sum of the other rows of their bucket"
            f" in {count(fits[best])} of {count(stands[best])} buckets, in every count: a total"
            f" beside its parts, or the same calls under two names. {count(tokens)} input"
            f" tokens ({share(tokens / float(rows.input.sum()))}) count twice. Keep"
            " one of the two.",
        )


def doubled(traffic: Traffic) -> QualityNote | None:
    """All counts of all large cohorts times a whole number from some bucket on."""
    if np.isnan(traffic.rows.requests).all():
        return None
    repeated = _common_factor(traffic)
    if repeated is not None:
        factor, at, rows = repeated
        return QualityNote(
            id="looks_doubled",
            severity="note",
            text=f"From {moment(traffic.times[at])} on every count of {traffic.provider} is a"
            f" multiple of {factor}, in {count(rows)} rows. Honest counts do not do that: rows were"
            f" probably summed {factor} times. Compare one bucket with the provider's own page;"
            f" until then read volume and cost as up to {factor} times too high. Rates stand.",
        )
    step = _whole_multiple(traffic)
    if step is None:
        return None
    factor, at = step
    return QualityNote(
        id="looks_doubled",
        severity="note",
        text=f"At {moment(traffic.times[at])} every count of every large cohort of"
        f" {traffic.provider} became {factor} times what it was the day before, within"
        f" {share(ALIKE)}. Traffic can do that; rows that are counted {factor} times do it more"
        " exactly. Compare one bucket with the provider's own page.",
    )


def _common_factor(traffic: Traffic) -> tuple[int, int, int] | None:
    """(factor, first slot, rows) of a tail, or the whole, whose counts share a factor."""
    n = len(traffic.slot)
    order = np.arange(n)
    if (np.diff(traffic.slot) < 0).any():
        order = np.argsort(traffic.slot, kind="stable")
    size = CHUNK
    while (last := _gcd(traffic, order[-size:]))[0] > 1 and size < n:
        size *= 8
    order, tail = order[-size:], last
    slot, asked = traffic.slot[order], traffic.rows.requests[order]
    shared = tail > 1
    if not shared.any():
        return None
    first = int(slot[np.argmax(shared)])
    cut = int(np.argmax(shared))
    first += bool(cut and slot[cut - 1] == first)  # not all of its rows
    low = int(np.searchsorted(slot, first))
    if low == len(slot) or traffic.span(first, len(traffic.times)) < DAY:
        return None
    factor, own = int(tail[low]), asked[low:]
    told = min(len(own), 3 * len(np.unique(own)))  # a made-up constant is no evidence
    if factor > MOST or float(factor) ** -told > CHANCE:
        return None
    return factor, first, len(own)


def _gcd(traffic: Traffic, rows: Codes) -> Codes:
    """Largest common factor of all counts from each of *rows* on."""
    counts = [getattr(traffic.rows, name)[rows] for name in COUNTED]
    whole = np.gcd.reduce([known(values).astype(np.int64) for values in counts])
    return np.asarray(np.gcd.accumulate(whole[::-1])[::-1])


def _whole_multiple(traffic: Traffic) -> tuple[int, int] | None:
    """(factor, slot) where the next day is a whole multiple of the last, in every count."""
    asked = np.concatenate([[0.0], np.cumsum(traffic.by_slot(traffic.rows.requests))])
    times = traffic.times
    places = np.arange(len(times))
    low, high = times.searchsorted(times - DAY), times.searchsorted(times + DAY)
    whole = (times - DAY >= times[0]) & (times + DAY <= times[-1] + traffic.width)
    before, after = asked[places] - asked[low], asked[high] - asked[places]
    ratio = np.where(whole & (before > 0), after / np.maximum(before, 1), 1.0)
    at = int(np.argmax(ratio))
    factor = round(float(ratio[at]))
    if not 2 <= factor <= MOST:
        return None
    for name in COUNTED:
        values = getattr(traffic.rows, name)
        was = traffic.by_cohort(values, int(low[at]), at)
        now = traffic.by_cohort(values, at, int(high[at]))
        large = np.maximum(was, now / factor) >= LARGE * max(was.sum(), 1.0)
        if (np.abs(now - factor * was) > ALIKE * factor * was)[large].any():
            return None
    return factor, at


def _named(column: str, value: object) -> str:
    return f"without a {column}" if pd.isna(value) else f"with {column} {value}"  # type: ignore[call-overload]
