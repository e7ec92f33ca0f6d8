"""The request table to the usage frame: sums by bucket and key, where the rows live."""

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..errors import SchemaError
from ..request_table import answered
from ..schema import COUNTS, TOKENS, check_usage
from .table import as_table, nulls

CARRIED = ["provider", "model", "model_requested", "scope", "route", "client_version"]
DIMENSIONS = ["service_tier", "region", "speed"]
WIDTHS_S = {"1m": 60, "1h": 3600, "1d": 86400}


def rollup(requests: pd.DataFrame | ir.Table, bucket: str = "1h") -> pd.DataFrame:
    """The usage frame of *requests* in buckets of a minute, an hour or a day (1m, 1h, 1d).

    A count that no request of a bucket reports is NA. Calls that failed (status 400 and above)
    are left out: providers do not bill them.
    """
    if bucket not in WIDTHS_S:
        raise SchemaError(f"bucket is {bucket!r}; expected 1m, 1h or 1d.")
    whole = as_table(requests)
    absent = nulls(whole)
    table = answered(whole)
    keys = [*CARRIED, *DIMENSIONS]
    start = bucket_s(table.ts, bucket).name("bucket_start")
    sums = (
        table.group_by([start, *(c for c in keys if c not in absent)])
        .aggregate(
            requests=ibis._.count(), **{c: ibis._[c].sum() for c in TOKENS if c not in absent}
        )
        .to_pandas()
        .assign(**dict.fromkeys(absent & {*keys, *TOKENS}, None))
    )
    starts = times(sums["bucket_start"])
    typed = {c: sums[c].astype("Int64") for c in COUNTS} | {c: sums[c].astype("str") for c in keys}
    ends = starts + pd.Timedelta(seconds=WIDTHS_S[bucket])
    return check_usage(sums.assign(bucket_start=starts, bucket_end=ends, **typed))


def bucket_s(ts: ir.Value, bucket: str) -> ir.Value:
    """Start of the bucket that holds *ts*, in seconds since 1970.

    Engines truncate a time to the day of the session's zone; a number has no zone.
    """
    width = WIDTHS_S[bucket]
    return (ts.epoch_seconds() / width).floor().cast("int64") * width


def times(seconds: pd.Series) -> pd.Series:
    """Seconds since 1970 as timestamps in UTC."""
    whole = seconds.astype("int64")
    return pd.to_datetime(whole, unit="s", utc=True).astype("datetime64[us, UTC]")
