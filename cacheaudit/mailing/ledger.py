"""What was sent, a line each, in a file of its own. The disk ends here.

A line is written when the server has taken the mail. A crash between the two sends that report
once more, at most; a line that it cut is left out, and the next begins below it.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import SourceError
from .due import FIELDS


def read_sent(path: Path) -> list[dict[str, Any]]:
    """What was sent, in order; a line that was cut off by a crash is left out."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict) and set(FIELDS) <= set(row):
            rows.append(row)
    return rows


def keep_sent(path: Path, row: Mapping[str, Any], at: str) -> None:
    """Add *row* (due.row_of) to what was sent; on the disk when this returns."""
    with path.open("a+b") as file:
        fresh = b"\n" if _is_cut(path) else b""
        file.write(fresh + json.dumps({"at": at, **row}).encode("ascii") + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _is_cut(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One sender at a time: two schedules that meet do not both send."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f"{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise SourceError(
            f"cannot keep what was sent in {path}: {error.strerror}. Give another sent_path."
        ) from error
