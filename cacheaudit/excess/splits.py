"""Excess of a lost cache: the same input at the split that the baseline had in that hour."""

import numpy as np
import pandas as pd

from ..cost import MTOK
from ..pricing import RATES, PriceBook
from ..schema import INPUT
from .estimate import NAN, Floats, Gap, refused
from .gaps import Days, by_hour, gap_of
from .usual import hours_since_epoch, usual_of, whole

NEEDED = {"uncached_input_tokens": "uncached input", "cache_read_tokens": "cache reads"}


def split_gap(base: pd.DataFrame, inside: pd.DataFrame, book: PriceBook, days: Days) -> Gap:
    """Input cost of *inside* minus the same input at the split that *base* had in that hour.

    At the prices of each row's own model and day. A write lifetime that is not reported is one
    that the provider does not sell; other classes must be reported.
    """
    for column, words in NEEDED.items():
        if base[column].isna().any() or inside[column].isna().any():
            return refused(f"{words} {'are' if words.endswith('s') else 'is'} not reported")
    tokens, rate = _tokens(inside), _rates(inside, book)
    hour, before = by_hour(base, _tokens(base))
    units = before.sum(axis=1)
    hour, before, units = hour[units > 0], before[units > 0], units[units > 0]
    usual = usual_of(before, units, hour)
    own = tokens.sum(axis=1)
    at = hours_since_epoch(inside["bucket_start"])
    excess = usd_of(tokens, rate) - usd_of(usual.at(whole(at)) * own[:, None], rate)
    mean_rate = _mean_rate(tokens, rate)
    off = usd_of(before - usual.at(hour) * units[:, None], mean_rate) / (units / MTOK)
    return gap_of(at, excess, own / MTOK, off, hour, units / MTOK, usual, days)


def _tokens(rows: pd.DataFrame) -> Floats:
    """Input by class, (n, classes)."""
    return rows[INPUT].to_numpy("float64", na_value=0.0)


def _rates(rows: pd.DataFrame, book: PriceBook) -> Floats:
    """USD per million tokens of each input class, (n, classes)."""
    return book.rates.loc[rows.index, RATES[:-1]].to_numpy("float64", na_value=NAN)


def usd_of(tokens: Floats, rate: Floats) -> Floats:
    """USD per row; NaN where tokens have no rate."""
    return np.asarray(np.where(tokens != 0, tokens * rate, 0.0).sum(axis=1) / MTOK)


def _mean_rate(tokens: Floats, rate: Floats) -> Floats:
    """Rates weighted by all input of a row, so that a class without tokens has one as well."""
    weight = np.where(np.isnan(rate), 0.0, tokens.sum(axis=1, keepdims=True))
    total = weight.sum(axis=0)
    sums = (np.nan_to_num(rate) * weight).sum(axis=0)
    return np.asarray(np.divide(sums, total, out=np.full_like(sums, NAN), where=total > 0))
