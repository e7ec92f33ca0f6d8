"""The headline and the three sentences of a prefill. Every number comes from a value."""

from collections import Counter

import pandas as pd

from ..prefilling.prefill import Prefill
from ..prefilling.prefix import TOO_LONG, TOO_SHORT
from ..prefilling.setup import BUDGET, NOT_CACHED, OVER_BOUND, STOPPED
from ..prefilling.shared import UNMARKED
from ..prefilling.warmth import EXPIRED, UNREACHED
from ..words import count, listing, moment, share, span, usd
from .probe_summary import OUTCOMES, keys_of

WHYS = {
    BUDGET: "left for want of budget",
    STOPPED: "cold by then, because it was stopped",
    NOT_CACHED: "not cached by the endpoint",
    OVER_BOUND: "left because an answer cost more than it could",
    EXPIRED: "expired before the cutover",
    UNREACHED: "not reached before the cutover",
    "sent": "left by a call whose end nobody saw",
}
LEFT_OUT = {
    UNMARKED: "without a cache breakpoint, so production would read nothing",
    TOO_SHORT: "shorter than the candidate's documented minimum",
    TOO_LONG: "longer than input_tokens_per_minute",
}


def why_words(why: str) -> str:
    """What kept a prefix from being warm, in words; "" stays empty."""
    if not why:
        return ""
    return WHYS.get(why) or f"failed: {OUTCOMES.get(why, why)}"


def verdict(prefill: Prefill) -> str:
    """planned, not_warmed (no call was answered), warmed, less_warm, or not_known."""
    if prefill.warm is None:
        return "planned"
    if not any(one.counted for one in prefill.receipts):
        return "not_warmed"
    return prefill.warm.verdict


def headline(prefill: Prefill) -> str:
    """One line: how much is warm, or that nothing was sent."""
    found, plan = prefill.warm, prefill.plan
    name = prefill.candidate.label
    if found is None:
        return f"Nothing was sent: this plan is expected to cost {usd(plan.expected_usd)}"
    if not prefill.receipts and found.prefixes:
        return f"Nothing was sent: {usd(plan.budget_usd)} holds no prefix until the cutover"
    if verdict(prefill) == "not_warmed":
        return f"Nothing was warmed on {name}: no call was answered with what it read or wrote"
    told = (
        f"{count(found.warm)} of {_prefixes(found.prefixes)} are warm on {name} at the cutover"
        if found.prefixes > 1
        else f"The prefix is {'' if found.warm else 'not '}warm on {name} at the cutover"
    )
    if verdict(prefill) == "not_known":
        return f"{told}, and {count(found.not_known)} may be"
    return told


def _prefixes(many: int) -> str:
    return f"{count(many)} {'prefix' if many == 1 else 'prefixes'}"


def _of(many: int, one: str) -> str:
    return f"{count(many)} {one if many == 1 else one + 's'}"


def summary(prefill: Prefill) -> tuple[str, str, str]:
    """What is warm and how that is known, what is not and why, and what it cost."""
    if prefill.warm is None:
        return _planned(prefill)
    return _warm(prefill), _others(prefill), _spent(prefill)


def _planned(prefill: Prefill) -> tuple[str, str, str]:
    plan, params = prefill.plan, prefill.params
    what = (
        f"{_of(plan.calls, 'call')} would keep {_prefixes(len(plan.courses))} of about"
        f" {count(plan.tokens)} tokens warm on {prefill.candidate.label} from"
        f" {moment(_time(plan.begin_s))} to the cutover at {moment(prefill.cutover)}, each touched"
        f" again after {share(params.refresh_share)} of its lifetime; at most"
        f" {_of(plan.peak_requests_per_minute, 'call')} in any minute."
    )
    return what, money_words(prefill), f"{_at_cutover(prefill)} {_how(prefill)}"


def planned_words(prefill: Prefill) -> str:
    """The plan in sentences, for whoever has just asked for it."""
    what, money, _ = _planned(prefill)
    return f"{what} {money} {_at_cutover(prefill)}"


def money_words(prefill: Prefill) -> str:
    """What a plan is expected to cost, what at most, and how far the budget goes."""
    plan = prefill.plan
    budget, many = usd(plan.budget_usd), sum(one.covered for one in plan.courses)
    told = (
        f"It is expected to cost {usd(plan.expected_usd)}, and {usd(plan.worst_usd)} at the very"
        " most at its prices, were every touch written anew and each byte a token; "
    )
    if many < len(plan.courses):
        held = f"only the first {count(many)}" if many else "none of them"
        return f"{told}the budget of {budget} is expected to hold {held}."
    if plan.worst_usd <= plan.budget_usd:
        return f"{told}the budget of {budget} covers all of it."
    return f"{told}the budget of {budget} is expected to hold all, and no call is begun beyond it."


def _at_cutover(prefill: Prefill) -> str:
    plan = prefill.plan
    left = sorted(one.warm_for_s for one in plan.courses if one.warm_for_s)
    many = len(plan.courses)
    if not left:
        return f"At the cutover none of {_prefixes(many)} would be warm."
    lasts = span(left[0]) if span(left[0]) == span(left[-1]) else (
        f"{span(left[0])} to {span(left[-1])}"
    )  # fmt: skip
    told = (
        f"At the cutover {count(plan.warm)} of {_prefixes(many)} would be warm, for {lasts} more"
        " unless they are used."
    )
    if plan.least_lead_s is not None:
        told += (
            f" A lead of {span(plan.least_lead_s)} would do, for {usd(plan.least_usd)}; a longer"
            " one leaves time to mend what fails."
        )
    return told


def _how(prefill: Prefill) -> str:
    return f"To send it, run it with --execute and {keys_of((prefill.candidate,))}."


def _warm(prefill: Prefill) -> str:
    found = prefill.warm
    assert found is not None
    about = "" if found.exact else "about "
    reads = sum(one.reads for one in prefill.prefixes)
    anew = sum(one.rewritten for one in prefill.prefixes)
    return (
        f"{share(found.share)} of the prefixes and {about}{share(found.tokens_share)} of their"
        f" tokens were read or written on {prefill.candidate.label} less than a lifetime before"
        f" {moment(prefill.cutover)}; {count(reads)} {'touch' if reads == 1 else 'touches'} read,"
        f" {count(anew)} wrote anew what had been warm."
    )


def _others(prefill: Prefill) -> str:
    found = prefill.warm
    assert found is not None
    cold = Counter(one.why for one in prefill.prefixes if one.verdict != "warm")
    told = [f"{count(many)} {why_words(why)}" for why, many in cold.most_common()]
    bar = f"the bar is {share(found.bar)}"
    if not told:
        return f"All {_prefixes(found.prefixes)} that were to be warm are; {bar}."
    unknown = f", {count(found.not_known)} of them not known" if found.not_known else ""
    return (
        f"Not proven warm are {_prefixes(found.not_warm + found.not_known)}{unknown}:"
        f" {listing(told)}; {bar}."
    )


def _spent(prefill: Prefill) -> str:
    plan, made = prefill.plan, Counter(str(one.outcome) for one in prefill.receipts)
    told = (
        f"{_of(len(prefill.receipts), 'call')} cost {usd(prefill.spent_usd)} of a budget of"
        f" {usd(plan.budget_usd)}; {usd(plan.expected_usd)} were expected."
    )
    failed = [f"{count(made[name])} {OUTCOMES[name]}" for name in OUTCOMES if name in made][
        int("answered" in made) :
    ]
    if failed:
        told += f" Not answered with counts: {listing(failed, 10)}."
    if prefill.stopped == STOPPED:
        told += " It was stopped before the cutover."
    return told


def left_out_words(prefill: Prefill) -> list[str]:
    """What is left out, and why; a line each reason."""
    by_why: dict[str, list[int]] = {}
    for one in prefill.plan.left_out:
        by_why.setdefault(one.why, []).append(one.first)
    return [
        f"{_prefixes(len(firsts))} left out, {LEFT_OUT[why]} (request"
        f" {listing([count(n) for n in sorted(firsts)])} of the file)."
        for why, firsts in by_why.items()
    ]


def manner_words(prefill: Prefill) -> list[str]:
    """How prefixes are asked for where it is not for nothing, how many at once, and what whole."""
    ways = Counter(one.way for one in prefill.plan.courses)
    told = []
    if ways["short"]:
        told.append(
            f"{_prefixes(ways['short'])} cannot be asked for without output (an output format, a"
            " forced tool choice, or an API that has no prewarming): as few tokens as there are."
        )
    if ways["thinks"]:
        told.append(
            f"{_prefixes(ways['thinks'])} with enabled thinking: it may be part of what an entry is"
            " named by, and stays, so every touch may generate as much as production's thinking."
        )
    if prefill.params.together > 1 and not prefill.executed:
        told.append(
            "Calls are in flight together only while the budget holds up to"
            f" {usd(prefill.plan.dear_usd)} for each, because another model may answer, at a dearer"
            " price; else one at a time."
        )
    if many := sum(one.whole for one in prefill.plan.courses):
        told.append(
            f"{_prefixes(many)} to be warmed whole, as one request of production sends it: another"
            " request reads it as far as it is the same."
        )
    return told


def _time(at_s: float) -> pd.Timestamp:
    return pd.Timestamp(at_s, unit="s", tz="UTC")
