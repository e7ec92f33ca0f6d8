"""Contrasts about who changed the model version, and who did not.

Each is a Test (hypothesis.py): a Case in, one sentence or None out.
"""

from collections.abc import Iterator

from ..words import listing, moment, share
from .case import Case
from .facts import CohortFacts
from .hypothesis import Evidence
from .words import fell, moves, rates, when

SAME_LENGTH = 0.9  # a cached length that kept this part of itself was not rounded down to blocks


def version_changed(case: Case) -> Evidence | None:
    """A model.* cause needs an affected cohort whose version changed when the incident began."""
    start = case.incident.start
    if not case.versions_named:
        return unnamed()
    if case.moved:
        return Evidence(
            text=f"{moves(case.moved)}; the incident began at {moment(start)}.", weight=1
        )
    text = f"No affected traffic changed its model version at the start ({moment(start)})."
    if case.all_changes:
        nearest = min(case.all_changes, key=lambda c: abs(c.start - start))
        text += (
            f" The nearest change of a version is {nearest.from_model or 'nothing'} →"
            f" {nearest.to_model} in {nearest.scope or nearest.route or 'all traffic'}"
            f" {when(nearest)}."
        )
    return Evidence(text=text, against=True, decisive=True)


def same_version_dearer(case: Case) -> Evidence | None:
    """A new price of an old model needs traffic that kept its model."""
    if not case.versions_named:
        return unnamed()
    if case.unmoved_affected or not case.moved:
        return None
    return Evidence(
        text=f"All of the dearer traffic changed its version: {moves(case.moved)}.",
        against=True,
        decisive=True,
    )


def requested_name_kept(case: Case) -> Evidence | None:
    """An alias that moves is asked for by one name and answered by another version."""
    if not case.moved:
        return None  # version_changed says it
    if case.requested_kept is None:
        return Evidence(
            text="Requested names are not reported, so nothing shows a move that nobody asked for.",
            against=True,
            weight=2,
        )
    if not case.requested_kept:
        return Evidence(
            text="Callers asked for another name than before: the move was theirs.",
            against=True,
            decisive=True,
        )
    return Evidence(
        text="Callers asked for the same name before and after, and another version answered.",
        weight=4 if case.pattern == "rewritten_once" and not _in_steps(case) else 2,
    )


def _in_steps(case: Case) -> bool:
    """Whether traffic moved over more than a bucket: a router does that, an alias seldom."""
    return any(c.change is not None and c.change.is_ramp for c in case.moved)


def moved_by_others(case: Case) -> Evidence | None:
    """Callers who keep asking for one name did not migrate: provider.alias_moved says it."""
    if not case.moved or not case.requested_kept or _in_steps(case):
        return None
    return Evidence(
        text="Callers kept asking for one name: the move was not theirs.",
        against=True,
        decisive=True,
    )


def unnamed() -> Evidence:
    """What every test of versions answers where the source names none."""
    return Evidence(text="The source does not name the model that served this traffic.", blind=True)


def version_unchanged(case: Case) -> Evidence | None:
    """Traffic that kept its version and suffered as well clears the version."""
    if not case.versions_named or not case.moved:
        return None  # version_changed says it
    if case.unmoved_affected:
        return Evidence(
            text=f"Traffic that kept its version is affected as well"
            f" ({fell(case.unmoved_affected, case)}): the version alone cannot be the cause.",
            against=True,
            decisive=True,
        )
    for cohort, old, new in _side_by_side(case):
        if cohort.rate_before - old >= (cohort.rate_before - new) / 2:
            return Evidence(
                text=f"In {cohort.name}, requests still served by the old version fell as well"
                f" ({share(cohort.rate_before)} → {share(old)}): the new version alone cannot be"
                " the cause.",
                against=True,
                decisive=True,
            )
    return None


def versions_side_by_side(case: Case) -> Evidence | None:
    """Both versions served one cohort in the same hours, and the new one's traffic fell.

    What the client sends, and what the workload is, was the same for both.
    """
    for cohort, old, new in _side_by_side(case):
        if cohort.rate_before - old < (cohort.rate_before - new) / 2:
            return Evidence(
                text=f"While both versions served {cohort.name}, requests on the old one had"
                f" {share(old)} and those on the new one {share(new)}.",
                weight=1,
            )
    return None


def _side_by_side(case: Case) -> Iterator[tuple[CohortFacts, float, float]]:
    """(cohort, rate on the old version, rate on the new one), where both served in earnest."""
    for cohort in case.moved if case.in_a_rate else ():
        old, new = cohort.on_old, cohort.on_new
        if old is not None and new is not None:
            yield cohort, old.rate(cohort.rate), new.rate(cohort.rate)


def unmoved_kept(case: Case) -> Evidence | None:
    """What fits, and no more: a release that came with the move would spare the others too."""
    if not case.moved or not case.unmoved_spared or not case.in_a_rate:
        return None
    return Evidence(
        text="In the same hours, traffic that kept its version kept its rate:"
        f" {rates(case.unmoved_spared)}."
    )


def only_moved_fell(case: Case) -> Evidence | None:
    """Against causes that do not know of versions: who kept the version kept the rate."""
    if not _separated(case):
        return None
    return Evidence(
        text="Only traffic that changed its version fell; the rest kept its rate in the same"
        f" hours: {rates(case.unmoved_spared)}.",
        against=True,
        weight=1,
    )


def provider_spared_the_rest(case: Case) -> Evidence | None:
    """A provider's regression does not choose who is moving that hour."""
    if not _separated(case):
        return None
    return Evidence(
        text="The provider went on serving the rest from its cache in the same hours:"
        f" {rates(case.unmoved_spared)}.",
        against=True,
        decisive=True,
    )


def _separated(case: Case) -> bool:
    """Whether all that fell had moved, and something that had not moved kept its rate."""
    return bool(case.in_a_rate and case.moved and case.unmoved_spared and not case.unmoved_affected)


def same_client_still_caches(case: Case) -> Evidence | None:
    """Traffic on the same route that moved to the same model and is still cached."""
    still = _moved_and_spared(case, case.same_route_spared())
    if not still:
        return None
    return Evidence(
        text=f"The same model, through the same route, still caches: {rates(still)}.",
        against=True,
        decisive=True,
    )


def same_model_still_caches(case: Case) -> Evidence | None:
    """Traffic that moved to the same model, by whatever route, and is still cached.

    Decisive where it is cached at its full length: a model that caches in large blocks would
    have rounded it down.
    """
    still = _moved_and_spared(case, case.spared)
    if not still:
        return None
    full = [
        c.name
        for c in still
        if c.after.cached_tokens_per_request >= SAME_LENGTH * c.before.cached_tokens_per_request
    ]
    length = f" {listing(full)} is cached at full length." if full else ""
    return Evidence(
        text=f"The same model still caches other traffic: {rates(still)}.{length}",
        against=True,
        decisive=bool(full),
        weight=1,
    )


def _moved_and_spared(case: Case, spared: tuple[CohortFacts, ...]) -> tuple[CohortFacts, ...]:
    targets = {c.change.to_model for c in case.moved if c.change is not None}
    return tuple(c for c in spared if c.change is not None and c.change.to_model in targets)
