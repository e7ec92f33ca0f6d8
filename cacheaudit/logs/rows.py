"""What is summed of a call, as a plain tuple: a hundred thousand of them are made in a second.

A reader may make rows itself, where its format is read often and in bulk; of every other a row is
made from its calls. `LABELS` and `COUNTS` are the usage frame's columns (schema.py, which a test
holds them to): that file imports pandas, and a sum in the terminal does not wait for it.
"""

from operator import itemgetter
from typing import Any

from .record import Call

LABELS = (
    *("provider", "model", "model_requested", "scope", "route", "client_version"),
    *("service_tier", "region", "speed"),
)
WRITES = tuple(f"cache_write_{life}_tokens" for life in ("5m", "30m", "1h", "12h", "other"))
COUNTS = ("uncached_input_tokens", "cache_read_tokens", *WRITES, "output_tokens")

Labels = tuple[str | None, ...]  # in the order of LABELS
Counts = tuple[int | None, ...]  # in the order of COUNTS
Row = tuple[int, int, str | None, str | None, int | None, int, Labels, Counts]
# ts (us), ts of this copy, request_id, session_id, status, lines that say so, labels, counts

_NOTHING: dict[str, Any] = dict.fromkeys((*LABELS, *COUNTS, "request_id", "session_id", "status"))
_labels, _counts = itemgetter(*LABELS), itemgetter(*COUNTS)


def row_of(call: Call) -> Row:
    """The row of one call."""
    full = {**_NOTHING, **call}
    ts = full["ts"]
    return (
        *(ts, ts, full["request_id"], full["session_id"], full["status"], 1),
        *(_labels(full), _counts(full)),
    )


def call_of(row: Row) -> Call:
    """The call of one row; what is not reported is absent."""
    ts, _, request_id, session_id, status, _, labels, counts = row
    named = zip(LABELS, labels, strict=True)
    counted = zip(COUNTS, counts, strict=True)
    own = (("request_id", request_id), ("session_id", session_id), ("status", status))
    told: list[tuple[str, Any]] = [*named, *own, *counted]
    return {"ts": ts} | {name: value for name, value in told if value is not None}


def better(one: Row, other: Row) -> Row:
    """Of two copies the one with the most output, of equals the first; at the time of the first."""
    a, b = one[7][-1], other[7][-1]
    if a == b:
        kept = one if one[1] <= other[1] else other
    else:
        kept = one if b is None or (a is not None and a > b) else other
    return min(one[0], other[0]), *kept[1:]
