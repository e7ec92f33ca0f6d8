"""Units of protocols, run side by side: whoever is due next is asked next.

Budget before every call, a pace per candidate, no retries, a receipt for each. What is void is
tried anew with another nonce; what was refused for good ends that candidate. A run can stop at any
call and go on later: a unit that was complete is read from its receipts, one that was not begins
again.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from typing import Protocol as Interface

from .ask import NONCE_WORDS, Ask
from .candidate import Candidate
from .money import ROLE_TOKENS, Budget, Rates
from .protocols import Offers, Protocol, Void
from .receipt import FINAL, Receipt, Receipts

TRIES = 3
PAUSE_S, LONGEST_PAUSE_S = 10.0, 120.0  # after busy, where the provider does not say how long
PAUSED = ("busy", "overloaded")
STOPPED = "stopped"


class Clock(Interface):
    """Time, in seconds since 1970."""

    def now(self) -> float:
        """The time."""

    def sleep(self, seconds: float) -> None:
        """Let it pass."""


Send = Callable[[Candidate, Ask, Offers, Receipt], Receipt]  # the last with what was planned


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unit:
    """One repetition of one protocol.

    question   what it is part of
    candidate  whose units pause and end together with it
    number     of the repetition
    begin      makes the protocol, of a nonce
    detail     what of the question it is about, such as an idle time
    """

    question: str
    candidate: str
    number: int
    begin: Callable[[str], Protocol]
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a unit: its finding, or why it has none: "budget", "stopped", an outcome."""

    unit: Unit
    found: Any = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a run needs: whom to ask, at which rates and pace, with which clock, sender and books.

    pace_s   least time between the starts of two calls to a candidate
    seed     of the nonces: two runs of one seed would read each other's prefixes
    """

    candidates: Mapping[str, Candidate]
    rates: Mapping[str, Rates]
    offers: Mapping[str, Offers]
    pace_s: Mapping[str, float]
    send: Send
    clock: Clock
    receipts: Receipts
    budget: Budget
    seed: str


@dataclass(slots=True, kw_only=True)
class _Going:
    """A unit under way: its next step, and when that is due."""

    unit: Unit
    attempt: int
    protocol: Protocol
    step: tuple[Ask, ...]
    alone: bool
    due_s: float
    last_s: float = 0.0
    steps: int = 0
    voids: int = 0


def run(units: Sequence[Unit], bench: Bench) -> list[Done]:
    """What became of *units*: side by side, each call as soon as it may be sent.

    An interrupt stops before the next call; units that it leaves unfinished are "stopped".
    """
    done: dict[Unit, Done] = {}
    runner = _Runner(bench, done)
    with suppress(KeyboardInterrupt):  # the receipts are on the disk; the rest is told as stopped
        runner.all(units)
    return [done.get(unit, Done(unit=unit, why=STOPPED)) for unit in units]


class _Runner:
    def __init__(self, bench: Bench, done: dict[Unit, Done]) -> None:
        self._bench, self._done = bench, done
        self._free_s: dict[str, float] = {}  # candidate -> when it may be asked again
        self._ended: dict[str, str] = {}  # candidate -> why it is not asked any more
        self._lengths: dict[tuple[str, object], int] = {}  # prompts whose tokens are known
        self._going: list[_Going] = []
        self._before: dict[tuple[str, str, int, int], list[Receipt]] = {}
        for receipt in bench.receipts.all:
            self._before.setdefault(receipt.attempted, []).append(receipt)

    def all(self, units: Sequence[Unit]) -> None:
        for unit in units:
            self._begin(unit, attempt=1, voids=0)
        while self._going:
            going = self._first()
            self._going.remove(going)
            self._turn(going)

    def _first(self) -> _Going:
        """Of what is due, the next call of a unit under way before the first of another: a warm
        prefix does not wait. Else what is due soonest."""
        now = self._bench.clock.now()
        due = [going for going in self._going if self._due(going) <= now]
        under_way = [going for going in due if going.steps]
        if under_way:
            return min(under_way, key=lambda going: going.due_s)
        return due[0] if due else min(self._going, key=self._due)

    def _due(self, going: _Going) -> float:
        return max(going.due_s, self._free_s.get(going.unit.candidate, 0.0))

    def _begin(self, unit: Unit, attempt: int, voids: int) -> None:
        """Begin *unit*, or take it from the receipts of an earlier run."""
        while heard := self._before.get((unit.candidate, unit.question, unit.number, attempt)):
            finished = _replayed(unit.begin(self._nonce(unit, attempt)), heard)
            if finished is not None:
                self._done[unit] = Done(unit=unit, found=finished.found)
                return
            attempt += 1
        protocol = unit.begin(self._nonce(unit, attempt))
        going = _Going(
            unit=unit, attempt=attempt, protocol=protocol, step=(), alone=True,
            due_s=self._bench.clock.now(), voids=voids,
        )  # fmt: skip
        self._next(going, None)

    def _nonce(self, unit: Unit, attempt: int) -> str:
        return f"{self._bench.seed}/{unit.question}/{unit.candidate}/{unit.number}/{attempt}"

    def _next(self, going: _Going, heard: Any) -> None:
        """Let the protocol hear, and queue what it asks for next."""
        try:
            step = going.protocol.send(heard)
        except StopIteration as end:
            self._done[going.unit] = Done(unit=going.unit, found=end.value)
            return
        except Void as void:
            self._void(going, void.receipt)
            return
        going.alone = isinstance(step, Ask)
        going.step = (step,) if isinstance(step, Ask) else step
        going.due_s = going.last_s + going.step[0].after_s
        self._going.append(going)

    def _void(self, going: _Going, receipt: Receipt) -> None:
        name = going.unit.candidate
        if receipt.outcome in FINAL:
            self._ended[receipt.candidate] = receipt.outcome
        elif receipt.outcome in PAUSED:
            pause_s = receipt.retry_after_s or PAUSE_S * (going.voids + 1)
            self._free_s[name] = self._bench.clock.now() + min(pause_s, LONGEST_PAUSE_S)
        if receipt.outcome in (*FINAL, "refused") or going.voids + 1 >= TRIES:
            self._done[going.unit] = Done(unit=going.unit, why=receipt.outcome)
        else:
            self._begin(going.unit, going.attempt + 1, going.voids + 1)

    def _turn(self, going: _Going) -> None:
        """Send the step that is due, if the budget allows."""
        bench, unit = self._bench, going.unit
        asked = {ask.candidate for ask in going.step} | {unit.candidate}
        if ended := next((self._ended[name] for name in asked if name in self._ended), ""):
            self._done[unit] = Done(unit=unit, why=ended)
            return
        worst = [self._worst_usd(ask) for ask in going.step]
        if not bench.budget.allows(sum(worst)):
            self._done[unit] = Done(unit=unit, why="budget")
            return
        if (wait_s := self._due(going) - bench.clock.now()) > 0:
            bench.clock.sleep(wait_s)
        sent_s = bench.clock.now()
        planned = [
            self._planned(going, ask, number, sent_s, usd)
            for number, (ask, usd) in enumerate(zip(going.step, worst, strict=True), going.steps)
        ]
        for receipt in planned:
            bench.receipts.add(receipt)
        heard = self._sent(going.step, planned)
        for ask, receipt in zip(going.step, heard, strict=True):
            bench.receipts.add(receipt)
            bench.budget.charge(receipt.spent_usd)
            if receipt.input_tokens is not None:
                self._lengths[ask.candidate, ask.shape] = receipt.input_tokens
        going.steps += len(heard)
        going.last_s = sent_s
        self._free_s[unit.candidate] = sent_s + bench.pace_s.get(unit.candidate, 0.0)
        self._next(going, heard[0] if going.alone else tuple(heard))

    def _planned(
        self, going: _Going, ask: Ask, step: int, sent_s: float, worst_usd: float
    ) -> Receipt:
        waited = None if ask.warmed_s is None else sent_s - going.last_s
        return Receipt(
            question=going.unit.question,
            unit=going.unit.number,
            attempt=going.attempt,
            step=step,
            sent_s=sent_s,
            candidate=ask.candidate,
            asker=going.unit.candidate,
            model=self._bench.candidates[ask.candidate].model,
            outcome="sent",
            prompt_words=ask.words,
            prompt_hash=ask.digest(),
            wait_s=waited,
            worst_usd=worst_usd,
        )

    def _sent(self, step: tuple[Ask, ...], planned: list[Receipt]) -> list[Receipt]:
        bench = self._bench

        def one(ask: Ask, receipt: Receipt) -> Receipt:
            candidate = bench.candidates[ask.candidate]
            heard = bench.send(candidate, ask, bench.offers[ask.candidate], receipt)
            return replace(heard, cost_usd=_cost_usd(heard, bench.rates[ask.candidate]))

        if len(step) == 1:
            return [one(step[0], planned[0])]
        with ThreadPoolExecutor(len(step)) as pool:
            return list(pool.map(one, step, planned))

    def _worst_usd(self, ask: Ask) -> float:
        bound = ask.bytes() + ROLE_TOKENS
        known = self._lengths.get((ask.candidate, ask.shape))
        if known is not None:  # a nonce has as many words each time, of one or two tokens
            bound = min(bound, known + 2 * NONCE_WORDS)
        return self._bench.rates[ask.candidate].worst_usd(bound, ask.most_output_tokens)


def _cost_usd(receipt: Receipt, rates: Rates) -> float | None:
    if receipt.input_tokens is None or receipt.output_tokens is None:
        return None
    return rates.cost_usd(
        receipt.uncached_input_tokens or 0,
        receipt.cache_read_tokens or 0,
        receipt.cache_write_tokens or 0,
        receipt.output_tokens,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    found: Any


def _replayed(protocol: Protocol, heard: Sequence[Receipt]) -> _Found | None:
    """What *protocol* found in *heard*; None where it is void, not at its end, or another one's."""
    rest = sorted(heard, key=lambda receipt: receipt.step)
    said: Any = None
    try:
        while True:
            step = protocol.send(said)
            asks = (step,) if isinstance(step, Ask) else step
            taken, rest = rest[: len(asks)], rest[len(asks) :]
            if [one.prompt_words for one in taken] != [ask.words for ask in asks]:
                return None
            said = taken[0] if isinstance(step, Ask) else tuple(taken)
    except StopIteration as end:
        return _Found(end.value)
    except Void:
        return None
