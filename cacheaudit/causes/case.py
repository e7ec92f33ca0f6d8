"""One incident as the facts that hypotheses are held against.

Everything a cause may look at is computed here once, from the usage frame; a cause only reads.
"""

from dataclasses import dataclass

import pandas as pd

from ..cost import repriced
from ..events import VersionChange, lifetimes_in_use
from ..incidents import Incident
from ..rules import LIFETIME_S
from .facts import CohortFacts, cohort_facts, moved_by, of_sums, rows_of
from .pattern import RATES, Pattern, fitting, pattern_of

KEPT = 0.5  # a cohort that lost less than this part of min_drop has kept its rate
SURE = 3.0  # a rate fell if it did so by this many standard deviations of what chance makes
RELEASES = ("client", "gateway", "prompt", "config")
# The longest lifetime on offer, for where the one in use is not reported. Docs: see rules.py;
# OpenAI kept entries of older models for up to 24 hours.
OFFERED_S = {"anthropic": 3600.0, "bedrock": 3600.0, "vertex": 3600.0, "openai": 86400.0}
OFFERED_ELSEWHERE_S = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The facts of one incident.

    affected, spared   cohorts whose rate fell, and those that kept it in the same hours; for an
                       incident that is not in the hit rate: those in and out of its alarms
    changes            version changes, in any cohort, that coincide with the start
    coinciding         events of other kinds that coincide with the start and concern an affected
                       cohort
    pattern, shapes    the shape seen, and the shapes that it may stand for with this source
    longest_ttl_s      longest write lifetime in use before (or offered, if not reported)
    lasts_s            seconds from the start to the end, or to the last bucket
    after_move_s       seconds that it went on after the coinciding versions stopped moving; NaN
                       while they move
    versions_named     whether the source names the models of the affected traffic
    list_price_ratio   baseline traffic of the affected cohorts at the prices of the models that
                       served them after, over its own prices; NaN if unpriced
    releases_given     number of releases that the caller supplied, at whatever time
    new_scopes         workspaces or projects with traffic in the incident and none before
    """

    incident: Incident
    affected: tuple[CohortFacts, ...]
    spared: tuple[CohortFacts, ...]
    changes: tuple[VersionChange, ...]
    all_changes: tuple[VersionChange, ...]
    coinciding: pd.DataFrame
    pattern: Pattern
    shapes: frozenset[Pattern]
    longest_ttl_s: float
    lifetimes_reported: bool
    lasts_s: float
    after_move_s: float
    width: pd.Timedelta
    versions_named: bool
    list_price_ratio: float
    ends_with_data: bool
    releases_given: int
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
    def unmoved_spared(self) -> tuple[CohortFacts, ...]:
        """Cohorts that kept their version and their rate."""
        return tuple(c for c in self.spared if c.change is None)

    @property
    def in_a_rate(self) -> bool:
        """Whether the incident is in a hit rate, not in money or volume."""
        return self.incident.measure in RATES

    @property
    def persists(self) -> bool:
        """Whether the loss outlasts one lifetime, given how coarsely time is known."""
        return _persists(self.after_move_s, self.longest_ttl_s, self.width)

    def affected_rows(self, usage: pd.DataFrame) -> pd.DataFrame:
        """Rows of *usage* that belong to an affected cohort; all where none is singled out."""
        if not self.affected:
            return usage
        return usage[rows_of(usage, *(h for c in self.affected for h in (c.cohort, *c.heirs_of)))]

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
    last = usage["bucket_end"].max()
    until = incident.end or last
    moving = [c.change for c in affected if c.change is not None]
    after_move = _seconds_after_move(incident.start, until, moving)
    longest, reported = _longest_ttl(before)
    persists = _persists(after_move, longest, width)
    ratio = _list_price_ratio(affected, before, incident.start)
    pattern = pattern_of(incident, affected, spared, persists=persists, list_price_ratio=ratio)
    rows = after[rows_of(after, *(c.cohort for c in affected))] if affected else after
    new = set(after["scope"].dropna()) - set(before["scope"].dropna())
    return Case(
        incident=incident if not affected else of_sums(incident, affected),
        affected=affected,
        spared=spared,
        changes=coincide,
        all_changes=changes,
        coinciding=_coinciding(events, incident, affected, width),
        pattern=pattern,
        shapes=fitting(pattern, affected, persists=persists),
        longest_ttl_s=longest,
        lifetimes_reported=reported,
        lasts_s=(until - incident.start).total_seconds(),
        after_move_s=after_move,
        width=width,
        versions_named=bool(rows["model"].notna().any()),
        list_price_ratio=ratio,
        ends_with_data=incident.end is None and last - incident.start <= 3 * width,
        releases_given=int(events["kind"].isin(RELEASES).sum()),
        new_scopes=tuple(sorted(new)) if len(before) else (),
    )


def _persists(after_move_s: float, ttl_s: float, width: pd.Timedelta) -> bool:
    """False while traffic moves (NaN), and within one lifetime and a bucket of its end."""
    return after_move_s > ttl_s + width.total_seconds()


def _seconds_after_move(
    start: pd.Timestamp, until: pd.Timestamp, moving: list[VersionChange]
) -> float:
    """From when versions stopped moving, or the start, to *until*; NaN while they move."""
    ends = [moved_by(c) for c in moving]
    known = [e for e in ends if e is not None]
    if len(known) < len(ends):
        return float("nan")
    return max(0.0, (until - max([start, *known])).total_seconds())


def _longest_ttl(before: pd.DataFrame) -> tuple[float, bool]:
    """Seconds, and whether the source reports lifetimes at all."""
    lifetimes = lifetimes_in_use(before)
    known = [float(LIFETIME_S[x]) for x in lifetimes if x in LIFETIME_S]
    if known and len(known) == len(lifetimes):
        return max(known), True
    offered = [OFFERED_S.get(p, OFFERED_ELSEWHERE_S) for p in before["provider"].dropna().unique()]
    return max(offered, default=OFFERED_ELSEWHERE_S), bool(known)


def _coincides(
    start: pd.Timestamp, end: pd.Timestamp | None, incident: Incident, width: pd.Timedelta
) -> bool:
    """Whether the change, or the ramp that it began, touches the incident's start."""
    last = start if end is None else end
    return start <= incident.start_high + width and last >= incident.start_low


def _coinciding(
    events: pd.DataFrame,
    incident: Incident,
    affected: tuple[CohortFacts, ...],
    width: pd.Timedelta,
) -> pd.DataFrame:
    """Events at the start, versions apart (they are seen in the usage), of an affected scope."""
    at = pd.DatetimeIndex(events["at"])
    near = (at >= incident.start_low - width) & (at <= incident.start_high + width)
    scopes = [c.scope for c in affected]
    concerns = events["scope"].isna() | events["scope"].isin(scopes) | (not scopes)
    return events[near & concerns.to_numpy() & (events["kind"] != "model").to_numpy()]


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
    alarmed = {a.cohort for a in incident.alarms if a.measure == incident.measure}
    if incident.measure in RATES:
        sure = cohort.drop >= SURE * cohort.noise or cohort.cohort in alarmed
        return cohort.drop >= min_drop and sure
    return cohort.cohort in alarmed or alarmed == {None}


def _is_spared(cohort: CohortFacts, incident: Incident, min_drop: float) -> bool:
    return cohort.drop < KEPT * min_drop if incident.measure in RATES else True


def _list_price_ratio(
    affected: tuple[CohortFacts, ...], before: pd.DataFrame, at: pd.Timestamp
) -> float:
    """Baseline tokens at the prices of the models that served after, over their own prices."""
    new = old = 0.0
    for cohort in affected:
        change, share = cohort.change, cohort.moved_share
        rows = before[rows_of(before, *cohort.heirs_of)]
        renamed = {} if change is None else {change.from_model: change.to_model}
        moved, own = repriced(rows, renamed, at)
        new, old = new + share * moved + (1 - share) * own, old + own
    return new / old if old > 0 else float("nan")
