"""How much of a week the data has: the hours that usually carry traffic, by their tokens.

Nights, weekends and single empty hours are what traffic is like; a hole is told from them by what
the days before had at the same time. A slot is the finest of an hour, six hours and a day in which
those days themselves are as full as by the day: traffic of a few calls leaves most hours empty.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..schema import TOKENS
from .baseline import Span

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HOUR = pd.Timedelta("1h")
WEEK_H, DAY_H = 168, 24
WIDTHS = (1, 6, 24)  # hours of a slot
AS_FULL = 0.03  # by so much of their tokens the slots before may be emptier than the days
LEAST = 0.9  # of the usual tokens of the week's hours: with less, a week is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """What hours usually carry. usual: tokens by cell, whose number is hours // width_h before
    `until`, modulo a week; empty where nothing is known."""

    until: pd.Timestamp
    width_h: int
    usual: Floats

    def at(self, slots: Ints) -> Floats:
        """Usual tokens of *slots*, numbered back from `until`; those after it are negative."""
        return self.usual[slots % len(self.usual)] if len(self.usual) else np.zeros(len(slots))

    def days_until(self, end: pd.Timestamp) -> float | None:
        """How many mean days of traffic lie between `until` and *end*; None: nobody knows."""
        if not self.usual.sum() > 0:
            return None
        slots = np.arange(-int((end - self.until) / HOUR) // self.width_h, 0)
        return float(self.at(slots).sum() / (self.usual.sum() / 7))


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a week has.

    share   of the usual tokens of its hours: that of the hours with rows; None: nothing is usual
    hours   of the week, and how many have rows: (there, all)
    gap     the longest stretch without rows that usually has traffic; None without one
    """

    share: float | None
    hours: tuple[int, int]
    gap: Span | None

    @property
    def enough(self) -> bool:
        """Whether the week can be judged, as far as its hours go."""
        return self.share is None or self.share >= LEAST

    @property
    def whole(self) -> bool:
        """Whether it may be called the whole week; where nothing is usual, by its hours."""
        there, hours = self.hours
        return there >= LEAST * hours if self.share is None else self.enough


def rhythm_of(before: pd.DataFrame, until: pd.Timestamp, week_h: int) -> Rhythm:
    """Of the usage rows *before* the *week_h* hours that end at *until*."""
    hours = _hours(before, until)
    first = -(-week_h // DAY_H) * DAY_H  # whole days back, so that slots of any width fit
    hours = hours[(hours.index >= first) | (hours.index < 0)]
    found = [_cells(hours, width) for width in WIDTHS]
    best = found[-1][1]
    for width, (usual, own) in zip(WIDTHS, found, strict=True):
        if own >= best - AS_FULL:
            return Rhythm(until=until, width_h=width, usual=usual)
    return Rhythm(until=until, width_h=DAY_H, usual=found[-1][0])


def covered(week: pd.DataFrame, week_h: int, rhythm: Rhythm) -> Coverage:
    """How much of the last *week_h* hours before rhythm.until the rows of *week* have."""
    hours = _hours(week, rhythm.until)
    there = np.unique(hours.index[(hours.index >= 0) & (hours.index < week_h)])
    slots = np.arange(week_h // rhythm.width_h)
    present, usual = np.isin(slots, there // rhythm.width_h), rhythm.at(slots)
    whole = float(usual.sum())
    return Coverage(
        share=float(usual[present].sum()) / whole if whole > 0 else None,
        hours=(len(there), week_h),
        gap=_longest(present, usual, rhythm),
    )


def _longest(present: npt.NDArray[np.bool_], usual: Floats, rhythm: Rhythm) -> Span | None:
    """The gap with the most usual tokens."""
    gaps = [(float(usual[a:b].sum()), a, b) for a, b in _runs(~present)]
    tokens, low, high = max(gaps, default=(0.0, 0, 0))
    width = rhythm.width_h * HOUR
    return (rhythm.until - high * width, rhythm.until - low * width) if tokens > 0 else None


def _runs(mask: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    yield from ((int(a), int(b)) for a, b in edges.reshape(-1, 2))


def _hours(usage: pd.DataFrame, until: pd.Timestamp) -> "pd.Series[Any]":
    """Tokens by hour back from *until*; a wider bucket has its hours alike. A row is no hole,
    whatever it counts."""
    if usage.empty:
        return pd.Series([], index=pd.Index([], dtype="int64"), dtype=float)
    rows = usage[["bucket_start", "bucket_end"]].assign(tokens=usage[TOKENS].sum(axis=1))
    sums = rows.groupby(["bucket_start", "bucket_end"])["tokens"].sum().reset_index()
    low, high = (
        (until - sums[name]).dt.total_seconds().to_numpy("float64") / HOUR.total_seconds()
        for name in ("bucket_end", "bucket_start")
    )
    low, high = np.floor(low).astype("int64"), np.ceil(high).astype("int64")
    wide = np.maximum(1, high - low)
    back = np.repeat(low, wide) + np.concatenate([np.arange(n) for n in wide])
    tokens = np.repeat(sums["tokens"].to_numpy("float64") / wide, wide)
    return pd.Series(tokens, index=back).groupby(level=0).sum()


def _cells(hours: "pd.Series[Any]", width: int) -> tuple[Floats, float]:
    """(usual tokens by cell, share of them in slots with rows) of slots of *width* hours."""
    if hours.empty:
        return np.zeros(0), 0.0
    slot = hours.index.to_numpy() // width
    slots = np.arange(slot.min(), slot.max() + 1)
    tokens = np.bincount(slot - slot.min(), weights=hours.to_numpy(), minlength=len(slots))
    present = np.isin(slots, slot)
    cells, count = (
        WEEK_H // width,
        np.bincount(slots % (WEEK_H // width), minlength=WEEK_H // width),
    )
    sums = np.bincount(slots % cells, weights=tokens, minlength=cells)
    usual = np.where(count > 0, sums / np.maximum(count, 1), np.nan)
    of_day = usual.reshape(7, -1)  # cells without a day of their own have that of the others
    usual = np.where(np.isnan(of_day), np.nanmean(of_day, axis=0, keepdims=True)
                     if np.isfinite(of_day).any(axis=0).all() else 0.0, of_day).ravel()  # fmt: skip
    would = usual[slots % cells]
    return usual, float(would[present].sum() / would.sum()) if would.sum() > 0 else 0.0
