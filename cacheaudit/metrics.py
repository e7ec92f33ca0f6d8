"""Usage frame in, rates out. Pure: no clock, no network, no files."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from .schema import BUCKET, CACHE_WRITE, INPUT, KEY, check_usage

Floats = npt.NDArray[np.float64]

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
    keys = [usage[c] for c in by]
    return _rated(_row_totals(usage).groupby(keys, dropna=False, observed=True).sum(min_count=1))


def overall_metrics(usage: pd.DataFrame) -> pd.Series:
    """cache_metrics of all rows of *usage* together."""
    return _together(_row_totals(usage))


def bucket_metrics(usage: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """cache_metrics by `bucket_start`, and of all rows together."""
    sums = _row_totals(usage).groupby(usage["bucket_start"]).sum(min_count=1)
    return _rated(sums), _together(sums)


def _together(sums: pd.DataFrame) -> pd.Series:
    return _rated(sums.sum(min_count=1).to_frame().T).iloc[0]


def _rated(sums: pd.DataFrame) -> pd.DataFrame:
    def rate(part: str, whole: str) -> Floats:
        over = sums[whole].to_numpy()
        return sums[part].to_numpy() / np.where(over > 0, over, np.nan)

    rates = {
        "hit_rate": rate("rated_read", "input_tokens"),
        "write_share": rate("rated_written", "input_tokens"),
        "uncached_share": rate("rated_uncached", "input_tokens"),
        "read_share_of_cached": rate("cached_read", "cached_tokens"),
        "input_tokens_per_request": rate("counted_input", "with_input"),
        "output_tokens_per_request": rate("counted_output", "with_output"),
    }
    kept = sums.drop(columns=HELPERS)
    return pd.concat([kept, pd.DataFrame(rates, index=sums.index)], axis=1)


def _row_totals(usage: pd.DataFrame) -> pd.DataFrame:
    """Float columns per row; `rated_*` only where the row's total input is known."""
    requests, read, uncached, output = (
        floats(usage, c)
        for c in ("requests", "cache_read_tokens", "uncached_input_tokens", "output_tokens")
    )
    writes = np.column_stack([floats(usage, c) for c in CACHE_WRITE])
    some_written = np.nansum(writes, axis=1)  # no write column: the provider knows no writes
    written = np.where(np.isnan(writes).all(axis=1), np.nan, some_written)
    total = read + uncached + some_written
    known, counted = ~np.isnan(total), ~np.isnan(requests)
    columns = {
        "requests": requests,
        "read_tokens": read,
        "written_tokens": written,
        "uncached_tokens": uncached,
        "output_tokens": output,
        "input_tokens": total,
        "cached_tokens": read + written,
        "cached_read": np.where(np.isnan(written), np.nan, read),
        "counted_input": np.where(counted, total, np.nan),
        "with_input": np.where(known, requests, np.nan),
        "counted_output": np.where(counted, output, np.nan),
        "with_output": np.where(np.isnan(output), np.nan, requests),
        "rated_read": np.where(known, read, np.nan),
        "rated_written": np.where(known, some_written, np.nan),
        "rated_uncached": np.where(known, uncached, np.nan),
    }
    return pd.DataFrame(columns, index=usage.index)


def floats(usage: pd.DataFrame, column: str) -> Floats:
    """A count of *usage* as floats, NaN where it is not reported."""
    return usage[column].to_numpy("float64", na_value=np.nan)


def headline_rate(usage: pd.DataFrame) -> str:
    """`hit_rate`, or `read_share_of_cached` where uncached tokens are not reported at all."""
    reported = usage["uncached_input_tokens"].notna() & usage["cache_read_tokens"].notna()
    return "hit_rate" if reported.any() else "read_share_of_cached"


def rollup(usage: pd.DataFrame, width: pd.Timedelta) -> pd.DataFrame:
    """*usage* in buckets of *width*: finer ones are summed, coarser ones are kept.

    A count that no finer row reports stays NA. Kept is also what is hardly finer and lies in two
    of them: the day of 23 hours on which a zone's clocks go forward.
    """
    own, cells = usage["bucket_end"] - usage["bucket_start"], usage["bucket_start"].dt.floor(width)
    fine = (own < width) & ((usage["bucket_end"] <= cells + width) | (2 * own <= width))
    if not fine.any():
        return usage
    starts = usage["bucket_start"].where(~fine, cells)
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
