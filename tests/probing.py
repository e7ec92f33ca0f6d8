"""A probe without a network: a sender whose truth is known, a clock that moves at once, a bench."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cacheaudit.probing.ask import Ask
from cacheaudit.probing.candidate import Candidate
from cacheaudit.probing.money import Budget, Rates
from cacheaudit.probing.protocols import Offers
from cacheaudit.probing.receipt import Receipt, Receipts
from cacheaudit.probing.run import Bench, Done, Unit, run

CHEAP = Rates(uncached_usd=3.0, read_usd=0.3, written_usd=3.75, output_usd=15.0)
OLD = Candidate(model="old", incumbent=True)
NEW = Candidate(model="new")


class Still:
    """A clock that is at the end of a wait at once."""

    def __init__(self) -> None:
        self.at_s = 1_000_000.0

    def now(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.at_s += seconds


@dataclass(slots=True)
class Truth:
    """A provider that caches prefixes from *minimum* tokens on for *ttl_s*; `bad` comes first.

    tail      tokens of the prompt after the prefix
    writes    whether it reports what it wrote
    misses    chance that a read goes astray
    prewarms  whether it generates nothing where that is asked for
    reports_nothing_written   a write of 0, whatever was written
    always_reads   tokens of its own that it reads each time
    output    tokens that it generates, whatever was asked for
    bad       outcomes of calls by their number, from 0
    """

    clock: Still
    minimum: int = 1000
    ttl_s: float = 300.0
    tokens_per_word: float = 1.0
    tail: int = 3
    writes: bool = True
    misses: float = 0.0
    prewarms: bool = True
    reports_nothing_written: bool = False
    always_reads: int = 0
    output: int = 0
    bad: dict[int, dict[str, Any]] = field(default_factory=dict)
    sent: list[Ask] = field(default_factory=list)
    billed_usd: float = 0.0
    _warm: dict[tuple[str, str], float] = field(default_factory=dict)
    _chance: random.Random = field(default_factory=lambda: random.Random(1))

    def __call__(self, candidate: Candidate, ask: Ask, offers: Offers, planned: Receipt) -> Receipt:
        number = len(self.sent)
        self.sent.append(ask)
        bad = self.bad.get(number, {})
        if bad and not bad.get("served"):
            return replace(planned, outcome=bad["outcome"], retry_after_s=bad.get("after"))
        answer = self._served(candidate, ask, offers, planned)
        self.billed_usd += CHEAP.charged_usd(answer) or 0.0
        return replace(planned, outcome=bad["outcome"]) if bad else answer

    def _served(self, candidate: Candidate, ask: Ask, offers: Offers, planned: Receipt) -> Receipt:
        prefix = round(ask.words * self.tokens_per_word)
        place, at = (candidate.label, planned.prompt_hash), self.clock.now()
        cached = prefix >= self.minimum
        warm = cached and at < self._warm.get(place, 0.0) and self._chance.random() >= self.misses
        if cached:
            self._warm[place] = at + self.ttl_s
        written = prefix if cached and not warm else 0
        told = written if self.writes and not self.reports_nothing_written else 0
        return replace(
            planned,
            outcome="answered",
            served=candidate.model,
            cache_read_tokens=(prefix if warm else 0) + self.always_reads,
            cache_write_tokens=told if self.writes else None,
            uncached_input_tokens=self.tail + (0 if warm or told else prefix),
            output_tokens=self.output or int(offers.prewarm is False or not self.prewarms),
            response_id=f"r{len(self.sent)}",
            diagnosis="input_changed" if ask.before_id and offers.diagnosis is not False else "",
        )


def bench(truth: Truth, *, budget_usd: float = 1e6, path: Path | None = None) -> Bench:
    """A bench for the versions old and new."""
    receipts = Receipts(path)
    both = (OLD, NEW)
    return Bench(
        candidates={one.label: one for one in both},
        rates={one.label: CHEAP for one in both},
        offers={one.label: Offers(tokens_per_word=truth.tokens_per_word) for one in both},
        pace_s={},
        send=truth,
        clock=truth.clock,
        receipts=receipts,
        budget=Budget(budget_usd, sum(one.spent_usd for one in receipts.all)),
        seed="s",
    )


def run_one(make: Any, on: Bench) -> Done:
    """What became of one unit on the old version, made by *make* of a nonce."""
    unit = Unit(question="q", candidate="old", number=1, begin=make)
    return run([unit], on)[0]


def run_all(makes: Sequence[Any], on: Bench) -> list[Done]:
    """What became of several."""
    return run(
        [
            Unit(question="q", candidate="old", number=number, begin=make)
            for number, make in enumerate(makes, 1)
        ],
        on,
    )
