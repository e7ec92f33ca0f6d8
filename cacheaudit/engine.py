"""The request table on an engine: Ibis expressions that run where the rows live.

What is asked of it are sums and counts by group, so a laptop file and a warehouse answer alike.
A pandas frame in the table's columns is taken as well, and runs on DuckDB in memory.
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from .errors import SchemaError, SourceError
from .request_table import REQUIRED, TYPES, answered
from .schema import COUNTS, TOKENS, check_usage

READERS = {".parquet": "read_parquet", ".csv": "read_csv", ".jsonl": "read_json"}
CARRIED = ["provider", "model", "model_requested", "scope", "route", "client_version"]
DIMENSIONS = ["service_tier", "region", "speed"]


def read_requests(path: str | Path) -> ir.Table:
    """A request table from a Parquet, CSV or JSONL file (or glob) in the table's own columns.

    Raises SourceError for another kind of file or one that is not there, SchemaError for a
    table that lacks what is required.
    """
    kind = Path(path).suffix
    if kind not in READERS:
        raise SourceError(
            f"{path} ends in {kind or 'nothing'}; expected a request table in {', '.join(READERS)}."
        )
    connection = ibis.duckdb.connect()
    try:
        table = getattr(connection, READERS[kind])(str(path))
    except Exception as error:
        if type(error).__module__.split(".")[0] not in ("duckdb", "_duckdb", "ibis"):
            raise
        raise SourceError(
            f"{path} cannot be read as a request table ({type(error).__name__});"
            " check that it exists and is whole."
        ) from error
    return as_table(table)


def as_table(requests: pd.DataFrame | ir.Table) -> ir.Table:
    """*requests* with every column of the request table in its type; absent ones are null.

    Columns that the table does not know are left behind, but a name that is nearly one of its
    own is an error: it was probably meant to be read.
    """
    if not isinstance(requests, pd.DataFrame | ir.Table):
        raise SchemaError(
            f"a request table came as {type(requests).__name__}; expected a pandas frame or an"
            " Ibis table. Files are read by cacheaudit.read_requests."
        )
    table = ibis.memtable(_plain(requests)) if isinstance(requests, pd.DataFrame) else requests
    found = set(table.columns)
    if missing := [c for c in REQUIRED if c not in found]:
        raise SchemaError(
            f"a request table needs the columns {missing}; found {sorted(found)}."
            " Rename yours, or see docs/SOURCES.md."
        )
    if not found & {*TOKENS, "prompt_tokens"}:
        raise SchemaError(
            f"the request table has no token column; expected prompt_tokens or one of {TOKENS}."
        )
    for name in sorted(found - set(TYPES)):
        if near := get_close_matches(name, set(TYPES) - found, n=1, cutoff=0.88):
            raise SchemaError(
                f"the request table has a column {name}; did you mean {near[0]}? Rename or drop it."
            )
    stamp = table.schema()["ts"]
    if not stamp.is_timestamp() or getattr(stamp, "timezone", None) is None:
        raise SchemaError(
            f"ts is {stamp}; expected timestamps in UTC. Use pd.to_datetime(..., utc=True)."
        )
    return table.select(**{name: _typed(table, name) for name in TYPES})


def rollup(requests: pd.DataFrame | ir.Table, bucket: str = "1h") -> pd.DataFrame:
    """The usage frame of *requests* in buckets of a minute, an hour or a day (1m, 1h, 1d).

    A count that no request of a bucket reports is NA. Calls that failed (status 400 and above)
    are left out: providers do not bill them.
    """
    unit = {"1m": "m", "1h": "h", "1d": "D"}.get(bucket)
    if unit is None:
        raise SchemaError(f"bucket is {bucket!r}; expected 1m, 1h or 1d.")
    table = as_table(requests)
    table = answered(table)
    keys = [*CARRIED, *DIMENSIONS]
    started = table.ts.truncate(unit).name("bucket_start")
    sums = (
        table.group_by([started, *keys])
        .aggregate(requests=ibis._.count(), **{c: ibis._[c].sum() for c in TOKENS})
        .to_pandas()
    )
    width = pd.Timedelta({"m": "1min", "h": "1h", "D": "1D"}[unit])
    starts = pd.to_datetime(sums["bucket_start"], utc=True).astype("datetime64[us, UTC]")
    typed = {c: sums[c].astype("Int64") for c in COUNTS} | {c: sums[c].astype("str") for c in keys}
    return check_usage(sums.assign(bucket_start=starts, bucket_end=starts + width, **typed))


def _typed(table: ir.Table, name: str) -> ir.Value:
    """Column *name* in its type; null throughout where it is absent."""
    if name not in table.columns:
        return ibis.null(TYPES[name])
    return table[name].cast(TYPES[name])


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The known columns of *frame*; those that hold nothing have no type to speak of."""
    near: list[Any] = [c for c in frame.columns if not frame[c].isna().all() or c not in TYPES]
    kept = frame[[c for c in near if c in TYPES or not frame[c].map(_is_nested).any()]]
    if isinstance(kept.dtypes.get("ts"), pd.DatetimeTZDtype):
        kept = kept.assign(ts=kept["ts"].dt.as_unit("us"))  # what engines keep
    return kept


def _is_nested(value: Any) -> bool:
    return isinstance(value, list | dict | tuple)
