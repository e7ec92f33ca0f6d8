"""Prices that were given rather than looked up: a team's own table, and the extra rows we ship.

    provider, model   as the usage names them. A model without its date and decorations covers
                      every spelling of it; a row that spells one out wins for that one
    service_tier, context_window, region, speed
                      empty is the standard way of serving (for a context window: prompts up to
                      200k tokens, or not told), `*` is any. A row with fewer `*` wins
    valid_from        first day (UTC) of the row; the latest that has begun holds
    RATES             USD per million tokens, as charged: no factor for batches or regions is
                      applied to them. Empty is unpriced, 0 is free
    source_url, checked_on   where the price was read, and when; both may be empty

Rows are appended, never edited. A row stands alone: a class it leaves empty is *not* filled from
the price list, because half a contract beside half a list price is a price that nobody charges.

prices.csv holds what genai-prices lacks and a vendor's page states. It has no row: for what is
known to be missing from genai-prices 0.2.3 (gpt-6.2-*, claude-mythos-5 and 5.1, 12-hour writes,
the day on which Sonnet 5.5's reads became cheaper) no source gives a figure that was verified.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd

from .errors import SchemaError
from .model_ids import base_id, is_bedrock, without_path
from .schema import PRICE_DIMENSIONS, TOKEN_TYPES

RATES = [f"{kind}_usd_per_mtok" for kind in TOKEN_TYPES]
REQUIRED = ["provider", "model", "valid_from"]
PRICES = ["provider", "model", *PRICE_DIMENSIONS, "valid_from", *RATES, "source_url", "checked_on"]
STANDARD = {"", "standard", "default", "global", "not_available"}
SHORT = "0-200k"  # the context window that is no surcharge anywhere
ANY = "*"
MIDNIGHT = " 00:00:00"  # what a pd.Timestamp without a time of day is printed with
PER_TOKEN = 1e-4  # USD per million tokens: nobody is that cheap, but a price *per token* is


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenPrice:
    """One row: its key, the first day it holds, and USD per million tokens by RATES."""

    provider: str
    model: str
    ways: tuple[str, ...]
    valid_from: date
    rates: tuple[float | None, ...]
    source_url: str
    checked_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # hashed by identity: prices are cached
class PriceTable:
    """Rows by (provider, model), and the name of what they were read from."""

    source: str
    rows: Mapping[tuple[str, str], tuple[GivenPrice, ...]]

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.rows.values())

    def find(
        self, provider: str, model: str, day: date, ways: tuple[str, ...]
    ) -> GivenPrice | None:
        """The row in force on *day* for *ways* (canonical PRICE_DIMENSIONS), or None.

        The most exact row wins, and of rows that are equally exact the latest.
        """
        fitting = [
            row
            for row in self._of(provider, model)
            if row.valid_from <= day and _covers(row, provider, ways)
        ]
        return max(fitting, key=lambda r: (_exactness(r, model), r.valid_from), default=None)

    def gap(self, provider: str, model: str, day: date, ways: tuple[str, ...]) -> str | None:
        """Why `find` has nothing although the table has rows for *model*; None without any."""
        rows = self._of(provider, model)
        if not rows:
            return None
        if (first := min(row.valid_from for row in rows)) > day:
            return f"{self.source} prices it from {first} on"
        named = [f"{n} {way!r}" for n, way in zip(PRICE_DIMENSIONS, ways, strict=True) if way]
        return f"{self.source} has no row for {' and '.join(named) or 'the standard way'} then"

    def _of(self, provider: str, model: str) -> list[GivenPrice]:
        seller = provider.strip().lower()
        names = dict.fromkeys([without_path(model), base_id(provider, model)])
        return [row for name in names for row in self.rows.get((seller, name), ())]


def way_of(dimension: str, value: str | None) -> str:
    """*value* of a price dimension as the table compares it; "" is the standard way."""
    text = (value or "").strip().lower()
    plain = {"", SHORT} if dimension == "context_window" else STANDARD
    return "" if text in plain else text


def check_prices(frame: pd.DataFrame, source: str) -> PriceTable:
    """The price table in *frame*, columns PRICES; *source* is what to call it.

    Raises SchemaError for columns that are missing or unknown, a row without provider, model or
    first day, a rate that is no number of at least 0, a row without any rate, and two rows for
    the same key and day.
    """
    if missing := [c for c in REQUIRED if c not in frame.columns]:
        raise SchemaError(
            f"{source} lacks the columns {missing} of a price table; found"
            f" {list(frame.columns)}. Rename yours, or see docs/SOURCES.md."
        )
    if unknown := [c for c in frame.columns if c not in PRICES]:
        raise SchemaError(
            f"{source} has unknown columns {unknown}; expected only {PRICES}. Rename or drop them."
        )
    rows: defaultdict[tuple[str, str], list[GivenPrice]] = defaultdict(list)
    first: dict[tuple[object, ...], int] = {}
    for number, cells in enumerate(frame.to_dict("records"), start=1):
        row = _row({str(k): v for k, v in cells.items()}, f"row {number} of {source}")
        key = (row.provider, row.model, row.ways, row.valid_from)
        if key in first:
            raise SchemaError(
                f"rows {first[key]} and {number} of {source} both price {row.model!r} at"
                f" {row.provider} from {row.valid_from}; expected one row for a key and a day."
                " Keep the one that holds."
            )
        first[key] = number
        rows[row.provider, row.model].append(row)
    return PriceTable(source=source, rows={key: tuple(own) for key, own in rows.items()})


@cache
def shipped_prices() -> PriceTable:
    """The extra rows of this package, prices.csv."""
    text = files("cacheaudit").joinpath("prices.csv").read_text(encoding="utf-8")
    lines = csv.DictReader(text.splitlines())
    frame = pd.DataFrame(list(lines), columns=list(lines.fieldnames or ()), dtype="str")
    return check_prices(frame, "cacheaudit's prices.csv")


def _covers(row: GivenPrice, provider: str, ways: tuple[str, ...]) -> bool:
    """On Bedrock the place is in the id, so that an empty region there is any."""
    return all(
        own in (ANY, way) or (name == "region" and not own and is_bedrock(provider))
        for name, own, way in zip(PRICE_DIMENSIONS, row.ways, ways, strict=True)
    )


def _exactness(row: GivenPrice, model: str) -> tuple[bool, int, list[bool]]:
    exact = [own != ANY for own in row.ways]
    return row.model == without_path(model), sum(exact), exact


def _row(cells: dict[str, Any], where: str) -> GivenPrice:
    text = {name: _text(value) for name, value in cells.items()}
    for name in REQUIRED:
        if not text[name]:
            raise SchemaError(f"{name} is empty in {where}; expected a value.")
    rates = tuple(_rate(name, text.get(name, ""), where) for name in RATES)
    if all(rate is None for rate in rates):
        raise SchemaError(
            f"{where} has no rate; expected USD per million tokens for at least one class."
            " Drop the row: a model without a price needs none."
        )
    checked_on = text.get("checked_on", "")
    return GivenPrice(
        provider=text["provider"].lower(),
        model=without_path(text["model"]),
        ways=tuple(way_of(name, text.get(name)) for name in PRICE_DIMENSIONS),
        valid_from=_day("valid_from", text["valid_from"], where),
        rates=rates,
        source_url=text.get("source_url", ""),
        checked_on=_day("checked_on", checked_on, where) if checked_on else None,
    )


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value).strip().removesuffix(MIDNIGHT)


def _rate(name: str, text: str, where: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise SchemaError(
            f"{name} is {text!r} in {where}; expected USD per million tokens, 0 or more, such as"
            " 6.25. Leave the cell empty where there is no price."
        )
    if 0 < value < PER_TOKEN:
        raise SchemaError(
            f"{name} is {text!r} in {where}; expected USD per *million* tokens. This reads like"
            " the price of one: multiply it by 1,000,000."
        )
    return value


def _day(name: str, text: str, where: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise SchemaError(
            f"{name} is {text!r} in {where}; expected a day such as 2026-03-01."
        ) from error
