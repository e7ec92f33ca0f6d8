"""Excess by bucket, and what each day of the baseline would have made of the same traffic."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from .estimate import NAN, Floats, Gap, Ints
from .usual import Usual, hours_since_epoch, whole

DAY = 24.0  # hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Which hour of the baseline stands for an hour of the incident, day by day.

    first, last   hours of the baseline, since 1970
    opens         first hour of the incident
    by_day        True: hour 3 of the incident's days against hour 3 of each UTC day, for those of
                  more than a day; False: the stretch itself, moved by whole days
    """

    first: int
    last: int
    opens: int
    by_day: bool

    def hours(self, hour: Ints) -> Ints:
        """Hours of the baseline that stand for *hour* (n,), (days, n); some lie outside of it."""
        if self.by_day:
            day = np.arange(self.first // 24, self.last // 24 + 1)
            return day[:, None] * 24 + hour % 24
        moved = np.arange((self.first - self.opens) // 24, (self.last - self.opens) // 24 + 1)
        return moved[:, None] * 24 + hour


def days_of(base: pd.DataFrame, inside: pd.DataFrame) -> Days:
    """The days of *base* beside *inside*, rows of an incident and of what is in doubt."""
    before, during = (_bounds(rows) for rows in (base, inside))
    longer = during[1] - during[0] >= DAY
    return Days(
        first=int(before[0]), last=int(np.ceil(before[1])) - 1, opens=int(during[0]), by_day=longer
    )


def _bounds(rows: pd.DataFrame) -> tuple[float, float]:
    if rows.empty:
        return 0.0, 1.0
    return (
        float(hours_since_epoch(rows["bucket_start"]).min()),
        float(hours_since_epoch(rows["bucket_end"]).max()),
    )


def gap_of(
    at: Floats,
    usd: Floats,
    worth: Floats,
    off: Floats,
    hour: Ints,
    each: Floats,
    usual: Usual,
    days: Days,
) -> Gap:
    """The gap of a cohort with rows in buckets that start *at* (m,), in hours since 1970.

    usd     excess of each row, (m,)
    worth   its units, (m,)
    off     by how much a unit was dearer than usual in an hour of the baseline, USD, (b,)
    hour    those hours, since 1970, (b,)
    each    units of those hours, (b,): thin hours stray more, and busy ones less
    """
    starts, place = np.unique(at, return_inverse=True)
    units = np.bincount(place, weights=worth, minlength=len(starts))
    excess = np.bincount(place, weights=usd, minlength=len(starts))
    strayed = np.full(max(1, days.last - days.first + 1), NAN)
    fixed, thin = noise_by_volume(off, each)
    strayed[hour - days.first] = off / np.sqrt(fixed + thin / each)
    own = whole(starts)
    twin = days.hours(own)
    known = (twin >= days.first) & (twin <= days.last) & (twin != own)  # none vouches for itself
    found = strayed[np.clip(twin - days.first, 0, len(strayed) - 1)]
    return Gap(
        starts=starts,
        usd=np.asarray(excess, dtype=np.float64),
        stray=np.where(known, found, NAN) * np.sqrt(fixed * units**2 + thin * units),
        days=usual.days,
        weekends=usual.weekends,
    )


def noise_by_volume(off: Floats, each: Floats) -> tuple[float, float]:
    """(a, b) of the variance a + b / units of *off* (b,) in hours of *each* units.

    Non-negative least squares of the squares, once plain and once weighted by the fit before
    (the standard deviation of a square is its mean times the root of 2).
    """
    known = ~np.isnan(off) & (each > 0)
    square, inverse = off[known] ** 2, 1 / each[known]
    if not len(square) or not square.any():
        return 1.0, 0.0  # nothing strays: any scale will do
    design = np.column_stack([np.ones(len(square)), inverse / np.median(inverse)])
    weight = np.ones(len(square))
    for _ in range(2):
        found, _ = nnls(design * weight[:, None], square * weight)
        weight = 1 / np.maximum(design @ found, square.mean() * 1e-3)
    return float(found[0]), float(found[1] / np.median(inverse))


def by_hour(rows: pd.DataFrame, values: Floats) -> tuple[Ints, Floats]:
    """(hours since 1970 with rows, ascending, *values* (n, k) summed over each of them)."""
    hour, place = np.unique(whole(hours_since_epoch(rows["bucket_start"])), return_inverse=True)
    sums = [np.bincount(place, weights=v, minlength=len(hour)) for v in values.T]
    return hour, np.column_stack(sums) if sums else np.zeros((len(hour), 0))
