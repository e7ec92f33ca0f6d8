"""What the price list asks for each class of tokens, for one way of being served on a day.

Decisions:

- Sums are priced at the base rate, or at the long-context rate where the source says so
  (context_window `200k-1M`), never by the per-request tiers.
- A write whose lifetime is not reported (`cache_write_other`) is priced at the provider's default
  lifetime. Where the provider documents that writes cost nothing extra (OpenAI before GPT-5.6),
  they are billed as plain input.
- Batch, tiers, speed and region are priced where the list or the provider's docs give the price,
  and NoPrice elsewhere: the standard price would be a guess.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from genai_prices.types import ModelPrice

from ..model_ids import base_id
from ..price_list import (
    CONTEXT_WINDOWS,
    Entry,
    NoPrice,
    at_tier,
    in_force,
    undecided_tiers,
    variant,
)
from ..price_table import RATES, STANDARD
from ..rules import rule
from ..schema import LIFETIMES

# Docs: https://platform.claude.com/docs/en/about-claude/pricing, read 2026-08: batch is half the
# list price, inference in the US costs 1.1 times from version 4.6 on, and the factors stack.
BATCH_FACTOR, US_FACTOR, US_SINCE = Decimal("0.5"), Decimal("1.1"), (4, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Rates of one entry.

    by_class    {column of RATES: USD per million tokens}; None where no rate is known
    valid_from  first day of the price in force, or None where the list has no date
    notes       what was assumed
    """

    by_class: dict[str, float | None]
    valid_from: date | None
    notes: tuple[str, ...]


def listed_rates(
    entry: Entry, provider: str, model: str, at: datetime, given: Mapping[str, str | None]
) -> Listed:
    """The rates of *entry* at the time *at*, for *given* (PRICE_DIMENSIONS). Raises NoPrice."""
    prices, valid_from = in_force(entry, at)
    factor = _region_factor(entry, base_id(provider, model), given["region"])
    notes = []
    if not entry.own:
        notes.append(f"{provider} lists no price of its own: its maker's is used")
    if context := _price_context(given["service_tier"], given["speed"]):
        if listed := variant(entry, at, context):
            prices = listed
        else:
            factor *= _documented_factor(entry, at, context)
            notes.append("half the list price, as documented for batches")
    by_class, assumed = _by_class(provider, entry, prices, given["context_window"])
    return Listed(
        by_class={k: None if v is None else float(v * factor) for k, v in by_class.items()},
        valid_from=valid_from,
        notes=(*notes, *assumed),
    )


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
