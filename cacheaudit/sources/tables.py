"""CSV in, typed columns out; and the tables a team hands over: events, signals and prices.

A cell that is empty is NA and nothing else is: a model called "NA" stays text, a reported 0 stays
0. Counts never pass through floats. Times need a zone: a naive time is an error, never a guess.
"""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from ..credentials import refuse_credentials
from ..errors import SchemaError, SourceError
from ..live import Live, live_of
from ..owners import Owners, check_owners
from ..price_table import PRICES, REQUIRED, PriceTable, check_prices
from ..schema import EVENTS, SIGNALS, check_events, check_signals

PANDAS_TYPE = {
    **dict.fromkeys((pa.int64(), pa.int32(), pa.int16(), pa.int8()), pd.Int64Dtype()),
    **dict.fromkeys((pa.uint64(), pa.uint32(), pa.uint16(), pa.uint8()), pd.Int64Dtype()),
    pa.float64(): pd.Float64Dtype(),
}
_ARROW_TYPE = {"count": pa.int64(), "number": pa.float64()}
_ZONED = r"\d{4}-\d\d-\d\d[T ]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)"
_DAY = r"\d{4}-\d\d-\d\d"


def read_events(path: str | Path) -> pd.DataFrame:
    """The events a team knows of: at, kind, what[, scope, source]."""
    return check_events(_own_table(path, "an events table", EVENTS, ["at", "kind", "what"]))


def read_signals(path: str | Path) -> pd.DataFrame:
    """Other series to draw beside the hit rate: at, name, value[, unit]."""
    return check_signals(_own_table(path, "a signals table", SIGNALS, ["at", "name", "value"]))


def read_prices(path: str | Path) -> PriceTable:
    """A team's own prices (price_table.py): a contract, a model the price list lacks.

    The table goes by the file's name. Raises SchemaError for a table that is malformed or empty,
    SourceError for a file that cannot be read.
    """
    file = existing_file(path)
    table = check_prices(read_csv(file, "a price table", REQUIRED, {}), file.name)
    if not len(table):
        raise SchemaError(
            f"{file.name} has no row; expected at least one price. Its columns are {PRICES}."
        )
    return table


def read_owners(path: str | Path) -> Owners:
    """Who owns which traffic (owners.py): scope, route, team[, service]; names and patterns."""
    file = existing_file(path)
    return check_owners(read_csv(file, "a table of owners", ["team"], {}))


def read_live(path: str | Path) -> Live:
    """What a probe measured: its findings.json (live.py).

    Raises SourceError where it is no JSON object, SchemaError where it is not of a probe.
    """
    file = existing_file(path)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{file.name} is no JSON; expected findings.json of a probe. Check probe_path."
        ) from error
    return live_of(document if isinstance(document, dict) else {})


def existing_file(path: str | Path) -> Path:
    """*path*, or SourceError where no file is, and ParamError where it is an address with a
    credential."""
    refuse_credentials(path)
    if not (file := Path(path)).is_file():
        raise SourceError(f"no file at {path}; expected one to read. Check the path.")
    return file


def header(path: Path) -> list[str]:
    """The column names of the CSV at *path*."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            names = next(csv.reader(lines), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            f"{path.name} is not text in UTF-8; expected a CSV file. Export it again as CSV."
        ) from error
    if not names:
        raise SourceError(f"{path.name} is empty; expected a CSV file with a header line.")
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        raise SchemaError(f"{path.name} repeats the columns {repeated}; expected each once.")
    return names


def read_csv(
    path: Path, what: str, needed: Sequence[str], types: Mapping[str, str]
) -> pd.DataFrame:
    """All columns of the CSV at *path*, by *types*: count, number, time or day; text elsewhere."""
    names = header(path)
    if not set(names) & set(needed):
        raise SourceError(
            f"{path.name} is not {what}: its first line is {','.join(names)[:80]!r};"
            f" expected comma-separated columns, at least {list(needed)}."
        )
    if missing := [n for n in needed if n not in names]:
        raise SchemaError(
            f"{path.name} lacks the columns {missing} of {what}; found {names}."
            " Rename yours, or see docs/SOURCES.md."
        )
    frame = _read(path, what, names, types)
    for name in names:
        if types.get(name) == "time":
            frame[name] = _utc(frame[name], path, _ZONED, "an ISO 8601 time with its zone")
        elif types.get(name) == "day":
            frame[name] = _utc(frame[name], path, _DAY, "a day such as 2026-03-01")
    return frame


def _read(path: Path, what: str, names: list[str], types: Mapping[str, str]) -> pd.DataFrame:
    columns = {n: _ARROW_TYPE.get(types.get(n, "text"), pa.string()) for n in names}
    try:
        table = pyarrow.csv.read_csv(
            path,
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=columns,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        found = re.sub(r"column #(\d+)", lambda m: f"column {names[int(m[1])]!r}", str(error))
        raise SchemaError(
            f"{path.name} is not {what}: {found[:200]}; expected as many cells in each row as in"
            " the header, whole counts, and empty cells for what was not reported."
        ) from error
    frame: pd.DataFrame = table.to_pandas(types_mapper=PANDAS_TYPE.get)
    for name in (n for n in names if types.get(n) == "number"):
        if not (finite := frame[name].dropna().between(-1e300, 1e300)).all():
            raise SchemaError(
                f"{name} is not finite in {int((~finite).sum())} rows of {path.name};"
                " expected numbers. Leave the cell empty where there is none."
            )
    return frame


def _utc(text: pd.Series, path: Path, pattern: str, expected: str) -> pd.Series:
    fits = text.str.fullmatch(pattern, na=False).astype(bool)
    if not fits.all():
        row = int(fits.to_numpy().argmin())
        raise SchemaError(
            f"{text.name} is {text.iloc[row]!r} in row {row + 1} of {path.name}; expected"
            f" {expected}. A time without a zone could be anywhere: write 2026-03-01T00:00Z."
        )
    try:
        return pd.to_datetime(text, format="ISO8601", utc=True).dt.as_unit("us")
    except ValueError as error:
        raise SchemaError(f"{text.name} in {path.name} holds no such time: {error}") from error


def _own_table(
    path: str | Path, what: str, columns: Sequence[str], filled: Sequence[str]
) -> pd.DataFrame:
    file = existing_file(path)
    frame = read_csv(file, what, filled, {"at": "time", "value": "number"})
    if unknown := [c for c in frame.columns if c not in columns]:
        raise SchemaError(
            f"{file.name} has unknown columns {unknown}; expected only {list(columns)}."
            " Rename or drop them."
        )
    for name in filled:
        if frame[name].isna().any():
            row = int(frame[name].isna().to_numpy().argmax())
            raise SchemaError(f"{name} is empty in row {row + 1} of {file.name}; expected a value.")
    return frame
