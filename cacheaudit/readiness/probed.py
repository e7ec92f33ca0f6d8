"""What a probe says of a migration's two versions, and whether it may be held against a bar. Pure.

A rate counts where it was measured with the team's own prompts, lately, at the seller and on the
very ids that are asked about: another snapshot of a name is another version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ..live import Live

Interval = tuple[float | None, float | None, float | None]  # low, value, high
UNKNOWN: Interval = (None, None, None)
FRESH_DAYS = 30  # documented minimums have moved within months, so a measurement ages, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """Rates as (low, value, high); *lacks* is what would make them count, "" where they do.

    ratio   tokens on the candidate per token on the incumbent, if that was the incumbent measured
    """

    candidate: Interval = UNKNOWN
    incumbent: Interval = UNKNOWN
    ratio: Interval = UNKNOWN
    lacks: str = ""


def probed_of(
    live: Live | None, provider: str, candidate: str, incumbent: str, day: date
) -> Probed:
    """The answers of *live* about both versions at *provider*, on *day*."""
    if live is None:
        return Probed()
    new, old = (_labels(live, provider, model) for model in (candidate, incumbent))
    if len(new) != 1:
        found = ", ".join(sorted({model for _, model in live.models.values()}))
        many = f"it has {candidate} {len(new)} times" if new else f"it has {found}"
        return Probed(lacks=f"a probe of {candidate} at {provider}, once: {many}")
    rates = (_answer(live, new[0], "hit_rate"), _of_one(live, old, "hit_rate"))
    ratio = _answer(live, new[0], "tokens") if len(old) == 1 else UNKNOWN
    lacks = ""
    if not live.own_prompts:
        lacks = "a probe with the team's own prompts (prompts_path): this one sent synthetic ones"
    elif (age := (day - live.day).days) > FRESH_DAYS:
        lacks = f"a probe of the last {FRESH_DAYS} days: this one is {age} days old"
    return Probed(candidate=rates[0], incumbent=rates[1], ratio=ratio, lacks=lacks)


def _labels(live: Live, provider: str, model: str) -> list[str]:
    """What the probe calls the versions with that very id at that seller."""
    return [label for label, one in live.models.items() if one == (provider, model)]


def _of_one(live: Live, labels: list[str], question: str) -> Interval:
    return _answer(live, labels[0], question) if len(labels) == 1 else UNKNOWN


def _answer(live: Live, label: str, question: str) -> Interval:
    """A probe's answer; a rate that it calls not known has none."""
    for one in live.answers:
        if (one["candidate"], one["question"]) == (label, question) and one["value"] is not None:
            return _number(one, "low"), _number(one, "value"), _number(one, "high")
    return UNKNOWN


def _number(answer: Mapping[str, Any], name: str) -> float | None:
    return None if answer[name] is None else float(answer[name])
