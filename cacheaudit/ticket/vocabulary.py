"""The kit's own words: what a finding may say without naming anything of a team's own.

They are read from the text in the kit's own sources, so that a sentence of another wording needs
no list kept. A word that is in none of them is taken for a name: the error that leaks nothing.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

ROOMS = ("causes", "quality", "excess", "incidents", "pricing")
MODULES = ("events.py", "words.py", "cost.py")
BESIDE = frozenset({"docs", "third-party", "genai-prices", "s", "usd", "utc"})  # from tables
JOINS = "-./:@+',\u2019"  # these join two parts into one word, where letters are on both sides
WORD = re.compile(rf"\w+(?:[{JOINS}]+\w+)*")
NUMBER = re.compile(r"\d[\d.,:/T-]*(?:x|h|D|M|k|min)?(?:\+00)?")
MARKS = re.compile(r"[!-/:-@\[-`{-~\s\u00a0\u2013\u2014\u2018\u2019\u201c\u201d\u2192\u00d7]*")


@cache
def kit_words() -> frozenset[str]:
    """Every word in the text of findings, in lower case."""
    found = set(BESIDE)
    for text in _texts():
        found |= {word.casefold() for word in WORD.findall(text)}
    return frozenset(found)


def foreign(text: str, known: frozenset[str]) -> list[str]:
    """What in *text* is no number, no mark and no word of *known* (in lower case).

    >>> foreign("5 of 80.1 % read it via night-ly", frozenset({"of", "read", "it", "via"}))
    ['night-ly']
    """
    strange = [word for word in WORD.findall(text) if not _plain(word, known)]
    if MARKS.fullmatch(WORD.sub("", text)) is None:
        strange.append(WORD.sub("", text).strip())
    return strange


def _plain(word: str, known: frozenset[str]) -> bool:
    """A number, a known word, or both joined (`5-minute`)."""
    if word.casefold() in known or NUMBER.fullmatch(word):
        return True
    parts = re.split(rf"[{JOINS}]+", word)
    numbers = [NUMBER.fullmatch(part) is not None for part in parts]
    return any(numbers) and all(
        number or part.casefold() in known for number, part in zip(numbers, parts, strict=True)
    )


def _texts() -> Iterator[str]:
    """Text in the sources of ROOMS and MODULES; docstrings are none."""
    kit = files("cacheaudit")
    rooms = [file for room in ROOMS for file in kit.joinpath(room).iterdir()]
    for file in [*rooms, *(kit.joinpath(name) for name in MODULES)]:
        if file.name.endswith(".py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            lone = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
            for node in ast.walk(tree):
                if id(node) not in lone and isinstance(node, ast.Constant):
                    yield str(node.value)
