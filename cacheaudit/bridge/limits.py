"""What a bridge cannot hold, cannot separate, or must say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from ..cost import Costed
from ..rules import tokenizer_ratio
from ..schema import label
from ..words import listing
from .offers import Floats, Mask, Offers, summed
from .states import OUTPUT


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A cell whose cost is not known in one of the windows."""

    scope: str | None
    route: str | None
    tokens: int
    reason: str


def counted_cells(offers: Offers) -> Mask:
    """Whether each cell's requests are counted wherever it has tokens, in both windows."""
    bad = np.zeros(len(offers.cell), dtype=bool)
    for side in (offers.before, offers.after):
        bad |= np.isnan(side.requests) | ((side.tokens.sum(axis=1) > 0) & (side.requests <= 0))
    return np.asarray(summed(offers.cell, bad, len(offers.cells)) == 0)


def reasons(offers: Offers, costed: Costed) -> list[str]:
    """Why the bridge cannot hold each cell; "" where it can."""
    counted = counted_cells(offers)
    return [
        _reason(offers, offers.cell == place, counted=bool(counted[place]), costed=costed)
        for place in range(len(offers.cells))
    ]


def left_out(offers: Offers, why: Sequence[str]) -> tuple[LeftOut, ...]:
    """The cells that have a reason."""
    sides, found = (offers.before, offers.after), []
    for place, (scope, route) in enumerate(offers.cells.itertuples(index=False)):
        if why[place]:
            tokens = sum(int(s.tokens[offers.cell == place].sum()) for s in sides)
            found.append(
                LeftOut(scope=label(scope), route=label(route), tokens=tokens, reason=why[place])
            )
    return tuple(found)


def _reason(offers: Offers, own: Mask, *, counted: bool, costed: Costed) -> str:
    sides = (offers.before, offers.after)
    unknown = own & np.isnan(np.add(*(s.usd for s in sides)))
    if unknown.any():
        models = offers.offers.loc[unknown, "model"].unique()
        lacking = {u.model for u in costed.book.unpriced}
        named = listing(sorted(str(m) for m in models))
        if {label(m) for m in models} <= lacking:
            return f"no price for {named}"
        return f"uncached input, reads or output of {named} are not reported"
    answers = [s.tokens[own, OUTPUT].sum() > 0 and s.tokens[own, :OUTPUT].sum() == 0 for s in sides]
    return "output without input, and no request counts" if any(answers) and not counted else ""


def tokens_per_reference(offers: Offers, tokenizers: Mapping[str, float]) -> Floats:
    """(n,) tokens of each offer's model per reference token; 1 where nobody says."""
    names = [label(m) for m in offers.offers["model"]]
    return np.array([tokenizers.get(m or "", 1.0) for m in names])


def blended_cells(offers: Offers, tokenizers: Mapping[str, float]) -> Mask:
    """Cells in which a tokenizer may have changed by a ratio that nobody stated, (cells,)."""
    tokens = [s.tokens.sum(axis=1) for s in (offers.before, offers.after)]
    blended = np.zeros(len(offers.cells), dtype=bool)
    models = offers.offers["model"]
    for place in np.unique(offers.cell):
        own = offers.cell == place
        sums = [pd.Series(t[own]).groupby(models[own].array).sum() for t in tokens]
        share = [s / s.sum() for s in sums if s.sum() > 0]
        if len(share) == 2:
            moved, came, left = share[1] - share[0], share[0] == 0, share[1] == 0
            pairs = product(moved.index[moved < 0], moved.index[moved > 0])
            blended[place] = any(
                (left[a] or came[b]) and not _known(str(a), str(b), tokenizers) for a, b in pairs
            )
    return blended


def _known(old: str, new: str, tokenizers: Mapping[str, float]) -> bool:
    if old in tokenizers or new in tokenizers:
        return True
    ratio = tokenizer_ratio(old, new)
    return ratio is not None and ratio[0] == ratio[1]


def notes(
    offers: Offers, counted: Mask, blended: Mask, left: Sequence[LeftOut], *, uneven: bool
) -> Iterator[str]:
    """What the reader of the bridge must know."""
    if left:
        who = listing([f"{_name(x.scope, x.route)} ({x.reason})" for x in left], 4)
        yield f"Left out, in neither window's sum: {who}."
    if not counted.all():
        who = "Requests are not counted" + _of(offers, ~counted)
        yield f"{who}: volume and prompt size are one factor, input_volume."
    if blended.any():
        yield (
            f"Traffic moved to a model with another tokenizer{_of(offers, blended)}, by a ratio"
            " that is not known: its growth is in prompt_size and output_size (input_volume without"
            " request counts) and cannot be separated. Count the same prompts on both"
            " versions and give the ratio in `tokenizers`."
        )
    if uneven:
        yield "The two windows differ in length: volume holds the difference."


def _of(offers: Offers, cells: Mask) -> str:
    """Which cells, where it is not all of them."""
    if cells.all():
        return ""
    names = [_name(label(s), label(r)) for s, r in offers.cells[cells].itertuples(index=False)]
    return f" for {listing(names, 4)}"


def _name(scope: str | None, route: str | None) -> str:
    return " via ".join(x for x in (scope, route) if x is not None) or "all traffic"
