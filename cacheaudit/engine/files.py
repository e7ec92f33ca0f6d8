"""Files of a request log on disk, on DuckDB."""

import glob
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from ..errors import SourceError

KINDS = {
    ".parquet": ".parquet",
    ".csv": ".csv", ".csv.gz": ".csv",
    ".jsonl": ".jsonl", ".jsonl.gz": ".jsonl",
}  # fmt: skip
# Of CSV the dialect is said: from a row that is short or long, DuckDB would conclude another one.
# Of JSON every line is looked at: from a sample, a field that comes later is left out unsaid.
READERS = {
    ".parquet": "read_parquet({files}, union_by_name = true)",
    ".csv": (
        "read_csv({files}, union_by_name = true, all_varchar = true, header = true, skip = 0,"
        " delim = ',', quote = '\"', escape = '\"')"
    ),
    ".jsonl": (
        "read_json_auto({files}, union_by_name = true, sample_size = -1,"
        " format = 'newline_delimited')"
    ),
}


def file_table(where: str) -> ir.Table:
    """The files that *where* (a file, a glob, a folder) means, as one DuckDB table."""
    path = Path(where)
    if path.is_dir():
        files = [str(p) for p in sorted(path.rglob("*")) if p.is_file() and kind_of(p.name)]
    else:
        files = [where] if path.is_file() else sorted(glob.glob(where, recursive=True))  # noqa: PTH207
        # (Path.glob takes no absolute pattern)
        files = [f for f in files if Path(f).is_file()]
    return load(ibis.duckdb.connect(), files, where)


def kind_of(name: str) -> str:
    """Suffix of the format of *name*, or nothing."""
    return next((kind for end, kind in KINDS.items() if name.lower().endswith(end)), "")


def one_kind(files: Sequence[str], where: str) -> str:
    """The one format that *files* are in."""
    if not files:
        raise SourceError(f"{where}: found no file; expected a request log in {', '.join(KINDS)}.")
    kinds = sorted({kind_of(f) for f in files})
    if "" in kinds:
        other = next(f for f in files if not kind_of(f))
        raise SourceError(f"{other} is no request log; expected its name to end in {ends()}.")
    if len(kinds) > 1:
        raise SourceError(
            f"{where} holds {' and '.join(kinds)} files; expected one kind, else calls may count"
            " twice. Name one with a glob."
        )
    return kinds[0]


def ends() -> str:
    """What a file's name may end in."""
    return ", ".join(KINDS)


def load(connection: Any, files: Sequence[str], where: str) -> ir.Table:
    """*files* on *connection*; columns that only some of them have are null in the others."""
    kind = one_kind(files, where)
    quoted = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    try:  # in SQL: Ibis wants an extension from the network for s3://, which fsspec serves as well
        connection.raw_sql(f"create view log as from {READERS[kind].format(files=f'[{quoted}]')}")
        table: ir.Table = connection.table("log")
        if kind == ".csv":  # of columns that nobody asks for, DuckDB does not look at the bytes
            table.aggregate(**{c: table[c].count() for c in table.columns}).to_pyarrow()
        return table
    except Exception as error:
        engines = type(error).__module__.split(".")[0] in ("duckdb", "_duckdb", "ibis")
        if not engines and not isinstance(error, KeyError):  # KeyError: a name with a NUL in it
            raise
        raise SourceError(
            f"{where} cannot be read as a request table ({type(error).__name__}{_place(error)});"
            " check that it is whole."
        ) from None  # DuckDB quotes the line that it stopped at


def _place(error: Exception) -> str:
    """The line that DuckDB names, of all that it says; it may be the one after."""
    found = re.search(r"\b[Ll]ine:? (\d+)\b", str(error))
    return f" by line {found[1]}" if found else ""
