"""How long calls leave a cache entry alone, and whether they find it again."""

from collections.abc import Sequence
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..errors import ParamError
from .again import calls_again

EDGES_S = (10, 30, 60, 120, 240, 300, 600, 1800, 3600, 21600, 86400)
COUNTS = ["calls", "hits", "expected_tokens", "read_tokens"]


def gaps(requests: pd.DataFrame | ir.Table, edges_s: Sequence[float] = EDGES_S) -> pd.DataFrame:
    """A histogram of the time since an entry was last used, by provider and model.

    gap_from_s, gap_to_s   (from, to], as an entry of 300 s still lives at 300 s; no `to`: NA
    calls            calls that followed one on their entry, which held something, and that
                     report what they read
    hits             of them, those that read anything
    expected_tokens  what the call before held, of a shared prefix no more than its length
    read_tokens      what was read of that: never above expected_tokens

    P(hit | gap) is hits / calls. Raises ParamError for edges that do not rise from above 0.
    """
    edges = [float(e) for e in edges_s]
    if not edges or edges[0] <= 0 or any(b <= a for a, b in pairwise(edges)):
        raise ParamError(f"edges_s is {tuple(edges_s)}; expected seconds that rise from above 0.")
    every = calls_again(requests)
    followed = every.filter(
        every.since_s.notnull() & (every.held_before > 0) & every["read"].notnull()
    )
    above = [ibis.ifelse(followed.since_s > edge, 1, 0) for edge in edges]
    band = sum(above[1:], above[0]).name("band")
    frame: pd.DataFrame = (
        followed.group_by([followed.provider, followed.model, band])
        .aggregate(
            calls=followed.count(),
            hits=ibis.ifelse(followed["read"] > 0, 1, 0).sum(),
            expected_tokens=followed.held_before.sum(),
            read_tokens=ibis.least(followed["read"], followed.held_before).sum(),
        )
        .to_pandas()
        .sort_values(["provider", "model", "band"], ignore_index=True)
    )
    lows, highs = [0.0, *edges], [*edges, None]
    bands = frame.pop("band").astype("int64")
    frame.insert(2, "gap_from_s", pd.Series([lows[b] for b in bands], dtype="Float64"))
    frame.insert(3, "gap_to_s", pd.Series([highs[b] for b in bands], dtype="Float64"))
    return frame.astype(dict.fromkeys(COUNTS, "Int64"))
