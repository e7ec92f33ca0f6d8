"""Damage to what logs lie in: lines, gzip, JSON documents, CSV, Parquet; and a log written anew.

Each function makes a valid log of one kind out of a random source, damages it, and holds what is
read of it to the claim of judge.py.
"""

import csv
import gzip
import io
import json
import random
from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cacheaudit.errors import AuditError
from cacheaudit.logs.opening import open_log
from cacheaudit.logs.table import read_log
from cacheaudit.logs.tally import tally

from .damage import ATOMS, ONES, changed, damaged, paths, put
from .formats import KINDS
from .judge import (
    LEFT_OUT,
    REFUSED,
    Outcome,
    Read,
    Verdict,
    agreed,
    asked,
    check,
    key,
    odd,
    placed,
    read,
    recognised,
    records_of,
    secret,
    strict,
    told,
)
from .kind import START_US, Kind, Spent, dumped, made
from .values import Bad, NoCall, Unknowable

SUMMED = ("uncached_input_tokens", "cache_read_tokens", "output_tokens")
WHOLE = 1.0  # max_loss with which a log is read whatever it lost


def lines(name: str, rng: random.Random, folder: Path) -> Outcome:
    """JSON lines in which something is wrong."""
    log = made(KINDS[name], rng)
    data = b"".join(damaged(log, rng))
    path = folder / "log.jsonl"
    path.write_bytes(data)
    recognised(path)
    return check(log, data, path)


def odd_values(name: str, rng: random.Random, folder: Path) -> Outcome:
    """One place of a record holds every odd value in turn."""
    places = list(paths(KINDS[name].call(1, Spent(1, 2, 3, 4))))
    return odd_at(name, rng.choice(places), rng, folder)


def odd_at(name: str, place: tuple[Any, ...], rng: random.Random, folder: Path) -> Outcome:
    """The same for one *place*, the way to it through the record."""
    log = made(KINDS[name], rng, len(ONES), len(ONES))
    odd_ones = [put(call, place, value) for call, value in zip(log.calls, ONES, strict=True)]
    records = [*log.head, *(one for one in odd_ones if knowable(log.kind, one))]
    data = b"".join(dumped(record) + b"\n" for record in records)
    path = folder / "log.jsonl"
    path.write_bytes(data)
    return check(log, data, path)


def knowable(kind: Kind, record: Any) -> bool:
    """Whether *record* leaves the meaning of others alone."""
    try:
        kind.told(record)
    except Unknowable:
        return False
    except (Bad, NoCall):
        return True
    return True


def packed(name: str, rng: random.Random, folder: Path) -> Outcome:
    """A gzip file that stops, has something behind it, or has one bit that is another."""
    log = made(KINDS[name], rng, 40)
    data = b"".join(line + b"\n" for line in log.lines())
    whole = gzip.compress(data, rng.choice((1, 9)), mtime=0)
    spot, what = rng.randrange(len(whole)), rng.randrange(4)
    if what < 2:
        broken = whole[:spot]
    elif what == 2:
        broken = whole[:spot] + bytes([whole[spot] ^ (1 << rng.randrange(8))]) + whole[spot + 1 :]
    else:
        broken = whole + rng.choice((b"x", b"\x1f\x8b", whole[:spot] or b"y", b"\x00" * 9 + b"z"))
    path = folder / "log.jsonl.gz"
    path.write_bytes(broken)
    found = read(path, log.kind.reader)
    if isinstance(found, AuditError):
        return placed(found)
    assert what == 2, "a gzip file that is not whole was taken for one"
    assert columns(found) == truth(log.truth), "a damaged gzip file was read otherwise"
    return Outcome("read", len(found.calls))  # the bit was one of the header's


def document(name: str, rng: random.Random, folder: Path) -> Outcome:
    """A JSON list of records, compact or over many lines, with a wrong one or cut."""
    log = made(KINDS[name], rng)
    items: list[Any] = list(log.calls)
    where, separators = rng.randrange(len(items)), rng.choice(((",", ":"), (",\n", ": ")))
    items[where] = changed(items[where], rng)
    parts = [dumped(item, separators, 150) for item in items]
    data = b"[" + rng.choice((b",", b",\n")).join(parts) + b"]\n"
    path = folder / "log.json"
    if rng.random() < 0.4:
        path.write_bytes(data[: rng.randrange(1, len(data) - 1)])
        found = read(path, log.kind.reader)
        assert isinstance(found, AuditError), "a document that was cut was taken for a whole one"
        return placed(found)
    path.write_bytes(data)
    said = Verdict(sound={START_US + (n + 1) * 10**6 for n in range(len(items)) if n != where})
    if odd(data) or b"\\ud800" in data:
        said.free.add(1)
    try:
        for one in records_of(json.loads(parts[where])):
            said.judge(log.kind, 1, one)
    except Unknowable:
        return LEFT_OUT
    found = read(path, log.kind.reader)
    if isinstance(found, AuditError):
        assert said.free, f"refused although whole: {found}"
        return placed(found)
    return agreed(log, said, found, path, by_lines=False)


def table(name: str, rng: random.Random, folder: Path) -> Outcome:
    """CSV with cells, rows, quotes or bytes that are wrong."""
    log = made(KINDS[name], rng)
    header, *rows = as_rows(log.calls)
    where, what = rng.randrange(len(rows)), rng.randrange(8)
    cells, names = list(rows[where]), list(header)
    if what < 3:
        value = rng.choice(ONES)
        cells[rng.randrange(len(cells))] = "" if value is None else str(value)
    elif what == 3:
        cells = cells[: rng.randrange(1, len(cells))] if rng.random() < 0.5 else [*cells, "1"]
    elif what == 4:
        one = rng.randrange(len(names))
        names[one] = rng.choice((names[one - 1], f"x{names[one]}", names[one].upper()))
    parts = [*map(as_csv, [names, *rows[:where], cells, *rows[where + 1 :]])]
    if what > 4:
        part, spot = parts[where + 1], rng.randrange(len(parts[where + 1]))
        atom, after = rng.choice((*ATOMS, b'"', b",", b'","')), spot + rng.choice((0, 1))
        parts[where + 1] = part[:spot] + atom + part[after:]
    data = b"".join(parts)
    if rng.random() < 0.3:
        data = rng.choice((
            data.replace(b"\n", b"\r\n"), data.replace(b"\n", b"\r"), b"\xef\xbb\xbf" + data,
            data.decode("latin-1").encode("utf-16"), data[: rng.randrange(len(data))],
            data + b'"', data.replace(b"\n", b"\n\n"),
        ))  # fmt: skip
    path = folder / "log.csv"
    path.write_bytes(data)
    found = read(path, log.kind.reader)
    if isinstance(found, AuditError):
        return placed(found)
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    names, *read_rows = [*csv.reader(text, strict=True)] or [[]]
    repeated = [name for name in names if name and names.count(name) > 1]
    assert not repeated, f"a column that stands twice was read: {repeated}"
    said = Verdict()
    for number, row in enumerate(read_rows, 2):
        if names == header and row in rows:
            said.sound.add(START_US + (rows.index(row) + 1) * 10**6)
        elif len(row) != len(names):
            said.must |= {number} if row else set()
        else:
            said.judge(log.kind, number, dict(zip(names, row, strict=True)))
    return agreed(log, said, found, path, by_lines=False)


def flat(record: dict[str, Any]) -> dict[str, Any]:
    """*record* as tables hold it: objects are JSON text."""
    return {k: json.dumps(v) if isinstance(v, dict) else v for k, v in record.items()}


def as_rows(records: list[dict[str, Any]]) -> list[list[str]]:
    """Header and cells of *records*."""
    return [list(records[0]), *([str(v) for v in flat(r).values()] for r in records)]


def as_csv(cells: list[str]) -> bytes:
    """One row of CSV with its end; a lone surrogate stays the bytes that it is."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().encode("utf-8", "surrogatepass")


ODD: tuple[Any, ...] = (
    pa.array([True, False]), pa.array([1.5, -1.0]), pa.array([float("nan"), 3.0]),
    pa.array([-1, 2**62]), pa.array(["12", "x"]), pa.array([[1], None]), pa.array([{"a": 1}, None]),
    pa.array([b"\xff", b"1"]), pa.array([Decimal("1.5"), Decimal("7")]), pa.array([None, None]),
    pa.array([date(2026, 3, 1), None]), pa.array([2**62, 5], pa.timestamp("us", "UTC")),
    pa.array([2**62, 5], pa.timestamp("ns")), pa.array([2**40, -5], pa.timestamp("s")),
    pa.array([1_772_366_400, None], pa.timestamp("s")), pa.array([3, None], pa.uint64()),
    pa.array([1_772_366_400, None], pa.timestamp("s", "UTC")),
    pa.array([2**62, None], pa.duration("us")), pa.array([86_399_999_999, None], pa.time64("us")),
    pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
)  # fmt: skip


def parquet(name: str, rng: random.Random, folder: Path) -> Outcome:
    """Parquet that is cut, or in which a column is of another type."""
    log = made(KINDS[name], rng)
    rows = [flat(record) for record in log.calls]
    whole = pa.Table.from_pylist(rows)
    path = folder / "log.parquet"
    if rng.random() < 0.2:
        pq.write_table(whole, path)
        data = path.read_bytes()
        path.write_bytes(data[: rng.randrange(len(data))])
        refusal = read(path, log.kind.reader)
        assert isinstance(refusal, AuditError), "a Parquet file that was cut was read"
        assert isinstance(asked(lambda: open_log(path)), AuditError), "a cut Parquet file opened"
        return placed(refusal)
    column = rng.choice(whole.column_names)
    taken = rng.choice(ODD).take(pa.array([rng.randrange(2) for _ in rows]))
    pq.write_table(whole.set_column(whole.column_names.index(column), column, taken), path)
    found = read(path, log.kind.reader)
    if isinstance(found, AuditError):
        return placed(found)
    said = Verdict()
    for number, row in enumerate(rows, 1):
        said.judge(log.kind, number, row | {column: plain(taken[number - 1])})
    return agreed(log, said, found, path, by_lines=True)


def plain(scalar: Any) -> Any:
    """*scalar* as Python's; something that is nothing where Python has no such value."""
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return object()


def alike(name: str, rng: random.Random, folder: Path) -> Outcome:
    """Order, spaces, gzip, newlines and files do not change what a log adds up to."""
    log = made(KINDS[name], rng, 30)
    separators = rng.choice(((",", ":"), (", ", ": "), (" , ", " : ")))
    shuffled = [dumped(record, separators) for record in log.calls]
    if not log.kind.ordered:
        rng.shuffle(shuffled)
    parts, end = rng.choice((1, 2)), rng.choice((b"\n", b"\r\n", b"\n\n", b"\r"))
    found = []
    for number in range(parts):
        data = end.join([*map(dumped, log.head), *shuffled[number::parts]])
        data += rng.choice((b"", end))
        zipped = rng.random() < 0.5
        path = folder / f"part{number}.jsonl{'.gz' if zipped else ''}"
        path.write_bytes(gzip.compress(data, 1) if zipped else data)
        one = read(path, log.kind.reader)
        assert isinstance(one, Read), one
        assert not one.skipped, one.whys
        assert not one.unfinished
        found.append(one)
    assert columns(*found) == truth(log.truth)
    return Outcome("read", len(log.calls))


def truth(of: dict[int, Any]) -> Counter[Any]:
    return Counter(map(key, of.values()))


def columns(*many: Read) -> Counter[Any]:
    return Counter(key(told(call)) for found in many for call in found.calls)


def summed(name: str, rng: random.Random, folder: Path) -> Outcome:
    """The table and the tally of a damaged log hold what its reader read, each call once."""
    log = made(KINDS[name], rng, 8)
    parts = damaged(log, rng)
    if rng.random() < 0.7:  # another copy of the first call
        copy = log.kind.call(1, Spent(*(rng.randint(1, 10**5) for _ in range(4))))
        parts = [*parts, b"\n", dumped(copy), b"\n"]
    path = folder / "log.jsonl"
    path.write_bytes(b"".join(parts))
    found = read(path, log.kind.reader)
    if isinstance(found, AuditError):
        return placed(found)
    if odd(path.read_bytes()):
        return LEFT_OUT  # how deep is too deep depends on how deep the reader is called
    once: dict[Any, dict[str, Any]] = {}
    for number, call in enumerate(found.calls):
        about = (call["provider"], call["model"], call.get("request_id") or number)
        before = once.setdefault(about, call)
        if call.get("output_tokens", -1) > before.get("output_tokens", -1):
            once[about] = call
    whole = asked(lambda: read_log(path, format=log.kind.reader, max_loss=WHOLE))
    sums = asked(lambda: tally(path, format=log.kind.reader, max_loss=WHOLE, processes=1))
    if isinstance(whole, AuditError) or isinstance(sums, AuditError):
        assert not found.calls, f"refused, and {len(found.calls)} calls can be read: {whole} {sums}"
        return REFUSED
    secret(" ".join((*whole.notes, *sums.notes)))
    assert whole.calls == len(once), f"{whole.calls} calls in the table, {len(once)} read"
    kept = whole.table.aggregate(**{c: whole.table[c].sum() for c in SUMMED}).to_pyarrow()
    assert kept.to_pylist() == [{c: sum_of(c, once.values()) for c in SUMMED}]
    billed = [call for call in once.values() if call.get("status", 200) < 400]
    assert sums.total.calls == len(billed)
    for column in SUMMED:
        assert getattr(sums.total, column) == sum_of(column, billed), column
    return Outcome("read", len(found.calls), sum(found.skipped.values()))


def sum_of(column: str, calls: Iterable[dict[str, Any]]) -> int | None:
    """None where no call reports it."""
    known = [call[column] for call in calls if call.get(column) is not None]
    return sum(known) if known else None


WHOLE_FILES = (".jsonl", ".json", ".csv", ".jsonl.gz", ".parquet")


def whole_file(name: str, kind: str, data: bytes, folder: Path) -> Outcome:
    """Any bytes as a file: calls that the table can hold, skips that tell nothing, or refused."""
    path = folder / f"log{kind}"
    path.write_bytes(data)
    recognised(path)
    found = read(path, KINDS[name].reader)
    if isinstance(found, AuditError):
        return placed(found)
    return strict(path, KINDS[name].reader, found, deep=odd(data))
