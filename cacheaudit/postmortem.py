"""Parameters in, postmortem out: pull, diagnose, keep both. The clock and the network end here."""

from collections.abc import Mapping
from dataclasses import dataclass

import ibis.expr.types as ir
import pandas as pd

from . import clock
from .bridge import Bridge, comparable, explain_cost, measured
from .diagnosis import Diagnosis, diagnose
from .live import Live
from .logs.opening import open_log
from .logs.table import Log
from .owners import Owners
from .params import PostmortemParams
from .quality import settled
from .rules import rule
from .schema import empty_events, empty_signals
from .sources import Pull, fetch
from .sources.tables import read_events, read_live, read_owners, read_prices, read_signals
from .traffic import Window
from .traffic.reach import Reach, reach_of
from .traffic.unread import COLUMNS, unread_calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmortem:
    """Everything the report is made of; report.py and plots.py only read it.

    bridge   from what the baseline cost to what the costliest incident did, over windows of equal
             length; None without an incident, or where the baseline has no equal of it
    log      the request log, where one was given or usage is from one
    reach    what the log says of re-use; None without a log, or where usage contradicts it
    owners   who owns which scope and route
    live     what a probe measured; None without one
    unread   calls of the costliest incident that a provider can look up (traffic/unread.py); empty
             without a log that has request ids
    """

    params: PostmortemParams
    pull: Pull
    signals: pd.DataFrame
    diagnosis: Diagnosis
    bridge: Bridge | None
    log: Log | None
    reach: Reach | None
    owners: Owners
    live: Live | None
    unread: pd.DataFrame
    fetched_at: pd.Timestamp

    @property
    def usage(self) -> pd.DataFrame:
        """The usage frame that was judged."""
        return self.pull.usage

    @property
    def requests(self) -> ir.Table | None:
        """The request table, its scopes, routes and models named as in usage."""
        return None if self.log is None else self.log.table


def investigate(params: PostmortemParams, *, now: pd.Timestamp | None = None) -> Postmortem:
    """Pull what *params* asks for and diagnose it. *now* is the clock, for tests."""
    at = clock.now() if now is None else now
    events = read_events(params.events_path) if params.events_path else empty_events()
    signals = read_signals(params.signals_path) if params.signals_path else empty_signals()
    prices = read_prices(params.prices_path) if params.prices_path else None
    owners = read_owners(params.owners_path) if params.owners_path else Owners()
    pull = fetch(params, now=now)
    log = _log_of(params) if params.requests_path else pull.log
    log = None if log is None else log.named(params.names)
    requests = None if log is None else log.table
    live = read_live(params.probe_path) if params.probe_path else None
    diagnosis = diagnose(
        pull.usage,
        events,
        requests=requests,
        cost=pull.cost,
        window=(pull.start, pull.end),
        refreshed_at=pull.refreshed_at,
        bars=params.bars,
        prices=prices,
        live=live,
    )
    return Postmortem(
        params=params,
        pull=pull,
        signals=signals,
        diagnosis=diagnosis,
        bridge=bridge_of(diagnosis, pull, requests, params.tokenizers),
        log=log,
        reach=_reach(diagnosis, pull, requests),
        owners=owners,
        live=live,
        unread=_unread(diagnosis, pull, requests),
        fetched_at=at.floor("s"),
    )


def _reach(found: Diagnosis, pull: Pull, requests: ir.Table | None) -> Reach | None:
    """Re-use before and during the costliest incident, else over the whole window."""
    if requests is None or _unfit(found):
        return None
    top, last = found.costliest, pull.usage["bucket_end"].max()
    periods = {"all": (pull.start, pull.end)}
    if top is not None:
        during = (top.incident.start, top.incident.end or last)
        periods = {"before": top.incident.baseline, "during": during}
    pairs = pull.usage[["provider", "model"]].dropna().drop_duplicates()
    known = {str(m): rule(str(p), str(m)) for p, m in pairs.itertuples(index=False)}
    least = {m: (r.minimum_tokens or 0) if r else 0 for m, r in known.items()}
    return reach_of(requests, least, periods)


def _unread(found: Diagnosis, pull: Pull, requests: ir.Table | None) -> pd.DataFrame:
    """Calls of the costliest incident, where it is in a rate, on the versions it moved to."""
    top = found.costliest
    if requests is None or _unfit(found) or top is None or not top.case.in_a_rate:
        return pd.DataFrame(columns=COLUMNS)
    end = top.incident.end or pull.usage["bucket_end"].max()
    affected = top.case.affected
    moved = {c.change.to_model for c in top.case.moved if c.change is not None}
    during = Window(start=top.incident.start, end=end, cohorts=tuple(c.cohort for c in affected))
    return unread_calls(requests, during, moved if len(top.case.moved) == len(affected) else ())


def _unfit(found: Diagnosis) -> bool:
    return any(n.severity == "unfit" and n.about == "log" for n in found.quality)


def _log_of(params: PostmortemParams) -> Log:
    return open_log(
        params.requests_path,
        table=params.requests_table,
        format=params.requests_format,
        columns=params.columns,
        max_loss=params.max_loss,
    )


def bridge_of(
    found: Diagnosis, pull: Pull, requests: ir.Table | None, tokenizers: Mapping[str, float]
) -> Bridge | None:
    """The bridge over the costliest incident's start.

    tokenizers   what is stated; where it says nothing, the request log is measured
    """
    top = found.costliest
    if top is None:
        return None
    usage = settled(pull.usage, pull.refreshed_at)
    end = top.incident.end or usage["bucket_end"].max()
    spans = comparable(top.incident.baseline, top.incident.start, end)
    at = usage["bucket_start"]
    if spans is None or not all(((at >= a) & (at < b)).any() for a, b in spans):
        return None
    ratios = dict(tokenizers)
    for change in top.case.changes:
        if requests is None or change.to_model in ratios:
            continue
        if ratio := measured(requests, change):
            ratios[change.to_model] = ratio.ratio * ratios.get(change.from_model or "", 1.0)
    return explain_cost(usage, *spans, cost=found.cost, tokenizers=ratios, costed=found.costed)
