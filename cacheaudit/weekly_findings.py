"""The weekly page as data: findings.json, schema 1. Every number in the HTML is one of these."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .files import write_whole
from .findings import PACKAGES, SCHEMA, plain_values
from .metrics import token_totals
from .report.rollout_summary import headline, summary
from .rollout import Rollout
from .sources.frame import write_usage
from .weekly import Weekly

NOT_ASKED: dict[str, Any] = {  # what a findings file has, and a look at a cutover does not ask
    "series": [], "owners": [], "incidents": [], "incident": None, "causes": [],
    "excess_usd": None, "cold_start": None, "log": None, "events": [], "inventory": [],
    "traffic": None, "probe": [], "plans": [], "cost": {"unpriced": []},
}  # fmt: skip


def weekly_findings(weekly: Weekly) -> dict[str, Any]:
    """The findings as plain data: NaN and NA are null, times ISO 8601 in UTC."""
    rollout, pull = weekly.rollout, weekly.pull
    document = {
        "schema": SCHEMA,
        "kind": "weekly",
        "name": weekly.params.name,
        "verdict": rollout.verdict,
        "exit_code": rollout.exit_code,
        "headline": headline(weekly),
        "summary": list(summary(weekly)),
        "window": [pull.start, pull.end],
        "data_quality": [
            {"id": n.id, "severity": n.severity, "text": n.text, "about": n.about}
            for n in weekly.quality
        ],
        **NOT_ASKED,
        "metrics": {"totals": token_totals(weekly.usage), "headline_rate": rollout.measure},
        "cutover": {
            "at": rollout.cutover,
            "full": rollout.full_cutover,
            "baseline_window": rollout.baseline_window,
            "until": rollout.until,
            "ttl_s": rollout.ttl_s,
        },
        "cohorts": [group.to_dict() for group in rollout.groups],
        "recovery": recovery_dict(rollout) if rollout.groups else None,
        "gates": [gate.to_dict() for gate in rollout.gates],
        "provenance": {
            "source": pull.source,
            "fetched_at": weekly.fetched_at,
            "refreshed_at": pull.refreshed_at,
            "notes": list(pull.notes),
            "versions": {name: version(name) for name in PACKAGES},
            "prices": [],
            "seed": None,
            "params": weekly.params.to_dict(),
        },
    }
    plain: dict[str, Any] = json.loads(json.dumps(plain_values(document), allow_nan=False))
    return plain


def recovery_dict(rollout: Rollout) -> dict[str, Any]:
    """All that moved together, in the form of an incident's recovery."""
    return {
        "baseline": rollout.baseline,
        "now": rollout.now,
        "recovered_at": rollout.recovered_at,
        "slo": {
            "at_share_of_baseline": rollout.bars.recovered_at_share,
            "within_hours": rollout.bars.recovery_hours,
            "verdict": rollout.objective,
        },
    }


def write_weekly(weekly: Weekly, folder: str) -> str:
    """Write findings.json and usage.parquet into *folder*; "" writes nothing. Says what it did."""
    if not folder:
        return "No run folder: nothing was written."
    target = Path(folder)
    text = json.dumps(weekly_findings(weekly), indent=1, ensure_ascii=False)
    write_whole(target / "findings.json", (text + "\n").encode("utf-8"))
    write_usage(weekly.usage, target / "usage.parquet")
    return f"Wrote findings.json and usage.parquet ({len(weekly.usage)} rows)."
