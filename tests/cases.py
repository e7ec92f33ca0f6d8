"""Cases built by hand: a cohort that moved at NOON and lost its cache, unless told otherwise."""

from typing import Any

import pandas as pd

from cacheaudit.causes.case import Case
from cacheaudit.causes.facts import CohortFacts, Side
from cacheaudit.causes.losses import losses_of
from cacheaudit.events import VersionChange
from cacheaudit.incidents import Alarm, Incident
from cacheaudit.rules import rule
from cacheaudit.schema import check_events, empty_events
from cacheaudit.traffic import LogFacts
from cacheaudit.traffic.calls import GAPS

NOON = pd.Timestamp("2026-03-10 12:00", tz="UTC")
HOUR = pd.Timedelta("1h")
NAN = float("nan")


def side(rate: float = 0.8, **changes: Any) -> Side:
    """1,000 requests of 2,800 tokens; what is not read or uncached (0.07) is written."""
    values: dict[str, Any] = {
        "requests": 1000.0,
        "input_tokens": 2.8e6,
        "cached_tokens": 2.6e6,
        "hit_rate": rate,
        "write_share": 0.93 - rate,
        "uncached_share": 0.07,
        "read_share_of_cached": rate / 0.93,
        "input_tokens_per_request": 2800.0,
        "output_tokens_per_request": 200.0,
        "output_tokens": 2e5,
        "write_5m_share": 1.0,
        "models": ("claude-sonnet-4-5",),
    }
    return Side(**{**values, **changes})


GONE = side(0.0, write_share=0.0, uncached_share=1.0, cached_tokens=0.0, write_5m_share=NAN)


def change(scope: str = "chat", **changes: Any) -> VersionChange:
    values: dict[str, Any] = {
        "provider": "anthropic",
        "scope": scope,
        "route": "gateway",
        "from_model": "claude-sonnet-4-5",
        "to_model": "claude-opus-4-6",
        "start": NOON,
        "start_high": NOON + HOUR,
        "end": NOON + HOUR,
        "share": 1.0,
        "returned": False,
    }
    return VersionChange(**{**values, **changes})


def cohort(name: str = "chat", after: Side = GONE, **changes: Any) -> CohortFacts:
    values: dict[str, Any] = {
        "scope": name,
        "route": "gateway",
        "name": name,
        "before": side(),
        "after": after,
        "rate": "hit_rate",
        "change": None,
        "on_old": None,
        "on_new": None,
        "moved_share": 1.0,
        "length_spread": 0.0,
        "noise": 0.001,
        "volume_ratio": 1.0,
        "heirs_of": ((name, "gateway"),),
    }
    moved = changes.get("change")
    values["floor"] = None if moved is None else rule(moved.provider, moved.to_model)
    return CohortFacts(**{**values, **changes})


def went(name: str = "chat", after: Side = GONE, **changes: Any) -> CohortFacts:
    return cohort(name, after, change=change(name), **changes)


def kept(name: str = "eu", **changes: Any) -> CohortFacts:
    return cohort(name, side(), **changes)


def incident(**changes: Any) -> Incident:
    values: dict[str, Any] = {
        "start": NOON,
        "start_low": NOON,
        "start_high": NOON,
        "could_low": NOON,
        "could_high": NOON,
        "end": None,
        "measure": "hit_rate",
        "before": 0.8,
        "after": 0.0,
        "baseline": (NOON - 240 * HOUR, NOON),
        "baseline_buckets": 240,
        "began_before": False,
        "alarms": (),
    }
    return Incident(**{**values, **changes})


def case(**changes: Any) -> Case:
    values: dict[str, Any] = {
        "incident": incident(),
        "affected": (went(),),
        "spared": (),
        "changes": (change(),),
        "all_changes": (change(),),
        "coinciding": empty_events(),
        "pattern": "gone",
        "longest_ttl_s": 300.0,
        "lifetimes_reported": True,
        "lasts_s": 7 * 86400.0,
        "after_move_s": 7 * 86400.0 - 3600,
        "shared": False,
        "width": HOUR,
        "versions_named": True,
        "list_price_ratio": 1.0,
        "ends_with_data": False,
        "releases_given": 0,
        "new_scopes": (),
        "harmless": frozenset(),
        "requested_kept": None,
        "min_drop": 0.03,
    }
    values |= changes
    values.setdefault("shapes", frozenset({values["pattern"]}))
    return Case(**values)


def events(kind: str = "client", scope: str | None = None) -> pd.DataFrame:
    row = {"at": [NOON], "kind": [kind], "what": ["release 2"], "scope": [scope]}
    return check_events(pd.DataFrame(row).astype({"at": "datetime64[us, UTC]", "scope": "str"}))


def volume(*alarms: Alarm) -> Incident:
    return incident(measure="volume", before=1.0, after=2.0, alarms=alarms)


COLUMNS = {
    "pairs": ["period", "gap", "calls", "missed", "expected", "kept"],
    "turns": ["period", "turn", "calls", "prompt", "read", "written"],
    "prefixes": ["period", "prefix", "calls", "prompt", "read"],
    "lengths": ["period", "model", "calls", "cached", "p25", "p50", "p75", "p90"],
    "cached": ["period", "model", "length", "calls"],
    "reads": ["period", "model", "read", "calls"],
    "reasons": ["period", "reason", "calls"],
    "served": ["period", "model_requested", "model", "marker_sent", "calls", "cached"],
}
BEFORE, AFTER = "claude-sonnet-4-5", "claude-opus-4-6"


def pair(
    period: str, calls: float, lost: float, *, partial: float = 0.0, **marks: Any
) -> dict[str, Any]:
    """*calls* that hoped for 1,000 tokens each; the share *lost* of them missed, and read nothing.

    partial   share of the missed calls that read a shorter part, of no length to speak of
    marks     columns of LogFacts.pairs: at once on the same entry with all the same, unless told
    """
    plain = {
        "gap": GAPS[0],
        "where": "here",
        "place_same": True,
        "tools_same": True,
        "head_same": True,
        "settings_same": True,
        "process_same": True,
        "overlaps": False,
    }
    row = {
        "period": period,
        "calls": calls,
        "missed": calls * lost,
        "expected": 1000 * calls,
        "kept": 1000 * calls * (1 - lost),
        "read_at_miss": 0,
        "partial": calls * lost * partial,
        **plain,
        **marks,
    }
    return {"entry_gap": row["gap"], **row}


def pairs(*groups: dict[str, Any]) -> pd.DataFrame:
    """LogFacts.pairs of *groups*, after a baseline that lost a tenth of 1,000 plain calls' hopes.

    Groups of a baseline take its place.
    """
    usual = [] if any(g["period"] == "before" for g in groups) else [pair("before", 1000, 0.1)]
    return pd.DataFrame([*usual, *groups])


def both(table: str, before: list[tuple[Any, ...]], after: list[tuple[Any, ...]]) -> pd.DataFrame:
    """A table of LogFacts, row by row without the period."""
    rows = [("before", *r) for r in before] + [("after", *r) for r in after]
    return pd.DataFrame(rows, columns=COLUMNS[table])


def counts(**after: float) -> pd.DataFrame:
    """LogFacts.counts: 1,000 calls in either period, and *after* in the second one."""
    usual = {
        "calls": 1000,
        "with_id": 1000,
        "request_ids": 1000,
        "conversations": 100,
        "prefixes": 10,
        "followed": 1000,
        "with_prefix": 1000,
        "new_prefix": 0,
    }
    return pd.DataFrame([{"period": "before", **usual}, {"period": "after", **usual, **after}])


def log_facts(**tables: pd.DataFrame) -> LogFacts:
    """A log that holds *tables*, and nothing where none is given."""
    empty = {name: pd.DataFrame(columns=names) for name, names in COLUMNS.items()}
    return LogFacts(**{**empty, "counts": counts(), **tables})


def logged(*groups: dict[str, Any], on: dict[str, Any] | None = None, **tables: Any) -> Case:
    """A rate that fell from 0.8 to 0.4 by rewriting, with a log of pairs and *tables*."""
    if groups:
        tables["pairs"] = pairs(*groups)
    log = log_facts(**tables)
    usual = {"incident": incident(after=0.4), "pattern": "rewriting", "affected": (cohort(),)}
    return case(**{**usual, **(on or {}), "log": log, "losses": losses_of(log)})
