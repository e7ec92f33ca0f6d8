"""Unit prices on a day: what a million tokens of each class cost, or why nobody knows.

Pure: the price list is genai-prices' bundled data (price_list.py). Three sources, in this order,
each as of the day: the table that the caller gives, our own extra rows, the price list. The first
two are price_table.py's, and their rates are taken as they stand. Decisions on the third:

- Sums are priced at the base rate, or at the long-context rate where the source says so
  (context_window `200k-1M`), never by the per-request tiers.
- A token class without a rate is None, never 0.
- A write whose lifetime is not reported (`cache_write_other`) is priced at the provider's default
  lifetime. Where the provider documents that writes cost nothing extra (OpenAI before GPT-5.6),
  they are billed as plain input.
- Batch, tiers, speed and region are priced where the list or the provider's docs give the price,
  and Unpriced elsewhere: the standard price would be a guess.
"""

import re
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from genai_prices.types import ModelPrice

from .model_ids import base_id
from .price_list import (
    CONTEXT_WINDOWS,
    SOURCE,
    Entry,
    NoPrice,
    at_tier,
    find,
    in_force,
    undecided_tiers,
)
from .price_list import variant as listed_variant
from .price_table import RATES as RATES
from .price_table import STANDARD, GivenPrice, PriceTable, shipped_prices, way_of
from .rules import rule
from .schema import LIFETIMES, PRICE_DIMENSIONS, TOKEN_TYPES, TOKENS

# Docs: https://platform.claude.com/docs/en/about-claude/pricing, read 2026-08: batch is half the
# list price, inference in the US costs 1.1 times from version 4.6 on, and the factors stack.
BATCH_FACTOR, US_FACTOR, US_SINCE = Decimal("0.5"), Decimal("1.1"), (4, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPrice:
    """What a million tokens of each class cost; None where no rate is known.

    provider, model  as the source names them
    priced_as        the id that the source of the price has for it
    day              day (UTC) the price was asked for
    valid_from       first day of the price in force, or None where the list has no date
    source           where the rates come from: genai-prices and its version, or a table's name
    source_url       the page they were read from, "" where none is named
    notes            what was assumed
    """

    provider: str
    model: str
    priced_as: str
    day: date
    valid_from: date | None
    source: str
    source_url: str = ""
    uncached_input_usd_per_mtok: float | None
    cache_read_usd_per_mtok: float | None
    cache_write_5m_usd_per_mtok: float | None
    cache_write_30m_usd_per_mtok: float | None
    cache_write_1h_usd_per_mtok: float | None
    cache_write_12h_usd_per_mtok: float | None
    cache_write_other_usd_per_mtok: float | None
    output_usd_per_mtok: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpriced:
    """Tokens that have no price, and why; *nearest* are names the price list does know."""

    provider: str | None
    model: str | None
    reason: str
    nearest: tuple[str, ...] = ()
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    """The prices of a usage frame.

    rates     one row per row of usage, RATES as columns, USD per million tokens, NA unpriced
    used      each distinct price once, with the first day it was used
    unpriced  what has no price, with its tokens
    """

    rates: pd.DataFrame
    used: tuple[UnitPrice, ...]
    unpriced: tuple[Unpriced, ...]


@lru_cache(maxsize=8192)  # the list is bundled: the same question has one answer
def unit_price(
    provider: str,
    model: str,
    day: date,
    *,
    service_tier: str | None = None,
    context_window: str | None = None,
    region: str | None = None,
    speed: str | None = None,
    prices: PriceTable | None = None,
) -> UnitPrice | Unpriced:
    """The price of *model* at *provider* on *day* (UTC), or why there is none.

    prices   rows that go before our own and the price list's; None has none
    """
    at = _midnight(day)
    given = dict(zip(PRICE_DIMENSIONS, (service_tier, context_window, region, speed), strict=True))
    ways = tuple(way_of(name, value) for name, value in given.items())
    passed: list[str] = []
    for table in (prices, shipped_prices()):
        if table is None or not table.rows:
            continue
        if row := table.find(provider, model, at.date(), ways):
            return _as_given(row, table, provider, model, at.date(), passed)
        if gap := table.gap(provider, model, at.date(), ways):
            passed.append(gap)
    return _as_listed(provider, model, at, given, passed)


def _as_given(
    row: GivenPrice,
    table: PriceTable,
    provider: str,
    model: str,
    day: date,
    notes: list[str],
) -> UnitPrice:
    return UnitPrice(
        provider=provider,
        model=model,
        priced_as=row.model,
        day=day,
        valid_from=row.valid_from,
        source=table.source,
        source_url=row.source_url,
        notes=tuple(notes),
        **dict(zip(RATES, row.rates, strict=True)),
    )


def _as_listed(
    provider: str, model: str, at: datetime, given: dict[str, str | None], passed: list[str]
) -> UnitPrice | Unpriced:
    """The price in the price list; *passed* is why no table had it."""
    try:
        entry = find(provider, model)
        prices, valid_from = in_force(entry, at)
        factor = _region_factor(entry, base_id(provider, model), given["region"])
        notes = [f"{why}: the price list is used" for why in passed]
        if not entry.own:
            notes.append(f"{provider} lists no price of its own: its maker's is used")
        if context := _price_context(given["service_tier"], given["speed"]):
            if listed := listed_variant(entry, at, context):
                prices = listed
            else:
                factor *= _documented_factor(entry, at, context)
                notes.append("half the list price, as documented for batches")
        by_class, assumed = _by_class(provider, entry, prices, given["context_window"])
    except NoPrice as no:
        reason = "; ".join([no.reason, *passed])
        return Unpriced(provider=provider, model=model, reason=reason, nearest=no.nearest)
    return UnitPrice(
        provider=provider,
        model=model,
        priced_as=entry.info.id,
        day=at.date(),
        valid_from=valid_from,
        source=SOURCE,
        source_url=entry.source_url,
        notes=(*notes, *assumed),
        **{k: None if v is None else float(v * factor) for k, v in by_class.items()},
    )


def rates(usage: pd.DataFrame, prices: PriceTable | None = None) -> PriceBook:
    """The prices of *usage*, looked up once per provider, model, day and price dimensions.

    prices   rows that go before our own and the price list's; None has none
    """
    names = ["provider", "model", *PRICE_DIMENSIONS]
    key = usage[names].assign(day=usage["bucket_start"].dt.normalize())
    group = key.groupby([*names, "day"], dropna=False, sort=False).ngroup()
    first = key[~group.duplicated()].astype(object)
    found = [_price_of(row, prices) for row in first.where(first.notna(), None).to_dict("records")]
    table = pd.DataFrame(
        [[getattr(p, c, None) for c in RATES] for p in found], columns=RATES, dtype="Float64"
    )
    place = group.to_numpy()
    lacking = table.isna().to_numpy()[place]
    without = np.where(lacking, usage[TOKENS].to_numpy("int64", na_value=0), 0)
    tokens = pd.DataFrame(without).groupby(place).sum().to_numpy()
    return PriceBook(
        rates=table.take(place).set_axis(usage.index),
        used=_distinct(found),
        unpriced=_unpriced(found, tokens),
    )


def _price_of(row: dict[Hashable, Any], prices: PriceTable | None) -> UnitPrice | Unpriced:
    """The price of one distinct row; None stands for NA."""
    provider, model, day = row["provider"], row["model"], row["day"]
    if provider is None or model is None:
        missing = "provider" if provider is None else "model"
        reason = f"the source did not name the {missing}"
        return Unpriced(provider=provider, model=model, reason=reason)
    ways = {name: row[name] for name in PRICE_DIMENSIONS}
    return unit_price(provider, model, day, **ways, prices=prices)


def _distinct(prices: list[UnitPrice | Unpriced]) -> tuple[UnitPrice, ...]:
    found: dict[UnitPrice, UnitPrice] = {}
    for price in prices:
        if isinstance(price, UnitPrice):
            dateless = replace(price, day=date.min)
            if dateless not in found or price.day < found[dateless].day:
                found[dateless] = price
    return tuple(sorted(found.values(), key=lambda p: (p.provider, p.model, p.day)))


def _unpriced(
    prices: list[UnitPrice | Unpriced], tokens: npt.NDArray[np.int64]
) -> tuple[Unpriced, ...]:
    """What has tokens and no rate, summed over days; *tokens* (n, classes) has a row per price."""
    by_price: dict[Unpriced | tuple[str, str, str], npt.NDArray[np.int64]] = {}
    for price, row in zip(prices, tokens, strict=True):
        what = price if isinstance(price, Unpriced) else (price.provider, price.model, price.source)
        by_price[what] = row + by_price.get(what, np.int64(0))
    sums: Counter[Unpriced] = Counter()
    for what, row in by_price.items():
        if isinstance(what, Unpriced):
            sums[what] += int(row.sum())
            continue
        provider, model, source = what
        name = "the price list" if source == SOURCE else source
        for kind, count in zip(TOKEN_TYPES, row, strict=True):
            reason = f"{name} has no rate for {kind}"
            sums[Unpriced(provider=provider, model=model, reason=reason)] += int(count)
    return tuple(replace(u, tokens=n) for u, n in sums.most_common() if n > 0)


def _midnight(day: date) -> datetime:
    if isinstance(day, datetime) and day.tzinfo is not None:
        day = day.astimezone(UTC)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _price_context(service_tier: str | None, speed: str | None) -> dict[str, str]:
    """The library's name for what is not the standard way of serving; empty for standard."""
    context = {}
    if (tier := (service_tier or "").lower()) not in STANDARD:
        context = {"processing": "batch"} if tier == "batch" else {"service_tier": tier}
    if (pace := (speed or "").lower()) not in STANDARD:
        if context:
            raise NoPrice(f"no price for service tier {tier!r} and speed {pace!r} together")
        context = {"speed": pace}
    return context


def _documented_factor(entry: Entry, at: datetime, context: dict[str, str]) -> Decimal:
    if entry.seller.id == "anthropic" and context == {"processing": "batch"}:
        return BATCH_FACTOR
    kind, value = next(iter(context.items()))
    raise NoPrice(f"the price list has no price for {kind} {value!r} on {at:%Y-%m-%d}")


def _region_factor(entry: Entry, name: str, region: str | None) -> Decimal:
    """On Bedrock the place is in the id; elsewhere it is a factor, known for one case."""
    place = (region or "").lower()
    if place in STANDARD or entry.seller.id == "aws":
        return Decimal(1)
    found = re.fullmatch(r"claude-[a-z]+-(\d+)(?:-(\d+))?", name)
    version = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    if entry.seller.id == "anthropic" and place == "us" and version >= US_SINCE:
        return US_FACTOR
    raise NoPrice(f"no price is known for region {region!r}")


def _by_class(
    provider: str, entry: Entry, prices: ModelPrice, context_window: str | None
) -> tuple[dict[str, Decimal | None], list[str]]:
    """{column of RATES: USD per million tokens}, and what was assumed."""
    if context_window and context_window not in CONTEXT_WINDOWS:
        raise NoPrice(f"context_window {context_window!r} is none of {CONTEXT_WINDOWS}")
    names = ("input", "cache_read", "cache_write", "cache_write_1h", "output")
    listed = {name: getattr(prices, f"{name}_mtok") for name in names}
    notes = [
        f"prompts above {start:,} tokens are dearer; the source does not tell, base rate used"
        for start in undecided_tiers(listed, context_window)
    ]
    rate = {name: at_tier(price, context_window) for name, price in listed.items()}
    writes = dict.fromkeys(LIFETIMES) | {"1h": rate["cache_write_1h"]}
    if rate["cache_write"] is not None:
        writes |= dict.fromkeys([_default_lifetime(entry.info.id), "other"], rate["cache_write"])
    elif _writes_are_input(provider, entry.info.id):
        writes = dict.fromkeys(LIFETIMES, rate["input"])
        notes.append("the provider has no write fee: writes are billed as plain input")
    values = [rate["input"], rate["cache_read"], *writes.values(), rate["output"]]
    return dict(zip(RATES, values, strict=True)), notes


def _default_lifetime(priced_as: str) -> str:
    """The lifetime that the list's one write price is for; `other` where nobody says."""
    if re.search(r"claude|nova", priced_as):
        return "5m"
    return "30m" if "gpt-" in priced_as else "other"


def _writes_are_input(provider: str, priced_as: str) -> bool:
    """Documented by OpenAI, and by Azure for the same models: no fee before GPT-5.6."""
    known = rule("openai" if provider.lower() == "azure" else provider, priced_as)
    return known is not None and known.writes_billed is False
