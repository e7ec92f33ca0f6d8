"""What a notebook cell ends with: values in, one piece of the page or of a plain text out.

A piece has _repr_html_() for the page and to_text() for the terminal and mail. It holds words that
are already written (report.py) and computes nothing. Every text that it is given is data: it passes
through html.escape on its way to the page, attributes included, and loses control characters in
both forms. Markup comes from this module alone; how it looks, from page.css. Where a run of texts
is asked for, one string counts as one text.
"""

import base64
import io
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import fill
from typing import Literal, Protocol

import matplotlib.pyplot as plt
from matplotlib.figure import Figure as Drawing

WIDTH = 78  # columns of the plain text
NONE_FOUND = "None found."

# control characters (escape codes for a terminal), lone surrogates, and marks that turn text round
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_STATUS = {  # status: tone in page.css, glyph, word
    "incident": ("alert", "!", "Incident"),
    "quiet": ("good", "✓", "No incident"),
    "unknown": ("warn", "?", "Not known"),
}
_TONE = {
    "leading": "alert",
    "fail": "alert",
    "possible": "warn",
    "unknown": "warn",
    "pass": "good",
}


class Piece(Protocol):
    """Anything that a cell may end with, or Details may hold."""

    def _repr_html_(self) -> str: ...

    def to_text(self) -> str: ...


def plain(text: str) -> str:
    """*text* with each control character replaced by U+FFFD."""
    return _CONTROL.sub("\ufffd", text)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The banner that opens the page.

    sentences  what the reader must know, each its own line, in this order
    label      replaces the word of the status ("Incident"), as in "Not ready"
    """

    status: Literal["incident", "quiet", "unknown"]
    headline: str
    sentences: Sequence[str]
    label: str = ""

    def __post_init__(self) -> None:
        if self.status not in _STATUS:
            raise ValueError(f"a verdict is one of {list(_STATUS)}, not {self.status!r}")

    def _repr_html_(self) -> str:
        tone, glyph, word = _STATUS[self.status]
        return (
            f'<section class="ca-verdict ca-{tone}" aria-label="Verdict">'
            f'<p class="ca-status"><span class="ca-glyph" aria-hidden="true">{glyph}</span> '
            f'{_h(self.label or word)}</p><p class="ca-headline">{_h(self.headline)}</p>'
            f"{_each('p', self.sentences)}</section>"
        )

    def to_text(self) -> str:
        _, glyph, word = _STATUS[self.status]
        head = f"[{glyph}] {self.label or word}: {self.headline}"
        return "\n\n".join(_fill(text) for text in (head, *_texts(self.sentences)))


@dataclass(frozen=True, slots=True)
class KeyNumbers:
    """A grid of figures; each item is (label, value, note), and the note may be empty."""

    items: Sequence[tuple[str, str, str]]

    def _repr_html_(self) -> str:
        cells = (
            f'<div><dt>{_h(label)}</dt><dd class="ca-value">{_h(value)}</dd>'
            + (f'<dd class="ca-note">{_h(note)}</dd>' if note else "")
            + "</div>"
            for label, value, note in self.items
        )
        return f'<dl class="ca-numbers">{"".join(cells)}</dl>'

    def to_text(self) -> str:
        lines = (
            f"{label}: {value}" + (f" ({note})" if note else "")
            for label, value, note in self.items
        )
        return "\n".join(_fill(line, hang="  ") for line in lines)


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs."""

    paragraphs: Sequence[str]

    def _repr_html_(self) -> str:
        return _each("p", self.paragraphs)

    def to_text(self) -> str:
        return "\n\n".join(_fill(text) for text in _texts(self.paragraphs))


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list in no particular order."""

    items: Sequence[str]

    def _repr_html_(self) -> str:
        return f"<ul>{_each('li', self.items)}</ul>"

    def to_text(self) -> str:
        return "\n".join(_fill(text, lead="- ", hang="  ") for text in _texts(self.items))


@dataclass(frozen=True, slots=True)
class Definitions:
    """Terms and what they mean or hold: (term, text)."""

    pairs: Sequence[tuple[str, str]]

    def _repr_html_(self) -> str:
        rows = (f"<div><dt>{_h(term)}</dt><dd>{_h(text)}</dd></div>" for term, text in self.pairs)
        return f'<dl class="ca-terms">{"".join(rows)}</dl>'

    def to_text(self) -> str:
        return "\n".join(_fill(f"{term}: {text}", hang="  ") for term, text in self.pairs)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a Table; numbers go to the right."""

    label: str
    align: Literal["left", "right"] = "left"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts, one per column; the first column names its row.

    With more than two columns a phone shows each row as a block, its cells labelled by data-label.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    caption: str

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{len(row)} cells in a row of {len(self.columns)} columns")

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col"{_side(column)}>{_h(column.label)}</th>' for column in self.columns
        )
        body = "".join(f"<tr>{self._cells(row)}</tr>" for row in self.rows)
        if not self.rows:
            body = f'<tr><td colspan="{len(self.columns)}">{NONE_FOUND}</td></tr>'
        stack = " ca-stack" if len(self.columns) > 2 else ""
        return (
            f'<div class="ca-table{stack}"><table><caption>{_h(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _cells(self, row: Sequence[str]) -> str:
        first = f'<th scope="row"{_side(self.columns[0])}>{_h(row[0])}</th>'
        rest = zip(self.columns[1:], row[1:], strict=True)
        return first + "".join(
            f'<td{_side(column)} data-label="{_h(column.label)}">{_h(cell)}</td>'
            for column, cell in rest
        )

    def to_text(self) -> str:
        head = [column.label for column in self.columns]
        lines = [[" ".join(plain(c).split()) for c in row] for row in (head, *self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        aligned = [
            "  ".join(
                cell.rjust(width) if column.align == "right" else cell.ljust(width)
                for cell, width, column in zip(line, widths, self.columns, strict=True)
            ).rstrip()
            for line in lines
        ]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        return "\n".join([_fill(self.caption), aligned[0], rule, *(aligned[1:] or [NONE_FOUND])])


@dataclass(frozen=True, slots=True)
class Card:
    """A suspect: its standing, the evidence on both sides, and what would decide.

    badge   leading, possible, ruled out (or ruled_out), not tested; pass, fail and unknown for a
            gate; any other word is shown without a colour
    footer  a whole sentence, or empty
    """

    title: str
    badge: str
    lines_for: Sequence[str] = ()
    lines_against: Sequence[str] = ()
    footer: str = ""

    @property
    def standing(self) -> str:
        """The badge as people read it."""
        return self.badge.replace("_", " ")

    def _repr_html_(self) -> str:
        tone = _TONE.get(self.standing.lower(), "calm")
        sides = _side_by_side(self.lines_for, self.lines_against)
        footer = f'<p class="ca-footer">{_h(self.footer)}</p>' if self.footer else ""
        return (
            f'<article class="ca-card ca-{tone}"><div class="ca-head"><h3>{_h(self.title)}</h3>'
            f'<span class="ca-badge">{_h(self.standing)}</span></div>{sides}{footer}</article>'
        )

    def to_text(self) -> str:
        return "\n".join(
            [
                _fill(f"{self.title} [{self.standing}]"),
                *(_fill(x, lead="  + ", hang="    ") for x in _texts(self.lines_for)),
                *(_fill(x, lead="  - ", hang="    ") for x in _texts(self.lines_against)),
                *([_fill(self.footer, lead="  ", hang="  ")] if self.footer else []),
            ]
        )


@dataclass(frozen=True, slots=True)
class Cards:
    """Causes or gates, in the order in which they should be read."""

    items: Sequence[Card]

    def _repr_html_(self) -> str:
        return f'<div class="ca-cards">{"".join(card._repr_html_() for card in self.items)}</div>'

    def to_text(self) -> str:
        return "\n\n".join(card.to_text() for card in self.items)


@dataclass(frozen=True, slots=True)
class Figure:
    """A matplotlib drawing as a PNG in the page; *alt* states the finding, not the chart type.

    pyplot forgets the drawing at once, so that Jupyter does not show it a second time.
    """

    figure: Drawing
    alt: str
    caption: str

    def __post_init__(self) -> None:
        plt.close(self.figure)

    def _repr_html_(self) -> str:
        image = io.BytesIO()
        self.figure.savefig(
            image,
            format="png",
            dpi=160,
            bbox_inches="tight",
            facecolor="white",
            metadata={"Software": None},  # else the bytes change with matplotlib's version
        )
        width, height = struct.unpack(">II", image.getvalue()[16:24])
        data = base64.b64encode(image.getvalue()).decode("ascii")
        return (
            f'<figure class="ca-figure"><img src="data:image/png;base64,{data}" width="{width}"'
            f' height="{height}" alt="{_h(self.alt)}"><figcaption>{_h(self.caption)}</figcaption>'
            "</figure>"
        )

    def to_text(self) -> str:
        return _fill(f"[Figure: {self.alt}] {self.caption}")


@dataclass(frozen=True, slots=True)
class Details:
    """Pieces behind a line that opens them; on paper they are open."""

    summary: str
    body: Piece | Sequence[Piece]

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The body as a tuple."""
        return tuple(self.body) if isinstance(self.body, Sequence) else (self.body,)

    def _repr_html_(self) -> str:
        body = "".join(piece._repr_html_() for piece in self.pieces)
        return f"<details><summary>{_h(self.summary)}</summary>{body}</details>"

    def to_text(self) -> str:
        return "\n\n".join([_fill(self.summary), *(piece.to_text() for piece in self.pieces)])


def _h(text: str) -> str:
    return escape(plain(text), quote=True)


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)


def _each(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{_h(text)}</{tag}>" for text in _texts(texts))


def _side(column: Column) -> str:
    return ' class="ca-num"' if column.align == "right" else ""


def _side_by_side(lines_for: Iterable[str], lines_against: Iterable[str]) -> str:
    """Both lists, so that an empty side is seen to be empty; nothing if nothing was looked at."""
    pro, contra = _texts(lines_for), _texts(lines_against)
    if not (pro or contra):
        return ""
    left, right = (
        f"<ul>{_each('li', side)}</ul>" if side else f"<p>{NONE_FOUND}</p>"
        for side in (pro, contra)
    )
    return (
        f'<div class="ca-sides"><div class="ca-for"><h4>For</h4>{left}</div>'
        f'<div class="ca-against"><h4>Against</h4>{right}</div></div>'
    )


def _fill(text: str, *, lead: str = "", hang: str = "") -> str:
    return fill(
        plain(text),
        WIDTH,
        initial_indent=lead,
        subsequent_indent=hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
