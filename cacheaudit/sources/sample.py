"""A made-up month with a migration in it: the notebooks' default, needs no key and no network.

The history is planted (history.py): three cohorts on one gateway, two of them move from
claude-sonnet-4-5 to claude-opus-4-6, whose minimum is longer than the prefixes of one. Tokens need
no mapping; they are made in the frame's own classes. It can tell nothing about anybody's traffic.
"""

from functools import cache

import pandas as pd

from ..errors import EmptyWindow
from ..history import CUTOVER, MARCH, hourly, planted_migration, planted_requests
from ..params import PostmortemParams
from .pull import Pull

LOGGED_DAYS = 3


def fetch(params: PostmortemParams, *, now: pd.Timestamp | None = None) -> Pull:
    """The sample's hours, cut to the window of *params*; *now* is not looked at."""
    start, end = (given or own for given, own in zip(params.window, MARCH, strict=True))
    usage = hourly(_minutes())
    inside = (usage["bucket_start"] >= start) & (usage["bucket_end"] <= end)
    if not inside.any():
        raise EmptyWindow(
            f"the sample has nothing in {start:%Y-%m-%d} to {end:%Y-%m-%d}; it covers"
            f" {MARCH[0]:%Y-%m-%d} to {MARCH[1]:%Y-%m-%d}. Leave start and end empty."
        )
    return Pull(
        usage=usage[inside].reset_index(drop=True),
        source="sample: planted traffic through a simulated cache",
        start=start,
        end=end,
        notes=("Made-up data with a planted migration: it says nothing about your traffic.",),
    )


def fetch_minutes(params: PostmortemParams, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """The sample's minutes in [start, end)."""
    minutes = _minutes()
    inside = (minutes["bucket_start"] >= start) & (minutes["bucket_start"] < end)
    return minutes[inside].reset_index(drop=True)


@cache
def planted_log() -> pd.DataFrame:
    """Request table of three days of the sample's traffic, before anything moved."""
    days = pd.Timedelta(days=LOGGED_DAYS)
    return planted_requests(kept=(CUTOVER.floor("D") - days, CUTOVER.floor("D")))


@cache
def _minutes() -> pd.DataFrame:
    return planted_migration()
