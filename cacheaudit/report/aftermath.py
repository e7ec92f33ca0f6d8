"""After the fact: how it was seen, whether it is over, what to do, and when all of it was."""

import pandas as pd

from .. import plots
from ..postmortem import Postmortem
from ..recovery import Recovery
from ..show import Column, Figure, Piece, Prose, Table
from ..words import listing, local, moment, share, span
from .actions import action_items
from .incident import nothing
from .owned import affected_owners
from .panel import panel
from .summary import MEASURE_NAMES, inside_words


def detection(postmortem: Postmortem) -> Prose:
    """How long it took to be seen, as far as the data tells."""
    top = postmortem.diagnosis.costliest
    if top is None:
        return nothing(postmortem)
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


def resolution(postmortem: Postmortem) -> list[Piece]:
    """Whether it is over, against which objective, and how the rate came back or will."""
    top = postmortem.diagnosis.costliest
    if top is None:
        return [nothing(postmortem)]
    recovery, end = top.recovery, top.incident.end
    if recovery is None:
        over = f"It ended at {moment(end)}." if end is not None else "It lasts."
        return [Prose([over])]
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
            f" {recovery.objective}. {_shape(recovery)}"
        )
    said: list[Piece] = [Prose([text, *([recovery.note] if recovery.note else [])])]
    climbs = recovery.shape in ("recovered", "warming") and len(recovery.curve) > 1
    return [way_back(recovery, name), *said] if climbs else said


def way_back(recovery: Recovery, name: str) -> Figure:
    """The rate since the start, beside the baseline of the same hours."""
    rates = recovery.curve[["rate", "baseline"]].set_axis(["during", "baseline"], axis=1)
    back = "is back" if recovery.shape == "recovered" else "is on its way back"
    title = f"The {name} {back}"
    figure = panel(
        title, 2.6, lambda ax: plots.time_axis(plots.plot_rates(rates, {"during"}, ax=ax))
    )
    caption = "Affected traffic since the start, and the baseline of the same hours; UTC."
    return Figure(figure, f"{title}. {caption}", caption)


def _shape(recovery: Recovery) -> str:
    """Whether the gap shrinks, and when it would be closed."""
    if recovery.shape == "lasting":
        return "The gap does not shrink: this is a lasting loss, not a cache that warms up."
    if recovery.shape == "warming" and recovery.half_life_days is not None:
        return (
            f"The gap halves every {span(recovery.half_life_days * 86400)}; if it goes on as it"
            f" did, the rate is back {_by(recovery)}."
        )
    return (
        "Whether the gap shrinks cannot be told yet; three whole days beyond one lifetime of the"
        " cache would tell."
    )


def _by(recovery: Recovery) -> str:
    low, high = recovery.projected_low, recovery.projected_high
    at = "no sooner than half a year from now"
    if recovery.projected_at is not None:
        at = f"on {recovery.projected_at:%Y-%m-%d}"
    if low is None:
        return at
    until = "no known end" if high is None else f"{high:%Y-%m-%d}"
    return f"{at} (95 %: {low:%Y-%m-%d} to {until})"


def actions(postmortem: Postmortem) -> Table:
    """Proposed by rule from the verdict; owned by those whose traffic fell, where that is known."""
    names = affected_owners(postmortem)
    owner = listing(list(names)) if names else ""
    rows = [[what, why, owner] for what, why in action_items(postmortem)]
    columns = [Column("action"), Column("because"), Column("owner")]
    who = "the owners of what fell" if names else "owners are for people to name"
    return Table(columns, rows, f"Proposed by rule; {who}")


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
        rows.append(
            (
                incident.start,
                "incident",
                f"{name} of {who} leaves its baseline{inside_words(one).rstrip(',')}",
            )
        )
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
    zone = postmortem.params.zone
    columns = [Column("UTC"), *([Column(zone)] if zone else []), Column("kind"), Column("what")]
    told = [
        [f"{at:%Y-%m-%d %H:%M}", *([local(at, zone)] if zone else []), kind, what]
        for at, kind, what in sorted(rows)
    ]
    return Table(columns, told, f"In order of time, UTC{f' and {zone}' if zone else ''}")
