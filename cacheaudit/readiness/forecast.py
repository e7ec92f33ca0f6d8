"""What a request log says of the migration: both versions in the long run, and the plans. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import ibis.expr.types as ir
import pandas as pd

from ..errors import ParamError, UnfitData
from ..planning import Migration, Plans, compare_plans
from ..planning.compare import Plan
from ..planning.course import courses
from ..planning.proposals import (
    BY_CALL,
    BY_NEW_TALK,
    BY_TALK,
    BY_TALK_PREFILLED,
    CANARY,
    KEPT_WARM,
    PREFILLED,
    STRAIGHT,
)
from ..planning.stretch import MOST_HELD, edges
from ..readiness_params import ReadinessParams
from ..replaying import Cutover, Outcome, Rules, replay
from ..replaying.held import Held, held_of
from ..replaying.lanes import Lanes, lanes_of
from ..words import span

HOUR_S = 3600
NAMES = (
    STRAIGHT, PREFILLED, BY_CALL, BY_TALK, BY_NEW_TALK, BY_TALK_PREFILLED, CANARY, KEPT_WARM,
)  # fmt: skip
BRING_LOG = "a request log to replay (requests_path)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """All of the log on either version, each of which had always served it.

    first, last   time of the first and of the last call
    alike_usd     what the candidate's input would cost, did its cache do what the incumbent's does:
                  the difference to that is the cache's, the rest the price's and the tokenizer's.
                  None without a price
    """

    incumbent: Outcome
    candidate: Outcome
    alike_usd: float | None
    first: pd.Timestamp
    last: pd.Timestamp

    @property
    def days(self) -> float:
        """That the log covers."""
        return max((self.last - self.first).total_seconds(), 0.001) / 86_400

    def usd_per_day(self) -> tuple[float | None, float | None]:
        """What the input of a day costs on the incumbent and on the candidate."""
        both = (self.incumbent.cost, self.candidate.cost)
        old, new = (None if one is None else one.total_usd / self.days for one in both)
        return old, new


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a log says; None where it cannot, and then *why* says what to bring.

    log      as it was replayed
    course   hit rates around the cutover of the chosen plan and of the dearest (planning.course)
    """

    log: Held | Lanes | None = None
    steady: Steady | None = None
    plans: Plans | None = None
    course: pd.DataFrame | None = None
    why: str = ""


def check_plan(name: str) -> None:
    """ParamError for a plan that is not among those that are compared."""
    if name and name not in NAMES:
        near = get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(NAMES)}."
        raise ParamError(f"plan is {name!r}; {hint}")


def forecast(
    log: ir.Table | None, params: ReadinessParams, rules: Mapping[str, Rules] | None, why: str
) -> Forecast:
    """Both versions on all of *log*, and the plans on its days.

    why   what it takes to have *rules*, where there are none
    """
    if log is None:
        return Forecast(why=BRING_LOG)
    if rules is None:
        return Forecast(why=why)
    lanes = lanes_of(log.filter(log.model == params.incumbent))
    if params.incumbent not in lanes.models:
        return Forecast(why=f"a request log with calls on {params.incumbent}; this one has none")
    few = int(lanes.table.count().execute()) <= MOST_HELD
    held = held_of(lanes) if few else lanes
    steady = _steady(held, params, rules)
    migration = _migration(params, rules)
    try:
        plans = compare_plans(held, migration)
    except UnfitData:
        return Forecast(log=held, steady=steady, why=_longer(migration))
    taken = chosen(plans, params) or plans.plans[0]
    shown = list(dict.fromkeys([taken.name, plans.plans[-1].name]))
    return Forecast(log=held, steady=steady, plans=plans, course=courses(held, plans, shown))


def chosen(plans: Plans | None, params: ReadinessParams) -> Plan | None:
    """The plan that *params* name, else the cheapest that fits; without prices the straight cut,
    whose rates stand all the same. None where there is none."""
    if plans is None:
        return None
    unpriced = all(one.predicted["excess_usd"].value is None for one in plans.plans)
    name = params.plan or plans.cheapest or (STRAIGHT if unpriced else "")
    if name and name not in {one.name for one in plans.plans}:
        raise UnfitData(
            f"plan is {name!r}, and the log names no conversations (session_id); expected one of"
            f" {', '.join(one.name for one in plans.plans)}, or a log that names them."
        )
    return plans.plan(name) if name else None


def what_lacks(found: Forecast, params: ReadinessParams, unpriced: list[str]) -> str:
    """What it would take to price the plan; "" where nothing is in the way."""
    if found.plans is None:
        return found.why
    if unpriced:
        return f"a price of {' and of '.join(unpriced)} (prices_path)"
    if not params.plan and not found.plans.cheapest:
        return "a plan within the floor and the limit, or one that is chosen all the same (plan)"
    return ""


def _longer(migration: Migration) -> str:
    """What a log must hold for one day of plans."""
    before, after = span(migration.before_s), span(migration.after_s)
    return (
        f"a longer request log, with {before} before a cutover of that time of day and {after}"
        " after it, or a shorter ramp (ramp_hours)"
    )


def _steady(log: Held | Lanes, params: ReadinessParams, rules: Mapping[str, Rules]) -> Steady:
    first, last = edges(log)
    if first is None or last is None:
        raise UnfitData(f"the log has no answered call on {params.incumbent}; expected some.")
    moved = Cutover(at=first, to=params.candidate)
    incumbent = replay(log, rules, bucket_s=HOUR_S)
    return Steady(
        incumbent=incumbent,
        candidate=replay(log, rules, moved, bucket_s=HOUR_S),
        alike_usd=_alike_usd(incumbent, rules[params.incumbent], rules[params.candidate]),
        first=first,
        last=last,
    )


def _alike_usd(incumbent: Outcome, old: Rules, new: Rules) -> float | None:
    """The incumbent's classes of tokens, in the candidate's tokens and at its prices."""
    if new.rates is None:
        return None
    uncached = incumbent.prompt_tokens - incumbent.hit_tokens - incumbent.written_tokens
    tokens = (incumbent.hit_tokens, incumbent.written_tokens, uncached)
    longer = new.token_ratio / old.token_ratio
    return sum(n * rate for n, rate in zip(tokens, new.rates, strict=True)) * longer / 1e6


def _migration(params: ReadinessParams, rules: Mapping[str, Rules]) -> Migration:
    return Migration(
        from_model=params.incumbent,
        to_model=params.candidate,
        rules=rules,
        clock=f"{params.at:%H:%M}" if params.at is not None else "",
        ramp_shares=tuple(params.ramp_shares),
        ramp_s=params.ramp_hours * HOUR_S,
        canary_share=params.canary_share,
        canary_s=params.canary_hours * HOUR_S,
        prefixes=params.prefixes,
        lead_s=params.lead_s,
        keep_old_warm=params.keep_old_warm,
        rollback_after_s=params.rollback_hours * HOUR_S,
        floor=params.floor,
        limit_tokens_per_min=params.limit_tokens_per_min or None,
        reads_count=params.provider == "openai",
    )
