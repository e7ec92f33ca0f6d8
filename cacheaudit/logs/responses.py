"""Provider responses that a team saved, one JSON object a line: alone, or with what went with them.

    {"ts": "2026-11-02T09:00:00Z", "request": {...}, "response": {...}, "route": "gateway"}

Read are Anthropic messages, OpenAI chat completions and responses (and what is shaped like them:
Azure, OpenRouter, DeepSeek, Mistral, Groq, ...), Google's generateContent, Bedrock's Converse,
Cohere's chat; results of OpenAI's and Anthropic's batches; and their streams, event by event in
lines or as a list (responses_stream.py). tokens.py says how each usage object maps.

| column | the wrapper's field, else the response's |
|---|---|
| `ts` | `ts`, `timestamp`, `time`, `start_time`, `started_at`, `requested_at`, `created_at`; else `received_at`, `end_time`, `ended_at`, `completed_at` less the latency; else `created`, `created_at`, `createTime` |
| `provider` | `provider`, the host of `url`, `uri`, `api_base`, `base_url`, `endpoint`; else the shape (responses_shapes.py) |
| `model` | `model`, `modelVersion`; else the wrapper's `response_model`, `model`, `modelId`, what was asked for, the one in a Bedrock address |
| `model_requested` | `model_requested`, `request_model`, `request.model` |
| `request_id` | `id`, `responseId`; else the wrapper's `request_id`, `ResponseMetadata.RequestId` |
| `session_id` | `session_id`, `conversation_id`; else `conversation.id` |
| `scope`, `route` | `scope`, `workspace`, `project`; `route`, `gateway`, `api_key_name` |
| `status` | `status`, `status_code`, `http_status` where it is a number; an error without one is 500 |
| `latency_ms`, `first_token_ms` | `latency_ms`, `duration_ms`; `first_token_ms`, `ttft_ms` |
| `system_hash`, `tools_hash`, `prefix_id`, `marker_sent` | out of `request` (sent.py) |
| `cache_miss_reason` | `diagnostics.cache_miss_reason.type`, `prompt_cache_diagnostics.reason` |
| `service_tier`, `speed`, `region` | `service_tier`, `serviceTier`; `speed`; `inference_geo` |
| `billed_usd` | OpenRouter's `usage.cost` |
| `client_version`, `prompt_version`, `process_id`, `region`, `turn_index` | the same |

Traps. An Anthropic message, a Converse answer and AI Studio's have no time in them, Converse and
Cohere no model: the wrapper has to tell. Numbers are seconds, milliseconds, microseconds or
nanoseconds by their size, which leaves no doubt between 2010 and 2100; a text without a zone is
refused. An end without a latency stands for the start. A tool that asked another model (Anthropic
`iterations`) is a call of its own, outside the conversation. Errors that name no model are passed
over: they hold no tokens. Embeddings are passed over.

Sources: the providers' SDK types (anthropic 2.12, openai 3.54, google-genai 3.4, botocore 1.44.5)
and the recorded payloads of pydantic-ai and openllmetry, 2026-11.
"""  # noqa: E501

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from .record import Call, Reader, Record, Skip
from .responses_labels import labels, only, status_of
from .responses_shapes import has_counts, usage_of
from .responses_stream import NO_END, Streams, is_event
from .tokens import calls_of
from .values import NotUnderstood, text

Object = Mapping[str, Any]
_RESPONSES = ("response", "response_body", "event", "chunk", "events", "chunks", "result")
_OBJECTS = ("chat.completion", "text_completion", "response", "thread.run")
# Fields of formats that keep a response inside, or a sum of many beside the name `usage`.
_OTHERS = frozenset((
    "call_type", "usageDetails", "usage_details", "schemaType", "resourceSpans", "resourceLogs",
    "attributes", "response_created_at", "request_created_at", "num_turns", "sessionId",
))  # fmt: skip


def read(records: Iterable[Record]) -> Iterator[Call | Skip]:
    """The calls of one file; streams are put together over its lines."""
    streams = Streams()
    for line, value in records:
        if not isinstance(value, Mapping) or not _OTHERS.isdisjoint(value):
            continue
        try:
            response, around = _unwrapped(value)
            if isinstance(response, list):
                yield from _listed(line, response, around)
            elif is_event(response):
                key = text(around.get("request_id")) or text(around.get("stream_id")) or ""
                for where, whole_one in streams.event(response, (line, around), key):
                    yield from _told(whole_one, where)
            else:
                streams.finished(response)
                yield from _calls(response, around, alone=response is value)
        except NotUnderstood as reason:
            yield Skip(line, str(reason))
    yield from _ended(streams)


def recognises(value: Object) -> bool:
    """Whether *value* is a response, an event of one, or holds either."""
    if not _OTHERS.isdisjoint(value):
        return False
    try:
        response, _ = _unwrapped(value)
    except NotUnderstood:
        return False
    if isinstance(response, list):
        found = any(isinstance(one, Mapping) and _speaks(one) for one in response)
        return found or has_counts(usage_of(value))
    return _speaks(response) or _is_response(response)


def _unwrapped(value: Object) -> tuple[Object | list[Any], dict[str, Any]]:
    """The response and what it was saved with: the same object where it was saved alone."""
    around = dict(value)
    if is_event(value):
        return value, around
    inside = next((found for n in _RESPONSES if (found := _object(value.get(n)))), value)
    if isinstance(inside, Mapping):
        if "status_code" in inside and "body" in inside:  # a line of an OpenAI batch
            around |= {"status": inside["status_code"], "service_tier": "batch"}
            inside = _object(inside["body"]) or {}
        elif inside.get("type") in ("succeeded", "errored", "canceled", "expired"):
            around |= {"provider": around.get("provider") or "anthropic"}
            inside = inside.get("message") or inside
        if not isinstance(inside, Mapping):
            raise NotUnderstood(f"the response is {type(inside).__name__}; expected an object")
        if usage_of(inside) is None and has_counts(usage_of(value)):
            inside = value  # the usage beside an answer that was saved without it
    return inside, around


def _object(given: Any) -> Any:
    """*given*, or what it is as JSON text; None where it is neither object nor list."""
    if isinstance(given, str) and given.lstrip()[:1] in ("{", "["):
        try:
            given = msgspec.json.decode(given)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise NotUnderstood("the response is text, and no JSON") from None
    return given if isinstance(given, Mapping | list) else None


def _listed(line: int, events: list[Any], around: Object) -> Iterator[Call | Skip]:
    streams = Streams()
    known = [e for e in events if isinstance(e, Mapping) and _speaks(e)]
    if not known and has_counts(usage_of(around)):  # the usage beside an answer in parts
        yield from _told(around, (line, around))
    elif not known and "response" in around:
        yield Skip(line, "there is no usage object")
    for event in known:
        if is_event(event):
            for where, response in streams.event(event, (line, around)):
                yield from _told(response, where)
        else:
            streams.finished(event)
            yield from _told(event, (line, around))
    yield from _ended(streams)


def _speaks(value: Object) -> bool:
    return is_event(value) or has_counts(usage_of(value))


def _ended(streams: Streams) -> Iterator[Call | Skip]:
    for where, response in streams.end():
        yield from [Skip(where[0], NO_END)] if response is None else _told(response, where)


def _told(response: Object, where: tuple[int, Object]) -> Iterator[Call | Skip]:
    line, around = where
    try:
        yield from _calls(response, around)
    except NotUnderstood as reason:
        yield Skip(line, str(reason))


def _calls(response: Object, around: Object, *, alone: bool = False) -> Iterator[Call]:
    usage = usage_of(response)
    if response.get("object") == "list":  # embeddings
        return
    status = status_of(response, around)
    if usage is None:
        if status is None or status < 400:
            answered = any(response.get(name) is not None for name in ("response", "response_body"))
            if not alone or answered or _is_response(response) or "usage" in response:
                raise NotUnderstood("there is no usage object")
            return
        try:
            yield {**labels(response, around, {}), "status": status}
        except NotUnderstood:
            return  # an error that names no model: no tokens, no bill
        return
    base = labels(response, around, usage)
    own, *others = calls_of(usage)
    yield only(base | {"status": status}) | own[1].counts()
    for model, tokens in others:
        apart = ("ts", "provider", "scope", "route", "service_tier", "region", "client_version")
        named = {name: base[name] for name in apart if name in base} | {"model": model}
        if "request_id" in base:
            named["request_id"] = f"{base['request_id']}/iterations"
        yield named | tokens.counts()


def _is_response(response: Object) -> bool:
    return response.get("object") in _OBJECTS or (
        response.get("type") == "message" and "role" in response
    )


READER = Reader(
    name="responses",
    title="saved provider responses",
    recognises=recognises,
    read=read,
)
