"""Is the data fit to judge? What is missing, unreported, partial or still arriving.

Notes of severity `unfit` stop the diagnosis; `blind` ones say where an incident may hide, so that
finding none means nothing; the others are printed where the reader decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from .metrics import reports, usual_width
from .schema import CACHE_WRITE, COHORT, INPUT, TOKENS, label

Severity = Literal["note", "blind", "unfit"]
SILENT = pd.Timedelta("1D")  # as long without a cached token is more than a quiet night
ENOUGH_BUCKETS = 4  # two on each side of a shift
TWO_WEEKS = pd.Timedelta("14D")


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityNote:
    """One thing a reader must know about the data: a short id, how bad, and a sentence."""

    id: str
    severity: Severity
    text: str


def settled(usage: pd.DataFrame, refreshed_at: pd.Timestamp | None) -> pd.DataFrame:
    """*usage* without the buckets that the provider had not finished when it was asked."""
    if refreshed_at is None:
        return usage
    return usage[usage["bucket_end"] <= refreshed_at]


def check_quality(
    usage: pd.DataFrame,
    window: tuple[pd.Timestamp, pd.Timestamp] | None = None,
    refreshed_at: pd.Timestamp | None = None,
) -> tuple[QualityNote, ...]:
    """All notes on *usage*; *window* is what was asked for, [start, end)."""
    if usage.empty:
        return (
            QualityNote(
                id="no_usage",
                severity="unfit",
                text="No token counts: a cost export alone shows money, not hit rates."
                " Export the tokens of the same days as well.",
            ),
        )
    return (
        *_fitness(usage),
        *_coverage(usage, window),
        *_partial(usage),
        *_unreported(usage),
        *_tail(usage, refreshed_at),
    )


def _fitness(usage: pd.DataFrame) -> Iterator[QualityNote]:
    if not reports(usage, "cache_read_tokens"):
        yield QualityNote(
            id="no_cache_reads",
            severity="unfit",
            text="No row reports cache reads, so no hit rate can be had. Not reported is not 0:"
            " ask for a source with cache fields (docs/SOURCES.md).",
        )
    read = usage["cache_read_tokens"].notna()
    if read.any() and not (usage.loc[read, INPUT] > 0).any(axis=None):
        yield QualityNote(
            id="no_tokens",
            severity="unfit",
            text="Every row that reports cache reads has no input tokens at all: nothing ran,"
            " or the wrong column was read.",
        )
    buckets = usage.loc[read, "bucket_start"].nunique() if read.any() else ENOUGH_BUCKETS
    if buckets < ENOUGH_BUCKETS:
        yield QualityNote(
            id="too_short",
            severity="unfit",
            text=f"{buckets} buckets with data; a shift needs {ENOUGH_BUCKETS}."
            " Widen the window, or take finer buckets.",
        )


def _coverage(
    usage: pd.DataFrame, window: tuple[pd.Timestamp, pd.Timestamp] | None
) -> Iterator[QualityNote]:
    width = usual_width(usage)
    first, last = usage["bucket_start"].min(), usage["bucket_end"].max()
    slots = pd.date_range(first.floor(width), last, freq=width, inclusive="left")
    present = pd.DatetimeIndex(usage["bucket_start"].dt.floor(width).unique())
    empty = slots.difference(present)
    if len(empty):
        yield QualityNote(
            id="empty_buckets",
            severity="note",
            text=f"{len(empty)} of {len(slots)} buckets of {_width(width)} have no rows"
            f" ({_some(empty, width)}). No traffic and no data look the same here;"
            " they are left out, not counted as 0.",
        )
    if last - first < TWO_WEEKS:
        yield QualityNote(
            id="short_window",
            severity="note",
            text=f"{(last - first) / pd.Timedelta('1D'):.1f} days of data: a weekly rhythm needs"
            " 14, so a weekend can pass for an incident here.",
        )
    if window is not None and (window[0] < first.floor(width) or window[1] > last.ceil(width)):
        yield QualityNote(
            id="window_not_covered",
            severity="note",
            text=f"Asked for {window[0]:%Y-%m-%d %H:%M} to {window[1]:%Y-%m-%d %H:%M} UTC;"
            f" there are rows from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}.",
        )


def _partial(usage: pd.DataFrame) -> Iterator[QualityNote]:
    width = usual_width(usage)
    spans = usage.groupby(usage["bucket_start"].dt.floor(width)).agg(
        start=("bucket_start", "min"), end=("bucket_end", "max")
    )
    cut = spans[spans["end"] - spans["start"] < width]
    edges = cut[cut.index.isin([spans.index.min(), spans.index.max()])]
    if len(edges):
        days = ", ".join(
            f"{s:%Y-%m-%d %H:%M} to {e:%H:%M}" for s, e in edges.itertuples(index=False)
        )
        yield QualityNote(
            id="partial_buckets",
            severity="note",
            text=f"The window cuts into a bucket of {_width(width)}: {days} UTC is partial and is"
            " left out of shifts in volume.",
        )


def _unreported(usage: pd.DataFrame) -> Iterator[QualityNote]:
    if not reports(usage, "uncached_input_tokens"):
        yield QualityNote(
            id="no_uncached",
            severity="note",
            text="Uncached input is not reported, so the hit rate is not known."
            " read_share_of_cached = read / (read + written) stands in for it, and cannot see"
            " a prefix that stopped being cached at all.",
        )
        yield from _vanished(usage)
    if not reports(usage, "requests"):
        yield QualityNote(
            id="no_requests",
            severity="note",
            text="Request counts are not reported: lengths per request, and volume against"
            " prompt size, cannot be told apart.",
        )
    if not reports(usage, "output_tokens"):
        yield QualityNote(
            id="no_output", severity="note", text="Output tokens are not reported or priced."
        )
    unnamed = usage["model"].isna()
    if unnamed.any():
        tokens = int(usage.loc[unnamed, TOKENS].sum().sum())
        yield QualityNote(
            id="no_model",
            severity="note",
            text=f"{tokens:,} tokens in {int(unnamed.sum())} rows name no model: they have no"
            " price, and version changes cannot be seen. Group the report by model.",
        )


def _vanished(usage: pd.DataFrame) -> Iterator[QualityNote]:
    """Cohorts that answer on and on, and read and write nothing any more.

    Where uncached input is reported that is a hit rate of 0; here it is a rate without a value.
    """
    cached = usage[["cache_read_tokens", *CACHE_WRITE]].sum(axis=1) > 0
    answered = usage["output_tokens"].fillna(0) > 0
    for (scope, route), rows in usage.groupby(COHORT, dropna=False, observed=True):
        last_cached = rows.loc[cached[rows.index], "bucket_end"].max()
        last = rows.loc[answered[rows.index], "bucket_end"].max()
        if pd.isna(last_cached) or pd.isna(last) or last - last_cached < SILENT:
            continue
        yield QualityNote(
            id="caching_vanished",
            severity="blind",
            text=f"{label(scope) or label(route) or 'All traffic'} read and wrote nothing after"
            f" {last_cached:%Y-%m-%d %H:%M} UTC, though it went on: caching may have stopped there"
            " altogether. Without uncached input its hit rate is not known; add that column.",
        )


def _tail(usage: pd.DataFrame, refreshed_at: pd.Timestamp | None) -> Iterator[QualityNote]:
    if refreshed_at is None:
        return
    late = usage["bucket_end"] > refreshed_at
    if late.any():
        yield QualityNote(
            id="provisional_tail",
            severity="note",
            text=f"The provider's data was complete to {refreshed_at:%Y-%m-%d %H:%M} UTC;"
            f" {usage.loc[late, 'bucket_start'].nunique()} later buckets are provisional and"
            " left out.",
        )


def _width(width: pd.Timedelta) -> str:
    for name, size in (("a day", "1D"), ("an hour", "1h"), ("a minute", "1min")):
        if width == pd.Timedelta(size):
            return name
    return str(width)


def _some(slots: pd.DatetimeIndex, width: pd.Timedelta) -> str:
    form = "%Y-%m-%d" if width >= pd.Timedelta("1D") else "%Y-%m-%d %H:%M"
    shown = ", ".join(s.strftime(form) for s in slots[:6])
    return shown + (f" and {len(slots) - 6} more" if len(slots) > 6 else "")
