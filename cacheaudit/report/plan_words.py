"""Plans in sentences: which one, and what can be learnt from the others. A sentence is there only
while its numbers say so."""

from collections.abc import Iterator

from ..planning.compare import Plan, Plans, Predicted
from ..planning.proposals import (
    BY_CALL,
    BY_NEW_TALK,
    BY_TALK,
    CANARY,
    KEPT_WARM,
    PREFILLED,
    STRAIGHT,
)
from ..replaying import Outcome
from ..replaying.held import Held
from ..replaying.lanes import Lanes
from ..replaying.trace import Trace
from ..words import count, share, span, usd

MATERIAL = 1.1  # a plan is dearer than another where it is on every day, and by a tenth on average
WARM = 0.9  # of what a version that had always served would read
LIFTS = 0.02  # by which a prefill lifts the worst hour, to be told


def answer(plans: Plans) -> str:
    """Which plan to take, and where one more day would put it; or why none."""
    floor = (
        f"{share(plans.migration.floor)} of the usual hit rate in any"
        f" {span(plans.migration.floor_s).removeprefix('1 ')}"
    )
    if plans.cheapest:
        plan = plans.plan(plans.cheapest)
        return (
            f"The cheapest plan within the floor ({floor}) is '{plan.name}': it costs"
            f" {_against(plan.predicted['excess_usd'])} versions that had always"
            f" served{_interval(plan.predicted['excess_usd'], plans)}."
        )
    if all(one.predicted["excess_usd"].value is None for one in plans.plans):
        return (
            "No plan is priced, because a version has no price; hit rates stand. Bring prices of"
            " your own to find the cheapest."
        )
    fitting = [one for one in plans.plans if one.within_floor]
    limit = plans.migration.limit_tokens_per_min
    if fitting and limit is not None:
        least = min(fitting, key=peak)
        return (
            f"Every plan within the floor passes the rate limit of {count(limit)} tokens a minute;"
            f" '{least.name}' comes nearest with {count(peak(least))}."
        )
    known = [one for one in plans.plans if lowest(one) is not None]
    if not known:
        return "What the plans do to the hit rate is not known: no call read anything."
    best = max(known, key=lambda one: lowest(one) or 0.0)
    return (
        f"No plan stays within the floor ({floor}): '{best.name}' comes nearest, with"
        f" {share(lowest(best))} of it in its worst {span(plans.migration.floor_s)}."
    )


def _against(one: Predicted) -> str:
    """More, or less: a prefill may be cheaper than calls that come before the first answer."""
    value = one.value or 0.0
    return f"{usd(abs(value))} {'less' if value < 0 else 'more'} than"


def _interval(one: Predicted, plans: Plans) -> str:
    if one.low is None or one.high is None:
        return f", on the one past day that was tried ({plans.days[-1]:%Y-%m-%d})"
    return (
        f" (95 % of one more day like the {count(len(plans.days))} that were tried: {usd(one.low)}"
        f" to {usd(one.high)})"
    )


def versions_words(plans: Plans, old: Outcome, new: Outcome) -> str:
    """What the log would read on either version, had it always served: no plan shows that."""
    before, after = plans.migration.from_model, plans.migration.to_model
    return (
        f"Always served by {before}, this log reads {share(old.hit_rate)} of its"
        f" input{_total(old)}; by {after}, {share(new.hit_rate)}{_total(new)}. What a plan costs"
        " comes on top of that."
    )


def _total(one: Outcome) -> str:
    return "" if one.cost is None else f" and its input costs {usd(one.cost.total_usd)}"


def lessons(plans: Plans) -> list[str]:
    """What the plans teach, each in a paragraph, where the numbers bear it."""
    return [*_ramp(plans), *_canary(plans), *_talks(plans), *_prefill(plans), *_old(plans)]


def _ramp(plans: Plans) -> Iterator[str]:
    """A slow ramp by request, the worst of both versions."""
    if dearer(plans, BY_CALL, STRAIGHT) and plans.plans[-1].name == BY_CALL:
        yield (
            f"The slow ramp by request is the worst of both: for the {span(plans.migration.ramp_s)}"
            " that both versions serve, each forgets what only the other is asked. It costs"
            f" {_usd(plans, BY_CALL)}; a straight cut is cold once, for one lifetime"
            f" ({span(plans.migration.longest_ttl_s)}), and costs {_usd(plans, STRAIGHT)}."
        )


def _canary(plans: Plans) -> Iterator[str]:
    """A random canary against a straight cut."""
    if not dearer(plans, CANARY, STRAIGHT):
        return
    seen = [plans.plan(name).predicted["exposed_requests"].value for name in (CANARY, STRAIGHT)]
    yield (
        f"The canary, {share(plans.migration.canary_share)} of the calls at random for"
        f" {span(plans.migration.canary_s)}, costs {_usd(plans, CANARY)} and a straight cut"
        f" {_usd(plans, STRAIGHT)}: on the small side a prefix comes too seldom to stay warm."
        f" What it buys is that {count(seen[0])} calls instead of {count(seen[1])} meet the new"
        f" version in its first {span(plans.migration.notice_s).removeprefix('1 ')}."
    )


def _talks(plans: Plans) -> Iterator[str]:
    """By conversation instead of by request."""
    if not dearer(plans, BY_CALL, BY_TALK):
        return
    told = (
        f"By conversation instead of by request, the same ramp costs {_usd(plans, BY_TALK)} instead"
        f" of {_usd(plans, BY_CALL)}: a conversation finds what its last call left."
    )
    if dearer(plans, BY_TALK, BY_NEW_TALK):
        told += (
            f" Where only conversations that begin anew move, it costs {_usd(plans, BY_NEW_TALK)}:"
            " none goes cold in its middle."
        )
    yield told


def _prefill(plans: Plans) -> Iterator[str]:
    """What a prefill buys."""
    without, count_of = plans.prefill[0].value, plans.migration.prefixes
    priced = {n: one.value for n, one in plans.prefill.items() if n and one.value is not None}
    if without is None or not priced:
        return
    if plans.break_even:
        best = min(priced, key=priced.__getitem__)
        ready = plans.migration.rules[plans.migration.to_model].ready_s
        why = (
            f", because calls that come before the first answer begins ({span(ready)}) each write"
            " the prefix anew" if ready else ""
        )  # fmt: skip
        yield (
            f"A prefill pays: with {_prefixes(best)} sent in advance a straight cut costs"
            f" {usd(priced[best])} instead of {usd(without)}{why}."
        )
    elif priced.get(count_of, without) > without:
        yield (
            f"A prefill of {_prefixes(count_of)} buys no money: all that a straight cut costs is"
            f" {usd(without)}, because it is cold for one lifetime alone"
            f" ({span(plans.migration.longest_ttl_s)}) and one call writes a prefix as well as a"
            f" prefill does. With it, it costs {usd(priced[count_of])}.{_lifted(plans)}"
        )


def _lifted(plans: Plans) -> str:
    """Whether a prefill lifts the worst stretch, which is what it may buy instead."""
    cold, warm = (lowest(plans.plan(name)) for name in (STRAIGHT, PREFILLED))
    if cold is None or warm is None or warm - cold < LIFTS:
        return ""
    return (
        f" It lifts the worst {span(plans.migration.floor_s).removeprefix('1 ')} from"
        f" {share(cold)} to {share(warm)} of the usual hit rate."
    )


def _old(plans: Plans) -> Iterator[str]:
    """Whether an old version that serves on is warm when all comes back."""
    cold, kept = (plans.plan(name).predicted["rollback_share"].value
                  for name in (STRAIGHT, KEPT_WARM))  # fmt: skip
    if cold is None or kept is None or cold >= WARM:
        return
    part = share(plans.migration.keep_old_warm)
    back = [plans.plan(name).predicted["rollback_usd"].value for name in (STRAIGHT, KEPT_WARM)]
    money = "" if None in back else f"; going back costs {usd(back[1])} instead of {usd(back[0])}"
    if kept >= WARM:
        yield (
            f"An old version that keeps {part} of the conversations is warm when all comes back:"
            f" it reads {share(kept)} of what it would have read, and {share(cold)} without"
            f" them{money}."
        )
    else:
        yield (
            f"An old version that keeps {part} of the conversations is not warm when all comes"
            f" back: in the lifetime after, it reads {share(kept)} of what it would have read, and"
            f" {share(cold)} without them{money}. So few calls touch too few prefixes."
        )


def dearer(plans: Plans, one: str, other: str) -> bool:
    """Whether plan *one* cost more than *other* on every day, and by a tenth or more on average;
    not where either was not tried."""
    if not {one, other} <= {plan.name for plan in plans.plans}:
        return False
    pairs = [
        (a.excess_usd, b.excess_usd)
        for a, b in zip(plans.plan(one).by_day, plans.plan(other).by_day, strict=True)
    ]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    if len(known) < len(pairs):
        return False
    left, right = (sum(side) for side in zip(*known, strict=True))
    return all(a > b for a, b in known) and left > 0 and left >= MATERIAL * right


def log_notes(log: Trace | Lanes | Held) -> list[str]:
    """What a log cannot say, and what the plans then mean."""
    if isinstance(log, Trace):
        talks = len(log.session) > int(log.session.max(initial=-1)) + 1
        return [] if talks else [_NO_TALKS]
    told = []
    if "session_id" in log.absent:
        told.append(_NO_TALKS)
    if "prefix_id" in log.absent:
        told.append(
            "The log names no shared prefix (prefix_id): what conversations share is not counted,"
            " and a prefill has nothing to send."
        )
    elif "prefix_tokens" in log.absent:
        told.append(
            "The log names shared prefixes and not their length (prefix_tokens): a call is taken to"
            " share all that the last one with its prefix had cached, and a prefill has nothing to"
            " send."
        )
    return told


_NO_TALKS = (
    "The log names no conversations (session_id): each call is one of its own, so no plan"
    " goes by conversation."
)


def _prefixes(number: int) -> str:
    return f"{count(number)} prefix" if number == 1 else f"{count(number)} prefixes"


def _usd(plans: Plans, name: str) -> str:
    return usd(plans.plan(name).predicted["excess_usd"].value)


def lowest(plan: Plan) -> float | None:
    """The worst stretch of all days, which is what the floor is held against."""
    known = [day.lowest_share for day in plan.by_day if day.lowest_share is not None]
    return min(known, default=None)


def peak(plan: Plan) -> float:
    """The dearest minute of all days, which is what the limit is held against."""
    return max(day.peak_tokens for day in plan.by_day)
