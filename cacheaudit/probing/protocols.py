"""What is done to find something out, as generators: they yield calls and are sent receipts.

They touch no clock and no network, so the same code sends a call, is resumed, and is read again
from its receipts alone. A protocol ends with its finding, or with Void where a call that it needed
did not say anything of the cache; then nothing of it counts, and it may be tried anew.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from .ask import ALLOWANCE_TOKENS, LONG_TAIL, Ask
from .receipt import FINAL, Receipt

Step = Ask | tuple[Ask, ...]
Protocol = Generator[Step, Any, Any]

HELLO_WORDS, LONGER_WORDS = 64, 448
LATE_S = 5.0


class Void(Exception):
    """A call that was needed says nothing of the cache; *why* is its outcome, or what was odd.

    final   whether no call after it will fare better
    """

    def __init__(self, receipt: Receipt, why: str = "", *, final: bool = False) -> None:
        super().__init__(why or receipt.outcome)
        self.receipt, self.why = receipt, why or receipt.outcome
        self.final = final or self.why in FINAL


@dataclass(slots=True, kw_only=True)
class Offers:
    """What an endpoint turned out to offer; None is not known yet.

    prewarm      a call that generates nothing: it was asked for, and no output was charged
    marks        cache breakpoints that the request sets: accepted, which some do without a meaning
    diagnosis    the provider's own reason for a miss: it was asked for, and something was said
    output_tokens    fewest that a call may ask for: some refuse 1 where they reason first
    tokens_per_word  of the synthetic text, on this version
    reports_writes   whether a write was ever reported: some report 0 for what they do not bill
    """

    prewarm: bool | None = None
    marks: bool | None = None
    diagnosis: bool | None = None
    output_tokens: int = 1
    tokens_per_word: float | None = None
    reports_writes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """Whether a prefix was still warm after being idle for wait_s; late_s: or so much longer.

    cached   whether there was anything to stay warm: False where a write of 0 was reported
    """

    wait_s: float
    warm: bool
    late_s: float = 0.0
    cached: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Paced:
    """One repetition of a prompt at the team's pace, without its first call.

    calls, hits   how many followed the first, and how many read anything
    first_input_tokens, first_written_tokens   of the first call, which is cold
    """

    first_input_tokens: int
    first_written_tokens: int
    calls: int
    hits: int
    input_tokens: int
    read_tokens: int
    written_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """The same prompt on the old version, on the new, and on the old again; tokens read."""

    on_new: int
    on_old: int
    diagnosis: str = ""


def counted(receipt: Receipt) -> Receipt:
    """*receipt*, or Void where it says nothing of the cache."""
    if not receipt.counted:
        raise Void(receipt)
    return receipt


def cold(receipt: Receipt) -> Receipt:
    """*receipt* of a prompt that nobody sent before, or Void where it was read all the same: the
    endpoint has something of its own in the cache, or the nonce was used before."""
    if read(counted(receipt)):
        raise Void(receipt, "not_cold")
    return receipt


def read(receipt: Receipt) -> int:
    """Tokens that *receipt* read."""
    return receipt.cache_read_tokens or 0


TRIED = (  # prewarm, marks, diagnosis: all, then less and less
    (True, True, True),
    (True, True, False),
    (False, True, True),
    (False, True, False),
    (False, False, False),
)


def hello(candidate: str, nonce: str, offers: Offers, rooms: tuple[int, ...] = (1,)) -> Protocol:
    """Find out what is offered, by asking for it and taking a refusal as an answer; how many tokens
    a word of ours is; and whether the endpoint keeps to the output asked of it.

    rooms   fewest output tokens to ask for, in turn while all is refused

    At most five calls of short prompts for each of *rooms*, and one more. Both calls that are
    answered ask for a long text, so that an endpoint which ignores its limit is found out here,
    where money is set aside for it. Changes *offers*; what is None is tried. An answer by another
    model is final.
    """
    known = (offers.prewarm, offers.marks, offers.diagnosis)
    tries = dict.fromkeys(
        tuple(new if old is None else old for old, new in zip(known, new, strict=True))
        for new in TRIED
    )
    for room, tried in product(rooms, tries):
        offers.prewarm, offers.marks, offers.diagnosis = tried
        offers.output_tokens = room
        first = yield _greeting(candidate, nonce, HELLO_WORDS)
        if first.outcome != "refused":
            break
    _by_the_model(first)
    offers.prewarm = bool(offers.prewarm) and not first.output_tokens
    longer = _by_the_model(
        (
            yield replace(
                _greeting(candidate, f"{nonce}/longer", LONGER_WORDS),
                generate=True, before_id=first.response_id,
            )
        )
    )  # fmt: skip
    offers.diagnosis = bool(offers.diagnosis) and bool(longer.diagnosis)
    if first.input_tokens and longer.input_tokens:
        more = longer.input_tokens - first.input_tokens
        offers.tokens_per_word = more / (LONGER_WORDS - HELLO_WORDS)
    return offers


def _greeting(candidate: str, nonce: str, words: int) -> Ask:
    return Ask(
        candidate=candidate, nonce=nonce, words=words, tail=LONG_TAIL,
        allowance_tokens=ALLOWANCE_TOKENS,
    )  # fmt: skip


def _by_the_model(receipt: Receipt) -> Receipt:
    """*receipt*, or Void for good where another model answered: it would again, at its price."""
    if receipt.outcome == "other_model":
        raise Void(receipt, final=True)
    return counted(receipt)


def pair(candidate: str, nonce: str, words: int, *, stream: bool = False) -> Protocol:
    """A prefix that is new, and the same once more: (cold, warm)."""
    ask = Ask(candidate=candidate, nonce=nonce, words=words, stream=stream)
    first = cold((yield ask))
    again = Ask(
        candidate=candidate, nonce=nonce, words=words, stream=stream,
        before_id=first.response_id, warmed_s=0.0,
    )  # fmt: skip
    warm = counted((yield again))
    return first, warm


def survives(candidate: str, nonce: str, offers: Offers, words: int, wait_s: float) -> Protocol:
    """Write a prefix, leave it alone for *wait_s*, and see whether it is still there."""
    first = cold((yield Ask(candidate=candidate, nonce=nonce, words=words)))
    later = counted(
        (
            yield Ask(
                candidate=candidate, nonce=nonce, words=words, after_s=wait_s, warmed_s=wait_s,
                before_id=first.response_id,
            )
        )
    )  # fmt: skip
    warm, late_s = bool(read(later)), max(0.0, (later.wait_s or 0.0) - wait_s)
    cached = warm or first.cache_write_tokens != 0 or not offers.reports_writes
    return Survival(wait_s=wait_s, warm=warm, late_s=late_s, cached=cached)


def isolated(old: str, new: str, nonce: str, words: int) -> Protocol:
    """The same prompt on both versions: whether what is warm on one is of any use to the other."""
    first = cold((yield Ask(candidate=old, nonce=nonce, words=words)))
    on_new = counted(
        (yield Ask(candidate=new, nonce=nonce, words=words, before_id=first.response_id))
    )
    on_old = counted((yield Ask(candidate=old, nonce=nonce, words=words, warmed_s=0.0)))
    return Isolation(on_new=read(on_new), on_old=read(on_old), diagnosis=on_new.diagnosis)


def at_once(candidate: str, nonce: str, words: int, many: int) -> Protocol:
    """*many* requests of a new prefix at the same time: how many could not read it."""
    ask = Ask(candidate=candidate, nonce=nonce, words=words)
    heard = yield (ask,) * many
    return sum(not read(counted(one)) for one in heard), many


def _in_time(receipt: Receipt, wait_s: float) -> Receipt:
    """*receipt*, or Void where it came late and read nothing: in time it might have."""
    if not read(receipt) and (receipt.wait_s or 0.0) > wait_s + LATE_S:
        raise Void(receipt, "late")
    return receipt


def paced(candidate: str, nonce: str, prompt: Ask, waits_s: tuple[float, ...]) -> Protocol:
    """A prompt that is new, and again after each of *waits_s*: what the calls after it read."""
    made = Ask(
        candidate=candidate, nonce=nonce, words=prompt.words, body=prompt.body, generate=True
    )
    first = cold((yield made))
    heard = []
    for wait_s in waits_s:
        again = Ask(
            candidate=candidate, nonce=nonce, words=prompt.words, body=prompt.body, generate=True,
            after_s=wait_s, warmed_s=wait_s,
        )  # fmt: skip
        heard.append(_in_time(counted((yield again)), wait_s))
    return Paced(
        first_input_tokens=first.input_tokens or 0,
        first_written_tokens=first.cache_write_tokens or 0,
        calls=len(heard),
        hits=sum(bool(read(one)) for one in heard),
        input_tokens=sum(one.input_tokens or 0 for one in heard),
        read_tokens=sum(map(read, heard)),
        written_tokens=sum(one.cache_write_tokens or 0 for one in heard),
        output_tokens=sum(one.output_tokens or 0 for one in heard),
    )
