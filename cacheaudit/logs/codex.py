"""Codex transcripts: to be written."""

from collections.abc import Iterator
from typing import Any

from .record import Call, Reader, one_by_one


def calls_in(value: Any) -> Iterator[Call]:
    """None yet."""
    yield from ()


READER = Reader(
    name="codex",
    title="Codex transcripts",
    recognises=lambda value: False,
    read=one_by_one(calls_in),
)
