"""How a contrast speaks of cohorts and versions."""

from ..events import VersionChange
from ..words import listing, moment, share
from .case import Case
from .facts import CohortFacts, moved_by


def rates(cohorts: tuple[CohortFacts, ...]) -> str:
    """Each cohort with its rate before and during the incident."""
    return listing([f"{c.name} {share(c.rate_before)} → {share(c.rate_after)}" for c in cohorts])


def fell(cohorts: tuple[CohortFacts, ...], case: Case) -> str:
    """Each cohort that the incident is in: with its rates, where a rate is what moved."""
    return rates(cohorts) if case.in_a_rate else listing([c.name for c in cohorts])


def moves(cohorts: tuple[CohortFacts, ...]) -> str:
    """Who moved from which version to which, and when; equal moves are said once."""
    groups: dict[tuple[str | None, str, str], list[str]] = {}
    for cohort in cohorts:
        change = cohort.change
        if change is not None:
            key = (change.from_model, change.to_model, when(change))
            groups.setdefault(key, []).append(cohort.name)
    said = [
        f"{listing(names)} moved from {old or 'no version seen before'} to {new} {at}"
        for (old, new, at), names in groups.items()
    ]
    return listing(said)


def when(change: VersionChange) -> str:
    """At a time, or over a stretch of time."""
    until = moved_by(change)
    if until is None:
        return f"in part, since {moment(change.start)}"
    if until > change.start_high:
        return f"between {moment(change.start)} and {moment(until)}"
    return f"at {moment(change.start)}"
