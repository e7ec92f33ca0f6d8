"""A readiness page as data: findings.json, schema 1. Every number in the HTML is one of these."""

import json
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .files import write_whole
from .findings import PACKAGES, SCHEMA, plain_values, price_rows
from .metrics import token_totals
from .planning.compare import Plan
from .pricing import UnitPrice
from .readiness import Readiness, Steady
from .report import runbook
from .report.readiness import assumed
from .report.readiness_inventory import inventory_rows
from .report.readiness_summary import headline, summary
from .sources.frame import write_usage

NOT_ASKED: dict[str, Any] = {  # what a findings file has, and readiness does not ask
    "series": [], "cohorts": [], "owners": [], "incidents": [], "incident": None, "causes": [],
    "excess_usd": None, "cold_start": None, "recovery": None, "log": None, "events": [],
    "traffic": None,
}  # fmt: skip


SHARED = (  # of a migration: what all plans have in common
    "ramp_shares", "ramp_s", "canary_share", "canary_s", "prefixes", "lead_s", "keep_old_warm",
    "rollback_after_s", "notice_s", "floor", "floor_s", "limit_tokens_per_min", "reads_count",
)  # fmt: skip


def readiness_findings(readiness: Readiness) -> dict[str, Any]:
    """The findings as plain data: NaN and NA are null, times ISO 8601 in UTC."""
    pull, params, plan = readiness.pull, readiness.params, readiness.plan
    document = {
        "schema": SCHEMA,
        "kind": "readiness",
        "name": params.name,
        "verdict": readiness.verdict,
        "exit_code": readiness.exit_code,
        "headline": headline(readiness),
        "summary": list(summary(readiness)),
        "window": [pull.start, pull.end],
        "data_quality": [
            {"id": n.id, "severity": n.severity, "text": n.text, "about": n.about}
            for n in readiness.quality
        ],
        **NOT_ASKED,
        "metrics": {
            "totals": token_totals(readiness.usage),
            "baseline_hit_rate": readiness.baseline,
            "steady": None if readiness.steady is None else _steady(readiness.steady),
        },
        "cutover": {
            "at": params.at, "from_model": params.incumbent, "to_model": params.candidate,
        },
        "gates": [gate.to_dict() for gate in readiness.gates],
        "plans": [] if readiness.plans is None else [_plan(one) for one in readiness.plans.plans],
        "plans_tried": None if readiness.plans is None else _tried(readiness),
        "chosen": None if plan is None else plan.name,
        "plans_need": readiness.plans_why,
        "runbook": runbook.to_dict(readiness),
        "probe": [dict(one) for one in readiness.live.answers] if readiness.live else [],
        "inventory": inventory_rows(readiness),
        "known": _known(readiness),
        "cost": {"unpriced": _unpriced(readiness)},
        "provenance": {
            "source": pull.source,
            "fetched_at": readiness.fetched_at,
            "refreshed_at": pull.refreshed_at,
            "notes": assumed(readiness),
            "versions": {name: version(name) for name in PACKAGES},
            "prices": price_rows([p for p in readiness.prices if isinstance(p, UnitPrice)]),
            "seed": None,
            "probed_on": readiness.live.day.isoformat() if readiness.live else None,
            "params": params.to_dict(),
        },
    }  # fmt: skip
    plain: dict[str, Any] = json.loads(json.dumps(plain_values(document), allow_nan=False))
    return plain


def write_readiness(readiness: Readiness, folder: str) -> str:
    """Write findings.json and usage.parquet into *folder*; "" writes nothing. Says what it did."""
    if not folder:
        return "No run folder: nothing was written."
    target = Path(folder)
    text = json.dumps(readiness_findings(readiness), indent=1, ensure_ascii=False)
    write_whole(target / "findings.json", (text + "\n").encode("utf-8"))
    write_usage(readiness.usage, target / "usage.parquet")
    return f"Wrote findings.json and usage.parquet ({len(readiness.usage)} rows)."


def _steady(steady: Steady) -> dict[str, Any]:
    """Both versions on all of the log, each of which had always served it."""
    old, new = steady.usd_per_day()
    return {
        "first": steady.first,
        "last": steady.last,
        "days": steady.days,
        "seconds": steady.days * 86_400,
        "alike_usd_per_day": None if steady.alike_usd is None else steady.alike_usd / steady.days,
        "incumbent": {**steady.incumbent.to_dict(), "usd_per_day": old},
        "candidate": {**steady.candidate.to_dict(), "usd_per_day": new},
    }


def _tried(readiness: Readiness) -> dict[str, Any]:
    """What the plans have in common."""
    plans = readiness.plans
    if plans is None:
        return {}
    found = plans.to_dict()
    del found["plans"]
    given, without = plans.migration, plans.prefill[0].value
    for one in found["prefill"]:
        known = one["excess_usd"] is not None and without is not None
        one["against_none_usd"] = one["excess_usd"] - without if known else None
    shared = {f.name: getattr(given, f.name) for f in fields(given) if f.name in SHARED}
    course = readiness.forecast.course
    return found | shared | {
        "compared": len(plans.plans),
        "longest_ttl_s": given.longest_ttl_s,
        "course": [] if course is None else course.reset_index().to_dict("records"),
    }  # fmt: skip


def _plan(plan: Plan) -> dict[str, Any]:
    """A plan with each day that it was tried on."""
    return plan.to_dict() | {"by_day": [asdict(one) for one in plan.by_day]}


def _known(readiness: Readiness) -> dict[str, Any]:
    """What is known of both versions, and how."""
    known = readiness.known
    rules = known.rules or {}
    return {
        "minimum_tokens": known.minimum_tokens,
        "minimum_from": known.minimum_from,
        "ratio": None if known.ratio is None else list(known.ratio),
        "ratio_from": known.ratio_from,
        "candidate_rate": list(known.candidate_rate),
        "incumbent_rate": list(known.incumbent_rate),
        "rules": {name: asdict(one) for name, one in rules.items()},
        "rules_why": known.rules_why,
        "lacks": {
            "log": readiness.evidence.of_log, "baseline": readiness.evidence.of_baseline,
            "probe": known.probed.lacks,
        },
        "rollback_ends": None if known.rollback_ends is None else known.rollback_ends.isoformat(),
        "ids": [
            {
                "name": one.name, "kinds": list(one.kinds), "why": one.why, "source": one.source,
                "retires": None if ends is None else str(ends), "resolves_to": one.resolves_to,
            }
            for one, ends in zip(known.standings, known.retirements, strict=True)
        ],
    }  # fmt: skip


def _unpriced(readiness: Readiness) -> list[dict[str, Any]]:
    """Versions without a price, and why; tokens are not counted, for none were served yet."""
    return [
        {"provider": one.provider, "model": one.model, "tokens": None, "reason": one.reason,
         "nearest": list(one.nearest)}
        for one in readiness.prices
        if not isinstance(one, UnitPrice)
    ]  # fmt: skip
