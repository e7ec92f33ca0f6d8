"""The sandbox's books: a usage history by the minute, and the clock it is read at.

Nothing later than the clock is ever summed up. Sums are kept until the history or the clock
changes, so that paging through a report sums once.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pandas as pd

from ..errors import SchemaError
from ..schema import COUNTS, LABELS, check_usage
from .clock import Clock

T = TypeVar("T")

UNSERVABLE = {  # lifetimes a provider does not sell, so its reports have no field for them
    "anthropic": ["cache_write_30m_tokens", "cache_write_12h_tokens", "cache_write_other_tokens"],
    "openai": ["cache_write_5m_tokens", "cache_write_1h_tokens"],
}
KEPT = 64  # summed reports
MINUTE_S = 60.0


class Ledger:
    """History, clock, and the calls that were served since.

    `usage` holds Anthropic's and OpenAI's rows; others are not served.
    """

    def __init__(self, usage: pd.DataFrame | None, clock: Clock) -> None:
        self.clock = clock
        self._kept: dict[object, Any] = {}
        self._history: dict[str, pd.DataFrame] = {}
        self._books: dict[str, pd.DataFrame] = {}
        self._served: dict[tuple[tuple[str, str], ...], dict[str, int]] = {}
        self.load(_usage([]) if usage is None else usage)

    @property
    def now(self) -> pd.Timestamp:
        """The time that the books are read at."""
        return self.clock.now

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
        self._history = {p: usage[usage["provider"] == p] for p in UNSERVABLE}
        self._books = {p: _book(history) for p, history in self._history.items()}
        self._served.clear()
        self._kept.clear()
        return len(usage)

    def add(self, labels: Mapping[str, str], counts: Mapping[str, int], at_s: float) -> None:
        """Enter one call that was answered at *at_s* (s since 1970), under its minute."""
        minute = int(at_s // MINUTE_S)
        sums = self._served.setdefault((*sorted(labels.items()), ("minute", str(minute))), {})
        for name, count in counts.items():
            sums[name] = sums.get(name, 0) + count
        self._books.clear()
        self._kept.clear()

    def move(self, now: pd.Timestamp, speed: float | None = None) -> None:
        """Set the clock."""
        self.clock.set(now, speed)
        self._kept.clear()

    def summary(self) -> dict[str, Any]:
        """Rows and the time they span, by provider."""
        return {
            provider: {
                "rows": len(book),
                "start": book["bucket_start"].min().isoformat(),
                "end": book["bucket_end"].max().isoformat(),
            }
            for provider in UNSERVABLE
            if len(book := self._book_of(provider))
        }

    def keep(self, key: object, make: Callable[[], T]) -> T:
        """*make()*, made once per *key* while history and clock stand still."""
        if self.clock.speed:
            return make()
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
        book = self._book_of(provider)
        low, high = book["bucket_start"].searchsorted(pd.DatetimeIndex([start, end]))
        part = book.iloc[low:high]
        part = part[part["bucket_end"] <= self.now]
        for label, values in only.items():
            part = part[part[label].isin(values)]
        floors = part["bucket_start"].dt.floor(width) if width is not None else start
        keys = ["bucket_start", *by]
        grouped = part.assign(bucket_start=floors).groupby(keys, observed=True, dropna=False)
        return grouped[COUNTS].sum(min_count=1).reset_index()

    def _book_of(self, provider: str) -> pd.DataFrame:
        """History and what was served since; made anew where a call was entered."""
        if provider not in self._books:
            rows = [dict(key) | sums for key, sums in self._served.items()]
            mine = [row for row in rows if row["provider"] == provider]
            whole = [self._history[provider], *([_usage(mine)] if mine else [])]
            self._books[provider] = _book(pd.concat(whole, ignore_index=True))
        return self._books[provider]


def _usage(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of served calls as a usage frame."""
    frame = pd.DataFrame(rows, columns=None if rows else ["minute", "provider", "model", *COUNTS])
    starts = pd.to_datetime(frame["minute"].astype("int64") * int(MINUTE_S), unit="s", utc=True)
    ends = starts + pd.Timedelta(seconds=MINUTE_S)
    return check_usage(frame.drop(columns="minute").assign(bucket_start=starts, bucket_end=ends))


def _book(usage: pd.DataFrame) -> pd.DataFrame:
    """Rows of one provider by time; labels as categories, which sum several times faster."""
    is_batch = (usage["service_tier"] == "batch").fillna(False)
    book = usage.astype(dict.fromkeys(LABELS, "category")).assign(batch=is_batch)
    return book.sort_values("bucket_start", ignore_index=True)
