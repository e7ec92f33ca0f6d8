"""A prefill as data: findings.json, schema 1, and its receipts."""

import json
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .files import write_whole
from .findings import PACKAGES, SCHEMA, plain_values, price_rows
from .prefilling.prefill import Prefill
from .probe_findings import NOT_ASKED
from .report.prefill_words import headline, summary, verdict


def prefill_findings(prefill: Prefill) -> dict[str, Any]:
    """The findings as plain data: NaN and NA are null, times ISO 8601 in UTC.

    `warm` is null where nothing was sent; `prefixes` are in the order of their use.
    """
    made = Counter(one.outcome for one in prefill.receipts)
    document = {
        "schema": SCHEMA,
        "kind": "prefill",
        "name": prefill.params.name,
        "verdict": verdict(prefill),
        "headline": headline(prefill),
        "summary": list(summary(prefill)),
        "window": [prefill.made_at, prefill.cutover],
        **NOT_ASKED,
        "probe": [],
        "metrics": {
            "calls": len(prefill.receipts),
            "answered": made["answered"],
            "by_outcome": [
                {
                    "outcome": name, "calls": many,
                    "usd": sum(r.spent_usd for r in prefill.receipts if r.outcome == name),
                }
                for name, many in made.items()
            ],
        },
        "cost": {
            "expected_usd": prefill.plan.expected_usd,
            "worst_usd": prefill.plan.worst_usd,
            "budget_usd": prefill.plan.budget_usd,
            "spent_usd": prefill.spent_usd,
            "unpriced": [],
        },
        "executed": prefill.executed,
        "stopped": prefill.stopped,
        "candidate": {
            "name": prefill.candidate.label, "model": prefill.candidate.model,
            "api": prefill.candidate.api, "provider": prefill.candidate.sold_by,
        },
        "plan": prefill.plan.to_dict(),
        "warm": None if prefill.warm is None else prefill.warm.to_dict(),
        "prefixes": [one.to_dict() for one in prefill.prefixes],
        "provenance": {
            "source": "prefill",
            "fetched_at": prefill.made_at,
            "refreshed_at": None,
            "notes": list(prefill.notes),
            "versions": {name: version(name) for name in PACKAGES},
            "prices": price_rows(prefill.prices),
            "seed": None,
            "params": prefill.params.to_dict(),
        },
    }  # fmt: skip
    plain: dict[str, Any] = json.loads(json.dumps(plain_values(document), allow_nan=False))
    return plain


def write_prefill(prefill: Prefill, folder: str) -> str:
    """Write findings.json, and receipts.jsonl where anything was sent; "" writes nothing."""
    if not folder:
        return "No run folder: nothing was written."
    target = Path(folder)
    text = json.dumps(prefill_findings(prefill), indent=1, ensure_ascii=False)
    write_whole(target / "findings.json", (text + "\n").encode("utf-8"))
    if not prefill.executed:
        return "Wrote findings.json."
    lines = "".join(one.to_line() + "\n" for one in prefill.receipts)
    write_whole(target / "receipts.jsonl", lines.encode("utf-8"))
    return f"Wrote findings.json and receipts.jsonl ({len(prefill.receipts)} calls)."
