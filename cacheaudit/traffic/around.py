"""The calls around a move of versions, and what of their input each shares with others."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..request_table import answered, written_tokens
from ..schema import CACHE_WRITE, Cohort
from .calls import at_ms

LONGEST_CALL_S = 900  # a call that began this long before the window may still refresh inside it
TICK_S = 1  # times are compared in whole seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Traffic of *cohorts* (of one scope) that went from one version to another.

    from_model   None: from whatever other version served
    start, stop  edges of the buckets between which traffic moved
    since        start of the buckets that hold all that was live at *start*
    longest_s    an entry lives no longer after its last touch
    shortest_s   and no shorter; 0 where the provider states no lifetime
    implicit     whatever was sent is cached, though no write is reported
    """

    provider: str
    cohorts: tuple[Cohort, ...]
    from_model: str | None
    to_model: str
    start: pd.Timestamp
    stop: pd.Timestamp
    since: pd.Timestamp
    longest_s: float
    shortest_s: float
    implicit: bool


def calls_around(table: ir.Table, move: Move) -> ir.Table:
    """Calls in the scope, on either version, that held something while it mattered.

    own      of a cohort that moved: others keep prefixes warm, but pay nothing
    held     tokens that a later call may hope to read
    touched  until when the call refreshed what it used; ready: from when others could read it
    """
    scope = move.cohorts[0][0]
    low = min(move.since, move.start - pd.Timedelta(seconds=move.longest_s + LONGEST_CALL_S))
    high = move.stop + pd.Timedelta(seconds=move.longest_s)
    table = answered(table)
    table = table.filter(
        table.provider == move.provider,
        table.ts >= ibis.timestamp(low.isoformat()),
        table.ts < ibis.timestamp(high.isoformat()),
    )
    if scope is not None:
        table = table.filter(table.scope == scope)
    if move.from_model is not None:
        table = table.filter(table.model.isin([move.from_model, move.to_model]))
    written = written_tokens(table)
    read = ibis.coalesce(table.cache_read_tokens, 0)
    cached = read + written
    prompt = ibis.coalesce(cached + table.uncached_input_tokens, table.prompt_tokens, cached)
    silent = ibis.literal(move.implicit) | ibis.coalesce(*(table[c] for c in CACHE_WRITE)).isnull()
    routes = [route for _, route in move.cohorts]
    own = ibis.literal(True)
    if None not in routes:
        own = ibis.coalesce(table.route.isin(routes), False)
    second = at_ms(table.ts) / 1000

    def later(milliseconds: ir.Value) -> ir.Value:
        return second + (ibis.coalesce(milliseconds, 0.0) / 1000).ceil().cast("int64")

    seen = table.select(
        "ts",
        "scope",
        "prefix_id",
        "prefix_tokens",
        "session_id",
        second=second,
        is_new=table.model == move.to_model,
        own=own,
        held=ibis.ifelse(silent, prompt, cached),
        rewritten=ibis.ifelse(silent, prompt, written),
        mixed=ibis.least(read, written) > 0,
        touched=later(ibis.coalesce(table.latency_ms, table.first_token_ms)) + TICK_S,
        ready=later(ibis.coalesce(table.first_token_ms, table.latency_ms)),
    )
    return _divided(seen.filter(seen.held > 0)).cache()


def _divided(window: ir.Table) -> ir.Table:
    """*window* with what of `held` is the shared prefix, and what lies `beyond` it."""
    prefix = ibis.window(group_by=["scope", "prefix_id", "is_new"])
    even = window.held.min().over(prefix) == window.held.max().over(prefix)
    whole = even & ~window.mixed.any().over(prefix)
    known = ibis.coalesce(window.prefix_tokens, ibis.ifelse(whole, window.held, 0))
    shared = ibis.ifelse(window.prefix_id.isnull(), 0, known)
    return window.mutate(shared=shared, beyond=ibis.greatest(window.held - shared, 0))
