"""Planted cutovers: an honest cache decides, and what is spoilt later is known. All made up."""

from dataclasses import replace

import numpy as np
import pandas as pd

from cacheaudit.history import Cohort, Version, hourly, planted_migration
from cacheaudit.schema import check_usage

OLD = Version(model="claude-sonnet-4-5-20250929", minimum_tokens=1024)
NEW = Version(model="claude-opus-4-6", minimum_tokens=1024)
START = pd.Timestamp("2026-05-04", tz="UTC")  # a Monday
CUTOVER = pd.Timestamp("2026-05-12 14:20", tz="UTC")
DAYS = 14


def after(hours: float) -> pd.Timestamp:
    """So long after the cutover."""
    return CUTOVER + pd.Timedelta(hours=hours)


def cohort(scope: str = "chat", at: pd.Timestamp = CUTOVER, **settings: object) -> Cohort:
    """Traffic that moves to another version at *at*, and loses no more than a cold cache."""
    own = Cohort(
        scope=scope, route="gateway", prefix_tokens=3000, prefixes=10, touches_per_ttl=2.5,
        versions=((START, OLD), (at, NEW)),
    )  # fmt: skip
    return replace(own, **settings)


def planted(
    *cohorts: Cohort, seed: int = 0, days: float = DAYS, until: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Usage by the hour of *cohorts* (one by default) from START on."""
    window = (START, START + pd.Timedelta(days=days))
    usage = hourly(planted_migration(cohorts or (cohort(),), window, seed))
    return usage if until is None else cut(usage, until)


def cut(usage: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """What was there at *until*."""
    return usage[usage["bucket_end"] <= until].reset_index(drop=True)


def worse(
    usage: pd.DataFrame, share: float, since: pd.Timestamp = CUTOVER,
    until: pd.Timestamp | None = None, scope: str = "chat",
) -> pd.DataFrame:  # fmt: skip
    """*share* of what the new version of *scope* reads in [since, until) is written instead."""
    late = (usage["bucket_end"] > since) & (usage["scope"] == scope)
    late &= usage["model"] == NEW.model
    if until is not None:
        late &= usage["bucket_end"] <= until
    reads = usage["cache_read_tokens"].astype(float)
    lost = (reads * share).round().where(late, 0).astype("Int64")
    return check_usage(
        usage.assign(
            cache_read_tokens=usage["cache_read_tokens"] - lost,
            cache_write_5m_tokens=usage["cache_write_5m_tokens"] + lost,
        )
    )


def split(usage: pd.DataFrame, share: float, since: pd.Timestamp = CUTOVER) -> pd.DataFrame:
    """*share* of each hour after *since* stays on the old version, as warm as before."""
    late = (usage["bucket_end"] > since) & (usage["model"] == NEW.model)
    counts = [c for c in usage.columns if c.endswith("_tokens") or c == "requests"]
    kept = usage[late].copy()
    moved = usage.copy()
    for column in counts:
        part = (usage.loc[late, column].astype(float) * share).round().astype("Int64")
        kept[column] = part
        moved.loc[late, column] = usage.loc[late, column] - part
    kept["model"] = OLD.model
    both = pd.concat([moved, kept], ignore_index=True)
    keys = [c for c in usage.columns if c not in [*counts, "billed_usd"]]
    return check_usage(both.groupby(keys, dropna=False)[counts].sum(min_count=1).reset_index())


def random_cohorts(seed: int) -> tuple[Cohort, ...]:
    """One to three cohorts of any size and pace, moved at any hour of a day in one step."""
    rng = np.random.default_rng(seed)
    at = START + pd.Timedelta(days=8) + pd.Timedelta(minutes=int(rng.integers(0, 1440)))
    return tuple(
        cohort(
            scope=f"team-{n}", at=at, prefixes=int(rng.integers(3, 17)),
            prefix_tokens=int(rng.integers(1100, 12000)),
            touches_per_ttl=float(rng.uniform(0.5, 3.5)),
            uncached_tokens=int(rng.integers(50, 2000)),
        )
        for n in range(int(rng.integers(1, 4)))
    )  # fmt: skip
