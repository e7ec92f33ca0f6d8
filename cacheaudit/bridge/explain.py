"""`explain_cost()`: why one window cost more than another, to the cent."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import fsum
from typing import Any

import numpy as np
import pandas as pd

from ..cost import Costed, cost_of
from ..errors import ParamError
from ..price_table import PriceTable
from ..schema import check_cost, check_usage
from .bill import Billed, Span, beside_bill
from .limits import (
    LeftOut,
    blended_cells,
    counted_cells,
    left_out,
    notes,
    reasons,
    tokens_per_reference,
)
from .offers import Mask, Offers, offers_of
from .split import Split, split


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """From what *before* cost to what *after* cost.

    before, after          the two windows, [start, end)
    before_usd, after_usd  list prices of each bucket's day, over all cells that the bridge holds
    factors      {factor: USD}; the values add up to change_usd
    by_cell      scope, route, before_usd, after_usd and one column per factor, costliest first
    billed       the same beside the cost report; None without one, or where a window cuts a day
    left_out     cells without a known cost: in neither window's sum
    notes        what the reader must know, as sentences
    """

    before: Span
    after: Span
    before_usd: float
    after_usd: float
    factors: Mapping[str, float]
    by_cell: pd.DataFrame
    billed: Billed | None
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    @property
    def change_usd(self) -> float:
        """After less before."""
        return self.after_usd - self.before_usd

    @property
    def unexplained_usd(self) -> float | None:
        """Of the cost report's change, what neither factors nor discounts explain."""
        return None if self.billed is None else self.billed.unexplained_usd

    @property
    def discounts_usd(self) -> float | None:
        """Of the cost report's change, what a changing discount explains."""
        return None if self.billed is None else self.billed.discounts_usd

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {
            "before": {"window": list(self.before), "usd": self.before_usd},
            "after": {"window": list(self.after), "usd": self.after_usd},
            "change_usd": self.change_usd,
            "factors": dict(self.factors),
            "by_cell": self.by_cell.to_dict("records"),
            "billed": None if self.billed is None else self.billed.to_dict(),
            "left_out": [asdict(x) for x in self.left_out],
            "notes": list(self.notes),
        }


def explain_cost(
    usage: pd.DataFrame,
    before: Span,
    after: Span,
    cost: pd.DataFrame | None = None,
    *,
    tokenizers: Mapping[str, float] | None = None,
    prices: PriceTable | None = None,
    costed: Costed | None = None,
) -> Bridge:
    """Split the change of cost from window *before* to window *after* over its factors.

    usage       usage frame; buckets count to the window that their start lies in
    before, after  (start, end) in UTC, half-open; the windows may not overlap
    cost        cost table to set it beside
    tokenizers  {model: tokens per token of the models not named, for the same text}; without it
                a model whose tokenizer differs has its growth in `prompt_size`, and a note
    costed      what *usage* cost, where it is known already (cost.cost_of of a frame that has at
                least its rows)
    prices      prices of the caller's own, before the price list's

    The parts are Shapley values: the mean, over all orders in which the factors could have
    changed, of what each adds. They need no order and leave nothing over; a factor that did not
    change adds just 0. A migration's list-price difference is `model_mix`; `price` is the same
    model re-priced. Windows of unequal length differ in `volume`.

    Raises ParamError for windows that are not (start, end) in UTC, overlap, or hold no bucket.
    """
    usage = check_usage(usage) if costed is None else usage
    spans = _windows(before, after)
    inside = [_rows(usage, span) for span in spans]
    costed = cost_of(usage, prices) if costed is None else costed
    every, known = offers_of(usage, costed, *inside), dict(tokenizers or {})
    held, found, left = _held(every, costed, known)
    counted, blended = counted_cells(held), blended_cells(held, known)
    sums = fsum(found.before_usd), fsum(found.after_usd)
    factors = {f: fsum(part) for f, part in found.parts.items()}
    if blended.any() and factors["tokenizer"] == 0:
        del factors["tokenizer"]  # not known is not 0
    first, second = spans
    uneven = first[1] - first[0] != second[1] - second[0]
    bill = None if cost is None else beside_bill(check_cost(cost), *spans, sums[1] - sums[0])
    said = [*notes(held, counted, blended, left, uneven=uneven)]
    if cost is not None and bill is None:
        said.append("The cost report is by UTC day; it has no whole days of both windows.")
    return Bridge(
        before=first,
        after=second,
        before_usd=sums[0],
        after_usd=sums[1],
        factors=factors,
        by_cell=_by_cell(held, found, list(factors)),
        billed=bill,
        left_out=left,
        notes=tuple(said),
    )


def _held(
    every: Offers, costed: Costed, known: Mapping[str, float]
) -> tuple[Offers, Split, tuple[LeftOut, ...]]:
    """The cells that can be split, their split, and the others with their reasons."""
    why = reasons(every, costed)
    held = every.of_cells(np.array([not w for w in why], dtype=bool))
    left = left_out(every, why)
    found = split(held, counted_cells(held), tokens_per_reference(held, known))
    stuck = np.isnan(np.array(list(found.parts.values()))).any(axis=0)
    if stuck.any():
        rateless = ["an offer sells no such tokens as it stands in for" if s else "" for s in stuck]
        left = (*left, *left_out(held, rateless))
        held = held.of_cells(~stuck)
        found = split(held, counted_cells(held), tokens_per_reference(held, known))
    return held, found, left


def _windows(*spans: Span) -> tuple[Span, Span]:
    for name, (start, end) in zip(("before", "after"), spans, strict=True):
        for at in (start, end):
            if str(pd.Timestamp(at).tz) != "UTC":
                raise ParamError(f"{name} holds {at}; expected times in UTC.")
        if not start < end:
            raise ParamError(f"{name} ends at {end}, not after its start {start}; swap them.")
    (a, b), (c, d) = ((pd.Timestamp(x), pd.Timestamp(y)) for x, y in spans)
    if max(a, c) < min(b, d):
        raise ParamError(f"before [{a}, {b}) and after [{c}, {d}) overlap; set them apart.")
    return (a, b), (c, d)


def _rows(usage: pd.DataFrame, span: Span) -> Mask:
    start = usage["bucket_start"]
    inside: Mask = ((start >= span[0]) & (start < span[1])).to_numpy()
    if not inside.any():
        raise ParamError(
            f"[{span[0]}, {span[1]}) holds no bucket of the usage, which runs from {start.min()} to"
            f" {usage['bucket_end'].max()}; choose a window inside it."
        )
    return inside


def _by_cell(held: Offers, found: Split, factors: list[str]) -> pd.DataFrame:
    """One row per cell, the largest change first."""
    usd = {"before_usd": found.before_usd, "after_usd": found.after_usd}
    table = held.cells.assign(**usd, **{f: found.parts[f] for f in factors})
    change = (table["after_usd"] - table["before_usd"]).abs()
    return table.loc[change.sort_values(ascending=False, kind="stable").index].reset_index(
        drop=True
    )
