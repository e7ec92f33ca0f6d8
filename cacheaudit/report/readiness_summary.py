"""The headline and the three sentences before a migration. Every number comes from a value."""

from ..gates import Gate
from ..planning.compare import Plan, Predicted
from ..readiness import Readiness
from ..words import UNKNOWN, count, ended, listing, moment, share, span, usd
from .gates import NAMES

LABELS = {"ready": "Ready", "not_ready": "Not ready", "not_yet_known": "Not yet known"}


def standing(readiness: Readiness, which: str) -> list[Gate]:
    """The gates that stand at *which*."""
    return [gate for gate in readiness.gates if gate.standing == which]


def headline(readiness: Readiness) -> str:
    """One line: which gates failed and which are open."""
    name = readiness.params.candidate
    failed, open_ = (_named(standing(readiness, which)) for which in ("fail", "unknown"))
    if readiness.verdict == "ready":
        return f"{name} is ready: all {count(len(readiness.gates))} gates pass"
    if readiness.verdict == "not_yet_known":
        return f"Whether {name} is ready is not known: {_are_open(open_)}"
    more = f"; {_are_open(open_)}" if open_ else ""
    return f"{name} is not ready: it fails {listing(failed)}{more}"


def _named(gates: list[Gate]) -> list[str]:
    return [f"'{NAMES[gate.name]}'" for gate in gates]


def _are_open(names: list[str]) -> str:
    return f"{listing(names)} {'is' if len(names) == 1 else 'are'} open"


def summary(readiness: Readiness) -> tuple[str, str, str]:
    """What moves and how the cache will do; what the cutover costs; what is open."""
    return _moves(readiness), _cutover(readiness), _open(readiness)


def _moves(readiness: Readiness) -> str:
    """Both versions in the long run, from the log; else what is known without one."""
    params, steady = readiness.params, readiness.steady
    when = "at a time that is not set" if params.at is None else f"at {moment(params.at)}"
    moves = f"Traffic moves from {params.incumbent} to {params.candidate} {when}"
    if steady is None or readiness.evidence.of_log:
        return f"{moves}; {_without_log(readiness)}."
    old, new = steady.usd_per_day()
    what = (
        f"{moves}; replayed over {span(steady.days * 86_400)} of log, the incumbent reads"
        f" {share(steady.incumbent.hit_rate)} of its input, and the candidate would read"
        f" {share(steady.candidate.hit_rate)} once it is warm"
    )
    if old is None or new is None:
        return f"{what}; what a day's input costs is not known for want of a price."
    return f"{what}: {usd(new)} for a day's input, instead of {usd(old)}."


def _without_log(readiness: Readiness) -> str:
    """What usage says of the incumbent, and a probe of the candidate."""
    low, value, high = readiness.known.candidate_rate
    if value is None:
        new = f"what the candidate will read is not known{_at_most(readiness)}"
    else:
        new = f"a probe of the candidate read {share(value)} ({share(low)} to {share(high)})"
    if readiness.baseline is None:
        return f"what the incumbent reads is not known, and {new}"
    return f"the incumbent reads {share(readiness.baseline)} of its input, and {new}"


def _at_most(readiness: Readiness) -> str:
    """What its minimum alone says of it, where that is not everything."""
    gate = next(gate for gate in readiness.gates if gate.name == "above_minimum")
    if gate.high is None or gate.high >= 1:
        return ""
    return f", but that it caches {share(gate.high)} at most of what is cached now"


def _cutover(readiness: Readiness) -> str:
    """What the plan costs; or what it would take to know."""
    plan, lacks = readiness.plan, readiness.evidence.of_log
    if plan is None or readiness.plans is None or lacks:
        return (
            f"What the cutover costs is not known; it takes {ended(lacks or readiness.plans_why)}"
        )
    cost = plan.predicted["excess_usd"]
    if cost.value is None:
        return (
            f"What the cutover costs with the plan '{plan.name}' is not known; it takes"
            f" {ended(readiness.plans_why)}"
        )
    return (
        f"The cutover costs {money(cost)} more than versions that had always served, with the plan"
        f" '{plan.name}', {_among(readiness, plan)}."
    )


def _among(readiness: Readiness, plan: Plan) -> str:
    """How the plan stands among those that were compared."""
    plans = readiness.plans
    if plans is None:
        return ""
    if plan.name == plans.cheapest:
        within = "floor and limit" if plan.within_limit is not None else "floor"
        return f"the cheapest of {count(len(plans.plans))} within the {within}"
    told = "which was chosen"
    if plan.within_floor is False:
        told += f" and falls below the floor of {share(plans.migration.floor)}"
    if plan.within_limit is False:
        told += " and passes the rate limit"
    if not plans.cheapest:
        return f"{told}; no plan stays within"
    best = plans.plan(plans.cheapest).predicted["excess_usd"]
    return f"{told}; the cheapest, '{plans.cheapest}', costs {usd(best.value)}"


def money(found: Predicted) -> str:
    """A prediction with where one more day would put it."""
    if found.value is None:
        return UNKNOWN
    if found.low is None or found.high is None:
        return f"{usd(found.value)} (one day tried, so no interval)"
    return f"{usd(found.value)} ({usd(found.low)} to {usd(found.high)})"


def _open(readiness: Readiness) -> str:
    """What to bring; or, where nothing is open, what to do."""
    open_ = standing(readiness, "unknown")
    if open_:
        needs = list(dict.fromkeys(gate.needs for gate in open_))
        return f"Still open: {listing(_named(open_))}. To decide, bring {ended('; '.join(needs))}"
    if readiness.verdict == "ready":
        return "Nothing is open; the runbook below says what to do, and when."
    return f"Nothing is open. Failed: {standing(readiness, 'fail')[0].reason}"
