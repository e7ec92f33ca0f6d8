"""Prefixes under way: what is known of each, who is due next, and what is in flight."""

import heapq
from collections import deque
from dataclasses import dataclass
from itertools import islice

from ..probing.receipt import Receipt
from .pace import Entry
from .prefix import Prefix
from .touched import Touched
from .ways import Way


@dataclass(slots=True, kw_only=True)
class State:
    """One prefix under way.

    way        which of its ways it is asked for in
    failures   calls in a row that were not answered; attempts: calls ever made
    begun      whether it was answered before, or is being asked
    """

    prefix: Prefix
    touched: Touched
    way: int = 0
    failures: int = 0
    attempts: int = 0
    begun: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """A call that was sent."""

    state: State
    planned: Receipt
    entry: Entry

    @property
    def touch(self) -> tuple[Prefix, Way]:
        """What was sent, and in which way."""
        return self.state.prefix, self.state.prefix.ways[self.state.way]


class Queue:
    """What is due, soonest first, and what is new, most used first."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, State]] = []
        self._new: deque[State] = deque()

    def put(self, due_s: float, state: State) -> None:
        """Let *state* be touched again at *due_s*."""
        heapq.heappush(self._due, (due_s, state.prefix.number, state))

    def add(self, state: State) -> None:
        """Let *state* be begun when nothing is due."""
        self._new.append(state)

    def heads(self) -> list[tuple[float, State]]:
        """(when, who): the first that is due, and the first that is new, which may be at once."""
        due = [(self._due[0][0], self._due[0][2])] if self._due else []
        return [*due, *((0.0, state) for state in islice(self._new, 1))]

    def take(self, state: State) -> None:
        """*state* is one of heads(), and waits no more."""
        if self._new and self._new[0] is state:
            self._new.popleft()
        else:
            heapq.heappop(self._due)

    def clear(self) -> None:
        """Nobody waits."""
        self._due.clear()
        self._new.clear()
