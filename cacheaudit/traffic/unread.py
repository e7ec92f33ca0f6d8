"""The calls that a provider can look up: those of an incident that read least of what they might.

A bounded table of request ids, counted where the log lies.
"""

from collections.abc import Collection

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..engine import as_table
from ..schema import CACHE_WRITE
from .calls import MISSED, by_bytes, calls
from .facts import Window

MOST = 20  # calls that are named
FIRST = 3  # of them, the first of the incident; the others are spread over it
BEFORE = pd.Timedelta("1h")  # how far before the incident a call may lie that this one follows
COLUMNS = ["at", "model", "scope", "route", "request_id", "read_tokens", "written_tokens"]


def unread_calls(
    requests: pd.DataFrame | ir.Table, during: Window, models: Collection[str] = ()
) -> pd.DataFrame:
    """At most MOST calls of *during* that read nothing, or less than half of what they might.

    requests  request table (request_table.py)
    models    that served them; empty: whatever did

    One row a call, by time: COLUMNS. What a call might have read is what the last one on its cache
    entry held (calls.py); one that follows another goes before one that is the first of its kind,
    and one that read nothing before one that read some. Empty where no id is logged.
    """
    table = as_table(requests)
    low, high = (ibis.timestamp(t.isoformat()) for t in (during.start - BEFORE, during.end))
    near = table.filter((table.ts >= low) & (table.ts < high), _of(table, during))
    writes = ibis.coalesce(*(near[c] for c in CACHE_WRITE))
    every = calls(near, writes_reported=bool(writes.count().execute()))
    inside = every.filter(
        every.at_ms >= _ms(during.start), every.request_id.notnull(), every.read.notnull()
    )
    if models:
        inside = inside.filter(inside.model.isin(sorted(models)))
    missed = inside.filter(
        (inside.read == 0) | ibis.coalesce(inside.read < MISSED * inside.expected, False)
    )
    alone = ibis.ifelse(missed.lane_ms.isnull(), 1, 0)
    part = ibis.ifelse(missed.read == 0, 0.0, missed.read / missed.expected)
    by_time = [missed.at_ms, by_bytes(missed.request_id)]
    length_ms = max(1, _ms(during.end) - _ms(during.start))
    slot = ((missed.at_ms - _ms(during.start)) * (MOST - FIRST) / length_ms).floor().cast("int64")
    ranked = missed.mutate(
        number=ibis.row_number().over(order_by=by_time),
        place=ibis.row_number().over(group_by=slot, order_by=[alone, part, *by_time]),
    )
    chosen = ranked.filter((ranked.number < FIRST) | (ranked.place < 1)).select(
        "at_ms", "model", "scope", "route", "request_id",
        read_tokens=ranked["read"], written_tokens=ranked.written,
    )  # fmt: skip
    frame: pd.DataFrame = chosen.order_by("at_ms", "request_id").to_pandas()
    at = pd.to_datetime(frame["at_ms"].astype("int64"), unit="ms", utc=True)
    return frame.assign(at=at)[COLUMNS].reset_index(drop=True)


def _ms(at: pd.Timestamp) -> int:
    return round(at.timestamp() * 1000)


def _of(table: ir.Table, window: Window) -> ir.Value:
    """Whether a call belongs to one of the cohorts of *window*."""
    if not window.cohorts:
        return ibis.literal(True)
    own: ir.Value = ibis.literal(False)
    for cohort in window.cohorts:
        one: ir.Value = ibis.literal(True)
        for column, value in zip((table.scope, table.route), cohort, strict=True):
            one &= column.isnull() if value is None else ibis.coalesce(column == value, False)
        own |= one
    return own
