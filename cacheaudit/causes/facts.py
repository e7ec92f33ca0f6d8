"""A cohort before and during an incident, as numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..events import VersionChange
from ..incidents import Cohort, Incident
from ..metrics import cache_metrics, reports
from ..rules import ModelRule, rule
from ..schema import COHORT, label


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
    write_5m_share: float
    models: tuple[str, ...]

    @property
    def cached_tokens_per_request(self) -> float:
        """Mean length of what was cached, in exact tokens of the models that served."""
        return self.cached_tokens / self.requests if self.requests > 0 else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortFacts:
    """A cohort in the baseline and in the incident.

    change          the version change that coincides with the incident's start, if any
    length_spread   standard deviation over mean of the cached length per request, before
    """

    scope: str | None
    route: str | None
    before: Side
    after: Side
    rate: str
    change: VersionChange | None
    length_spread: float

    @property
    def name(self) -> str:
        """For sentences."""
        return self.scope or self.route or "all traffic"

    @property
    def cohort(self) -> Cohort:
        """Key of the cohort."""
        return self.scope, self.route

    @property
    def rate_before(self) -> float:
        """Headline rate in the baseline."""
        return float(getattr(self.before, self.rate))

    @property
    def rate_after(self) -> float:
        """Headline rate in the incident; 0 where nothing was cached although input was seen."""
        value = float(getattr(self.after, self.rate))
        return 0.0 if pd.isna(value) and self.after.input_tokens > 0 else value

    @property
    def floor(self) -> ModelRule | None:
        """Caching rules of the model that this cohort moved to."""
        return None if self.change is None else rule(self.change.provider, self.change.to_model)


def cohort_facts(
    before: pd.DataFrame,
    after: pd.DataFrame,
    incident: Incident,
    coincide: tuple[VersionChange, ...],
) -> Iterator[CohortFacts]:
    later = {_key(k): rows for k, rows in after.groupby(COHORT, dropna=False, observed=True)}
    for key, rows in before.groupby(COHORT, dropna=False, observed=True):
        cohort = _key(key)
        if cohort not in later:
            continue
        change = next((c for c in coincide if (c.scope, c.route) == cohort), None)
        stands_in = incident.measure == "read_share_of_cached"
        yield CohortFacts(
            scope=cohort[0],
            route=cohort[1],
            before=_side(rows),
            after=_side(later[cohort]),
            rate="read_share_of_cached" if stands_in else "hit_rate",
            change=change,
            length_spread=_length_spread(rows),
        )


def _key(labels: Any) -> Cohort:
    scope, route = labels
    return label(scope), label(route)


def _side(rows: pd.DataFrame) -> Side:
    one = cache_metrics(rows.assign(provider="all"), ["provider"]).iloc[0]
    written = one["written_tokens"]
    five = rows["cache_write_5m_tokens"].astype("float64").sum(min_count=1)
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
        write_5m_share=float(five / written) if written > 0 else float("nan"),
        models=tuple(sorted(rows["model"].dropna().unique())),
    )


def _length_spread(rows: pd.DataFrame) -> float:
    """sd / mean of the cached length of a request, from how its hourly means vary.

    The variance of a mean of n requests is the variance of one over n, so the variance of the
    hourly means times the requests of an hour estimates it (assumes that the mix is the same in
    every hour; a mix that changes only makes the estimate larger).
    """
    if not reports(rows, "requests"):
        return float("nan")
    hours = cache_metrics(rows, ["bucket_start"])
    hours = hours[hours["requests"] > 0]
    length = hours["cached_tokens"] / hours["requests"]
    if len(length) < 3 or not (mean := float(length.mean())) > 0:
        return float("nan")
    variance = ((length - mean) ** 2 * hours["requests"]).sum() / (len(length) - 1)
    return float(variance**0.5 / mean)


def rows_of(usage: pd.DataFrame, cohort: Cohort) -> pd.Series:
    """Mask of the rows of *usage* that belong to *cohort*."""
    mask = pd.Series(True, index=usage.index)
    for column, value in zip(COHORT, cohort, strict=True):
        mask &= usage[column].isna() if value is None else usage[column] == value
    return mask
