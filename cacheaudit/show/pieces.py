"""Verdict, numbers, prose, lists and tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .markup import NONE_FOUND, WIDTH, Piece, as_texts, each, escaped, filled, plain

_STATUS = {  # status: tone in page.css, glyph, word
    "incident": ("alert", "!", "Incident"),
    "quiet": ("good", "✓", "No incident"),
    "unknown": ("warn", "?", "Not known"),
}


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
            f'{escaped(self.label or word)}</p><p class="ca-headline">{escaped(self.headline)}</p>'
            f"{each('p', self.sentences)}</section>"
        )

    def to_text(self) -> str:
        _, glyph, word = _STATUS[self.status]
        head = f"[{glyph}] {self.label or word}: {self.headline}"
        return "\n\n".join(filled(text) for text in (head, *as_texts(self.sentences)))


@dataclass(frozen=True, slots=True)
class KeyNumbers:
    """A grid of figures; each item is (label, value, note), and the note may be empty."""

    items: Sequence[tuple[str, str, str]]

    def _repr_html_(self) -> str:
        cells = (
            f'<div><dt>{escaped(label)}</dt><dd class="ca-value">{escaped(value)}</dd>'
            + (f'<dd class="ca-note">{escaped(note)}</dd>' if note else "")
            + "</div>"
            for label, value, note in self.items
        )
        return f'<dl class="ca-numbers">{"".join(cells)}</dl>'

    def to_text(self) -> str:
        lines = (
            f"{label}: {value}" + (f" ({note})" if note else "")
            for label, value, note in self.items
        )
        return "\n".join(filled(line, hang="  ") for line in lines)


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs."""

    paragraphs: Sequence[str]

    def _repr_html_(self) -> str:
        return each("p", self.paragraphs)

    def to_text(self) -> str:
        return "\n\n".join(filled(text) for text in as_texts(self.paragraphs))


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list in no particular order."""

    items: Sequence[str]

    def _repr_html_(self) -> str:
        return f"<ul>{each('li', self.items)}</ul>"

    def to_text(self) -> str:
        return "\n".join(filled(text, lead="- ", hang="  ") for text in as_texts(self.items))


@dataclass(frozen=True, slots=True)
class Definitions:
    """Terms and what they mean or hold: (term, text)."""

    pairs: Sequence[tuple[str, str]]

    def _repr_html_(self) -> str:
        rows = (
            f"<div><dt>{escaped(term)}</dt><dd>{escaped(text)}</dd></div>"
            for term, text in self.pairs
        )
        return f'<dl class="ca-terms">{"".join(rows)}</dl>'

    def to_text(self) -> str:
        return "\n".join(filled(f"{term}: {text}", hang="  ") for term, text in self.pairs)


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
            f'<th scope="col"{_side(column)}>{escaped(column.label)}</th>'
            for column in self.columns
        )
        body = "".join(f"<tr>{self._cells(row)}</tr>" for row in self.rows)
        if not self.rows:
            body = f'<tr><td colspan="{len(self.columns)}">{NONE_FOUND}</td></tr>'
        stack = " ca-stack" if len(self.columns) > 2 else ""
        return (
            f'<div class="ca-table{stack}"><table><caption>{escaped(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _cells(self, row: Sequence[str]) -> str:
        first = f'<th scope="row"{_side(self.columns[0])}>{escaped(row[0])}</th>'
        rest = zip(self.columns[1:], row[1:], strict=True)
        return first + "".join(
            f'<td{_side(column)} data-label="{escaped(column.label)}">{escaped(cell)}</td>'
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
        if len(aligned[0]) > 2 * WIDTH or max(map(len, aligned)) > 2 * WIDTH:
            return self._to_blocks()
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        return "\n".join([filled(self.caption), aligned[0], rule, *(aligned[1:] or [NONE_FOUND])])

    def _to_blocks(self) -> str:
        """Each row as lines of their own: a table that is too wide for any terminal."""
        blocks = [
            "\n".join(
                [
                    filled(row[0]),
                    *(
                        filled(f"{column.label}: {cell}", lead="  ", hang="    ")
                        for column, cell in zip(self.columns[1:], row[1:], strict=True)
                        if cell
                    ),
                ]
            )
            for row in self.rows
        ]
        return "\n".join([filled(self.caption), *blocks])


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
        return f"<details><summary>{escaped(self.summary)}</summary>{body}</details>"

    def to_text(self) -> str:
        return "\n\n".join([filled(self.summary), *(piece.to_text() for piece in self.pieces)])


def _side(column: Column) -> str:
    return ' class="ca-num"' if column.align == "right" else ""
