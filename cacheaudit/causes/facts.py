"""A cohort before and during an incident, as numbers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ..cached_lengths import spread_of
from ..events import PRESENCE, VersionChange
from ..incidents import Incident
from ..live import Live
from ..metrics import bucket_metrics, overall_metrics
from ..rules import ModelRule, rule
from ..schema import BUCKET, COHORT, COUNTS, TOKENS, Cohort, label

COLUMNS = [*BUCKET, *COHORT, "model", *COUNTS]  # other labels take long to copy
SHRUNK = 0.7  # of its traffic: a cohort that kept less may have sent the rest elsewhere
STEADY = 0.1  # by how much the share of a version may differ between days of a steady split


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A cohort over one window: sums, and the rates of metrics.cache_metrics (NaN: not known)."""

    requests: float
    input_tokens: float
    cached_tokens: float
    hit_rate: float
    write_share: float
    uncached_share: float
    read_share_of_cached: float
    input_tokens_per_request: float
    output_tokens_per_request: float
    output_tokens: float
    write_5m_share: float
    models: tuple[str, ...]

    @property
    def cached_tokens_per_request(self) -> float:
        """Mean length of what was cached, in exact tokens of the models that served."""
        return self.cached_tokens / self.requests if self.requests > 0 else float("nan")

    def rate(self, name: str) -> float:
        """Headline rate *name*; 0 where nothing was cached although input was seen."""
        value = float(getattr(self, name))
        return 0.0 if pd.isna(value) and self.input_tokens > 0 else value


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortFacts:
    """A cohort in the baseline and in the incident.

    name            for sentences: the scope, with the route where a scope has several
    change          the version change that coincides with the incident's start, if any
    on_old, on_new  while a ramp had it on both: the traffic on either version
    moved_share     share of the incident's tokens on the version it moved to; 1 without a move
    length_spread   standard deviation over mean of the cached length per request, before
    noise           standard deviation of the change in the rate that chance alone makes
    volume_ratio    input per bucket over that of the baseline in the same hours of the day
    heirs_of        cohorts whose traffic is the baseline: its own, or for a cohort without any,
                    those that vanished when it came
    floor           caching rules of the model that it moved to, as documented or as measured
    """

    scope: str | None
    route: str | None
    name: str
    before: Side
    after: Side
    rate: str
    change: VersionChange | None
    on_old: Side | None
    on_new: Side | None
    moved_share: float
    length_spread: float
    noise: float
    volume_ratio: float
    heirs_of: tuple[Cohort, ...]
    floor: ModelRule | None

    @property
    def cohort(self) -> Cohort:
        """Key of the cohort."""
        return self.scope, self.route

    @property
    def rate_before(self) -> float:
        """Headline rate in the baseline."""
        return self.before.rate(self.rate)

    @property
    def rate_after(self) -> float:
        """Headline rate in the incident."""
        return self.after.rate(self.rate)

    @property
    def drop(self) -> float:
        """By how much the rate fell."""
        return self.rate_before - self.rate_after


def cohort_facts(
    before: pd.DataFrame,
    after: pd.DataFrame,
    incident: Incident,
    coincide: tuple[VersionChange, ...],
    live: Live | None = None,
) -> Iterator[CohortFacts]:
    """Facts of every cohort with traffic in the incident and something to compare it with.

    A cohort that is new is compared with those that vanished, as when keys are rotated or a
    workspace is renamed, or else with those that shrank; without any it is left out.
    """
    earlier, later = (
        {_key(k): rows for k, rows in side.groupby(COHORT, dropna=False, observed=True)}
        for side in (before[COLUMNS], after[COLUMNS])
    )
    vanished = tuple(c for c in earlier if c not in later)
    if not vanished and not later.keys() <= earlier.keys():
        vanished = _shrunk(earlier, later)
    routes = Counter(scope for scope, _ in {*earlier, *later})
    rate = "read_share_of_cached" if incident.measure == "read_share_of_cached" else "hit_rate"
    for cohort, rows in later.items():
        heirs_of = (cohort,) if cohort in earlier else vanished
        if not heirs_of:
            continue
        olds = [earlier[c] for c in heirs_of]
        base = olds[0] if len(olds) == 1 else pd.concat(olds)
        (usual, whole), (seen, inside) = bucket_metrics(base), bucket_metrics(rows)
        change = next((c for c in coincide if (c.scope, c.route) == cohort), None)
        yield CohortFacts(
            scope=cohort[0],
            route=cohort[1],
            name=_name(cohort, several=routes[cohort[0]] > 1),
            before=_side(base, whole),
            after=_side(rows, inside),
            rate=rate,
            change=change,
            on_old=_on(rows, change, None if change is None else change.from_model),
            on_new=_on(rows, change, None if change is None else change.to_model),
            moved_share=_moved_share(rows, change),
            length_spread=spread_of(usual)[0],
            noise=_noise(usual[rate], len(seen)),
            volume_ratio=_volume_ratio(usual, seen),
            heirs_of=heirs_of,
            floor=_floor(change, live),
        )


def _floor(change: VersionChange | None, live: Live | None) -> ModelRule | None:
    """The rules of the model that *change* leads to; what was measured goes first."""
    if change is None:
        return None
    return (rule if live is None else live.rule)(change.provider, change.to_model)


def _shrunk(
    earlier: dict[Cohort, pd.DataFrame], later: dict[Cohort, pd.DataFrame]
) -> tuple[Cohort, ...]:
    """Cohorts whose input per bucket fell below SHRUNK of what it was."""

    def rate(rows: pd.DataFrame) -> float:
        tokens = float(rows[TOKENS].astype("float64").sum().sum())
        return tokens / max(1, rows["bucket_start"].nunique())

    return tuple(c for c in earlier if rate(later[c]) < SHRUNK * rate(earlier[c]))


def _key(labels: Any) -> Cohort:
    scope, route = labels
    return label(scope), label(route)


def _name(cohort: Cohort, *, several: bool) -> str:
    scope, route = cohort
    if scope is not None and route is not None and several:
        return f"{scope} via {route}"
    return scope or route or "all traffic"


def moved_by(change: VersionChange) -> pd.Timestamp | None:
    """When traffic stopped moving; None while it moves. Stray calls keep no cutover open."""
    if change.end is None and change.share >= 1 - PRESENCE:
        return change.start_high
    return change.end


def steady_s(rows: pd.DataFrame, change: VersionChange, until: pd.Timestamp) -> float:
    """Longest time, in seconds, for which the share of the new version stood still in a ramp.

    In days from its start; a day within STEADY of the first of its run belongs to the run.
    """
    ramp = rows[(rows["bucket_start"] >= change.start) & (rows["bucket_end"] <= until)]
    day = (ramp["bucket_start"] - change.start) // pd.Timedelta("1D")
    tokens = ramp[TOKENS].astype("float64").sum(axis=1)
    total = tokens.groupby(day).sum()
    own = tokens.where(ramp["model"] == change.to_model, 0.0).groupby(day).sum()
    longest, since = 0, 0
    shares = (own / total.where(total > 0)).to_numpy()
    for i, share in enumerate(shares):
        if abs(share - shares[since]) > STEADY:
            since = i
        longest = max(longest, i + 1 - since)
    stood = min(pd.Timedelta(days=longest), until - change.start)
    return max(0.0, stood.total_seconds()) if len(shares) else 0.0


def _on(rows: pd.DataFrame, change: VersionChange | None, model: str | None) -> Side | None:
    """*rows* that *model* served while the ramp of *change* had traffic on both; None without."""
    if change is None:
        return None
    until = moved_by(change)
    if until == change.start_high:
        return None
    during = rows["bucket_start"] >= change.start
    if until is not None:
        during &= rows["bucket_start"] < until
    own = rows[during & (rows["model"] == model)]
    return None if own.empty else _side(own, overall_metrics(own))


def _moved_share(rows: pd.DataFrame, change: VersionChange | None) -> float:
    if change is None:
        return 1.0
    tokens = rows[TOKENS].astype("float64").sum(axis=1)
    total = float(tokens.sum())
    return float(tokens[rows["model"] == change.to_model].sum()) / total if total > 0 else 1.0


def _side(rows: pd.DataFrame, one: pd.Series) -> Side:
    """*rows* in sum; *one* is their metrics.overall_metrics."""
    written = one["written_tokens"]
    five = rows["cache_write_5m_tokens"].sum(min_count=1)
    return Side(
        requests=float(one["requests"]),
        input_tokens=float(one["input_tokens"]),
        cached_tokens=float(one["cached_tokens"]),
        hit_rate=float(one["hit_rate"]),
        write_share=float(one["write_share"]),
        uncached_share=float(one["uncached_share"]),
        read_share_of_cached=float(one["read_share_of_cached"]),
        input_tokens_per_request=float(one["input_tokens_per_request"]),
        output_tokens_per_request=float(one["output_tokens_per_request"]),
        output_tokens=float(one["output_tokens"]),
        write_5m_share=float(five) / written if written > 0 and pd.notna(five) else float("nan"),
        models=tuple(sorted(rows["model"].dropna().unique())),
    )


def _noise(usual: pd.Series, later: int) -> float:
    """Spread of the baseline's buckets, carried over to means of as many as both sides have."""
    known = usual.dropna()
    if len(known) < 3 or later == 0:
        return 0.0
    return float(known.std(ddof=1) * (1 / len(known) + 1 / later) ** 0.5)


def _volume_ratio(usual: pd.DataFrame, seen: pd.DataFrame) -> float:
    """Input of a bucket over what the baseline had in a bucket of the same hour of the day."""
    before, after = (b["input_tokens"].fillna(b["cached_tokens"]) for b in (usual, seen))
    by_hour = before.groupby(pd.DatetimeIndex(before.index).hour).mean()
    expected = by_hour.reindex(pd.DatetimeIndex(after.index).hour).to_numpy()
    known = ~pd.isna(expected)
    total = float(expected[known].sum())
    return float(after.to_numpy()[known].sum()) / total if total > 0 else float("nan")


def rows_of(usage: pd.DataFrame, *cohorts: Cohort) -> pd.Series:
    """Mask of the rows of *usage* that belong to any of *cohorts*."""
    mask = pd.Series(False, index=usage.index)
    for cohort in cohorts:
        own = pd.Series(True, index=usage.index)
        for column, value in zip(COHORT, cohort, strict=True):
            own &= usage[column].isna() if value is None else usage[column] == value
        mask |= own
    return mask


def of_sums(incident: Incident, affected: tuple[CohortFacts, ...]) -> Incident:
    """*incident* with rates of sums over the affected cohorts, as every table has them.

    The levels that found it are of one series, without its rhythm and its lone outliers.
    """
    rate = affected[0].rate
    if incident.measure != rate:
        return incident

    def pooled(sides: list[Side]) -> float:
        weights = [s.input_tokens if rate == "hit_rate" else s.cached_tokens for s in sides]
        total = sum(weights)
        rates = [s.rate(rate) for s in sides]
        return (
            sum(r * w for r, w in zip(rates, weights, strict=True)) / total if total else rates[0]
        )

    return replace(
        incident,
        before=pooled([c.before for c in affected]),
        after=pooled([c.after for c in affected]),
    )
