"""What a unit takes in the baseline, by the hour of the day, weekends apart."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..noise import is_weekend
from .estimate import NAN, Floats, Ints

ENOUGH_DAYS = 4  # of baseline, before each hour of the day gets a level of its own
ENOUGH_OF_WEEKEND = 2  # days of weekend, beside ENOUGH_DAYS others, before they get one
HOUR = pd.Timedelta("1h")
EPOCH = pd.Timestamp(0, tz="UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """Levels of a baseline: what one unit takes of each of k kinds.

    by_hour   on a weekday, (24, k); NaN without any baseline
    weekend   what a weekend adds to every hour, (k,)
    days, weekends   days with data; those of weekend, 0 where they have no level of their own
    """

    by_hour: Floats
    weekend: Floats
    days: int
    weekends: int

    def at(self, hour: Ints) -> Floats:
        """What a unit takes in each of *hour* (whole hours since 1970, n), (n, k)."""
        return self.by_hour[hour % 24] + is_weekend(hour)[:, None] * self.weekend


def hours_since_epoch(times: pd.Series) -> Floats:
    """*times* as hours since 1970, (n,)."""
    return np.asarray((times - EPOCH) / HOUR, dtype=np.float64)


def whole(at: Floats) -> Ints:
    """The hours that the times *at* (hours since 1970) lie in."""
    return np.floor(at).astype(np.int64)


def usual_of(taken: Floats, units: Floats, hour: Ints) -> Usual:
    """Levels of sums over a baseline: what was *taken* (n, k) for *units* (n,) in each *hour*.

    taken = units * (level of the hour + weekend), by least squares with weights 1 / units, so
    that a quiet hour weighs little; without weekends these are sums over sums. The weekend's
    part is found first, with the hours taken out of both sides (Frisch, Waugh and Lovell).
    """
    known = units > 0
    taken, units, hour = taken[known], units[known], hour[known]
    day = np.unique(hour // 24)
    whole = taken.sum(axis=0) / units.sum() if units.sum() > 0 else np.full(taken.shape[1], NAN)
    flat = np.tile(whole, (24, 1))
    none = np.zeros(taken.shape[1])
    if len(day) < ENOUGH_DAYS:
        return Usual(by_hour=flat, weekend=none, days=len(day), weekends=0)
    clock, late = hour % 24, is_weekend(hour).astype(np.float64)
    weekends = int(is_weekend(day * 24).sum())
    total = np.bincount(clock, weights=units, minlength=24)
    filled = np.where(total > 0, total, 1.0)
    on_weekends = np.bincount(clock, weights=units * late, minlength=24)
    apart = late - (on_weekends / filled)[clock]
    leverage = float((units * apart**2).sum())
    own = min(weekends, len(day) - weekends - ENOUGH_DAYS + ENOUGH_OF_WEEKEND) >= ENOUGH_OF_WEEKEND
    own &= leverage > 0
    weekend = apart @ taken / leverage if own else none
    sums = np.column_stack([np.bincount(clock, weights=t, minlength=24) for t in taken.T])
    level = (sums - on_weekends[:, None] * weekend) / filled[:, None]
    by_hour = np.where(total[:, None] > 0, level, flat)
    return Usual(by_hour=by_hour, weekend=weekend, days=len(day), weekends=weekends if own else 0)
