"""How long what is cached is, counted call by call in a request log. Pure."""

import ibis
import ibis.expr.types as ir

from ..request_table import answered, written_tokens

Lengths = tuple[tuple[float, float], ...]


def at_stake(log: ir.Table) -> Lengths:
    """(length, tokens) of the entries that calls read, the shortest first.

    What a call read is the length of an entry that was of use, and that a minimum would take; what
    it wrote behind that is an entry of nobody's yet. A call that read nothing and wrote has the
    length of what it wrote; one that reports neither, that of its prefix, where that is logged.
    """
    table = answered(log)
    read, wrote = ibis.coalesce(table.cache_read_tokens, 0), written_tokens(table)
    length = ibis.cases((read > 0, read), (wrote > 0, wrote), else_=_silent(table))
    seen = table.select(length=length).filter(lambda t: t.length > 0)
    sums = seen.group_by("length").aggregate(tokens=seen.length.sum()).order_by("length")
    rows = sums.to_pandas().astype("float64").itertuples(index=False, name=None)
    return tuple((length, tokens) for length, tokens in rows)


def _silent(table: ir.Table) -> ir.Value:
    """Of a call that reports no cached tokens: null where it says that there were none."""
    told = table.cache_read_tokens.notnull()
    return ibis.ifelse(told, ibis.null("int64"), table.prefix_tokens)
