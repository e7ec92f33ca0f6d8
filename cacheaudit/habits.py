"""What production does with its prefixes, for a probe to do likewise: how long they are, how often
they are used.

Gaps are counted where the log lies (traffic/gaps.py) and become a few points of equal weight, which
a probe draws from. Lengths are what was cached per request (cached_lengths.py), in tokens, and a
word of the synthetic text is about one.
"""

import numpy as np
import pandas as pd

from .cached_lengths import cached_lengths
from .errors import UnfitData

# Finer than the report's, because a probe waits for each.
EDGES_S = (1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1800, 3600)
POINTS = 20
MOST_LENGTHS = 3


def paces_of(gaps: pd.DataFrame, longest_s: float) -> tuple[tuple[float, ...], int, int]:
    """(POINTS waits of equal weight, re-uses that they stand for, re-uses above *longest_s*).

    gaps   traffic.gaps.gaps() with EDGES_S

    A band stands as its geometric mean; the lowest, which begins at 0, as half its end. Raises
    UnfitData where no re-use is within *longest_s*.
    """
    inside = gaps[gaps["gap_to_s"].le(longest_s).fillna(False)]
    bands = inside.groupby(["gap_from_s", "gap_to_s"])["calls"].sum().sort_index()
    total, above = int(bands.sum()), int(gaps["calls"].sum() - bands.sum())
    if not total:
        raise UnfitData(
            f"requests_path tells of no prefix that was used again within {longest_s:g} s; a probe"
            " needs its pace. Set paces_s, or log session_id or prefix_id."
        )
    each = [
        round((float(low) * float(high)) ** 0.5 if low else float(high) / 2, 1)
        for low, high in bands.index
    ]
    ranks = (np.arange(POINTS) + 0.5) / POINTS * total
    places = np.searchsorted(bands.cumsum().to_numpy(float), ranks, side="right")
    return tuple(each[place] for place in places), total, above


def lengths_of(usage: pd.DataFrame) -> tuple[int, ...]:
    """Tokens cached per request in the cohorts that cache most, at most MOST_LENGTHS of them.

    Raises UnfitData where nothing is cached or requests are not counted.
    """
    found = cached_lengths(usage)
    known = found[found["mean_tokens"] >= 1].head(MOST_LENGTHS)
    if known.empty:
        raise UnfitData(
            "the usage does not tell how long cached prefixes are: nothing is cached, or requests"
            " are not counted. Set words."
        )
    return tuple(round(float(value)) for value in known["mean_tokens"])
