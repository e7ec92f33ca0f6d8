"""The postmortem's headings, each as the pieces that stand under it. Words and tables only."""

from typing import Literal

import pandas as pd

from ..diagnosis import IncidentDiagnosis
from ..metrics import cache_metrics, headline_rate
from ..postmortem import Postmortem
from ..schema import label
from ..show import Bullets, Card, Cards, Column, Details, KeyNumbers, Prose, Table, Verdict
from ..words import count, listing, moment, share, span, times, usd
from .actions import action_items
from .summary import MEASURE_NAMES, cohort_label, headline, summary

STATUS: dict[str, Literal["incident", "quiet", "unknown"]] = {
    "no_incident": "quiet",
    "unfit_data": "unknown",
    "identified": "incident",
    "narrowed": "incident",
    "not_identifiable": "incident",
}


def banner(postmortem: Postmortem) -> Verdict:
    """The verdict and its three sentences."""
    return Verdict(STATUS[postmortem.diagnosis.verdict], headline(postmortem), summary(postmortem))


def key_numbers(postmortem: Postmortem) -> KeyNumbers:
    """The figures that a reader looks for first."""
    found, top = postmortem.diagnosis, postmortem.diagnosis.costliest
    total = found.costed.usd.sum(skipna=False) if len(found.costed.usd) else float("nan")
    unpriced = sum(u.tokens for u in found.costed.book.unpriced)
    items: list[tuple[str, str, str]] = []
    if top is not None:
        incident = top.incident
        if incident.measure in ("hit_rate", "read_share_of_cached"):
            name = "Hit rate" if incident.measure == "hit_rate" else "Read share of cached"
            items.append((f"{name} before", share(incident.before), "frozen baseline"))
            items.append((f"{name} during", share(incident.after), "affected traffic"))
        else:
            items.append((MEASURE_NAMES[incident.measure], times(incident.after), "of baseline"))
        items.append(("Excess cost", usd(top.excess_usd.value), top.excess_usd.reason))
        if top.cold_start is not None:
            note = f"observed: {usd(top.cold_start.observed_usd)}"
            items.append(("Cold start, at most", usd(top.cold_start.ceiling_usd), note))
    elif len(postmortem.usage):
        items += _volume(postmortem)
    if len(postmortem.usage):
        note = f"{count(unpriced)} tokens have no price" if unpriced else "list prices of the day"
        items.append(("Cost of the window", usd(total), note))
    if found.cost is not None:
        items.append(("Charged", usd(float(found.cost["amount_usd"].sum())), "cost report"))
    return KeyNumbers(items)


def _volume(postmortem: Postmortem) -> list[tuple[str, str, str]]:
    """Figures of a window in which nothing happened."""
    usage = postmortem.usage
    rate = headline_rate(usage)
    whole = cache_metrics(usage.assign(provider="all"), ["provider"]).iloc[0]
    name = "Hit rate" if rate == "hit_rate" else "Read share of cached"
    return [
        (name, share(whole[rate]), "over the window"),
        ("Input tokens", count(whole["input_tokens"]), ""),
        ("Requests", count(whole["requests"]), ""),
    ]


def _nothing(postmortem: Postmortem) -> Prose:
    """Under a heading that only an incident fills."""
    if postmortem.diagnosis.verdict == "unfit_data":
        return Prose(["Not judged: this data cannot carry a verdict."])
    return Prose(["No incident was found."])


def impact(postmortem: Postmortem) -> list[Prose | Table]:
    """Who was affected, and who was not, in the same hours."""
    top = postmortem.diagnosis.costliest
    if top is None:
        return [_nothing(postmortem)]
    rows = [
        [
            cohort_label(c),
            "affected" if c in top.case.affected else "kept its rate",
            "moved" if c.change else "did not move",
            share(c.rate_before),
            share(c.rate_after),
            count(c.before.cached_tokens_per_request),
            count(c.after.requests),
        ]
        for c in (*top.case.affected, *top.case.spared)
    ]
    rate = MEASURE_NAMES.get(top.case.affected[0].rate if top.case.affected else "hit_rate", "")
    table = Table(
        [
            Column("cohort"),
            Column("in the incident"),
            Column("version"),
            Column("before", "right"),
            Column("during", "right"),
            Column("cached tokens a request, before", "right"),
            Column("requests during", "right"),
        ],
        rows,
        f"{rate[0].upper()}{rate[1:]} by cohort, in the baseline and in the incident",
    )
    others = len(postmortem.diagnosis.incidents) - 1
    more = [f"{others} smaller incidents are in the timeline."] if others else []
    return [table, *([Prose(more)] if more else [])]


def trigger(postmortem: Postmortem) -> list[Prose | Table]:
    """Changes of version and given events, with how they stand to the start."""
    found = postmortem.diagnosis
    if postmortem.usage.empty:
        return [Prose(["There is no usage, so version changes cannot be seen."])]
    if not found.versions and found.events.empty:
        named = postmortem.usage["model"].notna().any() if len(postmortem.usage) else False
        seen = (
            "No change of model version is in the data, and no other events were given."
            if named
            else "The data names no models, so version changes cannot be seen; none were given."
        )
        return [Prose([seen])]
    top = found.costliest
    coincide = set() if top is None else {id(c) for c in top.case.changes}
    rows = [
        [
            moment(c.start),
            f"{c.from_model or 'nothing'} → {c.to_model}" + (" (came back)" if c.returned else ""),
            c.scope or c.route or "all traffic",
            "until " + moment(c.end) if c.is_ramp else "at once",
            "coincides" if id(c) in coincide else "no",
        ]
        for c in found.versions
    ]
    rows += [
        [
            moment(e["at"]),
            f"{e['kind']}: {e['what']}",
            label(e["scope"]) or "",
            "",
            _near(top, e["at"]),
        ]
        for _, e in found.events.iterrows()
    ]
    columns = [Column("at"), Column("change"), Column("cohort"), Column("how"),
               Column("with the incident's start")]  # fmt: skip
    return [
        Prose(["A change beside a drop is a suspect, not a verdict."]),
        Table(columns, sorted(rows), "Version changes seen in usage, and events given"),
    ]


def root_causes(postmortem: Postmortem) -> list[Prose | Cards | Details]:
    """Leading and possible causes as cards; those ruled out behind one line."""
    top = postmortem.diagnosis.costliest
    if top is None:
        return [_nothing(postmortem)]
    by_standing = {
        standing: [c for c in top.causes if c.standing == standing]
        for standing in ("leading", "possible", "ruled_out", "not_tested")
    }
    cards = [
        Card(
            title=c.id,
            badge=c.standing,
            lines_for=[c.says, *c.evidence_for],
            lines_against=c.evidence_against,
            footer=f"What would decide: {c.needs}." if c.needs else "",
        )
        for c in (*by_standing["leading"], *by_standing["possible"])
    ]
    ruled_out = [f"{c.id}: {c.evidence_against[0]}" for c in by_standing["ruled_out"]]
    return [
        Cards(cards),
        Details(f"{len(ruled_out)} causes ruled out, and by what", Bullets(ruled_out)),
    ]


def detection(postmortem: Postmortem) -> Prose:
    """How long it took to be seen, as far as the data tells."""
    top = postmortem.diagnosis.costliest
    if top is None:
        return _nothing(postmortem)
    since = (postmortem.fetched_at - top.incident.start).total_seconds()
    sentences = [
        f"This report was made {span(since)} after the incident began; when people first noticed"
        " is not in the data.",
        f"{postmortem.diagnosis.series_watched} series were watched with a chance of"
        f" {share(postmortem.diagnosis.alpha)} of any false alarm among them.",
    ]
    incident = top.incident
    baseline = (incident.baseline[1] - incident.baseline[0]) / pd.Timedelta("1D")
    if baseline < 7:
        sentences.append(
            f"The baseline is short: {incident.baseline_buckets} buckets from"
            f" {moment(incident.baseline[0])} to {moment(incident.baseline[1])}. A quiet week"
            " would make the level and its date surer."
        )
    return Prose([" ".join(sentences)])


def resolution(postmortem: Postmortem) -> Prose:
    """Whether it is over, and against which objective."""
    top = postmortem.diagnosis.costliest
    if top is None:
        return _nothing(postmortem)
    recovery, end = top.recovery, top.incident.end
    if recovery is None:
        over = f"It ended at {moment(end)}." if end is not None else "It lasts."
        return Prose([over])
    name = MEASURE_NAMES[top.incident.measure]
    goal = (
        f"back at {share(recovery.at_share)} of the baseline within"
        f" {span(recovery.within_hours * 3600)}"
    )
    if recovery.recovered_at is not None:
        took = (recovery.recovered_at - top.incident.start).total_seconds()
        text = (
            f"The {name} was back at {moment(recovery.recovered_at)}, {span(took)} after it fell;"
            f" the objective ({goal}) was {recovery.objective}."
        )
    else:
        text = (
            f"It lasts: the {name} of the last day is {share(recovery.now)}, against"
            f" {share(recovery.baseline)} in the baseline; the objective ({goal}) is"
            f" {recovery.objective}."
        )
    return Prose([text])


def actions(postmortem: Postmortem) -> Table:
    """Proposed by rule from the verdict; the owner is for people to fill in."""
    rows = [[what, why, ""] for what, why in action_items(postmortem)]
    columns = [Column("action"), Column("because"), Column("owner")]
    return Table(columns, rows, "Proposed by rule; owners are for people to name")


def timeline(postmortem: Postmortem) -> Table:
    """Everything with a time, in order."""
    found = postmortem.diagnosis
    rows = [
        (
            c.start,
            "version",
            f"{c.scope or c.route or 'all traffic'}: {c.from_model} → {c.to_model}",
        )
        for c in found.versions
    ]
    rows += [(e["at"], str(e["kind"]), str(e["what"])) for _, e in found.events.iterrows()]
    for one in found.incidents:
        incident = one.incident
        name = MEASURE_NAMES[incident.measure]
        who = listing([c.name for c in one.case.affected]) if one.case.affected else "all traffic"
        rows.append((incident.start, "incident", f"{name} of {who} leaves its baseline"))
        if one.recovery is not None and one.recovery.recovered_at is not None:
            rows.append((one.recovery.recovered_at, "recovery", f"{name} of {who} is back"))
        elif incident.end is not None:
            rows.append((incident.end, "end", f"{name} of {who} is back at its baseline"))
    if len(postmortem.usage):
        rows.append((postmortem.usage["bucket_start"].min(), "data", "first bucket"))
        rows.append((postmortem.usage["bucket_end"].max(), "data", "end of the last bucket"))
    if postmortem.pull.refreshed_at is not None:
        rows.append(
            (postmortem.pull.refreshed_at, "data", "the provider's data is complete to here")
        )
    return Table(
        [Column("UTC"), Column("kind"), Column("what")],
        [[f"{at:%Y-%m-%d %H:%M}", kind, what] for at, kind, what in sorted(rows)],
        "In order of time, UTC",
    )


def _near(top: IncidentDiagnosis | None, at: pd.Timestamp) -> str:
    if top is None:
        return "no"
    return "coincides" if (top.case.coinciding["at"] == at).any() else "no"
