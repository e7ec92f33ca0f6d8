"""Both windows' cost by cell, and the change between them by factor."""

from dataclasses import dataclass

import numpy as np

from .offers import Floats, Mask, Offers, summed
from .shapley import shapley
from .states import PARTS, states_of, touched, usd_of

UNCOUNTED = "input_volume"  # volume and prompt size in one, where requests are not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """By cell, (cells,) each: USD before and after, and {factor: its part of the difference}."""

    before_usd: Floats
    after_usd: Floats
    parts: dict[str, Floats]


def split(offers: Offers, counted: Mask, per_token: Floats) -> Split:
    """The change of each cell over its factors; parts add up to it exactly.

    counted    (cells,) whether requests are counted
    per_token  (n,) tokens of each offer per reference token

    What rounding leaves over (1e-12 of the cost) goes to the largest part.
    """
    was, is_now = states_of(offers, counted, per_token)
    cells = len(offers.cells)

    def usd(changed: frozenset[str]) -> Floats:
        return summed(offers.cell, usd_of(was, is_now, changed), cells)

    found = shapley(touched(was, is_now), usd)
    before, after = (summed(offers.cell, side.usd, cells) for side in (offers.before, offers.after))
    parts = _named({f: found.get(f, np.zeros(cells)) for f in PARTS}, counted)
    return Split(before_usd=before, after_usd=after, parts=_whole(parts, after - before))


def _named(parts: dict[str, Floats], counted: Mask) -> dict[str, Floats]:
    """*parts* with the volume of uncounted cells under its own name, and no name that none has."""
    if counted.all():
        return parts
    volume = parts["volume"]
    apart = {"volume": np.where(counted, volume, 0.0), UNCOUNTED: np.where(counted, 0.0, volume)}
    absent = set() if counted.any() else {"volume", "prompt_size"}
    return {f: p for f, p in (parts | apart).items() if f not in absent}


def _whole(parts: dict[str, Floats], change: Floats) -> dict[str, Floats]:
    names = list(parts)
    table = np.array([parts[f] for f in names])
    largest = np.abs(table).argmax(axis=0)
    table[largest, np.arange(table.shape[1])] += change - table.sum(axis=0)
    return dict(zip(names, table, strict=True))
