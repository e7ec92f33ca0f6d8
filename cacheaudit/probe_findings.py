"""The probe as data: findings.json, schema 1, and its receipts."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .files import write_whole
from .findings import PACKAGES, SCHEMA, plain_values, price_rows
from .measurement import Measurement
from .report.probe_answers import open_questions
from .report.probe_spend import by_candidate, by_outcome
from .report.probe_summary import headline, summary, verdict

NOT_ASKED: dict[str, Any] = {  # what a findings file has, and a probe does not look at
    "data_quality": [], "series": [], "cohorts": [], "owners": [], "incidents": [],
    "incident": None, "causes": [], "excess_usd": None, "cold_start": None, "recovery": None,
    "log": None, "events": [], "inventory": [], "traffic": None, "gates": [], "plans": [],
}  # fmt: skip


def probe_findings(measurement: Measurement) -> dict[str, Any]:
    """The findings as plain data: NaN and NA are null, times ISO 8601 in UTC."""
    probe = measurement.probe
    document = {
        "schema": SCHEMA,
        "kind": "probe",
        "name": measurement.params.name,
        "verdict": verdict(measurement),
        "headline": headline(measurement),
        "summary": list(summary(measurement)),
        "window": [measurement.made_at, None],
        **NOT_ASKED,
        "metrics": {
            "calls": len(probe.receipts),
            "answered": sum(one.counted for one in probe.receipts),
            "by_outcome": by_outcome(measurement),
            "by_candidate": by_candidate(measurement),
        },
        "cost": {
            "expected_usd": probe.plan.expected_usd,
            "worst_usd": probe.plan.worst_usd,
            "budget_usd": probe.budget_usd,
            "spent_usd": probe.spent_usd,
            "unpriced": [],
        },
        "executed": probe.executed,
        "stopped": probe.stopped,
        "candidates": probe.to_dict()["candidates"],
        "plan": probe.plan.to_dict(),
        "probe": [one.to_dict() for one in probe.answers],
        "not_known": [
            {
                "question": one.question, "candidates": list(one.candidates), "why": one.why,
                "decides": one.decides,
            }
            for one in open_questions(measurement)
        ],
        "provenance": _provenance(measurement),
    }  # fmt: skip
    plain: dict[str, Any] = json.loads(json.dumps(plain_values(document), allow_nan=False))
    return plain


def write_probe(measurement: Measurement, folder: str) -> str:
    """Write findings.json, and receipts.jsonl where anything was sent; "" writes nothing."""
    if not folder:
        return "No run folder: nothing was written."
    target = Path(folder)
    text = json.dumps(probe_findings(measurement), indent=1, ensure_ascii=False)
    write_whole(target / "findings.json", (text + "\n").encode("utf-8"))
    if not measurement.probe.executed:
        return "Wrote findings.json."
    lines = "".join(one.to_line() + "\n" for one in measurement.probe.receipts)
    write_whole(target / "receipts.jsonl", lines.encode("utf-8"))
    return f"Wrote findings.json and receipts.jsonl ({len(measurement.probe.receipts)} calls)."


def _provenance(measurement: Measurement) -> dict[str, Any]:
    paces = measurement.design.paces_s
    return {
        "source": "probe",
        "fetched_at": measurement.made_at,
        "refreshed_at": None,
        "notes": list(measurement.notes),
        "versions": {name: version(name) for name in PACKAGES},
        "prices": price_rows(measurement.prices),
        "seed": measurement.design.seed,
        "words": measurement.design.words,
        "paces_s": list(paces),
        "params": measurement.params.to_dict(),
    }
