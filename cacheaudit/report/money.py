"""The cost section: is the money settled, excess and ceiling side by side, what has no price."""

import math
from typing import Any

import pandas as pd

from .. import plots
from ..diagnosis import IncidentDiagnosis
from ..excess import ColdStart, Estimate
from ..money_plots import plot_cumulated
from ..postmortem import Postmortem
from ..pricing import Unpriced
from ..quality import Reconciliation
from ..schema import label
from ..show import Column, Details, Figure, Piece, Prose, Table
from ..words import cents, count, listing, moment, share, span, times, usd
from .bridges import bridge_pieces
from .panel import panel


def money(postmortem: Postmortem) -> list[Piece]:
    """Standing, excess beside ceiling, bridge, charges; and the prices that are missing."""
    found, top = postmortem.diagnosis, postmortem.diagnosis.costliest
    pieces = standing(found.reconciliation) if len(postmortem.usage) else []
    if top is not None:
        pieces += [_excess_table(top), *accrued(top), *bridge_pieces(postmortem.bridge)]
    if found.cost is not None and len(found.cost):
        by_day = _billed_table(found.cost)
        pieces.append(_billed_by_model(found.cost))
        pieces.append(Details("Cost report by day", by_day) if len(postmortem.usage) else by_day)
    if found.costed.book.unpriced:
        pieces.append(_unpriced(found.costed.book.unpriced))
    if top is None and found.cost is None and not found.costed.book.unpriced:
        if found.costed.usd.isna().any():
            return [Prose(["What it cost is not known: uncached input or output is not reported."])]
        pieces.append(Prose(["Every token has a price, and none of the cost is excess."]))
    return pieces


def standing(money: Reconciliation) -> list[Piece]:
    """Whether a bill settles the figures, and where it differs most."""
    name = {"reconciled": "Reconciled", "draft": "Draft", "no_bill": "Draft"}[money.standing]
    if money.standing == "no_bill":
        text = f"{name}: {money.reason}; all money is tokens at list prices."
        return [Prose([f"{text} Set a cost report beside it (cost_path, or an admin key)."])]
    text = (
        f"{name}: {usd(money.charged_usd)} were charged for tokens priced at"
        f" {usd(money.priced_usd)} on {money.days} days; {money.reason}. Summed over days and"
        f" models the two are {share(money.difference_share)} of the charges apart;"
        f" {share(money.tolerance)} may be (bill_tolerance)."
    )
    if money.discount_usd:
        text += f" Before discounts it is {usd(money.list_usd)}, {usd(money.discount_usd)} more."
    if money.credits_usd:
        text += f" Credits of {usd(-money.credits_usd)} are among the charges."
    table = _differences(money)
    if not len(money.differences):
        return [Prose([text])]
    shown = table if money.standing == "draft" else Details("The largest differences", table)
    return [Prose([text]), shown]


def _differences(money: Reconciliation) -> Table:
    rows = [
        [f"{r['day']:%Y-%m-%d}", label(r["model"]) or "all models", cents(_float(r["charged_usd"])),
         cents(_float(r["priced_usd"])), cents(_float(r["difference_usd"]))]
        for r in money.differences.to_dict("records")
    ]  # fmt: skip
    columns = [
        Column("day"), Column("model"), Column("charged, USD", "right"),
        Column("priced, USD", "right"), Column("difference", "right"),
    ]  # fmt: skip
    return Table(columns, rows, "Where bill and price list differ most")


def _unpriced(unpriced: tuple[Unpriced, ...]) -> Table:
    columns = [Column("model"), Column("tokens", "right"), Column("why"), Column("nearest known")]
    rows = [
        [u.model or "not named", count(u.tokens), u.reason, listing(list(u.nearest))]
        for u in unpriced
    ]
    return Table(columns, rows, "Unpriced: these tokens are in no sum of money")


def accrued(top: IncidentDiagnosis) -> list[Piece]:
    """The excess as it added up, against the most that a cold start can explain."""
    curve = top.excess_curve.buckets
    if len(curve) < 2:
        return []
    ceiling = None if top.cold_start is None else top.cold_start.ceiling_usd
    title = f"{usd(top.excess_usd.value)} beyond the baseline"
    if ceiling is not None and top.cold_start is not None:
        most = "within" if top.excess_usd.value <= ceiling else "beyond"
        title += f", {most} what a cold start can cost"
    figure = panel(title, 2.9, lambda ax: plots.time_axis(plot_cumulated(curve, ceiling, ax=ax)))
    caption = "Excess added up from the start of the incident, USD, with its 95 % interval; UTC."
    if ceiling is not None:
        caption += " Dashed: the most that a cold cache can have cost."
    return [Figure(figure, f"{title}. {caption}", caption)]


def _excess_table(top: IncidentDiagnosis) -> Table:
    cold, estimate, rate = top.cold_start, top.excess_usd, top.run_rate
    rows = [["Excess over the frozen baseline", usd(estimate.value), estimate.reason]]
    if not math.isnan(estimate.low):
        why = "from how the baseline strays, and from the doubt about start and end"
        rows.append(["95 % interval", interval(estimate), why])
    if rate is not None:
        days = f"mean of the last {rate.days} days, if it lasts"
        rows += [
            ["A day of it", _with_interval(rate.per_day), days],
            ["30 days of it", _with_interval(rate.per_month), "the same, from now on"],
        ]
    if (ahead := top.projected) is not None and top.recovery is not None:
        back = f"to {moment(top.recovery.projected_at)} at that rate; it shrinks, so rather less"
        rows.append(["In all, until it is back", _with_interval(ahead), back])
    if cold is not None:
        ttl = span(cold.ttl_s)
        each = "one write for all that was live"
        if cold.basis == "log" and cold.prefixes is not None:
            each = f"one write for each of {count(cold.prefixes)} live prefixes (request log)"
        rows += [
            ["Cold start, at most", usd(cold.ceiling_usd), each],
            *_used_again(cold, ttl),
            ["Cold start, observed", usd(cold.observed_usd), f"writes within {ttl} of the cutover"],
            ["Persisted", usd(cold.persisted_usd), f"later than {ttl} after traffic moved"],
        ]
    ratio = top.case.list_price_ratio
    rows.append(["List price of the same tokens", times(ratio), "chosen, so no excess"])
    columns = [Column("figure"), Column("value", "right"), Column("what it is")]
    return Table(columns, rows, "What it cost, and what a cold start can explain")


def _used_again(cold: ColdStart, ttl: str) -> list[list[str]]:
    """What a log knows beyond the ceiling: which of the live prefixes were missed at all."""
    if cold.used_again_usd is None or math.isnan(cold.used_again_usd):
        return []
    return [
        ["Of it, used again", usd(cold.used_again_usd), f"asked for within {ttl} (request log)"]
    ]


def interval(estimate: Estimate) -> str:
    """A 95 % interval in words, where there is one."""
    return f"{usd(estimate.low)} to {usd(estimate.high)}"


def _with_interval(estimate: Estimate) -> str:
    if math.isnan(estimate.low):
        return usd(estimate.value)
    return f"{usd(estimate.value)} ({interval(estimate)})"


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
