"""What a move to another version can have rewritten: prefixes that were live, counted once each.

Caches are keyed on (prefix, version). A call on a version pays for the move if the last call on
its prefix was on the *other* version and still within its lifetime, and its own version had not
seen the prefix within one: it would have read, and has to write. Whatever was live on the old
version when traffic stopped moving, and not seen on the new one since, can pay once more. After
one lifetime nothing can: every touch since has been on the new version.

Of a straight cut that is each prefix live at the cutover, once. A ramp that sends one prefix to
both versions pays anew each time that one of the two forgets it.
"""

from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from .around import TICK_S, Move, calls_around

LANE = ["scope", "prefix_id", "talk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The most that a move can have rewritten.

    on_new, on_old   tokens, as the old version counts them, by the version that wrote them anew
    used_again       of `on_new`, what the log shows to have been used again in time
    prefixes         distinct prefixes that hold them
    touched          tokens that the log saw read or written in the buckets from `since` on, but
                     for those on the new version after the move: to be held against usage
    """

    on_new: float
    on_old: float
    used_again: float
    prefixes: int
    touched: float


def live_prefixes(table: ir.Table, move: Move) -> Live | str:
    """Count what was live when *move* happened, or say why this log cannot tell.

    table   request table (engine.as_table)

    A prefix is `prefix_tokens` long, what a conversation holds beyond it belongs to `session_id`,
    and either counts with the longest length it had before. Without prefix_tokens a prefix is all
    that its calls held, if they held the same and none read a part and wrote the rest; else what
    a conversation held. What has neither prefix nor conversation counts at every touch.
    Calls that begin before the first of them has begun to answer each write (first_token_ms, or
    latency_ms; where neither is logged such calls cannot be told, and count once).
    """
    window = calls_around(table, move)
    old, new = window.own & ~window.is_new, window.own & window.is_new
    edges = window.aggregate(
        first=window.second.min(where=new & (window.second >= _epoch(move.start))),
        last=window.second.max(where=old & (window.second < _epoch(move.stop))),
        calls=old.sum(),
        named=window.prefix_id.count(where=old),
        touched=window.held.sum(where=window.own & _beside(window, move)),
    ).to_pandas()
    first, last, calls, named, touched = edges.iloc[0]
    if pd.isna(first):
        return "the log has no call on the new version"
    if calls and not named:
        return "the log names no prefix (prefix_id)"
    cut = int(first)
    stop = cut if pd.isna(last) else max(cut, int(last))
    lanes = _lanes(window, move, cut, stop)
    loose = _loose(window, move, cut, stop)
    return Live(
        on_new=float(lanes["on_new"] + loose["on_new"]),
        on_old=float(lanes["on_old"] + loose["on_old"]),
        used_again=float(lanes["paid"] + loose["on_new"]),
        prefixes=int(lanes["prefixes"]),
        touched=0.0 if pd.isna(touched) else float(touched),
    )


def _epoch(at: pd.Timestamp) -> int:
    return int(at.timestamp())


def _beside(window: ir.Table, move: Move) -> ir.Value:
    """Calls in the very rows of usage that the bound from usage alone sums."""
    early = (window.second >= _epoch(move.since)) & (window.second < _epoch(move.stop))
    return early & ~(window.is_new & (window.second >= _epoch(move.start)))


def _lanes(window: ir.Table, move: Move, cut: int, stop: int) -> pd.Series:
    """Sums over lanes: a shared prefix, or what one conversation holds beyond it."""
    rows = _with_moves(_entries(window), move, cut)
    before = rows.second < stop
    lane = rows.group_by(LANE).aggregate(
        own=rows.own.any(),
        on_old=ibis.coalesce(rows.extra.sum(where=~rows.is_new), 0),
        in_ramp=ibis.coalesce(rows.extra.sum(where=rows.is_new & before), 0),
        after=ibis.coalesce(rows.extra.sum(where=rows.is_new & ~before), 0),
        held=rows.tokens.max(where=~rows.is_new | before),
        touched_old=rows.touched.max(where=~rows.is_new & (rows.second <= stop)),
        last_old=rows.second.max(where=~rows.is_new & (rows.second <= stop)),
        last_new=rows.second.max(where=rows.is_new & before),
    )
    live = ibis.coalesce(
        (lane.touched_old >= stop - move.longest_s)
        & (lane.last_old >= ibis.coalesce(lane.last_new, lane.last_old)),
        False,
    )
    waiting = ibis.ifelse(live, ibis.coalesce(lane.held, 0), 0)
    lane = lane.mutate(
        on_new=lane.in_ramp + ibis.greatest(lane.after, waiting), paid=lane.in_ramp + lane.after
    )
    paying = lane.filter(lane.own & (lane.on_new + lane.on_old > 0))
    sums: pd.Series = paying.aggregate(
        on_new=paying.on_new.sum(),
        on_old=paying.on_old.sum(),
        paid=paying.paid.sum(),
        prefixes=paying.select("scope", "prefix_id").distinct().count().as_scalar(),
    ).to_pandas().fillna(0).iloc[0]  # fmt: skip
    return sums


def _entries(window: ir.Table) -> ir.Table:
    """One row per call and lane it touches; `talk` is null for a shared prefix."""
    kept = ["ts", "scope", "prefix_id", "second", "is_new", "own", "touched", "ready"]
    named = window.filter(window.prefix_id.notnull())
    head = named.filter(named.shared > 0)
    tail = named.filter((named.beyond > 0) & named.session_id.notnull())
    return head.select(*kept, talk=ibis.null("string"), tokens=head.shared.cast("int64")).union(
        tail.select(*kept, talk=tail.session_id, tokens=tail.beyond.cast("int64"))
    )


def _with_moves(rows: ir.Table, move: Move, cut: int) -> ir.Table:
    """*rows* with `extra`: tokens that the call wrote and would have read, had nothing moved.

    All that the lane held where its version had forgotten it, or had not begun to answer the call
    that wrote it anew; else what the other version had seen of a conversation since.
    """
    lane: dict[str, Any] = {"group_by": LANE, "order_by": "ts", "preceding": (None, 1)}
    entry = {**lane, "group_by": [*LANE, "is_new"]}

    def so_far(values: ir.Value, over: dict[str, Any]) -> ir.Value:
        return values.max().over(ibis.window(**over))

    seen = rows.mutate(
        length=ibis.coalesce(so_far(rows.tokens, lane), 0),
        known=ibis.coalesce(so_far(rows.tokens, entry), 0),
        here=so_far(rows.second, entry),
        on_new=so_far(ibis.ifelse(rows.is_new, rows.touched, ibis.null("int64")), lane),
        on_old=so_far(ibis.ifelse(rows.is_new, ibis.null("int64"), rows.touched), lane),
    )
    there = ibis.ifelse(seen.is_new, seen.on_old, seen.on_new)
    others_since = seen.here.isnull() | (there >= seen.here)
    missed = ibis.coalesce((seen.second - there <= move.longest_s) & others_since, False)
    forgotten = seen.here.isnull() | (seen.second - seen.here >= move.shortest_s - TICK_S)
    seen = seen.mutate(missed=missed & (seen.second >= cut))
    seen = seen.mutate(cold=seen.missed & forgotten)
    rewriting = so_far(ibis.ifelse(seen.cold, seen.ready, ibis.null("int64")), entry)
    behind = ibis.ifelse(seen.missed, seen.length - seen.known, 0)
    whole = seen.cold | ibis.coalesce(seen.second < rewriting, False)
    return seen.mutate(extra=ibis.ifelse(whole, seen.length, behind))


def _loose(window: ir.Table, move: Move, cut: int, stop: int) -> pd.Series:
    """Tokens that no lane holds, at every touch: no prefix_id, or a tail without a session_id."""
    alone = window.prefix_id.isnull() | window.session_id.isnull()
    rows = window.filter(
        alone & window.own & ~window.is_new & (window.beyond > 0) & (window.second <= stop)
    )
    sums: pd.Series = rows.aggregate(
        on_new=rows.beyond.sum(where=rows.touched >= cut - move.longest_s),
        on_old=ibis.least(rows.beyond, rows.rewritten).sum(where=rows.second >= cut),
    ).to_pandas().fillna(0).iloc[0]  # fmt: skip
    return sums
