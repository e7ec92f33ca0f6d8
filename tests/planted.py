"""Planted incidents: requests are drawn, an honest cache decides, the truth is known.

Beside cacheaudit.history, with more ways to go wrong and none of its code. A Stream is traffic of
one cohort; its Phases say how it behaves from when on. The cache key is (prefix, edition of the
prompt, model, scope); an entry lives as long as its last touch asked for; a prefix under the
model's floor is neither read nor written. `extra_usd` compares with the same requests in a world
where the incident did not happen, so no formula of the package is used to check the package.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cacheaudit.schema import KEY, check_usage

START = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday
SONNET, OPUS = "claude-sonnet-4-5-20250929", "claude-opus-4-6"
BURN_IN = 0.1  # days of traffic before the window: a window does not open on a cold cache
# USD per million tokens: uncached, read, write 5m, write 1h, output (Anthropic's list, 2026).
PRICES = {SONNET: (3.0, 0.3, 3.75, 6.0, 15.0), OPUS: (5.0, 0.5, 6.25, 10.0, 25.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """How a stream behaves from *day* (days after START) on.

    floor     shortest prefix that this model caches; edition: of the prompt text
    marked    whether cache markers are sent at all
    volatile  share of requests whose prefix holds a clock; evicted: entries lost by the provider
    volume    number of prefixes in use, as a multiple: more of the same traffic
    canary    (model, floor, share) that gets a share of the requests, drawn per request
    """

    day: float = 0.0
    model: str = SONNET
    floor: int = 1024
    ttl_s: float = 300.0
    edition: int = 0
    marked: bool = True
    volatile: float = 0.0
    evicted: float = 0.0
    volume: float = 1.0
    prefix_tokens: int = 2600
    tail_tokens: int = 200
    output_tokens: int = 190
    canary: tuple[str, int, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Traffic of one cohort: *prefixes*, each asked for *per_hour* times an hour on average."""

    phases: tuple[Phase, ...]
    scope: str | None = "chat"
    route: str | None = "gateway"
    prefixes: int = 10
    per_hour: float = 36.0
    rhythm: float = 0.5

    def without(self, *names: str) -> "Stream":
        """The same traffic, still moving, with *names* as they were in the first phase."""
        first = self.phases[0]
        kept = {name: getattr(first, name) for name in names}
        return replace(self, phases=tuple(replace(p, **kept) for p in self.phases))

    def above_every_floor(self) -> "Stream":
        """The same traffic on the same models, in a world without minimum lengths."""
        return replace(self, phases=tuple(
            replace(p, floor=0, canary=p.canary and (p.canary[0], 0, p.canary[2]))
            for p in self.phases
        ))  # fmt: skip

    def then(self, day: float, **changes: object) -> "Stream":
        """With a further phase that differs from the last in *changes*."""
        return replace(self, phases=(*self.phases, replace(self.phases[-1], day=day, **changes)))


def stream(**settings: object) -> Stream:
    """A stream; settings of Stream, and of its first Phase."""
    own = {k: settings.pop(k) for k in list(settings) if k in Stream.__slots__}
    return Stream(phases=(Phase(**settings),), **own)


def requests_of(one: Stream, days: float, rng: np.random.Generator) -> pd.DataFrame:
    """Every request with its tokens; equal seeds give equal arrivals whatever the phases do."""
    most = max(p.volume for p in one.phases)
    span = days + BURN_IN
    pool = round(one.prefixes * most)
    n = rng.poisson(pool * one.per_hour * 24 * span)
    at = rng.uniform(-BURN_IN, days, n)
    frame = pd.DataFrame({
        "at": at,
        "prefix": rng.integers(0, pool, n),
        "mark": rng.uniform(size=n),
        "kept": rng.uniform(size=n),
        "bad": rng.uniform(size=n),
        "side": rng.uniform(size=n),
    }).sort_values("at", ignore_index=True)  # fmt: skip
    since = [p.day for p in one.phases]
    frame["phase"] = np.maximum(np.searchsorted(since, frame["at"], side="right") - 1, 0)
    daily = 1 + one.rhythm * np.cos((frame["at"] % 1 - 0.6) * 2 * np.pi)
    awake = frame["kept"] < daily / (1 + one.rhythm)
    in_use = frame["prefix"] < one.prefixes * _of(one, frame, "volume")
    served = _served(one, frame[awake & in_use].reset_index(drop=True))
    return served[served["at"] >= 0]


def _of(one: Stream, frame: pd.DataFrame, name: str) -> np.ndarray:
    return np.array([getattr(p, name) for p in one.phases])[frame["phase"]]


def _served(one: Stream, frame: pd.DataFrame) -> pd.DataFrame:
    """The cache: who finds the own prefix, touched within its lifetime on the same model."""
    canaries = [p.canary or (p.model, p.floor, 0.0) for p in one.phases]
    aside = frame["side"].to_numpy() < np.array([c[2] for c in canaries])[frame["phase"]]
    side_model = np.array([c[0] for c in canaries])[frame["phase"]]
    side_floor = np.array([c[1] for c in canaries])[frame["phase"]]
    length = _of(one, frame, "prefix_tokens")
    floor = np.where(aside, side_floor, _of(one, frame, "floor"))
    cacheable = _of(one, frame, "marked") & (floor <= length)
    unique = frame["bad"].to_numpy() < _of(one, frame, "volatile")
    frame = frame.assign(
        model=np.where(aside, side_model, _of(one, frame, "model")),
        edition=_of(one, frame, "edition"),
        ttl=_of(one, frame, "ttl_s") / 86400,
        touch=cacheable & ~unique,
    )
    known = frame[frame["touch"]].groupby(["prefix", "edition", "model"])
    warm = pd.Series(False, index=frame.index)
    fresh = (frame["at"] - known["at"].shift()).dropna() <= known["ttl"].shift().dropna()
    warm[fresh[fresh].index] = True
    warm &= frame["bad"].to_numpy() >= _of(one, frame, "evicted")
    written = np.where(cacheable & ~warm, length, 0)
    hour = _of(one, frame, "ttl_s") > 300
    return frame.assign(
        requests=1,
        cache_read_tokens=np.where(cacheable & warm, length, 0),
        cache_write_5m_tokens=np.where(hour, 0, written),
        cache_write_1h_tokens=np.where(hour, written, 0),
        uncached_input_tokens=np.where(cacheable, 0, length) + _of(one, frame, "tail_tokens"),
        output_tokens=_of(one, frame, "output_tokens"),
    )


COUNTED = [
    "requests", "uncached_input_tokens", "cache_read_tokens", "cache_write_5m_tokens",
    "cache_write_1h_tokens", "output_tokens",
]  # fmt: skip


def usage_of(
    streams: Sequence[Stream], *, days: float = 21, width: str = "1h", seed: int = 0
) -> pd.DataFrame:
    """The usage frame that a provider would report of *streams* in buckets of *width*."""
    parts = []
    seeds = np.random.default_rng(seed).spawn(len(streams))
    for one, rng in zip(streams, seeds, strict=True):
        log = requests_of(one, days, rng)
        when = START + pd.to_timedelta((log["at"] * 86400).astype(int), unit="s")
        by = [when.dt.floor(width).rename("bucket_start"), "model"]
        sums = log.groupby(by)[COUNTED].sum().reset_index()
        parts.append(
            sums.assign(
                bucket_end=sums["bucket_start"] + pd.Timedelta(width),
                provider="anthropic",
                scope=one.scope,
                route=one.route,
            )
        )
    return check_usage(pd.concat(parts, ignore_index=True))


def with_minutes(
    streams: Sequence[Stream], around: float, *, days: float = 21, seed: int = 0
) -> pd.DataFrame:
    """Hourly usage, but by the minute in the 24 hours around day *around*."""
    minutes = usage_of(streams, days=days, width="1min", seed=seed)
    low, high = at(around - 0.5).floor("h"), at(around + 0.5).floor("h")
    near = (minutes["bucket_start"] >= low) & (minutes["bucket_start"] < high)
    start = minutes["bucket_start"].dt.floor("h")
    hours = minutes[~near].assign(bucket_start=start, bucket_end=start + pd.Timedelta("1h"))
    counts = [c for c in hours.columns if c not in KEY]
    sums = hours.groupby(KEY, dropna=False)[counts].sum(min_count=1).reset_index()
    return check_usage(pd.concat([sums, minutes[near]], ignore_index=True))


def spent_usd(usage: pd.DataFrame, *, since: float = 0.0) -> float:
    """Cost at PRICES from day *since* on."""
    rows = usage[usage["bucket_start"] >= at(since).floor("h")]
    price = np.array([PRICES[m] for m in rows["model"]])
    return float((rows[COUNTED[1:]].to_numpy(float) * price).sum() / 1e6)


def extra_usd(actual: pd.DataFrame, otherwise: pd.DataFrame, *, since: float) -> float:
    """What the incident cost: actual minus the world in which it did not happen."""
    return spent_usd(actual, since=since) - spent_usd(otherwise, since=since)


def at(day: float) -> pd.Timestamp:
    """A day of the planted clock as a time, to the second."""
    return START + pd.Timedelta(seconds=round(day * 86400))


def event(day: float, kind: str, what: str, scope: str | None = None) -> pd.DataFrame:
    """One given event."""
    row = {"at": [at(day)], "kind": [kind], "what": [what], "scope": [scope], "source": ["given"]}
    return pd.DataFrame(row).astype({"at": "datetime64[us, UTC]", "scope": "str"})
