"""A provider's report as the store sees it, and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

Page = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report of a provider, to be read in windows.

    name          "usage" or "cost": whose columns its rows have (schema.py)
    endpoint      where it is asked, as the client says
    bucket        width of its buckets: 1m, 1h or 1d
    ask           (start, end) -> all pages of that window, or an error
    frame         pages -> checked frame, perhaps without rows
    refreshed     pages -> until when the provider calls them complete, or None
    doubt_empty   an answer without rows may be a lapse of the provider's: it never settles
    """

    name: str
    endpoint: str
    bucket: str
    ask: Callable[[pd.Timestamp, pd.Timestamp], list[Page]]
    frame: Callable[[list[Page]], pd.DataFrame]
    refreshed: Callable[[list[Page]], pd.Timestamp | None]
    doubt_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The rows of one window, and until when the provider called its data complete, or None."""

    frame: pd.DataFrame
    refreshed_at: pd.Timestamp | None


Read = Callable[[Report, pd.Timestamp, pd.Timestamp], Answer]


def live(report: Report, start: pd.Timestamp, end: pd.Timestamp) -> Answer:
    """The provider's own answer, kept nowhere."""
    pages = report.ask(start, end)
    return Answer(frame=report.frame(pages), refreshed_at=report.refreshed(pages))
