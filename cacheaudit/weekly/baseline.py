"""Which traffic is usual: a run that was frozen, or the days before the week without incidents.

A baseline that rolls takes a loss for usual once the loss is older than the week. So days on which
an incident was open are left out as far as the data goes back, and what an incident is too coarse
to see (a slow decline) is seen only against a baseline that is frozen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

DAY = pd.Timedelta("1D")
FEW_DAYS = 3  # clean days; with fewer the days before the week are taken as they are

Span = tuple[pd.Timestamp, pd.Timestamp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Usage that the week is held against.

    usage      usage frame; empty where there is none
    window     [first, last) of it; None where there is none
    days       whole days that were taken, or that a frozen one spans
    name       of the file of a frozen one; "" for one that rolls
    skipped    days that were left out, because an incident was open
    disturbed  whether incidents lie in it all the same: too few days are without
    """

    usage: pd.DataFrame
    window: Span | None
    days: float
    name: str = ""
    skipped: int = 0
    disturbed: bool = False

    @property
    def frozen(self) -> bool:
        """Whether it stays as it is from week to week."""
        return bool(self.name)


def frozen_baseline(
    usage: pd.DataFrame, name: str, window: tuple[pd.Timestamp | None, pd.Timestamp | None]
) -> Baseline:
    """The rows of a run's *usage* in *window*; an end that is None is the data's own."""
    kept = usage
    if window[0] is not None:
        kept = kept[kept["bucket_start"] >= window[0]]
    if window[1] is not None:
        kept = kept[kept["bucket_end"] <= window[1]]
    if kept.empty:
        return Baseline(usage=kept, window=None, days=0.0, name=name)
    span = kept["bucket_start"].min(), kept["bucket_end"].max()
    return Baseline(usage=kept, window=span, days=(span[1] - span[0]) / DAY, name=name)


def rolling_baseline(
    usage: pd.DataFrame, week_start: pd.Timestamp, days: float, incidents: Sequence[Span]
) -> Baseline:
    """The last *days* days before *week_start* on which none of *incidents* was open.

    usage   settled usage; a day is 24 h that end with a multiple of 24 h before the week
    """
    before = usage[usage["bucket_end"] <= week_start]
    far = (week_start - before["bucket_start"]).dt.total_seconds() / DAY.total_seconds()
    back = np.ceil(far).astype("int64")
    there = sorted(map(int, back.unique()))
    clean = [k for k in there if not _touched(week_start, k, incidents)]
    disturbed = len(clean) < FEW_DAYS and len(clean) < len(there)
    taken = (there if disturbed else clean)[: max(1, round(days))]
    kept = before[back.isin(taken)]
    if kept.empty:
        return Baseline(usage=kept, window=None, days=0.0)
    skipped = 0 if disturbed else sum(k <= max(taken) for k in there) - len(taken)
    span = kept["bucket_start"].min(), kept["bucket_end"].max()
    return Baseline(
        usage=kept, window=span, days=float(len(taken)), skipped=skipped, disturbed=disturbed
    )


def _touched(week_start: pd.Timestamp, back: int, incidents: Sequence[Span]) -> bool:
    """Whether an incident was open on the day that begins *back* days before the week."""
    begins = week_start - back * DAY
    return any(low < begins + DAY and high > begins for low, high in incidents)
