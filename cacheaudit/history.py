"""Planted histories: seeded traffic through an honest TTL cache, as usage by the minute.

The rates in these frames are not drawn: requests are, and a cache decides. An entry is keyed on
(prefix, model version), lives `ttl_s` after its last touch, and every touch refreshes it; a
prefix shorter than the model's minimum is neither written nor read. Pure: the seed is the only
source of chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from .metrics import rollup
from .schema import check_usage

TTL_S = 300.0  # Anthropic's default lifetime, platform.claude.com prompt-caching, read 2026-08


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A served model id and the shortest prefix that it caches, in tokens."""

    model: str
    minimum_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Traffic of one workspace through one route.

    prefixes          number of distinct prefixes, each of `prefix_tokens`
    touches_per_ttl   mean requests per live prefix and lifetime: x in P(hit) = 1 - exp(-x)
    versions          (from when, version); the first one holds from the start
    """

    scope: str
    route: str
    prefix_tokens: int
    versions: tuple[tuple[pd.Timestamp, Version], ...]
    prefixes: int = 16
    touches_per_ttl: float = 3.0
    uncached_tokens: int = 200
    output_tokens: int = 190


SONNET_45 = Version(model="claude-sonnet-4-5-20250929", minimum_tokens=1024)
OPUS_46 = Version(model="claude-opus-4-6", minimum_tokens=4096)
MARCH = (pd.Timestamp("2026-03-01", tz="UTC"), pd.Timestamp("2026-04-01", tz="UTC"))
CUTOVER = pd.Timestamp("2026-03-17 14:20", tz="UTC")


def migration_cohorts() -> tuple[Cohort, Cohort, Cohort]:
    """Three cohorts on one gateway: moved and short, unmoved and short, moved and long.

    A touch rate of 3 per lifetime gives 95 % of requests a warm prefix.
    """
    short = Cohort(
        scope="support-chat",
        route="edge-gateway",
        prefix_tokens=2600,
        versions=((MARCH[0], SONNET_45), (CUTOVER, OPUS_46)),
    )
    unmoved = replace(short, scope="support-chat-eu", versions=((MARCH[0], SONNET_45),))
    long = replace(short, scope="claims-review", prefix_tokens=6000)
    return short, unmoved, long


def planted_migration(
    cohorts: Sequence[Cohort] | None = None,
    window: tuple[pd.Timestamp, pd.Timestamp] = MARCH,
    seed: int = 7,
) -> pd.DataFrame:
    """Usage frame by the minute of *cohorts* over *window*; the demo's story by default."""
    chosen = migration_cohorts() if cohorts is None else cohorts
    streams = np.random.default_rng(seed).spawn(len(chosen))
    rows = [_minutes(c, window, rng) for c, rng in zip(chosen, streams, strict=True)]
    return check_usage(pd.concat(rows, ignore_index=True))


def planted_requests(
    cohorts: Sequence[Cohort] | None = None,
    window: tuple[pd.Timestamp, pd.Timestamp] = MARCH,
    seed: int = 7,
    kept: tuple[pd.Timestamp, pd.Timestamp] | None = None,
) -> pd.DataFrame:
    """Request table (request_table.py) of the very calls of planted_migration, in order of time;
    of those in [start, end) *kept*, where it is given."""
    chosen = migration_cohorts() if cohorts is None else cohorts
    streams = np.random.default_rng(seed).spawn(len(chosen))
    calls = [_calls(c, window, rng) for c, rng in zip(chosen, streams, strict=True)]
    if kept is not None:
        low, high = ((edge - window[0]).total_seconds() for edge in kept)
        calls = [one[(one["at_s"] >= low) & (one["at_s"] < high)] for one in calls]
    table = pd.concat(calls, ignore_index=True).sort_values("at_s", ignore_index=True)
    ts = window[0] + pd.to_timedelta(table["at_s"].to_numpy(), unit="s")
    prefix_id = table["scope"] + "-" + table["prefix"].astype("str")
    named = table.assign(ts=ts.as_unit("us"), provider="anthropic", prefix_id=prefix_id)
    return named.drop(columns=["at_s", "prefix"])


def _minutes(
    cohort: Cohort, window: tuple[pd.Timestamp, pd.Timestamp], rng: np.random.Generator
) -> pd.DataFrame:
    calls = _calls(cohort, window, rng)
    at_s = calls["at_s"].to_numpy()
    apart = ["at_s", "scope", "route", "prefix", "prefix_tokens"]
    requests = calls.drop(columns=apart).assign(
        bucket_start=window[0] + pd.to_timedelta(at_s // 60, unit="min"), requests=1
    )
    minutes = requests.groupby(["bucket_start", "model"], as_index=False).sum()
    return minutes.assign(
        bucket_end=minutes["bucket_start"] + pd.Timedelta("1min"),
        provider="anthropic",
        scope=cohort.scope,
        route=cohort.route,
        context_window="0-200k",
        service_tier="standard",
        cache_write_1h_tokens=0,
    )


def _calls(
    cohort: Cohort, window: tuple[pd.Timestamp, pd.Timestamp], rng: np.random.Generator
) -> pd.DataFrame:
    """A row per call, `at_s` after the window's start: what its version's cache did."""
    at_s, prefix = _arrivals(cohort, window, rng)
    version = _version_at(cohort, window[0], at_s)
    warm = _warm(at_s, prefix, version)
    minimum = np.array([v.minimum_tokens for _, v in cohort.versions])[version]
    cached = np.where(minimum <= cohort.prefix_tokens, cohort.prefix_tokens, 0)
    return pd.DataFrame(
        {
            "at_s": at_s,
            "model": np.array([v.model for _, v in cohort.versions])[version],
            "scope": cohort.scope,
            "route": cohort.route,
            "prefix": prefix,
            "prefix_tokens": cohort.prefix_tokens,
            "cache_read_tokens": np.where(warm, cached, 0),
            "cache_write_5m_tokens": np.where(warm, 0, cached),
            "uncached_input_tokens": cohort.prefix_tokens - cached + cohort.uncached_tokens,
            "output_tokens": cohort.output_tokens,
        }
    )


def _arrivals(
    cohort: Cohort, window: tuple[pd.Timestamp, pd.Timestamp], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Seconds since the window's start and prefix of each request, in order of (prefix, time).

    A live prefix is asked for at a constant rate (a Poisson process); how many prefixes are
    live follows the hour, the weekend and a chance of the day.
    """
    seconds = (window[1] - window[0]).total_seconds()
    expected = cohort.prefixes * cohort.touches_per_ttl / TTL_S * seconds
    n = rng.poisson(expected)
    at_s, prefix = rng.uniform(0, seconds, n), rng.integers(0, cohort.prefixes, n)
    day = (at_s // 86400).astype(int)
    hour = at_s / 3600 % 24
    weekday = (window[0].day_of_week + day) % 7
    mood = rng.lognormal(0, 0.08, day.max() + 1)[day]
    live = (0.55 + 0.4 * np.cos((hour - 14) / 24 * 2 * np.pi)) * np.where(weekday < 5, 1, 0.7)
    kept = (prefix + 0.5) / cohort.prefixes < live * mood
    at_s, prefix = at_s[kept], prefix[kept]
    order = np.lexsort((at_s, prefix))
    return at_s[order], prefix[order]


def _version_at(cohort: Cohort, start: pd.Timestamp, at_s: np.ndarray) -> np.ndarray:
    """Index into `cohort.versions` that served each request."""
    since = [(at - start).total_seconds() for at, _ in cohort.versions]
    return np.searchsorted(since, at_s, side="right") - 1


def _warm(at_s: np.ndarray, prefix: np.ndarray, version: np.ndarray) -> np.ndarray:
    """Whether each request finds its prefix: touched within TTL on the same version.

    Looks back to the last touch on the *same* version, so that a version which kept some
    traffic stays warm. Input is ordered by (prefix, time).
    """
    frame = pd.DataFrame({"at": at_s, "prefix": prefix, "version": version})
    gap = frame["at"] - frame.groupby(["prefix", "version"])["at"].shift()
    return (gap <= TTL_S).to_numpy()


def hourly(minutes: pd.DataFrame) -> pd.DataFrame:
    """The same usage by the hour: what a provider's hourly report would say."""
    return rollup(minutes, pd.Timedelta("1h"))
