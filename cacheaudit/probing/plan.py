"""What a probe would do, how long it would take and what it could cost, before anything is sent.

Each protocol is run against answers that are made up: as documented, and twice at the extremes
(everything is cached, nothing is). The dearest of the three stands in the plan. Money is the most
that the calls could cost (money.py), so what is spent will be well below; time is that of the
waits, without the provider's own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .ask import Ask
from .candidate import Candidate
from .money import Budget, Rates
from .protocols import Offers
from .questions import Design, first_offers, greetings, units_of
from .receipt import Receipt, Receipts
from .run import Bench, run

MADE_UP_USD = 1e12
TOKENS_PER_BYTE = 0.25


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
    """The dearest course that a probe of *design* can take."""
    courses = [
        _course(design, candidates, rates, pace_s, cached)
        for cached in (_documented, lambda one, tokens: True, lambda one, tokens: False)
    ]
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


def _documented(candidate: Candidate, tokens: int) -> bool:
    rule = candidate.rule
    return tokens >= ((rule.minimum_tokens if rule else None) or 1024)


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
    cached: Callable[[Candidate, int], bool],
) -> tuple[list[Receipt], float]:
    """The receipts of a probe whose answers are made up, and how long it waits."""
    offers = {one.label: first_offers(one) for one in candidates}
    clock = _Still()
    bench = Bench(
        candidates={one.label: one for one in candidates},
        rates=rates,
        offers=offers,
        pace_s=pace_s,
        send=_made_up(cached),
        clock=clock,
        receipts=Receipts(),
        budget=Budget(MADE_UP_USD),
        seed="plan",
    )
    run(greetings(candidates, offers), bench)
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


def _made_up(
    cached: Callable[[Candidate, int], bool],
) -> Callable[[Candidate, Ask, Offers, Receipt], Receipt]:
    """Answers of a provider that caches what *cached* says, and reports what it wrote."""
    known: set[tuple[str, str]] = set()

    def send(candidate: Candidate, ask: Ask, offers: Offers, planned: Receipt) -> Receipt:
        tokens = max(1, int(ask.bytes() * TOKENS_PER_BYTE))
        key = candidate.label, planned.prompt_hash
        held = tokens if cached(candidate, tokens) else 0
        warm = bool(held) and key in known
        known.add(key)
        return replace(
            planned,
            outcome="answered",
            served=candidate.model,
            uncached_input_tokens=tokens - held,
            cache_read_tokens=held if warm else 0,
            cache_write_tokens=0 if warm or offers.marks is False else held,
            output_tokens=1,
            response_id="planned",
        )

    return send
