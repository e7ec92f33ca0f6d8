"""A request log by whatever it is: the request table's own columns, a format, a database."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import ibis.expr.types as ir

from ..buckets import STORES
from ..engine import read_requests as read_own
from ..engine.databases import SCHEMES, database_table
from ..errors import LogWarning, ParamError
from .formats import FORMATS
from .lines import File, log_files, records
from .litellm_table import requests_of, unreadable
from .loss import MAX_LOSS, Loss
from .own import READER as OWN
from .record import Record
from .table import Log, read_log

LITELLM = ("startTime", "model_group", "custom_llm_provider", "metadata")  # no other table's


def read_requests(
    where: str | Path,
    *,
    table: str = "",
    format: str = "",
    columns: Mapping[str, str] | None = None,
    max_loss: float = MAX_LOSS,
) -> ir.Table:
    """A request table (request_table.py) of the log at *where*; parameters as of open_log.

    What the reader must know (calls that repeat, lines that could not be read) is a LogWarning.
    """
    log = open_log(where, table=table, format=format, columns=columns, max_loss=max_loss)
    for note in log.notes:
        warnings.warn(note, LogWarning, stacklevel=2)
    return log.table


def open_log(
    where: str | Path,
    *,
    table: str = "",
    format: str = "",
    columns: Mapping[str, str] | None = None,
    max_loss: float = MAX_LOSS,
) -> Log:
    """The request log at *where*: a file, a glob, a folder, an object store or a database.

    table     table of a database's URL
    format    one of formats.FORMATS; "" recognises it, the request table's own columns first
    columns   name in the request table -> the log's own, for logs in nobody's format
    max_loss  share of the calls that may be unreadable; above it the log is refused

    A log in columns (the table's own, or mapped) stays where it is; one in a format is read into
    DuckDB. Raises ParamError, SourceError and SchemaError as those do.
    """
    if columns and format:
        raise ParamError("columns and requests_format are both set; expected one: columns name a"
                         " log in nobody's format.")  # fmt: skip
    scheme = str(where).partition("://")[0] if "://" in str(where) else ""
    if scheme in SCHEMES or str(where).startswith("$"):
        return _of_a_database(str(where), table, format, columns, max_loss)
    if columns or (not format and _is_own(where, scheme)):
        return _own(read_own(where, table=table, columns=columns))
    return read_log(where, format=format, max_loss=max_loss)


def _of_a_database(
    url: str, table: str, format: str, columns: Mapping[str, str] | None, max_loss: float
) -> Log:
    """A table where it lies: LiteLLM's by its columns, else the request table's own."""
    if format not in ("", "litellm"):
        raise ParamError(
            f"requests_format is {format!r} for a database; expected litellm, or `columns` for a"
            " table of your own."
        )
    if columns:
        return _own(read_own(url, table=table, columns=columns))
    found = database_table(url, table)
    if format == "litellm" or set(LITELLM) <= set(found.columns):
        return _of_litellm(found, table, max_loss)
    return _own(read_own(url, table=table))


def _of_litellm(found: ir.Table, name: str, max_loss: float) -> Log:
    """LiteLLM's table of calls, read where it lies; what it lost is counted there."""
    calls = requests_of(found)
    loss = Loss(calls=int(calls.count().execute()))
    for why, count in unreadable(found).to_pandas().itertuples(index=False):
        loss.reasons[str(why)] = (int(count), "rows not numbered in a database")
    loss.records = loss.calls + loss.skipped
    loss.demand(name, max_loss)
    return Log(
        table=calls, title=FORMATS["litellm"].title, calls=loss.calls, notes=loss.notes(name)
    )


def _own(table: ir.Table) -> Log:
    return Log(table=table, title=OWN.title, calls=None)


def _is_own(where: str | Path, scheme: str) -> bool:
    """Whether the first file has the columns that only the request table requires together."""
    if scheme and scheme not in STORES:
        return True  # nothing that can be read: it says so
    first = log_files(where)[0]
    return OWN.recognises(dict.fromkeys(_names(first)))


def _names(file: File) -> set[str]:
    found = next((r.value for r in records(file) if isinstance(r, Record)), None)
    return set(found) if isinstance(found, Mapping) else set()
