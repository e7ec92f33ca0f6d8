"""A log to sums by day and model, without DuckDB, Arrow or pandas: seconds in the terminal.

files -> calls (reading) -> each call once -> sums by day and every label -> rows by what was asked

The same numbers as `read_log`, `engine.rollup` to days and `metrics.cache_metrics`, which a test
holds it to; rates are of sums, and of those sums alone whose input is wholly reported. On Linux,
from a process without threads, two or more cores share the files.
"""

import gc
import marshal
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NoReturn

from ..errors import ParamError
from . import claude_code
from .lines import log_files, records
from .loss import Loss
from .reading import calls, counted, reader_for
from .record import Reader, Record, Skip
from .rows import COUNTS, LABELS, WRITES, Counts, Labels, Row, better, row_of

MAX_LOSS = 0.01
DAY_US = 86_400_000_000
SHARED_BYTES = 8_000_000  # below it a second process costs more than it saves
BY = ("day", *LABELS)
Key = tuple[str | None, ...]  # provider, model, request_id
Seen = dict[Any, Row]
Days = dict[tuple[int, Labels], tuple[int, Counts]]  # (day, labels) to (calls, sums)
SHORT: dict[str, Callable[[Iterable[Record]], Iterator[Row | Skip]]] = {
    "claude_code": claude_code.rows
}  # formats that make rows without making calls first


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Calls and tokens of one group; None is *not reported*.

    key        values of what was summed by, in its order; empty for all together
    hit_rate, write_share, uncached_share   shares of the input that is wholly reported, in [0, 1]
    """

    key: Labels
    calls: int
    uncached_input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_5m_tokens: int | None
    cache_write_30m_tokens: int | None
    cache_write_1h_tokens: int | None
    cache_write_12h_tokens: int | None
    cache_write_other_tokens: int | None
    output_tokens: int | None
    hit_rate: float | None
    write_share: float | None
    uncached_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a log adds up to.

    by      what was summed by
    rows    sums by it, in its order
    total   all together
    title   the format, for the reader
    notes   sentences about what repeats, and what could not be read
    """

    by: tuple[str, ...]
    rows: tuple[Sums, ...]
    total: Sums
    title: str
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: each row has its key under the names of `by`."""
        rows = [_plain(self.by, row) for row in self.rows]
        total = _plain((), self.total)
        return {"format": self.title, "rows": rows, "total": total, "notes": list(self.notes)}


def tally(
    where: str | Path,
    by: Sequence[str] = ("day", "model"),
    *,
    format: str = "",
    max_loss: float = MAX_LOSS,
    processes: int = 0,
) -> Tally:
    """Sums of the log at *where* (a file, a folder or a glob), by any of BY; days are of UTC.

    processes   how many may share the work; 0 is one a core

    A call that the log repeats is taken once, and a call that failed not at all, as in `read_log`
    and `rollup`. Raises ParamError for an unknown name in *by*, SourceError as `read_log` does.
    """
    if unknown := [name for name in by if name not in BY]:
        raise ParamError(f"by has {unknown[0]!r}; expected some of {', '.join(BY)}.")
    files = log_files(where)
    reader = reader_for(files, format)
    with _no_collections():
        days, kept, loss = _shared(files, reader, processes if _may_fork() else 1)
    what = files[0].name if len(files) == 1 else f"{len(files)} files of {reader.title}"
    loss.demand(what, max_loss)
    repeats = () if kept == loss.calls else (
        f"{what}: {loss.calls} lines are {kept} calls; each is counted once.",
    )  # fmt: skip
    return Tally(
        by=tuple(by),
        rows=tuple(_grouped(days, by)),
        total=_rated((), list(days.values())),
        title=reader.title,
        notes=(*repeats, *loss.notes(what)),
    )


def rows_as_text(tally: Tally) -> str:
    """*tally* as aligned text with a line of totals, and its notes below."""
    head = [*tally.by, "calls", "uncached", "read", "written", "output", "hit rate", "written %"]
    last = ["all", *[""] * (len(tally.by) - 1)][: len(tally.by)]
    keys = [["-" if value is None else value for value in row.key] for row in tally.rows]
    lines = [head, *map(_cells, keys, tally.rows), _cells(last, tally.total)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    names = len(tally.by)
    told = [
        "  ".join(c.ljust(w) if i < names else c.rjust(w) for i, (c, w) in enumerate(cells))
        for cells in (list(zip(line, widths, strict=True)) for line in lines)
    ]
    return "\n".join([*(line.rstrip() for line in told), *tally.notes])


def _cells(key: list[str], row: Sums) -> list[str]:
    written = _sum(getattr(row, name) for name in WRITES)
    counts = (row.calls, row.uncached_input_tokens, row.cache_read_tokens, written)
    return [
        *key,
        *("-" if count is None else f"{count:,}" for count in (*counts, row.output_tokens)),
        *("-" if s is None else f"{s:.2%}" for s in (row.hit_rate, row.write_share)),
    ]


# reading: each call once


def _shared(files: list[Path], reader: Reader, processes: int) -> tuple[Days, int, Loss]:
    """Sums of *files*, how many calls they are, and the loss; read by up to *processes*."""
    shares = _shares(files, processes or len(os.sched_getaffinity(0)))
    loss = Loss()
    workers = [_Worker(share, reader) for share in shares[1:]]
    try:
        seen = _read(shares[0], reader, loss)
        told = [worker.hear() for worker in workers]
        for share, names in zip(shares[1:], told, strict=True):
            if names is None:  # it failed: so will this, and say why
                _merge(seen, _read(share, reader, loss))
        twice = _twice([[row[2] for row in seen.values()], *(names or [] for names in told)])
        for worker in workers:
            worker.say(list(twice))
        apart = _taken(seen, twice)
        days, kept = _daily(seen.values()), len(seen)
        for share, worker, names in zip(shares[1:], workers, told, strict=True):
            answer = worker.hear() if names is not None else None
            if answer is not None:
                elsewhere, there, calls_there, lost = answer
                _merge(apart, elsewhere)
                _add(days, there)
                _add_loss(loss, lost)
                kept += calls_there
            elif names is not None:  # it was ended from outside
                _merge(apart, _read(share, reader, loss))
    finally:  # whatever happens here, no worker is left behind
        for worker in workers:
            worker.close()
        for worker in workers:  # all are closed by now: each holds the pipes of those before it
            os.waitpid(worker.process, 0)
    _add(days, _daily(apart.values()))
    return days, kept + len(apart), loss


def _twice(many: Iterable[Iterable[str | None]]) -> set[str]:
    """The ids that more than one has seen: calls to be compared one by one, not as sums."""
    known: set[str | None] = set()
    twice: set[str | None] = set()
    for names in many:
        twice |= known.intersection(names)
        known.update(names)
    return {name for name in twice if name is not None}


def _taken(seen: Seen, names: set[str]) -> Seen:
    """The rows of *names*, taken out of *seen*."""
    taken = {key: row for key, row in seen.items() if row[2] in names} if names else {}
    for key in taken:
        del seen[key]
    return taken


def _may_fork() -> bool:
    """Whether a copy of this process is safe: threads would leave their locks behind in it."""
    return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208


def _shares(files: list[Path], most: int) -> list[list[Path]]:
    """*files* in order, in parts of about the same size; never more than are worth a process."""
    sizes = [file.stat().st_size for file in files]
    parts = max(1, min(most, len(files), sum(sizes) // SHARED_BYTES))
    shares: list[list[Path]] = [[] for _ in range(parts)]
    before = 0
    for file, size in zip(files, sizes, strict=True):
        shares[min(before * parts // max(sum(sizes), 1), parts - 1)].append(file)
        before += size
    return [share for share in shares if share]


class _Worker:
    """A copy of this process that reads some of the files.

    It says the ids of its calls, hears which of them others have as well, and says
    (rows of these, sums of the rest by day, how many calls these are, loss).
    """

    def __init__(self, files: list[Path], reader: Reader) -> None:
        hears, said = os.pipe()
        heard, says = os.pipe()
        self.process = os.fork()
        if not self.process:
            os.close(hears)
            os.close(says)
            _work(files, reader, os.fdopen(heard, "rb"), os.fdopen(said, "wb"))
        os.close(said)
        os.close(heard)
        self.ear, self.mouth = os.fdopen(hears, "rb"), os.fdopen(says, "wb")

    def hear(self) -> Any:
        """What it says next; None where it has ended."""
        try:
            return marshal.load(self.ear)
        except EOFError:
            return None

    def say(self, names: list[str]) -> None:
        """Tell it which ids others have as well."""
        with suppress(BrokenPipeError):  # hear() will notice
            marshal.dump(names, self.mouth)
            self.mouth.flush()

    def close(self) -> None:
        """Let it go: where it still writes, it stops there."""
        self.ear.close()
        with suppress(BrokenPipeError):
            self.mouth.close()


def _work(files: list[Path], reader: Reader, ear: IO[bytes], mouth: IO[bytes]) -> NoReturn:
    """The life of a worker."""
    try:
        loss = Loss()
        seen = _read(files, reader, loss)
        marshal.dump([row[2] for row in seen.values() if row[2] is not None], mouth)
        mouth.flush()
        elsewhere = _taken(seen, set(marshal.load(ear)))
        lost = loss.calls, loss.records, loss.reasons, loss.unfinished
        marshal.dump((elsewhere, _daily(seen.values()), len(seen), lost), mouth)
        mouth.flush()
    finally:
        os._exit(0)  # nothing of the parent's may run here: no handlers, no buffers, no traces


def _read(files: list[Path], reader: Reader, loss: Loss) -> Seen:
    """Each call of *files* once: the copy with the most output, at the time of the first."""
    seen: Seen = {}
    for row in _rows(files, reader, loss):
        labels = row[6]
        key = len(seen) if row[2] is None else (row[2], labels[0], labels[1])
        before = seen.setdefault(key, row)
        if before is not row:
            seen[key] = better(before, row)
    return seen


def _rows(files: list[Path], reader: Reader, loss: Loss) -> Iterator[Row]:
    short = SHORT.get(reader.name)
    if short is None:
        yield from map(row_of, calls(files, reader, loss))
        return
    for file in files:
        for found in short(counted(records(file, reader), file.name, loss)):
            if isinstance(found, Skip):
                loss.skip(file.name, found)
            else:
                loss.calls += found[5]
                yield found


def _merge(seen: Seen, more: Seen) -> None:
    for key, row in more.items():
        if type(key) is int:  # a call without an id
            seen["", len(seen)] = row
        else:
            before = seen.setdefault(key, row)
            if before is not row:
                seen[key] = better(before, row)


def _add_loss(loss: Loss, told: Sequence[Any]) -> None:
    found, looked_at, reasons, unfinished = told
    loss.calls += found
    loss.records += looked_at
    loss.unfinished += unfinished
    for why, (count, first) in reasons.items():
        before, at = loss.reasons.get(why, (0, first))
        loss.reasons[why] = (before + count, at)


@contextmanager
def _no_collections() -> Iterator[None]:
    """No search for cycles meanwhile: a million objects are made here, and none is in one."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


# summing


def _daily(seen: Iterable[Row]) -> Days:
    """Sums by day and labels, as the usage frame has them, of the calls that did not fail."""
    grouped: dict[tuple[int, Labels], list[Counts]] = {}
    for ts, _, _, _, status, _, labels, counts in seen:
        if status is None or status < 400:
            grouped.setdefault((ts // DAY_US, labels), []).append(counts)
    return {
        key: (len(rows), tuple([_sum(column) for column in zip(*rows, strict=True)]))
        for key, rows in grouped.items()
    }


def _add(days: Days, more: Days) -> None:
    for key, (found, counts) in more.items():
        before = days.get(key)
        if before is not None:
            found += before[0]
            counts = tuple([_sum(pair) for pair in zip(before[1], counts, strict=True)])
        days[key] = found, counts


def _grouped(days: Days, by: Sequence[str]) -> Iterator[Sums]:
    places = [BY.index(name) for name in by]
    groups: dict[Labels, list[tuple[int, Counts]]] = {}
    for (day, labels), sums in days.items():
        values = (_date(day), *labels)
        groups.setdefault(tuple(values[place] for place in places), []).append(sums)
    for key in sorted(groups, key=lambda key: [(value is None, value or "") for value in key]):
        yield _rated(key, groups[key])


def _rated(key: Labels, days: list[tuple[int, Counts]]) -> Sums:
    """Sums of *days*, and rates of those whose input is wholly reported (metrics.py)."""
    empty: list[int | None] = [None] * len(COUNTS)
    sums = [_sum(column) for column in zip(*(c for _, c in days), strict=True)] or empty
    known = [c for _, c in days if c[0] is not None and c[1] is not None]
    uncached, read, written = (
        sum(sum(c or 0 for c in counts[part]) for counts in known)
        for part in (slice(0, 1), slice(1, 2), slice(2, -1))
    )
    total = uncached + read + written
    return Sums(
        key=key,
        calls=sum(found for found, _ in days),
        hit_rate=read / total if total else None,
        write_share=written / total if total else None,
        uncached_share=uncached / total if total else None,
        **dict(zip(COUNTS, sums, strict=True)),
    )


def _sum(column: Iterable[int | None]) -> int | None:
    reported = [count for count in column if count is not None]
    return sum(reported) if reported else None


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()


def _plain(by: Sequence[str], row: Sums) -> dict[str, Any]:
    values = asdict(row)
    key = values.pop("key")
    return {**dict(zip(by, key, strict=True)), **values}
