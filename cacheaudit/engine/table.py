"""Any table of calls as the request table: its columns by name, in their types, checked."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandas as pd

from ..errors import SchemaError
from ..request_table import MEASURED, REQUIRED, TYPES, WHOLE
from ..schema import TOKENS
from .values import Picked, refuse_bad, typed

NEAR = 0.88  # names this alike were probably meant to be the same
CHECKED = {*WHOLE, *MEASURED, "ts", "marker_sent"}  # labels are text, whatever they hold


def as_table(
    requests: pd.DataFrame | ir.Table, columns: Mapping[str, str] | None = None
) -> ir.Table:
    """*requests* with every column of the request table in its type; absent ones are null.

    columns   name in the request table -> the log's own name for it; a field of a nested column
              is written `usage.input_tokens`

    Columns that the table does not know are left behind, but a name that is nearly one of its
    own is an error: it was probably meant to be read. Counts that are no counts, and times
    without a zone, are found by one aggregate where the rows live; a table that this function
    made is known by its types and is not counted again.
    Raises SchemaError for a table that lacks what is required, or holds what cannot be meant.
    """
    if not isinstance(requests, pd.DataFrame | ir.Table):
        raise SchemaError(
            f"a request table came as {type(requests).__name__}; expected a pandas frame or an"
            " Ibis table. Files are read by cacheaudit.read_requests."
        )
    given = dict(columns or {})
    if isinstance(requests, ir.Table):
        if not given and _is_one(requests):
            return requests
        table = _with_instants(requests)
    else:
        table = ibis.memtable(_plain(requests, given))
    picked = _picked(table, given)
    refuse_bad(table, {name: column for name, column in picked.items() if name in CHECKED})
    return table.select(**{
        name: typed(picked[name], name) if name in picked else ibis.null(kind)
        for name, kind in TYPES.items()
    })  # fmt: skip


def nulls(table: ir.Table) -> set[str]:
    """Columns that the log behind *table* (as_table) does not have; engines count them all the
    same, which costs as much as those it has."""
    made = getattr(table.op(), "values", {})
    return {name for name, value in made.items() if isinstance(value, ops.Literal)}


def _with_instants(table: ir.Table) -> ir.Table:
    """*table* with Spark's TIMESTAMPs, which are instants, as times with a zone.

    Ibis shows them like TIMESTAMP_NTZ, which is a wall clock anywhere and stays refused.
    """
    kinds = table.schema().items()
    bare = [name for name, kind in kinds if kind.is_timestamp() and not kind.timezone]
    backend = table.get_backend() if bare else None
    if backend is None or backend.name != "pyspark":
        return table
    shown = backend.raw_sql(table.select(*bare).compile()).schema
    instants = [field.name for field in shown if field.dataType.typeName() == "timestamp"]
    return table.mutate(**{name: table[name].cast("timestamp('UTC')") for name in instants})


def _is_one(table: ir.Table) -> bool:
    return {name: str(kind) for name, kind in table.schema().items()} == TYPES


def _picked(table: ir.Table, given: Mapping[str, str]) -> Picked:
    """The columns of *table* by their name in the request table."""
    for name in given:
        if name not in TYPES:
            raise SchemaError(
                f"columns names {name}, which no request table has; {_hint(name, TYPES)}"
            )
    own = {name: table[name] for name in table.columns if name in TYPES and name not in given}
    picked = own | {name: _column(table, name, theirs) for name, theirs in given.items()}
    found = set(table.columns)
    if missing := [c for c in REQUIRED if c not in picked]:
        raise SchemaError(
            f"a request table needs the columns {missing}; found {sorted(found)}."
            " Name yours with `columns`, or see docs/SOURCES.md."
        )
    if not picked.keys() & {*TOKENS, "prompt_tokens"}:
        raise SchemaError(
            f"the request table has no token column; expected prompt_tokens or one of {TOKENS}."
        )
    taken = {theirs.split(".")[0] for theirs in given.values()}
    for name in sorted(found - set(TYPES) - taken - set(given.values())):
        if near := get_close_matches(name, set(TYPES) - set(picked), n=1, cutoff=NEAR):
            raise SchemaError(
                f"the request table has a column {name}; did you mean {near[0]}? Rename or drop it,"
                f" or name it with `columns`: {near[0]}: {name}."
            )
    return picked


def _column(table: ir.Table, name: str, theirs: str) -> ir.Value:
    """The column *theirs*, or the field of a nested one that its dots lead to."""
    if theirs in table.columns:
        return table[theirs]
    first, *fields = theirs.split(".")
    if first in table.columns and fields:
        value = table[first]
        for field in fields:
            inside = value.type()
            if not inside.is_struct() or field not in inside.names:
                break
            value = value[field]
        else:
            return value
    raise SchemaError(
        f"columns says {name} is {theirs}, which the log does not have;"
        f" {_hint(theirs, _names(table))}"
    )


def _names(table: ir.Table) -> list[str]:
    """Names of *table*, with the fields of nested columns."""
    names: list[str] = []
    for name, kind in table.schema().items():
        names += _inside(name, kind)
    return names


def _inside(name: str, kind: Any) -> list[str]:
    if not kind.is_struct():
        return [name]
    return [deep for field, one in kind.items() for deep in _inside(f"{name}.{field}", one)]


def _hint(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"it has {sorted(known)}."


def _plain(frame: pd.DataFrame, given: Mapping[str, str]) -> pd.DataFrame:
    """The columns of *frame* that can be read; those that hold nothing have no type to speak of."""
    near = [c for c in frame.columns if not frame[c].isna().all() or c not in TYPES]
    wanted = {*TYPES, *given.values()}
    kept = frame[[c for c in near if c in wanted or not frame[c].map(_is_nested).any()]]
    for name in {given.get("ts", "ts")} & set(kept.columns):
        if isinstance(kept.dtypes[name], pd.DatetimeTZDtype):
            kept = kept.assign(**{name: kept[name].dt.as_unit("us")})  # what engines keep
    return kept


def _is_nested(value: Any) -> bool:
    return isinstance(value, list | dict | tuple)
