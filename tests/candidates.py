"""Migrations before they happen, whose verdict is known: usage, log and probe as files."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from cacheaudit.history import (
    MARCH,
    SONNET_45,
    Cohort,
    hourly,
    migration_cohorts,
    planted_migration,
    planted_requests,
)
from cacheaudit.metrics import rollup
from cacheaudit.probing.answers import Answer
from cacheaudit.readiness import Readiness, prepare_migration
from cacheaudit.readiness_params import ReadinessParams
from cacheaudit.sources.frame import write_usage

OLD, NEW = "claude-sonnet-4-5-20250929", "claude-opus-4-6"  # the new one's minimum: 4,096
NOW = pd.Timestamp("2026-03-16 09:00", tz="UTC")
CUTOVER = "2026-03-17T14:20"
WEEK = (pd.Timestamp("2026-03-09", tz="UTC"), pd.Timestamp("2026-03-16", tz="UTC"))
PLANTED = migration_cohorts()[0]


def cohort(tokens: int, **more: Any) -> Cohort:
    """Traffic on the old version with prefixes of *tokens*."""
    return replace(PLANTED, prefix_tokens=tokens, versions=((MARCH[0], SONNET_45),), **more)


def usage_of(*cohorts: Cohort, apart: bool = True) -> pd.DataFrame:
    """A week of hourly usage; not *apart*: as one key, as a bill without workspaces has it."""
    named = [replace(one, scope=f"team-{n}") for n, one in enumerate(cohorts)]
    usage = planted_migration(named, window=WEEK)
    if apart:
        return hourly(usage)
    return rollup(usage.assign(scope=pd.NA), pd.Timedelta("1h"))


def log_of(*cohorts: Cohort, days: int = 1) -> pd.DataFrame:
    """The last *days* of such traffic as a request table; a plan has an interval from two on."""
    named = [replace(one, scope=f"team-{n}") for n, one in enumerate(cohorts)]
    return planted_requests(named, WEEK, kept=(WEEK[1] - pd.Timedelta(days=days), WEEK[1]))


def talking(log: pd.DataFrame, turns: int = 5) -> pd.DataFrame:
    """*log* with conversations: every *turns* calls on a prefix are one."""
    number = log.groupby("prefix_id").cumcount() // turns
    return log.assign(session_id=log["prefix_id"] + "/" + number.astype("str"))


def probe_of(new: tuple[float, float, float], *more: Answer) -> dict[str, Any]:
    """Findings of a probe in which the old version reads 90 % and the new one *new*."""
    rates = [((0.88, 0.9, 0.92), OLD), (new, NEW)]
    answers = [
        Answer(
            question="hit_rate", candidate=name, verdict="yes", low=low, value=value, high=high,
            unit="share", repetitions=20, why="tokens read",
        )
        for (low, value, high), name in rates
    ]  # fmt: skip
    return {
        "kind": "probe", "executed": True,
        "candidates": [
            {"name": name, "provider": "anthropic", "model": name} for name in (OLD, NEW)
        ],
        "probe": [one.to_dict() for one in (*answers, *more)],
        "provenance": {"fetched_at": "2026-03-15T08:00:00+00:00", "params": {"prompts_path": "p"}},
    }  # fmt: skip


def ready_on(
    folder: Path, usage: pd.DataFrame, *, log: pd.DataFrame | None = None,
    probe: dict[str, Any] | None = None, **given: Any,
) -> Readiness:  # fmt: skip
    """The verdict on these files."""
    return prepare_migration(params_on(folder, usage, log=log, probe=probe, **given), now=NOW)


def params_on(
    folder: Path, usage: pd.DataFrame, *, log: pd.DataFrame | None = None,
    probe: dict[str, Any] | None = None, **given: Any,
) -> ReadinessParams:  # fmt: skip
    """Parameters of a page on these files, which are written into *folder*."""
    write_usage(usage, folder / "usage.parquet")
    places = {"path": str(folder / "usage.parquet")}
    if log is not None:
        log.to_parquet(folder / "log.parquet")
        places["requests_path"] = str(folder / "log.parquet")
    if probe is not None:
        (folder / "probe.json").write_text(json.dumps(probe), encoding="utf-8")
        places["probe_path"] = str(folder / "probe.json")
    own = {"source": "frame", "incumbent": OLD, "candidate": NEW, "cutover": CUTOVER}
    return ReadinessParams(**(own | places | given))
