"""The postmortem as data: findings.json, schema 1. Every number in the HTML is one of these."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from .bridge import Bridge
from .causes.facts import CohortFacts
from .cost import daily_cost
from .diagnosis import IncidentDiagnosis, incident_dict
from .events import events_of
from .files import write_whole
from .metrics import (
    cache_metrics,
    headline_rate,
    overall_metrics,
    rollup,
    token_totals,
    usual_width,
)
from .owners import Owners
from .postmortem import Postmortem
from .pricing import RATES, PriceBook, UnitPrice
from .report.owned import owners_rows
from .report.summary import headline, mean_usd_per_day, summary
from .report.supporting import usage_by_day
from .sources.frame import write_usage
from .traffic.reach import Reach

SCHEMA = 1
PACKAGES = ["cacheaudit", "pandas", "papermill", "anthropic", "openai", "genai-prices"]


def findings_of(postmortem: Postmortem) -> dict[str, Any]:
    """The findings as plain data: NaN and NA are null, times ISO 8601 in UTC."""
    found = postmortem.diagnosis
    top = found.costliest
    document = {
        "schema": SCHEMA,
        "kind": "postmortem",
        "name": postmortem.params.name,
        "verdict": found.verdict,
        "headline": headline(postmortem),
        "summary": list(summary(postmortem)),
        "window": [postmortem.pull.start, postmortem.pull.end],
        "data_quality": [
            {"id": n.id, "severity": n.severity, "text": n.text, "about": n.about}
            for n in found.quality
        ],
        "metrics": _metrics(postmortem),
        "series": _series(postmortem),
        "cohorts": [] if top is None else _cohorts(top, postmortem.owners),
        "owners": _records(owners_rows(postmortem)),
        "incidents": [
            {**i.to_dict(), "cohorts": _cohorts(i, postmortem.owners)} for i in found.incidents
        ],
        "incident": None if top is None else incident_dict(top.incident),
        "causes": [c.to_dict() for c in found.causes],
        "excess_usd": None if top is None else _excess(postmortem),
        "cold_start": None if top is None or top.cold_start is None else top.cold_start.to_dict(),
        "recovery": None if top is None or top.recovery is None else top.recovery.to_dict(),
        "log": _log(postmortem),
        "events": _records(pd.concat([events_of(found.versions), found.events])),
        "cost": cost_dict(postmortem),
        "inventory": [] if postmortem.reach is None else _inventory(postmortem.reach),
        "traffic": None if postmortem.reach is None else _traffic(postmortem.reach),
        "gates": [],
        "probe": [] if postmortem.live is None else [dict(one) for one in postmortem.live.answers],
        "plans": [],
        "provenance": _provenance(postmortem),
    }
    plain: dict[str, Any] = json.loads(json.dumps(plain_values(document), allow_nan=False))
    return plain


def write_run(postmortem: Postmortem, folder: str) -> str:
    """Write findings.json and usage.parquet into *folder*; "" writes nothing. Says what it did."""
    if not folder:
        return "No run folder: nothing was written."
    target = Path(folder)
    text = json.dumps(findings_of(postmortem), indent=1, ensure_ascii=False)
    write_whole(target / "findings.json", (text + "\n").encode("utf-8"))
    write_usage(postmortem.usage, target / "usage.parquet")
    return f"Wrote findings.json and usage.parquet ({len(postmortem.usage)} rows)."


def _excess(postmortem: Postmortem) -> dict[str, Any]:
    top = postmortem.diagnosis.costliest
    assert top is not None
    each = mean_usd_per_day(postmortem, top)
    return {**top.excess_usd.to_dict(), "per_day": each}


def cost_dict(postmortem: Postmortem) -> dict[str, Any]:
    """Cost before and during the costliest incident, bridged, in total, billed, and unpriced."""
    costed, bridge = postmortem.diagnosis.costed, postmortem.bridge
    days = daily_cost(postmortem.usage, costed.usd)
    table = postmortem.diagnosis.cost
    before, after = _per_day(postmortem)
    return {
        "total_usd": float(costed.usd.sum(skipna=False)) if len(costed.usd) else None,
        "before_usd_per_day": before,
        "after_usd_per_day": after,
        "change_usd_per_day": None if before is None or after is None else after - before,
        "list_price_ratio": _list_price_ratio(postmortem),
        "before": None if bridge is None else bridge.before_usd,
        "after": None if bridge is None else bridge.after_usd,
        "change": None if bridge is None else bridge.change_usd,
        "factors": None if bridge is None else dict(bridge.factors),
        "factor_shares": None if bridge is None else _factor_shares(bridge),
        "unexplained": None if bridge is None else bridge.unexplained_usd,
        "bridge": None if bridge is None else bridge.to_dict(),
        "reconciliation": postmortem.diagnosis.reconciliation.to_dict(),
        "billed_usd": None if table is None else float(table["amount_usd"].sum()),
        "billed_list_usd": None if table is None else float(table["list_usd"].sum()),
        "by_day": _records(days),
        "billed_by_day": [] if table is None else _records(_billed(table)),
        "unpriced": unpriced_rows(costed.book),
    }


def _factor_shares(bridge: Bridge) -> dict[str, float | None]:
    """Each factor over the whole change; null where nothing changed."""
    change = bridge.change_usd
    return {name: usd / change if change else None for name, usd in bridge.factors.items()}


def _billed(table: pd.DataFrame) -> pd.DataFrame:
    by = ["day", "model", "token_type"]
    sums = table.groupby(by, dropna=False)[["amount_usd", "list_usd"]].sum(min_count=1)
    return sums.reset_index()


def _per_day(postmortem: Postmortem) -> tuple[float | None, float | None]:
    """Cost of a day in the frozen baseline and in the incident, over all traffic."""
    top, usd = postmortem.diagnosis.costliest, postmortem.diagnosis.costed.usd
    if top is None:
        return None, None
    start, end = top.incident.start, top.incident.end or postmortem.usage["bucket_end"].max()
    at = postmortem.usage["bucket_start"]
    low, high = top.incident.baseline
    before = usd[(at >= low) & (at < high)].sum(skipna=False) / ((high - low) / pd.Timedelta("1D"))
    after = usd[(at >= start) & (at < end)].sum(skipna=False) / ((end - start) / pd.Timedelta("1D"))
    return _null(before), _null(after)


def _list_price_ratio(postmortem: Postmortem) -> float | None:
    top = postmortem.diagnosis.costliest
    return None if top is None else _null(top.case.list_price_ratio)


def _metrics(postmortem: Postmortem) -> dict[str, Any]:
    usage = postmortem.usage
    totals = token_totals(usage)
    if usage.empty:
        return {"totals": totals, "headline_rate": None}
    whole = overall_metrics(usage)
    return {
        "totals": totals,
        "headline_rate": headline_rate(usage),
        **{str(k): _null(float(v)) for k, v in whole.items()},
        "series_watched": postmortem.diagnosis.series_watched,
        "alpha": postmortem.diagnosis.alpha,
        "by_day": _records(usage_by_day(postmortem)),
    }


def _series(postmortem: Postmortem) -> list[dict[str, Any]]:
    """By bucket of the usual width, over all traffic."""
    usage = postmortem.usage
    if usage.empty:
        return []
    sums = cache_metrics(rollup(usage, usual_width(usage)), ["bucket_start"])
    columns = ["hit_rate", "write_share", "uncached_share", "read_share_of_cached", "requests"]
    return _records(sums[[*columns, "input_tokens", "output_tokens"]].reset_index())


def _log(postmortem: Postmortem) -> dict[str, Any]:
    """Whether a request log was given and used, and what calls that followed another lost."""
    top = postmortem.diagnosis.costliest
    log, losses = (None, None) if top is None else (top.case.log, top.case.losses)
    calls = {} if log is None else log.counts.set_index("period")["calls"].to_dict()
    return {
        "path": postmortem.params.requests_path or None,
        "format": None if postmortem.log is None else postmortem.log.title,
        "notes": [] if postmortem.log is None else list(postmortem.log.notes),
        "used": log is not None,
        "request_ids": _records(postmortem.unread),
        "calls_before": calls.get("before"),
        "calls_after": calls.get("after"),
        "loss_before": None if losses is None else losses.before,
        "loss_after": None if losses is None else losses.after,
    }


def _inventory(reach: Reach) -> list[dict[str, Any]]:
    """Prefixes by tokens at stake, numbered: no hash leaves the log. The last row is all others."""
    rows = reach.prefixes.drop(columns="prefix_id")
    return [{"prefix": n, **row} for n, row in enumerate(_records(rows), 1)]


def _traffic(reach: Reach) -> dict[str, Any]:
    return {"lifetimes": _records(reach.lifetimes), "gaps": _records(reach.gaps)}


def _cohorts(top: IncidentDiagnosis, owners: Owners) -> list[dict[str, Any]]:
    """Who fell, then who was spared."""
    fell = [_cohort(c, owners, affected=True) for c in top.case.affected]
    return fell + [_cohort(c, owners, affected=False) for c in top.case.spared]


def _cohort(cohort: CohortFacts, owners: Owners, *, affected: bool) -> dict[str, Any]:
    change, owner = cohort.change, owners.of(cohort.scope, cohort.route)
    return {
        "scope": cohort.scope,
        "route": cohort.route,
        "affected": affected,
        "baseline_of": [{"scope": scope, "route": route} for scope, route in cohort.heirs_of],
        "team": owner.team,
        "service": owner.service,
        "measure": cohort.rate,
        "before": cohort.rate_before,
        "after": cohort.rate_after,
        "moved_from": None if change is None else change.from_model,
        "moved_to": None if change is None else change.to_model,
        "cached_tokens_per_request_before": cohort.before.cached_tokens_per_request,
        "cached_length_spread": cohort.length_spread,
        "requests_before": cohort.before.requests,
        "requests_during": cohort.after.requests,
    }


def _provenance(postmortem: Postmortem) -> dict[str, Any]:
    pull = postmortem.pull
    return {
        "source": pull.source,
        "fetched_at": postmortem.fetched_at,
        "refreshed_at": pull.refreshed_at,
        "notes": list(pull.notes),
        "versions": {name: version(name) for name in PACKAGES},
        "prices": price_rows(postmortem.diagnosis.costed.book.used),
        "seed": None,
        "params": postmortem.params.to_dict(),
    }


def unpriced_rows(book: PriceBook) -> list[dict[str, Any]]:
    """What has no price, with its tokens and the nearest names that have one."""
    return [
        {
            "provider": u.provider,
            "model": u.model,
            "tokens": u.tokens,
            "reason": u.reason,
            "nearest": list(u.nearest),
        }
        for u in book.unpriced
    ]


def price_rows(prices: Sequence[UnitPrice]) -> list[dict[str, Any]]:
    """Prices used, each with its day and where it comes from."""
    return [
        {
            "provider": p.provider,
            "model": p.model,
            "priced_as": p.priced_as,
            "from": p.source,
            "source_url": p.source_url,
            "first_day": p.day.isoformat(),
            "valid_from": None if p.valid_from is None else p.valid_from.isoformat(),
            **{rate.removesuffix("_usd_per_mtok"): getattr(p, rate) for rate in RATES},
            "notes": list(p.notes),
        }
        for p in prices
    ]


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def plain_values(value: Any) -> Any:
    """*value* with only what JSON knows; NaN, NA and NaT become null."""
    if isinstance(value, dict):
        return {str(k): plain_values(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(v) for v in value]
    if value is None or pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


def _null(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
