"""A request's prompt as words with places where a cache entry may end.

A word is a token of the oldest tokenizer; the catalogue says how many tokens a version makes of
words. Names of places are hashes of everything before them, so that one changed word changes all
that follow.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .cache import Mark
from .catalogue import BLOCK_TOKENS, Served

WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of a prompt that is changed or kept as a whole.

    part   tools, system or messages
    role   who says it; part of what is hashed
    text   what it says, or its JSON
    life   lifetime of the entry that ends here; "" where none is written
    sought whether entries that end here are looked for (where no lookback says so)
    kind   of the entries that end here; one kind is not read as another
    """

    part: str
    role: str
    text: str
    life: str = ""
    sought: bool = False
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a request sends and where its prefix may end.

    salts      (part, text) that change the name of a part although no block of it changed
    lookback   block positions before a written mark at which entries are looked for; None: all
    life       lifetime of entries that no block marks; "" is the model's default
    """

    blocks: tuple[Block, ...]
    salts: tuple[tuple[str, str], ...] = ()
    lookback: int | None = None
    life: str = ""

    def words(self) -> int:
        """Of all blocks."""
        return sum(len(words_of(block.text)) for block in self.blocks)

    def digest(self, part: str) -> tuple[str, ...]:
        """Names of the blocks of *part*, for comparing two requests."""
        return tuple(_hash("", b.role, b.text) for b in self.blocks if b.part == part)

    def marks(self, model: Served) -> list[Mark]:
        """The places of this prompt on *model*, shortest first; nothing below its minimum."""
        found = self._by_block(model) if model.writes_billed else self._by_tokens(model)
        return [mark for mark in found if mark.tokens >= model.minimum_tokens]

    def _by_block(self, model: Served) -> list[Mark]:
        salts, key, words, marks = dict(self.salts), "", 0, []
        seen = self._looked_for()
        for place, block in enumerate(self.blocks):
            key = _hash(key, block.part, salts.pop(block.part, ""), block.role, block.text)
            words += len(words_of(block.text))
            readable = block.sought if seen is None else place in seen
            marks.append(Mark(key + block.kind, model.tokens(words), block.life, readable))
        return marks

    def _looked_for(self) -> set[int] | None:
        if self.lookback is None:
            return None
        written = (place for place, block in enumerate(self.blocks) if block.life)
        return {at for place in written for at in range(place - self.lookback + 1, place + 1)}

    def _by_tokens(self, model: Served) -> list[Mark]:
        """Whole blocks of tokens, from the minimum on; every one is written and read."""
        words = [w for b in self.blocks for w in (b.part, b.role, *words_of(b.text))]
        every = max(1, int(BLOCK_TOKENS / model.tokens_per_word))
        key, life, marks = json.dumps(self.salts), self.life or next(iter(model.lives)), []
        for end in range(every, len(words) + 1, every):
            key = _hash(key, *words[end - every : end])
            marks.append(Mark(key, BLOCK_TOKENS * (end // every), life))
        total = model.tokens(self.words())
        return [mark for mark in marks if mark.tokens <= total]


@lru_cache(maxsize=512)
def words_of(text: str) -> tuple[str, ...]:
    """The words of *text*; a sign is one, too."""
    return tuple(WORD.findall(text))


def as_text(value: Any) -> str:
    """What a block says: its text, or the JSON of anything else, without its cache marks."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in _MARKS}
        if set(kept) <= {"type", "text"} and isinstance(kept.get("text"), str):
            return str(kept["text"])
        value = kept
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


_MARKS = ("cache_control", "prompt_cache_breakpoint")


def _hash(*parts: str) -> str:
    return _hashed(tuple(parts))


@lru_cache(maxsize=65_536)
def _hashed(parts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
