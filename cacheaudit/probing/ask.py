"""What a protocol asks for: a prompt that nothing was cached of, and then the same again.

A prompt is synthetic (a head of so many words, and a short tail) or one of the team's own request
bodies. Each repetition begins with a nonce of its own at the very start, so that nothing of an
earlier one can answer for it; a nonce is words as well, so that it has the same length in tokens
each time.
"""

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

# Short words that tokenizers know as one token with the space before them.
TEXT = """
age air area art back bird board body book boy bridge business car case center change child city
color company corner country day door east education end eye face fact family father field fire
fish foot force form friend game garden girl glass government ground group guy hand head health
history home horse hour house idea island issue job kind law letter level life light line lot
man market member minute moment money month morning mother music name night north number office
order others paper parent part party people person place plan point policy power problem program
question reason research result right river road room school sense service ship side south space
state stone story student study summer system table teacher team test thing time town tree war
water way week west window winter woman word work world year
"""
WORDS = tuple(TEXT.split())
NONCE_WORDS = 12  # 7 bits each
BLOCK_WORDS = 4096
LEAST_OUTPUT_TOKENS = 16  # OpenAI's Responses API accepts no fewer
TAIL = "Say ok."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One call.

    candidate   label of whom to ask
    nonce       what makes the prompt new; the same nonce asks for the same prompt again
    words       length of the synthetic head, in words, with the nonce; 0 where body is given
    body        a request body of the team's own, in the candidate's API; None for synthetic
    tail        what is said after the head
    generate    whether output is wanted; else as little as the provider offers
    stream      whether the first token is to be timed
    before_id   response to compare with, where the provider diagnoses; None asks for none
    after_s     seconds to wait since the last call of the unit was sent
    warmed_s    seconds since the prefix was last used, for the receipt; None for a first call
    """

    candidate: str
    nonce: str
    words: int = 0
    body: Mapping[str, Any] | None = None
    tail: str = TAIL
    generate: bool = False
    stream: bool = False
    before_id: str | None = None
    after_s: float = 0.0
    warmed_s: float | None = None

    def head(self) -> str:
        """The text that is to be cached: the nonce, and words up to the length asked for."""
        first = nonce_words(self.nonce)
        return " ".join([*first, *filler(self.words - len(first))])

    @property
    def thinks(self) -> bool:
        """Whether the team's body asks for thinking, which needs room to answer after it."""
        return ((self.body or {}).get("thinking") or {}).get("type") == "enabled"

    @property
    def most_output_tokens(self) -> int:
        """That it may generate."""
        if self.thinks and self.body is not None:
            return int(self.body["max_tokens"])
        return LEAST_OUTPUT_TOKENS

    @property
    def shape(self) -> object:
        """What gives its length in tokens, but for the nonce."""
        return self.words, self.tail, None if self.body is None else json.dumps(self.body)

    def digest(self) -> str:
        """A hash of the prompt, for the receipt."""
        said = [self.head() if self.body is None else json.dumps(self.own_body(), sort_keys=True)]
        return hashlib.sha256("\x1f".join([*said, self.tail]).encode()).hexdigest()[:16]

    def own_body(self) -> dict[str, Any]:
        """The team's body with the nonce at its very start. Raises KeyError without a text."""
        assert self.body is not None
        copy: dict[str, Any] = json.loads(json.dumps(self.body))
        mark = " ".join(nonce_words(self.nonce))
        for name in ("tools", "system", "instructions", "messages", "input"):
            if copy.get(name):
                copy[name] = _marked(copy[name], mark)
                return copy
        raise KeyError("messages")

    def bytes(self) -> int:
        """Length of all that is sent, which no tokenizer turns into more tokens."""
        if self.body is not None:
            return len(json.dumps(self.own_body(), ensure_ascii=False).encode())
        return len(self.head().encode()) + len(self.tail.encode())


def nonce_words(nonce: str) -> list[str]:
    """*nonce* as words."""
    chance = random.Random(nonce)
    return chance.choices(WORDS, k=NONCE_WORDS)


def filler(count: int) -> list[str]:
    """So many words, always the same."""
    blocks = range(-(-count // BLOCK_WORDS))
    return [word for number in blocks for word in _block(number)][: max(count, 0)]


@cache
def _block(number: int) -> list[str]:
    return random.Random(f"filler {number}").choices(WORDS, k=BLOCK_WORDS)


def _marked(value: Any, mark: str) -> Any:
    """*value* with *mark* at the start of its first text; in a tool, of its description."""
    if isinstance(value, str):
        return f"{mark} {value}"
    if isinstance(value, list):
        return [_marked(value[0], mark), *value[1:]]
    for name in ("content", "text", "description", "function"):
        if value.get(name):
            return {**value, name: _marked(value[name], mark)}
    return {**value, "description": mark}
