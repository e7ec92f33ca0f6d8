"""Prefixes kept warm until the cutover: the one that is due first is touched first.

A touch is due again at a share of the lifetime after the start of the last one that was proven, and
before it ends. Between touches that are due, new prefixes are begun in the order of their use, each
only if the budget is expected to hold it and all that were begun until the end: money that runs out
half way would have warmed nothing. What a call can cost at most is set aside before it is sent, on
the disk; then the clock is looked at once more, and no call is begun from the cutover on.

Who is busy is left alone as long as he asks for; what was not answered is tried again, later each
time. A way of asking that is refused is followed by the next; what is refused for good ends that
prefix alone, a wrong key or model ends all. A run can stop at any call: what was proven is read
from its receipts, and a touch whose end nobody saw is made again.

One call can pass the budget: of a server that generates more than it was allowed, or has a dearer
model answer. So it is asked alone until it has kept a limit, with what it could generate set aside
as well; after that, calls are in flight together only while the budget holds a dear answer to each
(set_aside.py). Who passes a bound is asked no more, nor who has a model answer without a price.
"""

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from ..probing.receipt import BILLED, FINAL, Receipt
from .pace import Pace
from .prefix import Prefix
from .set_aside import SetAside
from .setup import (
    BUDGET,
    NOT_CACHED,
    OVER_BOUND,
    QUESTION,
    STOPPED,
    Kept,
    Setup,
    asked_of,
    says_writes,
    unit_of,
)
from .touched import Touched
from .under_way import Flight, Queue, State

CONFIRM_S = 5.0  # after a call that neither read nor reported a write
PAUSE_S, LONGEST_PAUSE_S = 10.0, 120.0  # after a failure, where the provider does not say how long
TRIES, IN_VAIN = 5, 15  # failures in a row that may be billed: of one prefix, of all
PAUSED = ("busy", "overloaded")


def keep_warm(prefixes: Sequence[Prefix], setup: Setup) -> Kept:
    """Touch *prefixes* until the cutover, as *setup* says.

    An interrupt, or a stop that is asked for, ends it before the next call; calls in flight end.
    """
    keeper = _Keeper(prefixes, setup)
    try:
        keeper.run()
    except KeyboardInterrupt:  # the receipts are on the disk
        keeper.stopped = STOPPED
    finally:
        keeper.close()
    return Kept(why=keeper.why, stopped=keeper.stopped)


class _Keeper:
    def __init__(self, prefixes: Sequence[Prefix], setup: Setup) -> None:
        self.why: dict[str, str] = {}
        self.stopped = ""
        self._setup, self._pace = setup, Pace(setup.limits)
        self._pool = ThreadPoolExecutor(setup.together) if setup.together > 1 else None
        self._flying: dict[Future[Receipt], Flight] = {}
        self._queue = Queue()
        self._set_aside, self._pause_s = SetAside(setup), 0.0
        self._trusted, self._in_vain = setup.trusted, 0
        self._least_way: dict[tuple[str, int], int] = {}  # a kind of ways -> the first not refused
        self._states = [self._taken_up(one) for one in prefixes]
        for state in self._states:
            if not state.touched.cached:
                self.why[state.prefix.digest] = NOT_CACHED
            elif state.begun:
                self._queue.put(self._next_s(state), state)
            else:
                self._queue.add(state)
        self._remember_pace(prefixes)

    def close(self) -> None:
        """Take in what is still in flight."""
        while self._flying:
            self._land(None)
        if self._pool is not None:
            self._pool.shutdown()

    def run(self) -> None:
        setup = self._setup
        while True:
            self._land(0.0)
            if setup.stop():
                self.stopped = STOPPED
                return
            now_s = setup.clock.now()
            state, at_s = self._choose(now_s)
            if state is None or at_s >= setup.until_s:
                if not self._flying:
                    return
                self._land(None)
            elif at_s > now_s:
                self._let_pass(min(at_s - now_s, setup.slice_s))
            elif len(self._flying) >= (setup.together if self._trusted else 1):
                self._land(None)
            else:
                self._begin(state)

    def _taken_up(self, prefix: Prefix) -> State:
        """*prefix*, with what an earlier run proved of it."""
        setup, name = self._setup, asked_of(self._setup.candidate, prefix)
        mine = [
            one for one in setup.receipts.all
            if one.unit == unit_of(prefix) and one.question == QUESTION
        ]  # fmt: skip
        touched = Touched(says_writes=says_writes(setup.candidate))
        for receipt in sorted(mine, key=lambda one: one.sent_s):
            if receipt.asked == name:
                touched.hear(receipt)
        attempts = max((one.attempt for one in mine), default=0)
        return State(prefix=prefix, touched=touched, attempts=attempts, begun=touched.touches > 0)

    def _remember_pace(self, prefixes: Sequence[Prefix]) -> None:
        heads = {unit_of(one): one.head for one in prefixes}
        for one in sorted(self._setup.receipts.all, key=lambda one: one.sent_s):
            if one.question == QUESTION:
                self._pace.enter(heads.get(one.unit, ""), self._counts_for(one), one.sent_s)

    def _next_s(self, state: State) -> float:
        """When *state* is due after an answer."""
        if state.touched.misses or state.touched.proven_s is None:
            return self._setup.clock.now() + CONFIRM_S
        return state.touched.proven_s + self._setup.interval_s(state.prefix)

    def _choose(self, now_s: float) -> tuple[State | None, float]:
        """Who is touched next, and when: who is due goes before who is new."""
        found = [
            (max(due_s, self._free_s(state, now_s)), place, state)
            for place, (due_s, state) in enumerate(self._queue.heads())
        ]
        if not found:
            return None, 0.0
        at_s, _, state = min(found, key=lambda one: one[:2])
        return state, at_s

    def _free_s(self, state: State, now_s: float) -> float:
        soonest_s = max(now_s, self._pause_s, self._setup.begin_s)
        return self._pace.free_s(state.prefix.head, self._will_count(state), soonest_s)

    def _will_count(self, state: State) -> int:
        """Input tokens of the next call that count towards the limit, as is expected."""
        touched = state.touched
        whole = touched.input_tokens or state.prefix.about_tokens
        if self._setup.limits.reads_count or touched.proven_s is None:
            return whole
        return touched.uncached_tokens or 0

    def _counts_for(self, receipt: Receipt) -> int:
        read = (receipt.cache_read_tokens or 0) if self._setup.limits.reads_count else 0
        return (receipt.uncached_input_tokens or 0) + (receipt.cache_write_tokens or 0) + read

    def _let_pass(self, seconds: float) -> None:
        if self._flying:
            self._land(seconds)
        else:
            self._setup.clock.sleep(seconds)

    def _holds(self, state: State) -> bool:
        live = [one for one in self._states if one.begun and one.prefix.digest not in self.why]
        new, *others = ((o.prefix, o.touched, o.prefix.ways[o.way]) for o in (state, *live))
        return self._set_aside.holds(new, others)

    def _land(self, seconds: float | None) -> None:
        """Take in calls that ended, within *seconds*; None waits until one does."""
        if not self._flying:
            return
        ended, _ = wait(self._flying, timeout=seconds, return_when=FIRST_COMPLETED)
        for future in ended:
            self._hear(self._flying.pop(future), future.result())

    def _begin(self, state: State) -> None:
        """Send the next call of *state*, if the budget allows."""
        setup, prefix = self._setup, state.prefix
        state.way = max(state.way, self._least_way.get(_kind(prefix), 0))
        way, set_aside = prefix.ways[state.way], self._set_aside
        worst_usd = set_aside.worst_usd(prefix, state.touched, way)
        fits = set_aside.allows(worst_usd) and (state.begun or self._holds(state))
        beside = [one.touch for one in self._flying.values()]
        if beside and not (fits and set_aside.holds_dear([*beside, (prefix, way)])):
            self._land(None)  # what it set aside comes back
            return
        if (sent_s := setup.clock.now()) >= setup.until_s:
            return
        self._queue.take(state)
        if not fits:
            self.why[prefix.digest] = BUDGET
            return
        held_usd = 0.0 if self._trusted else set_aside.allowance_usd(worst_usd)
        state.attempts += 1
        planned = self._planned(state, sent_s, worst_usd + held_usd, held_usd)
        setup.receipts.add(planned)
        if (left_s := setup.clock.now()) >= setup.until_s:  # a disk may take its time
            setup.receipts.add(replace(planned, outcome="unsent"))
            return
        self._send(state, planned, left_s)

    def _send(self, state: State, planned: Receipt, left_s: float) -> None:
        state.begun = True
        self._set_aside.reserved_usd += planned.worst_usd or 0.0
        entry = self._pace.enter(state.prefix.head, self._will_count(state), left_s)
        flight = Flight(state=state, planned=planned, entry=entry)
        if self._pool is None:
            self._hear(flight, self._sent(flight))
        else:
            self._flying[self._pool.submit(self._sent, flight)] = flight

    def _sent(self, flight: Flight) -> Receipt:
        setup, state = self._setup, flight.state
        way = state.prefix.ways[state.way]
        heard = setup.touch(setup.candidate, state.prefix, way, flight.planned)
        return replace(heard, cost_usd=self._set_aside.cost_usd(heard))

    def _planned(self, state: State, sent_s: float, worst_usd: float, held_usd: float) -> Receipt:
        setup, proven_s = self._setup, state.touched.proven_s
        return Receipt(
            question=QUESTION,
            unit=unit_of(state.prefix),
            attempt=state.attempts,
            step=0,
            sent_s=sent_s,
            candidate=setup.candidate.label,
            asker=setup.candidate.label,
            model=setup.candidate.model,
            outcome="sent",
            asked=asked_of(setup.candidate, state.prefix),
            prompt_hash=state.prefix.digest,
            wait_s=None if proven_s is None else sent_s - proven_s,
            limit_tokens=state.prefix.ways[state.way].output_tokens,
            worst_usd=worst_usd,
            held_usd=held_usd or None,
        )

    def _hear(self, flight: Flight, receipt: Receipt) -> None:
        """Keep what came of a call, pay for it, and let the prefix wait for its next."""
        setup, state, way = self._setup, flight.state, flight.state.way
        setup.receipts.add(receipt)
        self._set_aside.reserved_usd -= flight.planned.worst_usd or 0.0
        setup.budget.charge(receipt.spent_usd)
        flight.entry.tokens = self._counts_for(receipt)
        if receipt.over_bound:
            self._end_all(OVER_BOUND)
        elif receipt.outcome == "other_model" and receipt.cost_usd is None:
            self._end_all(receipt.outcome)
        if receipt.counted:
            self._answered(state, receipt)
        elif receipt.outcome in FINAL:
            self.why[state.prefix.digest] = receipt.outcome
            self._end_all(receipt.outcome)
        elif receipt.outcome == "refused":
            self._refused(state, way)
        else:
            self._failed(state, receipt)

    def _answered(self, state: State, receipt: Receipt) -> None:
        self._trusted, self._in_vain, state.failures = True, 0, 0
        state.touched.hear(receipt)
        if not state.touched.cached:
            self.why[state.prefix.digest] = NOT_CACHED
        else:
            self._again(self._next_s(state), state)
        if state.way:
            self._least_way[_kind(state.prefix)] = state.way

    def _again(self, due_s: float, state: State) -> None:
        if state.prefix.digest not in self.why:
            self._queue.put(due_s, state)

    def _refused(self, state: State, way: int) -> None:
        """Ask in the next way; where there is none, the prefix has ended."""
        if way + 1 >= len(state.prefix.ways):
            self.why[state.prefix.digest] = "refused"
            return
        state.way = way + 1
        self._again(self._setup.clock.now(), state)

    def _failed(self, state: State, receipt: Receipt) -> None:
        """Try again later; who is busy is left alone, and what may cost is not tried for ever."""
        state.failures += 1
        may_cost = receipt.outcome in BILLED
        self._in_vain = self._in_vain + 1 if may_cost else 0
        later_s = min(PAUSE_S * 2 ** (state.failures - 1), LONGEST_PAUSE_S)
        due_s = self._setup.clock.now() + (receipt.retry_after_s or later_s)
        if receipt.outcome in PAUSED:
            self._pause_s = max(self._pause_s, due_s)
        if may_cost and state.failures >= TRIES:
            self.why[state.prefix.digest] = receipt.outcome
        else:
            self._again(due_s, state)
        if self._in_vain >= IN_VAIN:
            self._end_all(receipt.outcome)

    def _end_all(self, why: str) -> None:
        """No call after this one will fare better."""
        for state in self._states:
            self.why.setdefault(state.prefix.digest, why)
        self._queue.clear()


def _kind(prefix: Prefix) -> tuple[str, int]:
    """Prefixes of one kind are asked for in the same ways."""
    return prefix.ways[0].kind, prefix.ways[0].output_tokens
