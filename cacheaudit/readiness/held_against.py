"""The gates before a migration, on what is known of it. Pure."""

from dataclasses import dataclass, replace
from math import hypot

import pandas as pd

from ..gates import (
    CachedLength,
    Gate,
    above_minimum,
    above_minimum_billed,
    active,
    hit_rate,
    pinned,
    plan_cost,
    rollback_warm,
    steady,
    telemetry,
)
from ..planning.compare import Plan
from ..readiness_params import ReadinessParams
from ..words import share, usd
from .at_stake import Lengths
from .known import Known
from .probed import Probed


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the gates are held against, beside what is known of the versions.

    baseline   the incumbent's hit rate in usage; reporting: share of its requests that report reads
    lengths    cached_lengths() of the incumbent's usage; counted: at_stake() of its log, empty
               without one
    old, new   hit rates of the log, replayed on either version that had always served it
    plan       the plan that is held against the budget; why: what it takes to have one
    of_log, of_baseline   what keeps the log from speaking for usage, and usage from being a
               baseline (vouched); "" where nothing does
    """

    baseline: float | None
    reporting: float | None
    lengths: pd.DataFrame
    counted: Lengths
    old: float | None
    new: float | None
    plan: Plan | None
    why: str
    of_log: str
    of_baseline: str


def gates_of(params: ReadinessParams, known: Known, found: Evidence) -> tuple[Gate, ...]:
    """All of them, in the order in which they are asked.

    The candidate's rate is held against the incumbent's in the same probe, where it was measured
    there: the same prompts at the same pace; else against that of usage. A log that cannot speak
    for usage decides nothing.
    """
    bars = params.bars
    candidate, _ = known.standings
    silent = replace(found, counted=(), old=None, new=None, plan=None)
    spoken = silent if found.of_log else found
    why = found.of_log or found.why
    return (
        _rate(params, known.probed, found),
        _minimum(params, known, spoken.lengths, spoken.counted),
        _needing(steady(spoken.new, baseline=spoken.old, bars=bars), found.of_log),
        pinned(candidate.kinds, params.candidate),
        active(*known.retirements, rollback_ends=known.rollback_ends),
        _cost(params, spoken.plan, why),
        _rollback(params, spoken.plan, spoken.old, why),
        telemetry(found.reporting, bars=bars),
    )


def _rate(params: ReadinessParams, probed: Probed, found: Evidence) -> Gate:
    """The candidate's interval against the incumbent's of the same probe, else against usage."""
    bars, (low, value, high) = params.bars, probed.incumbent
    if low is None or value is None or high is None:
        gate = hit_rate(*probed.candidate, baseline=found.baseline, bars=bars)
        return _needing(gate, probed.lacks or found.of_baseline)
    lacks = probed.lacks
    if not lacks and found.baseline is not None and high < bars.readiness_share * found.baseline:
        lacks = (
            f"a probe at production's pace: there the incumbent read {share(value)}, and in usage"
            f" {share(found.baseline)}"
        )
    gate = hit_rate(*probed.candidate, baseline=value, bars=bars)
    if not lacks and _straddles(probed, bars.readiness_share):
        lacks = "more repetitions in the probe: the two intervals together straddle the bar"
    return _needing(gate, lacks)


def _straddles(probed: Probed, share_kept: float) -> bool:
    """Whether 0 lies in the interval of candidate - share_kept x incumbent.

    Both were measured apart, so the half-widths add in squares (Newcombe 1998, Statistics in
    Medicine 17(8), method 10, for a difference of proportions with intervals of their own).
    """
    (low, value, high), (least, usual, most) = probed.candidate, probed.incumbent
    if low is None or value is None or high is None:
        return False
    if least is None or usual is None or most is None:
        return False
    apart = value - share_kept * usual
    below = hypot(value - low, share_kept * (most - usual))
    above = hypot(high - value, share_kept * (usual - least))
    return apart - below < 0 <= apart + above


def _needing(gate: Gate, lacks: str) -> Gate:
    """*gate*, unknown if its evidence *lacks* something: what it would say is no finding."""
    if not lacks:
        return gate
    return replace(gate, standing="unknown", needs=lacks)


def _minimum(
    params: ReadinessParams, known: Known, lengths: pd.DataFrame, counted: Lengths
) -> Gate:
    """Counted in the log, where it tells lengths, else bounded from billing."""
    if counted:
        return above_minimum(
            counted, minimum_tokens=known.minimum_tokens, ratio=known.ratio, bars=params.bars
        )
    figures = lengths[["cached_tokens", "mean_tokens", "spread_high"]].astype("float64")
    cohorts = [
        CachedLength(cached_tokens=cached, mean_tokens=mean, spread_high=spread)
        for cached, mean, spread in figures.itertuples(index=False, name=None)
    ]
    return above_minimum_billed(
        cohorts, minimum_tokens=known.minimum_tokens, ratio=known.ratio, bars=params.bars
    )


def _cost(params: ReadinessParams, plan: Plan | None, why: str) -> Gate:
    """The excess of the plan, and where one more day of its kind would put it."""
    found = None if plan is None else plan.predicted["excess_usd"]
    budget = params.budget_usd or None
    gate = plan_cost(None, None, None, budget_usd=budget)
    if found is None or found.value is None:
        return replace(gate, needs=why) if why else gate
    if found.low is None or found.high is None:
        return _of_one_day(gate, found.value, f"The plan costs {usd(found.value)}")
    return plan_cost(found.low, found.value, found.high, budget_usd=budget)


def _rollback(params: ReadinessParams, plan: Plan | None, usual: float | None, why: str) -> Gate:
    """What going back would read in the lifetime after it, of the incumbent's *usual* rate."""
    found = None if plan is None else plan.predicted["rollback_share"]
    gate = rollback_warm(None, None, None, baseline=usual, bars=params.bars)
    if not usual or found is None or found.value is None:
        return replace(gate, needs=why) if why and plan is None else gate
    if found.low is None or found.high is None:
        rate = usual * found.value
        return _of_one_day(gate, rate, f"A return to the incumbent would read {share(rate)}")
    low, value, high = (
        usual * min(1.0, max(0.0, one)) for one in (found.low, found.value, found.high)
    )
    return rollback_warm(low, value, high, baseline=usual, bars=params.bars)


def _of_one_day(gate: Gate, value: float, words: str) -> Gate:
    """*gate*, which is unknown, where one day alone was tried: how far days differ is not known."""
    return replace(
        gate,
        value=value,
        reason=f"{words} on the one day that was tried; how far days differ is not known.",
        needs="a request log on which more than one day can be tried",
    )


def reported_share(usage: pd.DataFrame, model: str) -> float | None:
    """Share of the model's requests whose usage reports reads; None unless all are counted."""
    own = usage[usage["model"] == model]
    requests = own["requests"].astype("Float64")
    if own.empty or requests.isna().any() or not float(requests.sum()):
        return None
    told = own["cache_read_tokens"].notna()
    return float(requests[told].sum() / requests.sum())
