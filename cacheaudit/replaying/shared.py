"""What a call finds of the calls before it: on its shared prefix, and in its conversation."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from ..traffic.calls import by_bytes
from .rules import Rules


@dataclass(frozen=True, eq=False)
class Caches:
    """Which calls share entries: those of one scope that agree in the columns of `place`.

    by_model  rules of the versions, which name the lifetimes
    absent    columns that the log does not have; windows over them would cost as much as others
    touched   whether calls of a prefill are among the others
    """

    place: tuple[str, ...]
    by_model: Mapping[str, Rules]
    absent: Collection[str]
    touched: bool = False

    def window(self, table: ir.Table, key: str, **frame: Any) -> Any:
        """The uses of one entry, in order of time; of one time, a prefill comes first."""
        scope = [] if "scope" in self.absent else ["scope"]
        order = [table.at_ms]
        if self.touched:
            order.append(ibis.ifelse(table.sent, 0, 1))
        if "turn_index" not in self.absent:
            order.append(table.turn)
        if "request_id" not in self.absent:
            order.append(by_bytes(table.request_id))
        return ibis.window(group_by=[*scope, *self.place, key], order_by=order, **frame)

    def in_ms(self, table: ir.Table, name: str) -> ir.Value:
        """A rule that is a time, as each call's version has it."""
        return per_model(
            table, {m: round(1000 * getattr(r, name)) for m, r in self.by_model.items()}
        )

    @property
    def waits(self) -> bool:
        """Whether an entry cannot be read at once."""
        return any(rule.ready_s for rule in self.by_model.values())


def found_tokens(table: ir.Table, caches: Caches, name: str) -> ir.Table:
    """*table* (lanes.served) with a column *name*: tokens, as the log counts them, that the entries
    of a call's cache hold for it; the longer of its prefix and its conversation, but no more than
    the call lets be cached."""
    seen = _last_uses(table, caches)
    ttl, parts = caches.in_ms(seen, "ttl_s"), []
    if "prefix_id" not in caches.absent:
        live = seen.prefix_ms <= ttl
        if caches.waits:
            seen = _begun(seen, caches, live)
            live = live & (seen.at_ms - seen.begun_ms >= caches.in_ms(seen, "ready_s"))
        parts.append(ibis.ifelse(seen.prefix_id.notnull() & live, _of_prefix(seen, caches), 0))
    if "session_id" not in caches.absent:
        live = seen.session_id.notnull() & (seen.talk_ms <= ttl)
        parts.append(ibis.ifelse(live, ibis.coalesce(seen.talk_left, 0), 0))
    longest = ibis.literal(0, "int64")
    if parts:
        longest = parts[0] if len(parts) == 1 else ibis.greatest(*parts)
    found = seen.mutate(**{name: ibis.least(longest, seen.cached)})
    return found.select(*table.columns, name)


def _last_uses(table: ir.Table, caches: Caches) -> ir.Table:
    """Milliseconds since the last use of each entry, and tokens that it left: of a conversation all
    that it had cached, of a shared prefix its length, where that is logged."""
    more = {}
    if "prefix_id" not in caches.absent:
        window = caches.window(table, "prefix_id")
        more["prefix_ms"] = table.at_ms - table.at_ms.lag().over(window)
        kept = table.cached
        if "prefix_tokens" not in caches.absent:
            kept = ibis.least(ibis.coalesce(table["head"], kept), kept)
        more["prefix_left"] = kept.lag().over(window)
    if "session_id" not in caches.absent:
        window = caches.window(table, "session_id")
        more["talk_ms"] = table.at_ms - table.at_ms.lag().over(window)
        more["talk_left"] = table.cached.lag().over(window)
    return table.mutate(**more) if more else table


def _begun(seen: ir.Table, caches: Caches, live: ir.Value) -> ir.Table:
    """`begun_ms`: when the call came that wrote the prefix anew, last of all."""
    anew = ibis.ifelse(ibis.coalesce(live, False), ibis.null("int64"), seen.at_ms)
    window = caches.window(seen, "prefix_id", preceding=None, following=0)
    return seen.mutate(begun_ms=anew.max().over(window))


def _of_prefix(seen: ir.Table, caches: Caches) -> ir.Value:
    """The length of the shared prefix, but no more than its last use left of it: one id may have
    several lengths. Where it is not logged, what its last call had cached; but of a call in a
    conversation nobody knows how much of that is shared."""
    left = ibis.coalesce(seen.prefix_left, 0)
    if "prefix_tokens" in caches.absent:
        return left
    unnamed = left if "session_id" in caches.absent else 0
    return ibis.least(ibis.coalesce(seen["head"], unnamed), left)


def in_classes(table: ir.Table, by_model: Mapping[str, Rules]) -> ir.Table:
    """*table* in tokens of the version that serves: `prompt`, and of it `hit` and `written`, and
    the same had the version always served (`steady`, `steady_written`).

    Below the version's minimum nothing is read or written; what is read is cut to its granularity.
    """
    ratio = {m: r.token_ratio for m, r in by_model.items()}
    least = per_model(table, {m: r.min_tokens for m, r in by_model.items()})
    block = {m: r.block_tokens for m, r in by_model.items()}

    def scaled(tokens: ir.Value) -> ir.Value:
        if set(ratio.values()) == {1.0}:
            return tokens
        return (tokens * per_model(table, ratio, "float64")).round().cast("int64")

    cached = scaled(table.cached)
    cached = ibis.ifelse(cached >= least, cached, 0)

    def read(found: ir.Value) -> ir.Value:
        tokens = scaled(found)
        if set(block.values()) != {1}:
            tokens = tokens - tokens % per_model(table, block)
        return ibis.least(ibis.ifelse(tokens >= least, tokens, 0), cached)

    hit, steady = read(table.found), read(table.always)
    return table.mutate(
        prompt=scaled(table.prompt),
        hit=hit,
        written=cached - hit,
        steady=steady,
        steady_written=cached - steady,
    )


def per_model(table: ir.Table, values: Mapping[str, float], kind: str = "int64") -> ir.Value:
    """The value of each call's version."""
    (_, last), *rest = list(values.items())[::-1]
    found = ibis.literal(last, kind)
    if len(set(values.values())) == 1:
        return found
    for model, value in rest:
        found = ibis.ifelse(table.model == model, ibis.literal(value, kind), found)
    return found
