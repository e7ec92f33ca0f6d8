"""genai-prices' bundled data, read strictly: which entry is a model, which row held on a day.

No network, no updates. The library matches loosely (`claude-opus-4-6-foo` is priced as
`claude-opus-4-6`), its tiers are per request, and an unknown price context silently falls back to
the list price. Here each of these is a NoPrice, or told apart from a real answer.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import version

from genai_prices import types as library
from genai_prices.data_snapshot import get_snapshot

from .model_ids import base_id, without_path

SOURCE = f"genai-prices {version('genai-prices')}"
LONG_CONTEXT = 200_000  # tokens; Anthropic reports usage on either side of it
CONTEXT_WINDOWS = ("0-200k", "200k-1M")

ListPrice = Decimal | library.TieredPrices | None


class NoPrice(Exception):
    """Why there is no price; pricing turns it into Unpriced."""

    def __init__(self, reason: str, nearest: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason, self.nearest = reason, nearest


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A model in the price list, and whose list it is."""

    seller: library.Provider
    info: library.ModelInfo

    @property
    def source_url(self) -> str:
        """The seller's own page of prices, as far as the list names one."""
        return next(iter(self.seller.pricing_urls or ()), "")

    @property
    def own(self) -> bool:
        """Whether the seller lists it itself, rather than pointing at its maker's list."""
        return any(self.info is m for m in self.seller.models)


def find(provider: str, model: str) -> Entry:
    """The entry that names *model*; NoPrice where the list has none, or only guesses."""
    found = _lookup(provider, model)
    if isinstance(found, Entry):
        return found
    raise NoPrice(*found)


def in_force(entry: Entry, at: datetime) -> tuple[library.ModelPrice, date | None]:
    """The price row in force at *at* and its first day; a later row wins, as in the library."""
    if isinstance(entry.info.prices, library.ModelPrice):
        return entry.info.prices, None
    for row in reversed(entry.info.prices):
        match row.constraint:
            case None:
                return row.prices, None
            case library.StartDateConstraint(start_date=start) if row.constraint.active(at):
                return row.prices, start
            case library.TimeOfDateConstraint():
                raise NoPrice("its price depends on the hour of the day")
    raise NoPrice(f"the price list has no price for it on {at:%Y-%m-%d}")


def variant(entry: Entry, at: datetime, context: Mapping[str, str]) -> library.ModelPrice | None:
    """The prices listed for *context* (batch, a service tier, a speed), or None.

    Only what is listed: the library fills the rest with list prices (reads of a GPT-4.1 batch).
    """
    listed: dict[str, ListPrice] = {}
    for each in (entry.info.price_variants or ()) if entry.own else ():
        if each.when == context and (each.constraint is None or each.constraint.active(at)):
            listed = vars(each.prices) | listed  # the first one wins, as in the library
    return library.ModelPrice(**listed) if listed else None


def at_tier(price: ListPrice, context_window: str | None) -> Decimal | None:
    """The base rate, or the highest tier that every prompt of a long context has reached."""
    if not isinstance(price, library.TieredPrices):
        return price
    long_context = context_window == CONTEXT_WINDOWS[1]
    reached = [t.price for t in price.tiers if long_context and t.start <= LONG_CONTEXT]
    return reached[-1] if reached else price.base


def undecided_tiers(prices: Mapping[str, ListPrice], context_window: str | None) -> list[int]:
    """Where tiers begin that *context_window* neither reaches nor excludes, in tokens."""
    tiered = (p for p in prices.values() if isinstance(p, library.TieredPrices))
    starts = sorted({t.start for p in tiered for t in p.tiers})
    if context_window == CONTEXT_WINDOWS[0]:
        return [s for s in starts if s < LONG_CONTEXT - 1]  # x-ai writes 199,999
    if context_window == CONTEXT_WINDOWS[1]:
        return [s for s in starts if s > LONG_CONTEXT]
    return starts


@lru_cache(maxsize=4096)
def _lookup(provider: str, model: str) -> Entry | tuple[str, tuple[str, ...]]:
    """The entry, or what NoPrice says: the reason and the nearest names."""
    snapshot = get_snapshot()
    try:
        seller = snapshot.find_provider(None, provider, None)
    except LookupError:
        near = get_close_matches(provider, [p.id for p in snapshot.providers])
        return f"the price list has no provider {provider!r}", tuple(near)
    names = {base_id(provider, n): n for m in seller.models for n in [*_names(m.match), m.id]}
    near = [names[n] for n in get_close_matches(base_id(provider, model), list(names))]
    try:
        _, info = snapshot.find_provider_model(without_path(model), seller, None, None)
    except LookupError:
        return f"the price list has no {model!r}", tuple(near)
    if not _is_named(info, provider, model):
        nearest = dict.fromkeys([info.id, *near])
        return f"the price list only guesses {model!r} to be {info.id!r}", tuple(nearest)
    return Entry(seller, info)


def _is_named(info: library.ModelInfo, provider: str, model: str) -> bool:
    """Whether *info* names *model*: by its id, a name it lists, or a dated pattern."""
    name = base_id(provider, model)
    if any(name == base_id(provider, known) for known in (info.id, *_names(info.match))):
        return True
    return any(re.search(p, without_path(model)) for p in _patterns(info.match))


def _names(clause: object) -> Iterator[str]:
    """Every name spelled out in a match clause; being equal to one is no guess."""
    match clause:
        case library.ClauseOr(or_=parts):
            for part in parts:
                yield from _names(part)
        case library.ClauseEquals(equals=name) | library.ClauseStartsWith(starts_with=name):
            yield name
        case library.ClauseContains(contains=name) | library.ClauseEndsWith(ends_with=name):
            yield name


def _patterns(clause: object) -> Iterator[str]:
    """The patterns in a match clause that describe a whole name."""
    match clause:
        case library.ClauseOr(or_=parts):
            for part in parts:
                yield from _patterns(part)
        case library.ClauseRegex(regex=text):
            if text.startswith("^") and text.endswith("$") and not re.search(r"\.[*+]", text):
                yield text
