"""What each model's name stands for and when it ends, as dated rows: model_lifecycle.csv.

    provider, model  whose name; Anthropic's rows hold on the Claude API, its AWS platform and
                     Microsoft Foundry. Bedrock and Google Cloud keep dates of their own
    names            snapshot: one version, for good. alias: the newest of several, so it moves.
                     undated: the only name of its model, and nobody has said that it stays
    resolves_to      what an alias answered with when it was last read; empty where nobody has said
    deprecated_on    day of the notice;  retires_on  last day is the day before; empty for not known
    source_url, checked_on, evidence   where it was read, when, and from whom: `docs` is the
                     vendor's own page, `sdk` what its SDK says of its own names, `third-party`
                     somebody who quotes the page, `data` recorded answers (for resolves_to)

Rows are appended, never edited: the later of two rows holds. A list asked live is newer than any
row (live.py).
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

Names = Literal["snapshot", "alias", "undated"]
Stage = Literal["active", "deprecated", "retired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a source says of one name; None is *not said*.

    stage        only of a live list: the provider's own word for where the model is
    dates_told   whether the source would have told a date: then None is *there is none*
    source       a URL, or what was asked
    """

    provider: str
    model: str
    names: Names | None = None
    resolves_to: str | None = None
    deprecated_on: date | None = None
    retires_on: date | None = None
    stage: Stage | None = None
    dates_told: bool = False
    source: str
    checked_on: date
    evidence: str


def fact(provider: str, model: str) -> Fact | None:
    """The newest row for *model*; None where the table has none."""
    return _by_name().get((provider, model))


def all_facts() -> tuple[Fact, ...]:
    """Every row, in the order of the table."""
    return _facts()


def newest(facts: Iterable[Fact]) -> dict[tuple[str, str], Fact]:
    """The fact that was read last of each provider and model; the later row of one day."""
    found: dict[tuple[str, str], Fact] = {}
    for one in facts:
        key = one.provider, one.model
        if key not in found or one.checked_on >= found[key].checked_on:
            found[key] = one
    return found


@cache
def _by_name() -> dict[tuple[str, str], Fact]:
    return newest(_facts())


@cache
def _facts() -> tuple[Fact, ...]:
    text = files("cacheaudit").joinpath("model_lifecycle.csv").read_text(encoding="utf-8")
    return tuple(_fact(row) for row in csv.DictReader(text.splitlines()))


def _fact(row: dict[str, str]) -> Fact:
    kinds: dict[str, Names] = {"snapshot": "snapshot", "alias": "alias", "undated": "undated"}
    return Fact(
        provider=row["provider"],
        model=row["model"],
        names=kinds[row["names"]],
        resolves_to=row["resolves_to"] or None,
        deprecated_on=_day(row["deprecated_on"]),
        retires_on=_day(row["retires_on"]),
        source=row["source_url"],
        checked_on=date.fromisoformat(row["checked_on"]),
        evidence=row["evidence"],
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
