"""What would decide, where it is not yet known whether a repair holds."""

from ..words import listing, share, span, times
from .result import Verification
from .scale import JUDGED
from .stretches import LATE_H, LEAST_SEEN, LONGEST_H, Held

HOUR_S = 3600.0
TOLD = 4  # names in a sentence


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
            f"whether {named([a.about for a in found.arrivals])} is traffic of what fell: a"
            " postmortem of the days since the repair would judge it."
        )
    needs += [_late(one) for one in found.slipping]
    for g in found.swollen:
        needs.append(
            f"whether {g.about}, with {times(g.seen)} of its usual traffic, holds that of"
            f" {named(list(found.lost))}, which has none any more: names must be those of the"
            " postmortem (parameter names)."
        )
    first, *rest = dict.fromkeys(needs)
    return " ".join([first, *(one[0].upper() + one[1:] for one in rest)])


def named(names: list[str]) -> str:
    """The first few, and how many more."""
    more = len(names) - TOLD
    return listing(names) if more <= 0 else listing([*names[:TOLD], f"{more} more"])


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
    if one.standing == "slipping":
        return _late(one)
    if one.standing == "unseen":
        late = one.seen >= LEAST_SEEN
        when, part = ("in the last day", one.seen_last) if late else ("since the repair", one.seen)
        return (
            f"where the rest of the traffic of {one.about} is: {when} {share(part)} of the usual"
            f" was seen with a known rate ({span(one.hours * HOUR_S)} with traffic since the"
            " repair). It may have stopped, be reported elsewhere, or not be reported."
        )
    if one.standing == "silent":
        return f"traffic of {named(list(one.silent))} after the repair, with a known rate."
    if one.more_hours is not None:
        least_h = max(1.0, one.least_h)
        least = f" (at least {span(least_h * HOUR_S)} with traffic after the repair)"
        also = least if one.standing == "too_short" else ", if it goes on as it did"
        return f"about {span(one.more_hours * HOUR_S)} more of the traffic of {one.about}{also}."
    return (
        f"more than {span(LONGEST_H * HOUR_S)} of such traffic of {one.about}: it lies too near to"
        " the bar. A longer baseline would narrow the interval."
    )


def _late(one: Held) -> str:
    return (
        f"whether the last {span(LATE_H * HOUR_S)} of {one.about} are the start of a relapse: they"
        " lie surely past its bar. Look again when a few more hours are there."
    )
