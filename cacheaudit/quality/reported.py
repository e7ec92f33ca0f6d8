"""What is reported at all: without reads there is no hit rate."""

from collections.abc import Iterator

import pandas as pd

from ..metrics import reports
from ..schema import CACHE_WRITE, COHORT, INPUT, TOKENS, label
from .note import QualityNote

SILENT = pd.Timedelta("1D")  # as long without a cached token is more than a quiet night
ENOUGH_BUCKETS = 4  # two on each side of a shift


def fitness(usage: pd.DataFrame) -> Iterator[QualityNote]:
    """What a hit rate cannot do without."""
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


def unreported(usage: pd.DataFrame) -> Iterator[QualityNote]:
    """What is missing, and what that hides."""
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
