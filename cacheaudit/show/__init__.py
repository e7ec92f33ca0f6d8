"""What a notebook cell ends with: values in, one piece of the page or of a plain text out.

A piece has _repr_html_() for the page and to_text() for the terminal and mail. It holds words that
are already written (report.py) and computes nothing. Every text that it is given is data: it passes
through html.escape on its way to the page, attributes included, and loses control characters in
both forms. Markup comes from this module alone; how it looks, from page.css. Where a run of texts
is asked for, one string counts as one text.
"""

from .cards import Card, Cards
from .figure import Figure
from .markup import Piece, plain
from .pieces import Bullets, Column, Definitions, Details, KeyNumbers, Prose, Table, Verdict

__all__ = [
    "Bullets",
    "Card",
    "Cards",
    "Column",
    "Definitions",
    "Details",
    "Figure",
    "KeyNumbers",
    "Piece",
    "Prose",
    "Table",
    "Verdict",
    "plain",
]
