"""A store made again from the provider's pages beside it."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ..errors import SourceError
from .book import STARTS, Book, create
from .raw import SUFFIX, folder_of, read_pages
from .report import Page

FrameOf = Callable[[list[Page]], pd.DataFrame]


def rebuild(path: Path, frame_of: Callable[[str, str], FrameOf]) -> int:
    """Make the store at *path*, which is gone or was moved away; returns the number of answers.

    *frame_of* gives what reads the pages of a source's report. Raises SourceError while a file
    is at *path*, without pages, with pages of two stores, or with one that is cut.
    """
    folder = folder_of(path)
    if path.exists():
        raise SourceError(f"{path} is there; expected none. Move it away to rebuild it.")
    read = [read_pages(file) for file in sorted(folder.glob(f"*{SUFFIX}"))]
    stamps = {stamp for stamp, *_ in read}
    if len(stamps) != 1:
        raise SourceError(
            f"{folder} holds pages of {len(stamps)} stores; expected those of one. Their names"
            " begin with the store's id: move the others away."
        )

    def fill(book: Book) -> None:
        for _, series, answer, pages in read:
            frame = frame_of(series.source, series.report)(pages)
            kept = frame[frame[STARTS[series.report]] < answer.high]
            book.commit(book.series_id(series), series.report, answer, kept)

    create(path, stamps.pop(), fill)
    return len(read)
