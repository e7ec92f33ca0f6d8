"""What the tokens cost: list prices of each bucket's own day, by row, day and model.

A row that has tokens without a rate has no cost (NaN), never 0, and so has every sum that it
would belong to.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .pricing import RATES, PriceBook, UnitPrice, rates, unit_price
from .schema import TOKENS

MTOK = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Costed:
    """usd: cost of each row of a usage frame, NaN where it cannot be had; book: its prices."""

    usd: pd.Series
    book: PriceBook


def cost_of(usage: pd.DataFrame) -> Costed:
    """Price every row of *usage* at the rates of its day.

    NaN where uncached input, reads or output are not reported, or where a class with tokens has
    no rate. A write lifetime that is not reported is one the provider does not sell.
    """
    book = rates(usage)
    tokens = usage[TOKENS].astype("float64").to_numpy()
    rate = book.rates[RATES].astype("float64").to_numpy()
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
    sums = usd.groupby([day, usage["model"]], dropna=False).agg(lambda s: s.sum(skipna=False))
    return sums.rename("usd").reset_index()


def repriced(rows: pd.DataFrame, model: str, at: pd.Timestamp) -> tuple[float, float]:
    """(USD of *rows* at the prices of *model* on the day of *at*, USD at their own prices).

    The ratio of the two is what the price list alone explains. NaN where a price is missing.
    """
    card = unit_price(str(rows["provider"].iloc[0]), model, at.date())
    if not isinstance(card, UnitPrice):
        return float("nan"), float("nan")
    tokens = rows[TOKENS].astype("float64").sum()
    own = float(cost_of(rows).usd.sum(skipna=False))
    return at_card(tokens, card), own


def at_card(tokens: pd.Series, card: UnitPrice) -> float:
    """USD of token sums (index TOKENS) at *card*; NaN if a class with tokens has no rate."""
    spent = [
        float(count) * (float("nan") if rate is None else rate)
        for count, rate in zip(tokens[TOKENS], (getattr(card, name) for name in RATES), strict=True)
        if count > 0
    ]
    return sum(spent) / MTOK
