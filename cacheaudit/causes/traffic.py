"""Contrasts about routes, lifetimes and the traffic itself.

Each is a Test (hypothesis.py): a Case in, one sentence or None out.
"""

import math

import pandas as pd

from ..words import listing, share, times
from .case import RELEASES, Case
from .hypothesis import Evidence
from .words import fell, rates

MOVED_SHARE = 0.2  # of all writes, from one lifetime to another: a client that asks differently
STAYED_SHARE = 0.05  # less than this is server tools and chance
AS_MUCH = 0.9  # of the baseline's volume: not less traffic
LESS = 0.7
INCLUSIVE = 0.9  # input per request that kept this part of itself did not lose its reads


def same_route_caches(case: Case) -> Evidence | None:
    """A gateway or key that dropped its markers would have done so for all of its traffic.

    An application that did so alone would not; decisive only against a release that was given
    for all traffic.
    """
    still = case.same_route_spared() if case.in_a_rate else ()
    if not still:
        return None
    routes = sorted({c.route or "" for c in still})
    return Evidence(
        text=f"Other traffic through {listing(routes)} kept caching in the same hours:"
        f" {rates(still)}.",
        against=True,
        decisive=not _releases(case, for_all=True).empty and _releases(case, for_all=False).empty,
        weight=1,
    )


def _releases(case: Case, *, for_all: bool) -> pd.DataFrame:
    """Coinciding releases that name no scope, or those that name an affected one."""
    near = case.coinciding[case.coinciding["kind"].isin(RELEASES)]
    return near[near["scope"].isna() == for_all]


def other_routes_cache(case: Case) -> Evidence | None:
    """All of a route fell, and no other route did."""
    routes = {c.route for c in case.affected}
    others = tuple(c for c in case.spared if c.route not in routes)
    if None in routes or not others or case.same_route_spared() or not case.in_a_rate:
        return None
    return Evidence(
        text=f"Only traffic through {listing(sorted(r for r in routes if r))} fell; other routes"
        f" kept their rate: {rates(others)}.",
        weight=1,
    )


def stopped_on_the_same_version(case: Case) -> Evidence | None:
    """Reads and writes both stop, prompts and model stay: nothing is marked for the cache."""
    if case.pattern != "gone" or case.moved or not case.versions_named or not _length_kept(case):
        return None
    return Evidence(
        text="Reads and writes stopped together, on the same model and at the same prompt length.",
        weight=1,
    )


def length_kept(case: Case) -> Evidence | None:
    """Where a provider counts cached input apart, lost cache fields shorten the prompt."""
    if case.pattern != "gone" or not _length_kept(case):
        return None
    return Evidence(
        text="Input per request stayed as long as before; a log that lost its cache fields would"
        " have lost those tokens, unless its input includes them.",
        against=True,
        weight=1,
    )


def _length_kept(case: Case) -> bool:
    ratios = [c.after.input_tokens_per_request / c.before.input_tokens_per_request
              for c in case.affected if c.before.input_tokens_per_request > 0]  # fmt: skip
    return bool(ratios) and min(ratios) >= INCLUSIVE


def lifetimes_moved(case: Case) -> Evidence | None:
    """Whether writes moved from the long to the short lifetime column."""
    known = [c for c in case.affected if not math.isnan(c.before.write_5m_share)]
    known = [c for c in known if not math.isnan(c.after.write_5m_share)]
    if not known or not case.lifetimes_reported:
        return None
    worst = max(known, key=lambda c: c.after.write_5m_share - c.before.write_5m_share)
    before, after = worst.before.write_5m_share, worst.after.write_5m_share
    text = f"5-minute writes went from {share(before)} to {share(after)} of all writes"
    if after - before >= MOVED_SHARE:
        return Evidence(text=f"{text} in {worst.name}.", weight=2)
    if after - before >= STAYED_SHARE:
        return None
    return Evidence(text=f"{text}: lifetimes did not move.", against=True, decisive=True)


def traffic_thinned(case: Case) -> Evidence | None:
    """Sparser traffic: less of it, hour for hour. Only a log shows the gaps of a prefix."""
    known = [c for c in case.affected if not math.isnan(c.volume_ratio)]
    if not known:
        return None
    busiest = max(known, key=lambda c: c.volume_ratio)
    thinnest = min(known, key=lambda c: c.volume_ratio)
    if busiest.volume_ratio < LESS:
        return Evidence(
            text=f"Traffic of {busiest.name} ran at {times(busiest.volume_ratio)} of its baseline,"
            " hour for hour.",
            weight=1,
        )
    if thinnest.volume_ratio < AS_MUCH:
        return None
    return Evidence(
        text=f"Traffic of {thinnest.name} ran at {times(thinnest.volume_ratio)} of its baseline,"
        " hour for hour: there was no less of it, though it may be spread over more prefixes.",
        against=True,
        weight=1,
    )


def weights_moved(case: Case) -> Evidence | None:
    """A mix that shifted leaves every cohort where it was."""
    if case.pattern == "mixed":
        grew = [f"{c.name} {times(c.volume_ratio)}" for c in case.spared]
        return Evidence(
            text=f"Every cohort kept its rate ({rates(case.spared)}); only their volumes moved"
            f" ({listing(grew)}).",
            weight=2,
        )
    if len(case.affected) > 1:
        return Evidence(
            text=f"It shows inside cohorts, not only in the total: {fell(case.affected, case)}.",
            against=True,
            decisive=True,
        )
    if case.affected and case.spared:
        return Evidence(
            text=f"It shows inside {fell(case.affected, case)}; a mix within it cannot be seen."
        )
    return None


def unchanged_kept(case: Case) -> Evidence | None:
    """A provider's regression would show on unchanged traffic of the same model."""
    models = {m for c in case.affected for m in c.before.models}
    same = tuple(c for c in case.unmoved_spared if models & set(c.after.models))
    if not same or not case.in_a_rate:
        return None
    return Evidence(
        text=f"Unchanged traffic on the same model kept its rate: {rates(same)}.",
        against=True,
        decisive=True,
    )


def other_models_kept(case: Case) -> Evidence | None:
    """A regression of one model: all traffic on it fell, other models did not."""
    models = {m for c in case.affected for m in c.before.models}
    others = tuple(c for c in case.unmoved_spared if not models & set(c.after.models))
    if not others or case.moved or not case.in_a_rate:
        return None
    return Evidence(text=f"Traffic on other models kept its rate: {rates(others)}.")


def scopes_stayed(case: Case) -> Evidence | None:
    """A move between workspaces needs a workspace that is new."""
    if case.new_scopes:
        return Evidence(
            text=f"{listing(list(case.new_scopes))} had no traffic before the incident.", weight=2
        )
    return Evidence(
        text="No workspace or project is new at the start of the incident.",
        against=True,
        decisive=True,
    )
