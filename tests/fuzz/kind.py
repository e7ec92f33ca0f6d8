"""A format of logs as the fuzz sees it, and a valid log of it."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .values import Told

CANARY = "CANARY-of-a-prompt"  # stands in every free text: in no message, in no call
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000
DEEP = "@deep@"  # becomes brackets in brackets, more than most parsers follow


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens of one call, made up; all are above 0 and told apart by their digits."""

    rest: int
    read: int
    wrote: int
    out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A format of logs.

    call     (number, tokens) to the record of one call
    served   its (provider, model)
    truth    its columns, by the generator's own arithmetic
    told     the columns of a record by definition, {} where any; Bad, NoCall, Unknowable
    when     the time of a record that is a call (us); Bad
    head     records before the calls
    flat     whether records are rows of a CSV as well
    ordered  whether its lines must stay in order
    """

    reader: str
    call: Callable[[int, Spent], dict[str, Any]]
    served: tuple[str, str]
    truth: Callable[[Spent], Told]
    told: Callable[[Any], Told]
    when: Callable[[Any], int]
    head: tuple[Any, ...] = ()
    flat: bool = False
    ordered: bool = False

    def means(self, record: Any) -> Told:
        """Time and columns of *record*, {} where any. Raises Bad, NoCall, Unknowable."""
        columns = self.told(record)
        return columns and columns | {"ts": self.when(record)}


def stamp(number: int, form: str = "%Y-%m-%dT%H:%M:%S.000Z") -> str:
    return (START + timedelta(seconds=number)).strftime(form)


@dataclass(frozen=True, slots=True)
class Log:
    """A valid log: its records, and by time of each call (us) the time and tokens it must have."""

    kind: Kind
    head: list[Any]
    calls: list[dict[str, Any]]
    truth: dict[int, Told]

    def lines(self, separators: tuple[str, str] = (",", ":")) -> list[bytes]:
        return [dumped(r, separators) for r in (*self.head, *self.calls)]


def made(kind: Kind, rng: random.Random, most: int = 6, least: int = 2) -> Log:
    """A log of a few calls."""
    found, truth = [], {}
    for number in range(1, rng.randint(least, most) + 1):
        spent = Spent(*(rng.randint(1, 10**5) for _ in range(4)))
        found.append(kind.call(number, spent))
        ts = START_US + number * 10**6
        truth[ts] = kind.truth(spent) | {"ts": ts}
    return Log(kind, list(kind.head), found, truth)


def dumped(record: Any, separators: tuple[str, str] = (",", ":"), depth: int = 1000) -> bytes:
    """*record* as a line of JSON without its end."""
    text = json.dumps(record, separators=separators)
    return text.replace(f'"{DEEP}"', "[" * depth + "]" * depth).encode()
