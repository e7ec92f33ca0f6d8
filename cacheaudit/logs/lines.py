"""Files of logs to records: JSON lines, whole JSON documents, CSV and Parquet, plain or gzipped.

A line that is no JSON becomes a Skip, so that it is counted. What cannot be trusted to its end
(a gzip stream or a document that stops, UTF-16) is refused, with the line where it happened.
"""

import gzip
import io
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from glob import glob, has_magic
from itertools import chain
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from ..buckets import StoredFile, failures_of, stored_files
from ..credentials import refuse_credentials
from ..errors import SourceError
from .columns import CellError, csv_rows, parquet_rows
from .record import Reader, Record, Skip

KINDS = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
PLAIN = (".jsonl", ".ndjson", ".json")
PACKED = ".gz"
ENDS = (*KINDS, *(kind + PACKED for kind in KINDS[:-1]))
UNFINISHED = "the last line is not finished: it was still being written"
BLOCK = 2**18  # bytes read at once; lines of transcripts are longer than the usual 8 KiB
BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}

NEWLINES = re.compile(rb"[\r\n]+")

_decode = msgspec.json.Decoder().decode
_whole = msgspec.json.Decoder(msgspec.Raw).decode  # looks through a line, and keeps nothing of it


File = Path | StoredFile


def log_files(where: str | Path) -> list[File]:
    """The files that *where* names: one, a glob, or all logs below a folder; here or in a bucket.

    Raises SourceError where there is none, or one is of a kind that cannot be read, and for a
    bucket what buckets.failures_of says. ParamError for an address that holds a credential.
    """
    refuse_credentials(where)
    text = str(where) if "://" in str(where) else str(Path(where).expanduser())
    found: list[File]
    if "://" in text:
        found = [*stored_files(text, ENDS)]
    elif os.path.isdir(text):  # noqa: PTH112 - thousands of files: a Path of each is slow
        below = (os.path.join(at, n) for at, _, names in os.walk(text) for n in names)  # noqa: PTH118
        logs = [path for path in below if _kind(path) in KINDS and os.path.isfile(path)]  # noqa: PTH113
        found = [*map(Path, sorted(logs, key=lambda path: path.replace(os.sep, "\0")))]
    elif has_magic(text) and not Path(text).is_file():
        found = [*sorted(p for p in map(Path, glob(text, recursive=True)) if p.is_file())]  # noqa: PTH207
    else:
        found = [path] if (path := Path(text)).is_file() else []
    if not found:
        raise SourceError(
            f"no log at {where}; expected a file, a folder or a glob. Check the path."
        )
    if strange := [p.name for p in found if _kind(p.name) not in KINDS]:
        raise SourceError(
            f"{strange[0]} is none of {', '.join(KINDS)} (or one of the first four with {PACKED});"
            " expected a log in one of these."
        )
    return found


def records(path: File, reader: Reader | None = None) -> Iterator[Record | Skip]:
    """The records of the file at *path*; *reader* says which lines are worth decoding.

    Raises SourceError for a file that ends before its end, or is not in UTF-8.
    """
    with failures_of(path) if isinstance(path, StoredFile) else nullcontext():
        yield from _records(path, reader)


def _records(path: File, reader: Reader | None) -> Iterator[Record | Skip]:
    kind = _kind(path.name)
    if kind == ".parquet":
        yield from parquet_rows(path)
        return
    with _opened(path) as stream:
        place = [0]
        try:
            yield from (
                csv_rows(stream, place) if kind == ".csv" else _json(stream, place, reader, kind)
            )
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
        except (CellError, UnicodeError) as error:
            raise SourceError(
                f"{path.name} cannot be read after line {place[0]} ({type(error).__name__});"
                f" expected {kind[1:].upper()} in UTF-8. Export it again."
            ) from error


def plain(path: File, reader: Reader) -> Iterator[tuple[int, Any]]:
    """The same sooner, of a file in which *reader* can decode every line.

    Raises what it cannot be read for; a file of another kind, or packed, has nothing plain.
    """
    decode = reader.decode
    if decode is None or path.suffix not in PLAIN or isinstance(path, StoredFile):
        return
    with path.open("rb", buffering=BLOCK) as lines:
        for number, line in enumerate(lines, 1):
            value = decode(line)
            if value is not None:
                yield number, value


def _kind(path: str) -> str:
    plain = path.removesuffix(PACKED)
    kind = os.path.splitext(plain)[1]  # noqa: PTH122
    return "" if kind == ".parquet" and plain != path else kind


@contextmanager
def _opened(path: File) -> Iterator[IO[bytes]]:
    with path.open("rb", buffering=BLOCK) as stream:
        if path.suffix != PACKED:
            yield stream
            return
        if not path.stat().st_size:  # gzip of nothing has 20 bytes
            raise SourceError(
                f"{path.name} is empty, before line 1; expected a whole gzip file. Copy it again."
            )
        with gzip.open(stream) as unpacked:
            yield cast(IO[bytes], unpacked)


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
                if value is None:
                    continue  # whole, and no call
                if type(value) is not list:
                    yield Record(number, value)
                    continue
            except msgspec.ValidationError as error:
                several = b"\r" in line.strip() and _value(line) is _NOTHING
                if line.lstrip()[:1] != b"[" and not several:  # these are looked at one by one
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
            value = decode(part)
            if value is not None or decode is _decode:  # a reader's says None of what is no call
                yield from _items(number, value)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            yield Skip(number, "no JSON" if finished or part is not parts[-1] else UNFINISHED)


def _items(number: int, value: Any) -> Iterator[Record]:
    """What a list holds, and the lists in it: `jq -s` makes these of exported pages."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left.extend(reversed(one))
        else:
            yield Record(number, one)


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
