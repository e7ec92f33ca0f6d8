"""One incident as the facts that hypotheses are held against.

Everything a cause may look at is computed here once, from the usage frame; a cause only reads.
"""

from dataclasses import dataclass

import ibis.expr.types as ir
import pandas as pd

from ..cost import repriced
from ..events import VersionChange
from ..incidents import RATES, Incident
from ..live import Live
from ..price_table import PriceTable
from ..schema import Cohort
from ..traffic import LogFacts, Window, log_facts
from .facts import CohortFacts, cohort_facts, moved_by, of_sums, rows_of
from .losses import Losses, losses_of
from .pattern import Pattern, fitting, pattern_of
from .timeline import coincides, coinciding, harmless, longest_stand, longest_ttl, outlasts, windows

KEPT = 0.015  # a cohort that lost less of its rate than this has kept it
BESIDE = 0.05  # or less than this part of what the worst cohort lost
SURE = 3.0  # a rate fell if it did so by this many standard deviations of what chance makes
RELEASES = ("client", "gateway", "prompt", "config")


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
    after_move_s       longest stretch of it, in seconds, in which the shares of the coinciding
                       versions stood still; NaN while they move
    shared             whether two versions still share affected traffic at the end
    versions_named     whether the source names the models of the affected traffic
    list_price_ratio   baseline traffic of the affected cohorts at the prices of the models that
                       served them after, over its own prices; NaN if unpriced
    releases_given     number of releases that the caller supplied, at whatever time
    new_scopes         workspaces or projects with traffic in the incident and none before
    harmless           events at the start, by what they were, that also reached traffic that kept
                       its rate
    requested_kept     whether the affected traffic asked for the same names as before; None where
                       requested names are not reported
    min_drop           smallest change of a rate that counts
    log, losses        what a request log tells of the affected cohorts; None without one
    live               what a probe measured; None without one
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
    shared: bool
    width: pd.Timedelta
    versions_named: bool
    list_price_ratio: float
    ends_with_data: bool
    releases_given: int
    new_scopes: tuple[str, ...]
    harmless: frozenset[str]
    requested_kept: bool | None
    min_drop: float
    log: LogFacts | None = None
    losses: Losses | None = None
    live: Live | None = None

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
        return outlasts(self.after_move_s, self.longest_ttl_s, self.width)

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
    requests: ir.Table | None = None,
    prices: PriceTable | None = None,
    live: Live | None = None,
) -> Case:
    """Gather the facts of *incident* from *usage* (buckets of one width) and, if given, a log.

    prices   rows that go before the price list's
    live     what a probe measured, before what is documented
    """
    coincide = tuple(c for c in changes if coincides(c, incident, width))
    before, after = windows(incident, usage, width)
    facts = tuple(cohort_facts(before, after, incident, coincide, live))
    affected = tuple(c for c in facts if _is_affected(c, incident, min_drop))
    worst = max((c.drop for c in affected), default=0.0)
    spared = tuple(c for c in facts if c not in affected and _is_spared(c, incident, worst))
    last = usage["bucket_end"].max()
    until = incident.end or last
    after_move = longest_stand(incident.start, until, affected, usage)
    longest, reported = longest_ttl(before)
    persists = outlasts(after_move, longest, width)
    ratio = _list_price_ratio(affected, before, incident.start, prices)
    pattern = pattern_of(incident, affected, spared, persists=persists, list_price_ratio=ratio)
    rows = after[rows_of(after, *(c.cohort for c in affected))] if affected else after
    new = _names(after, "scope") - _names(before, "scope")
    log = None if requests is None else _log(requests, incident, affected, before, after)
    return Case(
        incident=incident if not affected else of_sums(incident, affected),
        affected=affected,
        spared=spared,
        changes=coincide,
        all_changes=changes,
        coinciding=coinciding(events, incident, affected, width),
        pattern=pattern,
        shapes=fitting(pattern, affected, persists=persists, in_a_rate=incident.measure in RATES),
        longest_ttl_s=longest,
        lifetimes_reported=reported,
        lasts_s=(until - incident.start).total_seconds(),
        after_move_s=after_move,
        shared=any(c.change is not None and moved_by(c.change) is None for c in affected),
        width=width,
        versions_named=bool(rows["model"].notna().any()),
        list_price_ratio=ratio,
        ends_with_data=incident.end is None and last - incident.start <= 3 * width,
        releases_given=int(events["kind"].isin(RELEASES).sum()),
        new_scopes=tuple(sorted(new)) if len(before) else (),
        harmless=harmless(events, incident, spared, width),
        requested_kept=_requested_kept(before[rows_of(before, *_heirs(affected))], rows, log),
        min_drop=min_drop,
        log=log,
        losses=losses_of(log),
        live=live,
    )


def _heirs(affected: tuple[CohortFacts, ...]) -> list[Cohort]:
    return [h for c in affected for h in c.heirs_of]


def _log(
    requests: ir.Table,
    incident: Incident,
    affected: tuple[CohortFacts, ...],
    before: pd.DataFrame,
    after: pd.DataFrame,
) -> LogFacts | None:
    """The log over the very windows that the buckets are compared in."""
    if before.empty or after.empty:
        return None
    low, high = incident.baseline
    earlier = Window(
        start=low, end=min(high, before["bucket_end"].max()), cohorts=tuple(_heirs(affected))
    )
    later = Window(
        start=after["bucket_start"].min(),
        end=after["bucket_end"].max(),
        cohorts=tuple(c.cohort for c in affected),
    )
    return log_facts(requests, earlier, later)


def _names(rows: pd.DataFrame, label: str) -> set[str]:
    return set(rows[label].dropna().unique())


def _requested_kept(before: pd.DataFrame, after: pd.DataFrame, log: LogFacts | None) -> bool | None:
    names = [_names(rows, "model_requested") for rows in (before, after)]
    if log is not None and not all(names):
        by = log.served.groupby("period")["model_requested"]
        names = [set(own.dropna()) for _, own in by]
    return names[0] == names[1] if len(names) == 2 and all(names) else None


def _is_affected(cohort: CohortFacts, incident: Incident, min_drop: float) -> bool:
    alarmed = {a.cohort for a in incident.alarms if a.measure == incident.measure}
    if incident.measure in RATES:
        sure = cohort.drop >= SURE * cohort.noise or cohort.cohort in alarmed
        return cohort.drop >= min_drop and sure
    return cohort.cohort in alarmed or alarmed == {None}


def _is_spared(cohort: CohortFacts, incident: Incident, worst: float) -> bool:
    return cohort.drop < max(KEPT, BESIDE * worst) if incident.measure in RATES else True


def _list_price_ratio(
    affected: tuple[CohortFacts, ...],
    before: pd.DataFrame,
    at: pd.Timestamp,
    prices: PriceTable | None,
) -> float:
    """Baseline tokens at the prices of the models that served after, over their own prices."""
    if not affected:
        return float("nan")
    parts = []
    for place, cohort in enumerate(affected):
        rows, change = before[rows_of(before, *cohort.heirs_of)], cohort.change
        then = rows["model"]
        if change is not None:
            then = then.mask(then == change.from_model, change.to_model)
        parts.append(rows.assign(cohort=place, then_model=then))
    usd = repriced(pd.concat(parts), at, by="cohort", prices=prices)
    moved = pd.Series([c.moved_share for c in affected])
    new = float((moved * usd["then"] + (1 - moved) * usd["own"]).sum(skipna=False))
    old = float(usd["own"].sum(skipna=False))
    return new / old if old > 0 else float("nan")
