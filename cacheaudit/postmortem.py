"""Parameters in, postmortem out: pull, diagnose, keep both. The clock and the network end here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import ibis.expr.types as ir
import pandas as pd

from .bridge import Bridge, comparable, explain_cost, measured
from .diagnosis import Diagnosis, diagnose
from .engine import read_requests
from .owners import Owners
from .params import PostmortemParams
from .quality import settled
from .schema import empty_events, empty_signals
from .sources import Pull, fetch
from .sources.tables import read_events, read_owners, read_prices, read_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmortem:
    """Everything the report is made of; report.py and plots.py only read it.

    bridge   from what the baseline cost to what the costliest incident did, over windows of equal
             length; None without an incident, or where the baseline has no equal of it
    owners   who owns which scope and route
    """

    params: PostmortemParams
    pull: Pull
    signals: pd.DataFrame
    diagnosis: Diagnosis
    bridge: Bridge | None
    owners: Owners
    fetched_at: pd.Timestamp

    @property
    def usage(self) -> pd.DataFrame:
        """The usage frame that was judged."""
        return self.pull.usage


def investigate(params: PostmortemParams, *, now: pd.Timestamp | None = None) -> Postmortem:
    """Pull what *params* asks for and diagnose it. *now* is the clock, for tests."""
    at = pd.Timestamp(datetime.now(UTC)) if now is None else now
    events = read_events(params.events_path) if params.events_path else empty_events()
    requests = read_requests(params.requests_path) if params.requests_path else None
    signals = read_signals(params.signals_path) if params.signals_path else empty_signals()
    prices = read_prices(params.prices_path) if params.prices_path else None
    owners = read_owners(params.owners_path) if params.owners_path else Owners()
    pull = fetch(params, now=now)
    diagnosis = diagnose(
        pull.usage,
        events,
        requests=requests,
        cost=pull.cost,
        window=(pull.start, pull.end),
        refreshed_at=pull.refreshed_at,
        bars=params.bars,
        prices=prices,
    )
    return Postmortem(
        params=params,
        pull=pull,
        signals=signals,
        diagnosis=diagnosis,
        bridge=bridge_of(diagnosis, pull, requests, params.tokenizers),
        owners=owners,
        fetched_at=at.floor("s"),
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
