"""Whether a frozen baseline shows that an incident of the last report is over."""

from ..rollout.hours import RATED
from .known import Remembered
from .parts import Change, Comparison, Part

COSTS = ("usd_per_request", "usd_per_mtok", "charged_ratio")


def settled_by(found: Comparison, one: Remembered) -> bool:
    """Whether what *one* was about is surely back, beside a baseline of before it.

    "Not surely worse" is not over: the whole interval must lie on the good side of the bar. A
    baseline that was taken while *one* was open knows nothing of how it was before.
    """
    base = found.baseline
    if not base.frozen or base.window is None or base.window[1] > one.start:
        return False
    if not found.coverage.enough:
        return False
    about = [p for p in found.every if set(p.members) & set(one.cohorts)] or [*found.every]
    return all(_back(part, one.measure) for part in about)


def _back(part: Part, measure: str) -> bool:
    rate, cost = _above(part.rate), _below(part.cost)
    if measure in COSTS:
        return cost
    if measure in RATED:
        return rate
    return rate and cost and not measure  # of an older report, which does not say what moved


def _above(change: Change) -> bool:
    if change.low is None or change.usual is None:
        return False
    return change.low >= change.usual * (1 - change.bar_share)


def _below(change: Change) -> bool:
    if change.high is None or change.usual is None:
        return False
    return change.high <= change.usual * (1 + change.bar_share)
