"""Whether a name's end is announced, and for when: the live list before the table."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from .lifecycle import Fact, fact

Live = Mapping[tuple[str, str], Fact]
End = Literal["retired", "retiring", "deprecated"]

ABSENT = "the live list does not name it: it is gone, or not open to this key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The fact that holds, and what the other source says differently; "" for nothing."""

    fact: Fact
    disagrees: str = ""


def held_by(maker: str, name: str, live: Live | None, day: date) -> Held | None:
    """What holds of *maker*'s *name*: listed facts win, field by field where they are told.

    An alias that is not listed lives as long as the version it resolves to.
    """
    row = fact(maker, name)
    listed = _listed(maker, name, row, live)
    if row is None:
        return None if listed is None else Held(fact=listed)
    if listed is None:
        asked = any(provider == maker for provider, _ in live or {})
        over = row.retires_on is not None and row.retires_on <= day
        return Held(fact=row, disagrees=ABSENT if asked and not over else "")
    if not listed.dates_told:
        return Held(fact=replace(row, stage=listed.stage))
    kept = replace(listed, model=row.model, names=row.names, resolves_to=row.resolves_to)
    return Held(fact=kept, disagrees=_difference(row, kept))


def end_of(held: Held | None, day: date) -> tuple[End | None, date | None, str]:
    """How far along its end is on *day*, the first day without it, and words.

    Where a stage is told, it decides: Anthropic's past date on a model that is only deprecated is
    overdue, not done (docs of its list of models, SDK 2.12.0, read 2026-11).
    """
    if held is None:
        return None, None, ""
    one = held.fact
    if one.stage == "retired" or (one.stage is None and one.retires_on and one.retires_on <= day):
        return "retired", one.retires_on, f"retired on {one.retires_on or 'a day not told'}"
    if one.retires_on is not None and one.retires_on <= day:
        late = f"its end was due on {one.retires_on}, and it is still served"
        return "retiring", one.retires_on, late
    if one.retires_on is not None:
        return "retiring", one.retires_on, f"it retires on {one.retires_on}"
    if one.stage == "deprecated" or (one.deprecated_on and one.deprecated_on <= day):
        return "deprecated", None, "its end is announced, without a day"
    return None, None, ""


def _listed(maker: str, name: str, row: Fact | None, live: Live | None) -> Fact | None:
    if live is None:
        return None
    own = live.get((maker, name))
    if own is None and row is not None and row.resolves_to:
        return live.get((maker, row.resolves_to))
    return own


def _difference(row: Fact, kept: Fact) -> str:
    if row.retires_on == kept.retires_on:
        return ""
    was, now = (str(one.retires_on or "no end") for one in (row, kept))
    return f"the table of {row.checked_on} says {was}, the live list {now}; the list holds"
