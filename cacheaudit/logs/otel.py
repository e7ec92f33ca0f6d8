"""OpenTelemetry GenAI spans, and Claude Code's log events: what any instrumented program exports.

    collector: exporters: {file: {path: genai.jsonl}}          one export a line
    GitHub Copilot: COPILOT_OTEL_FILE_EXPORTER_PATH=spans.jsonl
    Claude Code: CLAUDE_CODE_ENABLE_TELEMETRY=1, OTEL_LOGS_EXPORTER=otlp, to a collector

otel_spans.py says which forms are read, otel_tokens.py which attributes hold tokens, and whether
the input is the total (the convention) or the uncached rest (some emitters).

**What counts.** Spans of one inference: `gen_ai.operation.name` chat, text_completion,
generate_content; with another or none (older emitters), those with token counts. Spans of agents
and workflows repeat the sum of the calls below them, and frameworks wrap the span of an SDK in one
of their own: of spans with counts the innermost counts, others are passed over. Where an agent's
span has counts and its trace has no call in this file, it cannot be taken for one: it is skipped
and said. Tools, retrievals and embeddings are passed over.

| attribute | column |
|---|---|
| start, end | `ts`, `latency_ms`; `gen_ai.response.time_to_first_chunk` (s) is `first_token_ms` |
| `gen_ai.provider.name`, `gen_ai.system`; a known `server.address` outweighs `openai` | `provider` |
| `gen_ai.response.model`, else the next | `model` |
| `gen_ai.request.model` | `model_requested` |
| `gen_ai.conversation.id`, `session.id` | `session_id` |
| `gen_ai.response.id`, else the span's id | `request_id` |
| `service.name`, `service.version` (resource) | `route`, `client_version` |
| `http.response.status_code`, a number in `error.type`, else 500 for an error without counts | `status` |
| `gen_ai.openai.response.service_tier`, `openai.response.service_tier` | `service_tier` |

A span that ends in an error and has counts was answered, and billed: it has no `status`.

**Claude Code** writes its own events and spans: otel_claude_code.py.

Sources: semantic-conventions-genai (2026-08, with #19 and #469 on sums in agent spans), OpenLLMetry
0.5.1, code.claude.com monitoring, docs of Copilot's file exporter; span of tokscale#716.
"""  # noqa: E501

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .otel_claude_code import EVENTS, event_call, event_name
from .otel_spans import Span, spans_in
from .otel_tokens import Counts, counts_of
from .providers import provider_at, provider_named
from .record import Call, Reader, Record, Skip
from .values import NotUnderstood, number, text, whole

INFERENCE = {"chat", "text_completion", "generate_content"}
SUMS = {"invoke_agent", "invoke_workflow"}
NO_CALLS = {"embeddings", "execute_tool", "retrieval", "rerank", "create_agent", "plan"}
_OUTER_KINDS = {"agent", "workflow", "task", "tool", "chain", "entry", "step"}


class Held(NamedTuple):
    """A span that waits for the end of its file: others decide whether and how it counts.

    call   what it says but for its counts, or why it cannot be read
    sums   whether it holds the sum of other spans
    """

    line: int
    call: Call | str
    counts: Counts
    key: tuple[str, ...]
    trace_id: str
    span_id: str
    sums: bool


def read(records: Iterable[Record]) -> Iterator[Call | Skip]:
    """The calls of one file. A span that a rotated file cuts from its children is seen alone."""
    parents: dict[str, str] = {}
    held: list[Held] = []
    for line, value in records:
        for span in _spans(value):
            if isinstance(span, str):
                yield Skip(line, span)
                continue
            if span.span_id:
                parents[span.span_id] = span.parent_id
            try:
                if (event := event_name(span)) in EVENTS:
                    yield event_call(span, event)
                elif (found := _held(line, span)) is not None:
                    held.append(found)
            except NotUnderstood as reason:
                yield Skip(line, str(reason))
    yield from _settled(held, parents)


def recognises(value: Mapping[str, Any]) -> bool:
    """Whether *value* is an export of spans or logs, or a span with a GenAI attribute."""
    if isinstance(value.get("resourceSpans"), list) or isinstance(value.get("resourceLogs"), list):
        return True
    return any(
        event_name(span) in EVENTS or any(name.startswith("gen_ai.") for name in span.attributes)
        for span in _spans(value)
        if not isinstance(span, str)
    )


def _spans(value: Any) -> Iterator[Span | str]:
    """The spans of one record; the last is the reason where some of them cannot be reached."""
    try:
        yield from spans_in(value) if isinstance(value, Mapping) else ()
    except NotUnderstood as reason:
        yield str(reason)


def _settled(held: list[Held], parents: Mapping[str, str]) -> Iterator[Call | Skip]:
    """Each call once: the innermost span of those with counts, read as its emitter writes."""
    outer = {
        above
        for one in held
        if one.counts.told and not one.sums and one.span_id
        for above in _above(one.span_id, parents)
    }
    traces = {one.trace_id for one in held if one.counts.told and not one.sums}
    rests = {one.key for one in held if one.counts.proves_rest}
    for one in held:
        if one.span_id in outer:
            continue
        if one.sums:
            if one.trace_id not in traces:
                yield Skip(one.line, "an agent's span with the sum of calls that have no spans")
            continue
        if isinstance(one.call, str):
            yield Skip(one.line, one.call)
            continue
        try:
            yield one.call | one.counts.tokens(one.key in rests).counts()
        except NotUnderstood as reason:
            yield Skip(one.line, str(reason))


def _above(span_id: str, parents: Mapping[str, str]) -> list[str]:
    """The spans around one, from the inside; none where they go round in a circle."""
    above: dict[str, None] = {}
    while (span_id := parents.get(span_id, "")) and span_id not in above:
        above[span_id] = None
    return [] if span_id else list(above)


def _held(line: int, span: Span) -> Held | None:
    """*span* as a call, or as the sum of calls; None where it is neither."""
    given = span.attributes
    operation = _lower(given.get("gen_ai.operation.name"))
    kind = _lower(given.get("traceloop.span.kind")) or _lower(given.get("gen_ai.span.kind"))
    sums = operation in SUMS or (kind in _OUTER_KINDS and operation not in INFERENCE)
    if operation in NO_CALLS:
        return None
    counts = counts_of(given)
    if not counts.told and (sums or operation not in INFERENCE):
        return None
    key: tuple[str, ...] = ()
    call: Call | str = {}
    if not sums:
        try:
            call = _call(span, counts.told)
            key = (*span.scope, call["provider"])
            if not counts.told and "status" not in call:
                call = "the span has no token count"
        except NotUnderstood as reason:
            call = str(reason)
    return Held(line, call, counts, key, span.trace_id, span.span_id, sums)


def _lower(value: Any) -> str:
    return (text(value) or "").lower()


def _call(span: Span, billed: bool) -> Call:
    given = span.attributes
    asked = text(given.get("gen_ai.request.model"))
    model = text(given.get("gen_ai.response.model")) or asked
    if model is None:
        raise NotUnderstood("no model is named; expected gen_ai.response.model")
    first_s = number(given.get("gen_ai.response.time_to_first_chunk"), "time_to_first_chunk")
    call = {
        "ts": span.started_us(),
        "provider": _provider(given),
        "model": model,
        "model_requested": asked,
        "request_id": text(given.get("gen_ai.response.id")) or span.span_id or None,
        "session_id": text(given.get("gen_ai.conversation.id")) or text(given.get("session.id")),
        "route": text(span.resource.get("service.name")),
        "client_version": text(span.resource.get("service.version")),
        "service_tier": text(given.get("gen_ai.openai.response.service_tier"))
        or text(given.get("openai.response.service_tier")),
        "latency_ms": span.lasted_ms(),
        "first_token_ms": None if first_s is None else first_s * 1000,
        "status": _status(span, billed),
    }
    return {name: value for name, value in call.items() if value is not None}


def _provider(given: Mapping[str, Any]) -> str:
    named = provider_named(given.get("gen_ai.provider.name") or given.get("gen_ai.system"))
    # By convention the name is that of the API's flavour: many are served by the OpenAI SDK.
    at = provider_at(given.get("server.address"))
    if named in (None, "openai", "_other") and at is not None:
        return at
    if named is None:
        raise NotUnderstood("no provider is named; expected gen_ai.provider.name")
    return named


def _status(span: Span, billed: bool) -> int | None:
    given = span.attributes
    for name in ("http.response.status_code", "http.status_code", "error.type"):
        told = given.get(name)
        if type(told) is int or (isinstance(told, str) and told.isascii() and told.isdigit()):
            return whole(told, name)
    failed = span.failed or text(given.get("error.type")) is not None
    return 500 if failed and not billed else None


READER = Reader(
    name="otel",
    title="OpenTelemetry GenAI spans",
    recognises=recognises,
    read=read,
)
