"""The gates before a migration, on what is known of it. Pure."""

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
    telemetry,
)
from ..planning.compare import Plan
from ..readiness_params import ReadinessParams
from .known import Known


def gates_of(
    params: ReadinessParams,
    known: Known,
    *,
    baseline: float | None,
    lengths: pd.DataFrame,
    inventory: pd.DataFrame | None,
    plan: Plan | None,
    reporting: float | None,
) -> tuple[Gate, ...]:
    """All of them, in the order in which they are asked.

    The candidate's rate is held against the incumbent's in the same probe, where it was measured
    there: the same prompts at the same pace; else against *baseline*, that of usage.
    """
    bars = params.bars
    incumbent = known.incumbent_rate[1]
    candidate, _ = known.standings
    return (
        hit_rate(*known.candidate_rate, baseline=baseline if incumbent is None else incumbent,
                 bars=bars),
        _minimum(params, known, lengths, inventory),
        pinned(candidate.kinds, params.candidate),
        active(*known.retirements, rollback_ends=known.rollback_ends),
        _cost(params, plan),
        _rollback(params, plan),
        telemetry(reporting, bars=bars),
    )  # fmt: skip


def _minimum(
    params: ReadinessParams, known: Known, lengths: pd.DataFrame, inventory: pd.DataFrame | None
) -> Gate:
    """Counted in the log where it names prefixes and their length, else bounded from billing."""
    if (counted := _counted(inventory)) is not None:
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


def _counted(inventory: pd.DataFrame | None) -> list[tuple[float, float]] | None:
    """(length, tokens at stake) of each prefix; None unless all that is at stake has a length."""
    if inventory is None or inventory.empty:
        return None
    at_stake = inventory[inventory["stake_tokens"].fillna(0) > 0]
    if at_stake.empty or at_stake["prefix_tokens"].isna().any():
        return None
    columns = at_stake[["prefix_tokens", "stake_tokens"]].astype("float64")
    return list(columns.itertuples(index=False, name=None))


def _cost(params: ReadinessParams, plan: Plan | None) -> Gate:
    """The excess of the plan, and where one more day of its kind would put it."""
    found = None if plan is None else plan.predicted["excess_usd"]
    budget = params.budget_usd or None
    if found is None or found.value is None:
        return plan_cost(None, None, None, budget_usd=budget)
    low = found.value if found.low is None else found.low
    high = found.value if found.high is None else found.high
    return plan_cost(low, found.value, high, budget_usd=budget)


def _rollback(params: ReadinessParams, plan: Plan | None) -> Gate:
    """What going back would read at once, of what versions that had always served would."""
    rate = None if plan is None else plan.predicted["steady_hit_rate"].value
    share = None if plan is None else plan.predicted["rollback_share"]
    if rate is None or share is None or share.value is None:
        return rollback_warm(None, None, None, baseline=rate, bars=params.bars)
    low, high = (
        rate * min(1.0, max(0.0, share.value if edge is None else edge))
        for edge in (share.low, share.high)
    )
    return rollback_warm(low, rate * share.value, high, baseline=rate, bars=params.bars)


def reported_share(usage: pd.DataFrame, model: str) -> float | None:
    """Share of the model's requests whose usage reports reads; None where none are counted."""
    own = usage[usage["model"] == model]
    requests = own["requests"].fillna(0).astype("float64")
    if not requests.sum():
        return None
    told = own["cache_read_tokens"].notna()
    return float(requests[told].sum() / requests.sum())
