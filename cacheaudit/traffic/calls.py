"""Each call beside the one before it: on the same thread, and on the same cache entry.

A *lane* is a thread of calls that re-use one another's cache: a conversation of more than one
call, else all calls with one shared prefix. An *entry* is a lane on one model in one scope,
because caches are keyed on both (Anthropic: workspace; OpenAI: organization and model).

Engines differ in two things that order and distance of calls hang on. The seconds of a timestamp
are whole on Spark, BigQuery and ClickHouse and have fractions on DuckDB and PostgreSQL: here
times are whole milliseconds. Text sorts by its bytes everywhere but on PostgreSQL, where a
database sorts by the rules of a language: there its bytes are asked for.
"""

import ibis
import ibis.expr.types as ir

from ..request_table import answered, written_tokens

MISSED = 0.5  # a call that read less than this part of what the last one had cached missed it
SOON_S, SHORT_S, LONG_S = 60, 300, 3600
GAPS = ["under 1 min", "1 to 5 min", "5 to 60 min", "over 60 min"]


def calls(table: ir.Table, *, writes_reported: bool) -> ir.Table:
    """*table* (engine.as_table) with one row per answered call and the columns below.

    read, written, prompt   tokens; prompt is all input
    held         what a later call may hope to read: read + written, or the prompt where writes
                 are not reported
    turn         0 for the first call of a conversation; null without one
    prefix_since milliseconds since 1970 of the first call with this prefix_id; null without one
    expected     what the call before on this entry held (elsewhere, if never here); null: first
    gap          one of GAPS, since the lane was last used anywhere; entry_gap: since on this entry
    where        here (this entry was used last), version, scope: where the lane was last used
    place_same, tools_same, head_same, settings_same, process_same   against the last call on
                 this entry; null where not logged
    overlaps     began before the last call on this entry had begun to answer
    """
    table = answered(table)
    written = written_tokens(table)
    read = table.cache_read_tokens
    classes = read + written + table.uncached_input_tokens
    prompt = ibis.coalesce(classes, table.prompt_tokens)
    begun_ms = ibis.coalesce(table.first_token_ms, table.latency_ms)
    base = table.mutate(
        read=read,
        written=written,
        prompt=prompt,
        held=read + written if writes_reported else prompt,
        at_ms=at_ms(table.ts),
        answer_ms=at_ms(table.ts) + begun_ms,
        place=_joined(table.route, table.region, table.endpoint),
        head=ibis.coalesce(table.system_hash, table.prefix_id),
        settings=_joined(table.service_tier, table.speed),
    )
    sized = base.mutate(
        size=base.session_id.count().over(ibis.window(group_by=[base.provider, base.session_id]))
    )
    conversation = sized.session_id.notnull() & (sized["size"] > 1)
    laned = sized.mutate(
        lane=ibis.ifelse(conversation, "s" + sized.session_id, "p" + sized.prefix_id),
        turn=ibis.ifelse(sized.session_id.isnull(), ibis.null("int64"), _turn(sized)),
        shared=ibis.ifelse(conversation, ibis.null("int64"), sized.prefix_tokens),
    )
    return _beside_the_last(
        laned.mutate(
            prefix_since=ibis.ifelse(
                laned.prefix_id.isnull(),
                ibis.null("int64"),
                laned.at_ms.min().over(ibis.window(group_by=[laned.provider, laned.prefix_id])),
            )
        )
    )


def at_ms(ts: ir.Value) -> ir.Value:
    """Milliseconds since 1970 of *ts* (a timestamp), cut off: whole numbers on every engine."""
    within = ts.cast("timestamp").millisecond()  # the same in every zone
    return ts.epoch_seconds().floor().cast("int64") * 1000 + within.cast("int64")


def by_bytes(text: ir.Value) -> ir.Value:
    """What to sort *text* by, so that every engine sorts alike."""
    return _encoded(text, "UTF8") if text.get_backend().name == "postgres" else text


@ibis.udf.scalar.builtin(name="convert_to")  # type: ignore[untyped-decorator]
def _encoded(text: str, encoding: str) -> bytes:
    """PostgreSQL's own function of that name; bytes have no collation."""
    raise NotImplementedError  # the engine runs it


def _turn(table: ir.Table) -> ir.Value:
    within = ibis.window(group_by=[table.provider, table.session_id], order_by=_order(table))
    return ibis.coalesce(table.turn_index, ibis.row_number().over(within))


def _order(table: ir.Table) -> list[ir.Value]:
    """In order of time; logs of whole seconds have ties, which storage must not decide."""
    return [table.ts, table.turn_index, by_bytes(table.request_id)]


def _joined(*labels: ir.Value) -> ir.Value:
    """One label out of several; null where none is logged."""
    known = labels[0].notnull()
    for one in labels[1:]:
        known = known | one.notnull()
    text = ibis.coalesce(labels[0], "")
    for one in labels[1:]:
        text = text + "|" + ibis.coalesce(one, "")
    return ibis.ifelse(known, text, ibis.null("string"))


def _beside_the_last(table: ir.Table) -> ir.Table:
    threaded = table.lane.notnull()
    lane = ibis.window(group_by=[table.provider, table.lane], order_by=_order(table))
    entry = ibis.window(
        group_by=[table.provider, table.lane, table.model, table.scope], order_by=_order(table)
    )

    def last(name: str, window: object) -> ir.Value:
        return ibis.ifelse(threaded, table[name].lag().over(window), ibis.null(table[name].type()))

    seen = table.mutate(
        lane_ms=last("at_ms", lane),
        lane_held=last("held", lane),
        lane_model=last("model", lane),
        lane_scope=last("scope", lane),
        entry_ms=last("at_ms", entry),
        entry_held=last("held", entry),
        entry_answer_ms=last("answer_ms", entry),
        entry_place=last("place", entry),
        entry_tools=last("tools_hash", entry),
        entry_head=last("head", entry),
        entry_settings=last("settings", entry),
        entry_process=last("process_id", entry),
    )
    held = ibis.coalesce(seen.entry_held, seen.lane_held)
    expected = ibis.ifelse(
        seen.shared.notnull() & (seen.shared < held), seen.shared, held
    )  # a prefix lane shares no more than its prefix
    apart = seen.lane_model != seen.model
    moved = ibis.coalesce(seen.lane_scope, "") != ibis.coalesce(seen.scope, "")
    where = ibis.cases((apart, "version"), (moved, "scope"), else_="here")
    return seen.mutate(
        expected=expected,
        gap=_band(seen.at_ms - seen.lane_ms),
        entry_gap=_band(seen.at_ms - seen.entry_ms),
        where=ibis.ifelse(seen.lane_ms.isnull(), ibis.null("string"), where),
        place_same=seen.entry_place == seen.place,
        tools_same=seen.entry_tools == seen.tools_hash,
        head_same=seen.entry_head == seen["head"],
        settings_same=seen.entry_settings == seen.settings,
        process_same=seen.entry_process == seen.process_id,
        overlaps=seen.at_ms < seen.entry_answer_ms,
        missed=seen.read < MISSED * expected,
    )


def _band(milliseconds: ir.Value) -> ir.Value:
    return ibis.cases(
        (milliseconds.isnull(), ibis.null("string")),
        (milliseconds < 1000 * SOON_S, GAPS[0]),
        (milliseconds <= 1000 * SHORT_S, GAPS[1]),
        (milliseconds <= 1000 * LONG_S, GAPS[2]),
        else_=GAPS[3],
    )
