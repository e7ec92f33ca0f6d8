"""One process at a time: DuckDB's own lock on the file, waited for.

The lock is the operating system's, so it is gone when its holder is, however that ended, and it
needs no lock file. Within one process DuckDB shares an open file; there a lock of ours stands in.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import duckdb

from ..errors import SourceError

Say = Callable[[str], None]

HELD = re.compile(r"could not set lock|conflicting lock|used by another process", re.IGNORECASE)
PROCESS = re.compile(r"\(PID (\d+)\)")
EVERY_S = 0.1  # between two tries
REMIND_S = 30.0  # between two words about it

_here: dict[Path, Lock] = {}


@contextmanager
def my_turn(path: Path, *, wait_s: float, say: Say) -> Iterator[None]:
    """No other thread of this process makes or uses the store meanwhile."""
    lock = _here.setdefault(path.resolve(), Lock())
    if not lock.acquire(blocking=False):
        say(f"waiting for another pull of this process, which has {path} open")
        if not lock.acquire(timeout=wait_s):
            raise _busy(path, "another thread of this process", wait_s)
    try:
        yield
    finally:
        lock.release()


def connected(path: Path, *, wait_s: float, say: Say) -> duckdb.DuckDBPyConnection:
    """A connection to *path* that no other process has, or SourceError after *wait_s*."""
    deadline = time.monotonic() + wait_s
    said_at = -REMIND_S
    while True:
        try:
            return duckdb.connect(str(path))
        except duckdb.Error as error:
            if not HELD.search(str(error)):
                raise SourceError(
                    f"{path} cannot be opened as a store: {first_line(error)} It was left as it"
                    " is. Move it away to pull anew, or to rebuild it from the pages beside it."
                ) from error
            process = PROCESS.search(str(error))
            holder = f"process {process[1]}" if process else "another process"
        if (now := time.monotonic()) >= deadline:
            raise _busy(path, holder, wait_s)
        if now - said_at >= REMIND_S:
            say(f"waiting for {holder}, which has {path} open (at most {wait_s:.0f} s)")
            said_at = now
        time.sleep(EVERY_S)


def first_line(error: Exception) -> str:
    """What DuckDB says, without its advice, as a sentence."""
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".!") + "."


def _busy(path: Path, holder: str, wait_s: float) -> SourceError:
    return SourceError(
        f"{path} is still open in {holder} after {wait_s:.0f} s; one pull at a time can use a"
        " store. Let it finish or end it, then run again."
    )
