"""What a probe would do, how long it would take and what it could cost, before anything is sent.

Every protocol is run against answers that are made up so that it takes its longest course: all that
can be refused is, writes are not reported, what is cached is found by the last read alone, and the
search for the smallest prefix stays at the longest prompts. A call sets aside what its bytes would
cost (money.py), also where a run knows better by then. So a run in which no call fails sets aside
no more than the plan; repeats of failed calls come on top, and the budget holds for all of it. What
is spent will be well below. Time is that of the waits, without the provider's own.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from inspect import signature
from typing import Any

from .ask import Ask
from .candidate import Candidate
from .money import Budget, Rates
from .protocols import Offers
from .questions import HELLO, Design, first_offers, greetings, units_of
from .receipt import Receipt, Receipts
from .run import Bench, run
from .search import BESIDE_WORDS, LEAST_WORDS, MOST_WORDS, smallest

MADE_UP_USD = 1e12
READS = signature(smallest).parameters["reads"].default


@dataclass(frozen=True, slots=True)
class _Truth:
    """What a search for the smallest prefix is up against, in words: where it begins, and from
    where on a prefix is cached."""

    begins: int
    cached: int


# The dearest search: down from the longest prompt by one step, and between the two. And that of the
# most calls: up from the shortest prompt to the longest. Tried against all others, 2026-11.
TRUTHS = (
    _Truth(MOST_WORDS - BESIDE_WORDS, MOST_WORDS - 2 * BESIDE_WORDS),
    _Truth(2 * LEAST_WORDS, MOST_WORDS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One question about one candidate: calls and USD at most, and the longest that it waits."""

    question: str
    candidate: str
    calls: int
    worst_usd: float
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be sent.

    steps      by question and candidate
    worst_usd  of all calls; what is over the budget is not sent
    wait_s     from the first call to the last, without the provider's own time
    """

    steps: tuple[Planned, ...]
    worst_usd: float
    wait_s: float

    @property
    def calls(self) -> int:
        """At most."""
        return sum(step.calls for step in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"calls": self.calls}


def plan_of(
    design: Design,
    candidates: Sequence[Candidate],
    rates: Mapping[str, Rates],
    pace_s: Mapping[str, float],
) -> Plan:
    """The longest course that a probe of *design* can take while no call fails."""
    courses = [_course(design, candidates, rates, pace_s, truth) for truth in TRUTHS]
    steps: dict[tuple[str, str], Planned] = {}
    for receipts, _ in courses:
        for key, step in _steps(receipts).items():
            before = steps.get(key, step)
            steps[key] = replace(
                before,
                calls=max(before.calls, step.calls),
                worst_usd=max(before.worst_usd, step.worst_usd),
                wait_s=max(before.wait_s, step.wait_s),
            )
    return Plan(
        steps=tuple(steps.values()),
        worst_usd=sum(step.worst_usd for step in steps.values()),
        wait_s=max(wait_s for _, wait_s in courses),
    )


def _steps(receipts: Sequence[Receipt]) -> dict[tuple[str, str], Planned]:
    grouped: dict[tuple[str, str], list[Receipt]] = {}
    for one in receipts:
        grouped.setdefault((one.question, one.asker), []).append(one)
    return {
        key: Planned(
            question=key[0],
            candidate=key[1],
            calls=len(many),
            worst_usd=sum(one.worst_usd or 0.0 for one in many),
            wait_s=max(one.sent_s for one in many) - min(one.sent_s for one in many),
        )
        for key, many in grouped.items()
    }


def _course(
    design: Design,
    candidates: Sequence[Candidate],
    rates: Mapping[str, Rates],
    pace_s: Mapping[str, float],
    truth: _Truth,
) -> tuple[list[Receipt], float]:
    """The receipts of a probe whose answers are made up, and how long it waits."""
    offers = {one.label: first_offers(one) for one in candidates}
    clock = _Still()
    bench = Bench(
        candidates={one.label: one for one in candidates},
        rates=rates,
        offers=offers,
        pace_s=pace_s,
        send=_made_up(truth),
        clock=clock,
        receipts=Receipts(),
        budget=Budget(MADE_UP_USD),
        seed="plan",
        learn_lengths=False,
    )
    run(greetings(candidates, offers), bench)
    for one in candidates:
        offers[one.label].tokens_per_word = _documented_tokens(one) / truth.begins
    run(units_of(design, candidates, offers), bench)
    return bench.receipts.all, clock.at_s


class _Still:
    """A clock that is at the end of a wait at once."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def now(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.at_s += seconds


def _documented_tokens(candidate: Candidate) -> int:
    rule = candidate.rule
    return (rule.minimum_tokens if rule else None) or 1024


def _made_up(truth: _Truth) -> Callable[[Candidate, Ask, Offers, Receipt], Receipt]:
    """Answers of a provider that refuses what it can, caches by *truth*, and reports no writes."""
    asked: Counter[tuple[str, str]] = Counter()

    def send(candidate: Candidate, ask: Ask, offers: Offers, planned: Receipt) -> Receipt:
        if planned.question == HELLO and _refusable(candidate, offers):
            return replace(planned, outcome="refused", status=400)
        key = candidate.label, planned.prompt_hash
        tokens = ask.words or 1
        read = tokens if ask.words >= truth.cached and asked[key] >= READS else 0
        asked[key] += 1
        return replace(
            planned,
            outcome="answered",
            served=candidate.model,
            uncached_input_tokens=tokens - read,
            cache_read_tokens=read,
            output_tokens=1,
            response_id="planned",
        )

    return send


def _refusable(candidate: Candidate, offers: Offers) -> bool:
    """Whether a greeting with *offers* can be refused, and asked anew with less."""
    marks_too = first_offers(candidate).marks is None
    return bool(offers.prewarm or offers.diagnosis or (offers.marks and marks_too))
