"""The contrasts that tell causes apart. Each is a Test: a Case in, one sentence or None out."""

import math

import pandas as pd

from ..rules import tokenizer_ratio
from ..words import count, listing, moment, share, span
from .case import Case
from .facts import CohortFacts
from .hypothesis import Evidence, Test

NARROW = 0.1  # spread of lengths below which a mean speaks for every request


def version_changed(case: Case) -> Evidence | None:
    """A model.* cause needs an affected cohort whose version changed when the rate fell."""
    if not case.moved:
        others = [c for c in case.all_changes if c not in case.changes]
        elsewhere = f" The nearest other one is {_nearest(case)}." if others else ""
        return Evidence(
            text="No affected cohort changed its model version at the start of the incident"
            f" ({moment(case.incident.start)}).{elsewhere}",
            against=True,
            decisive=True,
        )
    first = case.moved[0].change
    assert first is not None
    return Evidence(
        text=f"{listing([c.name for c in case.moved])} moved from {first.from_model} to"
        f" {first.to_model} at {moment(first.start)}, when the incident began.",
        weight=1,
    )


def _nearest(case: Case) -> str:
    start = case.incident.start
    change = min(case.all_changes, key=lambda c: abs(c.start - start))
    return f"{change.from_model} -> {change.to_model} at {moment(change.start)}"


def version_unchanged(case: Case) -> Evidence | None:
    """Traffic that kept its version and fell as well clears the version."""
    if not case.unmoved_affected:
        return None
    return Evidence(
        text=f"{_rates(case.unmoved_affected)} without any change of version:"
        " the version alone cannot be the cause.",
        against=True,
        decisive=True,
    )


def unmoved_kept(case: Case) -> Evidence | None:
    """In the same hours, traffic that stayed on the old version kept its rate."""
    unmoved = tuple(c for c in case.spared if c.change is None)
    if not unmoved or not case.moved:
        return None
    return Evidence(
        text=f"In the same hours, traffic that did not move kept its rate: {_rates(unmoved)}.",
        weight=1,
    )


def only_moved_fell(case: Case) -> Evidence | None:
    """Against causes that do not know of versions: who kept the version kept the rate."""
    unmoved = tuple(c for c in case.spared if c.change is None)
    if not unmoved or not case.moved or case.unmoved_affected:
        return None
    return Evidence(
        text="Only traffic that changed its version fell; the rest kept its rate in the same"
        f" hours: {_rates(unmoved)}.",
        against=True,
        decisive=True,
    )


def new_version_caches(case: Case) -> Evidence | None:
    """A cohort on the same route that moved to the same model and is still cached."""
    targets = {c.change.to_model for c in case.moved if c.change is not None}
    still = tuple(
        c for c in case.same_route_spared() if c.change is not None and c.change.to_model in targets
    )
    if not still:
        return None
    return Evidence(
        text=f"The same model, through the same route, still caches: {_rates(still)}.",
        against=True,
        decisive=True,
    )


def same_route_caches(case: Case) -> Evidence | None:
    """A client or gateway that dropped its markers would have done so for all of its traffic."""
    still = case.same_route_spared()
    if not still:
        return None
    routes = sorted({c.route or "" for c in still})
    return Evidence(
        text=f"Other traffic through {listing(routes)} kept caching in the same hours:"
        f" {_rates(still)}.",
        against=True,
        decisive=True,
    )


def outlasts_a_lifetime(case: Case) -> Evidence | None:
    """The physics bound: a cold cache is warm again one lifetime after traffic stopped moving."""
    stopped = [c.change.end for c in case.moved if c.change is not None]
    ramping = any(end is None for end in stopped)
    ends = [end for end in stopped if end is not None]
    until = case.incident.start + pd.Timedelta(seconds=case.lasts_s)
    since = (until - max([case.incident.start, *ends])).total_seconds()
    if ramping or since <= case.longest_ttl_s + case.width.total_seconds():
        return None
    return Evidence(
        text=f"The loss goes on {span(since)} after traffic stopped moving; an entry lives"
        f" {span(case.longest_ttl_s)}, and after one such time a cache has forgotten that it was"
        " cold.",
        against=True,
        decisive=True,
    )


def below_floor(case: Case) -> Evidence | None:
    """Cached length on the old version against the new model's documented minimum."""
    for cohort in case.moved:
        verdict, text = floor_verdict(cohort)
        if verdict == "above":
            return Evidence(text=text, against=True, decisive=True)
        if verdict == "below":
            return Evidence(text=text)  # it fits; so do rivals that cache nothing either
    return None


def long_prefixes_kept(case: Case) -> Evidence | None:
    """Moved traffic above the floor that still caches; moved traffic below it that does, too."""
    for cohort in case.spared:
        if cohort.change is None:
            continue
        verdict, text = floor_verdict(cohort)
        rates = _rates((cohort,))
        if verdict == "above":
            return Evidence(text=f"{text} It is still cached: {rates}.", weight=1)
        if verdict == "below":
            return Evidence(text=f"{text} It is cached all the same: {rates}.", against=True)
    return None


def floor_verdict(cohort: CohortFacts) -> tuple[str, str]:
    """("below" | "above" | "unknown", sentence) for a cohort that moved."""
    floor, length = cohort.floor, cohort.before.cached_tokens_per_request
    if cohort.change is None or floor is None or floor.minimum_tokens is None:
        return "unknown", f"The minimum of the model that {cohort.name} moved to is not known."
    ratio = tokenizer_ratio(cohort.change.from_model or "", cohort.change.to_model)
    if math.isnan(length) or math.isnan(cohort.length_spread) or ratio is None:
        return "unknown", f"The cached length of {cohort.name} is not known."
    spread = cohort.length_spread * length
    low, high = (length - 2 * spread) * ratio[0], (length + 2 * spread) * ratio[1]
    said = (
        f"{cohort.name} cached {count(length)} tokens a request before"
        f" (spread {count(spread)}); {cohort.change.to_model} caches from"
        f" {count(floor.minimum_tokens)} on ({floor.evidence}, checked {floor.checked_on})."
    )
    if cohort.length_spread > NARROW:
        return "unknown", said + " The lengths are too mixed to speak for every request."
    if high < floor.minimum_tokens:
        return "below", said
    return ("above", said) if low >= floor.minimum_tokens else ("unknown", said)


def lifetimes_moved(case: Case) -> Evidence | None:
    """Whether writes moved from the long to the short lifetime column."""
    known = [c for c in case.affected if not math.isnan(c.before.write_5m_share)]
    known = [c for c in known if not math.isnan(c.after.write_5m_share)]
    if not known or not case.lifetimes_reported:
        return None
    worst = max(known, key=lambda c: c.after.write_5m_share - c.before.write_5m_share)
    before, after = worst.before.write_5m_share, worst.after.write_5m_share
    text = f"5-minute writes went from {share(before)} to {share(after)} of all writes"
    if after - before >= 0.2:
        return Evidence(text=f"{text} in {worst.name}.", weight=2)
    return Evidence(text=f"{text}: lifetimes did not move.", against=True, decisive=True)


def as_quiet_kept(case: Case) -> Evidence | None:
    """Sparser traffic: were other buckets as quiet, and did they keep the rate?"""
    incident = case.incident
    if math.isnan(case.quiet_rate):
        return None
    kept = incident.before - case.quiet_rate <= 0.2 * (incident.before - incident.after)
    text = (
        f"Outside the incident, buckets with as little traffic had {share(case.quiet_rate)},"
        f" against {share(incident.after)} inside"
    )
    if kept:
        return Evidence(
            text=f"{text}: little traffic alone does not do this.", against=True, decisive=True
        )
    return None


def several_cohorts_fell(case: Case) -> Evidence | None:
    """A mix that shifted leaves every cohort where it was."""
    cohorts = [*case.affected, *case.spared]
    if len(cohorts) < 2 and (not cohorts or cohorts[0].cohort == (None, None)):
        return None
    if not case.affected:
        return Evidence(text="Every cohort kept its rate; only their weights moved.", weight=2)
    return Evidence(
        text=f"The rate fell inside cohorts, not only in the total: {_rates(case.affected)}.",
        against=True,
        decisive=True,
    )


def unchanged_kept(case: Case) -> Evidence | None:
    """A provider's regression would show on unchanged traffic of the same model."""
    models = {m for c in case.affected for m in c.before.models}
    same = tuple(c for c in case.spared if c.change is None and models & set(c.after.models))
    if not same:
        return None
    return Evidence(
        text=f"Unchanged traffic on the same model kept its rate: {_rates(same)}.",
        against=True,
        decisive=True,
    )


def ramp_under_way(case: Case) -> Evidence | None:
    """A split needs two versions that share the traffic of a cohort."""
    ramps = [c for c in case.changes if c.is_ramp]
    if not ramps:
        return Evidence(
            text="No cohort was served by two versions for longer than a bucket.",
            against=True,
            decisive=True,
        )
    return Evidence(
        text=f"{ramps[0].from_model} and {ramps[0].to_model} shared traffic from"
        f" {moment(ramps[0].start)} to {moment(ramps[0].end)}.",
        weight=1,
    )


def version_returned(case: Case) -> Evidence | None:
    """A rollback needs a version that comes back."""
    back = [c for c in case.changes if c.returned]
    if not back:
        return Evidence(
            text="No version came back at the start of the incident.", against=True, decisive=True
        )
    return Evidence(text=f"{back[0].to_model} came back at {moment(back[0].start)}.", weight=2)


def event_of(kind: str) -> Test:
    """A given event of *kind* at the start of the incident."""

    def event_at_start(case: Case) -> Evidence | None:
        near = case.coinciding[case.coinciding["kind"] == kind]
        if near.empty:
            return None
        row = near.iloc[0]
        return Evidence(
            text=f"Given: {kind} change '{row['what']}' at {moment(row['at'])}.", weight=2
        )

    return event_at_start


def list_price_explains(case: Case) -> Evidence | None:
    """What the same tokens cost at the new model's list price."""
    if math.isnan(case.list_price_ratio):
        return None
    return Evidence(
        text=f"The same tokens cost {case.list_price_ratio:.2f}x at the prices that held after,"
        f" of a rise to {case.incident.after:.2f}x.",
        weight=2,
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


def _rates(cohorts: tuple[CohortFacts, ...]) -> str:
    return listing([f"{c.name} {share(c.rate_before)} -> {share(c.rate_after)}" for c in cohorts])


def no_release_given(case: Case) -> Evidence | None:
    """Events were given, and none of them is a release of the client, gateway or prompt here."""
    if case.events_given == 0:
        return None
    kinds = {"client", "gateway", "prompt", "config"}
    if case.coinciding["kind"].isin(kinds).any():
        return None
    return Evidence(
        text=f"None of the {case.events_given} events given is a release at that time.",
        against=True,
        weight=1,
    )


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


def cost_per_request_kept(case: Case) -> Evidence | None:
    """Volume alone leaves the cost of a request where it was."""
    dearer = [a for a in case.incident.alarms if a.measure in ("usd_per_request", "usd_per_mtok")]
    if dearer:
        return Evidence(
            text=f"The cost per request rose to {dearer[0].after:.2f}x as well.",
            against=True,
            decisive=True,
        )
    return Evidence(
        text=f"Input rose to {case.incident.after:.2f}x a day while the cost per request stayed.",
        weight=2,
    )


def only_from_a_log(case: Case) -> Evidence | None:
    """What a provider reports of itself is not read from a log."""
    return Evidence(
        text="Possible only where these counts were read from a log: a provider's own report does"
        " not lose or repeat its lines.",
        against=True,
        weight=2,
    )
