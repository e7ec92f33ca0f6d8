"""The unit price on a day: what a million tokens of each class cost, or why nobody knows.

Pure: the price list is genai-prices' bundled data (price_list.py). Three sources, in this order,
each as of the day: the table that the caller gives, our own extra rows, the price list. The first
two are price_table.py's, and their rates are taken as they stand; list_rates.py reads the third.
A token class without a rate is None, never 0.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from ..price_list import SOURCE, NoPrice, find
from ..price_table import RATES, GivenPrice, PriceTable, shipped_prices, way_of
from ..schema import PRICE_DIMENSIONS
from .list_rates import listed_rates


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
        listed = listed_rates(entry, provider, model, at, given)
    except NoPrice as no:
        reason = "; ".join([no.reason, *passed])
        return Unpriced(provider=provider, model=model, reason=reason, nearest=no.nearest)
    instead = [f"{why}: the price list is used" for why in passed]
    return UnitPrice(
        provider=provider,
        model=model,
        priced_as=entry.info.id,
        day=at.date(),
        valid_from=listed.valid_from,
        source=SOURCE,
        source_url=entry.source_url,
        notes=(*instead, *listed.notes),
        **listed.by_class,
    )


def _midnight(day: date) -> datetime:
    if isinstance(day, datetime) and day.tzinfo is not None:
        day = day.astimezone(UTC)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
