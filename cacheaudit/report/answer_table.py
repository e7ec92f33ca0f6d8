"""Answers of a probe as they are: on its own page, and beside a postmortem."""

from collections.abc import Sequence

from ..probing.answers import Answer
from ..show import Column, Table
from ..words import NBSP, count, share, span, times, usd

PLAIN = {  # a question as part of a sentence
    "caches": "whether it caches", "hit_rate": "the hit rate", "smallest": "the smallest prefix",
    "survival": "survival", "isolation": "isolation", "at_once": "requests at once",
    "first_token": "the first token", "tokens": "the token ratio", "price": "the price",
    "offers": "what is offered",
}  # fmt: skip
UNITS = {"share": share, "USD": usd, "tokens": count, "ratio": times}


def every_answer(answers: Sequence[Answer], caption: str) -> Table:
    """*answers* with intervals, repetitions and reasons, question by question."""
    rows = [
        [
            f"{PLAIN[one.question]}{_of(one)}",
            one.candidate,
            one.verdict,
            f"{_value(one.unit, one.value)}{_interval(one)}",
            count(one.repetitions),
            one.why,
        ]
        for one in sorted(answers, key=lambda a: list(PLAIN).index(a.question))
    ]
    columns = [
        Column("question"), Column("candidate"), Column("verdict"), Column("value", "right"),
        Column("repetitions", "right"), Column("what it is"),
    ]  # fmt: skip
    return Table(columns, rows, caption)


def _of(one: Answer) -> str:
    if not one.detail:
        return ""
    timed = one.question == "survival"
    return f", {span(float(one.detail)) if timed else one.detail}"


def _interval(one: Answer) -> str:
    if one.low is None or one.high is None:
        return ""
    return f" ({_value(one.unit, one.low)} to {_value(one.unit, one.high)})"


def _value(unit: str, value: float | None) -> str:
    if value is None:
        return ""
    return UNITS[unit](value) if unit in UNITS else f"{value:,.3g}{NBSP}{unit}".strip()
