"""A planted incident, its postmortem and what came after a repair, small enough for tests."""

from dataclasses import replace
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from cacheaudit.findings import findings_of
from cacheaudit.history import (
    CUTOVER,
    OPUS_46,
    SONNET_45,
    Cohort,
    Version,
    hourly,
    migration_cohorts,
    planted_migration,
    planted_requests,
)
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.schema import check_usage
from cacheaudit.sources.frame import write_usage

START = pd.Timestamp("2026-03-09", tz="UTC")
FIXED = pd.Timestamp("2026-03-20 09:00", tz="UTC")
END = pd.Timestamp("2026-03-24", tz="UTC")
NEXT = Version(model="claude-sonnet-4-6", minimum_tokens=1024)  # what a repair may move to


def cohorts(*repaired: tuple[pd.Timestamp, Version]) -> list[Cohort]:
    """The three of the demo; the short one moves again where it is *repaired*."""
    found = []
    for one in migration_cohorts():
        later = one.versions[1:]
        if one.scope == "support-chat":
            later = ((CUTOVER, OPUS_46), *repaired)
        found.append(
            replace(one, prefixes=6, touches_per_ttl=2.0, versions=((START, SONNET_45), *later))
        )
    return found


@cache
def usage(*repaired: tuple[pd.Timestamp, Version]) -> pd.DataFrame:
    """By the hour, from START to END."""
    return hourly(planted_migration(cohorts(*repaired), (START, END), 5))


@cache
def calls() -> pd.DataFrame:
    """The calls of the hours around the cutover, with ids as a provider gives them."""
    kept = (CUTOVER - pd.Timedelta("2h"), CUTOVER + pd.Timedelta("12h"))
    log = planted_requests(cohorts(), (START, END), 5, kept=kept)
    return log.assign(request_id=[f"req_{n:06d}" for n in range(len(log))])


@cache
def findings() -> dict[str, Any]:
    """findings.json of the postmortem made just before the repair; not to be changed."""
    with TemporaryDirectory() as folder:
        path = f"{folder}/kept.parquet"
        write_usage(past(), path)
        params = PostmortemParams(name="repairs", source="frame", path=path)
        return findings_of(investigate(params, now=END))


def past() -> pd.DataFrame:
    """What that postmortem judged."""
    return cut(usage(), until=FIXED.floor("D"))


def cut(
    frame: pd.DataFrame, since: pd.Timestamp = START, until: pd.Timestamp = END
) -> pd.DataFrame:
    """Whole buckets in [since, until)."""
    inside = (frame["bucket_start"] >= since) & (frame["bucket_end"] <= until)
    return frame[inside].reset_index(drop=True)


def spoilt(
    frame: pd.DataFrame, share: float, scope: str, since: pd.Timestamp,
    until: pd.Timestamp = END,
) -> pd.DataFrame:  # fmt: skip
    """*share* of what *scope* reads in [since, until) is written instead."""
    late = (frame["bucket_end"] > since) & (frame["bucket_end"] <= until)
    late &= frame["scope"] == scope
    lost = (frame["cache_read_tokens"].astype(float) * share).round().where(late, 0).astype("Int64")
    return check_usage(
        frame.assign(
            cache_read_tokens=frame["cache_read_tokens"] - lost,
            cache_write_5m_tokens=frame["cache_write_5m_tokens"] + lost,
        )
    )
