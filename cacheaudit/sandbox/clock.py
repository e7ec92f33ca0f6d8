"""The sandbox's time: it stands still until it is moved, or runs at a speed."""

import time
from collections.abc import Callable

import pandas as pd


class Clock:
    """A time in UTC that only its owner moves.

    *speed* is how many of its seconds pass in one of ours; 0 stands still. *ticks* counts our
    seconds.
    """

    def __init__(
        self,
        now: pd.Timestamp,
        *,
        speed: float = 0.0,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ticks, self.speed = ticks, speed
        self.set(now)

    def set(self, now: pd.Timestamp, speed: float | None = None) -> None:
        """Be at *now*, and go on at *speed*; None keeps the speed."""
        self._at, self._since = now, self._ticks()
        if speed is not None:
            self.speed = speed

    @property
    def now(self) -> pd.Timestamp:
        """The time."""
        if not self.speed:
            return self._at
        return self._at + pd.Timedelta(seconds=(self._ticks() - self._since) * self.speed)
