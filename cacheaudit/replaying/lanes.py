"""Hits of a request log that names prefixes and conversations, where the log lies.

A call reads what the last use of its shared prefix left on its version, or what the last call of
its conversation did: the longer of both. Each is one window: the calls with that prefix, or of that
conversation, on that version, in order of time. So it runs on any engine that has windows, and what
leaves it are sums by bucket.

Assumed, because a log without block ids cannot say: a conversation's next call begins with all that
the last one had cached, and with no more. So a conversation whose history was rewritten (compacted)
is taken to read what it did not; of two threads under one session_id the longer is taken to read
only what the shorter left; and a turn that begins before the last one is answered finds its entry
at once, because ready_s holds for shared prefixes alone. Under one prefix_id of several lengths a
call reads no more than its own, and no more than the last use left. Calls of one time are taken in
order of turn and id. Lifetimes are those of the rules: what the log wrote for an hour is not asked.
"""

from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..engine import as_table
from ..engine.table import nulls
from ..request_table import answered, written_tokens
from ..schema import CACHE_WRITE
from ..traffic.calls import at_ms, by_bytes
from .cutover import Cutover, Prefill
from .outcome import COUNTS, Sent
from .rules import Rules, RulesOf, rules_for
from .shared import Caches, found_tokens, in_classes
from .split import calls_moved_there, calls_spread_there, keys_moved_there, parts_there

NAMED = {  # column of the lanes: of the log
    "scope": "scope", "prefix_id": "prefix_id", "session_id": "session_id",
    "request_id": "request_id", "head": "prefix_tokens", "turn": "turn_index",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Lanes:
    """A log, cut down to what a replay asks of it.

    table    at_ms, model, scope, prefix_id, session_id, head (tokens of the shared prefix; null
             where not logged), cached (what the caller lets be cached), prompt (all input), turn,
             request_id, measured (whether all of its input is logged), sent (whether it is a touch
             of a prefill)
    absent   columns that the log does not have, or that no call fills
    models   versions that served
    """

    table: ir.Table
    absent: frozenset[str]
    models: tuple[str, ...]


def lanes_of(requests: pd.DataFrame | ir.Table) -> Lanes:
    """*requests* (a request table) as lanes.

    What a caller lets be cached is what a call read and wrote, but no less than prefix_tokens.
    Where a call does not report writes it is all input; of a call outside any conversation, the
    prefix_tokens, if they are logged. Where all input is not logged, what was read stands in for it
    (else prefix_tokens), and the call is told as unmeasured.
    """
    whole = as_table(requests)
    table = answered(whole)
    models, absent = _told(table, nulls(whole))
    read, head, writes = table.cache_read_tokens, table.prefix_tokens, _writes(table, absent)
    wrote = written_tokens(table)
    prompt = ibis.coalesce(read + wrote + table.uncached_input_tokens, table.prompt_tokens)
    measured = prompt.notnull()  # what was read is not all that was sent
    prompt = ibis.coalesce(prompt, read, head)
    marked = ibis.greatest(ibis.coalesce(read, 0) + wrote, ibis.coalesce(head, 0))
    silent = ibis.ifelse(table.session_id.isnull(), ibis.coalesce(head, prompt), prompt)
    cached = silent if writes is None else ibis.ifelse(writes.notnull(), marked, silent)
    cached = ibis.least(cached, prompt)
    slim = table.select(
        "model",
        "scope",
        "prefix_id",
        "session_id",
        "request_id",
        at_ms=at_ms(table.ts),
        head=table.prefix_tokens,
        cached=ibis.coalesce(cached, 0),
        prompt=ibis.coalesce(prompt, 0),
        turn=table.turn_index,
        measured=measured,
        sent=ibis.literal(False),
    )
    return Lanes(slim, frozenset(absent), models)


def _told(table: ir.Table, absent: set[str]) -> tuple[tuple[str, ...], set[str]]:
    """The versions of *table*, and the columns that it does not have, or that no call fills."""
    counts = {name: table[name].count() for name in NAMED.values() if name not in absent}
    each = table.group_by("model").aggregate(**counts).to_pandas()
    empty = {name for name in counts if not each[name].sum()}
    return tuple(sorted(map(str, each["model"]))), absent | empty


def _writes(table: ir.Table, absent: set[str]) -> ir.Value | None:
    """Null where a call reports no writes; None where no call does."""
    known = [table[c] for c in CACHE_WRITE if c not in absent]
    return ibis.coalesce(*known) if known else None


def bucket_sums(
    lanes: Lanes, rules: RulesOf, cutover: Cutover | None, bucket_s: int
) -> tuple[pd.DataFrame, Sent]:
    """The frame of outcome.py, its bucket_start in seconds since 1970, and what a prefill sent."""
    if not lanes.models:
        return pd.DataFrame(columns=["bucket_start", "model", *COUNTS]), Sent()
    versions = [*lanes.models, *([cutover.to] if cutover else [])]
    by_model = {model: rules_for(rules, model) for model in dict.fromkeys(versions)}
    served, calls = _served(lanes, cutover), 0
    if cutover is not None and cutover.prefill is not None:
        touches = _touches(lanes, cutover, by_model[cutover.to].ttl_s)
        calls = len(touches)
        served = _with(served, touches) if calls else served
    same = _constants(lanes, cutover, list(by_model), bool(calls))
    slim = served.drop(*same, *(n for n, name in NAMED.items() if name in lanes.absent))
    found = in_classes(_both(slim, lanes.absent, by_model, cutover, set(same)), by_model)
    start = ((found.at_ms / (1000 * bucket_s)).floor().cast("int64") * bucket_s).name(
        "bucket_start"
    )
    sums: pd.DataFrame = (
        found.group_by([start, *(found[name] for name in ("model", "sent") if name not in same)])
        .aggregate(
            requests=found.count(),
            prompt_tokens=found.prompt.sum(),
            hit_tokens=found.hit.sum(),
            written_tokens=found.written.sum(),
            uncached_tokens=(found.prompt - found.hit - found.written).sum(),
            steady_hit_tokens=found.steady.sum(),
            steady_written_tokens=found.steady_written.sum(),
            steady_uncached_tokens=(found.prompt - found.steady - found.steady_written).sum(),
            cold_requests=ibis.ifelse(found.hit < found.steady, 1, 0).sum(),
            unmeasured_requests=ibis.ifelse(found.measured, 0, 1).sum(),
        )
        .to_pandas()
        .assign(**same)
    )
    ours = sums["sent"].astype("bool")
    sent = Sent(
        calls=calls,
        read_tokens=int(sums.loc[ours, "hit_tokens"].sum()),
        written_tokens=int(sums.loc[ours, "written_tokens"].sum()),
        uncached_tokens=int(sums.loc[ours, "uncached_tokens"].sum()),
    )
    kept = sums[~ours].drop(columns="sent").reindex(columns=["bucket_start", "model", *COUNTS])
    return kept, sent


def _both(
    served: ir.Table,
    absent: frozenset[str],
    by_model: dict[str, Rules],
    cutover: Cutover | None,
    same: set[str],
) -> ir.Table:
    """`found` on the version that serves, and `always`, had all of its family been there."""
    own = Caches(tuple({"model"} - same), by_model, absent, touched="sent" not in same)
    found = found_tokens(served, own, "found")
    if cutover is None:
        return found.mutate(always=found.found)
    family = tuple(sorted({"family", "sent"} - same))
    return found_tokens(found, Caches(family, by_model, absent), "always")


def _constants(
    lanes: Lanes, cutover: Cutover | None, versions: list[str], touched: bool
) -> dict[str, Any]:
    """Columns with one value: windows would sort them like any other."""
    same: dict[str, Any] = {} if touched else {"sent": False}
    if len(versions) == 1:
        same["model"] = versions[0]
    kin = set() if cutover is None else {cutover.from_model, cutover.to}
    if cutover is None or cutover.from_model is None or kin.issuperset(lanes.models):
        same["family"] = ""
    return same


def _served(lanes: Lanes, cutover: Cutover | None) -> ir.Table:
    """The lanes with the version that serves each call under *cutover* as `model`, and `family`:
    versions that would share entries, had the serving one always been there."""
    if cutover is None:
        return lanes.table.mutate(family=lanes.table.model)
    table = _moved(lanes.table, lanes.absent, cutover)
    moved, family = table.moved, ibis.literal("")
    if cutover.from_model is not None:
        moved = moved & (table.model == cutover.from_model)
        among = table.model.isin([cutover.from_model, cutover.to])
        family = ibis.ifelse(among, "", table.model)
    to_new = ibis.ifelse(moved, cutover.to, table.model)
    return table.mutate(model=to_new, family=family).select(*lanes.table.columns, "family")


def _moved(table: ir.Table, absent: frozenset[str], cutover: Cutover) -> ir.Table:
    """*table* with `moved`: whether a call is of the share that has. One window a step: they do not
    nest."""
    shares = cutover.shares_ms()
    parts = parts_there(table.at_ms, shares)
    if shares == [(shares[0][0], 1.0)] and cutover.split_by != "new_session":
        return table.mutate(moved=parts > 0)  # everything: nobody has to be counted
    order = [table.at_ms, table.turn, by_bytes(table.request_id)]
    seen = table.mutate(number=ibis.row_number().over(ibis.window(order_by=order)))
    if cutover.split_by == "request":
        return seen.mutate(moved=calls_moved_there(seen.number, parts_there(seen.at_ms, shares)))
    if cutover.split_by == "spread":
        return seen.mutate(moved=calls_spread_there(seen.number, parts_there(seen.at_ms, shares)))
    key = "prefix_id" if cutover.split_by == "prefix" else "session_id"
    if key in absent:
        return seen.mutate(moved=keys_moved_there(seen.number, parts_there(seen.at_ms, shares)))
    seen = seen.mutate(first=seen.at_ms.min().over(ibis.window(group_by=seen[key])))
    named_first = [ibis.ifelse(seen[key].isnull(), 1, 0), seen["first"], by_bytes(seen[key])]
    seen = seen.mutate(place=ibis.dense_rank().over(ibis.window(order_by=named_first)))
    mine = ibis.ifelse(seen[key].isnull(), seen.number, seen.place)
    parts = parts_there(seen.at_ms, shares)
    if cutover.split_by == "new_session":
        began = ibis.ifelse(seen[key].isnull(), seen.at_ms, seen["first"])
        parts = ibis.ifelse(parts == 0, 0, parts_there(began, shares))
    return seen.mutate(moved=keys_moved_there(mine, parts))


def top_prefixes(lanes: Lanes, cutover: Cutover, prefill: Prefill, ttl_s: float) -> pd.DataFrame:
    """scope, prefix_id, head and uses of the shared prefixes with the most tokens re-used in the
    look-back before the prefill begins, at most `prefill.prefixes`."""
    times = cutover.touches_ms(ttl_s)
    first = times[0] if times else 0
    table = lanes.table
    seen = table.filter(
        table.prefix_id.notnull(),
        table["head"] > 0,
        table.at_ms >= first - round(1000 * prefill.lookback_s),
        table.at_ms < first,
    )
    if cutover.from_model is not None:
        seen = seen.filter(seen.model == cutover.from_model)
    each = seen.group_by(["scope", "prefix_id"]).aggregate(
        head=seen["head"].max(), uses=seen.count()
    )
    top = each.order_by([ibis.desc(each["head"] * each.uses), by_bytes(each.prefix_id)])
    found: pd.DataFrame = top.limit(prefill.prefixes).to_pandas()
    return found


def _touches(lanes: Lanes, cutover: Cutover, ttl_s: float) -> pd.DataFrame:
    """One row per prefix and time at which a prefill sends it."""
    times = cutover.touches_ms(ttl_s)
    if not times or cutover.prefill is None:
        return pd.DataFrame()
    top = top_prefixes(lanes, cutover, cutover.prefill, ttl_s)
    every = top.merge(pd.DataFrame({"at_ms": times}), how="cross")
    return every.assign(model=cutover.to)


def _with(served: ir.Table, touches: pd.DataFrame) -> ir.Table:
    """*served* and the touches of a prefill, which come before calls of the same time."""
    rows = ibis.memtable(touches.astype({"scope": "object", "prefix_id": "object"}))
    kinds = served.schema()
    head = rows["head"].cast("int64")
    given = {
        "model": rows.model, "scope": rows.scope.cast("string"),
        "prefix_id": rows.prefix_id.cast("string"), "at_ms": rows.at_ms.cast("int64"),
        "head": head, "cached": head, "prompt": head, "turn": ibis.literal(-1, "int64"),
        "sent": ibis.literal(True), "family": rows.model, "measured": ibis.literal(True),
    }  # fmt: skip
    lacking = {name: ibis.null(kind) for name, kind in kinds.items() if name not in given}
    return served.union(rows.select(**{name: (given | lacking)[name] for name in kinds}))
