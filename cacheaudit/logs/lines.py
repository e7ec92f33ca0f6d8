"""Files of logs to records: JSON lines, whole JSON documents, CSV and Parquet, plain or gzipped.

A line that is no JSON becomes a Skip, so that it is counted. What cannot be trusted to its end
(a gzip stream or a document that stops, UTF-16) is refused, with the line where it happened.
"""

import csv
import gzip
import io
import os
import re
import zlib
from collections.abc import Callable, Iterator
from glob import glob, has_magic
from itertools import chain
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from ..errors import SourceError
from .record import Reader, Record, Skip

KINDS = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
PACKED = ".gz"
UNFINISHED = "the last line is not finished: it was still being written"
BLOCK = 2**18  # bytes read at once; lines of transcripts are longer than the usual 8 KiB
LONGEST_CELL = 2**27  # bytes: prompts that a gateway keeps in a column
BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}

NEWLINES = re.compile(rb"[\r\n]+")

_decode = msgspec.json.Decoder().decode
_whole = msgspec.json.Decoder(msgspec.Raw).decode  # looks through a line, and keeps nothing of it


def log_files(where: str | Path) -> list[Path]:
    """The files that *where* names: one file, a glob, or all logs below a folder.

    Raises SourceError where there is none, or one is of a kind that cannot be read.
    """
    text = str(Path(where).expanduser())
    if (path := Path(text)).is_dir():
        below = (Path(at, name) for at, _, names in os.walk(path) for name in names)
        found = sorted(p for p in below if _kind(p) in KINDS and p.is_file())
    elif has_magic(text) and not path.is_file():
        found = sorted(p for p in map(Path, glob(text, recursive=True)) if p.is_file())  # noqa: PTH207
    else:
        found = [path] if path.is_file() else []
    if not found:
        raise SourceError(
            f"no log at {where}; expected a file, a folder or a glob. Check the path."
        )
    if strange := [p.name for p in found if _kind(p) not in KINDS]:
        raise SourceError(
            f"{strange[0]} is none of {', '.join(KINDS)} (or one of the first four with {PACKED});"
            " expected a log in one of these."
        )
    return found


def records(path: Path, reader: Reader | None = None) -> Iterator[Record | Skip]:
    """The records of the file at *path*; *reader* says which lines are worth decoding.

    Raises SourceError for a file that ends before its end, or is not in UTF-8.
    """
    kind = _kind(path)
    if kind == ".parquet":
        yield from _rows(path)
        return
    with _opened(path) as stream:
        place = [0]
        try:
            yield from _csv(stream, place) if kind == ".csv" else _json(stream, place, reader, kind)
        except msgspec.DecodeError as error:
            raise SourceError(
                f"{path.name} is a JSON document that stops or breaks by line {place[0]}; expected"
                " a whole one. Copy or export it again."
            ) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceError(
                f"{path.name} stops being gzip after line {place[0]} ({error}); expected a whole"
                " file. Copy it again."
            ) from error
        except (csv.Error, UnicodeError) as error:
            raise SourceError(
                f"{path.name} cannot be read after line {place[0]} ({type(error).__name__});"
                f" expected {kind[1:].upper()} in UTF-8. Export it again."
            ) from error


def _kind(path: Path) -> str:
    plain = path.name.removesuffix(PACKED)
    kind = Path(plain).suffix
    return "" if kind == ".parquet" and plain != path.name else kind


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == PACKED:
        if not path.stat().st_size:  # gzip of nothing has 20 bytes
            raise SourceError(
                f"{path.name} is empty, before line 1; expected a whole gzip file. Copy it again."
            )
        return cast(IO[bytes], gzip.open(path))
    return path.open("rb", buffering=BLOCK)


def _json(
    stream: IO[bytes], place: list[int], reader: Reader | None, kind: str
) -> Iterator[Record | Skip]:
    """Lines where the first is JSON by itself, else the file as one document, else lines.

    A document that was cut is no line that was still being written: all of it is lost. One that
    is a list is known as such; an object on a single line, by the file's name.
    """
    first = stream.readline()
    if encoding := BOMS.get(first[:2]):
        raise UnicodeError(encoding)
    first = first.removeprefix(b"\xef\xbb\xbf")
    if first.strip() and _value(first) is _NOTHING:
        rest = stream.read()
        whole = _value(first + rest)
        if whole is not _NOTHING:
            yield from _items(1, whole)
            return
        alone = kind == ".json" and not rest.strip() and b"\r" not in first.strip()
        if first.lstrip()[:1] == b"[" or alone:
            place[0] = 1 + (first + rest).rstrip().count(b"\n")
            raise msgspec.DecodeError
        stream = io.BytesIO(rest)
    yield from _lines(chain([first], stream), place, reader)


def _lines(
    lines: Iterator[bytes], place: list[int], reader: Reader | None
) -> Iterator[Record | Skip]:
    mark = reader.mark if reader else b""
    special = reader.decode if reader else None
    for number, line in enumerate(lines, 1):
        place[0] = number
        if mark and mark not in line:
            try:
                _whole(line)
                continue  # no call, but only if it is whole: a torn line may have lost its mark
            except (msgspec.MsgspecError, RecursionError):
                if not line.strip():
                    continue
        elif special is not None:
            try:
                value = special(line)
                if type(value) is not list:
                    yield Record(number, value)
                    continue
            except msgspec.ValidationError as error:
                if line.lstrip()[:1] != b"[":  # a list of lines is looked at one by one
                    why = f"a field is of another type, or out of range ({_field(error)})"
                    yield Skip(number, why)
                    continue
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                pass
        if not line.strip():
            continue
        value = _value(line)
        if value is not _NOTHING:
            yield from _items(number, value)
        elif b"\r" in line.strip():  # old newlines, within one of ours
            parts = [part for part in NEWLINES.split(line) if part.strip()]
            yield from _parts(number, parts, special or _decode, line.endswith(b"\n"))
        else:
            yield Skip(number, _broken(line))


def _parts(
    number: int, parts: list[bytes], decode: Callable[[bytes], Any], finished: bool
) -> Iterator[Record | Skip]:
    """The lines that a lone carriage return ends, all under the number of the line around them."""
    for part in parts:
        try:
            yield from _items(number, decode(part))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            yield Skip(number, "no JSON" if finished or part is not parts[-1] else UNFINISHED)


def _items(number: int, value: Any) -> Iterator[Record]:
    if isinstance(value, list):
        yield from (Record(number, one) for one in value)
    else:
        yield Record(number, value)


_NOTHING = object()


def _value(line: bytes) -> Any:
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _NOTHING


def _broken(line: bytes) -> str:
    return "no JSON" if line.endswith(b"\n") else UNFINISHED


def _field(error: msgspec.ValidationError) -> str:
    """Where it was, as `$.message.usage`; the message may quote nothing but types."""
    return str(error).rpartition(" - at ")[2].strip("`") or "the line"


def _csv(stream: IO[bytes], place: list[int]) -> Iterator[Record | Skip]:
    csv.field_size_limit(LONGEST_CELL)
    lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="strict", newline="")
    rows = csv.DictReader(lines, strict=True)
    try:
        names = rows.fieldnames or []
        if any(name and names.count(name) > 1 for name in names):
            raise csv.Error("a column stands twice")
        for row in rows:
            place[0] = rows.line_num
            if None in row or None in row.values():
                yield Skip(rows.line_num, "more or fewer cells than the header has")
            else:
                yield Record(rows.line_num, row)
    finally:
        lines.detach()  # the stream is another's to close


def _rows(path: Path) -> Iterator[Record]:
    import pyarrow as pa  # 0.2 s, for this kind alone
    import pyarrow.parquet as pq

    try:
        number = 0
        for batch in pq.ParquetFile(path).iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield Record(number, row)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:  # a time beyond 9999
        raise SourceError(
            f"{path.name} cannot be read after row {number} ({type(error).__name__}); expected a"
            " whole Parquet file."
        ) from error
