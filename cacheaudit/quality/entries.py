"""Rows of a bill that are no plain charges: credits, and what stands there twice.

Rows are summed as they are, for real exports repeat complete keys; so a bill that was put together
from overlapping exports counts twice, and only its amounts can tell.
"""

from collections.abc import Iterator

import pandas as pd

from ..words import listing, share, usd
from .bill import for_tokens
from .daily import days_listed
from .note import QualityNote
from .reconciled import PENNY, compared, gap, known


def credits_of(cost: pd.DataFrame) -> Iterator[QualityNote]:
    """A note on charges for tokens that are negative."""
    rows = cost[for_tokens(cost)]
    negative = rows[(rows["amount_usd"] < -PENNY).fillna(False)]
    if negative.empty:
        return
    amount, total = float(negative["amount_usd"].sum()), float(rows["amount_usd"].sum())
    models = listing(sorted(negative["model"].fillna("no model").unique()), 4)
    beside = f", {share(-amount / (total - amount))} of what is charged" if total > amount else ""
    yield QualityNote(
        id="cost_credits",
        severity="note",
        about="cost",
        text=f"{len(negative)} rows of the bill are negative, together {usd(amount)}{beside}:"
        f" {models} {days_listed(pd.DatetimeIndex(negative['day'].dt.floor('D')))}. They lower"
        " the charges of their days. A correction belongs there; a credit is a payment, no price:"
        " give it a cost_type of its own and it is left out.",
    )


def without_repeats(
    usage: pd.DataFrame, priced: pd.Series, cost: pd.DataFrame, tolerance: float
) -> pd.DataFrame | None:
    """*cost* without rows that repeat one in full, if that is what makes it agree; else None.

    It agrees where the gap to its charges, or to its list prices, is within *tolerance*.
    """
    repeats = cost.duplicated() & for_tokens(cost) & (cost["amount_usd"] > 0).fillna(False)
    if not repeats.any() or _agrees(usage, priced, cost, tolerance):
        return None
    once = cost[~repeats]
    return once if _agrees(usage, priced, once, tolerance) else None


def repeats_note(cost: pd.DataFrame, once: pd.DataFrame) -> QualityNote:
    """What `without_repeats` found."""
    twice = float(cost["amount_usd"].sum() - once["amount_usd"].sum())
    return QualityNote(
        id="cost_repeats",
        severity="note",
        about="cost",
        text=f"{len(cost) - len(once)} of {len(cost)} rows of the bill repeat another one in"
        f" full, {usd(twice)}. Without them it agrees with the priced tokens, so it was probably"
        " put together from overlapping exports and counts them twice. Rows are never dropped"
        " here: export the bill once.",
    )


def _agrees(usage: pd.DataFrame, priced: pd.Series, cost: pd.DataFrame, tolerance: float) -> bool:
    table, _ = compared(usage, priced, cost)
    ours = known(table["priced_usd"])
    for side in ("charged_usd", "list_usd"):
        theirs = known(table[side])
        if theirs.sum() > 0 and gap(theirs, ours) <= tolerance * theirs.sum():
            return True
    return False
