"""LiteLLM's "LiteLLM_SpendLogs" where it lies: the mapping of litellm.py as one Ibis expression.

    table = ibis.connect("postgres://...").table("LiteLLM_SpendLogs")
    diagnose(usage, requests=litellm_table.requests_of(table))

Made of what PostgreSQL (`metadata` jsonb) and DuckDB (JSON, or text) both do, and nothing leaves
the engine but what a later group-by sums. Rows that cannot be read are not in `requests_of`; they
are counted by `unreadable`, so ask both.

Times have no zone in LiteLLM's schema and are UTC. They become instants through their text,
because PostgreSQL reads a bare timestamp in the session's own zone; durations are taken before,
because DuckDB has the epoch of an instant in the session's zone, an hour off across a change of
clocks; and fractions are cut first, because it rounds an epoch (Ibis 12, DuckDB 2.0).
"""

from collections.abc import Iterable
from functools import reduce
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from ..engine import as_table
from ..errors import SchemaError
from .litellm import (
    CACHED_ID,
    FAILED,
    FLAT_READS,
    FLAT_WRITES,
    NESTED_WRITES,
    NOT_CALLS,
    ONCE_BESIDE,
    PROVIDERS,
    SUCCEEDED,
    UNKNOWN_FAILURE,
)
from .values import EARLIEST, LATEST, MOST

TIMES = ("startTime", "endTime", "completionStartTime")
TEXTS = (
    *("request_id", "session_id", "call_type", "api_key", "model", "model_group", "status"),
    *("custom_llm_provider", "team_id", "organization_id", "cache_hit"),
)
OBJECT = r"^\{"
WHOLE = r'^([0-9]{1,16}(\.0+)?|"[0-9]{1,16}"|"")$'
CODE = r'^"?[45][0-9]{2}"?$'
LIVES = {
    "5m": ("cache_creation_token_details", "ephemeral_5m_input_tokens"),
    "1h": ("cache_creation_token_details", "ephemeral_1h_input_tokens"),
    "30m": ("cache_write_tokens_details", "ttl_30m_tokens"),
    "12h": ("cache_write_tokens_details", "ttl_12h_tokens"),
}
SPLITS = tuple(dict.fromkeys(parent for parent, _ in LIVES.values()))


def requests_of(table: ir.Table) -> ir.Table:
    """The request table of *table*, each call that can be read; no row is fetched.

    Raises SchemaError where a column is missing or a time is no timestamp.
    """
    read = _read(table)
    return as_table(read.filter(read.is_call, read.why.isnull()).drop("is_call", "why"))


def unreadable(table: ir.Table) -> ir.Table:
    """`why`, `calls`: how many rows are calls and not in `requests_of`, by reason.

    What the file reader would skip with the same reason in more words.
    """
    read = _read(table)
    lost = read.filter(read.is_call, read.why.notnull())
    return lost.group_by("why").aggregate(calls=ibis._.count())


def _read(table: ir.Table) -> ir.Table:
    """Every row as a call, with `is_call` and with the reason `why` it cannot be read, or null."""
    return _calls(_apart(_sums(_apart(_counts(_apart(_fields(table)))))))


def _apart(table: ir.Table) -> ir.Table:
    """*table* as a subquery of its own: merged, the stages repeat each other a hundred times.

    A window over nothing is what neither Ibis nor PostgreSQL merges across.
    """
    return table.mutate(apart=ibis.row_number())


def _fields(table: ir.Table) -> ir.Table:
    """The columns that are read, in one type each; what the metadata holds, as JSON text."""
    _demand(table)
    metadata = table["metadata"]
    metadata = metadata if metadata.type().is_json() else metadata.nullif("").cast("json")
    usage = metadata["usage_object"]
    details = usage["prompt_tokens_details"]
    raw = {
        "raw_prompt": usage["prompt_tokens"],
        "raw_output": usage["completion_tokens"],
        "raw_total": usage["total_tokens"],
        "raw_flat": usage[FLAT_WRITES],
        "raw_read": details["cached_tokens"],
        **{f"raw_read_{i}": usage[name] for i, name in enumerate(FLAT_READS)},
        **{f"raw_write_{i}": details[name] for i, name in enumerate(NESTED_WRITES)},
        **{f"raw_{life}": details[parent][name] for life, (parent, name) in LIVES.items()},
        "in_metadata": metadata,
        "in_usage": usage,
        "in_details": details,
        **{f"in_split_{i}": details[parent] for i, parent in enumerate(SPLITS)},
        "error_code": metadata["error_information"]["error_code"],
    }
    words = {
        "said": metadata["status"],
        "service_tier": usage["service_tier"],
        "speed": usage["speed"],
        "region": usage["inference_geo"],
    }
    return table.select(
        **{name: table[name] for name in TIMES},
        **{name: table[name].cast("string").nullif("") for name in TEXTS},
        **{name: value.cast("string").nullif("null") for name, value in raw.items()},
        **{name: value.str.nullif("") for name, value in words.items()},
        raw_column_prompt=table["prompt_tokens"].cast("string"),
        raw_column_output=table["completion_tokens"].cast("string"),
    )


def _counts(t: ir.Table) -> ir.Table:
    """Raw text to counts; `odd_count` where one is none, `odd_object` where an object is none."""
    raw = [name for name in t.columns if name.startswith("raw_")]
    inside = [name for name in t.columns if name.startswith("in_")]
    counts = {name.removeprefix("raw_"): _whole(t[name]) for name in raw}
    first = [counts[name] for name in ("read", *(f"read_{i}" for i in range(len(FLAT_READS))))]
    named = [counts[f"write_{i}"] for i in range(len(NESTED_WRITES))]
    used = [name for name in raw if not name.startswith("raw_column")]
    usage = t.in_usage.notnull() & (t.in_usage != "{}")
    return t.mutate(
        **counts,
        has_usage=usage,
        odd_count=ibis.ifelse(
            usage,
            _any(_is_odd(t[name]) for name in used),
            _any(_is_odd(t[name]) for name in raw if name not in used),
        ),
        odd_metadata=_no_object(t.in_metadata),
        odd_object=_any(_no_object(t[name]) for name in inside),
        the_read=ibis.coalesce(*first),
        read_twice=_differ(first),
        named=ibis.coalesce(*named),
        written=ibis.coalesce(*named, counts["flat"]),
        written_twice=_differ([*named, counts["flat"]]),
    )


def _sums(t: ir.Table) -> ir.Table:
    """Which prompt the writes are part of, and the writes by lifetime."""
    provider = t.custom_llm_provider.cases(*PROVIDERS.items(), else_=t.custom_llm_provider)
    said = ibis.coalesce(t.status, t.said)
    flat, output = t.flat.fill_null(0), t.output.fill_null(0)
    by_total = _holds(t.total == t.prompt.fill_null(0) + flat + output)
    beside = (flat > 0) & (t.named.isnull() | by_total)
    live = reduce(lambda a, b: a + b, [t[life].fill_null(0) for life in LIVES])
    none_live = reduce(lambda a, b: a & b, [t[life].isnull() for life in LIVES])
    rest = t.written - live
    return t.mutate(
        provider=provider,
        failed=_holds(said == FAILED),
        succeeded=_holds(said == "success"),
        untold=(flat > 0) & t.named.isnull() & ~_holds(provider.isin(ONCE_BESIDE)),
        all_input=ibis.ifelse(beside, t.prompt.fill_null(0) + flat, t.prompt),
        lives=live,
        all_written=ibis.ifelse(none_live & t.written.isnull(), 0, ibis.coalesce(t.written, live)),
        other=ibis.ifelse(none_live | (rest != 0), rest, ibis.null("int64")),
    )


def _calls(t: ir.Table) -> ir.Table:
    """The request table's columns beside `is_call` and `why`."""
    usage, model = t.has_usage, _after(_after(t.model, t.custom_llm_provider + "/"), "converse/")
    cached = t.the_read.fill_null(0) + t.all_written
    served = t.provider.notnull() & model.notnull() & (model != "")
    no_call = (
        _holds(t.call_type.isin(NOT_CALLS))
        | _holds(t.cache_hit.lower() == "true")
        | _holds(t.request_id.contains(CACHED_ID))
    )
    prompt = ibis.ifelse(usage, t.all_input, t.column_prompt.nullif(0))
    output = ibis.ifelse(usage, t.output, t.column_output)
    counted = (prompt.fill_null(0) > 0) | (output.fill_null(0) > 0)
    known = usage & counted
    reasons = (
        (t.odd_object, "metadata, or what it holds, is no object"),
        (t.provider.isnull(), "custom_llm_provider is empty"),
        (~served, "model is empty"),
        (
            usage & t.raw_prompt.isnull() & t.raw_output.isnull(),
            "usage_object has no prompt_tokens",
        ),
        (t.odd_count, "a token count is no whole number of at least 0"),
        (usage & t.untold, "whether prompt_tokens hold what was written is not told"),
        (usage & (t.read_twice | t.written_twice), "two names of one count differ"),
        (usage & _holds(t.lives > t.written), "more was written by lifetime than in all"),
        (usage & _holds(cached > t.all_input), "more tokens cached than in all"),
        (~counted & ~t.failed, "no tokens were logged"),
        (t.startTime.isnull(), "startTime is empty"),
        (_any(_outside(t[name]) for name in TIMES), "a time is not between 2010 and 2100"),
    )
    start, end, first = (_micros(t[name]) for name in TIMES)
    rest = ibis.ifelse(t.the_read.notnull(), t.all_input - cached, ibis.null("int64"))
    code = _if(_holds(t.error_code.re_search(CODE)), t.error_code.re_replace('"', ""))
    return t.select(
        is_call=~no_call & (t.odd_metadata | ~(t.failed & ~served)),
        why=ibis.cases(*((_holds(bad), why) for bad, why in reasons), else_=ibis.null("string")),
        ts=(t.startTime.cast("string") + "+00").cast("timestamp('UTC')"),
        provider=t.provider,
        model=model,
        model_requested=t.model_group,
        scope=ibis.coalesce(t.team_id, t.organization_id),
        route=t.api_key,
        request_id=t.request_id,
        session_id=t.session_id,
        status=ibis.cases(
            (t.failed, ibis.coalesce(code.cast("int64"), UNKNOWN_FAILURE)),
            (t.succeeded, ibis.literal(SUCCEEDED, type="int64")),
            else_=ibis.null("int64"),
        ),
        service_tier=t.service_tier,
        speed=t.speed,
        region=t.region,
        latency_ms=_span(start, end),
        first_token_ms=_if(_holds(first != end) | end.isnull(), _span(start, first)),
        uncached_input_tokens=_if(known, rest),
        prompt_tokens=_if(counted & rest.isnull() | ~usage, prompt),
        cache_read_tokens=_if(known, t.the_read),
        **{f"cache_write_{life}_tokens": _if(known, t[life]) for life in LIVES},
        cache_write_other_tokens=_if(known, t.other),
        output_tokens=_if(counted, output),
    )


def _demand(table: ir.Table) -> None:
    needed = [*TIMES, *TEXTS, "metadata", "prompt_tokens", "completion_tokens"]
    if missing := [name for name in needed if name not in table.columns]:
        raise SchemaError(
            f"the table lacks the columns {missing} of LiteLLM_SpendLogs; found"
            f" {sorted(table.columns)}. Name LiteLLM's own table, or map yours (docs/SOURCES.md)."
        )
    for name in TIMES:
        kind = table[name].type()
        if not isinstance(kind, dt.Timestamp) or kind.timezone is not None:
            raise SchemaError(
                f"{name} is {kind}; expected a timestamp without a zone, as in LiteLLM's schema."
                " Exports in which times are something else are read as files."
            )


def _micros(at: Any) -> Any:
    """Microseconds since 1970 of a time in UTC without a zone."""
    return at.truncate("s").epoch_seconds().cast("int64") * 1_000_000 + at.microsecond().cast(
        "int64"
    )


def _span(start: Any, end: Any) -> Any:
    """Milliseconds, null where the end is before the start."""
    return _if(_holds(end >= start), (end - start).cast("float64") / 1000.0)


def _outside(at: Any) -> Any:
    seconds = at.truncate("s").epoch_seconds().cast("int64")
    return _holds((seconds < EARLIEST) | (seconds >= LATEST))


def _whole(raw: Any) -> Any:
    """The count in JSON text, null where there is none or it is odd."""
    digits = raw.re_replace(r"\.0+$", "").re_replace('"', "").nullif("")
    return _if(_holds(raw.re_search(WHOLE)), digits).cast("int64")


def _is_odd(raw: Any) -> Any:
    """Whether *raw* is there and is no count below 2^53."""
    return raw.notnull() & ~_holds(_whole(raw) < MOST) & ~_holds(raw == '""')


def _differ(counts: list[Any]) -> Any:
    first = ibis.coalesce(*counts)
    return _any(_holds(count != first) for count in counts)


def _after(name: Any, prefix: Any) -> Any:
    """*name* without *prefix*, where it starts with it."""
    prefix = ibis.literal(prefix) if isinstance(prefix, str) else prefix
    return ibis.ifelse(_holds(name.startswith(prefix)), name.substr(prefix.length()), name)


def _if(condition: Any, value: Any) -> Any:
    return ibis.ifelse(condition, value, ibis.null(value.type()))


def _holds(condition: Any) -> Any:
    """*condition*, false where it is null."""
    return ibis.coalesce(condition, ibis.literal(False))


def _no_object(raw: Any) -> Any:
    """Whether *raw* is there and is no JSON object."""
    return raw.notnull() & ~_holds(raw.re_search(OBJECT))


def _any(conditions: Iterable[Any]) -> Any:
    return reduce(lambda a, b: a | b, conditions)
