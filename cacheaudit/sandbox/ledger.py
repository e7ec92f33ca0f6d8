"""The sandbox's books: a usage history by the minute, and the clock it is read at.

Nothing later than the clock is ever summed up. Sums are kept until the history or the clock
changes, so that paging through a report sums once.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pandas as pd

from ..errors import SchemaError
from ..schema import COUNTS, LABELS, check_usage

T = TypeVar("T")

UNSERVABLE = {  # lifetimes a provider does not sell, so its reports have no field for them
    "anthropic": ["cache_write_30m_tokens", "cache_write_12h_tokens", "cache_write_other_tokens"],
    "openai": ["cache_write_5m_tokens", "cache_write_1h_tokens"],
}
KEPT = 64  # summed reports


class Ledger:
    """History and clock. `usage` holds Anthropic's and OpenAI's rows; others are not served."""

    def __init__(self, usage: pd.DataFrame, now: pd.Timestamp) -> None:
        self.now = now
        self._kept: dict[object, Any] = {}
        self._books: dict[str, pd.DataFrame] = {}
        self.load(usage)

    def load(self, usage: pd.DataFrame) -> int:
        """Replace the history; returns its number of rows."""
        usage = check_usage(usage)
        for provider, columns in UNSERVABLE.items():
            mine = usage[usage["provider"] == provider]
            if sold_elsewhere := [c for c in columns if mine[c].sum() > 0]:
                raise SchemaError(
                    f"{provider} rows hold {sold_elsewhere}; its reports have no such field."
                    " Use the lifetimes it sells."
                )
        self._books = {p: _book(usage[usage["provider"] == p]) for p in UNSERVABLE}
        self._kept.clear()
        return len(usage)

    def move(self, now: pd.Timestamp) -> None:
        """Set the clock."""
        self.now = now
        self._kept.clear()

    def summary(self) -> dict[str, Any]:
        """Rows and the time they span, by provider."""
        return {
            provider: {
                "rows": len(book),
                "start": book["bucket_start"].min().isoformat(),
                "end": book["bucket_end"].max().isoformat(),
            }
            for provider, book in self._books.items()
            if len(book)
        }

    def keep(self, key: object, make: Callable[[], T]) -> T:
        """*make()*, made once per *key* while history and clock stand still."""
        if key not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[key] = make()
        kept: T = self._kept[key]
        return kept

    def sums(
        self,
        provider: str,
        window: tuple[pd.Timestamp, pd.Timestamp],
        width: pd.Timedelta | None,
        by: list[str],
        only: Mapping[str, list[str]],
    ) -> pd.DataFrame:
        """Counts summed over buckets of *width* (None: the whole window) and the labels *by*.

        Takes the finished minutes that start in *window*, of the rows whose labels are in *only*.
        A count is NA if no row of the sum reports it.
        """
        start, end = window
        book = self._books[provider]
        low, high = book["bucket_start"].searchsorted(pd.DatetimeIndex([start, end]))
        part = book.iloc[low:high]
        part = part[part["bucket_end"] <= self.now]
        for label, values in only.items():
            part = part[part[label].isin(values)]
        floors = part["bucket_start"].dt.floor(width) if width is not None else start
        keys = ["bucket_start", *by]
        grouped = part.assign(bucket_start=floors).groupby(keys, observed=True, dropna=False)
        return grouped[COUNTS].sum(min_count=1).reset_index()


def _book(usage: pd.DataFrame) -> pd.DataFrame:
    """Rows of one provider by time; labels as categories, which sum several times faster."""
    is_batch = (usage["service_tier"] == "batch").fillna(False)
    book = usage.astype(dict.fromkeys(LABELS, "category")).assign(batch=is_batch)
    return book.sort_values("bucket_start", ignore_index=True)
