"""The verdict in sentences, and a closing comment for the ticket. Every number is a value."""

from collections.abc import Callable
from typing import Any

from ..incidents import RATES
from ..report.summary import MEASURE_NAMES, NINETY_FIVE
from ..ticket.markdown import bullets, plain
from ..words import listing, moment, share, span, times, usd
from .result import Verification
from .scale import JUDGED
from .stretches import LEAST_SEEN, LONGEST_H, Held

HOUR_S = 3600.0
KEPT = ("back", "back_later", "too_short", "unclear", "silent")  # of a control
TOLD = 4  # names in a sentence
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
}


def sentences(found: Verification) -> list[str]:
    """The verdict, each group, the control, and what a repair proves."""
    lines = [verdict_sentence(found), *(_group(found, g) for g in found.groups)]
    lines += [_arrived(found)] if found.arrivals else []
    if found.controls:
        lines.append(_control(found))
    if found.healed_before:
        lines.append(_healed(found))
    elif any(g.standing in ("back", "back_later") for g in found.groups):
        lines.append(
            "That the rise came after the repair is beside it, not proven by it: other things may"
            " have changed at the same time."
            if found.measure in RATES
            else "That the fall came after the repair is beside it, not proven by it: other things"
            " may have changed at the same time."
        )
    if (rate := found.excess_a_day_usd) is not None and rate["value"] is not None:
        interval = ""
        if rate["low"] is not None:
            interval = f" ({NINETY_FIVE}: {usd(rate['low'])} to {usd(rate['high'])})"
        lines.append(
            f"By its postmortem the incident cost {usd(rate['value'])} a day{interval} while it"
            " lasted; what is saved since is not estimated here."
        )
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


def needs_of(found: Verification) -> str:
    """What would decide; "" where it is decided."""
    if found.verdict != "not_yet_known":
        return ""
    if found.unfit:
        return "usage that is fit to judge, after the repair."
    if found.measure not in JUDGED:
        return "a postmortem of the days since the repair."
    needs = [_need(found, g) for g in found.groups if g.standing != "back"]
    if found.arrivals:
        needs.append(
            f"whether {_names([a.about for a in found.arrivals])} is traffic of what fell: a"
            " postmortem of the days since the repair would judge it."
        )
    for g in found.swollen:
        needs.append(
            f"whether {g.about}, with {times(g.seen)} of its usual traffic, holds that of"
            f" {_names(list(found.lost))}, which has none any more: names must be those of the"
            " postmortem (parameter names)."
        )
    first, *rest = dict.fromkeys(needs)
    return " ".join([first, *(one[0].upper() + one[1:] for one in rest)])


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
        absent = f" {_names(list(one.silent))} among them had no traffic with a known rate."
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
        f"Traffic that no postmortem has judged has come since the repair: {_names(each)}, together"
        f" {share(grown)} of the usual traffic of what fell, and not surely {_side(found)} its bar."
    )


def _names(names: list[str]) -> str:
    """The first few, and how many more."""
    more = len(names) - TOLD
    return listing(names) if more <= 0 else listing([*names[:TOLD], f"{more} more"])


def _control(found: Verification) -> str:
    fell = [c.about for c in found.controls if c.standing == "not_back"]
    kept = [c.about for c in found.controls if c.standing in KEPT]
    unseen = [c.about for c in found.controls if c.about not in (*fell, *kept)]
    parts = []
    if fell:
        parts.append(f"was spared then and has fallen since: {listing(fell)}")
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


def _need(found: Verification, one: Held) -> str:
    if one.standing == "no_traffic":
        return (
            f"traffic of {one.about} after the repair, with a known rate: without any, nothing"
            " shows that it is repaired. Names must be those of the postmortem (parameter names)."
        )
    if one.standing == "no_baseline":
        return f"a baseline of at least a day for {one.about}: run a postmortem of a longer window."
    if one.standing == "back_later":
        return (
            f"the time at which the repair took hold: the last day of {one.about} is back, and not"
            " all hours since. Give that time as --since."
        )
    if one.standing == "unseen":
        late = one.seen >= LEAST_SEEN
        when, part = ("in the last day", one.seen_last) if late else ("since the repair", one.seen)
        return (
            f"where the rest of the traffic of {one.about} is: {when} {share(part)} of the usual"
            f" was seen with a known rate ({span(one.hours * HOUR_S)} with traffic since the"
            " repair). It may have stopped, be reported elsewhere, or not be reported."
        )
    if one.standing == "silent":
        return f"traffic of {_names(list(one.silent))} after the repair, with a known rate."
    if one.more_hours is not None:
        least_h = max(1.0, one.least_h)
        least = f" (at least {span(least_h * HOUR_S)} with traffic after the repair)"
        also = least if one.standing == "too_short" else ", if it goes on as it did"
        return f"about {span(one.more_hours * HOUR_S)} more of the traffic of {one.about}{also}."
    return (
        f"more than {span(LONGEST_H * HOUR_S)} of such traffic of {one.about}: it lies too near to"
        " the bar. A longer baseline would narrow the interval."
    )


def amount_of(found: Verification) -> Callable[[Any], str]:
    """How a level of the measure is told."""
    if found.measure in RATES:
        return share
    scale = 1e6 if found.measure == "usd_per_mtok" else 1.0
    return lambda value: usd(None if value is None else value * scale)
