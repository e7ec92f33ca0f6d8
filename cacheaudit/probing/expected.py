"""What a probe is expected to cost: the same course, answered as the documents say.

Assumed: nothing fails and nothing is refused; the documented minimum is true (1,024 tokens where
there is none), and so is the documented lifetime; a word of the synthetic text is one token, or 1.3
on the newer tokenizer; a body of the team's own has a token for four bytes, and is cached where the
API or a mark of its own caches it; all that was sent before is read and the rest is written, by
each of the requests at once; a call takes a second; no more is generated than is asked for, and in
Responses all of it. A real run differs most in what is reused of the team's own bodies and in how
long a search has to look.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from .ask import LEAST_OUTPUT_TOKENS, Ask
from .candidate import Candidate
from .money import Rates, lives_long
from .protocols import Offers
from .receipt import Receipt

TOKENS_PER_WORD = {"claude-2": 1.3}  # "about 30 % more", see rules.TOKENIZER_RATIOS; else 1
BYTES_PER_TOKEN = 4  # of English and JSON; a rule of thumb, of no vendor
MINIMUM_TOKENS, LIVES_S = 1024, 300.0  # where no rule says another
CALL_S = 1.0


class Still:
    """A clock that is at the end of a wait at once."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def now(self) -> float:
        """Seconds since the start."""
        return self.at_s

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.at_s += seconds


def documented_tokens(candidate: Candidate) -> int:
    """The shortest prefix that the documents say is cached."""
    return (candidate.rule.minimum_tokens if candidate.rule else None) or MINIMUM_TOKENS


def tokens_per_word(candidate: Candidate) -> float:
    """Of the synthetic text, about."""
    tokenizer = candidate.rule.tokenizer if candidate.rule else None
    return TOKENS_PER_WORD.get(tokenizer or "", 1.0)


class AsDocumented:
    """Answers of providers that do what is documented of them; moves *clock* on with each call."""

    def __init__(self, rates: Mapping[str, Rates], clock: Still) -> None:
        self._rates, self._clock = rates, clock
        self._kept: dict[tuple[str, str], tuple[float, float]] = {}  # prompt -> readable, used

    def __call__(self, candidate: Candidate, ask: Ask, offers: Offers, planned: Receipt) -> Receipt:
        """*planned*, answered."""
        self._clock.at_s = max(self._clock.at_s, planned.sent_s + CALL_S)
        rule, rates = candidate.rule, self._rates[candidate.label]
        total = _tokens(candidate, ask)
        cached = total if _is_cached(candidate, ask) else 0
        place, at_s = (candidate.label, planned.prompt_hash), planned.sent_s
        readable_s, used_s = self._kept.get(place, (math.inf, 0.0))
        warm = readable_s <= at_s and at_s - used_s < ((rule and rule.ttl_s) or LIVES_S)
        if cached:
            self._kept[place] = (readable_s if warm else at_s + CALL_S, at_s)
        read = cached if warm and rates.read_usd is not None else 0
        pays = (rule is None or rule.writes_billed is not False) and rates.written_usd is not None
        written = cached if not warm and pays else 0
        return replace(
            planned,
            outcome="answered",
            served=candidate.model,
            uncached_input_tokens=total - read - written,
            cache_read_tokens=read,
            cache_write_tokens=written,
            cache_write_long_tokens=written if lives_long(ask) else None,
            output_tokens=_output(candidate, ask, offers),
            response_id="expected",
            diagnosis="expected" if ask.before_id and offers.diagnosis is not False else "",
        )


def _tokens(candidate: Candidate, ask: Ask) -> int:
    if ask.body is not None:
        return round(ask.bytes() / BYTES_PER_TOKEN)
    return round(ask.words * tokens_per_word(candidate))


def _is_cached(candidate: Candidate, ask: Ask) -> bool:
    """Whether the prompt is long enough and, at Anthropic, marked; synthetic ones are."""
    marked = ask.body is None or candidate.api != "messages" or '"cache_control"' in ask.text
    return marked and _tokens(candidate, ask) >= documented_tokens(candidate)


def _output(candidate: Candidate, ask: Ask, offers: Offers) -> int:
    if offers.prewarm is not False and not (ask.generate or ask.stream or ask.body is not None):
        return 0
    if ask.thinks:
        return ask.most_output_tokens
    return LEAST_OUTPUT_TOKENS if candidate.api == "responses" else offers.output_tokens
