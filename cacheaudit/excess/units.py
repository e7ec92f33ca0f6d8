"""Excess of longer answers, longer prompts and more traffic: units at what a unit took."""

import numpy as np
import pandas as pd

from ..causes.case import Case
from ..cost import MTOK, Costed
from ..pricing import RATES
from ..schema import INPUT
from .estimate import NAN, Floats, Gap, Ints, refused
from .gaps import Days, by_hour, gap_of
from .splits import usd_of
from .usual import hours_since_epoch, usual_of, whole


def unit_gap(
    case: Case, base: pd.DataFrame, inside: pd.DataFrame, priced: Costed, days: Days
) -> Gap:
    """What *inside* took minus its units at what a unit took in *base*, in USD.

    A unit is a request (a million input tokens, where requests are not counted); what it takes is
    output or input tokens, at the mean price paid for one in that bucket, or all cost.
    """
    counted = bool(inside["requests"].notna().any() and base["requests"].notna().any())
    if counted and inside["requests"].isna().any():
        return refused("requests are not counted throughout")
    taken, price = _spent(case.pattern, inside, priced)
    before, _ = _spent(case.pattern, base, priced)
    hour, sums = by_hour(base, np.column_stack([before, _units(base, counted=counted)]))
    hour, sums = hour[sums[:, 1] > 0], sums[sums[:, 1] > 0]
    usual = usual_of(sums[:, :1], sums[:, 1], hour)
    units, at = _units(inside, counted=counted), hours_since_epoch(inside["bucket_start"])
    excess = price * (taken - units * usual.at(whole(at))[:, 0])
    off = sums[:, 0] / sums[:, 1] - usual.at(hour)[:, 0]
    paid = float((price * units).sum() / units.sum()) if units.sum() > 0 else NAN
    return gap_of(at, excess, units, paid * off, hour, sums[:, 1], usual, days)


def volume_gap(
    base: pd.DataFrame,
    inside: pd.DataFrame,
    priced: Costed,
    days: Days,
    before: Ints,
    during: Ints,
) -> Gap:
    """What *inside* cost beyond what such hours cost in *base*: more of the same requests.

    before, during   hours since 1970 in which buckets may start, on days that have data of any
                     cohort: without rows of this one they cost nothing
    """
    first, later = _filled(base, priced, before), _filled(inside, priced, during)
    usual = usual_of(first[1][:, None], np.ones(len(first[0])), first[0])
    excess = later[1] - usual.at(later[0])[:, 0]
    off = first[1] - usual.at(first[0])[:, 0]
    one, every = np.ones(len(excess)), np.ones(len(off))
    return gap_of(later[0].astype(np.float64), excess, one, off, first[0], every, usual, days)


def _filled(rows: pd.DataFrame, priced: Costed, open_hours: Ints) -> tuple[Ints, Floats]:
    """(hours in which *rows* may have traffic, what they cost in USD)."""
    hour, usd = by_hour(rows, priced.usd.loc[rows.index].to_numpy("float64")[:, None])
    every = np.union1d(hour, open_hours)
    cost = np.zeros(len(every))
    cost[np.searchsorted(every, hour)] = usd[:, 0]
    return every, cost


def _units(rows: pd.DataFrame, *, counted: bool) -> Floats:
    if counted:
        return rows["requests"].to_numpy("float64", na_value=NAN)
    return np.asarray(rows[INPUT].to_numpy("float64", na_value=0.0).sum(axis=1) / MTOK)


def _spent(pattern: str, rows: pd.DataFrame, priced: Costed) -> tuple[Floats, Floats]:
    """What each row took, and the price of one of it in its bucket: tokens, or USD at 1."""
    usd = priced.usd.loc[rows.index].to_numpy("float64")
    if pattern not in ("more_output", "longer_prompts"):
        return usd, np.ones(len(rows))
    columns = ["output_tokens"] if pattern == "more_output" else INPUT
    wanted = [RATES[-1]] if pattern == "more_output" else RATES[:-1]
    rate = priced.book.rates.loc[rows.index, wanted].to_numpy("float64", na_value=NAN)
    tokens = rows[columns].to_numpy("float64", na_value=0.0)
    paid, count = usd_of(tokens, rate), tokens.sum(axis=1)
    _, place = np.unique(rows["bucket_start"].to_numpy(), return_inverse=True)
    sums = [np.bincount(place, weights=x)[place] for x in (paid, count)]
    mean = float(paid.sum() / count.sum()) if count.sum() > 0 else NAN
    return count, np.where(sums[1] > 0, sums[0] / np.maximum(sums[1], 1), mean)
