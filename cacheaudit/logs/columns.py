"""Rows of CSV and Parquet files, each as a record by the names of its columns."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..buckets import StoredFile
from ..errors import SourceError
from .record import Record, Skip

LONGEST_CELL = 2**27  # bytes: prompts that a gateway keeps in a column
CellError = csv.Error


def csv_rows(stream: IO[bytes], place: list[int]) -> Iterator[Record | Skip]:
    """The rows of the CSV file in *stream*; *place* is the line that was last read.

    Raises CellError where the file is no CSV, UnicodeError where it is not in UTF-8.
    """
    csv.field_size_limit(LONGEST_CELL)
    lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="strict", newline="")
    rows = csv.DictReader(lines, strict=True)
    try:
        names = rows.fieldnames or []
        if any(name and names.count(name) > 1 for name in names):
            raise CellError("a column stands twice")
        for row in rows:
            place[0] = rows.line_num
            if None in row or None in row.values():
                yield Skip(rows.line_num, "more or fewer cells than the header has")
            else:
                yield Record(rows.line_num, row)
    finally:
        lines.detach()  # the stream is another's to close


def parquet_rows(path: Path | StoredFile) -> Iterator[Record]:
    """The rows of the Parquet file at *path*. Raises SourceError where it is no whole one."""
    import pyarrow as pa  # 0.2 s, for this kind alone
    import pyarrow.parquet as pq

    number = 0
    try:
        with path.open("rb") as stream:
            for batch in pq.ParquetFile(stream).iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield Record(number, row)
    except PermissionError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:  # a time beyond 9999
        raise SourceError(
            f"{path.name} cannot be read after row {number} ({type(error).__name__}); expected a"
            " whole Parquet file."
        ) from error
