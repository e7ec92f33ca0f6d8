"""What the tokens cost: list prices of each bucket's own day, by row, day and model.

A row that has tokens without a rate has no cost (NaN), never 0, and so has every sum that it
would belong to.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .price_table import PriceTable
from .pricing import RATES, PriceBook, rates
from .schema import PRICE_DIMENSIONS, TOKENS

MTOK = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Costed:
    """usd: cost of each row of a usage frame, NaN where it cannot be had; book: its prices."""

    usd: pd.Series
    book: PriceBook


def cost_of(usage: pd.DataFrame, prices: PriceTable | None = None) -> Costed:
    """Price every row of *usage* at the rates of its day.

    prices   rows that go before the price list's (pricing/unit.py)

    NaN where uncached input, reads or output are not reported, or where a class with tokens has
    no rate. A write lifetime that is not reported is one the provider does not sell.
    """
    book = rates(usage, prices)
    tokens = usage[TOKENS].to_numpy("float64", na_value=np.nan)
    rate = book.rates[RATES].to_numpy("float64", na_value=np.nan)
    required = [TOKENS.index(c) for c in ("uncached_input_tokens", "cache_read_tokens")]
    required.append(TOKENS.index("output_tokens"))
    silent = np.isnan(tokens[:, required]).any(axis=1)
    counts = np.nan_to_num(tokens)
    per_class = np.where(counts > 0, counts * rate, 0.0)
    usd = np.where(silent, np.nan, per_class.sum(axis=1) / MTOK)
    return Costed(usd=pd.Series(usd, index=usage.index, name="usd"), book=book)


def daily_cost(usage: pd.DataFrame, usd: pd.Series) -> pd.DataFrame:
    """Cost by UTC day and model: `day`, `model`, `usd` (NaN if any row of it is unpriced)."""
    day = usage["bucket_start"].dt.floor("D").rename("day")
    sums = usd.groupby([day, usage["model"]], dropna=False).sum(skipna=False)
    return sums.rename("usd").reset_index()


def repriced(
    rows: pd.DataFrame, at: pd.Timestamp, *, by: str, prices: PriceTable | None = None
) -> pd.DataFrame:
    """What *rows* cost by column *by*: `own`, as served, and `then`, by `then_model` at *at*.

    The ratio of the two is what the price list alone explains. NaN where a price is missing.

    rows   usage rows with `then_model`, and *by*
    at     the day whose prices hold for `then`
    prices rows that go before the price list's
    """
    names = ["provider", "model", *PRICE_DIMENSIONS]
    keys = [rows[c] for c in (by, "then_model", *names)]
    day = rows["bucket_start"].dt.normalize()
    own = rows[TOKENS].groupby([*keys, day], dropna=False, observed=True).sum(min_count=1)
    whole = own.groupby(level=list(range(len(keys))), dropna=False).sum(min_count=1).reset_index()
    then = whole.assign(model=whole["then_model"], bucket_start=at.normalize())
    sums = {"own": _sums(own.reset_index(), by, prices), "then": _sums(then, by, prices)}
    return pd.DataFrame(sums)


def _sums(rows: pd.DataFrame, by: str, prices: PriceTable | None) -> pd.Series:
    return cost_of(rows, prices).usd.groupby(rows[by]).sum(skipna=False)
