"""The calls that a provider can look up: those of an incident that read least of what they might.

A bounded table of request ids, counted where the log lies.
"""

from collections.abc import Collection, Mapping

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..engine import as_table
from ..rules import LIFETIME_S, rule
from .again import calls_again
from .calls import MISSED, by_bytes
from .facts import Window

MOST = 20  # calls that are named
FIRST = 3  # of them, the first of the incident; the others are spread over it
BEFORE = pd.Timedelta("1h")  # how far before the incident a call may lie that this one follows
LEAST = 1024  # tokens that share an entry, where no minimum of the model is known
COLUMNS = ["at", "model", "scope", "route", "request_id", "read_tokens", "written_tokens"]


def unread_calls(
    requests: pd.DataFrame | ir.Table,
    during: Window,
    models: Collection[str] = (),
    minimums: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """At most MOST calls of *during* that had something to read, and read less than half of it.

    requests  request table (request_table.py)
    models    that served them; empty: whatever did
    minimums  shortest prefix that each model caches, in tokens; else as documented (rules.py)

    One row a call, by time: COLUMNS. What a call might have read is what it shares with the last
    one on its cache entry: the prompt of its conversation, its prefix, or what that call held. It
    is listed where that call had begun to answer, where its entry still lived (the shortest
    lifetime that was written there, else the model's), and where the share is as long as the model
    caches. One that read nothing goes before one that read some. Empty where no id is logged.
    """
    table = as_table(requests)
    low, high = (ibis.timestamp(t.isoformat()) for t in (during.start - BEFORE, during.end))
    near = table.filter((table.ts >= low) & (table.ts < high), _of(table, during))
    every = _with_share(calls_again(near), _rules(near, minimums))
    inside = every.filter(
        every.at_ms >= _ms(during.start), every.request_id.notnull(), every.read.notnull()
    )
    if models:
        inside = inside.filter(inside.model.isin(sorted(models)))
    missed = inside.filter(
        inside.since_s <= inside.lives_s,
        ~ibis.coalesce(inside.overlaps, False),
        inside.share >= inside.least,
        inside.read < MISSED * inside.share,
    )
    by_time = [missed.at_ms, by_bytes(missed.request_id)]
    length_ms = max(1, _ms(during.end) - _ms(during.start))
    slot = ((missed.at_ms - _ms(during.start)) * (MOST - FIRST) / length_ms).floor().cast("int64")
    ranked = missed.mutate(
        number=ibis.row_number().over(order_by=by_time),
        place=ibis.row_number().over(
            group_by=slot, order_by=[missed.read / missed.share, *by_time]
        ),
    )
    chosen = ranked.filter((ranked.number < FIRST) | (ranked.place < 1)).select(
        "at_ms", "model", "scope", "route", "request_id",
        read_tokens=ranked["read"], written_tokens=ranked.written,
    )  # fmt: skip
    frame: pd.DataFrame = chosen.order_by("at_ms", "request_id").to_pandas()
    at = pd.to_datetime(frame["at_ms"].astype("int64"), unit="ms", utc=True)
    return frame.assign(at=at)[COLUMNS].reset_index(drop=True)


def _with_share(every: ir.Table, rules: Mapping[str, tuple[int, int]]) -> ir.Table:
    """*every* with `share` (tokens it has in common with the last call on its entry), `lives_s`
    (how long the entry lives) and `least` (tokens that the model caches)."""
    order = [every.ts, every.turn_index, by_bytes(every.request_id)]
    before = ibis.window(
        group_by=[every.provider, every.lane, every.model, every.scope],
        order_by=order, preceding=(None, 1),
    )  # fmt: skip
    wrote = {life_s: every[f"cache_write_{life}_tokens"].sum().over(before) > 0
             for life, life_s in LIFETIME_S.items()}  # fmt: skip
    lives, least = ibis.literal(LIFETIME_S["5m"]), ibis.literal(LEAST)
    for model, (tokens, ttl_s) in rules.items():
        lives = ibis.ifelse(every.model == model, ttl_s, lives)
        least = ibis.ifelse(every.model == model, tokens, least)
    for life_s, seen in sorted(wrote.items(), reverse=True):  # the shortest counts
        lives = ibis.ifelse(ibis.coalesce(seen, False), life_s, lives)
    talk = ibis.ifelse(every.lane.startswith("s"), every.prompt_before, 0)
    head = ibis.ifelse(every.lane.startswith("p"), every.held_before, 0)
    prefix = ibis.ifelse(every.lane.startswith("p"), every.prefix_tokens, 0)
    longest = ibis.greatest(*(ibis.coalesce(one, 0) for one in (talk, head, prefix)))
    share = ibis.least(longest, ibis.coalesce(every.prompt, longest))
    return every.mutate(share=share, lives_s=lives, least=least)


def _rules(table: ir.Table, minimums: Mapping[str, int] | None) -> dict[str, tuple[int, int]]:
    """Minimum in tokens and lifetime in seconds of each model in *table*."""
    pairs = table.select("provider", "model").distinct().to_pandas().dropna()
    found = {}
    for provider, model in sorted(pairs.itertuples(index=False, name=None)):
        known = rule(str(provider), str(model))
        tokens = known.minimum_tokens if known and known.minimum_tokens is not None else LEAST
        ttl_s = known.ttl_s if known and known.ttl_s else LIFETIME_S["5m"]
        found[str(model)] = (int((minimums or {}).get(str(model), tokens)), int(ttl_s))
    return found


def _ms(at: pd.Timestamp) -> int:
    return round(at.timestamp() * 1000)


def _of(table: ir.Table, window: Window) -> ir.Value:
    """Whether a call belongs to one of the cohorts of *window*."""
    if not window.cohorts:
        return ibis.literal(True)
    own: ir.Value = ibis.literal(False)
    for cohort in window.cohorts:
        one: ir.Value = ibis.literal(True)
        for column, value in zip((table.scope, table.route), cohort, strict=True):
            one &= column.isnull() if value is None else ibis.coalesce(column == value, False)
        own |= one
    return own
