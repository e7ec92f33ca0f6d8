"""Cases built by hand: a cohort that moved at NOON and lost its cache, unless told otherwise."""

from typing import Any

import pandas as pd

from cacheaudit.causes.case import Case
from cacheaudit.causes.facts import CohortFacts, Side
from cacheaudit.events import VersionChange
from cacheaudit.incidents import Alarm, Incident
from cacheaudit.schema import check_events, empty_events

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
        "width": HOUR,
        "versions_named": True,
        "list_price_ratio": 1.0,
        "ends_with_data": False,
        "releases_given": 0,
        "new_scopes": (),
    }
    values |= changes
    values.setdefault("shapes", frozenset({values["pattern"]}))
    return Case(**values)


def events(kind: str = "client", scope: str | None = None) -> pd.DataFrame:
    row = {"at": [NOON], "kind": [kind], "what": ["release 2"], "scope": [scope]}
    return check_events(pd.DataFrame(row).astype({"at": "datetime64[us, UTC]", "scope": "str"}))


def volume(*alarms: Alarm) -> Incident:
    return incident(measure="volume", before=1.0, after=2.0, alarms=alarms)
