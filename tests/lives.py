"""Findings of probes, and cases whose versions were probed."""

from cacheaudit.live import live_of
from tests.cases import case, change, cohort

OLD, NEW = "claude-opus-4-6", "claude-opus-5-5"


def answer(question, candidate, value=None, low=None, high=None, **given):
    return {
        "question": question, "candidate": candidate, "detail": "", "verdict": "yes",
        "value": value, "low": low, "high": high, "unit": "share", "repetitions": 20, "why": "",
        **given,
    }  # fmt: skip


def document(*answers, **given):
    """Findings of a probe."""
    return {
        "kind": "probe",
        "executed": True,
        "candidates": [
            {"name": "now", "model": OLD, "api": "messages", "provider": "anthropic"},
            {"name": "next", "model": NEW, "api": "messages", "provider": "anthropic"},
        ],
        "probe": list(answers),
        "provenance": {
            "fetched_at": "2026-11-20T09:00:00+00:00", "params": {"prompts_path": "own.jsonl"},
        },
        **given,
    }  # fmt: skip


def moved(live, **given):
    """A case whose traffic moved from OLD to NEW, and lost most of its reads."""
    to = change("chat", from_model=OLD, to_model=NEW, provider="anthropic")
    one = cohort("chat", change=to, **given)
    return case(affected=(one,), changes=(to,), live=live)


def rates(old, new, **given):
    return live_of(
        document(answer("hit_rate", "now", *old), answer("hit_rate", "next", *new), **given)
    )
