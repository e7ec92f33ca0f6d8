"""One incident, tried against the catalogue: causes, money, recovery."""

from dataclasses import replace

import ibis.expr.types as ir
import pandas as pd

from ..bars import Bars
from ..causes.case import Case
from ..causes.facts import moved_by, rows_of
from ..causes.rank import rank_causes, verdict_of
from ..cost import Costed
from ..excess import (
    Estimate,
    ExcessCurve,
    RunRate,
    charge_curve,
    cold_start,
    excess_curve,
    run_rate_of,
)
from ..incidents import RATES, Incident
from ..metrics import rollup
from ..recovery import recovery_of
from .result import IncidentDiagnosis


def tried(
    case: Case,
    usage: pd.DataFrame,
    priced: Costed,
    bars: Bars,
    charged: pd.DataFrame | None,
    log: ir.Table | None,
) -> IncidentDiagnosis:
    """*case* with its ranked causes; *usage* at every width, *priced* with it."""
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


def without_inner(
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


def finer(incident: Incident, usage: pd.DataFrame, width: pd.Timedelta) -> pd.DataFrame:
    """Rows of the leading alarm's cohort that can date *incident* better than what found it.

    Volume is watched by the day, and a cost is dated by what a request is made of.
    """
    within = width if incident.measure in RATES else pd.Timedelta("1D")
    fine = usage[(usage["bucket_end"] - usage["bucket_start"]) < within]
    cohort = incident.alarms[0].cohort
    return fine if cohort is None else fine[rows_of(fine, cohort)]
