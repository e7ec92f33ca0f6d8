"""One incident as the facts that hypotheses are held against.

Everything a cause may look at is computed here once, from the usage frame; a cause only reads.
"""

from dataclasses import dataclass

import pandas as pd

from ..cost import repriced
from ..events import VersionChange, lifetimes_in_use
from ..incidents import Incident
from ..metrics import cache_metrics
from ..rules import LIFETIME_S
from .facts import CohortFacts, cohort_facts, rows_of
from .pattern import Pattern, pattern_of

KEPT = 0.5  # a cohort that lost less than this part of min_drop has kept its rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The facts of one incident.

    affected, spared   cohorts whose rate fell, and those that kept it in the same hours; for an
                       incident that is not in the hit rate: those in and out of its alarms
    changes            version changes, in any cohort, that coincide with the start
    coinciding         events of other kinds that coincide with the start
    longest_ttl_s      longest write lifetime in use before (or offered, if not reported)
    lasts_s            seconds from the start to the end, or to the last bucket
    quiet_rate         headline rate outside the incident in buckets with as little traffic as
                       the incident's own; NaN without such buckets
    events_given     number of events that the caller supplied, at whatever time
    new_scopes       workspaces or projects with traffic in the incident and none before
    list_price_ratio   baseline traffic of the affected cohorts at the prices of the models that
                       served them after, over its own prices; NaN if unpriced
    """

    incident: Incident
    affected: tuple[CohortFacts, ...]
    spared: tuple[CohortFacts, ...]
    changes: tuple[VersionChange, ...]
    all_changes: tuple[VersionChange, ...]
    coinciding: pd.DataFrame
    pattern: Pattern
    longest_ttl_s: float
    lifetimes_reported: bool
    lasts_s: float
    width: pd.Timedelta
    quiet_rate: float
    list_price_ratio: float
    ends_with_data: bool
    events_given: int
    new_scopes: tuple[str, ...]

    @property
    def moved(self) -> tuple[CohortFacts, ...]:
        """Affected cohorts whose version changed at the start."""
        return tuple(c for c in self.affected if c.change is not None)

    @property
    def unmoved_affected(self) -> tuple[CohortFacts, ...]:
        """Affected cohorts whose version did not change at the start."""
        return tuple(c for c in self.affected if c.change is None)

    @property
    def persists(self) -> bool:
        """Whether the loss outlasts one lifetime, given how coarsely time is known."""
        return self.lasts_s > self.longest_ttl_s + self.width.total_seconds()

    def affected_rows(self, usage: pd.DataFrame) -> pd.DataFrame:
        """Rows of *usage* that belong to an affected cohort; all where none is singled out."""
        mask = pd.Series(not self.affected, index=usage.index)
        for cohort in self.affected:
            mask |= rows_of(usage, cohort.cohort)
        return usage[mask]

    def same_route_spared(self) -> tuple[CohortFacts, ...]:
        """Spared cohorts that share a named route with an affected one."""
        routes = {c.route for c in self.affected if c.route is not None}
        return tuple(c for c in self.spared if c.route in routes)


def build_case(
    incident: Incident,
    usage: pd.DataFrame,
    changes: tuple[VersionChange, ...],
    events: pd.DataFrame,
    *,
    width: pd.Timedelta,
    min_drop: float,
) -> Case:
    """Gather the facts of *incident* from *usage* (buckets of one width)."""
    coincide = tuple(c for c in changes if _coincides(c.start, c.end, incident, width))
    before, after = _windows(incident, usage, width)
    facts = tuple(cohort_facts(before, after, incident, coincide))
    affected = tuple(c for c in facts if _is_affected(c, incident, min_drop))
    spared = tuple(c for c in facts if c not in affected and _is_spared(c, incident, min_drop))
    price_ratio = _list_price_ratio(affected, before, incident.start)
    lifetimes = lifetimes_in_use(before)
    known = [LIFETIME_S[x] for x in lifetimes if x in LIFETIME_S]
    last = usage["bucket_end"].max()
    lasts_s = ((incident.end or last) - incident.start).total_seconds()
    longest = max(known) if known and len(known) == len(lifetimes) else LIFETIME_S["1h"]
    at = pd.DatetimeIndex(events["at"])
    near = (at >= incident.start_low - width) & (at <= incident.start_high + width)
    return Case(
        incident=incident,
        affected=affected,
        spared=spared,
        changes=coincide,
        all_changes=changes,
        coinciding=events[near & (events["kind"] != "model").to_numpy()],
        pattern=pattern_of(
            incident,
            affected,
            persists=lasts_s > longest + width.total_seconds(),
            list_price_ratio=price_ratio,
        ),
        longest_ttl_s=longest,
        lifetimes_reported=bool(known),
        lasts_s=lasts_s,
        width=width,
        quiet_rate=_quiet_rate(incident, usage),
        list_price_ratio=price_ratio,
        ends_with_data=incident.end is None and last - incident.start <= 3 * width,
        events_given=len(events),
        new_scopes=tuple(sorted(set(after["scope"].dropna()) - set(before["scope"].dropna()))),
    )


def _coincides(
    start: pd.Timestamp, end: pd.Timestamp | None, incident: Incident, width: pd.Timedelta
) -> bool:
    """Whether the change, or the ramp that it began, touches the incident's start."""
    last = start if end is None else end
    return start <= incident.start_high + width and last >= incident.start_low


def _windows(
    incident: Incident, usage: pd.DataFrame, width: pd.Timedelta
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the frozen baseline and of the incident, without the bucket of the change."""
    low, high = incident.baseline
    before = usage[(usage["bucket_start"] >= low) & (usage["bucket_end"] <= high)]
    end = incident.end or usage["bucket_end"].max()
    skip = width if end - incident.start > 2 * width else pd.Timedelta(0)
    inside = (usage["bucket_start"] >= incident.start + skip) & (usage["bucket_start"] < end)
    return before, usage[inside]


def _is_affected(cohort: CohortFacts, incident: Incident, min_drop: float) -> bool:
    if incident.measure in ("hit_rate", "read_share_of_cached"):
        return cohort.rate_before - cohort.rate_after >= min_drop
    alarmed = {a.cohort for a in incident.alarms}
    return cohort.cohort in alarmed or alarmed == {None}


def _is_spared(cohort: CohortFacts, incident: Incident, min_drop: float) -> bool:
    if incident.measure in ("hit_rate", "read_share_of_cached"):
        return cohort.rate_before - cohort.rate_after < KEPT * min_drop
    return True


def _quiet_rate(incident: Incident, usage: pd.DataFrame) -> float:
    """What the rate was, outside the incident, in buckets as quiet as those inside."""
    if incident.measure not in ("hit_rate", "read_share_of_cached"):
        return float("nan")
    sums = cache_metrics(usage, ["bucket_start"])
    volume = sums["input_tokens"].fillna(sums["cached_tokens"])
    end = incident.end or usage["bucket_end"].max()
    inside = (sums.index >= incident.start) & (sums.index < end)
    as_quiet = sums[~inside & (volume <= volume[inside].median())]
    if len(as_quiet) < 3:
        return float("nan")
    over = as_quiet["input_tokens" if incident.measure == "hit_rate" else "cached_tokens"]
    return float(as_quiet["read_tokens"].sum() / over.sum())


def _list_price_ratio(
    affected: tuple[CohortFacts, ...], before: pd.DataFrame, at: pd.Timestamp
) -> float:
    """Baseline tokens at the prices of the models that served after, over their own prices."""
    new = old = 0.0
    for cohort in affected:
        rows = before[rows_of(before, cohort.cohort)]
        models = cohort.after.models
        target = cohort.change.to_model if cohort.change else models[0] if models else None
        if target is None or rows.empty:
            return float("nan")
        at_target, own = repriced(rows, target, at)
        new, old = new + at_target, old + own
    return new / old if old > 0 else float("nan")
