"""What was bought in a window: requests, tokens and rates by cell and offer.

A cell is (scope, route): who called. An offer is what a cell calls: provider, model and all that
has a price of its own (tier, context window, region, speed). Cells are never models, else a new
model would have no "before".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..cost import Costed
from ..pricing import RATES
from ..schema import COHORT, PRICE_DIMENSIONS, TOKENS

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

OFFER = ["provider", "model", *PRICE_DIMENSIONS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """One window by offer: n offers, the same in the same order as in the other window.

    requests  (n,), NaN where any row that has tokens does not count them
    tokens    (n, classes) in the order of schema.TOKENS
    usd       (n,), NaN where any row has no price
    rate      (n, classes) USD per million tokens, weighted by the tokens of the class, or where
              there are none by all tokens of the row; NaN where no row has a rate
    """

    requests: Floats
    tokens: Floats
    usd: Floats
    rate: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """Both windows of all cells.

    cells    (scope, route), one row per cell
    offers   provider, model and price dimensions, one row per offer
    cell     (n,) place of each offer's cell in *cells*
    """

    cells: pd.DataFrame
    offers: pd.DataFrame
    cell: Places
    before: Bought
    after: Bought

    def of_cells(self, keep: Mask) -> "Offers":
        """Only the cells of *keep*."""
        own = keep[self.cell]
        return Offers(
            cells=self.cells[keep].reset_index(drop=True),
            offers=self.offers[own].reset_index(drop=True),
            cell=(np.cumsum(keep) - 1)[self.cell[own]],
            before=_only(self.before, own),
            after=_only(self.after, own),
        )


def offers_of(usage: pd.DataFrame, costed: Costed, before: Mask, after: Mask) -> Offers:
    """*usage* by cell and offer, in the rows of *before* and in those of *after*."""
    used = np.flatnonzero(before | after)
    rows = usage.iloc[used]
    key = rows[[*COHORT, *OFFER]]
    cell = key.groupby(COHORT, dropna=False, sort=True).ngroup().to_numpy("int64")
    offer = key.groupby([*COHORT, *OFFER], dropna=False, sort=True).ngroup().to_numpy("int64")
    first = pd.Series(offer).drop_duplicates().sort_values().index
    names = key.iloc[first].reset_index(drop=True)
    one = pd.Series(cell[first]).drop_duplicates()
    sides = [_bought(rows, costed, offer, len(names), window[used]) for window in (before, after)]
    return Offers(
        cells=names.loc[one.index, COHORT].reset_index(drop=True),
        offers=names[OFFER],
        cell=cell[first],
        before=sides[0],
        after=sides[1],
    )


def summed(place: Places, values: npt.NDArray[Any], n: int) -> Floats:
    """Sums of *values* by *place*, (n,)."""
    return np.bincount(place, weights=values, minlength=n).astype(np.float64)


def _bought(rows: pd.DataFrame, costed: Costed, offer: Places, n: int, inside: Mask) -> Bought:
    """Sums of the *rows* of one window, by *offer*."""
    place = offer[inside]

    def sums(values: Floats) -> Floats:
        return summed(place, values, n)

    index = rows.index[inside]
    tokens = rows.loc[index, TOKENS].to_numpy("float64", na_value=0.0)
    rate = costed.book.rates.loc[index, RATES].to_numpy("float64", na_value=np.nan)
    requests = rows.loc[index, "requests"].to_numpy("float64", na_value=np.nan)
    whole = tokens.sum(axis=1)
    counted = np.where(np.isnan(requests) & (whole == 0), 0.0, requests)
    return Bought(
        requests=sums(counted),
        tokens=np.column_stack([sums(t) for t in tokens.T]),
        usd=sums(costed.usd.loc[index].to_numpy("float64")),
        rate=np.column_stack(
            [_mean(sums, t, whole, r) for t, r in zip(tokens.T, rate.T, strict=True)]
        ),
    )


def _mean(sums: Callable[[Floats], Floats], tokens: Floats, whole: Floats, rate: Floats) -> Floats:
    """Mean rate by offer, over the tokens of the class or else over all tokens."""
    known = np.where(np.isnan(rate), 0.0, rate)
    over, own = (sums(np.where(np.isnan(rate), 0.0, t)) for t in (whole, tokens))
    paid, spent = sums(known * whole), sums(known * tokens)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(own > 0, spent / own, paid / over))


def _only(side: Bought, own: Mask) -> Bought:
    return Bought(
        requests=side.requests[own], tokens=side.tokens[own], usd=side.usd[own], rate=side.rate[own]
    )
