"""Names in use that end, or that move to another version without the caller."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..aliases import Kind, standing
from ..schema import TOKENS

ENDING: tuple[Kind, ...] = ("retired", "retiring", "deprecated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A name that served in the week and will not stay what it is.

    kind       retired, retiring, deprecated, or moving
    on         first day without it, ISO 8601; None: not told, or it only moves
    days       from the end of the data to that day; below 0: it was due
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

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {name: getattr(self, name) for name in self.__slots__}


def ahead_of(week: pd.DataFrame, until: pd.Timestamp, ahead_days: float) -> tuple[Ahead, ...]:
    """Names of *week* (usage rows) that end within *ahead_days* of *until*, the next first; then
    those that move, by their traffic.

    A name is what was asked for, where usage tells it, and the version that served.
    """
    tokens = week[TOKENS].to_numpy("float64", na_value=0.0).sum(axis=1)
    total, found = float(tokens.sum()), dict[tuple[str, str], Ahead]()
    for column in ("model", "model_requested"):
        sums = week.assign(tokens=tokens).groupby(["provider", column])["tokens"].sum()
        for row in sums.reset_index().itertuples(index=False):
            share = float(row[2]) / total if total > 0 else 0.0
            for one in _of(str(row[0]), str(row[1]), share, until, ahead_days):
                found[one.provider, one.name] = one
    return tuple(sorted(found.values(), key=_order))


def _of(
    provider: str, name: str, share: float, until: pd.Timestamp, ahead_days: float
) -> Iterator[Ahead]:
    is_ = standing(provider, name, until.date())
    days = None if is_.retires_on is None else (pd.Timestamp(is_.retires_on, tz="UTC") - until).days
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
