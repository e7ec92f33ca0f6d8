"""Usage frame in, rates out. Pure: no clock, no network, no files."""

import numpy as np
import pandas as pd

from .schema import BUCKET, CACHE_WRITE, COUNTS, INPUT, KEY, check_usage

MEASURES = [
    "hit_rate",
    "write_share",
    "uncached_share",
    "read_share_of_cached",
    "input_tokens_per_request",
    "output_tokens_per_request",
]
HELPERS = [
    *("rated_read", "rated_written", "rated_uncached", "cached_read"),
    *("counted_input", "with_input", "counted_output", "with_output"),
]


def cache_metrics(usage: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Sum *usage* over *by* (NA is a group of its own) and derive the rates.

    requests, read_tokens, written_tokens, uncached_tokens, output_tokens   sums; NaN where no
        row reports them
    input_tokens               all input of the rows that report both reads and uncached tokens
    hit_rate                   cache reads / all input, in [0, 1]; NaN without input
    write_share, uncached_share   the rest of the input: the three add up to 1
    read_share_of_cached       reads / (reads + writes): stands in where uncached is not reported
    input_tokens_per_request, output_tokens_per_request   means; NaN without request counts

    Rates are of sums, never means of rates: a quiet hour weighs little. A bucket in which only
    some rows report a class has rates of those rows alone.
    """
    rows = _row_totals(usage)
    counted = [c for c in rows.columns if c not in KEY]
    sums = rows.groupby(by, dropna=False, observed=True)[counted].sum(min_count=1)
    total, cached = sums["input_tokens"], sums["cached_tokens"]
    asked, answered = sums["with_input"], sums["with_output"]
    return sums.assign(
        hit_rate=sums["rated_read"] / total.where(total > 0),
        write_share=sums["rated_written"] / total.where(total > 0),
        uncached_share=sums["rated_uncached"] / total.where(total > 0),
        read_share_of_cached=sums["cached_read"] / cached.where(cached > 0),
        input_tokens_per_request=sums["counted_input"] / asked.where(asked > 0),
        output_tokens_per_request=sums["counted_output"] / answered.where(answered > 0),
    ).drop(columns=HELPERS)


def _row_totals(usage: pd.DataFrame) -> pd.DataFrame:
    """Float columns per row; `rated_*` only where the row's total input is known."""
    number = usage[COUNTS].astype("float64")
    read, uncached = number["cache_read_tokens"], number["uncached_input_tokens"]
    written = number[CACHE_WRITE].sum(axis=1, min_count=1)
    total = read + uncached + written.fillna(0)  # no write column: the provider knows no writes
    known = total.notna()
    return usage[KEY].assign(
        requests=number["requests"],
        read_tokens=read,
        written_tokens=written,
        uncached_tokens=uncached,
        output_tokens=number["output_tokens"],
        input_tokens=total,
        cached_tokens=read + written,
        cached_read=read.where(written.notna()),
        counted_input=total.where(number["requests"].notna()),
        with_input=number["requests"].where(known),
        counted_output=number["output_tokens"].where(number["requests"].notna()),
        with_output=number["requests"].where(number["output_tokens"].notna()),
        rated_read=read.where(known),
        rated_written=written.where(known).fillna(0.0).where(known),
        rated_uncached=uncached.where(known),
    )


def headline_rate(usage: pd.DataFrame) -> str:
    """`hit_rate`, or `read_share_of_cached` where uncached tokens are not reported at all."""
    reported = usage["uncached_input_tokens"].notna() & usage["cache_read_tokens"].notna()
    return "hit_rate" if reported.any() else "read_share_of_cached"


def rollup(usage: pd.DataFrame, width: pd.Timedelta) -> pd.DataFrame:
    """*usage* in buckets of at least *width*: finer ones are summed, coarser ones are kept.

    A count that no finer row reports stays NA.
    """
    fine = (usage["bucket_end"] - usage["bucket_start"]) < width
    if not fine.any():
        return usage
    starts = usage["bucket_start"].where(~fine, usage["bucket_start"].dt.floor(width))
    ends = usage["bucket_end"].where(~fine, starts + width)
    values = [c for c in usage.columns if c not in KEY]
    coarse = usage.assign(bucket_start=starts, bucket_end=ends)
    sums = coarse.groupby(KEY, dropna=False, observed=True)[values].sum(min_count=1)
    return check_usage(sums.reset_index())


def usual_width(usage: pd.DataFrame) -> pd.Timedelta:
    """The width of bucket that covers most of the time (minutes around a cutover do not count)."""
    spans = usage[BUCKET].drop_duplicates()
    width = spans["bucket_end"] - spans["bucket_start"]
    covered = width.groupby(width).sum()
    return pd.Timedelta(covered.index[int(covered.to_numpy().argmax())])


def reports(usage: pd.DataFrame, column: str) -> bool:
    """Whether any row of *usage* reports *column*."""
    return bool(usage[column].notna().any())


def token_totals(usage: pd.DataFrame) -> dict[str, int | None]:
    """Sum per token class; None where no row reports the class."""
    sums = usage[[*INPUT, "output_tokens", "requests"]].sum(min_count=1)
    return {str(k): None if pd.isna(v) else int(v) for k, v in sums.items()}


def merged_cohorts(frame: pd.DataFrame, columns: list[str]) -> pd.Series:
    """One label per row for the cohort in *columns*; NA reads 'default'."""
    parts = [frame[c].astype(object).where(frame[c].notna(), "default") for c in columns]
    return pd.Series(
        np.array([" via ".join(map(str, row)) for row in zip(*parts, strict=True)], dtype=object),
        index=frame.index,
    )
