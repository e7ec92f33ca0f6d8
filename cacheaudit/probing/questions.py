"""The questions, and the repetitions that answer each: protocols made of what is to be measured."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ..errors import ParamError
from .ask import Ask
from .candidate import Candidate
from .protocols import Offers, Protocol, at_once, hello, isolated, paced, pair, survives
from .run import Unit
from .search import smallest

QUESTIONS = ("caches", "smallest", "hit_rate", "survival", "isolation", "at_once", "first_token")
HELLO = "offers"
# Chat Completions refuses 1 where a model's reasoning cannot end in it (400, "Could not finish the
# message because max_tokens or model output limit was reached"). 256 is enough for a short one.
ROOMS = {"chat": (1, 16, 256)}
OLD_OPENAI_S = 4.2  # apart: above 15 requests a minute and prefix, OpenAI routes elsewhere (docs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What is to be measured, and how often.

    prompts     the team's own, in turn; empty: synthetic ones of *words*
    words       length of synthetic prompts
    questions   some of QUESTIONS
    pairs       cold and warm pairs for `caches` and, streamed, for `first_token`
    repeats     repetitions of a prompt at the team's pace, each of 1 + follow_ups calls
    paces_s     waits between uses of a prefix in production, to draw from
    idle_s      idle times after which a prefix is looked for, each idle_repeats times
    together    requests of a new prefix at the same time, each together_repeats times
    """

    prompts: tuple[Ask, ...] = ()
    words: int = 5000
    questions: tuple[str, ...] = QUESTIONS
    pairs: int = 6
    repeats: int = 20
    follow_ups: int = 5
    paces_s: tuple[float, ...] = (5.0,)
    idle_s: tuple[float, ...] = (60.0, 240.0, 290.0, 310.0, 600.0)
    idle_repeats: int = 3
    isolations: int = 3
    together: int = 4
    together_repeats: int = 2
    seed: str = ""
    least_wait_s: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_questions(self.questions)


def check_questions(names: Sequence[str]) -> None:
    """Raise ParamError for one that nobody knows how to ask."""
    if unknown := [name for name in names if name not in QUESTIONS]:
        raise ParamError(f"questions has {unknown[0]!r}; expected some of {', '.join(QUESTIONS)}.")


def first_offers(candidate: Candidate) -> Offers:
    """What is to be tried on *candidate*: what its API and its model are documented to have."""
    if candidate.api == "messages":
        return Offers()
    rule = candidate.rule
    marks = None if rule is None else rule.writes_billed
    if candidate.api == "chat" or marks is False:
        return Offers(prewarm=False, diagnosis=False, marks=marks)
    return Offers(marks=marks)


def greetings(candidates: Sequence[Candidate], offers: Mapping[str, Offers]) -> list[Unit]:
    """The units that find out what each offers; they come before all others, one call at a time."""
    return [
        Unit(
            question=HELLO, candidate=one.label, number=1,
            begin=partial(_hello, one, offers[one.label]),
        )
        for one in candidates
    ]  # fmt: skip


def rooms_of(candidate: Candidate) -> tuple[int, ...]:
    """Fewest output tokens that a call to *candidate* may ask for: what is tried in turn."""
    return ROOMS.get(candidate.api, (1,))


def _hello(candidate: Candidate, offers: Offers, nonce: str) -> Protocol:
    return hello(candidate.label, nonce, offers, rooms_of(candidate))


def units_of(
    design: Design, candidates: Sequence[Candidate], offers: Mapping[str, Offers]
) -> list[Unit]:
    """All other units, candidate beside candidate, so that a provider's bad minute hits both."""
    made: list[Unit] = []
    for question in design.questions:
        columns = [
            list(_units(question, design, one, candidates, offers[one.label])) for one in candidates
        ]
        for number in range(max(map(len, columns), default=0)):
            made += [column[number] for column in columns if number < len(column)]
    return made


def _units(
    question: str,
    design: Design,
    candidate: Candidate,
    candidates: Sequence[Candidate],
    offers: Offers,
) -> Iterator[Unit]:
    label = candidate.label

    def unit(number: int, begin: Callable[[str], Protocol], detail: str = "") -> Unit:
        return Unit(
            question=question, candidate=label, number=number, begin=begin, detail=detail
        )  # fmt: skip

    if question in ("caches", "first_token"):
        stream = question == "first_token"
        for number in range(1, design.pairs + 1):
            yield unit(number, partial(_pair, label, design.words, stream))
    elif question == "smallest":
        documented = candidate.rule.minimum_tokens if candidate.rule else None
        yield unit(1, lambda nonce: smallest(label, nonce, offers, documented))
    elif question == "hit_rate":
        for number in range(1, design.repeats + 1):
            yield unit(number, partial(_paced, design, label, number))
    elif question == "survival":
        waits = [wait for _ in range(design.idle_repeats) for wait in design.idle_s]
        for number, wait_s in enumerate(waits, 1):
            begin = partial(_survives, label, offers, design.words, wait_s)
            yield unit(number, begin, f"{wait_s:g}")
    elif question == "isolation" and not candidate.incumbent:
        old = next((one for one in candidates if one.incumbent), None)
        for number in range(1, design.isolations + 1) if old is not None else ():
            assert old is not None
            yield unit(number, partial(_isolated, old.label, label, design.words))
    elif question == "at_once":
        for number in range(1, design.together_repeats + 1):
            yield unit(number, partial(_at_once, label, design.words, design.together))


def _pair(label: str, words: int, stream: bool, nonce: str) -> Protocol:
    return pair(label, nonce, words, stream=stream)


def _survives(label: str, offers: Offers, words: int, wait_s: float, nonce: str) -> Protocol:
    return survives(label, nonce, offers, words, wait_s)


def _isolated(old: str, new: str, words: int, nonce: str) -> Protocol:
    return isolated(old, new, nonce, words)


def _at_once(label: str, words: int, many: int, nonce: str) -> Protocol:
    return at_once(label, nonce, words, many)


def _paced(design: Design, label: str, number: int, nonce: str) -> Protocol:
    """A repetition at the team's pace: the same waits and the same prompt for every candidate."""
    chance = random.Random(f"{design.seed}/{number}")
    least = design.least_wait_s.get(label, 0.0)
    waits = [max(least, chance.choice(design.paces_s)) for _ in range(design.follow_ups)]
    prompts = design.prompts or (Ask(candidate=label, nonce="", words=design.words),)
    return paced(label, nonce, prompts[(number - 1) % len(prompts)], tuple(waits))
