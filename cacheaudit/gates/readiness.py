"""The gates before a migration, one function each: plain values in, a Gate out. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from ..words import share, usd
from .bars import GateBars
from .gate import Gate, Standing, at_least, at_most, known

Retirement = date | Literal["none announced"] | None  # None: nobody has looked
UNSETTLED = {  # a kind of name that is neither pinned nor moving, and what would settle it
    "undated": "a snapshot id: none is listed, and nothing promises that the name stays",
    "gateway": "the id that the gateway resolves the name to; look there",
    "deprecated": "whether the id is a snapshot; a deprecated name needs a successor",
    "retiring": "whether the id is a snapshot; a retiring name needs a successor",
    "unknown": "the name as the provider lists it",
}


def hit_rate(
    low: float | None, value: float | None, high: float | None, *,
    baseline: float | None, bars: GateBars,
) -> Gate:  # fmt: skip
    """The candidate's measured hit rate, its whole interval, against the incumbent's."""
    low, value, high, baseline = known(low), known(value), known(high), known(baseline)
    bar = baseline * bars.readiness_share if baseline else None
    standing = at_least(low, high, bar)
    needs = ""
    if low is None or high is None:
        reason = "The candidate's hit rate is not known."
        needs = "a probe of the candidate with the team's own prompts (cacheaudit probe --execute)"
    elif bar is None:
        told = "reads nothing" if baseline == 0 else "has no known rate"
        reason = f"The candidate reads {_interval(low, value, high)}; the incumbent {told}."
        needs = "a baseline: a week of the incumbent's usage, or the incumbent in the same probe"
    else:
        reason = (
            f"The candidate reads {_interval(low, value, high)}; the bar is {share(bar)},"
            f" {share(bars.readiness_share)} of the incumbent's {share(baseline)}."
        )
        needs = "more repetitions in the probe: the interval straddles the bar"
    return Gate(
        name="hit_rate", question="Does the candidate read as much from its cache?",
        value=value, low=low, high=high, bar=bar, unit="share", standing=standing, reason=reason,
        needs=needs if standing == "unknown" else "",
    )  # fmt: skip


def steady(value: float | None, *, baseline: float | None, bars: GateBars) -> Gate:
    """What the candidate's documented or measured cache would read of the log, against what the
    incumbent's would: replayed, so it has no interval."""
    value, baseline = known(value), known(baseline)
    bar = baseline * bars.readiness_share if baseline else None
    standing = at_least(value, value, bar)
    if value is None or bar is None or baseline is None:
        reason = "What the candidate's cache would read of the traffic is not known."
    else:
        reason = (
            f"Replayed on the candidate the log reads {share(value)}; the bar is {share(bar)},"
            f" {share(bars.readiness_share)} of the incumbent's {share(baseline)}."
        )
    return Gate(
        name="steady", question="Would the candidate's cache read as much of the traffic?",
        value=value, low=value, high=value, bar=bar, unit="share", standing=standing, reason=reason,
        needs="a request log to replay (requests_path)" if standing == "unknown" else "",
    )  # fmt: skip


def pinned(kinds: str | Sequence[str], name: str = "") -> Gate:
    """Whether the id that is asked for can change under the caller.

    kinds   all that hold of it: pinned, moving, undated, deprecated, retiring, retired, gateway or
            unknown, as cacheaudit.aliases has them
    """
    held, who = (kinds,) if isinstance(kinds, str) else tuple(kinds), name or "The id"
    standing: Standing = "unknown"
    needs = ""
    if "moving" in held:
        standing, reason = "fail", f"{who} is an alias: what it names can move to another version."
    elif "retired" in held:
        standing, reason = "fail", f"{who} is retired: nothing answers to it."
    elif "pinned" in held:
        standing, reason = "pass", f"{who} is a pinned id."
    else:
        kind = next((one for one in UNSETTLED if one in held), "unknown")
        reason = f"{who} is {kind}: whether it stays one version is not known."
        needs = UNSETTLED[kind]
    return Gate(
        name="pinned", question="Is the candidate a pinned id, not an alias?", standing=standing,
        reason=reason, needs=needs,
    )  # fmt: skip


def active(
    candidate_retires: Retirement, incumbent_retires: Retirement, *, rollback_ends: date | None
) -> Gate:
    """Whether both versions live until the rollback window closes.

    candidate_retires, incumbent_retires   first day without service; "none announced" where the
                  provider lists the model without a date; None where nobody has looked
    """
    question = "Do candidate and incumbent live until the rollback window closes?"
    both = {"candidate": candidate_retires, "incumbent": incumbent_retires}
    told = ", ".join(f"the {who} {_retires(day)}" for who, day in both.items())
    end = "at a day that was not given" if rollback_ends is None else f"on {rollback_ends}"
    reason = f"{told[0].upper()}{told[1:]}; the rollback window closes {end}."
    days = [day for day in both.values() if isinstance(day, date)]
    standing: Standing = "unknown"
    if rollback_ends is not None and any(day <= rollback_ends for day in days):
        standing = "fail"
    elif rollback_ends is not None and None not in both.values():
        standing = "pass"
    elif not days and None not in both.values():
        standing = "pass"  # neither retires, so no window can outlive them
    needs = ""
    if standing == "unknown":
        missing = [who for who, day in both.items() if day is None]
        needs = (
            f"the retirement date of the {' and the '.join(missing)}" if missing
            else "the day on which the rollback window closes"
        )  # fmt: skip
    return Gate(name="active", question=question, standing=standing, reason=reason, needs=needs)


def plan_cost(
    low: float | None, value: float | None, high: float | None, *, budget_usd: float | None
) -> Gate:
    """What the chosen cutover plan costs above standing still, its whole interval, in USD."""
    low, value, high, budget = known(low), known(value), known(high), known(budget_usd)
    standing = at_most(low, high, budget)
    needs = ""
    if low is None or high is None:
        reason = "What the cutover costs is not known."
        needs = "a plan: a request log to replay (cacheaudit simulate)"
    elif budget is None:
        reason = f"The plan costs {_money(low, value, high)}; no budget was given."
        needs = "a budget for the cutover, in USD"
    else:
        reason = f"The plan costs {_money(low, value, high)}; the budget is {usd(budget)}."
        needs = "a longer request log: the interval straddles the budget"
    return Gate(
        name="plan_cost", question="Does the plan's excess fit its budget?", value=value, low=low,
        high=high, bar=budget, unit="usd", standing=standing, reason=reason,
        needs=needs if standing == "unknown" else "",
    )  # fmt: skip


def rollback_warm(
    low: float | None, value: float | None, high: float | None, *,
    baseline: float | None, bars: GateBars,
) -> Gate:  # fmt: skip
    """The hit rate that a return to the incumbent would find in the lifetime after it."""
    low, value, high, baseline = known(low), known(value), known(high), known(baseline)
    bar = baseline * bars.rollback_warm_share if baseline else None
    standing = at_least(low, high, bar)
    needs = ""
    if low is None or high is None:
        reason = "What a return to the incumbent would read is not known."
        needs = "a plan that says what keeps the incumbent warm (cacheaudit simulate)"
    elif bar is None:
        reason = (
            f"A return to the incumbent would read {_interval(low, value, high)} in its first"
            " lifetime; the baseline is not known."
        )
        needs = "a baseline: a week of the incumbent's usage"
    else:
        reason = (
            f"A return to the incumbent would read {_interval(low, value, high)} in its first"
            f" lifetime; the bar is {share(bar)}, {share(bars.rollback_warm_share)} of its"
            f" {share(baseline)}."
        )
        needs = "a longer request log: the interval straddles the bar"
    return Gate(
        name="rollback_warm", question="Would a rollback find a warm cache?", value=value, low=low,
        high=high, bar=bar, unit="share", standing=standing, reason=reason,
        needs=needs if standing == "unknown" else "",
    )  # fmt: skip


def telemetry(reporting: float | None, *, bars: GateBars, about: str = "") -> Gate:
    """Share of requests that report cache fields; counted, so it has no interval."""
    reporting, bar = known(reporting), bars.telemetry_share
    standing = at_least(reporting, reporting, bar)
    if reporting is None:
        reason = "Whether requests report cache fields is not known."
    else:
        reason = f"{share(reporting)} of requests report cache fields; the bar is {share(bar)}."
    return Gate(
        name="telemetry", question="Do requests report what they read from the cache?",
        value=reporting, low=reporting, high=reporting, bar=bar, unit="share", standing=standing,
        reason=reason, about=about,
        needs="usage, or a request log, with cache fields" if standing == "unknown" else "",
    )  # fmt: skip


def _interval(low: float, value: float | None, high: float) -> str:
    if low == high:
        return share(low)
    span = f"{share(low)} to {share(high)}"
    return span if value is None else f"{share(value)} ({span})"


def _money(low: float, value: float | None, high: float) -> str:
    if low == high:
        return usd(high)
    span = f"{usd(low)} to {usd(high)}"
    return span if value is None else f"{usd(value)} ({span})"


def _retires(day: Retirement) -> str:
    if day is None:
        return "has a retirement date that is not known"
    return "has no announced retirement" if isinstance(day, str) else f"retires on {day}"
