"""Which prefixes the traffic re-uses, how large they are, and how soon they are used again."""

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..schema import CACHE_WRITE
from .again import calls_again
from .calls import by_bytes

PLACE = ["provider", "scope", "model"]
QUANTILES = {"gap_p50_s": 0.5, "gap_p90_s": 0.9, "gap_p99_s": 0.99}
COUNTS = [
    *("prefixes", "requests", "input_tokens", "read_tokens", "written_tokens", "stake_tokens"),
    *("reuses", "reuses_within_ttl", "prefix_tokens"),
]


def prefixes(requests: pd.DataFrame | ir.Table, ttl_s: float = 300, most: int = 50) -> pd.DataFrame:
    """The *most* prefixes with the most tokens at stake, and one row for all else.

    provider, scope, model, prefix_id   NA in the last row: rarer prefixes, calls without one
    prefixes        1; in the last row, how many it stands for
    requests        answered calls; reuses: calls that were not the first, reuses_within_ttl: of
                    them, within *ttl_s* of the call before; reuse_share: the ratio
    prefix_tokens   length as logged (its longest); NA where the log has no prefix_tokens
    input_tokens, read_tokens, written_tokens   sums; NA where no call reports them
    stake_tokens    read and written: what would have to be written anew; input where neither is
                    reported
    first, last     time of the first and of the last call, UTC, in whole milliseconds
    gap_p50_s, gap_p90_s, gap_p99_s   quantiles of the time between two calls; NA in the last row

    One group-by; what leaves the engine is *most* + 1 rows. Sums are those of the log.
    """
    every = calls_again(requests)
    silent = ibis.coalesce(*(every[c] for c in CACHE_WRITE)).isnull()
    wrote = ibis.ifelse(silent, ibis.null("int64"), every.written)
    seen = every.mutate(
        wrote=wrote, stake=ibis.coalesce(every["read"] + every.written, wrote, every.prompt)
    )
    within = ibis.ifelse(seen.prefix_since_s <= ttl_s, 1, 0)
    each = seen.group_by([*PLACE, "prefix_id"]).aggregate(
        requests=seen.count(),
        prefix_tokens=seen.prefix_tokens.max(),
        input_tokens=seen.prompt.sum(),
        read_tokens=seen["read"].sum(),
        written_tokens=seen.wrote.sum(),
        stake_tokens=seen.stake.sum(),
        first=seen.at_ms.min(),  # a number has no zone
        last=seen.at_ms.max(),
        reuses=seen.prefix_since_s.count(),
        reuses_within_ttl=ibis.coalesce(within.sum(), 0),
        **{name: seen.prefix_since_s.quantile(q) for name, q in QUANTILES.items()},
    )
    return _frame(_top(each, most))


def _top(each: ir.Table, most: int) -> ir.Table:
    """The first *most* rows of *each* by stake, and the sum of the rest."""
    named = each.mutate(named=each.prefix_id.notnull())
    order = [
        ibis.desc(ibis.ifelse(named.named, 1, 0)),
        ibis.desc(ibis.coalesce(named.stake_tokens, 0)),
        ibis.desc(named.requests),
        *(by_bytes(ibis.coalesce(named[c], "")) for c in [*PLACE, "prefix_id"]),
    ]
    ranked = named.mutate(place=ibis.row_number().over(order_by=order))
    top = ranked.named & (ranked.place < most)
    kept = ranked.mutate(
        rank=ibis.ifelse(top, ranked.place, -1),
        **{c: ibis.ifelse(top, ranked[c], ibis.null("string")) for c in [*PLACE, "prefix_id"]},
        **{
            c: ibis.ifelse(top, ranked[c], ibis.null(ranked[c].type()))
            for c in [*QUANTILES, "prefix_tokens"]
        },
    )
    summed = [c for c in COUNTS if c not in ("prefixes", "prefix_tokens")]
    return kept.group_by(["rank", *PLACE, "prefix_id"]).aggregate(
        prefixes=ibis.ifelse(kept.named, 1, 0).sum(),
        prefix_tokens=kept.prefix_tokens.max(),
        **{c: kept[c].sum() for c in summed},
        first=kept["first"].min(),
        last=kept["last"].max(),
        **{c: kept[c].max() for c in QUANTILES},
    )


def _frame(small: ir.Table) -> pd.DataFrame:
    frame: pd.DataFrame = small.to_pandas()
    order = frame["rank"].where(frame["rank"] >= 0, len(frame)).argsort(kind="stable")
    frame = frame.iloc[order].drop(columns="rank").reset_index(drop=True)
    typed = frame.astype(dict.fromkeys(COUNTS, "Int64") | dict.fromkeys(QUANTILES, "Float64"))
    for name in ("first", "last"):
        at_ms = pd.to_datetime(typed[name].astype("int64"), unit="ms", utc=True)
        typed[name] = at_ms.astype("datetime64[us, UTC]")
    share = typed["reuses_within_ttl"] / typed["reuses"].where(typed["reuses"] > 0)
    return typed.assign(reuse_share=share.astype("Float64"))
