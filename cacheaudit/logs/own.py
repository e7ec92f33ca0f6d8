"""The request table's own columns, row by row: what request_table.py describes, in a file.

Large logs in these columns stay where they are and are counted by the engine (opening.py); this
reader is for a sum over a small one (tally.py) and gives the same calls. Columns that the table
does not know are left behind.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from .record import Call, Reader, one_by_one
from .values import NotUnderstood, moment, number, text, whole

REQUIRED = ("ts", "provider", "model")

Read = Callable[[Any, str], Any]


def calls_of_row(row: Any) -> Iterator[Call]:
    """The one call in *row*."""
    if not isinstance(row, Mapping):
        raise NotUnderstood(f"a {type(row).__name__}; expected an object")
    stamp = row.get("ts")
    call: Call = {"ts": moment(stamp.isoformat() if isinstance(stamp, datetime) else stamp, "ts")}
    for name, read in _columns().items():
        if (value := read(row.get(name), name)) is not None:
            call[name] = value
    if missing := [name for name in REQUIRED if name not in call]:
        raise NotUnderstood(f"{missing[0]} is missing")
    if not any(name.endswith("_tokens") for name in call):
        raise NotUnderstood("no token count")
    yield call


@cache
def _columns() -> dict[str, Read]:
    """Each column but `ts`, and how it is read."""
    from ..request_table import LABELS, MEASURED, WHOLE  # brings pandas and Ibis: only if asked

    return {
        **dict.fromkeys(LABELS, lambda value, _: text(value)),
        **dict.fromkeys(WHOLE, whole),
        **dict.fromkeys(MEASURED, number),
        "marker_sent": _flag,
    }


def _flag(value: Any, name: str) -> bool | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    if value in ("true", "True", "false", "False"):
        return value in ("true", "True")
    raise NotUnderstood(f"{name} is {type(value).__name__}; expected true or false")


READER = Reader(
    name="own",
    title="the request table's own columns",
    recognises=lambda value: set(REQUIRED) <= set(value),
    read=one_by_one(calls_of_row),
)
