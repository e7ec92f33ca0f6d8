"""Buckets beside an incident that may belong to it, and buckets in it that may not."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .estimate import Floats, Gap

EVIDENT = 3.0  # standard deviations: what lies beside the incident and stands out so far is of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Which buckets count, and what those in doubt would change.

    counted      mask over the buckets, (n,)
    more, less   USD that further buckets would add at most, and those in doubt take away
    """

    counted: npt.NDArray[np.bool_]
    more: float
    less: float


def doubt_of(gap: Gap, start: float, end: float, low: float, high: float) -> Doubt:
    """The doubt about an incident [start, end) whose start lies in [low, high].

    A bucket that is counted and was quiet adds only noise, which the interval has anyway; one
    that is left out and was not takes its excess away. So buckets before the start and after the
    end that stand out together count, as a fall in the middle of an hour leaves its first bucket
    half bad; what the others hold widens the interval, as do those between start and high.
    """
    at = gap.starts
    inside = (at >= start) & (at < end)
    counted, more = inside.copy(), 0.0
    for beside in (np.flatnonzero(at < start)[::-1], np.flatnonzero(at >= end)):
        taken = _evident(gap, beside)
        counted[beside[:taken]] = True
        more = float(np.hypot(more, _most(gap.usd[beside[taken:]])))
    unsure = np.flatnonzero(inside & (at < high))
    return Doubt(counted=counted, more=more, less=_most(gap.usd[unsure]))


def _evident(gap: Gap, beside: npt.NDArray[np.int64]) -> int:
    """How many of the buckets *beside* (nearest first) count: those that stand out most, if any."""
    if not len(beside):
        return 0
    stray = np.nan_to_num(gap.stray[:, beside])
    days = np.maximum(1, (~np.isnan(gap.stray[:, beside])).sum(axis=0) - 1)
    noise = np.sqrt((np.cumsum(stray, axis=1) ** 2).sum(axis=0) / days)
    excess = np.cumsum(gap.usd[beside])
    strength = np.divide(excess, noise, out=np.zeros(len(beside)), where=noise > 0)
    best = int(strength.argmax())
    return best + 1 if strength[best] > EVIDENT else 0


def _most(usd: Floats) -> float:
    """The most that the first few of *usd* add up to; 0 for none."""
    return max(0.0, float(np.cumsum(usd).max())) if len(usd) else 0.0
