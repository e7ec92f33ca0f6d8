"""What the models in use explain of a cost: a dearer list price that was chosen is no loss.

The baseline's tokens of a cohort, shared out over the models that served it in the week, at the
prices of the week's last day. The classes (read, written, plain) stay as they were, so that only
the price list moves. Made for a share of each model, as if all of them got the same kind of input.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..cost import cost_of
from ..price_table import PriceTable
from ..schema import COHORT, INPUT, PRICE_DIMENSIONS, TOKENS, Cohort, label

SERVED = ["provider", "model", *PRICE_DIMENSIONS]
CRUMBS = 0.01  # of the tokens: so few without a price are left out; with more nothing is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """USD of a baseline, as it was served and as the models of the week would; and the shares of
    the tokens that have no price, weighed by `weight`, all tokens of the baseline."""

    was: float
    would: float
    unpriced: float
    weight: float


Sums = Mapping[Cohort, Priced]


def at_list_prices(
    base: pd.DataFrame, base_usd: pd.Series, week: pd.DataFrame, prices: PriceTable | None
) -> Sums:
    """Cohort -> USD of its *base* rows (as they were served, as the models of *week* would).

    Rows without a price are left out of both, and counted; a cohort that only one of the two has
    is left out.
    """
    if base.empty or week.empty:
        return {}
    tokens = week[INPUT].to_numpy("float64", na_value=0.0).sum(axis=1)
    served = week[[*COHORT, *SERVED]].assign(part=tokens)
    served = served.groupby([*COHORT, *SERVED], dropna=False, observed=True).sum().reset_index()
    day = week["bucket_end"].max().floor("D")
    served, lacking = _with_price(served, day, prices)
    had, without = _had(base, base_usd)
    whole = served.groupby(COHORT, dropna=False)["part"].transform("sum")
    both = served.assign(part=served["part"] / whole.where(whole > 0)).merge(had, on=COHORT)
    if both.empty:
        return {}
    counts = both[TOKENS].to_numpy("float64", na_value=0.0) * both[["part"]].to_numpy("float64")
    shared = both.assign(
        bucket_start=day, **dict(zip(TOKENS, np.nan_to_num(counts).T, strict=True))
    )
    shared = shared.assign(would=cost_of(shared, prices).usd)
    by = shared.groupby(COHORT, dropna=False)
    sums = by[["was", "weight"]].first().assign(would=by["would"].sum(skipna=False)).reset_index()
    sums = sums.merge(lacking, on=COHORT, how="left").merge(without, on=COHORT, how="left")
    sums["unpriced"] = sums[["lacking", "without"]].max(axis=1)
    values = sums[["was", "would", "unpriced", "weight"]].to_numpy("float64")
    return {
        (label(scope), label(route)): Priced(
            was=float(was), would=float(would), unpriced=float(unpriced), weight=float(weight)
        )
        for scope, route, (was, would, unpriced, weight) in zip(
            sums["scope"], sums["route"], values, strict=True
        )
    }


def _with_price(
    served: pd.DataFrame, day: pd.Timestamp, prices: PriceTable | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(rows of *served* with a price for every class of input, COHORT and share `lacking`)."""
    probe = served.assign(bucket_start=day, **dict.fromkeys(TOKENS, 0))
    probe["uncached_input_tokens"] = 1
    known = cost_of(probe, prices).usd.notna().to_numpy()
    return served[known], _lacking(served, ~known, "lacking")


def _had(base: pd.DataFrame, usd: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(COHORT, TOKENS, `was` and `weight` of the rows with a price, COHORT and share `without`)."""
    tokens = base[INPUT].to_numpy("float64", na_value=0.0).sum(axis=1)
    known = usd.notna().to_numpy()
    kept = base.loc[known, [*COHORT, *TOKENS]].assign(was=usd[known], weight=tokens[known])
    had = kept.groupby(COHORT, dropna=False).sum().reset_index()
    return had, _lacking(base[COHORT].assign(part=tokens), ~known, "without")


def _lacking(rows: pd.DataFrame, missing: "np.ndarray[Any, Any]", name: str) -> pd.DataFrame:
    """COHORT and, as *name*, the share of `part` in the rows that are *missing* a price."""
    parts = rows[COHORT].assign(lost=rows["part"].where(missing, 0.0), whole=rows["part"])
    sums = parts.groupby(COHORT, dropna=False)[["lost", "whole"]].sum().reset_index()
    part = (sums["lost"] / sums["whole"].where(sums["whole"] > 0)).fillna(0.0)
    return sums[COHORT].assign(**{name: part})


def in_all(sums: Sums) -> Priced:
    """The sums of all cohorts."""
    weight = sum(one.weight for one in sums.values())
    lost = sum(one.unpriced * one.weight for one in sums.values())
    return Priced(
        was=sum(one.was for one in sums.values()),
        would=sum(one.would for one in sums.values()),
        unpriced=lost / weight if weight > 0 else 0.0,
        weight=weight,
    )


def ratio_of(sums: Sums, members: Iterable[Cohort]) -> float | None:
    """By how much the price list alone makes *members* dearer; None where it cannot be told."""
    found = in_all({one: sums[one] for one in members if one in sums})
    if not found.was > 0 or found.would != found.would or found.unpriced > CRUMBS:
        return None
    return found.would / found.was
