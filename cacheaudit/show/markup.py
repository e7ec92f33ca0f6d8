"""Escaping and filling, and what every piece has."""

import re
from collections.abc import Iterable
from html import escape
from textwrap import fill
from typing import Protocol

WIDTH = 78  # columns of the plain text
NONE_FOUND = "None found."

# control characters (escape codes for a terminal), lone surrogates, and marks that turn text round
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Piece(Protocol):
    """Anything that a cell may end with, or Details may hold."""

    def _repr_html_(self) -> str: ...

    def to_text(self) -> str: ...


def plain(text: str) -> str:
    """*text* with each control character replaced by U+FFFD."""
    return _CONTROL.sub("\ufffd", text)


def escaped(text: str) -> str:
    """*text* for a page, attributes included."""
    return escape(plain(text), quote=True)


def as_texts(texts: Iterable[str]) -> tuple[str, ...]:
    """One string is one text, not its letters."""
    return (texts,) if isinstance(texts, str) else tuple(texts)


def each(tag: str, texts: Iterable[str]) -> str:
    """Each text in a tag of its own."""
    return "".join(f"<{tag}>{escaped(text)}</{tag}>" for text in as_texts(texts))


def filled(text: str, *, lead: str = "", hang: str = "") -> str:
    """*text* in lines of the terminal's width."""
    return fill(
        plain(text),
        WIDTH,
        initial_indent=lead,
        subsequent_indent=hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
