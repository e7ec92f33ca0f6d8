"""Bedrock model invocation logs: one record a call, from S3 or out of CloudWatch.

Switched on in the Bedrock console (Settings, Model invocation logging) or with
`aws bedrock put-model-invocation-logging-configuration`; off by default. To S3 they are written as
`.../BedrockModelInvocationLogs/REGION/YYYY/MM/DD/HH/*.json.gz`, JSON lines. In a CloudWatch export
the record is JSON text in `message` (`@message` in Logs Insights); lists of events are read, too.

| record | column |
|---|---|
| `input.inputTokenCount` | `uncached_input_tokens`: excludes what was read and written |
| `input.cacheReadInputTokenCount` | `cache_read_tokens` |
| `input.cacheWriteInputTokenCount` | `cache_write_other_tokens`, or by lifetime where the body tells |
| `output.outputTokenCount` | `output_tokens` |
| `timestamp`, `requestId`, `accountId` | `ts`, `request_id`, `scope` |
| `modelId` | `model_requested`, `model`: without the path of an ARN, percent signs decoded |
| `identity.arn` | `route`: the role or the user; no account, and no session, which may be a mail address |
| `inferenceRegion`, else `region` | `region` |
| `errorCode` | `status`: ThrottlingException is 429, and so on; one that is not known is 500 |
| `requestMetadata` | `session_id`, `prompt_version`, `client_version`, also spelled `sessionId` |
| `output.outputBodyJson` | its usage (below); latency; the model behind an application profile |
| `input.inputBodyJson` | hashes of system and tools, whether a marker was sent (sent.py) |

**The body.** Records of some models and times lack the cache fields; the body that is logged beside
them may hold them (Converse or InvokeModel usage, or a list of stream events). Its counts are taken
instead of the record's, never added. Where both state reads or writes and differ, the record is
refused. Without either, reads and writes are not reported.

Traps. An application inference profile's ARN has no model name: its last part stands in, unless the
body names the model; map it with `names`. Bodies above 100 KB are in a file of their own
(`outputBodyS3Path`), which is not read. Times are whole seconds; AWS does not say whether the call
began or ended then. Embeddings, images, video and rankings are passed over.

Sources: docs.aws.amazon.com model-invocation-logging; the fields as Panther's schema
AWS.BedrockModelInvocation lists them, and a record with them in
dheerajoruganty/aws-bedrock-logs-mcp-server (2025-03); HTTP status codes of botocore 1.44.5.
"""  # noqa: E501

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import msgspec

from .record import Call, Reader, one_by_one
from .responses_shapes import has_counts, usage_of
from .responses_stream import METRICS, Streams, is_event
from .sent import sent
from .tokens import Tokens, calls_of, tokens_of
from .values import NotUnderstood, moment, number, text

Object = Mapping[str, Any]
KIND = "ModelInvocationLog"
_LISTS = ("events", "logEvents", "results", "Records")
_STATUS = {
    "ValidationException": 400, "ConflictException": 400, "ServiceQuotaExceededException": 400,
    "AccessDeniedException": 403, "ResourceNotFoundException": 404, "ModelTimeoutException": 408,
    "ModelErrorException": 424, "ModelStreamErrorException": 424, "ThrottlingException": 429,
    "ModelNotReadyException": 429, "InternalServerException": 500,
    "ServiceUnavailableException": 503,
}  # fmt: skip
_NO_PROMPTS = re.compile(r"embed|rerank|image|canvas|reel|stability\.|video")
_METADATA = {"sessionId": "session_id", "promptVersion": "prompt_version",
             "clientVersion": "client_version"}  # fmt: skip


def calls_in(value: Any) -> Iterator[Call]:
    """The calls of one record, of one CloudWatch event, or of a list of these."""
    for record in _records(value):
        yield from _calls(record)


def recognises(value: Object) -> bool:
    """Whether *value* is a record, or text or a list that holds one."""
    try:
        return next(_records(value), None) is not None
    except NotUnderstood:
        return True


def _records(value: Any) -> Iterator[Object]:
    if not isinstance(value, Mapping):
        return
    if value.get("schemaType") == KIND:
        yield value
        return
    message = value.get("message") or value.get("@message")
    if value.get("field") == "@message":  # Logs Insights: a row is a list of cells
        message = value.get("value")
    if isinstance(message, str) and KIND in message:
        try:
            yield from _records(msgspec.json.decode(message))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise NotUnderstood("the record in message is no JSON; was it cut?") from None
    for name in _LISTS:
        for one in items if isinstance(items := value.get(name), list) else ():
            for cell in one if isinstance(one, list) else [one]:
                yield from _records(cell)


def _calls(record: Object) -> Iterator[Call]:
    said, answered = _counted(record, "input"), _counted(record, "output")
    asked = _model_id(record.get("modelId"))
    if asked is None:
        raise NotUnderstood("no modelId")
    if _NO_PROMPTS.search(asked.lower()):
        return
    body = _body(answered.get("outputBodyJson"))
    named = text(body.get("model"))
    latency, first = _latencies(body)
    call = {
        "ts": moment(record.get("timestamp"), "timestamp"),
        "provider": "bedrock",
        "model": named if named and _nameless(record["modelId"]) else asked,
        "model_requested": asked,
        "scope": text(record.get("accountId")),
        "route": _who(_part(record, "identity").get("arn")),
        "region": text(record.get("inferenceRegion")) or text(record.get("region")),
        "request_id": text(record.get("requestId")),
        "service_tier": text(_part(body, "serviceTier").get("type")),
        "status": _status(record.get("errorCode")),
        "latency_ms": latency,
        "first_token_ms": first,
        **_told(_part(record, "requestMetadata")),
        **sent(said.get("inputBodyJson")),
    }
    call = {name: value for name, value in call.items() if value is not None}
    (_, own), *others = _tokens(said, answered, usage_of(body), "status" in call)
    yield call | own.counts()
    for model, tokens in others:
        apart: Call = {
            n: call[n] for n in ("ts", "provider", "scope", "route", "region") if n in call
        }
        if "request_id" in call:
            apart["request_id"] = f"{call['request_id']}/iterations"
        yield apart | {"model": model} | tokens.counts()


def _tokens(
    said: Object, answered: Object, usage: Object | None, failed: bool
) -> list[tuple[str | None, Tokens]]:
    """The record's own counts, or the body's where these say more about caching."""
    counts = {
        "inputTokenCount": said.get("inputTokenCount"),
        "cacheReadInputTokenCount": said.get("cacheReadInputTokenCount"),
        "cacheWriteInputTokenCount": said.get("cacheWriteInputTokenCount"),
        "outputTokenCount": answered.get("outputTokenCount"),
    }
    told = any(count is not None for count in counts.values())
    if usage is None or not has_counts(usage):
        return [(None, tokens_of(counts) if told or not failed else Tokens())]
    inside = list(calls_of(usage))
    if not told:
        return inside
    outside, own = tokens_of(counts), tokens_of(usage)
    if own.cache_read_tokens is None and _written(own) is None:
        return [(None, outside)]
    for name, ours, theirs in (
        ("read", outside.cache_read_tokens, own.cache_read_tokens),
        ("written", _written(outside), _written(own)),
    ):
        if ours is not None and theirs is not None and ours != theirs:
            raise NotUnderstood(f"{ours} tokens {name} in the record, {theirs} in its body")
    if own.output_tokens is None:  # a stream that was cut
        inside[0] = (None, replace(inside[0][1], output_tokens=outside.output_tokens))
    return inside


def _written(tokens: Tokens) -> int | None:
    told = [n for column, n in tokens.counts().items() if column.startswith("cache_write_")]
    return sum(told) if told else None


def _body(given: Any) -> Object:
    """The response: an object, or what a list of stream events comes to."""
    if not isinstance(given, list):
        return given if isinstance(given, Mapping) else {}
    streams, found, metrics = Streams(), dict[str, Any](), None
    for event in given:
        if isinstance(event, Mapping):
            metrics = event.get(METRICS) or metrics
            if is_event(event):
                for _, response in streams.event(event, None):
                    found |= response
    for _, cut in streams.end():
        found |= cut or {}
    return found | ({METRICS: metrics} if metrics else {})


def _latencies(body: Object) -> tuple[float | None, float | None]:
    invoked = _part(body, METRICS)
    latency = _part(body, "metrics").get("latencyMs")
    return (
        number(latency if latency is not None else invoked.get("invocationLatency"), "latency"),
        number(invoked.get("firstByteLatency"), "firstByteLatency"),
    )


def _model_id(given: Any) -> str | None:
    """A model id or a profile; of an ARN the last part, which is either or an id of the account."""
    if (named := text(given)) is None:
        return None
    return unquote(named).rpartition("/")[2] or None


def _nameless(given: Any) -> bool:
    """Whether *given* is an ARN of something the account made: its last part names no model."""
    named = unquote(str(given))
    return named.startswith("arn:") and "." not in named.rpartition("/")[2]


def _who(arn: Any) -> str | None:
    """`arn:aws:sts::1:assumed-role/chat-service/i-0abc` is `chat-service`; a user is its name."""
    if not isinstance(arn, str) or ":" not in arn:
        return None
    kind, *path = arn.rpartition(":")[2].split("/")
    if not path:
        return kind or None
    return (path[0] if kind == "assumed-role" else path[-1]) or None


def _status(code: Any) -> int | None:
    if not (named := text(code)):
        return None
    if len(named) == 3 and named.isascii() and named.isdigit():
        return int(named)
    return _STATUS.get(named, 500)


def _told(metadata: Object) -> Call:
    given = {column: metadata.get(column) or metadata.get(n) for n, column in _METADATA.items()}
    return {column: told for column, value in given.items() if (told := text(value))}


def _counted(record: Object, name: str) -> Object:
    """A part that holds counts: absent, or an object."""
    if record.get(name) is not None and not isinstance(record[name], Mapping):
        raise NotUnderstood(f"{name} is {type(record[name]).__name__}; expected an object")
    return _part(record, name)


def _part(value: Object, name: str) -> Object:
    part = value.get(name)
    return part if isinstance(part, Mapping) else {}


READER = Reader(
    name="bedrock",
    title="Bedrock invocation logs",
    recognises=recognises,
    read=one_by_one(calls_in),
)
