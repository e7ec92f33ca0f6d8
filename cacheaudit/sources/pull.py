"""What a source hands over, and the window arithmetic that sources share."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pandas as pd

from ..errors import EmptyWindow, ParamError
from ..logs.table import Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """All that one source could tell about a window.

    usage         usage frame (schema.check_usage); may hold buckets of two widths
    source        one line for the reader: which interface answered
    start, end    window that was asked for, [start, end) in UTC
    cost          cost table, or None where the source has none
    refreshed_at  until when the provider says its data is complete, or None
    notes         sentences the reader must know about this data
    log           the request log that usage was counted from, or None
    """

    usage: pd.DataFrame
    source: str
    start: pd.Timestamp
    end: pd.Timestamp
    cost: pd.DataFrame | None = None
    refreshed_at: pd.Timestamp | None = None
    notes: tuple[str, ...] = field(default=())
    log: Log | None = None


def split_window(
    start: pd.Timestamp, end: pd.Timestamp, longest: pd.Timedelta
) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    """Cut [start, end) into consecutive half-open windows of at most *longest*."""
    while start < end:
        yield start, min(start + longest, end)
        start += longest


def demand_window(
    window: tuple[pd.Timestamp | None, pd.Timestamp | None], now: pd.Timestamp
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The window of a pull from a provider: both ends given, and begun by *now*.

    Raises ParamError for a missing start, EmptyWindow for a window in the future. An end that
    is missing or later than *now* becomes *now*.
    """
    start, end = window
    if start is None:
        raise ParamError(
            "start is empty; a provider needs a window. Set start, such as 2026-03-01."
        )
    if start >= now:
        raise EmptyWindow(
            f"the window starts {start:%Y-%m-%d %H:%M} UTC and it is {now:%Y-%m-%d %H:%M};"
            " nothing has happened in it yet. Set an earlier start."
        )
    return start, now if end is None else min(end, now)


def demand_a_day(start: pd.Timestamp, end: pd.Timestamp) -> None:
    """ParamError unless [start, end) is a window of at most 24 h."""
    if not start < end <= start + pd.Timedelta("24h"):
        raise ParamError(
            f"minutes from {start} to {end}; expected a window of at most 24 h."
            " Ask around one cutover at a time."
        )
