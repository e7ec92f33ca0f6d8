"""The runbook of a cutover: what to do when, how to go back, what to ask the vendor."""

from typing import Any

import pandas as pd

from ..readiness import Readiness
from ..show import Bullets, Column, Piece, Prose, Table
from ..words import count, ended, local, moment, share, span
from .readiness_steps import HOUR_S, planned_cutover, steps
from .readiness_summary import money

LIMITS = {  # whether reads count towards a rate limit
    "anthropic": "reads do not count towards the limit of the Claude API, but on Haiku 3.5"
    " (platform.claude.com/docs, rate-limits, 2026-08)",
    "openai": "reads count towards the limit (developers.openai.com, prompt caching, 2026-11)",
}  # fmt: skip
NOT_READY = {
    "not_ready": "Do not begin: a gate failed. This is the runbook for when it passes.",
    "not_yet_known": "Do not begin: a gate is open. This is the runbook for when it passes.",
}


def runbook(readiness: Readiness) -> list[Piece]:
    """The times, the way back, and what to ask the vendor."""
    found = steps(readiness)
    if not found:
        why = readiness.known.rules_why
        return [Prose([f"There is no runbook yet. It takes {ended(why)}"])]
    timed = found[0].at is not None
    zone = readiness.params.zone if timed else ""
    times = [*(["UTC"] if timed else []), *([zone] if zone else [])]
    columns = [Column("when"), *map(Column, times), Column("what"), Column("do")]
    rows = [
        [
            one.when, *([moment(one.at)] if timed else []),
            *([local(one.at, zone)] if zone else []), one.what, one.do,
        ]
        for one in found
    ]  # fmt: skip
    plan = "a straight cut" if readiness.plan is None else f"the plan '{readiness.plan.name}'"
    table = Table(columns, rows, f"Runbook of {plan}, by the time at which all traffic has moved")
    first = [] if readiness.verdict == "ready" else [Prose([NOT_READY[readiness.verdict]])]
    return [
        *first, table, Prose(["How to go back:"]), Bullets(way_back(readiness)),
        Prose(["What to ask the vendor:"]), Bullets(questions(readiness)),
    ]  # fmt: skip


def way_back(readiness: Readiness) -> list[str]:
    """How, until when it is warm, what it costs, and until when it is possible."""
    params, rules, plan = readiness.params, readiness.known.rules, readiness.plan
    told = [f"Send all traffic to {params.incumbent} again, by that id."]
    if rules is not None:
        lives_s = rules[params.incumbent].ttl_s
        warm = f"Its cache is warm for {span(lives_s)} after its last call"
        if params.at is not None:
            until = planned_cutover(readiness).at + pd.Timedelta(seconds=lives_s)
            warm += f", so until {moment(until)}"
        keeps = planned_cutover(readiness).keep_old_warm
        told.append(f"{warm}{f'; {share(keeps)} of the traffic keeps it warm' if keeps else ''}.")
    if plan is not None:
        told.append(_going_back(readiness))
    ends = readiness.known.standings[1].retires_on
    if ends is not None:
        told.append(f"{params.incumbent} retires on {ends}: from that day there is no way back.")
    return told


def _going_back(readiness: Readiness) -> str:
    plan, params = readiness.plan, readiness.params
    if plan is None:
        return ""
    part, cost = plan.predicted["rollback_share"], plan.predicted["rollback_usd"]
    when = f"{span(params.rollback_hours * HOUR_S)} after the cutover"
    if part.value is None:
        return f"What going back {when} would read is not known."
    price = "what it costs is not known" if cost.value is None else f"costs {money(cost)} on top"
    return (
        f"Going back {when} reads {share(part.value)} of what is usual in the lifetime that follows"
        f" and {price}."
    )


def questions(readiness: Readiness) -> list[str]:
    """What only the vendor can answer of throughput and lifetimes."""
    params = readiness.params
    ends = readiness.known.rollback_ends
    until = f" until {ends}" if ends is not None else ""
    counted = LIMITS.get(params.provider, f"for {params.provider} nothing is known here")
    return [
        _peak(readiness),
        f"Do cached reads count towards committed throughput? Documented: {counted}.",
        "Is committed throughput bound to a version: does it move at the cutover, and does"
        f" {params.incumbent} keep its own{until}?",
        "Does an entry live out its lifetime under load, or can it be evicted before?",
    ]


def _peak(readiness: Readiness) -> str:
    """Tokens of the dearest minute against the limit."""
    plan, limit = readiness.plan, readiness.params.limit_tokens_per_min
    name = readiness.params.candidate
    if plan is None:
        return f"Does the rate limit on {name} hold a cold minute, in which every call writes?"
    peak = max(day.peak_tokens for day in plan.by_day)
    need = f"The plan's busiest minute needs {count(peak)} tokens on {name}"
    if not limit:
        return f"{need}: does its rate limit hold that? The limit was not given."
    fits = "within" if peak <= limit else "above"
    return (
        f"{need}, {fits} the limit of {count(limit)} that was given: is that the limit on the day?"
    )


def to_dict(readiness: Readiness) -> dict[str, Any]:
    """For findings.json."""
    rules, bars = readiness.known.rules, readiness.params.bars
    baseline, params = readiness.baseline, readiness.params
    return {
        "plan": "straight cut" if readiness.plan is None else readiness.plan.name,
        "steps": [one.to_dict() for one in steps(readiness)],
        "way_back": way_back(readiness),
        "questions": questions(readiness),
        "paged": params.paged,
        "baseline": baseline,
        "paged_below": None if baseline is None else baseline * bars.rollout_window_share,
        "back_at": None if baseline is None else baseline * bars.recovered_at_share,
        "lifetimes_s": {} if rules is None else {name: one.ttl_s for name, one in rules.items()},
    }
