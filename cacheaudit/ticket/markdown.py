"""Text that came from data stays text in Markdown: no link, no tag, no mention, no table cell."""

import re
from collections.abc import Sequence

MARKS = re.compile(r"([\\`*_\[\]<>|~&$])|:(?=//|[a-z+_][\w+-]*:)|(?<=mailto):|(?<=xmpp):")
CALLS = re.compile(r"(?i)(@|#(?=\d)|\bwww\.(?=\S))")
BEGINS = re.compile(r"^([-+#=]+|\d+[.)])(?=\s|$)")
JOINER = "\u2060"  # word joiner: takes no room, and ends what would be a name or an address
KEPT = "\u00a0"  # the space between a number and its unit


def plain(text: str) -> str:
    """*text* in one line, with nothing in it that Markdown reads.

    After an @ comes a word joiner, or it would call a person of that name; likewise after # (an
    issue) and www. (an address).

    >>> plain("[x](http://evil)"), plain("5 * 3 | 4")
    ('\\\\[x\\\\](http\\\\://evil)', '5 \\\\* 3 \\\\| 4')
    """
    line = "".join(c if c.isprintable() or c == KEPT else " " for c in text)
    line = re.sub(" {2,}", " ", line).strip()
    line = MARKS.sub(lambda found: f"\\{found[0]}", line)
    line = CALLS.sub(lambda found: f"{found[0]}{JOINER}", line)
    return BEGINS.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", line)


def bullets(lines: Sequence[str]) -> str:
    """A list of *lines*, which are Markdown already."""
    return "\n".join(f"- {line}" for line in lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
