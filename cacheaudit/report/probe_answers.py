"""Answers of a probe in words: what was asked, what it said, and what would decide the rest."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..measurement import Measurement
from ..probing.answers import Answer
from ..probing.candidate import Candidate
from ..probing.questions import HELLO
from ..words import UNKNOWN, count, listing, share, span, times, usd

ASKED = {  # in the order of the page; the last two come with hit_rate
    "caches": "Does it cache at all?",
    "hit_rate": "How much of the input is read, at this pace?",
    "smallest": "What is the smallest prefix that it caches?",
    "survival": "How long does an idle prefix stay warm?",
    "isolation": "Is its cache apart from the incumbent's?",
    "at_once": "Do requests at the same moment share one write?",
    "first_token": "How long is it to the first token?",
    "tokens": "How many tokens is the same prompt, against the incumbent?",
    "price": "What does the input of 1,000 such requests cost?",
    HELLO: "What does the endpoint offer?",
}
OFFERED = {"prewarm": "prewarming", "marks": "breakpoints", "diagnosis": "a reason for a miss"}
LATER = ("tokens", "price")
COMPARED = ("isolation", "tokens")  # with the incumbent
DECIDES = {
    "budget": "a larger budget_usd",
    "stopped": "going on from the receipts (receipts_path)",
    "timeout": "a longer timeout_s, or another hour",
    "busy": "a longer pace_s",
    "overloaded": "another hour",
    "denied": "a key with access to this model",
    "no_model": "the id that the endpoint knows the model by",
    "refused": "a request that the endpoint accepts: its API, or the bodies in prompts_path",
    "failed": "another hour, or the provider's word on its errors",
    "cut": "another hour, or a look at the gateway between",
    "unreachable": "a base_url that answers from here",
    "no_counts": "an endpoint that reports what it read from the cache",
    "other_model": "an id that is pinned: the endpoint answered with another model",
    "sent": "going on from the receipts (receipts_path)",
    "not_cold": "an endpoint that has nothing of its own in the cache, or another seed",
    "late": "fewer questions at once, or another hour",
    "over_bound": "an endpoint that keeps to the output asked of it",
}
MORE = {
    "caches": "more pairs",
    "survival": "more idle_repeats",
    "hit_rate": "more repeats",
    "first_token": "more pairs",
    "isolation": "an incumbent whose own cache is warm at that moment",
}


@dataclass(frozen=True, slots=True)
class Open:
    """A question that is not known: of whom, why, and what would decide it."""

    question: str
    candidates: tuple[str, ...]
    why: str
    decides: str

    def words(self) -> str:
        """One sentence."""
        return (
            f"{ASKED[self.question].rstrip('?')}, for {listing(list(self.candidates))}: {UNKNOWN}"
            f" ({self.why}). It would take {self.decides}."
        )


def answers_to(measurement: Measurement, question: str, label: str) -> list[Answer]:
    """All that was said of *question* for the candidate *label*."""
    return [
        one
        for one in measurement.probe.answers
        if one.question == question and one.candidate == label
    ]


def questions_of(measurement: Measurement) -> list[str]:
    """What was asked, in the order of the page."""
    asked = {*measurement.design.questions, HELLO}
    if "hit_rate" in asked:
        asked |= set(LATER)
    return [question for question in ASKED if question in asked]


def open_questions(measurement: Measurement) -> list[Open]:
    """What was asked and is not known, with what would decide it."""
    if not measurement.probe.executed:
        return []
    found: dict[tuple[str, str, str], Open] = {}
    for question in questions_of(measurement):
        for one in measurement.probe.candidates:
            for new in _open(measurement, question, one):
                alike = found.setdefault((question, new.why, new.decides), new)
                if alike is not new:  # the same of another candidate: one sentence for both
                    both = (*alike.candidates, *new.candidates)
                    found[question, new.why, new.decides] = replace(alike, candidates=both)
    return list(found.values())


def _open(measurement: Measurement, question: str, one: Candidate) -> list[Open]:
    given = answers_to(measurement, question, one.label)
    if question in COMPARED and not _has_to_be_compared(measurement, one):
        return []
    unknown = [answer for answer in given if answer.verdict == UNKNOWN]
    if question == "survival" and given:
        answered = [answer for answer in given if answer.value is not None]
        if not answered:
            return [_of(question, one.label, given[0].why)]
        missing = _waits_without(measurement, answered)
        mixed = [answer for answer in answered if answer.verdict == UNKNOWN]
        whys = [_mixed(mixed)] if mixed else []
        whys += [f"no answer after {listing([span(w) for w in missing])}"] if missing else []
        return [_of(question, one.label, why) for why in whys]
    if given:
        return [_of(question, one.label, answer.why) for answer in unknown]
    if question in LATER:
        return [] if _unknown_rate(measurement, one.label) else [_of(question, one.label, "")]
    return [_of(question, one.label, "not measured")]


def _of(question: str, label: str, why: str) -> Open:
    names = re.findall(r"([a-z_]+) \(\d+\)", why)
    decides = [DECIDES[name] for name in names if name in DECIDES]
    if not decides:
        decides = [MORE.get(question, "another run")]
    return Open(question, (label,), why or "no prompt was answered on both", listing(decides))


def _has_to_be_compared(measurement: Measurement, one: Candidate) -> bool:
    return not one.incumbent and any(c.incumbent for c in measurement.probe.candidates)


def _unknown_rate(measurement: Measurement, label: str) -> bool:
    """Whether the hit rate, from which the price comes, is not known itself."""
    given = answers_to(measurement, "hit_rate", label)
    return not given or given[0].value is None


def _waits_without(measurement: Measurement, given: Sequence[Answer]) -> list[float]:
    told = {float(one.detail) for one in given if one.detail}
    return [wait for wait in measurement.design.idle_s if wait not in told] if told else []


def _mixed(unknown: Sequence[Answer]) -> str:
    each = [f"{hits(one)} of {one.repetitions} after {span(float(one.detail))}" for one in unknown]
    return f"still warm in {listing(each)}"


def hits(answer: Answer) -> int:
    """Of a share: how many."""
    return round((answer.value or 0.0) * answer.repetitions)


def said(measurement: Measurement, question: str, one: Candidate) -> str:
    """The answer for one candidate in a few words; "" where it was not asked of it."""
    given = answers_to(measurement, question, one.label)
    if not given:
        compares = question in COMPARED and not _has_to_be_compared(measurement, one)
        return "does not apply" if compares else UNKNOWN
    if question == "survival":
        return _survival(given)
    if question == "first_token" and given[0].value is not None:
        return ", ".join(f"{a.detail} {count(a.value)} ms" for a in given)
    if question == HELLO:
        offered = [OFFERED[a.detail] for a in given if a.verdict == "yes" and a.detail]
        return listing(offered) if any(a.detail for a in given) else UNKNOWN
    answer = given[0]
    if answer.verdict == UNKNOWN:
        return UNKNOWN
    return _plain(question, answer)


def _plain(question: str, answer: Answer) -> str:
    """One answer that is known."""
    value, low, high = answer.value, answer.low, answer.high
    if question == "caches":
        return f"{answer.verdict}: {hits(answer)} of {answer.repetitions} second calls read"
    if question == "hit_rate":
        return f"{share(value)} ({share(low)} to {share(high)})"
    if question == "smallest":
        if value is None:
            return f"none: {answer.why}"
        about = "" if low == high else f" ({count(low)} to {count(high)})"
        return f"{count(value)} tokens{about}"
    if question == "tokens":
        return times(value)
    if question == "price":
        return f"{usd(value)} ({usd(low)} to {usd(high)})"
    return f"{answer.verdict}: {answer.why}"  # isolation, at_once


def _survival(given: Sequence[Answer]) -> str:
    """Between which idle times a prefix goes cold."""
    answered = (a for a in given if a.value is not None)
    timed = sorted(answered, key=lambda a: float(a.detail))
    if not timed:
        return UNKNOWN
    warm = [float(a.detail) for a in timed if a.verdict == "yes"]
    cold = [float(a.detail) for a in timed if a.verdict == "no"]
    if len(warm) + len(cold) < len(timed) or (warm and cold and max(warm) > min(cold)):
        return f"{UNKNOWN}: not the same each time"
    if not cold:
        return f"at least {span(max(warm))}"
    if not warm:
        return f"less than {span(min(cold))}"
    return f"{span(max(warm))}, and not {span(min(cold))}"
