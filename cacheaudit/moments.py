"""A time as people write it, to a time in UTC."""

from typing import Any

import pandas as pd


def utc(text: Any) -> pd.Timestamp:
    """ISO 8601 as UTC, for which it is taken where it names no zone. Raises ValueError for what is
    none.

    >>> utc("2026-03-17T15:20+01:00")
    Timestamp('2026-03-17 14:20:00+0000', tz='UTC')
    """
    at = pd.Timestamp(text)
    if pd.isna(at):
        raise ValueError("no time")
    return at.tz_localize("UTC") if at.tzinfo is None else at.tz_convert("UTC")
