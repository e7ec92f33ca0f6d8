"""Calls of files, each once, and their sums by day and every label: what one process does of a sum.

files -> rows (a reader's) -> seen, each call once -> days

Rows and sums of several parts of a log can be brought together: `put` and `add`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from . import claude_code
from .lines import File, plain, records
from .loss import Loss
from .reading import calls, counted
from .record import Reader, Skip
from .rows import Counts, Labels, Row, better, row_of

DAY_US = 86_400_000_000
Seen = dict[Any, Row]  # by request_id; of the same in two models the second by all three,
# and by a number where there is no id
Days = dict[tuple[int, Labels], tuple[int, Counts]]  # (day, labels) to (calls, sums)


def read_once(files: Iterable[File], reader: Reader, loss: Loss) -> Seen:
    """Each call of *files* once: the copy with the most output, at the time of the first."""
    seen: Seen = {}
    rows = _responses if reader is claude_code.READER else _calls
    for file in files:
        put(seen, rows(file, reader, loss))
    return seen


def put(seen: Seen, rows: Iterable[Row]) -> None:
    """*rows* into *seen*, each call once."""
    for row in rows:
        name = row[2]
        before = seen.setdefault(len(seen) if name is None else name, row)
        if before is not row:
            _again(seen, before, row)


def _again(seen: Seen, before: Row, row: Row) -> None:
    """*row* into *seen*, where *before* has its id: a copy, or a call of another model's."""
    name, (provider, model, *_) = row[2], row[6]
    if before[6][:2] == (provider, model):
        seen[name] = better(before, row)
        return
    other = seen.setdefault((name, provider, model), row)
    if other is not row:
        seen[name, provider, model] = better(other, row)


def _calls(file: File, reader: Reader, loss: Loss) -> Iterator[Row]:
    return map(row_of, calls([file], reader, loss))


def _responses(file: File, reader: Reader, loss: Loss) -> Iterator[Row]:
    """The rows of a transcript, sooner; once more and line by line where not all of it is plain."""
    found: Iterable[Row | Skip] = ()
    with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
        found = list(claude_code.rows(plain(file, reader)))
    for one in found or claude_code.rows(counted(records(file, reader), file.name, loss)):
        if isinstance(one, Skip):
            loss.skip(file.name, one)
        else:
            loss.calls += one[5]
            yield one


def take(seen: Seen, ids: set[int]) -> Seen:
    """The rows of the calls whose ids have one of these hashes, taken out of *seen*."""
    taken = {key: row for key, row in seen.items() if hash(row[2]) in ids} if ids else {}
    for key in taken:
        del seen[key]
    return taken


def daily(seen: Iterable[Row]) -> Days:
    """Sums by day and labels, as the usage frame has them, of the calls that did not fail."""
    grouped: dict[tuple[int, Labels], list[Counts]] = {}
    same: list[Counts] = []
    start, end, who = 0, 0, None  # of the calls in `same`: they come in runs
    for ts, _, _, _, status, _, labels, counts in seen:
        if status is not None and status >= 400:
            continue
        if labels is not who or not start <= ts < end:
            day = ts // DAY_US
            start, end, who = day * DAY_US, (day + 1) * DAY_US, labels
            same = grouped.setdefault((day, labels), [])
        same.append(counts)
    return {
        key: (len(rows), tuple([summed(column) for column in zip(*rows, strict=True)]))
        for key, rows in grouped.items()
    }


def add(days: Days, more: Days) -> None:
    """*more* into *days*."""
    for key, (found, counts) in more.items():
        before = days.get(key)
        if before is not None:
            found += before[0]
            counts = tuple([summed(pair) for pair in zip(before[1], counts, strict=True)])
        days[key] = found, counts


def summed(column: Sequence[int | None]) -> int | None:
    """The sum of what is reported; None where nothing is."""
    try:
        return sum(column) if column else None  # type: ignore[arg-type]
    except TypeError:  # something is not reported
        reported = [count for count in column if count is not None]
        return sum(reported) if reported else None
