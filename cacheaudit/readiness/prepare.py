"""Parameters in, a verdict on a migration out. The clock and the network end here."""

from dataclasses import dataclass

import ibis.expr.types as ir
import pandas as pd

from .. import clock
from ..cached_lengths import cached_lengths
from ..engine import as_table
from ..gates import Gate, exit_code_of, verdict_of
from ..gates.gate import Verdict
from ..live import Live
from ..logs.opening import open_log
from ..planning import Plans
from ..planning.compare import Plan
from ..pricing import UnitPrice, Unpriced, unit_price
from ..quality import QualityNote, check_quality, settled
from ..readiness_params import ReadinessParams
from ..sources import Pull, fetch
from ..sources.sample import planted_log
from ..sources.tables import read_live, read_prices
from ..traffic.inventory import prefixes
from .at_stake import Lengths, at_stake
from .forecast import Forecast, Steady, check_plan, chosen, forecast, what_lacks
from .held_against import Evidence, gates_of, reported_share
from .known import Known, known_of
from .vouched import hit_rate_of, lacks_of_baseline, lacks_of_log, logged

MOST_PREFIXES = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Readiness:
    """Everything that the readiness page is made of; report/readiness.py only reads it.

    evidence  what the gates are held against
    inventory the prefixes with the most tokens at stake (traffic.prefixes); None without a log
    forecast  both versions in the long run, and the plans, out of the log
    prices    of the incumbent and of the candidate on the day of the cutover, or why there is none
    gates     in the order in which they are asked
    """

    params: ReadinessParams
    pull: Pull
    quality: tuple[QualityNote, ...]
    live: Live | None
    known: Known
    evidence: Evidence
    inventory: pd.DataFrame | None
    forecast: Forecast
    prices: tuple[UnitPrice | Unpriced, UnitPrice | Unpriced]
    gates: tuple[Gate, ...]
    fetched_at: pd.Timestamp

    @property
    def usage(self) -> pd.DataFrame:
        """The usage frame that was judged."""
        return self.pull.usage

    @property
    def baseline(self) -> float | None:
        """The incumbent's hit rate in usage."""
        return self.evidence.baseline

    @property
    def lengths(self) -> pd.DataFrame:
        """cached_lengths() of the incumbent's usage."""
        return self.evidence.lengths

    @property
    def counted(self) -> Lengths:
        """(length, tokens) of what the incumbent's calls read; empty without a log."""
        return self.evidence.counted

    @property
    def steady(self) -> Steady | None:
        """Both versions on all of the log; None without one that can be replayed."""
        return self.forecast.steady

    @property
    def plans(self) -> Plans | None:
        """The plans that were compared; None where none could be."""
        return self.forecast.plans

    @property
    def plans_why(self) -> str:
        """What it would take to have plans, and to price them; "" where they are."""
        return what_lacks(self.forecast, self.params, self.known.unpriced)

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
    check_plan(params.plan)
    at = clock.now() if now is None else now
    until = min(at, params.at) if params.at is not None else at
    pull = fetch(params.pull(until), now=now)
    usage = settled(pull.usage, pull.refreshed_at)
    table = read_prices(params.prices_path) if params.prices_path else None
    live = read_live(params.probe_path) if params.probe_path else None
    log = _log_of(params, pull)
    own = None if log is None else log.filter(log.model == params.incumbent)
    day = (params.at or at).date()
    known = known_of(params, live, day, prices=table, ready_s=_ready_s(log))
    old, new = (
        unit_price(params.provider, model, day, prices=table)
        for model in (params.incumbent, params.candidate)
    )
    found = forecast(log, params, known.rules, known.rules_why)
    mine = usage[usage["model"] == params.incumbent]
    replayed = found.steady.incumbent.hit_rate if found.steady is not None else None
    told = None if own is None else logged(own)
    of_log = "" if told is None else lacks_of_log(told, mine, replayed)
    reporting = reported_share(usage, params.incumbent)
    if reporting is None and told is not None and not of_log:
        reporting = told.reporting
    evidence = Evidence(
        baseline=hit_rate_of(mine),
        reporting=reporting,
        lengths=cached_lengths(mine),
        counted=() if own is None else at_stake(own),
        old=replayed,
        new=found.steady.candidate.hit_rate if found.steady is not None else None,
        plan=chosen(found.plans, params),
        why=what_lacks(found, params, known.unpriced),
        of_log=of_log,
        of_baseline=lacks_of_baseline(mine) if len(mine) else "",
    )
    return Readiness(
        params=params,
        pull=pull,
        quality=check_quality(pull.usage, (pull.start, pull.end), pull.refreshed_at),
        live=live,
        known=known,
        evidence=evidence,
        inventory=None if own is None else prefixes(own, most=MOST_PREFIXES),
        forecast=found,
        prices=(old, new),
        gates=gates_of(params, known, evidence),
        fetched_at=at.floor("s"),
    )


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


def _ready_s(log: ir.Table | None) -> float:
    """Median time to the first token, after which an entry can be read; 0 where not logged."""
    if log is None:
        return 0.0
    found = log.aggregate(median=log.first_token_ms.median()).to_pandas().iloc[0, 0]
    return 0.0 if pd.isna(found) else float(found) / 1000
