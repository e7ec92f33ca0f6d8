"""The provider's pages as they came, in gzip JSON beside the store: `usage.duckdb.pages/`.

One file per answer, written whole or not at all, numbered in the order of the answers. It says
which store, series and window it answers, so the rows can be made again from these files alone
(rebuild.py): each replaces what came before it in [low, high). Its rows from *high* on belong to
the bucket that was cut, which the store does not keep.
"""

import gzip
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import SourceError
from ..files import write_whole
from .intervals import Answered
from .report import Page

SCHEMA = 1
SUFFIX = ".json.gz"
TIMES = [f.name for f in fields(Answered) if f.name != "pages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What makes a pull what it is; rows of two series never mix.

    source    key of sources.SOURCES
    endpoint  base_url without what could be a secret
    account   whose usage: a label, or a salted hash of the key
    report    usage or cost
    bucket    1m, 1h or 1d
    """

    source: str
    endpoint: str
    account: str
    report: str
    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What tells one store from another: the names of its files, and the salt of its hashes."""

    id: str
    salt: str


def folder_of(store: Path) -> Path:
    """Where the pages of *store* are."""
    return store.with_name(f"{store.name}.pages")


def file_name(stamp: Stamp, number: int) -> str:
    """Name of the pages of the answer *number* in the store of *stamp*."""
    return f"{stamp.id}-{number:08d}{SUFFIX}"


def number_of(name: str) -> int:
    """The number in a file's name.

    >>> number_of("0a1b2c3d-00000017.json.gz")
    17
    """
    return int(name.removesuffix(SUFFIX).rpartition("-")[2])


def write_pages(
    folder: Path, stamp: Stamp, series: Series, answer: Answered, pages: list[Page]
) -> None:
    """Write *pages* and what they answer to the file that *answer* names."""
    times = {name: getattr(answer, name) for name in TIMES}
    said = {
        "schema": SCHEMA,
        "store": asdict(stamp),
        "series": asdict(series),
        "answer": {name: at and at.isoformat() for name, at in times.items()},
        "pages": pages,
    }
    try:
        folder.mkdir(exist_ok=True)
        text = json.dumps(said, ensure_ascii=False)
        write_whole(folder / answer.pages, gzip.compress(text.encode(), mtime=0))
    except OSError as error:
        raise SourceError(
            f"cannot write pages into {folder}: {error.strerror}; nothing of this piece was kept."
            " Check the disk, then run again."
        ) from error


def read_pages(file: Path) -> tuple[Stamp, Series, Answered, list[Page]]:
    """What `write_pages` wrote."""
    try:
        said = json.loads(gzip.decompress(file.read_bytes()))
        if said["schema"] != SCHEMA:
            raise SourceError(
                f"{file} has schema {said['schema']}; this version reads {SCHEMA}. Use the version"
                " of cacheaudit that wrote it."
            )
        times: dict[str, Any] = {k: v and pd.Timestamp(v) for k, v in said["answer"].items()}
        answer = Answered(**times, pages=file.name)
        return Stamp(**said["store"]), Series(**said["series"]), answer, said["pages"]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{file} is missing, cut or no pages of a store.") from error


def sweep(folder: Path, stamp: Stamp, needed: set[str]) -> None:
    """Remove files of this store that no answer needs; those of other stores stay."""
    for file in folder.glob(f"{stamp.id}-*{SUFFIX}"):
        if file.name not in needed:
            file.unlink()
    for unfinished in folder.glob(f".{stamp.id}-*.part"):
        unfinished.unlink()
