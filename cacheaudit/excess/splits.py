"""Excess of a lost cache: the same input at the split that the baseline had in that hour."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..cost import MTOK
from ..pricing import RATES, PriceBook
from ..schema import INPUT
from .estimate import NAN, Floats, Gap, variance

ENOUGH_DAYS = 4  # of baseline, before each hour of the day gets a split of its own


def split_gap(base: pd.DataFrame, inside: pd.DataFrame, book: PriceBook) -> Gap:
    """Input cost of *inside* minus the same input at the split that *base* had in that hour."""
    silent = (rows["uncached_input_tokens"].isna().any() for rows in (base, inside))
    if any(silent):
        return Gap(value=NAN, variance=NAN, days=0, reason="uncached input is not reported")
    tokens, rate = _tokens(inside), _rates(inside, book)
    before, days = _tokens(base), base["bucket_start"].to_numpy("datetime64[D]")
    profile = _profile(before, _hours(base), len(np.unique(days)))
    usual = usd_of(profile[_hours(inside)] * tokens.sum(axis=1, keepdims=True), rate)
    value = float((usd_of(tokens, rate) - usual).sum())
    mean_rate = _mean_rate(tokens, rate)
    away = usd_of(before, mean_rate) - usd_of(
        profile[_hours(base)] * before.sum(axis=1, keepdims=True), mean_rate
    )
    daily = pd.DataFrame({"away": away, "mtok": before.sum(axis=1) / MTOK}).groupby(days)
    sums = daily.sum().query("mtok > 0")
    spread = float((sums["away"] / sums["mtok"]).std(ddof=1)) if len(sums) > 1 else NAN
    return Gap(
        value=value,
        variance=variance(spread, float(tokens.sum()) / MTOK, len(sums), inside),
        days=len(sums),
    )


def _tokens(rows: pd.DataFrame) -> Floats:
    """Input by class, (n, classes)."""
    return rows[INPUT].to_numpy("float64", na_value=0.0)


def _rates(rows: pd.DataFrame, book: PriceBook) -> Floats:
    """USD per million tokens of each input class, (n, classes)."""
    return book.rates.loc[rows.index, RATES[:-1]].to_numpy("float64", na_value=NAN)


def usd_of(tokens: Floats, rate: Floats) -> Floats:
    """USD per row; NaN where tokens have no rate."""
    return np.asarray(np.where(tokens > 0, tokens * rate, 0.0).sum(axis=1) / MTOK)


def _mean_rate(tokens: Floats, rate: Floats) -> Floats:
    """Rates weighted by all input of a row, so that a class without tokens has one as well."""
    weight = np.where(np.isnan(rate), 0.0, tokens.sum(axis=1, keepdims=True))
    total = weight.sum(axis=0)
    sums = (np.nan_to_num(rate) * weight).sum(axis=0)
    return np.asarray(np.divide(sums, total, out=np.full_like(sums, NAN), where=total > 0))


def _profile(tokens: Floats, hour: npt.NDArray[np.int64], days: int) -> Floats:
    """Share of each input class by hour of the day, (24, classes); NaN without any baseline."""
    whole = tokens.sum(axis=0)
    sums = np.zeros((24, tokens.shape[1]))
    if days >= ENOUGH_DAYS:
        by_class = [np.bincount(hour, weights=t, minlength=24) for t in tokens.T]
        sums = np.column_stack(by_class)
    sums = np.where(sums.sum(axis=1, keepdims=True) > 0, sums, whole)
    total = sums.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(sums, total, out=np.full_like(sums, NAN), where=total > 0))


def _hours(rows: pd.DataFrame) -> npt.NDArray[np.int64]:
    return np.asarray(rows["bucket_start"].dt.hour, dtype=np.int64)
