"""The headline and the three sentences. Every number comes from a value."""

import math
from collections.abc import Sequence

import pandas as pd

from ..causes.case import Case
from ..causes.facts import CohortFacts
from ..causes.hypothesis import SHAPES, Cause
from ..causes.pattern import Pattern
from ..diagnosis import IncidentDiagnosis
from ..incidents import RATES
from ..metrics import headline_rate, overall_metrics
from ..postmortem import Postmortem
from ..quality import QualityNote
from ..words import NBSP, count, ended, listing, moment, share, span, times, usd

NINETY_FIVE = f"95{NBSP}%"
FEW = 5  # causes that are named one by one
# Data that splits a whole shape, where one cause's own need would help too little.
DECIDES: dict[Pattern, str] = {
    "gone": "a request body as it reaches the provider, and a live probe of its prefix",
    "uncached": "a request body as it reaches the provider, and a live probe of its prefix",
    "rewritten_once": "hashes of prefixes around the change, or the times of releases",
    "rewriting": "a request log (hits by the gap since the last use, and by turn), or two request"
    " bodies of one conversation",
    "longer_prompts": "a token count of the same text before and after",
    "more_output": "a request log with tasks or sessions",
    "dearer": "the cost report of the same days",
    "more_requests": "distinct response ids from a request log",
    "mixed": "usage grouped by key and workspace",
    "unclear": "a request log, or finer buckets",
}
MEASURE_NAMES = {
    "hit_rate": "hit rate",
    "read_share_of_cached": "read share of cached tokens (stands in for the hit rate)",
    "usd_per_request": "cost per request",
    "usd_per_mtok": "cost per million input tokens",
    "charged_ratio": "bill over list price",
    "volume": "input volume",
}
ABOUT = {"usage": "Usage", "log": "Request log", "cost": "Bill"}
SAID_VERDICT = {
    "identified": "The cause is identified",
    "narrowed": "The cause is narrowed down, not identified",
    "not_identifiable": "The cause is not identifiable with this data",
}


def headline(postmortem: Postmortem) -> str:
    """One line: what happened, and how sure the cause is."""
    found = postmortem.diagnosis
    if found.verdict == "unfit_data":
        return "This data cannot carry a verdict"
    top = found.costliest
    if top is None:
        return "No incident found"
    what = headline_of(top)
    if top.verdict == "identified":
        return f"{what}: {top.leading[0]}"
    if top.verdict == "narrowed":
        left = len(top.leading)
        if left == 1:
            return f"{what}: by elimination, {top.leading[0]}"
        return f"{what}: {left} causes left that this data cannot tell apart"
    return f"{what}: the cause is not identifiable with this data"


def summary(postmortem: Postmortem) -> tuple[str, str, str]:
    """What happened, why, and what a cold start or the data's limits have to do with it."""
    found = postmortem.diagnosis
    if found.verdict == "unfit_data":
        return _unfit(postmortem)
    top = found.costliest
    if top is None:
        return _quiet(postmortem)
    return _happened(postmortem, top), _because(top), _bounded(top)


def headline_of(top: IncidentDiagnosis) -> str:
    """What moved, and from where to where."""
    incident = top.incident
    name = MEASURE_NAMES[incident.measure].split(" (")[0].capitalize()
    if incident.measure == "charged_ratio":
        return f"Bill {times(incident.after)} for the same tokens"
    if incident.measure in RATES:
        return f"{name} {share(incident.before)} to {share(incident.after)}"
    return f"{name} {times(incident.after)}"


def _happened(postmortem: Postmortem, top: IncidentDiagnosis) -> str:
    incident = top.incident
    cohorts = [c.name for c in top.case.affected]
    whose = f" of {listing(cohorts)}" if cohorts and cohorts != ["all traffic"] else ""
    name = MEASURE_NAMES[incident.measure]
    if incident.measure == "charged_ratio":
        name, whose = "bill for the same tokens", ""
        moved = f"rose to {times(incident.after)} of its baseline"
    elif incident.measure in RATES:
        moved = f"fell from {share(incident.before)} to {share(incident.after)}"
    else:
        moved = f"rose to {times(incident.after)} of its baseline"
    began = "before the window" if incident.began_before else f"at {moment(incident.start)}"
    if incident.start_low < incident.start_high:
        began += f" ({NINETY_FIVE}: {moment(incident.start_low)} to {moment(incident.start_high)})"
    text = f"{verdict_words(top)}: the {name}{whose} {moved} {began}{inside_words(top)} and"
    return f"{text} {_over(top)}; {_excess_words(postmortem, top)}."


def verdict_words(top: IncidentDiagnosis) -> str:
    """The verdict, and where two changes coincide, both of them."""
    if top.verdict == "narrowed" and len(top.leading) == 1:
        return "One cause is left by elimination"
    said = SAID_VERDICT.get(top.verdict, top.verdict)
    changes = coinciding_changes(top.case)
    if top.verdict == "not_identifiable" and len(changes) > 1:
        return f"{said}, because {listing(changes)} coincide"
    return said


def coinciding_changes(case: Case) -> list[str]:
    """What changed at the start in affected traffic: versions, then the given events."""
    moves = [c.change for c in case.moved if c.change is not None]
    targets = dict.fromkeys(f"the move to {m.to_model}" for m in moves)
    rows = case.coinciding[["kind", "what"]].itertuples(index=False)
    return [*targets, *dict.fromkeys(f"the {kind} event '{what}'" for kind, what in rows)]


def inside_words(top: IncidentDiagnosis) -> str:
    """For a further fall inside a longer incident."""
    if top.incident.inside is None:
        return ""
    return f", a further fall inside the incident that began at {moment(top.incident.inside)},"


def data_notes(postmortem: Postmortem) -> list[str]:
    """What the pull and the request log say of themselves, each sentence once."""
    log = () if postmortem.log is None else postmortem.log.notes
    return list(dict.fromkeys([*postmortem.pull.notes, *log]))


def quality_lines(notes: Sequence[QualityNote]) -> list[str]:
    """Each note with whom it speaks of."""
    return [f"{ABOUT[n.about]}: {n.text}" for n in notes]


def _over(top: IncidentDiagnosis) -> str:
    recovery, incident = top.recovery, top.incident
    if recovery is not None and recovery.recovered_at is not None:
        return (
            f"was back above {share(recovery.at_share)} of its baseline at"
            f" {moment(recovery.recovered_at)}"
        )
    return f"ended at {moment(incident.end)}" if incident.end is not None else "has not come back"


def _excess_words(postmortem: Postmortem, top: IncidentDiagnosis) -> str:
    estimate = top.excess_usd
    if math.isnan(estimate.value):
        return f"what it cost is not known ({estimate.reason})"
    if estimate.value == 0 and estimate.reason:
        return f"none of it is excess ({estimate.reason})"
    text = f"it cost {usd(estimate.value)} more than the baseline would have"
    if not math.isnan(estimate.low):
        text += f" ({NINETY_FIVE}: {usd(estimate.low)} to {usd(estimate.high)})"
    if (each := mean_usd_per_day(postmortem, top)) is not None:
        text += f", {usd(each)} a day"
    if top.material is False:
        text += f", which is below the {usd(postmortem.params.material_usd)} that count as material"
    return text


def mean_usd_per_day(postmortem: Postmortem, top: IncidentDiagnosis) -> float | None:
    """Excess per day since the start; None where it is over, not known, or younger than a day."""
    if top.incident.end is not None or math.isnan(top.excess_usd.value):
        return None
    last = postmortem.usage["bucket_end"].max()
    days = float((last - top.incident.start) / pd.Timedelta("1D"))
    return top.excess_usd.value / days if days >= 1 else None


def _because(top: IncidentDiagnosis) -> str:
    leading = [c for c in top.causes if c.standing == "leading"]
    cleared = sum(c.standing == "ruled_out" for c in top.causes)
    rest = f"{cleared} rival causes are ruled out by this data"
    if left := sum(c.standing == "possible" for c in top.causes):
        stays = "1 stays" if left == 1 else f"{left} stay"
        rest += f", and {stays} possible, with less to say for {'it' if left == 1 else 'them'}"
    if not leading:
        return f"Every cause in the catalogue is contradicted by something; {rest}."
    if top.verdict == "identified":
        first = leading[0]
        innocent = innocent_move(top)
        return f"It is {first.id}: {_uncapped(first.says)}{innocent} {rest[0].upper()}{rest[1:]}."
    no_version = ""
    if not any(c.family in ("model", "rollout") for c in leading) and not top.case.changes:
        no_version = "No model version changed at the time. "
    names = _by_family(leading)
    if top.verdict == "not_identifiable":
        changes = len(coinciding_changes(top.case))
        why = "Changes that coincide leave the same traces"
        if changes < 2:
            why = f"The loss has no one shape ({SHAPES[top.case.pattern]})"
        return f"{no_version}{why}, so {names} cannot be told apart; {rest}."
    needs = leading[0].needs if len(leading) <= FEW else DECIDES[top.case.pattern]
    if len(leading) == 1:
        only = leading[0]
        return (
            f"{no_version}{only.id} is left when the others are cleared, and nothing speaks for it"
            f" by itself: {_uncapped(only.says)} What would decide: {ended(needs)}"
        )
    return (
        f"{no_version}This data cannot tell {len(leading)} causes apart ({names}); what would"
        f" decide: {ended(needs)}"
    )


def innocent_move(top: IncidentDiagnosis) -> str:
    """That a version change beside the start is not the cause, and who shows it; "" where there was
    none, or where a cause that it could be is not ruled out."""
    case = top.case
    suspects = [c for c in top.causes if c.family in ("model", "rollout")]
    if not case.moved or any(c.standing in ("leading", "possible") for c in suspects):
        return ""
    to = {c.change.to_model for c in case.moved if c.change is not None}
    kept = [c.name for c in case.spared if c.change is not None and c.change.to_model in to]
    fell = [c.name for c in case.affected if c.change is None]
    shown = [f"{listing(kept, FEW)} moved as well and kept its rate"] if len(kept) == 1 else []
    shown = [f"{listing(kept, FEW)} moved as well and kept their rates"] if len(kept) > 1 else shown
    shown += [f"{listing(fell, FEW)} fell without a move"] if fell else []
    if not shown:
        return ""
    return f" The move to {listing(sorted(to))} at the time is not: {', and '.join(shown)}."


def _by_family(causes: list[Cause]) -> str:
    if len(causes) <= FEW:
        return listing([c.id for c in causes])
    families: dict[str, int] = {}
    for cause in causes:
        families[cause.family] = families.get(cause.family, 0) + 1
    return listing([f"{n} in {family}.*" for family, n in families.items()])


def _bounded(top: IncidentDiagnosis) -> str:
    cold, ratio = top.cold_start, top.case.list_price_ratio
    parts = []
    if cold is not None and not math.isnan(cold.ceiling_usd):
        parts.append(
            f"A cold start could explain at most {usd(cold.ceiling_usd)} of it, and"
            f" {usd(cold.observed_usd)} was observed"
        )
    dearer = [a for a in top.incident.alarms if a.measure == "usd_per_request"]
    own = [a for a in dearer if a.cohort in {c.cohort for c in top.case.affected}] or dearer
    if own and not math.isnan(ratio) and top.case.pattern != "dearer":
        rise = times(max(a.after for a in own))
        if times(ratio) == times(1.0):
            parts.append(
                "the same tokens have the same list price as before, and the cost per request rose"
                f" to {rise}"
            )
        else:
            parts.append(
                f"the list price explains {times(ratio)} of a cost per request that rose to {rise}"
            )
    if not parts and top.incident.measure == "charged_ratio":
        parts.append(
            "neither longer requests nor a lost cache can do that: it is what was charged over what"
            " the tokens of the same days cost at list prices"
        )
    if not parts:
        lasted = span(top.case.lasts_s)
        so = ", so a cold start does not explain it" if top.case.persists else ""
        parts.append(
            f"It lasted {lasted}; a cold cache is warm again one lifetime"
            f" ({span(top.case.longest_ttl_s)}) after traffic stops moving{so}"
        )
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _quiet(postmortem: Postmortem) -> tuple[str, str, str]:
    usage, found = postmortem.usage, postmortem.diagnosis
    rate = headline_rate(usage)
    whole = overall_metrics(usage)
    buckets = usage["bucket_start"].nunique()
    total = found.costed.usd.sum(skipna=False)
    money = f" for {usd(total)} at list prices" if not math.isnan(total) else ""
    tokens = "input_tokens" if rate == "hit_rate" else "cached_tokens"
    requests = whole["requests"]
    asked = "" if math.isnan(requests) else f" in {count(requests)} requests"
    params = postmortem.params
    unseen = (
        f"A change of less than {share(params.min_drop)} in a hit rate or"
        f" {share(params.min_rise)} in the cost of a request, and one that is shorter than two"
        " buckets where nothing is known to have changed, would not have been called an incident"
    )
    if rate != "hit_rate":
        unseen += "; nor would a prefix that stopped being cached at all"
    return (
        f"No incident was found between {moment(usage['bucket_start'].min())} and"
        f" {moment(usage['bucket_end'].max())}: the {MEASURE_NAMES[rate]} is"
        f" {share(whole[rate])} over {buckets} buckets with data.",
        f"{count(whole[tokens])} {tokens.replace('_', ' ')}{asked}{money} were watched in"
        f" {found.series_watched} series, with a chance of {share(found.alpha)} of any false alarm"
        " among them.",
        f"{unseen}.",
    )


def _unfit(postmortem: Postmortem) -> tuple[str, str, str]:
    found = postmortem.diagnosis
    hindered = [n for n in found.quality if n.severity in ("unfit", "blind")]
    unfit = [n.text for n in sorted(hindered, key=lambda n: n.about != "usage")]
    if found.cost is not None and len(found.cost):
        days = found.cost["day"].nunique()
        known = (
            f"{usd(float(found.cost['amount_usd'].sum()))} were charged on {days} days between"
            f" {found.cost['day'].min():%Y-%m-%d} and {found.cost['day'].max():%Y-%m-%d}."
        )
    else:
        rows = len(postmortem.usage)
        known = f"{rows} rows were read from {postmortem.pull.source}."
    return (
        "This data cannot say whether there was an incident.",
        f"{unfit[0]}",
        known,
    )


def _uncapped(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def cohort_label(cohort: CohortFacts) -> str:
    """A cohort with its route, for tables."""
    if cohort.scope and cohort.route:
        return f"{cohort.scope} via {cohort.route}"
    return cohort.name
