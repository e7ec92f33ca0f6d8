"""Contrasts about what the team supplied, and about where the counts come from.

Each is a Test (hypothesis.py): a Case in, one sentence or None out.
"""

from ..words import listing, moment
from .case import RELEASES, Case
from .hypothesis import Evidence, Test


def event_of(*kinds: str) -> Test:
    """A given event of one of *kinds* at the start of the incident.

    It says nothing where it reached other traffic on the same route as well, and did no harm.
    """

    def event_at_start(case: Case) -> Evidence | None:
        near = case.coinciding[case.coinciding["kind"].isin(kinds)]
        if near.empty:
            return None
        each = near.drop_duplicates(["kind", "what", "at"])  # a scope apiece is one release
        said = [
            f"{kind} change '{what}' at {moment(at)}"
            for kind, what, at in zip(each["kind"], each["what"], each["at"], strict=True)
        ]
        spared = near["scope"].isna() & bool(case.same_route_spared())
        if case.in_a_rate and (spared | near["what"].isin(case.harmless)).all():
            return Evidence(
                text=f"Known: {listing(said)}; it also reached traffic that kept its rate."
            )
        return Evidence(text=f"Known: {listing(said)}.", weight=2)

    return event_at_start


def no_release_given(case: Case) -> Evidence | None:
    """Releases are known, and none of them is at the start."""
    if case.releases_given == 0 or case.coinciding["kind"].isin(RELEASES).any():
        return None
    return Evidence(
        text=f"None of the {case.releases_given} known releases is at that time.",
        against=True,
        weight=1,
    )


def in_the_tail(case: Case) -> Evidence | None:
    """Only the last buckets of a pull can be incomplete."""
    if case.ends_with_data:
        return Evidence(text="The incident begins in the last buckets of the data.", weight=1)
    return Evidence(
        text="The change is followed by more data than a late report would leave out.",
        against=True,
        decisive=True,
    )


def only_from_a_log(case: Case) -> Evidence | None:
    """What a provider reports of itself is not read from a log."""
    return Evidence(
        text="Possible only where these counts were read from a log: a provider's own report does"
        " not lose or repeat its lines.",
        against=True,
        weight=1,
    )
