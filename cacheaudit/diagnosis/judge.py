"""Usage in, diagnosis out: quality, incidents, and each of them tried. Pure."""

from dataclasses import replace

import ibis.expr.types as ir
import pandas as pd

from ..bars import Bars
from ..causes.case import build_case
from ..causes.facts import moved_by
from ..cost import cost_of
from ..engine import as_table
from ..engine import rollup as rollup_requests
from ..events import client_releases, version_changes
from ..incidents import find_incidents, sharpen, watched_series
from ..live import Live
from ..metrics import rollup, usual_width
from ..price_table import PriceTable
from ..quality import (
    charged_by_day,
    check_quality,
    reconcile,
    reconcile_cost,
    reconciliation,
    settled,
)
from ..schema import check_cost, check_events, check_usage, empty_events
from .result import Diagnosis
from .tried import finer, tried, without_inner


def diagnose(
    usage: pd.DataFrame,
    events: pd.DataFrame | None = None,
    requests: pd.DataFrame | ir.Table | None = None,
    cost: pd.DataFrame | None = None,
    *,
    window: tuple[pd.Timestamp, pd.Timestamp] | None = None,
    refreshed_at: pd.Timestamp | None = None,
    bars: Bars | None = None,
    prices: PriceTable | None = None,
    live: Live | None = None,
) -> Diagnosis:
    """Try every cause in the catalogue on *usage* (a usage frame); change no input.

    events        events frame that the caller knows of, or None
    requests      request table (request_table.py) of the same traffic: a pandas frame or an Ibis
                  table; it says why, where buckets only say when
    cost          cost table, carried along for reconciliation
    window, refreshed_at   what was asked for, and until when the provider is complete
    bars          what counts as a shift, as material, as recovered; None takes the defaults
    prices        prices of the caller's own (price_table.check_prices), before the price list's
    live          what a probe measured (live.live_of): its minimums go before the documented ones
    """
    bars = Bars() if bars is None else bars
    usage = check_usage(usage)
    known = check_events(events if events is not None else empty_events())
    fit, costed = settled(usage, refreshed_at), cost_of(usage, prices)
    bill = None if cost is None else check_cost(cost)
    log = None if requests is None else as_table(requests)
    quality = check_quality(usage, window, refreshed_at)
    if log is not None:
        quality += reconcile(rollup_requests(log), fit)
    money, tolerance = costed.usd.loc[fit.index], bars.bill_tolerance
    if bill is not None:
        quality += reconcile_cost(fit, money, bill, tolerance=tolerance)
    if any(n.severity == "unfit" and n.about == "log" for n in quality):
        log = None  # what it lost would pass for what the cache lost
    unfit = fit.empty or any(n.severity == "unfit" and n.about == "usage" for n in quality)
    seen = client_releases(fit)
    result = Diagnosis(
        verdict="unfit_data" if unfit else "no_incident",
        incidents=(),
        versions=version_changes(fit),
        events=check_events(pd.concat([known, seen])) if len(seen) else known,
        quality=quality,
        costed=costed,
        cost=bill,
        reconciliation=reconciliation(fit, money, bill, tolerance=tolerance),
        series_watched=0,
        alpha=bars.alpha,
    )
    return result if unfit else _with_incidents(result, fit, log, bars, prices, live)


def _with_incidents(
    result: Diagnosis,
    usage: pd.DataFrame,
    log: ir.Table | None,
    bars: Bars,
    prices: PriceTable | None,
    live: Live | None,
) -> Diagnosis:
    """*result* with the incidents of *usage*, each tried against the catalogue."""
    width = usual_width(usage)
    coarse = rollup(usage, width)
    usd = result.costed.usd.loc[usage.index] if coarse is usage else cost_of(coarse, prices).usd
    charged = None
    if result.cost is not None:
        charged = charged_by_day(usage, result.costed.usd.loc[usage.index], result.cost)
    series = watched_series(
        coarse, usd, min_drop=bars.min_drop, min_rise=bars.min_rise, charged=charged
    )
    found = []
    rollouts = tuple((c.start, moved_by(c) or usage["bucket_end"].max()) for c in result.versions)
    moments = (*(c.start for c in result.versions), *result.events["at"], *_new_scopes(usage))
    for incident in find_incidents(series, width, bars.alpha, rollouts, moments):
        case = build_case(
            sharpen(incident, finer(incident, usage, width), width),
            coarse,
            result.versions,
            result.events,
            width=width,
            min_drop=bars.min_drop,
            requests=log,
            prices=prices,
            live=live,
        )
        found.append(tried(case, usage, result.costed, bars, charged, log))
    apart = tuple(without_inner(one, found, bars) for one in found)
    result = replace(result, incidents=apart, series_watched=len(series))
    top = result.costliest
    if top is None:  # where an incident may hide, or a log invents one, finding none is no verdict
        unsure = any(n.severity != "note" for n in result.quality)
        return replace(result, verdict="unfit_data") if unsure else result
    return replace(result, verdict=top.verdict)


def _new_scopes(usage: pd.DataFrame) -> list[pd.Timestamp]:
    """When workspaces or projects had their first traffic, those of the first day apart."""
    first = usage.groupby("scope")["bucket_start"].min()
    return list(first[first >= usage["bucket_start"].min() + pd.Timedelta("1D")])
