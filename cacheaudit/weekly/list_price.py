"""What the models in use explain of a cost: a dearer list price that was chosen is no loss.

The baseline's tokens of a cohort, shared out over the models that served it in the week, at the
prices of the week's last day. The classes (read, written, plain) stay as they were, so that only
the price list moves. Made for a share of each model, as if all of them got the same kind of input.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from ..cost import cost_of
from ..price_table import PriceTable
from ..schema import COHORT, INPUT, PRICE_DIMENSIONS, TOKENS, Cohort, label

SERVED = ["provider", "model", *PRICE_DIMENSIONS]
Sums = Mapping[Cohort, tuple[float, float]]


def at_list_prices(
    base: pd.DataFrame, base_usd: pd.Series, week: pd.DataFrame, prices: PriceTable | None
) -> Sums:
    """Cohort -> USD of its *base* rows (as they were served, as the models of *week* would).

    NaN where a price is missing; a cohort that only one of the two has is left out.
    """
    if base.empty or week.empty:
        return {}
    tokens = week[INPUT].to_numpy("float64", na_value=0.0).sum(axis=1)
    served = week[[*COHORT, *SERVED]].assign(part=tokens)
    served = served.groupby([*COHORT, *SERVED], dropna=False, observed=True).sum().reset_index()
    whole = served.groupby(COHORT, dropna=False)["part"].transform("sum")
    had = base.groupby(COHORT, dropna=False)[TOKENS].sum().reset_index()
    was = base_usd.groupby([base[c] for c in COHORT], dropna=False).sum(skipna=False)
    both = served.assign(part=served["part"] / whole.where(whole > 0)).merge(
        had.assign(was=was.to_numpy()), on=COHORT
    )
    if both.empty:
        return {}
    counts = both[TOKENS].to_numpy("float64", na_value=0.0) * both[["part"]].to_numpy("float64")
    shared = both.assign(
        bucket_start=week["bucket_end"].max().floor("D"),
        **dict(zip(TOKENS, np.nan_to_num(counts).T, strict=True)),
    )
    would = cost_of(shared, prices).usd.groupby(
        [shared[c] for c in COHORT], dropna=False
    )  # fmt: skip
    sums = pd.DataFrame({
        "was": shared.groupby(COHORT, dropna=False)["was"].first(),
        "would": would.sum(skipna=False),
    })  # fmt: skip
    return {
        (label(scope), label(route)): (float(was), float(would))
        for (scope, route), was, would in zip(sums.index, sums["was"], sums["would"], strict=True)
    }


def in_all(sums: Sums) -> tuple[float, float]:
    """The sums of all cohorts."""
    return sum(was for was, _ in sums.values()), sum(would for _, would in sums.values())


def ratio_of(sums: Sums, members: Iterable[Cohort]) -> float | None:
    """By how much the price list alone makes *members* dearer; None where it cannot be told."""
    known = [sums[one] for one in members if one in sums]
    was, would = (sum(pair[n] for pair in known) for n in (0, 1))
    return would / was if was > 0 and would == would else None
