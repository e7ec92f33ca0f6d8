"""Which parts of a file are read by people and not by a program: comments, prose.

Told by a few patterns a language family, not by a parser: a file need not be whole, or valid. Where
a string is left open, its line ends it; so an error reaches no further than a line, except in a
template string.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

INDENT = 200  # a docstring is the first thing of its line, and no line is indented by more
STRINGS = r""""(?:\\.|[^"\\\n])*"?|(?<!\w)'(?:\\.|[^'\\\n])*'?"""
BLOCK = r"/\*[\s\S]*?(?:\*/|\Z)"
_FAMILIES = {
    "python": rf'"""[\s\S]*?(?:"""|\Z)|\'\'\'[\s\S]*?(?:\'\'\'|\Z)|{STRINGS}|#[^\n]*',
    "braces": rf"`(?:\\.|[^`\\])*(?:`|\Z)|{STRINGS}|//[^\n]*|{BLOCK}|<!--[\s\S]*?(?:-->|\Z)",
    "rust": rf""""(?:\\.|[^"\\])*(?:"|\Z)|//[^\n]*|{BLOCK}""",
    "hash": rf"{STRINGS}|(?:(?<=\s)|^)#[^\n]*",
    "terraform": rf"{STRINGS}|(?:(?<=\s)|^)(?:#|//)[^\n]*|{BLOCK}",
    "php": rf"{STRINGS}|(?://|#(?!\[))[^\n]*|{BLOCK}|<!--[\s\S]*?(?:-->|\Z)",
    "dashes": rf"{STRINGS}|--[^\n]*|{BLOCK}",
}
_SUFFIXES = {
    **dict.fromkeys([".py", ".pyi", ".ipynb"], "python"),
    **dict.fromkeys([".rs"], "rust"),
    **dict.fromkeys([".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"], "braces"),
    **dict.fromkeys([".vue", ".svelte", ".json", ".jsonc", ".json5", ".gradle"], "braces"),
    **dict.fromkeys([".go", ".java", ".kt", ".kts", ".scala", ".groovy", ".swift"], "braces"),
    **dict.fromkeys([".c", ".cc", ".cpp", ".h", ".hpp", ".cs", ".dart", ".proto"], "braces"),
    **dict.fromkeys([".rb", ".sh", ".bash", ".zsh", ".fish", ".pl", ".r", ".jl"], "hash"),
    **dict.fromkeys([".ex", ".exs", ".ps1", ".nix", ".mk"], "hash"),
    **dict.fromkeys([".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".env"], "hash"),
    **dict.fromkeys([".properties", ".tfvars.json"], "hash"),
    **dict.fromkeys([".tf", ".tfvars", ".hcl", ".bicep"], "terraform"),
    **dict.fromkeys([".php"], "php"),
    **dict.fromkeys([".sql", ".lua"], "dashes"),
}
_NAMES = re.compile(
    r"(?:.*\.)?(?:dockerfile|containerfile|makefile|justfile|jenkinsfile|procfile)(?:\..*)?"
    r"|\.env(?:\..*)?|.*\.env\..*",
    re.IGNORECASE,
)
PROSE = {".md", ".mdx", ".rst", ".txt", ".adoc", ".tex"}


@dataclass(frozen=True, slots=True)
class Regions:
    """Stretches of a text that people read, in order: where each starts and ends, and its kind."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    kinds: tuple[str, ...]

    def at(self, place: int) -> str:
        """`comment` or `prose`; "" for what a program reads."""
        found = bisect_right(self.starts, place) - 1
        return self.kinds[found] if found >= 0 and place < self.ends[found] else ""


def language(name: str) -> str:
    """The family that the file called *name* is written in; "prose", or "" for none we know.

    >>> language("app.py"), language("Dockerfile.prod"), language("main.tf"), language("a.csv")
    ('python', 'hash', 'terraform', '')
    """
    path = PurePath(name)
    if _NAMES.fullmatch(path.name):
        return "hash"
    suffix = path.suffix.lower()
    return "prose" if suffix in PROSE else _SUFFIXES.get(suffix, "")


def regions(text: str, family: str) -> Regions:
    """Comments and prose of *text*; none where the family has no comments that are known."""
    if family == "prose":
        return Regions((0,), (len(text),), ("prose",))
    if family not in _FAMILIES:
        return Regions((), (), ())
    found = list(_stretches(text, family))
    starts, ends, kinds = zip(*found, strict=True) if found else ((), (), ())
    return Regions(starts, ends, kinds)


def _stretches(text: str, family: str) -> Iterator[tuple[int, int, str]]:
    for match in _pattern(family).finditer(text):
        found = match[0]
        if found.startswith(('"""', "'''")):
            low = max(match.start() - INDENT, 0)
            if not text[low : match.start()].rpartition("\n")[2].strip(" \trRuU"):
                yield match.start(), match.end(), "prose"
        elif not found.startswith(('"', "'", "`")):
            yield match.start(), match.end(), "comment"


@cache
def _pattern(family: str) -> re.Pattern[str]:
    return re.compile(_FAMILIES[family], re.MULTILINE)
