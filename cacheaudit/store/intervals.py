"""Which windows to ask for: what is wanted minus what is settled. Pure.

An interval is half-open, [low, high) in UTC, and an answer is an interval that a provider has
answered, whether or not it had rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pandas as pd

Interval = tuple[pd.Timestamp, pd.Timestamp]

MARGIN = pd.Timedelta("48h")  # where a provider does not say until when its data is complete


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One window of whole buckets that was answered, or what a later answer left of it.

    low, high      [low, high), on the edges of buckets
    settled_until  buckets that end by then will not change any more; within [low, high]
    asked_at       the clock when it was asked
    refreshed_at   until when the provider called its data complete, or None
    pages          name of the file with the provider's pages
    """

    low: pd.Timestamp
    high: pd.Timestamp
    settled_until: pd.Timestamp
    asked_at: pd.Timestamp
    refreshed_at: pd.Timestamp | None
    pages: str


def minus(wanted: Interval, taken: Iterable[Interval]) -> list[Interval]:
    """What of *wanted* no interval in *taken* covers, in order; they may overlap.

    >>> minus((0, 10), [(7, 12), (2, 4), (3, 5)])
    [(0, 2), (5, 7)]
    """
    at, end = wanted
    left: list[Interval] = []
    for low, high in sorted(taken):
        if at < min(low, end):
            left.append((at, min(low, end)))
        at = max(at, high)
    if at < end:
        left.append((at, end))
    return left


def unsettled(wanted: Interval, answers: Iterable[Answered], width: pd.Timedelta) -> list[Interval]:
    """What to ask for so that all of *wanted* is known; its start lies on the edge of a bucket.

    The bucket that the end of *wanted* cuts is always part of it: half a bucket is never kept.
    """
    start, end = wanted
    whole = end.floor(width)
    settled = [(a.low, a.settled_until) for a in answers if a.low < a.settled_until]
    gaps = minus((start, whole), settled)
    if whole == end:
        return gaps
    if gaps and gaps[-1][1] == whole:
        return [*gaps[:-1], (gaps[-1][0], end)]
    return [*gaps, (whole, end)]


def pieces(gaps: Iterable[Interval], longest: pd.Timedelta) -> Iterator[Interval]:
    """*gaps* cut into consecutive intervals of at most *longest*."""
    for low, high in gaps:
        while low < high:
            yield low, min(low + longest, high)
            low += longest


def settled_until(
    asked: Interval, refreshed_at: pd.Timestamp | None, now: pd.Timestamp, width: pd.Timedelta
) -> pd.Timestamp:
    """Until when the buckets of an answer to *asked* will not change, within *asked*."""
    low, high = asked
    until = now - MARGIN if refreshed_at is None else refreshed_at
    return max(low, min(high, until.floor(width)))


def replaced(answers: Iterable[Answered], new: Answered) -> list[Answered]:
    """*answers* without what *new* covers, and *new*; no two of them overlap."""
    left = [
        replace(old, low=low, high=high, settled_until=max(low, min(high, old.settled_until)))
        for old in answers
        for low, high in minus((old.low, old.high), [(new.low, new.high)])
    ]
    return sorted([*left, new], key=lambda answer: answer.low)
