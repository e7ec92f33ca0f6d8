"""Usage in, diagnosis out: quality, incidents, causes, excess and recovery. Pure."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from .bars import Bars
from .causes.case import Case, build_case
from .causes.facts import moved_by, rows_of
from .causes.hypothesis import Cause
from .causes.rank import Verdict, rank_causes, verdict_of
from .cost import Costed, cost_of
from .engine import as_table
from .engine import rollup as rollup_requests
from .events import VersionChange, client_releases, version_changes
from .excess import (
    ColdStart,
    Estimate,
    ExcessCurve,
    RunRate,
    charge_curve,
    cold_start,
    excess_curve,
    run_rate_of,
)
from .incidents import RATES, Incident, find_incidents, sharpen, watched_series
from .live import Live
from .metrics import rollup, usual_width
from .price_table import PriceTable
from .quality import (
    QualityNote,
    Reconciliation,
    charged_by_day,
    check_quality,
    reconcile,
    reconcile_cost,
    reconciliation,
    settled,
)
from .recovery import Recovery, recovery_of
from .schema import check_cost, check_events, check_usage, empty_events


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDiagnosis:
    """One incident with its own verdict.

    excess_curve   excess_usd by bucket
    run_rate       what it costs a day; None where it is over, or younger than a day
    """

    verdict: Verdict
    incident: Incident
    case: Case
    causes: tuple[Cause, ...]
    excess_usd: Estimate
    excess_curve: ExcessCurve
    run_rate: RunRate | None
    cold_start: ColdStart | None
    recovery: Recovery | None
    material: bool | None

    @property
    def leading(self) -> tuple[str, ...]:
        """Ids of the causes that share the lead."""
        return tuple(c.id for c in self.causes if c.standing == "leading")

    @property
    def projected(self) -> Estimate | None:
        """Excess at the recent rate up to the projected end; None where no end can be projected."""
        at = None if self.recovery is None else self.recovery.projected_at
        return None if at is None or self.run_rate is None else self.run_rate.projected(at)

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {
            "verdict": self.verdict,
            "incident": incident_dict(self.incident),
            "pattern": self.case.pattern,
            "causes": [c.to_dict() for c in self.causes],
            "leading": list(self.leading),
            "excess_usd": self.excess_usd.to_dict(),
            "excess_by_bucket": self.excess_curve.buckets.to_dict("records"),
            "run_rate": None if self.run_rate is None else self.run_rate.to_dict(),
            "projected_usd": None if self.projected is None else self.projected.to_dict(),
            "cold_start": None if self.cold_start is None else self.cold_start.to_dict(),
            "recovery": None if self.recovery is None else self.recovery.to_dict(),
            "material": self.material,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All that was found; the top-level properties repeat the costliest incident.

    series_watched, alpha   the false-alarm rate alpha is shared out over that many series
    quality                 notes on the data; `unfit` ones explain the verdict unfit_data
    reconciliation          whether a bill settles the money
    """

    verdict: Verdict
    incidents: tuple[IncidentDiagnosis, ...]
    versions: tuple[VersionChange, ...]
    events: pd.DataFrame
    quality: tuple[QualityNote, ...]
    costed: Costed
    cost: pd.DataFrame | None
    reconciliation: Reconciliation
    series_watched: int
    alpha: float

    @property
    def costliest(self) -> IncidentDiagnosis | None:
        """The incident with the largest known excess; the first where none is known."""
        return max(self.incidents, key=_cost_rank, default=None)

    @property
    def incident(self) -> Incident | None:
        """Of the costliest incident."""
        return None if self.costliest is None else self.costliest.incident

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Of the costliest incident, ranked."""
        return () if self.costliest is None else self.costliest.causes

    @property
    def leading(self) -> tuple[str, ...]:
        """Of the costliest incident: ids of the causes that share the lead."""
        return () if self.costliest is None else self.costliest.leading

    @property
    def excess_usd(self) -> Estimate | None:
        """Of the costliest incident."""
        return None if self.costliest is None else self.costliest.excess_usd

    @property
    def cold_start(self) -> ColdStart | None:
        """Of the costliest incident."""
        return None if self.costliest is None else self.costliest.cold_start

    @property
    def recovery(self) -> Recovery | None:
        """Of the costliest incident."""
        return None if self.costliest is None else self.costliest.recovery

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as plain data."""
        top = self.costliest
        return {
            "verdict": self.verdict,
            "incidents": [i.to_dict() for i in self.incidents],
            "incident": None if top is None else incident_dict(top.incident),
            "causes": [c.to_dict() for c in self.causes],
            "leading": list(self.leading),
            "excess_usd": None if top is None else top.excess_usd.to_dict(),
            "quality": [asdict(n) for n in self.quality],
        }


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
            sharpen(incident, _finer(incident, usage, width), width),
            coarse,
            result.versions,
            result.events,
            width=width,
            min_drop=bars.min_drop,
            requests=log,
            prices=prices,
            live=live,
        )
        found.append(_diagnose_one(case, usage, result.costed, bars, charged, log))
    apart = tuple(_without_inner(one, found, bars) for one in found)
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


def _diagnose_one(
    case: Case,
    usage: pd.DataFrame,
    priced: Costed,
    bars: Bars,
    charged: pd.DataFrame | None,
    log: ir.Table | None,
) -> IncidentDiagnosis:
    causes = rank_causes(case)
    if case.incident.measure == "charged_ratio" and charged is not None:
        curve = charge_curve(case.incident, charged)
    else:
        curve = excess_curve(case, usage, priced)
    rows = case.affected_rows(usage)
    ends = [moved_by(c.change) for c in case.moved if c.change is not None]
    return IncidentDiagnosis(
        verdict=verdict_of(causes, case),
        incident=case.incident,
        case=case,
        causes=causes,
        excess_usd=curve.total,
        excess_curve=curve,
        run_rate=_run_rate(curve, case.incident, usage),
        cold_start=cold_start(case, usage, priced, log),
        recovery=recovery_of(
            case.incident,
            rollup(rows, case.width),
            at_share=bars.recovered_at_share,
            within_hours=bars.recovery_hours,
            moved_by=max((e for e in ends if e is not None), default=None),
            ttl_s=case.longest_ttl_s,
        ),
        material=_material(curve.total, bars),
    )


def _without_inner(
    outer: IncidentDiagnosis, found: list[IncidentDiagnosis], bars: Bars
) -> IncidentDiagnosis:
    """*outer* without the money of further falls inside it, which are incidents of their own."""
    starts = {a.start for a in outer.incident.alarms}
    own = outer.excess_curve
    for inner in found:
        if inner.incident.inside in starts and inner.incident.start > outer.incident.start:
            own = own.without(inner.excess_curve)
    return replace(
        outer,
        excess_usd=own.total,
        excess_curve=own,
        run_rate=None if outer.run_rate is None else run_rate_of(own, outer.run_rate.until),
        material=_material(own.total, bars),
    )


def _run_rate(curve: ExcessCurve, incident: Incident, usage: pd.DataFrame) -> RunRate | None:
    lasts = incident.end is None
    return run_rate_of(curve, usage["bucket_end"].max()) if lasts else None


def _material(estimate: Estimate, bars: Bars) -> bool | None:
    return None if pd.isna(estimate.value) else abs(estimate.value) >= bars.material_usd


def _finer(incident: Incident, usage: pd.DataFrame, width: pd.Timedelta) -> pd.DataFrame:
    """Rows of the leading alarm's cohort that can date *incident* better than what found it.

    Volume is watched by the day, and a cost is dated by what a request is made of.
    """
    within = width if incident.measure in RATES else pd.Timedelta("1D")
    fine = usage[(usage["bucket_end"] - usage["bucket_start"]) < within]
    cohort = incident.alarms[0].cohort
    return fine if cohort is None else fine[rows_of(fine, cohort)]


def incident_dict(incident: Incident) -> dict[str, Any]:
    """An incident as plain data: times in ISO 8601, no alarms but their places."""
    return {
        "start": incident.start.isoformat(),
        "start_low": incident.start_low.isoformat(),
        "start_high": incident.start_high.isoformat(),
        "end": None if incident.end is None else incident.end.isoformat(),
        "measure": incident.measure,
        "before": incident.before,
        "after": incident.after,
        "baseline": [t.isoformat() for t in incident.baseline],
        "baseline_buckets": incident.baseline_buckets,
        "began_before": incident.began_before,
        "deeper_at": None if incident.deeper_at is None else incident.deeper_at.isoformat(),
        "inside": None if incident.inside is None else incident.inside.isoformat(),
    }


def _cost_rank(found: IncidentDiagnosis) -> tuple[int, float, float]:
    """A known excess before an unknown one before none; then the larger move."""
    value, incident = found.excess_usd.value, found.incident
    kind = 1 if pd.isna(value) else 2 if value > 0 else 0
    move = abs(incident.after - incident.before)
    return kind, 0.0 if pd.isna(value) else value, move
