"""Units of protocols, run side by side: whoever is due next is asked next.

Budget before every call, a pace per candidate, no retries, a receipt for each; one step at a time,
so that nothing is in flight beside it but the calls of the same step. What is void is tried anew
with another nonce; what was refused for good ends that candidate. A run can stop at any
call and go on later: a unit that was complete is read from its receipts, one that was not begins
again.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from typing import Protocol as Interface

from .ask import Ask
from .candidate import Candidate
from .money import Budget, Rates, SetAside, dearer_usd, set_aside
from .protocols import Offers, Protocol, Void
from .receipt import Receipt, Receipts
from .resume import asked_of, replayed
from .waiting import Waiting

TRIES, IN_VAIN = 3, 15  # attempts at a unit; attempts in a row, at any, that end alike
OVER_BOUND = "over_bound"
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
    """What became of a unit: its finding, or why it has none: "budget", "stopped", an outcome.

    needs_usd, left_usd   where it was the budget: what the next step had to set aside, and what
                          there was
    """

    unit: Unit
    found: Any = None
    why: str = ""
    needs_usd: float | None = None
    left_usd: float | None = None


def _no_price(candidate: Candidate, served: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a run needs: whom to ask, at which rates and pace, with which clock, sender and books.

    pace_s   least time between the starts of two calls to a candidate
    seed     of the nonces: two runs of one seed would read each other's prefixes
    learn_lengths   whether a prompt that was answered bounds the next of its shape
    served_rates    what a model that answered in place of a candidate's costs; None: not known
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
    learn_lengths: bool = True
    served_rates: Callable[[Candidate, str], Rates | None] = _no_price


@dataclass(slots=True, kw_only=True)
class _Going:
    """A unit under way: its next step, and when that is due."""

    unit: Unit
    attempt: int
    protocol: Protocol
    step: tuple[Ask, ...] = ()
    alone: bool = True
    due_s: float = 0.0
    last_s: float = 0.0
    steps: int = 0
    voids: int = 0

    @property
    def asked(self) -> tuple[str, ...]:
        """Whom its next step goes to."""
        return tuple(dict.fromkeys(ask.candidate for ask in self.step))

    @property
    def under_way(self) -> bool:
        """Whether a call of it was sent."""
        return self.steps > 0


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
        self._waiting: Waiting[_Going] = Waiting(self._free_s)
        self._ended: dict[str, str] = {}  # candidate -> why it is not asked any more
        self._in_vain: dict[str, tuple[str, int]] = {}  # candidate -> last why, times in a row
        self._lengths: dict[tuple[str, object], int] = {}  # prompts whose tokens are known
        self._before: dict[tuple[str, str, int, int], list[Receipt]] = {}
        for receipt in bench.receipts.all:
            self._before.setdefault(receipt.attempted, []).append(receipt)
            self._learn(receipt)

    def all(self, units: Sequence[Unit]) -> None:
        for unit in units:
            self._begin(unit, attempt=1, voids=0)
        while self._waiting:
            self._turn(self._waiting.take(self._bench.clock.now()))

    def _begin(self, unit: Unit, attempt: int, voids: int) -> None:
        """Begin *unit*, or take it from the receipts of an earlier run."""
        while heard := self._before.get((unit.candidate, unit.question, unit.number, attempt)):
            finished = replayed(unit.begin(self._nonce(unit, attempt)), heard, self._name)
            if finished is not None:
                self._done[unit] = Done(unit=unit, found=finished.found)
                return
            attempt += 1
        protocol = unit.begin(self._nonce(unit, attempt))
        now_s = self._bench.clock.now()
        going = _Going(unit=unit, attempt=attempt, protocol=protocol, last_s=now_s, voids=voids)
        self._next(going, None)

    def _nonce(self, unit: Unit, attempt: int) -> str:
        return f"{self._bench.seed}/{unit.question}/{unit.candidate}/{unit.number}/{attempt}"

    def _name(self, ask: Ask) -> str:
        return asked_of(self._bench.candidates[ask.candidate], ask)

    def _next(self, going: _Going, heard: Any) -> None:
        """Let the protocol hear, and queue what it asks for next."""
        try:
            step = going.protocol.send(heard)
        except StopIteration as end:
            self._done[going.unit] = Done(unit=going.unit, found=end.value)
            self._in_vain.pop(going.unit.candidate, None)
            return
        except Void as void:
            self._void(going, void)
            return
        going.alone = isinstance(step, Ask)
        going.step = (step,) if isinstance(step, Ask) else step
        going.due_s = going.last_s + going.step[0].after_s
        self._waiting.put(going)

    def _void(self, going: _Going, void: Void) -> None:
        """Try *going* anew, or give it up; and with it a candidate that answers in vain."""
        receipt, why = void.receipt, void.why
        if void.final:
            self._ended[receipt.candidate] = why
        elif why in PAUSED:
            pause_s = receipt.retry_after_s or PAUSE_S * (going.voids + 1)
            until_s = self._bench.clock.now() + min(pause_s, LONGEST_PAUSE_S)
            self._free_s[receipt.candidate] = until_s
        last, times = self._in_vain.get(receipt.candidate, (why, 0))
        times = times + 1 if last == why else 1
        self._in_vain[receipt.candidate] = (why, times)
        if times >= IN_VAIN:
            self._ended[receipt.candidate] = why
        if void.final or why == "refused" or going.voids + 1 >= TRIES:
            self._done[going.unit] = Done(unit=going.unit, why=why)
        else:
            self._begin(going.unit, going.attempt + 1, going.voids + 1)

    def _turn(self, going: _Going) -> None:
        """Send the step that is due, if the budget allows."""
        bench, unit = self._bench, going.unit
        ended = [self._ended[name] for name in going.asked if name in self._ended]
        worst = [self._worst(ask) for ask in going.step]
        if ended:
            self._done[unit] = Done(unit=unit, why=ended[0])
            return
        if not bench.budget.allows(needs_usd := sum(one.usd for one in worst)):
            self._done[unit] = Done(
                unit=unit, why="budget", needs_usd=needs_usd, left_usd=bench.budget.left_usd
            )
            return
        if (wait_s := self._waiting.due(going) - bench.clock.now()) > 0:
            bench.clock.sleep(wait_s)
        sent_s = bench.clock.now()
        planned = [
            self._planned(going, ask, number, sent_s, most)
            for number, (ask, most) in enumerate(zip(going.step, worst, strict=True), going.steps)
        ]
        for receipt in planned:
            bench.receipts.add(receipt)
        heard = self._sent(going.step, planned)
        for ask, receipt in zip(going.step, heard, strict=True):
            self._heard(ask, receipt)
            self._free_s[ask.candidate] = sent_s + bench.pace_s.get(ask.candidate, 0.0)
        going.steps += len(heard)
        going.last_s = sent_s
        self._next(going, heard[0] if going.alone else tuple(heard))

    def _heard(self, ask: Ask, receipt: Receipt) -> None:
        """Keep what came of a call, and pay for it."""
        self._bench.receipts.add(receipt)
        self._bench.budget.charge(receipt.spent_usd)
        if receipt.counted and receipt.input_tokens is not None and self._bench.learn_lengths:
            self._lengths[ask.candidate, ask.shape] = receipt.input_tokens
        self._learn(receipt)

    def _learn(self, receipt: Receipt) -> None:
        """What a receipt says of its endpoint, also one of an earlier run. Above its bound: no more
        of it."""
        if receipt.over_bound:
            self._ended[receipt.candidate] = OVER_BOUND
        if receipt.cache_write_tokens and receipt.candidate in self._bench.offers:
            self._bench.offers[receipt.candidate].reports_writes = True

    def _planned(
        self, going: _Going, ask: Ask, step: int, sent_s: float, worst: SetAside
    ) -> Receipt:
        waited = None if ask.warmed_s is None else sent_s - going.last_s
        return Receipt(
            question=going.unit.question,
            unit=going.unit.number,
            attempt=going.attempt,
            step=step,
            asked=self._name(ask),
            sent_s=sent_s,
            candidate=ask.candidate,
            asker=going.unit.candidate,
            model=self._bench.candidates[ask.candidate].model,
            outcome="sent",
            prompt_words=ask.words,
            prompt_hash=ask.digest(),
            wait_s=waited,
            limit_tokens=worst.output_tokens,
            worst_usd=worst.usd,
            held_usd=worst.held_usd or None,
        )

    def _sent(self, step: tuple[Ask, ...], planned: list[Receipt]) -> list[Receipt]:
        bench = self._bench

        def one(ask: Ask, receipt: Receipt) -> Receipt:
            candidate, rates = bench.candidates[ask.candidate], bench.rates[ask.candidate]
            heard = bench.send(candidate, ask, bench.offers[ask.candidate], receipt)
            cost_usd = rates.charged_usd(heard)
            if heard.outcome == "other_model":
                cost_usd = dearer_usd(heard, rates, bench.served_rates(candidate, heard.served))
            return replace(heard, cost_usd=cost_usd)

        if len(step) == 1:
            return [one(step[0], planned[0])]
        with ThreadPoolExecutor(len(step)) as pool:
            return list(pool.map(one, step, planned))

    def _worst(self, ask: Ask) -> SetAside:
        """What is to be set aside for *ask*."""
        bench, name = self._bench, ask.candidate
        return set_aside(
            ask,
            bench.rates[name],
            bench.budget,
            least_output_tokens=bench.offers[name].output_tokens,
            known_tokens=self._lengths.get((name, ask.shape)),
        )
