"""Which call is sent next: a unit under way goes before one that is not, for its prefix is warm."""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Generic, Protocol, TypeVar


class Due(Protocol):
    """A unit with a call to send.

    due_s      when that is wanted; asked: whom it goes to
    under_way  whether a call of it was sent before
    """

    due_s: float

    @property
    def asked(self) -> Sequence[str]:
        """Labels."""

    @property
    def under_way(self) -> bool:
        """Whether it has begun."""


T = TypeVar("T", bound=Due)


class Waiting(Generic[T]):
    """Units that wait; free_s says from when on a candidate may be asked (absent: at once)."""

    def __init__(self, free_s: Mapping[str, float]) -> None:
        self._free_s = free_s
        self._order = count()
        self._under_way: list[tuple[float, int, T]] = []
        self._new: dict[tuple[str, ...], deque[tuple[int, T]]] = {}

    def __bool__(self) -> bool:
        return bool(self._under_way or self._new)

    def put(self, unit: T) -> None:
        """Let *unit* wait."""
        place = next(self._order)
        if unit.under_way:
            heapq.heappush(self._under_way, (unit.due_s, place, unit))
        else:
            self._new.setdefault(tuple(unit.asked), deque()).append((place, unit))

    def due(self, unit: T) -> float:
        """When *unit* may be sent."""
        return max(unit.due_s, self._free(unit.asked))

    def take(self, now_s: float) -> T:
        """The next: of what is due, the one under way longest due, else the first that was put;
        where nothing is due, what is due soonest."""
        soonest_s = self._soonest()
        if soonest_s <= now_s:
            return heapq.heappop(self._under_way)[2]
        free = {asked: self._free(asked) for asked in self._new}
        open_now = [asked for asked, at in free.items() if at <= now_s]
        if open_now:
            return self._first(min(open_now, key=lambda asked: self._new[asked][0][0]))
        if free and min(free.values()) < soonest_s:
            return self._first(min(free, key=lambda asked: free[asked]))
        return heapq.heappop(self._under_way)[2]

    def _soonest(self) -> float:
        """When the first unit under way may be sent; it is then on top."""
        while self._under_way:
            key, place, unit = self._under_way[0]
            if (due_s := self.due(unit)) <= key:
                return key
            heapq.heapreplace(self._under_way, (due_s, place, unit))
        return float("inf")

    def _free(self, asked: Sequence[str]) -> float:
        return max((self._free_s.get(name, 0.0) for name in asked), default=0.0)

    def _first(self, asked: tuple[str, ...]) -> T:
        units = self._new[asked]
        _, unit = units.popleft()
        if not units:
            del self._new[asked]
        return unit
