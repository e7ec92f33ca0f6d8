"""The verdict in sentences, and a closing comment for the ticket. Every number is a value."""

from collections.abc import Callable
from typing import Any

from ..incidents import RATES
from ..report.summary import MEASURE_NAMES, NINETY_FIVE
from ..ticket.markdown import bullets, plain
from ..words import count, listing, moment, share, span, usd
from .needs import HOUR_S, named, needs_of
from .result import Verification
from .scale import JUDGED
from .stretches import LATE_H, Held

KEPT = ("back", "back_later", "too_short", "unclear", "silent")  # of a control
SAID = {
    "closed": "Closed",
    "still_open": "Still open",
    "not_yet_known": "Not yet known",
}
STANDS = {
    "back": "back",
    "not_back": "not back",
    "back_later": "back, and not since the repair",
    "unclear": "not sure yet",
    "too_short": "too early to say",
    "no_traffic": "no traffic since the repair",
    "no_baseline": "no baseline to hold it against",
    "unseen": "too little of its usual traffic was seen",
    "silent": "not all of it was seen",
    "slipping": f"back, and surely not in the last {span(LATE_H * HOUR_S)}",
}


def sentences(found: Verification) -> list[str]:
    """The verdict, each group, the control, and what a repair proves."""
    lines = [verdict_sentence(found), *(_group(found, g) for g in found.groups)]
    lines += [_arrived(found)] if found.arrivals else []
    if found.controls:
        lines.append(_control(found))
    if found.healed_before:
        lines.append(_healed(found))
    elif any(g.standing in ("back", "back_later", "slipping") for g in found.groups):
        lines.append(
            "That the rise came after the repair is beside it, not proven by it: other things may"
            " have changed at the same time."
            if found.measure in RATES
            else "That the fall came after the repair is beside it, not proven by it: other things"
            " may have changed at the same time."
        )
    lines += _cost(found)
    if needs := needs_of(found):
        lines.append(f"What would decide: {needs}")
    return lines


def verdict_sentence(found: Verification) -> str:
    """The verdict in one sentence."""
    name, after = _name(found), f"the repair of {moment(found.fixed_at)}"
    if found.unfit:
        return f"Not yet known: the data after {after} cannot be judged. {found.unfit}"
    if found.measure not in JUDGED:
        return (
            f"Not yet known: the incident is in the {name}, which has no bar here; a postmortem of"
            " the days since would show whether it lasts."
        )
    side, hours = _side(found), span((found.until - found.fixed_at).total_seconds())
    if found.verdict == "closed":
        least = span(min(g.hours for g in found.groups) * HOUR_S)
        return (
            f"Closed: from one lifetime of an entry ({span(found.ttl_s)}) after {after} on, in"
            f" {least} with traffic, the {name} of all that fell is surely {side} its bar."
        )
    if found.verdict == "still_open":
        fallen = [g.about for g in found.controls if g.standing == "not_back"]
        open_ones = [g.about for g in found.groups if g.standing == "not_back"]
        if open_ones:
            return (
                f"Still open: {hours} after {after} the {name} of {listing(open_ones)} is surely"
                f" not {side} its bar."
            )
        return (
            f"Still open: {listing(fallen)} had been spared by the incident and has fallen since:"
            f" {hours} after {after} its {name} is surely not {side} its bar."
        )
    return f"Not yet known whether the {name} is back for good {hours} after {after}."


def closing_comment(found: Verification) -> str:
    """The verdict as a comment for the ticket, in Markdown."""
    first, *rest = sentences(found)
    return (
        f"**{plain(first)}**\n\n{bullets([plain(one) for one in rest])}\n\n"
        "> Draft, made from usage after the repair. Read it before you send it.\n"
    )


def _side(found: Verification) -> str:
    """On which side of its bar the measure is good."""
    return "at or above" if found.measure in RATES else "at or below"


def _name(found: Verification) -> str:
    return MEASURE_NAMES.get(found.measure, found.measure).split(" (")[0]


def _group(found: Verification, one: Held) -> str:
    """A group: its level with its interval, the usual one, the bar, and whether it is back."""
    absent = ""
    if one.silent and one.silent != (one.about,):
        absent = f" {named(list(one.silent))} among them had no traffic with a known rate."
    if one.rate is None:
        return f"{one.about}: {STANDS[one.standing]}.{absent}"
    told = amount_of(found)
    stands = f"{STANDS[one.standing]}.{absent}"
    return (
        f"{one.about}: {told(one.rate)} ({NINETY_FIVE} for all looks together: {told(one.low)} to"
        f" {told(one.high)}) in {span(one.hours * HOUR_S)}, against {told(one.usual)} in the same"
        f" hours of the baseline; it counts as back {_side(found)} {told(one.bar)}: {stands}"
    )


def _arrived(found: Verification) -> str:
    told = amount_of(found)
    each = [f"{a.about} ({told(a.rate)})" for a in found.arrivals]
    grown = sum(a.grown for a in found.arrivals)
    return (
        f"Traffic that no postmortem has judged has come since the repair: {named(each)}, together"
        f" {share(grown)} of the usual traffic of what fell, and not surely {_side(found)} its bar."
    )


def _cost(found: Verification) -> list[str]:
    """What the postmortem saw a day cost: the mean of its last days, not of the whole incident."""
    rate = found.run_rate
    if rate is None or rate["per_day_usd"]["value"] is None:
        return []
    days = rate.get("days")
    last = "last days" if days is None else "last day" if days == 1 else f"last {count(days)} days"
    return [
        f"In the {last} that its postmortem saw, the incident cost"
        f" {usd(rate['per_day_usd']['value'])} a day; what is saved since is not estimated here."
    ]


def _control(found: Verification) -> str:
    fell = [c.about for c in found.controls if c.standing == "not_back"]
    kept = [c.about for c in found.controls if c.standing in KEPT]
    late = [c.about for c in found.slipping]
    unseen = [c.about for c in found.controls if c.about not in (*fell, *kept, *late)]
    parts = []
    if fell:
        parts.append(f"was spared then and has fallen since: {listing(fell)}")
    if late:
        parts.append(
            f"was spared and lies surely past its bar in the last {span(LATE_H * HOUR_S)}:"
            f" {listing(late)}"
        )
    if kept:
        parts.append(f"was spared and has not surely fallen since: {listing(kept)}")
    if unseen:
        parts.append(f"was spared and cannot be compared: {listing(unseen)}")
    return f"The other traffic, as a control: {'; '.join(parts)}."


def _healed(found: Verification) -> str:
    when = (
        "in the day before" if found.healed_at is None else f"at {moment(found.healed_at)}, before"
    )
    return (
        f"It was back {when} the repair of {moment(found.fixed_at)} already, so what was done then"
        " is not what healed it."
    )


def amount_of(found: Verification) -> Callable[[Any], str]:
    """How a level of the measure is told."""
    if found.measure in RATES:
        return share
    scale = 1e6 if found.measure == "usd_per_mtok" else 1.0
    return lambda value: usd(None if value is None else value * scale)
