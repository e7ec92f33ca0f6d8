"""Names in use that end, or that move to another version without the caller."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..aliases import Kind, standing
from ..schema import TOKENS

INSTANT = pd.Timedelta("1us")
ENDING: tuple[Kind, ...] = ("retired", "retiring", "deprecated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A name that served in the week and will not stay what it is.

    kind       retired, retiring, deprecated, or moving
    on         first day without it, ISO 8601; None: not told, or it only moves
    days       from the day on which the data ends to that day; below 0: it was due
    share      of the week's tokens
    why, source   in words, and where it was read
    """

    provider: str
    name: str
    kind: Kind
    on: str | None
    days: int | None
    share: float
    resolves_to: str | None
    why: str
    source: str

    @property
    def due(self) -> bool:
        """Whether the data goes on beyond its end."""
        return self.kind == "retired"

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {name: getattr(self, name) for name in self.__slots__}


def ahead_of(week: pd.DataFrame, until: pd.Timestamp, ahead_days: float) -> tuple[Ahead, ...]:
    """Names of *week* (usage rows) that end within *ahead_days* of *until*, the next first; then
    those that move, by their traffic.

    A name is what was asked for, where usage tells it, and the version that served; its share is
    of all rows that have it as either.
    """
    tokens = week[TOKENS].to_numpy("float64", na_value=0.0).sum(axis=1)
    total, sums = float(tokens.sum()), dict[tuple[str, str], float]()
    names = ["provider", "model", "model_requested"]
    by = week.assign(tokens=tokens).groupby(names, dropna=False)["tokens"].sum().reset_index()
    told = by[names].astype(object).where(by[names].notna(), None).to_numpy(object)
    for (provider, *given), own in zip(told, by["tokens"].to_numpy("float64"), strict=True):
        for name in {name for name in given if name is not None}:
            sums[provider, name] = sums.get((provider, name), 0.0) + float(own)
    found = [
        one
        for (provider, name), own in sums.items()
        for one in _of(provider, name, own / total if total > 0 else 0.0, until, ahead_days)
    ]
    return tuple(sorted(found, key=_order))


def _of(
    provider: str, name: str, share: float, until: pd.Timestamp, ahead_days: float
) -> Iterator[Ahead]:
    last = until - INSTANT  # *until* is an open end: at midnight the day before is the last
    is_ = standing(provider, name, last.date())
    days = None if is_.retires_on is None else (is_.retires_on - until.date()).days
    ends = is_.kind in ENDING and (days is None or days <= ahead_days)
    if not ends and "moving" not in is_.kinds:
        return
    yield Ahead(
        provider=provider,
        name=name,
        kind=is_.kind if ends else "moving",
        on=str(is_.retires_on) if ends and is_.retires_on else None,
        days=days if ends else None,
        share=share,
        resolves_to=is_.resolves_to,
        why=is_.why,
        source=is_.source,
    )


def _order(one: Ahead) -> tuple[bool, float, float, str]:
    return (
        one.kind == "moving",
        float("inf") if one.days is None else one.days,
        -one.share,
        one.name,
    )
