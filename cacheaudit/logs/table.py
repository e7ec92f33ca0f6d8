"""Calls to a request table: streamed through Arrow into DuckDB, each call once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Self

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from ..engine import as_table
from ..errors import AuditError
from ..request_table import TYPES
from .lines import log_files
from .loss import MAX_LOSS, Loss
from .reading import calls, reader_for
from .record import Call

BATCH = 50_000
_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
}
SCHEMA = pa.schema([(c, _ARROW.get(t, pa.timestamp("us", "UTC"))) for c, t in TYPES.items()])
# One call under one id: the copy with the most output, at the time of the first.
ONCE = """
create table requests as
select * from read where request_id is null
union all by name
select * replace (min(ts) over (partition by provider, model, request_id) as ts)
from read where request_id is not null
qualify row_number() over (
  partition by provider, model, request_id
  order by output_tokens desc nulls last, read.ts, session_id, cache_read_tokens
) = 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A request log that was read.

    table     request table (request_table.py), each call once
    title     the format, for the reader of the report
    calls     rows of the table; None where they are left where they lie and were not counted
    notes     sentences about what repeats, and what could not be read
    """

    table: ir.Table
    title: str
    calls: int | None
    notes: tuple[str, ...] = ()

    def named(self, names: Mapping[str, str]) -> Self:
        """The same with the scopes, routes and models that *names* holds called as it says."""
        if not names:
            return self
        called = {c: self.table[c].substitute(names) for c in ("scope", "route", "model")}
        return replace(self, table=self.table.mutate(**called))


def read_log(where: str | Path, *, format: str = "", max_loss: float = MAX_LOSS) -> Log:
    """Read a log in one of the formats of formats.py; recognised unless *format* names it.

    A call that the log repeats (one `request_id` of one model) is taken once: the copy with the
    most output, at the time of the first. Raises SourceError where nothing is understood, a file
    ends too early, or more than *max_loss* of the calls cannot be read.
    """
    files = log_files(where)
    reader = reader_for(files, format)
    loss = Loss()
    connection = ibis.duckdb.connect()
    native = connection.con
    failed: list[AuditError] = []
    native.register("arriving", _stream(_noted(calls(files, reader, loss), failed)))
    try:
        native.execute("create table read as select * from arriving")
    except duckdb.Error:
        if failed:
            raise failed[0] from None
        raise
    native.unregister("arriving")
    what = files[0].name if len(files) == 1 else f"{len(files)} files of {reader.title}"
    loss.demand(what, max_loss)
    native.execute(ONCE)
    native.execute("drop table read")
    table = as_table(connection.table("requests"))
    kept = int(table.count().execute())
    repeats = () if kept == loss.calls else (
        f"{what}: {loss.calls} lines are {kept} calls; each is counted once.",
    )  # fmt: skip
    return Log(table=table, title=reader.title, calls=kept, notes=(*repeats, *loss.notes(what)))


def _noted(found: Iterable[Call], failed: list[AuditError]) -> Iterator[Call]:
    """*found*; why it stopped goes to *failed*, because DuckDB makes an error of its own of it."""
    try:
        yield from found
    except AuditError as error:
        failed.append(error)
        raise


def _stream(found: Iterable[Call]) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(SCHEMA, _batches(found))


def _batches(found: Iterable[Call]) -> Iterator[pa.RecordBatch]:
    rest = iter(found)
    while rows := list(islice(rest, BATCH)):
        yield pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
