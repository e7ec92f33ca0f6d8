"""The prices of a usage frame, and what in it has none."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..price_list import SOURCE
from ..price_table import RATES, PriceTable
from ..schema import PRICE_DIMENSIONS, TOKEN_TYPES, TOKENS
from .unit import UnitPrice, Unpriced, unit_price


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
