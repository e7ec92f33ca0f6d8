"""What a probe would do, how long it would take and what it could cost, before anything is sent.

Every protocol is run against answers that are made up so that it takes its longest course: all that
can be refused is, writes are not reported, what is cached is found by the last read alone, and the
search for the smallest prefix stays at the longest prompts. A call sets aside what its bytes would
cost (money.py), also where a run knows better by then. So a run in which no call fails sets aside
no more than the plan; repeats of failed calls come on top, and the budget holds for all of it. What
is held for an endpoint that ignores its limit is in it once for each candidate: it is free again
with the answer. What is spent will be well below: expected_usd is of the course that the documents
describe (expected.py). Time is that of the waits, without the provider's own.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from inspect import signature
from typing import Any

from .ask import Ask
from .candidate import Candidate
from .expected import AsDocumented, Still, documented_tokens, tokens_per_word
from .money import Budget, Rates
from .protocols import Offers
from .questions import HELLO, Design, first_offers, greetings, rooms_of, units_of
from .receipt import Receipt, Receipts
from .run import Bench, Send, run
from .search import BESIDE_WORDS, LEAST_WORDS, MOST_WORDS, smallest

MADE_UP_USD = 1e12
READS = signature(smallest).parameters["reads"].default


@dataclass(frozen=True, slots=True)
class _Truth:
    """What a search for the smallest prefix is up against, in words: where it begins, and from
    where on a prefix is cached."""

    begins: int
    cached: int

    def words(self, candidate: Candidate) -> float:
        """Tokens of a word, so that the search begins where it is to."""
        return documented_tokens(candidate) / self.begins


# The dearest search: down from the longest prompt by one step, and between the two. And that of the
# most calls: up from the shortest prompt to the longest. Tried against all others, 2026-11.
TRUTHS = (
    _Truth(MOST_WORDS - BESIDE_WORDS, MOST_WORDS - 2 * BESIDE_WORDS),
    _Truth(2 * LEAST_WORDS, MOST_WORDS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One question about one candidate: calls and USD at most, and the longest that it waits.

    expected_usd   what it costs if all is as documented (expected.py); None where nobody worked it
                   out
    held_usd       of worst_usd, what only an endpoint costs that ignores its limit
    """

    question: str
    candidate: str
    calls: int
    worst_usd: float
    wait_s: float
    expected_usd: float | None = None
    held_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be sent.

    steps      by question and candidate
    worst_usd  of all calls; what is over the budget is not sent
    expected_usd  of all calls, if all is as documented (expected.py)
    wait_s     from the first call to the last, without the provider's own time
    """

    steps: tuple[Planned, ...]
    worst_usd: float
    wait_s: float
    expected_usd: float | None = None

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
    """The longest course that a probe of *design* can take while no call fails, and the usual."""
    courses = [
        _course(design, candidates, rates, pace_s, _made_up(truth), Still(), truth.words)
        for truth in TRUTHS
    ]
    clock = Still()
    usual, _ = _course(
        design, candidates, rates, pace_s, AsDocumented(rates, clock), clock, tokens_per_word
    )
    expected = _expected(usual)
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
        steps=tuple(
            replace(step, expected_usd=expected.get(key, 0.0)) for key, step in steps.items()
        ),
        worst_usd=sum(step.worst_usd for step in steps.values()),
        wait_s=max(wait_s for _, wait_s in courses),
        expected_usd=sum(expected.values()),
    )


def _expected(receipts: Sequence[Receipt]) -> dict[tuple[str, str], float]:
    """USD by question and candidate."""
    usd: dict[tuple[str, str], float] = {}
    for one in receipts:
        key = one.question, one.asker
        usd[key] = usd.get(key, 0.0) + one.spent_usd
    return usd


def _steps(receipts: Sequence[Receipt]) -> dict[tuple[str, str], Planned]:
    grouped: dict[tuple[str, str], list[Receipt]] = {}
    for one in receipts:
        grouped.setdefault((one.question, one.asker), []).append(one)
    return {
        key: Planned(
            question=key[0],
            candidate=key[1],
            calls=len(many),
            worst_usd=worst_usd(many),
            held_usd=max(one.held_usd or 0.0 for one in many),
            wait_s=max(one.sent_s for one in many) - min(one.sent_s for one in many),
        )
        for key, many in grouped.items()
    }


def worst_usd(receipts: Sequence[Receipt]) -> float:
    """What *receipts*, of one question about one candidate, set aside; what is held, once."""
    held = [one.held_usd or 0.0 for one in receipts]
    return sum(one.worst_usd or 0.0 for one in receipts) - sum(held) + max(held, default=0.0)


def _course(
    design: Design,
    candidates: Sequence[Candidate],
    rates: Mapping[str, Rates],
    pace_s: Mapping[str, float],
    send: Send,
    clock: Still,
    words: Callable[[Candidate], float],
) -> tuple[list[Receipt], float]:
    """The receipts of a probe that *send* answers, and how long it waits; *words*: tokens of one,
    where the search begins."""
    offers = {one.label: first_offers(one) for one in candidates}
    bench = Bench(
        candidates={one.label: one for one in candidates},
        rates=rates,
        offers=offers,
        pace_s=pace_s,
        send=send,
        clock=clock,
        receipts=Receipts(),
        budget=Budget(MADE_UP_USD),
        seed="plan",
        learn_lengths=False,
    )
    run(greetings(candidates, offers), bench)
    for one in candidates:
        offers[one.label].tokens_per_word = words(one)
    run(units_of(design, candidates, offers), bench)
    return bench.receipts.all, clock.at_s


def _made_up(truth: _Truth) -> Send:
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
    more_room = offers.output_tokens < rooms_of(candidate)[-1]
    return bool(offers.prewarm or offers.diagnosis or (offers.marks and marks_too) or more_room)
