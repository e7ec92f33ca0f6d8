"""One DuckDB file: the rows of each series, and which windows of it were answered.

    meta      schema, id, salt
    series    id, source, endpoint, account, report, bucket
    answered  series, low, high, settled_until, asked_at, refreshed_at, pages
    usage     series, and the columns of the usage frame
    cost      series, and the columns of the cost table

Times are UTC without a zone; null means not reported. To look into it: `duckdb usage.duckdb`.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from ..errors import SourceError
from ..schema import BUCKET, COST, COUNTS, USAGE, check_cost, check_usage
from .intervals import Answered, Interval, replaced
from .lock import Say, connected, first_line, my_turn
from .raw import Series, Stamp, file_name, number_of

SCHEMA = 1
COLUMNS = {"usage": USAGE, "cost": COST}
STARTS = {"usage": "bucket_start", "cost": "day"}
CHECKS = {"usage": check_usage, "cost": check_cost}
ANSWERED = ["low", "high", "settled_until", "asked_at", "refreshed_at", "pages"]


class Book:
    """An open store. Made by `opened`; no other process can open the file meanwhile."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._db = connection
        self.stamp = _stamp(connection)

    def series_id(self, series: Series) -> int:
        """The number of *series* in this file; a new one gets the next."""
        what = list(astuple(series))
        with self._transaction():
            found = self._db.execute(
                "select id from series where source = ? and endpoint = ? and account = ?"
                " and report = ? and bucket = ?", what
            ).fetchone()  # fmt: skip
            if found is None:
                found = self._db.execute(
                    "insert into series select coalesce(max(id), 0) + 1, ?, ?, ?, ?, ? from series"
                    " returning id", what
                ).fetchone()  # fmt: skip
        assert found is not None
        return int(found[0])

    def answered(self, series: int) -> list[Answered]:
        """The windows of *series* that were answered, disjoint and in order."""
        rows = self._db.execute(
            f"select {', '.join(ANSWERED)} from answered where series = ? order by low", [series]
        ).fetchall()
        return [
            Answered(**dict(zip(ANSWERED, [*map(_utc, row[:-1]), row[-1]], strict=True)))
            for row in rows
        ]

    def rows(self, series: int, table: str, window: Interval) -> pd.DataFrame:
        """The kept rows of *series* whose buckets start in *window*."""
        start = STARTS[table]
        found = self._db.sql(
            f"select {', '.join(COLUMNS[table])} from {table}"
            f" where series = ? and {start} >= ? and {start} < ?",
            params=[series, *map(_naive, window)],
        ).to_arrow_table()
        frame = found.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        times = {c: frame[c].dt.tz_localize("UTC") for c in _times(table)}
        return CHECKS[table](frame.assign(**times))

    def commit(self, series: int, table: str, new: Answered, frame: pd.DataFrame) -> None:
        """Replace what is kept of *series* in the window of *new* with *frame*; all or nothing."""
        start = STARTS[table]
        answers = replaced(self.answered(series), new)
        with self._transaction():
            self._db.execute(
                f"delete from {table} where series = ? and {start} >= ? and {start} < ?",
                [series, _naive(new.low), _naive(new.high)],
            )
            self._insert(table, frame.assign(series=series))
            self._db.execute("delete from answered where series = ?", [series])
            for answer in answers:
                values = [getattr(answer, name) for name in ANSWERED[:-1]]
                self._db.execute(
                    "insert into answered values (?, ?, ?, ?, ?, ?, ?)",
                    [series, *map(_naive, values), answer.pages],
                )

    def next_pages(self) -> str:
        """The file for the pages of the next answer; the latest answer is always there."""
        return file_name(self.stamp, 1 + max(map(number_of, self.pages()), default=0))

    def pages(self) -> set[str]:
        """The files of pages that some bucket in this file comes from."""
        return {name for (name,) in self._db.execute("select pages from answered").fetchall()}

    def _insert(self, table: str, frame: pd.DataFrame) -> None:
        times = {c: frame[c].dt.tz_localize(None) for c in _times(table)}
        incoming = pa.Table.from_pandas(frame.assign(**times), preserve_index=False)
        self._db.register("incoming", incoming)
        self._db.execute(f"insert into {table} by name select * from incoming")
        self._db.unregister("incoming")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")


@contextmanager
def opened(path: Path, *, wait_s: float, say: Say) -> Iterator[Book]:
    """The store at *path*, made if there is none, for this process alone.

    Raises SourceError when it is still in use after *wait_s*, is corrupt, is no store, or was
    made by a newer version. It is never overwritten.
    """
    with my_turn(path, wait_s=wait_s, say=say):
        if not path.exists():
            create(path, Stamp(id=secrets.token_hex(4), salt=secrets.token_hex(16)))
        with connected(path, wait_s=wait_s, say=say) as connection:
            try:
                yield Book(connection)
            except duckdb.Error as error:
                raise SourceError(
                    f"{path} failed as a store: {first_line(error)} What was committed before is"
                    " as it was. Check the disk; if the file is corrupt, move it away to pull anew."
                ) from error


def create(path: Path, stamp: Stamp, fill: Callable[[Book], None] = lambda book: None) -> None:
    """A store at *path* with what *fill* puts in; whole or not at all, never over a file."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    log = path.with_name(f"{path.name}.wal")
    if log.exists():
        raise SourceError(
            f"{path} is gone, and its unfinished {log.name} is still there. Bring the file back,"
            " or move both away."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        with duckdb.connect(str(unfinished)) as connection:
            for statement in _statements():
                connection.execute(statement)
            connection.execute("insert into meta values (?, ?, ?)", [SCHEMA, *astuple(stamp)])
            fill(Book(connection))
        with suppress(FileExistsError):  # another run was faster; its file is as good
            os.link(unfinished, path)  # unlike a rename, it fails where a file is
    except (OSError, duckdb.Error) as error:
        raise SourceError(
            f"cannot make a store at {path}: {first_line(error)} Check store_path and the disk."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _statements() -> Iterator[str]:
    yield "create table meta (schema integer, id varchar, salt varchar)"
    yield (
        "create table series (id integer, source varchar, endpoint varchar, account varchar,"
        " report varchar, bucket varchar)"
    )
    times = ", ".join(f"{name} timestamp" for name in ANSWERED[:-1])
    yield f"create table answered (series integer, {times}, pages varchar)"
    for table, columns in COLUMNS.items():
        typed = ", ".join(f"{column} {_type(column)}" for column in columns)
        yield f"create table {table} (series integer, {typed})"


def _type(column: str) -> str:
    if column in {*BUCKET, "day"}:
        return "timestamp"
    if column in COUNTS:
        return "bigint"
    return "double" if column.endswith("_usd") else "varchar"


def _stamp(connection: duckdb.DuckDBPyConnection) -> Stamp:
    """Id and salt of the store, or SourceError if it is none or of another version."""
    try:
        found = connection.execute("select * from meta").fetchone()
    except duckdb.CatalogException as error:
        raise SourceError(
            "store_path names a DuckDB file that is no store of cacheaudit; it was left as it is."
            " Choose another store_path."
        ) from error
    schema = found and found[0]
    if found is None or schema != SCHEMA:
        raise SourceError(
            f"the store at store_path has schema {schema}; this version reads {SCHEMA}. It was left"
            " as it is. Use the version of cacheaudit that made it, or another store_path."
        )
    return Stamp(id=found[1], salt=found[2])


def _times(table: str) -> list[str]:
    return BUCKET if table == "usage" else ["day"]


def _naive(at: pd.Timestamp | None) -> Any:
    return None if at is None else at.tz_convert("UTC").tz_localize(None).to_pydatetime()


def _utc(at: Any) -> pd.Timestamp | None:
    return None if at is None else pd.Timestamp(at, tz="UTC")
