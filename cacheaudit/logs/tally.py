"""A log to sums by day and model, without DuckDB, Arrow or pandas: seconds in the terminal.

files -> calls (reading) -> each call once -> sums by day and every label -> rows by what was asked

The same numbers as `read_log`, `engine.rollup` to days and `metrics.cache_metrics`, which a test
holds it to; rates are of sums, and of those sums alone whose input is wholly reported. On Linux,
from a process without threads, two or more cores share the files.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import ParamError
from .daily import Days, summed
from .lines import log_files
from .loss import MAX_LOSS
from .reading import reader_for
from .rows import COUNTS, LABELS, WRITES, Counts, Labels
from .share import read_shared

BY = ("day", *LABELS)


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
        days, kept, loss = read_shared(files, reader, processes)
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
    written = summed([getattr(row, name) for name in WRITES])
    counts = (row.calls, row.uncached_input_tokens, row.cache_read_tokens, written)
    return [
        *key,
        *("-" if count is None else f"{count:,}" for count in (*counts, row.output_tokens)),
        *("-" if s is None else f"{s:.2%}" for s in (row.hit_rate, row.write_share)),
    ]


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
    sums = [summed(column) for column in zip(*(c for _, c in days), strict=True)] or empty
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


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()


def _plain(by: Sequence[str], row: Sums) -> dict[str, Any]:
    values = asdict(row)
    key = values.pop("key")
    return {**dict(zip(by, key, strict=True)), **values}
