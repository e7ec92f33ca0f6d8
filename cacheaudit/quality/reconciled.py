"""Is the money settled by a bill, or a draft? Charges beside prices, day by day, model by model.

Compared are the UTC days that usage covers in whole and that lie between the bill's first and last
day; of the bill, what is charged for tokens, credits included. The gap is the sum over day and
model of |charged - priced|, so a day that is too dear never makes up for one that is too cheap,
nor one model for another. A side that has nothing for a day and model counts there with its whole
amount; half a cent is rounding. Where the bill names no model, days are compared, and only then
can two models of one day cancel.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..bars import Bars
from .bill import cost_table, for_tokens, whole_days
from .totals import DAY, Floats

Standing = Literal["reconciled", "draft", "no_bill"]

TOLERANCE = Bars().bill_tolerance
PENNY = 0.005  # USD: rounding of one line of a bill
SHOWN = 10
DIFFERENCES = ["day", "model", "charged_usd", "priced_usd", "difference_usd"]
NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # frames do not compare
class Reconciliation:
    """What a bill says of the priced tokens. USD throughout; NaN where there is nothing to sum.

    standing          reconciled, draft, or no_bill: nothing that charges for tokens was given
    against           what the prices agree with: the charges, or the bill's own list prices, from
                      which the charges differ by a constant discount of each model; None in a draft
    reason            why, in words
    charged_usd, priced_usd   sums over the compared days, what is unpriced left out
    difference_share  the gap (see above) over charged_usd
    tolerance         largest gap that reconciles, as a share
    days              how many days were compared
    differences       DIFFERENCES of the largest, at most SHOWN rows; NaN: that side has nothing,
                      or no price for it
    list_usd, discount_usd   before discount, and what was taken off; NaN unless every charge
                      has a list price
    credits_usd       sum of the negative charges among them: 0 or less
    """

    standing: Standing
    reason: str
    tolerance: float
    against: Literal["charged", "list"] | None = None
    charged_usd: float = NAN
    priced_usd: float = NAN
    difference_share: float = NAN
    days: int = 0
    differences: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=DIFFERENCES))
    list_usd: float = NAN
    discount_usd: float = NAN
    credits_usd: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As plain data: NaN is None, days are ISO 8601."""
        named = {n: getattr(self, n) for n in Reconciliation.__slots__ if n != "differences"}
        rows = self.differences.assign(day=[f"{d:%Y-%m-%d}" for d in self.differences["day"]])
        return {
            **{name: _plain(value) for name, value in named.items()},
            "differences": [
                {str(k): _plain(v) for k, v in row.items()} for row in rows.to_dict("records")
            ],
        }


def reconciliation(
    usage: pd.DataFrame,
    priced: pd.Series,
    cost: pd.DataFrame | None,
    *,
    tolerance: float = TOLERANCE,
) -> Reconciliation:
    """Hold *cost*, a cost table, against *priced*, USD of each row of *usage*."""
    if cost is None or not for_tokens(cost).any():
        why = "no bill was given" if cost is None else "the bill has no charge for tokens"
        return Reconciliation(standing="no_bill", reason=why, tolerance=tolerance)
    table, rows = compared(usage, priced, cost)
    if table.empty:
        why = "the bill and the usage have no whole day in common"
        return Reconciliation(standing="draft", reason=why, tolerance=tolerance)
    charged, ours = known(table["charged_usd"]), known(table["priced_usd"])
    lists = rows.loc[rows["amount_usd"].notna(), "list_usd"]
    whole = bool(len(lists) and lists.notna().all())
    listed = known(table["list_usd"]) if whole else None
    standing, against, why = _judge(table["model"], charged, ours, listed, tolerance)
    paid = float(charged.sum())
    return Reconciliation(
        standing=standing,
        against=against,
        reason=why,
        tolerance=tolerance,
        charged_usd=paid,
        priced_usd=float(ours.sum()),
        difference_share=gap(charged, ours) / paid if paid > 0 else NAN,
        days=table["day"].nunique(),
        differences=_largest(table, charged - ours),
        list_usd=NAN if listed is None else float(listed.sum()),
        discount_usd=NAN if listed is None else float(listed.sum()) - paid,
        credits_usd=float(rows["amount_usd"].clip(upper=0).sum()),
    )


def compared(
    usage: pd.DataFrame, priced: pd.Series, cost: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(cost_table, rows of the bill for tokens) of the whole days that both sides cover."""
    rows = cost[for_tokens(cost)]
    day = rows["day"].dt.floor("D")
    if usage.empty or rows.empty:
        return cost_table(usage, priced, cost).head(0), rows.head(0)
    both = whole_days(usage).intersection(pd.date_range(day.min(), day.max(), freq=DAY))
    table = cost_table(usage, priced, cost)
    return table[table["day"].isin(both)], rows[day.isin(both)]


def gap(charged: Floats, ours: Floats) -> float:
    """Sum of |charged - ours|, differences that are rounding left out."""
    off = np.abs(charged - ours)
    return float(off[off > PENNY].sum())


def _judge(
    model: pd.Series, charged: Floats, ours: Floats, listed: Floats | None, tolerance: float
) -> tuple[Standing, Literal["charged", "list"] | None, str]:
    paid = float(charged.sum())
    if paid <= 0:
        return "draft", None, "nothing was charged, net of credits, on the days in common"
    if gap(charged, ours) <= tolerance * paid:
        return "reconciled", "charged", "charges and prices agree by day and model"
    if listed is None or gap(listed, ours) > tolerance * float(listed.sum()):
        return "draft", None, "charges and prices differ by day and model"
    if gap(charged, _discounted(model, charged, listed)) <= tolerance * paid:
        why = "the bill's list prices and ours agree by day and model; the discount is constant"
        return "reconciled", "list", why
    return "draft", None, "the bill's list prices and ours agree, and the discount is not constant"


def _discounted(model: pd.Series, charged: Floats, listed: Floats) -> Floats:
    """*listed* at the one discount of each model that its charges add up to."""
    money = pd.DataFrame({"charged": charged, "listed": listed})
    sums = money.groupby(model.to_numpy()).transform("sum")
    share = sums["charged"] / sums["listed"].where(sums["listed"] > 0)
    return listed * known(share)


def _largest(table: pd.DataFrame, difference: Floats) -> pd.DataFrame:
    rows = table.assign(difference_usd=difference)
    order = rows["difference_usd"].abs().sort_values(ascending=False, kind="stable").index
    top = rows.loc[order[:SHOWN], DIFFERENCES]
    return top[top["difference_usd"].abs() > PENNY].reset_index(drop=True)


def known(column: pd.Series) -> Floats:
    """Amounts, 0 where a side has nothing."""
    return column.fillna(0.0).to_numpy("float64")


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value
