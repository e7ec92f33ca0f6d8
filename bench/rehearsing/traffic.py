"""A team's calls, drawn beforehand: when, on which shared prefix, in which conversation.

A call is either a single question below a shared prefix, or a turn of a conversation that grows
below one. Conversations and questions begin as Poisson processes in the hours that the team is
open, most of them in its busy hours; days differ. The k-th prefix has the weight 1 / k ** 0.7.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cacheaudit.probing.ask import filler

SAYS = "ok"  # the sandbox's answer, which the next turn repeats
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Its traffic.

    prefixes          shared ones, between the lengths `shortest` and `longest` in words, which are
                      tokens of the incumbent
    opens, closes     hours of the day, UTC; busy: from and to
    single_per_hour, talks_per_hour   questions and conversations that begin in a busy hour
    quiet             of that, in other hours
    turns             mean number after the first
    pause_s           mean time between turns, beside 5 s
    mood              spread of the days
    life              lifetime that is asked for: 5m or 1h
    """

    prefixes: int = 30
    shortest: int = 1500
    longest: int = 3600
    opens: float = 7.0
    closes: float = 15.0
    busy: tuple[float, float] = (9.0, 13.5)
    quiet: float = 0.25
    single_per_hour: float = 150.0
    talks_per_hour: float = 90.0
    turns: float = 3.0
    pause_s: float = 45.0
    mood: float = 0.06
    life: str = "5m"

    def length(self, prefix: int) -> int:
        """Words of the shared *prefix*; neither sorted by use nor equal."""
        spread = self.longest - self.shortest
        return self.shortest + spread * (prefix * 7 % self.prefixes) // max(1, self.prefixes - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call of the plan.

    talk    number of its conversation; None for a single question
    turn    from 0 on
    words   that the user says, turn by turn, up to this one
    """

    at_ms: int
    prefix: int
    talk: int | None
    turn: int
    words: tuple[int, ...]
    number: int

    @property
    def group(self) -> int:
        """What moves as a whole: the conversation, else the call."""
        return self.number if self.talk is None else self.talk


def planted(team: Team, first: pd.Timestamp, days: int, seed: int) -> list[Asked]:
    """All calls of *days* days from *first* (midnight, UTC) on, in order of time."""
    calls: list[Asked] = []
    for day in range(days):
        rng = np.random.default_rng([seed, day])
        calls += _day(team, round(first.timestamp() * 1000) + day * 24 * HOUR_MS, rng, len(calls))
    return sorted(calls, key=lambda one: (one.at_ms, one.number))


def _day(team: Team, midnight_ms: int, rng: np.random.Generator, number: int) -> list[Asked]:
    mood, (busy_from, busy_to) = rng.lognormal(0, team.mood), team.busy
    weight = 1 / np.arange(1, team.prefixes + 1) ** 0.7
    calls: list[Asked] = []
    for per_hour, talks in ((team.single_per_hour, False), (team.talks_per_hour, True)):
        many = rng.poisson(per_hour * mood * (team.closes - team.opens))
        for begun_h in rng.uniform(team.opens, team.closes, many):
            if not busy_from <= begun_h < busy_to and rng.random() >= team.quiet:
                continue
            at_ms = midnight_ms + int(begun_h * HOUR_MS)
            prefix = int(rng.choice(team.prefixes, p=weight / weight.sum()))
            said = [int(n) for n in rng.integers(20, 160, 1 + rng.poisson(team.turns) * talks)]
            talk = number + len(calls) if talks else None
            for turn in range(len(said)):
                calls.append(
                    Asked(
                        at_ms=at_ms, prefix=prefix, talk=talk, turn=turn,
                        words=tuple(said[: turn + 1]), number=number + len(calls),
                    )
                )  # fmt: skip
                at_ms += 5000 + int(rng.exponential(team.pause_s) * 1000)
    return calls


def body(team: Team, asked: Asked) -> dict[str, Any]:
    """The request of *asked*, without a model: a conversation is cached to its end, the text of a
    single question is not."""
    name, mark = f"p{asked.prefix}", {"type": "ephemeral", "ttl": team.life}
    shared = _text(name, team.length(asked.prefix))
    system = [{"type": "text", "text": shared, "cache_control": mark}]
    messages: list[dict[str, Any]] = []
    for turn, count in enumerate(asked.words):
        if turn:
            messages.append({"role": "assistant", "content": SAYS})
        text = _text(f"c{asked.group}t{turn}", count)
        messages.append({"role": "user", "content": [{"type": "text", "text": text}]})
    if asked.talk is not None:
        messages[-1]["content"][0]["cache_control"] = mark
    return {"max_tokens": 100, "system": system, "messages": messages}


def _text(name: str, count: int) -> str:
    """So many words, the first of which makes the text its own."""
    return f"{name} {filler(count - 1)}"
