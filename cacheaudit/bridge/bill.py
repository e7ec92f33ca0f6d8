"""The bridge beside the cost report: discounts apart, and what neither explains."""

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from ..quality.bill import for_tokens

Span = tuple[pd.Timestamp, pd.Timestamp]
DAY = pd.Timedelta("1D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """Token charges of the cost report in the two windows, USD; None where it does not say.

    before_usd, after_usd   charged
    discounts_usd    how much dearer the after window got by a changing discount: the change of
                     what was charged less the change of the report's own list price
    unexplained_usd  the rest of the change of what was charged, beyond discounts and the bridge
    other_usd        change of what is charged for no tokens (searches, containers, fees)
    """

    before_usd: float
    after_usd: float
    discounts_usd: float | None
    unexplained_usd: float
    other_usd: float

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return asdict(self)


def beside_bill(cost: pd.DataFrame, before: Span, after: Span, change_usd: float) -> Billed | None:
    """*cost* (a cost table) beside a bridge of *change_usd*; None where a window cuts a day.

    Every row counts, credits (below zero) and rows that look alike as well. The report's list
    price is used only where every token charge of both windows has one.
    """
    if any(at != at.floor("D") for at in (*before, *after)):
        return None
    tokens = for_tokens(cost)
    was, now = (cost[tokens & _within(cost, span)] for span in (before, after))
    if was.empty or now.empty:
        return None
    charged = _sum(now, "amount_usd") - _sum(was, "amount_usd")
    listed = bool(was["list_usd"].notna().all() and now["list_usd"].notna().all())
    discounts = charged - (_sum(now, "list_usd") - _sum(was, "list_usd")) if listed else None
    fees = [cost[~tokens & _within(cost, span)] for span in (before, after)]
    return Billed(
        before_usd=_sum(was, "amount_usd"),
        after_usd=_sum(now, "amount_usd"),
        discounts_usd=discounts,
        unexplained_usd=charged - (discounts or 0.0) - change_usd,
        other_usd=_sum(fees[1], "amount_usd") - _sum(fees[0], "amount_usd"),
    )


def _within(cost: pd.DataFrame, span: Span) -> pd.Series:
    return (cost["day"] >= span[0]) & (cost["day"] < span[1])


def _sum(rows: pd.DataFrame, column: str) -> float:
    return float(rows[column].sum())
