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
from dataclasses import dataclass, field
from functools import lru_cache
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
KEPT_FILLERS, KEPT_BODIES, KEPT = 64, 1024, 65_536  # the last: lengths and hashes
LEAST_OUTPUT_TOKENS = 16  # OpenAI's Responses API accepts no fewer
# Set aside for an endpoint that may ignore its limit. LONG_TAIL is answered in some 2,000 tokens;
# the rest is for reasoning that nobody asked for.
ALLOWANCE_TOKENS = 16_384
LONGEST_MARK = " ".join([max(WORDS, key=len)] * NONCE_WORDS)
TAIL = "Say ok."
LONG_TAIL = "Count from 1 to 500, one number a line."  # the answer ends only where a limit is kept


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
    allowance_tokens  of output that are set aside for it beyond what it may generate, because the
                endpoint has not shown yet that it keeps a limit
    text        the body as JSON; "" for synthetic
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
    allowance_tokens: int = 0
    text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        text = "" if self.body is None else _kept(json.dumps(self.body))
        object.__setattr__(self, "text", text)

    def head(self) -> str:
        """The text that is to be cached: the nonce, and words up to the length asked for."""
        return _head(_mark(self.nonce), self.words)

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
        return self.words, self.tail, self.text or None

    def digest(self) -> str:
        """A hash of the prompt, for the receipt."""
        return _digest(self.nonce, self.words, self.tail, self.text)

    def own_body(self) -> dict[str, Any]:
        """The team's body with the nonce at its very start. Raises KeyError without a text."""
        assert self.body is not None
        return _own_body(_mark(self.nonce), self.text)

    def bytes(self) -> int:
        """Length of all that is sent, which no tokenizer turns into more tokens; with the longest
        of nonces, so that a plan and a run say the same."""
        return _bytes(self.words, self.tail, self.text)


@lru_cache(maxsize=KEPT_FILLERS)
def filler(count: int) -> str:
    """So many words, always the same: a shorter filler begins a longer one."""
    return " ".join(random.Random("filler").choices(WORDS, k=max(count, 0)))


# A plan asks for the same prompts many times: what a prompt is like is worked out once.


@lru_cache(maxsize=KEPT_BODIES)
def _kept(text: str) -> str:
    """The first text that equals *text*, so that equal bodies share one."""
    return text


def _mark(nonce: str) -> str:
    """*nonce* as words."""
    return " ".join(random.Random(nonce).choices(WORDS, k=NONCE_WORDS))


def _head(mark: str, words: int) -> str:
    rest = filler(words - NONCE_WORDS)
    return f"{mark} {rest}" if rest else mark


@lru_cache(maxsize=KEPT)
def _digest(nonce: str, words: int, tail: str, text: str) -> str:
    mark = _mark(nonce)
    said = json.dumps(_own_body(mark, text), sort_keys=True) if text else _head(mark, words)
    return hashlib.sha256(f"{said}\x1f{tail}".encode()).hexdigest()[:16]


@lru_cache(maxsize=KEPT)
def _bytes(words: int, tail: str, text: str) -> int:
    if text:
        return len(json.dumps(_own_body(LONGEST_MARK, text), ensure_ascii=False).encode())
    return len(f"{_head(LONGEST_MARK, words)}{tail}".encode())


def _own_body(mark: str, text: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(text)
    for name in ("tools", "system", "instructions", "messages", "input"):
        if body.get(name):
            return {**body, name: _marked(body[name], mark)}
    raise KeyError("messages")


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
