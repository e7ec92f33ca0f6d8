"""The start of an incident, told from finer buckets than those that found it."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ..changes import LevelShift, level_shifts
from ..metrics import cache_metrics
from ..noise import week_hour
from .find import Incident
from .series import RATES

DAY = pd.Timedelta("1D")
AROUND = 3 * DAY  # of a rise that is known to the day


def sharpen(incident: Incident, fine: pd.DataFrame, width: pd.Timedelta) -> Incident:
    """*incident* with its start told from finer buckets, where *fine* has them around it.

    fine   usage of the leading alarm's cohort in buckets shorter than those that found it
    """
    if fine.empty:
        return incident
    if incident.measure == "volume":
        return _dated(incident, _rises(incident, fine))
    if incident.measure in ("usd_per_request", "usd_per_mtok"):
        return _dated(incident, _longer(incident, fine))
    if incident.measure not in RATES:
        return incident
    near = (fine["bucket_start"] >= incident.start_low - 3 * width) & (
        fine["bucket_start"] < incident.start_high + 4 * width
    )
    sums = cache_metrics(fine[near], ["bucket_start"])
    weight = sums["input_tokens" if incident.measure == "hit_rate" else "cached_tokens"]
    drop = incident.before - incident.after
    shifts = level_shifts(sums[incident.measure], weight, min_step=drop / 2).shifts
    return _dated(incident, [s for s in shifts if s.after < s.before])


def _rises(incident: Incident, fine: pd.DataFrame) -> list[LevelShift]:
    """Steps up of the input by the hour, over what the baseline had in that hour of the day."""
    sums = cache_metrics(fine, ["bucket_start"])
    tokens = sums["input_tokens"].fillna(sums["cached_tokens"])
    hourly = tokens.groupby(pd.DatetimeIndex(tokens.index).floor("h")).sum()
    index = pd.DatetimeIndex(hourly.index)
    cell = pd.Series(week_hour(index), index=index)
    low, high = incident.baseline
    usual = hourly[(index >= low) & (index < min(high, incident.start))]
    expected = cell.map(usual.groupby(cell).mean())
    near = (index >= incident.start - AROUND) & (index < incident.start + AROUND)
    known = near & (expected > 0).to_numpy() & (hourly > 0).to_numpy()
    ratio = (hourly[known] / expected[known]).map(np.log)
    step = float(np.log(incident.after)) / 2
    return [s for s in level_shifts(ratio, expected[known], min_step=step).shifts
            if s.after > s.before]  # fmt: skip


def _longer(incident: Incident, fine: pd.DataFrame) -> list[LevelShift]:
    """Steps up of the input or the output of a request, near the start of a dearer one.

    Either is steadier than its cost, which strays with the cache as well. A step counts if it may
    have begun the rise, and makes up a good part of it.
    """
    near = (fine["bucket_start"] >= incident.start - AROUND) & (
        fine["bucket_start"] < incident.start + AROUND
    )
    sums = cache_metrics(fine[near], ["bucket_start"])
    step = float(np.log(incident.after)) / 2
    low, high = incident.could_low - DAY, incident.could_high + DAY
    found: list[LevelShift] = []
    for name in ("input_tokens_per_request", "output_tokens_per_request"):
        each = sums[name].where(sums[name] > 0).map(np.log)
        shifts = level_shifts(each, sums["requests"], min_step=step).shifts
        found += [s for s in shifts if s.after > s.before and low <= s.at <= high]
    return found


def _dated(incident: Incident, steps: list[LevelShift]) -> Incident:
    """*incident* with the date of the strongest of *steps*; as it is without any."""
    if not steps:
        return incident
    first = max(steps, key=lambda s: s.strength)
    return replace(
        incident,
        start=first.at,
        start_low=first.low,
        start_high=first.high,
        could_low=first.could_low,
        could_high=first.could_high,
    )
