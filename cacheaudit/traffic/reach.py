"""What a cache reaches on this traffic, and what it could: facts of a log for the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import ibis.expr.types as ir
import pandas as pd

from ..wilson import wilson
from .eligible import Lifetime, eligible
from .gaps import gaps
from .inventory import prefixes

Period = tuple[pd.Timestamp, pd.Timestamp]
LIFETIMES_S = (300, 1800, 3600)  # what the providers sell; 12 h is beyond most sessions
SUMS = [
    *("calls", "judged_calls", "input_tokens", "read_tokens"),
    *("eligible_tokens", "read_of_eligible_tokens", "possible_tokens"),
]
MOST_PREFIXES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Facts about re-use, each counted where the log lies.

    lifetimes  one row per period and lifetime: `period`, `ttl_s`, sums of eligible.eligible, and
               hit_rate, best_possible_hit_rate (of all input), eligible_hit_rate (of eligible)
    gaps       gaps.gaps with hit_share and its interval, hit_low to hit_high
    prefixes   inventory.prefixes: those with the most tokens at stake
    """

    lifetimes: pd.DataFrame
    gaps: pd.DataFrame
    prefixes: pd.DataFrame


def reach_of(
    requests: ir.Table, minimums: Mapping[str, int], periods: Mapping[str, Period]
) -> Reach:
    """Count *requests* (engine.as_table).

    minimums  model -> shortest prefix that it caches; a model that is not named is left out of
              the best possible rate
    periods   name -> [start, end); calls are counted in the hour in which they begin
    """
    rows = []
    for ttl_s in LIFETIMES_S:
        rules = {m: Lifetime(ttl_s=ttl_s, min_tokens=least) for m, least in minimums.items()}
        hours = eligible(requests, rules, bucket="1h")
        for name, (start, end) in periods.items():
            at = hours["bucket_start"]
            part = hours.loc[(at >= start.floor("h")) & (at < end), SUMS]
            rows.append({"period": name, "ttl_s": ttl_s, **part.sum(min_count=1).to_dict()})
    return Reach(
        lifetimes=_rated(pd.DataFrame(rows)),
        gaps=with_interval(gaps(requests)),
        prefixes=prefixes(requests, ttl_s=LIFETIMES_S[0], most=MOST_PREFIXES),
    )


def with_interval(found: pd.DataFrame, *, alpha: float = 0.05) -> pd.DataFrame:
    """*found* (gaps.gaps) with hit_share, hit_low and hit_high.

    Wilson's interval (wilson.py) takes calls for independent; calls of one conversation are not,
    so it is too narrow where few conversations make up a row.
    """
    calls, hits = (found[c].astype("float64") for c in ("calls", "hits"))
    low, high = wilson(hits / calls, calls, NormalDist().inv_cdf(1 - alpha / 2))
    return found.assign(hit_share=hits / calls, hit_low=low, hit_high=high)


def _rated(rows: pd.DataFrame) -> pd.DataFrame:
    """Rates of sums; NaN where nothing is known."""
    sums = {c: pd.to_numeric(rows[c], errors="coerce").astype("Float64") for c in SUMS}
    known = rows.assign(**sums)
    return known.assign(
        hit_rate=known["read_tokens"] / known["input_tokens"],
        best_possible_hit_rate=known["possible_tokens"] / known["input_tokens"],
        eligible_hit_rate=known["read_of_eligible_tokens"] / known["eligible_tokens"],
    )
