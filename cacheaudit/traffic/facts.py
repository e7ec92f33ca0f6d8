"""The tables of a request log that causes are held against, before and during an incident."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..engine import as_table
from ..schema import CACHE_WRITE, Cohort
from .calls import by_bytes, calls

SAMENESS = ["place_same", "tools_same", "head_same", "settings_same", "process_same", "overlaps"]
PAIR = ["period", "gap", "entry_gap", "where", *SAMENESS]
TURNS = 40  # later turns of a conversation are one band
MOST_PREFIXES = 100  # by use; the others are one
MOST_READS = 500  # distinct lengths of reads, the most frequent ones
QUANTILES = [0.1, 0.25, 0.5, 0.75, 0.9, 0.99]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Calls of some cohorts in [start, end); no cohorts: all of them."""

    start: pd.Timestamp
    end: pd.Timestamp
    cohorts: tuple[Cohort, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFacts:
    """Small tables, each with a column `period` (before, after).

    pairs     calls that followed another: by calls.GAPS, `where` and what was the same:
              calls, missed, expected, kept, read_at_miss (tokens), partial (misses that read some)
    turns     by turn (the last band is TURNS and later): calls, prompt, read, written
    prefixes  the most used prefixes, numbered, and all others as -1: calls, prompt, read
    lengths   by model: calls, cached (read or wrote), and the quantiles of the prompt
    cached    by model: how many calls cached each length (of read + written), sorted
    reads     the most frequent lengths of reads: read, calls
    reasons   the provider's own diagnosis: reason, calls
    served    by requested and served name, and by marker_sent: calls, cached
    counts    calls, with_id, request_ids, conversations, prefixes (distinct), followed (calls
              with a predecessor), with_prefix, new_prefix (calls whose prefix is of this period)
    """

    pairs: pd.DataFrame
    turns: pd.DataFrame
    prefixes: pd.DataFrame
    lengths: pd.DataFrame
    cached: pd.DataFrame
    reads: pd.DataFrame
    reasons: pd.DataFrame
    served: pd.DataFrame
    counts: pd.DataFrame


def log_facts(requests: pd.DataFrame | ir.Table, before: Window, after: Window) -> LogFacts:
    """Count *requests* in both windows. Calls outside count as predecessors, nothing else."""
    table = as_table(requests)
    writes = ibis.coalesce(*(table[c] for c in CACHE_WRITE))
    writes_reported = bool(writes.count().execute())
    every = calls(table, writes_reported=writes_reported)
    period = ibis.cases((_inside(every, before), "before"), (_inside(every, after), "after"))
    seen = every.mutate(period=period)
    seen = seen.filter(seen.period.notnull()).cache()
    return LogFacts(
        pairs=_pairs(seen),
        turns=_turns(seen),
        prefixes=_prefixes(seen),
        lengths=_lengths(seen),
        cached=_cached(seen),
        reads=_reads(seen),
        reasons=_reasons(seen),
        served=_served(seen),
        counts=_counts(seen, before, after),
    )


def _inside(table: ir.Table, window: Window) -> ir.Value:
    low, high = (ibis.timestamp(t.isoformat()) for t in (window.start, window.end))
    inside = (table.ts >= low) & (table.ts < high)
    if not window.cohorts:
        return inside
    own = None
    for scope, route in window.cohorts:
        one = _is(table.scope, scope) & _is(table.route, route)
        own = one if own is None else own | one
    return inside & own


def _is(column: ir.Value, label: str | None) -> ir.Value:
    return column.isnull() if label is None else ibis.coalesce(column == label, False)


def _pairs(seen: ir.Table) -> pd.DataFrame:
    followed = seen.filter((seen.expected > 0) & seen.read.notnull())
    missed = followed.missed
    return _frame(
        followed.group_by(PAIR).aggregate(
            calls=followed.count(),
            missed=missed.sum(),
            expected=followed.expected.sum(),
            kept=ibis.least(followed.read, followed.expected).sum(),
            read_at_miss=ibis.ifelse(missed, followed.read, 0).sum(),
            partial=(missed & (followed.read > 0)).sum(),
        )
    )


def _turns(seen: ir.Table) -> pd.DataFrame:
    talked = seen.filter(seen.turn.notnull() & seen.prompt.notnull())
    turn = ibis.least(talked.turn, TURNS).name("turn")
    return _frame(
        talked.group_by([talked.period, turn]).aggregate(
            calls=talked.count(),
            prompt=talked.prompt.sum(),
            read=talked.read.sum(),
            written=talked.written.sum(),
        )
    )


def _prefixes(seen: ir.Table) -> pd.DataFrame:
    """Numbered by use, so that no hash leaves the log."""
    known = seen.filter(seen.prefix_id.notnull() & seen.prompt.notnull())
    used = known.group_by("prefix_id").aggregate(uses=known.count())
    by_use = [ibis.desc(used.uses), by_bytes(used.prefix_id)]
    number = ibis.row_number().over(order_by=by_use)
    ranked = used.mutate(number=number).filter(lambda t: t.number < MOST_PREFIXES)
    named = known.left_join(ranked, "prefix_id")
    number = ibis.coalesce(named.number, -1).name("prefix")
    return _frame(
        named.group_by([named.period, number]).aggregate(
            calls=named.count(), prompt=named.prompt.sum(), read=named["read"].sum()
        )
    )


def _lengths(seen: ir.Table) -> pd.DataFrame:
    """Between two whole lengths a quantile lies on a hundredth; engines differ far behind it."""
    lengths = _frame(
        seen.group_by(["period", "model"]).aggregate(
            calls=seen.count(),
            cached=((seen.read + seen.written) > 0).sum(),
            **{f"p{round(q * 100)}": seen.prompt.quantile(q) for q in QUANTILES},
        )
    )
    return lengths.round(2)


def _cached(seen: ir.Table) -> pd.DataFrame:
    """Lengths in steps of 64 tokens: fine enough for a minimum, few enough to carry."""
    known = seen.filter((seen.read + seen.written) > 0)
    length = ((known.read + known.written) // 64 * 64).name("length")
    return _frame(
        known.group_by([known.period, known.model, length])
        .aggregate(calls=known.count())
        .order_by("length")
    )


def _reads(seen: ir.Table) -> pd.DataFrame:
    some = seen.filter(seen.read > 0)
    by_length = some.group_by(["period", "model", "read"]).aggregate(calls=some.count())
    by_use = [ibis.desc(by_length.calls), by_length["read"], by_bytes(by_length.model)]
    place = ibis.row_number().over(group_by=by_length.period, order_by=by_use)
    return _frame(by_length.filter(place < MOST_READS))


def _reasons(seen: ir.Table) -> pd.DataFrame:
    given = seen.filter(seen.cache_miss_reason.notnull())
    by = given.group_by(["period", given.cache_miss_reason.name("reason")])
    return _frame(by.aggregate(calls=given.count()))


def _served(seen: ir.Table) -> pd.DataFrame:
    return _frame(
        seen.group_by(["period", "model_requested", "model", "marker_sent"]).aggregate(
            calls=seen.count(), cached=((seen.read + seen.written) > 0).sum()
        )
    )


def _counts(seen: ir.Table, before: Window, after: Window) -> pd.DataFrame:
    began = ibis.ifelse(
        seen.period == "after", *(round(w.start.timestamp() * 1000) for w in (after, before))
    )
    return _frame(
        seen.group_by("period").aggregate(
            calls=seen.count(),
            with_id=seen.request_id.count(),
            request_ids=seen.request_id.nunique(),
            conversations=seen.session_id.nunique(),
            prefixes=seen.prefix_id.nunique(),
            followed=(seen.expected > 0).sum(),
            with_prefix=seen.prefix_id.count(),
            new_prefix=(seen.prefix_since >= began).sum(),
        )
    )


def _frame(small: ir.Table) -> pd.DataFrame:
    """*small* in dtypes that do not depend on the engine: counts with a null in them are floats."""
    frame: pd.DataFrame = small.to_pandas()
    counts = [name for name, kind in small.schema().items() if kind.is_integer()]
    return frame.astype({c: "float64" if frame[c].isna().any() else "int64" for c in counts})
