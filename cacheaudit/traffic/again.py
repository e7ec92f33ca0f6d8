"""Each call beside the last one that used the same prefix on the same version.

A conversation's entry (calls.py) is its own; the prefix that it begins with is shared with others,
so the first call of a conversation may find what another one left.
"""

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..engine import as_table
from ..schema import CACHE_WRITE
from .calls import by_bytes, calls


def calls_again(requests: pd.DataFrame | ir.Table) -> ir.Table:
    """calls.calls of *requests* with these columns more.

    since_s     seconds since this entry was last used (its conversation, else its prefix)
    held_before tokens that its last call held: what this one may hope to read
    prompt_before   all input of that call
    prefix_since_s  seconds since anybody used this prefix on this version in this scope
    Each is null where there was no such call.
    """
    table = as_table(requests)
    writes = ibis.coalesce(*(table[c] for c in CACHE_WRITE))
    every = calls(table, writes_reported=bool(writes.count().execute()))
    order = [every.ts, every.turn_index, by_bytes(every.request_id)]
    place = [every.provider, every.scope, every.model]
    prefix = ibis.window(group_by=[*place, every.prefix_id], order_by=order)
    entry = ibis.window(group_by=[*place, every.lane], order_by=order)
    touched = ibis.ifelse(
        every.prefix_id.isnull(), ibis.null("int64"), every.at_ms.lag().over(prefix)
    )
    before = ibis.ifelse(every.lane.isnull(), ibis.null("int64"), every.prompt.lag().over(entry))
    known = every.shared.notnull() & (every.shared < every.entry_held)
    return every.mutate(
        since_s=(every.at_ms - every.entry_ms) / 1000,
        held_before=ibis.ifelse(known, every.shared, every.entry_held),
        prompt_before=before,
        prefix_since_s=(every.at_ms - touched) / 1000,
    )
