"""Usage frames on disk: CSV or Parquet in the frame's own columns (schema.py).

Nothing is mapped here; the columns mean what schema.py says. How to bring another table into
this form: docs/SOURCES.md, "Your own table".
"""

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from .. import clock
from ..errors import EmptyWindow, ParamError, SchemaError, SourceError
from ..files import write_whole
from ..params import PostmortemParams
from ..schema import BUCKET, COUNTS, USAGE_REQUIRED, check_usage
from .pull import Pull, demand_window
from .tables import PANDAS_TYPE, existing_file, read_csv

_TYPES = {
    **dict.fromkeys(BUCKET, "time"),
    **dict.fromkeys(COUNTS, "count"),
    "billed_usd": "number",
}


def read_usage(path: str | Path) -> pd.DataFrame:
    """The usage frame at *path*, a .csv or a .parquet file."""
    file = existing_file(path)
    if file.suffix == ".csv":
        frame = read_csv(file, "a usage frame", USAGE_REQUIRED, _TYPES)
    elif file.suffix == ".parquet":
        frame = _read_parquet(file)
    else:
        raise SourceError(f"{file.name} is neither .csv nor .parquet; rename or convert it.")
    try:
        return check_usage(frame)
    except SchemaError as error:
        raise SchemaError(f"{file.name}: {error}") from error


def write_usage(usage: pd.DataFrame, path: str | Path) -> None:
    """Write *usage* to *path*, Parquet; the file appears whole or not at all."""
    target = Path(path)
    if target.suffix != ".parquet":
        raise SourceError(f"{target.name} does not end in .parquet; that is what is written here.")
    frame = check_usage(usage)
    content = io.BytesIO()
    frame.to_parquet(content, engine="pyarrow", index=False)
    try:
        write_whole(target, content.getvalue())
    except OSError as error:
        raise SourceError(
            f"{target} could not be written ({error.strerror}); nothing was kept."
            " Check the folder and its free space."
        ) from error


def fetch(params: PostmortemParams, *, now: pd.Timestamp | None = None) -> Pull:
    """The usage in params.path, cut to the window; whole buckets only."""
    if not params.path:
        raise ParamError("path is empty; source 'frame' reads a file. Set path to it.")
    usage = read_usage(params.path)
    name = Path(params.path).name
    if usage.empty:
        raise EmptyWindow(f"{name} has a header and no rows; expected at least one bucket.")
    first, last = usage["bucket_start"].min(), usage["bucket_end"].max()
    start, end = span(params.window, (first, last), now)
    inside = (usage["bucket_start"] >= start) & (usage["bucket_end"] <= end)
    touched = (usage["bucket_start"] < end) & (usage["bucket_end"] > start)
    if not inside.any():
        raise EmptyWindow(nothing_inside(name, (start, end), (first, last)))
    notes = []
    if cut := int((touched & ~inside).sum()):
        notes.append(f"{cut} rows of {name} reach over the edge of the window and were left out.")
    return Pull(
        usage=usage[inside].reset_index(drop=True),
        source=f"usage frame {name}",
        start=start,
        end=end,
        notes=tuple(notes),
    )


def span(
    window: tuple[pd.Timestamp | None, pd.Timestamp | None],
    data: tuple[pd.Timestamp, pd.Timestamp],
    now: pd.Timestamp | None,
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The window asked for, its open ends taken from *data*, the span of a file.

    Raises EmptyWindow for a window in the future.
    """
    if window[0] is not None:
        demand_window(window, now if now is not None else clock.now())
    return data[0] if window[0] is None else window[0], data[1] if window[1] is None else window[1]


def nothing_inside(
    name: str, asked: tuple[pd.Timestamp, pd.Timestamp], data: tuple[pd.Timestamp, pd.Timestamp]
) -> str:
    """The sentence that says what was asked for and what *name* spans."""
    (start, end), (first, last) = asked, data
    return (
        f"{name} has nothing whole in {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC; it spans"
        f" {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}. Set start and end inside it."
    )


def _read_parquet(file: Path) -> pd.DataFrame:
    try:
        table = pyarrow.parquet.read_table(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(
            f"{file.name} is not readable Parquet; expected a file written by write_usage or"
            " another tool's Parquet export. It may have been cut off: write it again."
        ) from error
    frame: pd.DataFrame = table.to_pandas(types_mapper=PANDAS_TYPE.get, ignore_metadata=True)
    zoned = [c for c in BUCKET if isinstance(frame.dtypes.get(c), pd.DatetimeTZDtype)]
    return frame.assign(**{c: frame[c].dt.tz_convert("UTC") for c in zoned})
