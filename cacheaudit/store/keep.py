"""Read a report through the store: ask for what is missing or unsettled, keep it, return it all."""

import hashlib
import hmac
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

from ..errors import IncompletePull, SourceError
from ..params import BUCKETS
from .book import CHECKS, STARTS, Book, opened
from .intervals import Answered, pieces, settled_until, unsettled
from .lock import Say
from .raw import Series, folder_of, sweep, write_pages
from .report import Answer, Read, Report

PIECE = {"1m": pd.Timedelta("1D"), "1h": pd.Timedelta("7D"), "1d": pd.Timedelta("31D")}
WAIT_S = 600.0  # a first pull of a year takes minutes

_log = logging.getLogger(__name__)


class Store:
    """An open store; reports are read through it. Made by `open_store`."""

    def __init__(self, book: Book, folder: Path, now: pd.Timestamp) -> None:
        self._book, self._folder, self._now = book, folder, now

    def reader(self, *, source: str, key: str, label: str = "") -> Read:
        """What reads the reports of one account of *source* through this store.

        *key* is not kept: the account is *label*, or a hash of the key with the file's own salt.
        A label outlives a key, and is your word that both keys see the same organization.
        """
        account = f"label {label}" if label else f"key {self._hashed(key)}"
        return partial(self._read, source, account)

    def _read(
        self, source: str, account: str, report: Report, start: pd.Timestamp, end: pd.Timestamp
    ) -> Answer:
        """The rows of [start, end): kept where settled, asked for where not.

        *start* lies on the edge of a bucket. An error leaves the pieces before it in the store.
        """
        series = Series(
            source=source,
            endpoint=self._plain(report.endpoint),
            account=account,
            report=report.name,
            bucket=report.bucket,
        )
        number, width = self._book.series_id(series), BUCKETS[report.bucket]
        gaps = unsettled((start, end), self._book.answered(number), width)
        live = []
        for piece in pieces(gaps, PIECE[report.bucket]):
            with _resumable(piece[0]):
                live.append(self._ask(number, series, report, piece, end.floor(width)))
        kept = self._book.rows(number, report.name, (start, end.floor(width)))
        frames = [f for f in (kept, *(answer.frame for answer in live)) if len(f)]
        if live:
            complete = min((a.refreshed_at for a in live if a.refreshed_at), default=None)
        else:
            complete = self._newest_refresh(number, start, end)
        return Answer(
            frame=CHECKS[report.name](pd.concat(frames)) if frames else report.frame([]),
            refreshed_at=complete,
        )

    def _ask(
        self,
        number: int,
        series: Series,
        report: Report,
        piece: tuple[pd.Timestamp, pd.Timestamp],
        whole: pd.Timestamp,
    ) -> Answer:
        """Ask for *piece* and keep its buckets before *whole*; those after it are returned."""
        low, high = piece
        pages = report.ask(low, high)
        frame, refreshed_at = report.frame(pages), report.refreshed(pages)
        starts = _demand_inside(frame, report, piece)
        if low < (high := min(high, whole)):
            until = settled_until((low, high), refreshed_at, self._now, BUCKETS[report.bucket])
            if report.doubt_empty and frame.empty:
                until = low
            answered = Answered(
                low=low,
                high=high,
                settled_until=until,
                asked_at=self._now,
                refreshed_at=refreshed_at,
                pages=self._book.next_pages(),
            )
            write_pages(self._folder, self._book.stamp, series, answered, pages)
            self._book.commit(number, report.name, answered, frame[starts < whole])
            self.sweep()
        return Answer(frame=frame[starts >= whole], refreshed_at=refreshed_at)

    def sweep(self) -> None:
        """Remove pages that no bucket comes from any more, and what a killed pull left."""
        sweep(self._folder, self._book.stamp, self._book.pages())

    def _newest_refresh(
        self, number: int, start: pd.Timestamp, end: pd.Timestamp
    ) -> pd.Timestamp | None:
        """Until when the provider once called all of [start, end) complete; it is all settled."""
        answers = self._book.answered(number)
        inside = [a.refreshed_at for a in answers if a.low < end and a.high > start]
        return max((at for at in inside if at), default=None)

    def _hashed(self, text: str) -> str:
        return hmac.new(self._book.stamp.salt.encode(), text.encode(), hashlib.sha256).hexdigest()[
            :16
        ]

    def _plain(self, endpoint: str) -> str:
        """*endpoint* without user, password and query; a hash stands in for them."""
        url = urlsplit(endpoint)
        plain = f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path.rstrip('/')}"
        hidden = "@" in url.netloc or url.query
        return f"{plain}#{self._hashed(endpoint)}" if hidden else plain


@contextmanager
def open_store(
    path: Path, *, now: pd.Timestamp, wait_s: float = WAIT_S, say: Say = _log.warning
) -> Iterator[Store]:
    """The store at *path* for this process alone; made if there is none.

    Raises SourceError when it is in use for longer than *wait_s*, corrupt, no store, or of a
    newer version; *say* hears what is waited for.
    """
    with opened(path, wait_s=wait_s, say=say) as book:
        store = Store(book, folder_of(path), now)
        store.sweep()
        yield store


def _demand_inside(
    frame: pd.DataFrame, report: Report, asked: tuple[pd.Timestamp, pd.Timestamp]
) -> pd.Series:
    """The starts of the buckets in *frame*, or IncompletePull if one was not asked for."""
    starts = frame[STARTS[report.name]]
    outside = (starts < asked[0]) | (starts >= asked[1])
    if outside.any():
        raise IncompletePull(
            f"the {report.name} report answered with {int(outside.sum())} rows outside of"
            f" {asked[0]:%Y-%m-%d %H:%M} to {asked[1]:%Y-%m-%d %H:%M} UTC (first:"
            f" {starts[outside].iloc[0]:%Y-%m-%d %H:%M}); expected none. Nothing of it was kept."
            " Pull without a store, and report it."
        )
    return starts


@contextmanager
def _resumable(at: pd.Timestamp) -> Iterator[None]:
    """What goes wrong inside is told with what the store has: the pieces before *at*."""
    try:
        yield
    except SourceError as error:
        raise type(error)(
            f"{error} The store keeps what was answered before it; the next run goes on at"
            f" {at:%Y-%m-%d %H:%M} UTC."
        ) from error
