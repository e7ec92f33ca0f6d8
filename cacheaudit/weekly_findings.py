"""The weekly page as data: findings.json, schema 1. Every number in the HTML is one of these."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .diagnosis import incident_dict
from .files import write_whole
from .findings import PACKAGES, SCHEMA, plain_values, price_rows, unpriced_rows
from .metrics import token_totals
from .report.summary import headline_of
from .report.week_summary import headline, summary, who, won
from .rollout import Rollout
from .sources.frame import write_usage
from .weekly import Weekly
from .weekly.winnable import a_week_of

NOT_ASKED: dict[str, Any] = {  # what a findings file has, and a week does not ask
    "series": [], "owners": [], "log": None, "events": [], "inventory": [], "traffic": None,
    "probe": [], "plans": [],
}  # fmt: skip


def weekly_findings(weekly: Weekly) -> dict[str, Any]:
    """The findings as plain data: NaN and NA are null, times ISO 8601 in UTC."""
    rollout, pull, found = weekly.rollout, weekly.pull, weekly.diagnosis
    top = found.costliest
    document = {
        "schema": SCHEMA,
        "kind": "weekly",
        "name": weekly.params.name,
        "verdict": weekly.verdict,
        "exit_code": weekly.exit_code,
        "headline": headline(weekly),
        "summary": list(summary(weekly)),
        "window": [pull.start, pull.end],
        "data_quality": [
            {"id": n.id, "severity": n.severity, "text": n.text, "about": n.about}
            for n in weekly.quality
        ],
        **NOT_ASKED,
        "metrics": {
            "totals": token_totals(weekly.usage),
            "headline_rate": weekly.week.measure,
            "series_watched": found.series_watched,
            "alpha": found.alpha,
        },
        "week": week_dict(weekly),
        "doubts": [one.to_dict() for one in weekly.doubts],
        "news": news_dict(weekly),
        "ahead": [one.to_dict() for one in weekly.ahead],
        "winnable": {
            "usd_per_week": won(weekly).value,
            "parts": [win.to_dict() for win in weekly.wins],
        },
        "calibration": None if weekly.calibration is None else dict(weekly.calibration.data),
        "incidents": [one.to_dict() for one in found.incidents],
        "incident": None if top is None else incident_dict(top.incident),
        "causes": [cause.to_dict() for cause in found.causes],
        "leading": list(found.leading),
        "excess_usd": None if top is None else top.excess_usd.to_dict(),
        "cold_start": None if top is None or top.cold_start is None else top.cold_start.to_dict(),
        "cost": {
            "total_usd": weekly.week.total.usd,
            "unpriced": unpriced_rows(found.costed.book),
        },
        "cutover": {
            "at": rollout.cutover,
            "full": rollout.full_cutover,
            "baseline_window": rollout.baseline_window,
            "until": rollout.until,
            "ttl_s": rollout.ttl_s,
            "requests": rollout.requests,
        },
        "cohorts": [group.to_dict() for group in rollout.groups],
        "recovery": recovery_dict(rollout) if rollout.groups else None,
        "gates": [gate.to_dict() for gate in rollout.gates],
        "provenance": {
            "source": pull.source,
            "fetched_at": weekly.fetched_at,
            "refreshed_at": pull.refreshed_at,
            "notes": [*pull.notes, *weekly.notes],
            "versions": {name: version(name) for name in PACKAGES},
            "prices": price_rows(found.costed.book.used),
            "seed": None,
            "params": weekly.params.to_dict(),
        },
    }
    plain: dict[str, Any] = json.loads(json.dumps(plain_values(document), allow_nan=False))
    return plain


def week_dict(weekly: Weekly) -> dict[str, Any]:
    """The week beside its baseline, and what the next report needs to know of this one."""
    week, base = weekly.week, weekly.week.baseline
    known = weekly.incidents
    return {
        "window": list(week.week),
        "baseline": {
            "window": None if base.window is None else list(base.window),
            "days": base.days,
            "frozen": base.frozen,
            "name": base.name,
            "skipped_days": base.skipped,
            "disturbed": base.disturbed,
        },
        "cohorts": [part.to_dict() for part in week.every],
        "coverage": {
            "share": week.coverage.share,
            "hours": week.coverage.hours[0],
            "of_hours": week.coverage.hours[1],
            "gap": None if week.coverage.gap is None else list(week.coverage.gap),
            "unreported_share": week.unreported,
            "known_cohorts_share": week.known_share,
        },
        "unjudged": week.unjudged or None,
        "curve": {name: list(week.curve[name]) for name in week.curve},
        "in_use": {kind: list(names) for kind, names in weekly.news.in_use.items()},
        "open": [
            *(
                {"start": one.found.incident.start,
                 "said": f"{headline_of(one.found)} ({who(one.found)})",
                 "measure": one.found.incident.measure,
                 "cohorts": [{"scope": c.cohort[0], "route": c.cohort[1]}
                             for c in one.found.case.affected]}
                for one in known.open
            ),
            *(one.to_dict() for one in known.out_of_sight),
        ],
        "standing": [
            {
                "start": one.found.incident.start,
                "open": one.open,
                "is_new": one.is_new,
                "usd_per_week": None if one.found.run_rate is None
                else a_week_of(one.found.run_rate).to_dict(),
                "verification": None if one.verification is None
                else one.verification.to_dict(),
            }
            for one in (*known.open, *known.closed)
        ],
    }  # fmt: skip


def news_dict(weekly: Weekly) -> dict[str, Any]:
    """What is new since the last report, and which that was."""
    news = weekly.news
    return {
        "since": news.since,
        "last_report": news.report or None,
        "known": news.told,
        "came": [one.to_dict() for one in news.came],
        "went": [one.to_dict() for one in news.went],
        "prices": [one.to_dict() for one in news.prices],
    }


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
