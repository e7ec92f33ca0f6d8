"""The cost section: excess and ceiling side by side, what was charged, what has no price."""

import math
from typing import Any

import pandas as pd

from ..diagnosis import IncidentDiagnosis
from ..postmortem import Postmortem
from ..schema import label
from ..show import Column, Details, Piece, Prose, Table
from ..words import UNKNOWN, count, listing, span, times, usd


def money(postmortem: Postmortem) -> list[Piece]:
    """Excess, cold-start ceiling and what persisted, side by side; prices that are missing."""
    found, top = postmortem.diagnosis, postmortem.diagnosis.costliest
    pieces: list[Piece] = []
    if top is not None:
        pieces.append(_excess_table(top))
    if found.cost is not None and len(found.cost):
        by_day = _billed_table(found.cost)
        pieces.append(_billed_by_model(found.cost))
        pieces.append(Details("Cost report by day", by_day) if len(postmortem.usage) else by_day)
    if found.costed.book.unpriced:
        pieces.append(
            Table(
                [
                    Column("model"),
                    Column("tokens", "right"),
                    Column("why"),
                    Column("nearest known"),
                ],
                [
                    [u.model or "not named", count(u.tokens), u.reason, listing(list(u.nearest))]
                    for u in found.costed.book.unpriced
                ],
                "Unpriced: these tokens are in no sum of money",
            )
        )
    if not pieces and found.costed.usd.isna().any():
        return [Prose(["What it cost is not known: uncached input or output is not reported."])]
    return pieces or [Prose(["Every token has a price, and none of the cost is excess."])]


def _excess_table(top: IncidentDiagnosis) -> Table:
    cold, estimate = top.cold_start, top.excess_usd
    interval = UNKNOWN
    if not math.isnan(estimate.low):
        interval = f"{usd(estimate.low)} to {usd(estimate.high)}"
    rows = [
        ["Excess over the frozen baseline", usd(estimate.value), estimate.reason],
        ["95 % interval", interval, "from how the days of the baseline differ"],
    ]
    if cold is not None:
        ttl = span(cold.ttl_s)
        rows += [
            ["Cold start, at most", usd(cold.ceiling_usd), "one write for all that was live"],
            ["Cold start, observed", usd(cold.observed_usd), f"writes within {ttl} of the cutover"],
            ["Persisted", usd(cold.persisted_usd), f"later than {ttl} after traffic moved"],
        ]
    ratio = top.case.list_price_ratio
    rows.append(["List price of the same tokens", times(ratio), "chosen, so no excess"])
    columns = [Column("figure"), Column("value", "right"), Column("what it is")]
    return Table(columns, rows, "What it cost, and what a cold start can explain")


def _billed_by_model(cost: pd.DataFrame) -> Table:
    """Charges by model, with the first and last day of each: a version change shows here too."""
    rows = []
    for name, own in cost.groupby("model", dropna=False):
        charged, listed = own["amount_usd"].sum(min_count=1), own["list_usd"].sum(min_count=1)
        days = f"{own['day'].min():%Y-%m-%d} to {own['day'].max():%Y-%m-%d}"
        rows.append([label(name) or "not named", days, usd(_float(charged)), usd(_float(listed))])
    columns = [
        Column("model"), Column("days"), Column("charged", "right"), Column("list price", "right")
    ]  # fmt: skip
    return Table(columns, rows, "Cost report by model")


def _float(value: Any) -> float:
    return float("nan") if pd.isna(value) else float(value)


def _billed_table(cost: pd.DataFrame) -> Table:
    sums = cost.groupby("day")[["amount_usd", "list_usd"]].sum(min_count=1).astype("float64")
    days = pd.date_range(sums.index.min(), sums.index.max(), freq="D")
    known = {day: (usd(a), usd(b)) for day, a, b in sums.itertuples()}
    rows = [[f"{day:%Y-%m-%d}", *known.get(day, ("no rows", "no rows"))] for day in days]
    rows.append(["Total", usd(sums["amount_usd"].sum()), usd(sums["list_usd"].sum())])
    columns = [Column("day"), Column("charged", "right"), Column("list price", "right")]
    return Table(columns, rows, "Cost report by day (UTC); a day without rows is not a day at 0")
