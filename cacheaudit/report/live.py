"""What a probe measured of the versions in question, beside what usage says."""

from collections.abc import Callable, Mapping
from typing import Any

from ..postmortem import Postmortem
from ..show import Column, Details, Piece, Table
from ..words import UNKNOWN, count, share, span, usd

NAMES = {
    "offers": "offered", "caches": "caches at all", "smallest": "smallest cached prefix",
    "hit_rate": "hit rate at the team's pace", "survival": "warm after", "isolation":
    "warm on the old version is cold on the new", "at_once": "requests at once share an entry",
    "first_token": "first token", "tokens": "tokens per token on the old", "price":
    "input of 1,000 requests",
}  # fmt: skip
SHOWN: dict[str, Callable[[Any], str]] = {
    "share": share,
    "tokens": lambda value: f"{count(value)} tokens",
    "ms": lambda value: f"{count(value)} ms",
    "USD": usd,
    "ratio": lambda value: f"{value:.2f}",
}


def live_pieces(postmortem: Postmortem) -> list[Piece]:
    """The answers of the probe that was given; nothing without one."""
    if postmortem.live is None:
        return []
    columns = [
        Column("version"), Column("question"), Column("answer"), Column("measured", "right"),
        Column("95 % interval", "right"), Column("repetitions", "right"),
    ]  # fmt: skip
    rows = [
        [
            str(one["candidate"]), _question(one), str(one["verdict"]), _shown(one, "value"),
            _interval(one), count(one["repetitions"]),
        ]
        for one in postmortem.live.answers
    ]  # fmt: skip
    caption = f"Live, on {postmortem.live.day:%Y-%m-%d}, with {postmortem.live.prompts} prompts"
    return [Details("Measured by a probe", Table(columns, rows, caption))]


def _question(one: Mapping[str, Any]) -> str:
    name = NAMES.get(str(one["question"]), str(one["question"]))
    detail = str(one["detail"])
    if one["question"] == "survival":
        return f"{name} {span(float(detail))}"
    return f"{name} ({detail})" if detail else name


def _shown(one: Mapping[str, Any], name: str) -> str:
    if one[name] is None:
        return UNKNOWN
    return SHOWN.get(str(one["unit"]), str)(one[name])


def _interval(one: Mapping[str, Any]) -> str:
    if one["low"] is None or one["high"] is None:
        return UNKNOWN
    return f"{_shown(one, 'low')} to {_shown(one, 'high')}"
