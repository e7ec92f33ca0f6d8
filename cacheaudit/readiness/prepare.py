"""Parameters in, a verdict on a migration out. The clock and the network end here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import ibis.expr.types as ir
import pandas as pd

from ..cached_lengths import cached_lengths
from ..engine import as_table
from ..errors import UnfitData
from ..gates import Gate, exit_code_of, verdict_of
from ..gates.gate import Verdict
from ..live import Live
from ..logs.opening import open_log
from ..metrics import overall_metrics
from ..planning import Migration, Plans, compare_plans
from ..planning.compare import Plan
from ..quality import QualityNote, check_quality, settled
from ..readiness_params import ReadinessParams
from ..replaying import Cutover, Outcome, Rules, replay
from ..replaying.lanes import Lanes, lanes_of
from ..sources import Pull, fetch
from ..sources.sample import planted_log
from ..sources.tables import read_live, read_prices
from ..traffic.inventory import prefixes
from .held_against import gates_of, reported_share
from .known import Known, known_of

MOST_PREFIXES = 20
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """All of the log on either version, each of which had always served it.

    days   that the log covers
    """

    incumbent: Outcome
    candidate: Outcome
    days: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Readiness:
    """Everything that the readiness page is made of; report/readiness.py only reads it.

    lengths   cached_lengths of the incumbent's usage
    inventory the prefixes with the most tokens at stake (traffic.prefixes); None without a log
    steady, plans   None without a log that can be replayed, and then `plans_why` says why
    gates     in the order in which they are asked
    """

    params: ReadinessParams
    pull: Pull
    quality: tuple[QualityNote, ...]
    live: Live | None
    known: Known
    baseline: float | None
    lengths: pd.DataFrame
    inventory: pd.DataFrame | None
    steady: Steady | None
    plans: Plans | None
    plans_why: str
    gates: tuple[Gate, ...]
    fetched_at: pd.Timestamp

    @property
    def usage(self) -> pd.DataFrame:
        """The usage frame that was judged."""
        return self.pull.usage

    @property
    def verdict(self) -> Verdict:
        """ready, not_ready or not_yet_known."""
        return verdict_of(self.gates)

    @property
    def exit_code(self) -> int:
        """What the command leaves with."""
        return exit_code_of(self.gates)

    @property
    def plan(self) -> Plan | None:
        """The plan that was named, else the cheapest within the floor."""
        return chosen(self.plans, self.params)


def prepare_migration(params: ReadinessParams, *, now: pd.Timestamp | None = None) -> Readiness:
    """Pull what *params* asks for, replay the plans, and hold all of it against the gates.

    *now* is the clock, for tests. Raises what sources, logs and tables raise; a log that cannot be
    replayed leaves the gates of the plan unknown, and says why.
    """
    clock = pd.Timestamp(datetime.now(UTC)) if now is None else now
    until = min(clock, params.at) if params.at is not None else clock
    pull = fetch(params.pull(until), now=now)
    usage = settled(pull.usage, pull.refreshed_at)
    prices = read_prices(params.prices_path) if params.prices_path else None
    live = read_live(params.probe_path) if params.probe_path else None
    log = _log_of(params, pull)
    day = (params.at or clock).date()
    known = known_of(params, live, day, prices=prices, ready_s=_ready_s(log))
    inventory = (
        None if log is None
        else prefixes(log.filter(log.model == params.incumbent), most=MOST_PREFIXES)
    )  # fmt: skip
    steady, plans, why = _replayed(log, params, known.rules, known.rules_why)
    lengths = cached_lengths(usage[usage["model"] == params.incumbent])
    baseline = _baseline(usage, params.incumbent)
    return Readiness(
        params=params,
        pull=pull,
        quality=check_quality(pull.usage, (pull.start, pull.end), pull.refreshed_at),
        live=live,
        known=known,
        baseline=baseline,
        lengths=lengths,
        inventory=inventory,
        steady=steady,
        plans=plans,
        plans_why=why,
        gates=gates_of(
            params, known, baseline=baseline, lengths=lengths, inventory=inventory,
            plan=chosen(plans, params), reporting=reported_share(usage, params.incumbent),
        ),
        fetched_at=clock.floor("s"),
    )  # fmt: skip


def chosen(plans: Plans | None, params: ReadinessParams) -> Plan | None:
    """The plan that *params* name, else the cheapest that fits; None where there is none."""
    name = params.plan or (plans.cheapest if plans else "")
    if plans is None or not name:
        return None
    if name not in [one.name for one in plans.plans]:
        names = ", ".join(one.name for one in plans.plans)
        raise UnfitData(f"plan is {name!r}; expected one of {names}.")
    return plans.plan(name)


def _log_of(params: ReadinessParams, pull: Pull) -> ir.Table | None:
    """The request log that was given, else that of the source, else the sample's."""
    if params.requests_path:
        log = open_log(
            params.requests_path, table=params.requests_table, format=params.requests_format,
            columns=params.columns, max_loss=params.max_loss,
        )  # fmt: skip
        return log.named(params.names).table
    if pull.log is not None:
        return pull.log.named(params.names).table
    return as_table(planted_log()) if params.source == "sample" else None


def _baseline(usage: pd.DataFrame, model: str) -> float | None:
    """The incumbent's hit rate over the window; None where nobody can say."""
    own = usage[usage["model"] == model]
    rate = overall_metrics(own)["hit_rate"] if len(own) else None
    return None if rate is None or pd.isna(rate) else float(rate)


def _ready_s(log: ir.Table | None) -> float:
    """Median time to the first token, after which an entry can be read; 0 where not logged."""
    if log is None:
        return 0.0
    found = log.aggregate(median=log.first_token_ms.median()).to_pandas().iloc[0, 0]
    return 0.0 if pd.isna(found) else float(found) / 1000


def _replayed(
    log: ir.Table | None, params: ReadinessParams, rules: Mapping[str, Rules] | None, why: str
) -> tuple[Steady | None, Plans | None, str]:
    """Both versions on all of the log, and the plans; or why there are none."""
    if log is None:
        return None, None, "no request log was given (requests_path)"
    if rules is None:
        return None, None, why
    own = log.filter(log.model == params.incumbent)
    lanes = lanes_of(own)
    if params.incumbent not in lanes.models:
        return None, None, f"the request log has no call on {params.incumbent}"
    steady = _steady(lanes, params, rules)
    try:
        return steady, compare_plans(lanes, _migration(params, rules)), ""
    except UnfitData as unfit:
        return steady, None, str(unfit)


def _steady(lanes: Lanes, params: ReadinessParams, rules: Mapping[str, Rules]) -> Steady:
    edges = lanes.table.aggregate(first=lanes.table.at_ms.min(), last=lanes.table.at_ms.max())
    first, last = (int(ms) for ms in edges.to_pandas().iloc[0])
    moved = Cutover(at=pd.Timestamp(first, unit="ms", tz="UTC"), to=params.candidate)
    return Steady(
        incumbent=replay(lanes, rules, bucket_s=3600),
        candidate=replay(lanes, rules, moved, bucket_s=3600),
        days=max(last - first, 1) / 86_400_000,
    )


def _migration(params: ReadinessParams, rules: Mapping[str, Rules]) -> Migration:
    limit = params.limit_tokens_per_min
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
        limit_tokens_per_min=limit or None,
        reads_count=params.provider == "openai",
    )
