"""What a column must hold to be read as a count, a measure, a time or a mark.

A cast alone would not find it: engines round 1.5 to a count, and one reads garbage as null. So
bad rows are counted first, for all columns by one aggregate that runs where the rows live.
Messages quote numbers and times alone: a column mapped by mistake may hold what somebody wrote.
"""

import re
from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir

from ..errors import SchemaError
from ..request_table import MEASURED, TYPES, WHOLE

Picked = dict[str, ir.Value]  # name in the request table -> the log's own column

COUNT = r"^[0-9]{1,15}(\.0*)?$"  # pandas writes a count of a column with gaps as 1000.0
NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"
# Days that the calendar has: an engine stops at any other, late and with the row in its message.
DAY = (
    r"[12][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|02-(0[1-9]|1[0-9]|2[0-8]))"
    r"|([12][0-9](0[48]|[2468][048]|[13579][26])|1200|1600|2000|2400|2800)-02-29"
)
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?"
TIME = rf"^({DAY})[T ]{CLOCK}(Z|[-+](0[0-9]|1[0-5])(:?[0-5][0-9])?)$"
MARK = "^(true|false|t|f|1|0)$"
QUOTABLE = re.compile(r"[-+0-9.,:eETZ ]{1,40}|nan|-?inf(inity)?|[A-Z]{3}", re.IGNORECASE)
MOST_TOKENS = 10**15  # above it a float no longer counts by one

EXPECTED = {
    **dict.fromkeys(WHOLE, "whole counts from 0 on, with null for not reported"),
    **dict.fromkeys(MEASURED, "numbers, with null for not measured"),
    "ts": "timestamps in UTC, such as 2026-03-01T12:00:00Z",
    "marker_sent": "true or false",
}


def refuse_bad(table: ir.Table, picked: Mapping[str, ir.Value]) -> None:
    """Raise SchemaError if a column of *picked* holds what its type in the request table cannot.

    A look that costs little finds the columns in doubt; only those are counted row by row.
    """
    could = {name: _bad(column, name) for name, column in picked.items()}
    bad = {name: wrong for name, wrong in could.items() if wrong is not None}
    if not bad:
        return
    [looks] = table.aggregate(**_looks(picked, bad)).to_pyarrow().to_pylist()
    doubtful = {look.rpartition("_")[0] for look, value in looks.items() if _alarms(look, value)}
    if not doubtful:
        return
    sums: dict[str, Any] = {}
    for name in doubtful:
        sums[f"{name}_rows"] = ibis.ifelse(bad[name], 1, 0).sum()
        sums[f"{name}_example"] = _text(picked[name]).max(where=bad[name])
    [counted] = table.aggregate(**sums).to_pyarrow().to_pylist()
    found = "; ".join(
        f"{name} in {int(counted[f'{name}_rows']):,} rows"
        f" ({_quoted(counted[f'{name}_example'])}; expected {EXPECTED[name]})"
        for name in sorted(doubtful)
    )
    raise SchemaError(
        f"the request table holds what cannot be read: {found}."
        " Nothing was read; mend those rows or leave the column out."
    )


def _looks(picked: Mapping[str, ir.Value], bad: Mapping[str, ir.Value]) -> dict[str, Any]:
    """Aggregates that tell whether a column is in doubt: of integers the ends say it all."""
    looks: dict[str, Any] = {}
    for name, wrong in bad.items():
        column = picked[name]
        if column.type().is_integer() and name in WHOLE:
            looks |= {f"{name}_low": column.min(), f"{name}_high": column.max()}
        else:
            looks[f"{name}_bad"] = ibis.ifelse(wrong, 1, 0).max()
    return looks


def _alarms(look: str, value: Any) -> bool:
    if value is None:  # no row, or null in all of them
        return False
    if look.endswith("_high"):
        return bool(value > MOST_TOKENS)
    return bool(value < 0) if look.endswith("_low") else bool(value)


def typed(column: ir.Value, name: str) -> ir.Value:
    """*column*, which held nothing bad, in the type of *name*."""
    kind = TYPES[name]
    if str(column.type()) == kind:
        return column
    if column.type().is_string() and kind != "string":
        column = column.nullif("")
        if name in WHOLE:
            return column.cast("float64").cast("int64")
        if name == "marker_sent":
            return ibis.ifelse(column.isnull(), ibis.null("boolean"), column.re_search("^[tT1]"))
    if name == "marker_sent" and column.type().is_numeric():
        return column != 0
    return column.cast(kind)


def _bad(column: ir.Value, name: str) -> ir.Value | None:
    """Whether a row cannot be read, or None where every row can.

    An empty text is not reported, like a null.
    """
    kind = column.type()
    if name == "ts":
        if kind.is_string():
            return ~ibis.coalesce(column.re_search(TIME), False)
        if not kind.is_timestamp() or getattr(kind, "timezone", None) is None:
            raise SchemaError(
                f"ts is {kind}; expected timestamps in UTC. Use pd.to_datetime(..., utc=True)."
            )
        return column.isnull()
    if kind.is_null() or (name == "marker_sent" and kind.is_boolean()):
        return None
    if kind.is_string():
        form = COUNT if name in WHOLE else MARK if name == "marker_sent" else NUMBER
        text = column.lower() if name == "marker_sent" else column
        return column.notnull() & (column != "") & ~text.re_search(form)
    if not kind.is_numeric() or kind.is_boolean():
        raise SchemaError(f"{name} is {kind}; expected {EXPECTED[name]}.")
    if name in MEASURED and not kind.is_floating():
        return None
    return column.notnull() & ibis.coalesce(_impossible(column, name), False)


def _impossible(column: ir.Value, name: str) -> ir.Value:
    broken = column.isnan() | column.isinf() if column.type().is_floating() else None
    if broken is not None and name in MEASURED:
        return broken
    wrong = (column < 0) | (column > (1 if name == "marker_sent" else MOST_TOKENS))
    if not column.type().is_integer():
        near = ibis.ifelse(wrong, 0, column)  # what is too large for a count has no floor, either
        wrong = wrong | (near != near.floor())
    return wrong if broken is None else broken | wrong


def _text(column: ir.Value) -> ir.Value:
    return column if column.type().is_string() else column.cast("string")


def _quoted(example: str | None) -> str:
    if example is None:
        return "null"
    if QUOTABLE.fullmatch(example):
        return f"such as {example}"
    return f"text of {len(example)} characters"
