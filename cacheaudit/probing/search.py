"""The smallest prefix that is cached: a protocol that looks where the documents say, then wider."""

from dataclasses import dataclass

from .ask import NONCE_WORDS, Ask
from .protocols import Offers, Protocol, cold, counted, read

BESIDE_WORDS = 24  # around a documented minimum, where it is looked for first
MOST_WORDS = 40_000
LEAST_WORDS = NONCE_WORDS + 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """The smallest prefix that is cached lies in (above, upto], in tokens.

    above    longest that was not cached; upto: shortest that was, None where none was
    """

    above: int
    upto: int | None


def smallest(
    candidate: str, nonce: str, offers: Offers, documented_tokens: int | None, reads: int = 3
) -> Protocol:
    """The smallest prefix that is cached, to one word.

    Looked for around the documented minimum first, else by doubling and halving; then bisected.
    Where writes are not reported, a length counts as not cached after *reads* further calls that
    read nothing.
    """
    ratio = offers.tokens_per_word or 1.0
    guess = round((documented_tokens or 1024) / ratio)
    guess = min(max(2 * LEAST_WORDS, guess), MOST_WORDS - BESIDE_WORDS)
    low, high = max(LEAST_WORDS, guess - BESIDE_WORDS), guess + BESIDE_WORDS
    top = yield from _length(candidate, nonce, offers, high, reads)
    while not top.cached and high < MOST_WORDS:
        low, high = high, min(2 * high, MOST_WORDS)
        bottom, top = top, (yield from _length(candidate, nonce, offers, high, reads))
    if not top.cached:
        return Bracket(above=top.prompt_tokens, upto=None)
    if low < guess:  # the documented minimum or less: what is below it was not asked for yet
        bottom = yield from _length(candidate, nonce, offers, low, reads)
        while bottom.cached and low > LEAST_WORDS:
            low, high, top = max(LEAST_WORDS, low // 2), low, bottom
            bottom = yield from _length(candidate, nonce, offers, low, reads)
    if bottom.cached:
        return Bracket(above=0, upto=bottom.prefix_tokens)
    while high - low > 1:
        middle = (low + high) // 2
        tried = yield from _length(candidate, nonce, offers, middle, reads)
        if tried.cached:
            high, top = middle, tried
        else:
            low, bottom = middle, tried
    tail = top.prompt_tokens - top.prefix_tokens
    return Bracket(above=bottom.prompt_tokens - tail, upto=top.prefix_tokens)


@dataclass(frozen=True, slots=True)
class _Length:
    """A length that was tried; the prefix is the whole prompt where writes are not reported."""

    cached: bool
    prompt_tokens: int
    prefix_tokens: int


def _length(candidate: str, nonce: str, offers: Offers, words: int, reads: int) -> Protocol:
    """Whether a prefix of so many words is cached. A write of 0 proves nothing before one was
    reported that is none."""
    own = f"{nonce}/{words}"
    first = cold((yield Ask(candidate=candidate, nonce=own, words=words)))
    total, written = first.input_tokens or 0, first.cache_write_tokens or 0
    if written:
        return _Length(True, total, written)
    if not (offers.reports_writes and first.cache_write_tokens == 0):
        for _ in range(reads):
            again = Ask(candidate=candidate, nonce=own, words=words, warmed_s=0.0)
            if read(counted((yield again))):
                return _Length(True, total, total)
    return _Length(False, total, total)
