"""A prompt cache that is honest: entries end where a request marked them, and live as long as sold.

An entry is the prefix of a prompt up to a mark. It belongs to a place (who may read it: provider,
workspace, served version, and whatever else separates caches), can be read once the response that
wrote it has begun, and lives from the start of the last request that wrote or read it. Nothing
shorter than the model's minimum is ever written or read.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

Place = Hashable


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a prompt where an entry may end.

    key       names everything up to here
    tokens    of the prompt up to here
    life      lifetime of the entry that is written here ("5m"); "" where none is
    readable  whether this request looks for an entry here
    """

    key: str
    tokens: int
    life: str = ""
    readable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How the input of one request was had; written is by lifetime. Sums to the prompt's tokens."""

    read_tokens: int
    written_tokens: dict[str, int] = field(default_factory=dict)
    uncached_tokens: int

    @property
    def input_tokens(self) -> int:
        """All of them."""
        return self.read_tokens + sum(self.written_tokens.values()) + self.uncached_tokens


def split(prompt_tokens: int, hit: Mark | None, written: Sequence[Mark]) -> Split:
    """Tokens of a prompt that read *hit* and wrote *written*, each what lies between two marks.

    >>> split(5000, Mark("a", 1000), [Mark("b", 3000, "1h"), Mark("c", 4500, "5m")])
    Split(read_tokens=1000, written_tokens={'1h': 2000, '5m': 1500}, uncached_tokens=500)
    """
    before = read = hit.tokens if hit else 0
    wrote: dict[str, int] = {}
    for mark in written:
        wrote[mark.life] = wrote.get(mark.life, 0) + mark.tokens - before
        before = mark.tokens
    return Split(read_tokens=read, written_tokens=wrote, uncached_tokens=prompt_tokens - before)


class PromptCache:
    """Entries by place; times are seconds on any one clock."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Place, str], tuple[float, float]] = {}  # (expires, life) in s

    def read(self, place: Place, marks: Iterable[Mark], at_s: float) -> Mark | None:
        """The longest of *marks* that can be read at *at_s*; it and those before it live anew."""
        hit = None
        for mark in marks:
            entry = self._entries.get((place, mark.key))
            if mark.readable and entry is not None and at_s < entry[0]:
                self._entries[place, mark.key] = (at_s + entry[1], entry[1])
                hit = mark if hit is None or mark.tokens > hit.tokens else hit
        return hit

    def write(self, place: Place, marks: Iterable[Mark], start_s: float, life_s: float) -> None:
        """Entries at *marks*, of a request that began at *start_s*."""
        for mark in marks:
            self._entries[place, mark.key] = (start_s + life_s, life_s)

    def clear(self) -> None:
        """Forget everything, as an operator may at any time."""
        self._entries.clear()
