"""The headline and the three sentences of a probe. Every number comes from a value."""

from dataclasses import dataclass
from typing import Literal

from ..measurement import Measurement, sure_of
from ..probing.answers import Answer
from ..probing.candidate import KEYS, PROVIDERS, Candidate
from ..words import NBSP, UNKNOWN, count, listing, share, span, times, usd
from .answer_table import PLAIN
from .probe_answers import ASKED, answers_to, hits, open_questions

Standing = Literal["not_cached", "less", "unknown", "unclear", "alike", "more", "alone"]
GRAVEST: tuple[Standing, ...] = (
    "not_cached", "less", "unknown", "unclear", "alike", "more", "alone",
)  # fmt: skip
UNSETTLED = ("unknown", "unclear")
ALIKE = 0.9  # of the incumbent's rate: a candidate whose whole interval is above reads as much
OUTCOMES = {
    "answered": "answered",
    "no_counts": "answered without cache fields",
    "other_model": "answered by another model",
    "denied": "denied (401, 403)",
    "no_model": "no such model (404)",
    "refused": "refused (400, 413, 422)",
    "busy": "rate limited (429)",
    "overloaded": "overloaded (503, 529)",
    "failed": "failed with another error",
    "timeout": "timed out",
    "cut": "cut off before their end",
    "unreachable": "without a connection",
    "sent": "whose end nobody saw",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """A candidate's hit rate beside the incumbent's; either may be absent."""

    candidate: Candidate
    standing: Standing
    rate: Answer | None
    incumbent: Answer | None


def verdict(measurement: Measurement) -> str:
    """planned, not_measured (no call was answered), partly_measured, or measured."""
    probe = measurement.probe
    if not probe.executed:
        return "planned"
    if not any(one.counted for one in probe.receipts):
        return "not_measured"
    unsettled = any(one.standing in UNSETTLED for one in compared(measurement))
    if probe.stopped or unsettled or open_questions(measurement):
        return "partly_measured"
    return "measured"


def compared(measurement: Measurement) -> list[Compared]:
    """Each candidate beside the incumbent, the gravest first; one alone stands for itself."""
    candidates = measurement.probe.candidates
    old = next((one for one in candidates if one.incumbent), None)
    before = None if old is None else _rate(measurement, old)
    found = [
        _compared(measurement, one, before, old)
        for one in candidates
        if not one.incumbent or len(candidates) == 1
    ]
    return sorted(found, key=lambda one: GRAVEST.index(one.standing))


def _rate(measurement: Measurement, one: Candidate) -> Answer | None:
    given = answers_to(measurement, "hit_rate", one.label)
    return given[0] if given and given[0].value is not None else None


def _compared(
    measurement: Measurement, one: Candidate, before: Answer | None, old: Candidate | None
) -> Compared:
    rate = _rate(measurement, one)
    caches = answers_to(measurement, "caches", one.label)
    standing: Standing = "alike"
    if rate is None:
        said = caches[0].verdict if caches else UNKNOWN
        asked = "hit_rate" in measurement.design.questions
        standing = "not_cached" if said == "no" else "unknown"
        if said == "yes" and not asked:
            standing = "alone"
    elif not rate.value:
        standing = "not_cached"
    elif old is None or one.incumbent:
        standing = "alone"
    elif before is None:
        standing = "unknown"
    elif (rate.high or 0.0) < (before.low or 0.0):
        standing = "less"
    elif (rate.low or 0.0) > (before.high or 0.0):
        standing = "more"
    elif (rate.low or 0.0) < ALIKE * (before.value or 0.0):
        standing = "unclear"
    return Compared(one, standing, rate, before)


def headline(measurement: Measurement) -> str:
    """One line: what the gravest candidate does, or that nothing was sent."""
    if not measurement.probe.executed:
        worst = usd(measurement.probe.plan.worst_usd)
        about = usd(measurement.probe.plan.expected_usd)
        return f"Nothing was sent: this plan would cost about {about}, and at most {worst}"
    if verdict(measurement) == "not_measured":
        return "Nothing was measured: no call was answered with what it read from the cache"
    return _headline(measurement, compared(measurement)[0])


def _headline(measurement: Measurement, one: Compared) -> str:
    name, old = one.candidate.label, _incumbent(measurement)
    rate = None if one.rate is None else share(one.rate.value)
    before = None if one.incumbent is None else share(one.incumbent.value)
    if one.standing == "not_cached":
        return f"{name} does not cache these prompts" + (
            f"; {old} reads {before} of them" if before and one.incumbent is not None
            and one.incumbent.value else ""
        )  # fmt: skip
    if one.standing == "less":
        return f"{name} reads less of the same prompts than {old}: {rate} against {before}"
    if one.standing == "more":
        return f"{name} reads more of the same prompts than {old}: {rate} against {before}"
    if one.standing == "alike":
        return f"{name} reads as much of the same prompts as {old}: {rate} against {before}"
    if one.standing == "unclear":
        return f"{name} and {old} are not told apart: {rate} of the same prompts against {before}"
    if one.standing == "alone":
        if rate is None:
            return f"{name} caches; how much is read at the team's pace was not asked"
        return f"{name} reads {rate} of the input at this pace"
    if one.rate is not None:
        return f"{name} reads {rate} of the input; that of {old} is not known"
    if "hit_rate" not in measurement.design.questions:
        return f"Whether {name} caches is not known, or was not asked"
    return f"The hit rate of {name} is not known"


def _incumbent(measurement: Measurement) -> str:
    return next((one.label for one in measurement.probe.candidates if one.incumbent), "")


def summary(measurement: Measurement) -> tuple[str, str, str]:
    """What was measured, what it means in money, and what was spent and is still open."""
    if not measurement.probe.executed:
        return _planned(measurement)
    return _rates(measurement), _money(measurement), _spent(measurement)


def _planned(measurement: Measurement) -> tuple[str, str, str]:
    probe, plan = measurement.probe, measurement.probe.plan
    sure, rest = sure_of(measurement)
    many = len(probe.candidates)
    waits = f" and {span(plan.wait_s)} of waiting" if plan.wait_s else ""
    what = (
        f"At most {count(plan.calls)} calls to {many} {'candidate' if many == 1 else 'candidates'}"
        f"{waits}, for {usd(plan.expected_usd)} if all is as documented and"
        f" {usd(plan.worst_usd)} at the very most."
    )
    budget = usd(probe.budget_usd)
    if not rest:
        kept = f"The budget of {budget} covers all of it."
    else:
        covers = listing([PLAIN[name] for name in sure]) if sure else "no question for certain"
        kept = (
            f"The budget of {budget} is checked before every call and never passed: it is sure to"
            f" cover {covers}. The rest is sent as far as the money goes; what is expected"
            f" {_fits(plan.expected_usd, probe.budget_usd)}."
        )
    return what, kept, f"To measure, run it with --execute and {keys_of(probe.candidates)}."


def _fits(expected_usd: float | None, budget_usd: float) -> str:
    if expected_usd is None:
        return "is not known"
    return "is within it" if expected_usd <= budget_usd else f"is {usd(expected_usd)}, above it"


def planned_words(measurement: Measurement) -> str:
    """The plan in two sentences: how much, and what the budget has to do with it."""
    what, kept, _ = _planned(measurement)
    return f"{what} {kept}"


def keys_of(candidates: tuple[Candidate, ...]) -> str:
    """The environment variables that hold the keys."""
    names = dict.fromkeys(one.key_variable or KEYS[PROVIDERS[one.api]] for one in candidates)
    return f"{listing(list(names))} in the environment"


def _rates(measurement: Measurement) -> str:
    """Hit rates, the incumbent's first; else what is known of caching at all."""
    known = [
        (one, rate)
        for one in sorted(measurement.probe.candidates, key=lambda c: not c.incumbent)
        if (rate := _rate(measurement, one)) is not None
    ]
    if known:
        each = [
            f"{one.label}{' (incumbent)' if one.incumbent else ''} read {share(rate.value)}"
            f" ({share(rate.low)} to {share(rate.high)})"
            for one, rate in known
        ]
        fewest = min(rate.repetitions for _, rate in known)
        calls = 1 + measurement.design.follow_ups
        return (
            f"Of the input of calls that follow a first one, {listing(each)}: 95{NBSP}% intervals"
            f" from {fewest} repetitions of {calls} calls."
        )
    pairs = [
        f"{one.label} read in {hits(answer)} of {answer.repetitions} second calls"
        for one in measurement.probe.candidates
        for answer in answers_to(measurement, "caches", one.label)
        if answer.repetitions
    ]
    return f"{listing(pairs)}." if pairs else "What is read from the cache is not known."


def _money(measurement: Measurement) -> str:
    """Price of 1,000 requests, and the token ratio."""
    priced = [
        (one, answer)
        for one in sorted(measurement.probe.candidates, key=lambda c: not c.incumbent)
        for answer in answers_to(measurement, "price", one.label)
        if answer.value is not None
    ]
    if not priced:
        return "What 1,000 requests cost is not known: it takes a hit rate."
    each = [
        f"{usd(answer.value)} on {one.label} ({usd(answer.low)} to {usd(answer.high)})"
        for one, answer in priced
    ]
    ratios = [
        f"{times(answer.value)} the tokens on {one.label}"
        for one in measurement.probe.candidates
        for answer in answers_to(measurement, "tokens", one.label)
    ]
    longer = f"; the same prompt has {listing(ratios)}" if ratios else ""
    return f"At these rates the input of 1,000 such requests costs {listing(each)}{longer}."


def _spent(measurement: Measurement) -> str:
    """What it cost, what was not answered, and what is not known."""
    probe = measurement.probe
    answered = sum(one.counted for one in probe.receipts)
    others = [
        f"{count(many)} {OUTCOMES[name]}"
        for name, many in outcomes_of(measurement).items()
        if name != "answered"
    ]
    told = f"{count(len(probe.receipts))} calls cost {usd(probe.spent_usd)} of a budget of"
    told += f" {usd(probe.budget_usd)}; "
    if others:
        told += f"{count(answered)} were answered, and {listing(others)} count for no miss."
    else:
        told += "all were answered."
    missing = dict.fromkeys(one.question for one in open_questions(measurement))
    if missing:
        told += f" Not known, for some candidate: {listing([PLAIN[n] for n in missing], 10)}."
    return told


def outcomes_of(measurement: Measurement) -> dict[str, int]:
    """Calls by what became of them, in the order of OUTCOMES."""
    made = [one.outcome for one in measurement.probe.receipts]
    return {name: made.count(name) for name in OUTCOMES if name in made}


assert set(PLAIN) == set(ASKED)
