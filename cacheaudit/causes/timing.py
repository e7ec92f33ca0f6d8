"""Contrasts about how long it lasted, against one lifetime of a cache entry and the rollout.

Each is a Test (hypothesis.py): a Case in, one sentence or None out.
"""

from ..words import moment, share, span
from .case import Case
from .facts import moved_by
from .hypothesis import Evidence
from .versions import unnamed
from .words import when

LEAST_DUE = 0.02  # of a rate: a smaller loss on the old version could not be told from none


def outlasts_a_lifetime(case: Case) -> Evidence | None:
    """The physics bound: a cold cache is warm again one lifetime after traffic stopped moving."""
    if not case.persists or not case.in_a_rate:
        return None
    return Evidence(
        text=f"The loss went on for {span(case.after_move_s)} while no more traffic moved; an"
        f" entry lives {span(case.longest_ttl_s)}, and after one such time a cache has forgotten"
        " that it was cold.",
        against=True,
        decisive=True,
    )


def split_starves_both(case: Case) -> Evidence | None:
    """A split thins re-use on both versions, by the share that each has.

    With Poisson arrivals at x per lifetime a version with share s misses exp(-s x) of what could
    hit (docs/METHODS.md), so the old one's loss follows from the new one's: L_new^((1 - s) / s).
    """
    for cohort in case.moved if case.in_a_rate else ():
        old, new, base = cohort.on_old, cohort.on_new, cohort.rate_before
        if old is None or new is None or not base > 0:
            continue
        share_new = new.input_tokens / (new.input_tokens + old.input_tokens)
        lost_new = 1 - new.rate(cohort.rate) / base
        lost_old = 1 - old.rate(cohort.rate) / base
        if not 0 < share_new < 1 or not lost_new > 0:
            continue
        due = min(lost_new, 0.99) ** ((1 - share_new) / share_new)
        if due >= LEAST_DUE and lost_old < due / 3:
            return Evidence(
                text=f"A split that costs {cohort.name} {share(lost_new)} of its rate on the new"
                f" version would cost {share(due)} on the old one; it lost"
                f" {share(max(0.0, lost_old))}.",
                against=True,
                weight=2,
            )
    return None


def outlasts_the_split(case: Case) -> Evidence | None:
    """A split costs as long as it lasts, and one lifetime more."""
    over = case.incident.end is not None and any(
        c.change is not None and c.change.is_ramp and c.change.end is not None
        and c.change.end >= case.incident.end - case.width
        for c in case.moved
    )  # fmt: skip
    return None if case.shared or over else outlasts_a_lifetime(case)


def healed_within_a_lifetime(case: Case) -> Evidence | None:
    """What a version change must do to a cache that is keyed on the version."""
    if not case.moved or case.persists or case.incident.end is None:
        return None
    return Evidence(
        text="Entries belong to one version, so each live prefix had to be written once more; the"
        f" rate was back after {span(case.lasts_s)}, and an entry lives"
        f" {span(case.longest_ttl_s)}.",
        weight=1,
    )


def healed_on_the_new_version(case: Case) -> Evidence | None:
    """A fault of the new version stays while traffic stays on it."""
    end = case.incident.end
    if end is None or not case.moved:
        return None
    left = {
        (c.scope, c.route)
        for c in case.all_changes
        if c.start > case.incident.start and c.start <= end + case.width
    }
    if any(c.cohort in left for c in case.moved):
        return Evidence(text=f"It ended at {moment(end)}, when traffic left that version again.")
    if any(c.change is None or moved_by(c.change) is None for c in case.moved):
        return None
    return Evidence(
        text=f"It ended at {moment(end)} while traffic stayed on the new version.",
        against=True,
        decisive=True,
    )


def ramp_under_way(case: Case) -> Evidence | None:
    """A split needs two versions that share the traffic of a cohort."""
    if not case.versions_named:
        return unnamed()
    ramps = [c for c in case.changes if moved_by(c) != c.start_high]
    if not ramps:
        return Evidence(
            text="No cohort was served by two versions for longer than a bucket.",
            against=True,
            decisive=True,
        )
    return Evidence(
        text=f"{ramps[0].from_model} and {ramps[0].to_model} shared traffic {when(ramps[0])}.",
        weight=1,
    )


def version_returned(case: Case) -> Evidence | None:
    """A rollback needs a version that comes back."""
    if not case.versions_named:
        return unnamed()
    back = [c for c in case.changes if c.returned]
    if not back:
        return Evidence(
            text="No version came back at the start of the incident.", against=True, decisive=True
        )
    return Evidence(text=f"{back[0].to_model} came back {when(back[0])}.", weight=2)


def new_to_this_traffic(case: Case) -> Evidence | None:
    """A way back to an old version has a name of its own: rollout.cold_rollback."""
    changes = [c.change for c in case.moved if c.change is not None]
    if not changes or not all(c.returned for c in changes):
        return None
    return Evidence(
        text=f"{changes[0].to_model} had served this traffic before: it is a way back.",
        against=True,
        weight=2,
    )
