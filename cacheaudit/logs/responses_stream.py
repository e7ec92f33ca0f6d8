"""Streams that were saved event by event: one response, whose counts are told once, or twice.

| stream | where the counts are |
|---|---|
| Anthropic | `message_start` (input, writes by lifetime), then `message_delta`: cumulative, no lifetimes |
| OpenAI Chat and those like it | `usage` of the last chunk; null in all others |
| OpenAI Responses | `response` of `response.completed`, `.incomplete` or `.failed` |
| Google | `usageMetadata` of the chunk with a `finishReason`; earlier ones hold a part |
| Bedrock Converse, InvokeModel | `metadata.usage`; `amazon-bedrock-invocationMetrics` of the last event |
| Cohere | `delta.usage` of `message-end` |

Counts are never summed over events. A stream that stops before its counts is reported as such. An
Anthropic stream that stops after `message_start` was billed for its input, which is known then, and
for an output that is not: it is left out.

Sources: the providers' streaming guides, and events in recorded payloads (a `message_delta` whose
input had grown from 702 to 1,591 tokens; `usage: null` in every chunk but one), 2026-11.
"""  # noqa: E501

from collections.abc import Iterator, Mapping
from typing import Any

from .responses_shapes import has_counts, usage_of
from .values import text

Object = Mapping[str, Any]
NO_END = "a stream without its end: its token counts never came"
METRICS = "amazon-bedrock-invocationMetrics"
_DONE = ("response.completed", "response.incomplete", "response.failed")
_ANTHROPIC = (
    "message_stop", "ping", "content_block_start", "content_block_delta", "content_block_stop",
)  # fmt: skip
_COHERE = ("message-start", "content-start", "content-delta", "content-end", "message-end")


def is_event(response: Object) -> bool:
    """Whether *response* is an event of a stream, and no response by itself."""
    kind = response.get("type")
    return (
        kind in ("message_start", "message_delta", *_ANTHROPIC, *_COHERE)
        or (isinstance(kind, str) and kind.startswith("response."))
        or response.get("object") == "chat.completion.chunk"
        or _unfinished(response)
        or isinstance(response.get("messageStart"), Mapping)
        or (usage_of(response) is None and (METRICS in response or _converse(response) is not None))
    )


class Streams:
    """The streams of one file, or of one list of events, put together as their events come in.

    key    what tells streams apart that are saved in turns: the wrapper's id, where it has one
    where  what the caller wants back with a response: its line and its wrapper
    """

    def __init__(self) -> None:
        self._open: dict[str, tuple[Any, dict[str, Any]]] = {}
        self._ids: dict[str, Any] = {}
        self._waiting: dict[str, Any] = {}
        self._told: set[str] = set()

    def event(self, event: Object, where: Any, key: str = "") -> Iterator[tuple[Any, Object]]:
        """(where, response) for each response that *event* completes."""
        kind = event.get("type")
        if kind == "message_start" and isinstance(message := event.get("message"), Mapping):
            yield from self._close(key)
            self._open[key] = (where, {"type": "message", **message, "_stopped": False})
        elif kind in ("message_delta", *_ANTHROPIC):
            yield from self._anthropic(event, where, key)
        elif event.get("object") == "chat.completion.chunk" or _unfinished(event):
            yield from self._last_has_it(event, where, _id(event))
        elif isinstance(kind, str) and kind.startswith("response."):
            yield from self._responses(event, where)
        elif kind in _COHERE:
            yield from self._cohere(event, where, key)
        else:
            yield from self._bedrock(event, where, key)

    def finished(self, response: Object) -> None:
        """Say that a whole response came, which may end a stream of Google's."""
        self._waiting.pop(_id(response), None)

    def end(self) -> Iterator[tuple[Any, Object | None]]:
        """What is left when no more events come; None for a stream whose counts never came."""
        for key in list(self._open):
            yield from self._close(key)
        yield from ((where, None) for where in self._waiting.values())
        self._waiting.clear()

    def _close(self, key: str) -> Iterator[tuple[Any, Object]]:
        if found := self._open.pop(key, None):
            where, message = found
            if not message.pop("_stopped"):
                message["usage"] = {**(usage_of(message) or {}), "output_tokens": None}
            yield where, message

    def _anthropic(self, event: Object, where: Any, key: str) -> Iterator[tuple[Any, Object]]:
        if key not in self._open:  # its start is not in this file
            lost = f"stream {key}"
            if event.get("type") == "message_delta":
                self._waiting.setdefault(lost, where)
            elif event.get("type") == "message_stop" and lost in self._waiting:
                self._waiting[f"{lost} {len(self._waiting)}"] = self._waiting.pop(lost)
            return
        message = self._open[key][1]
        if METRICS in event and not has_counts(usage_of(message)):
            message |= {"usage": event[METRICS], "_stopped": True}
        if event.get("type") == "message_delta" and (counts := usage_of(event)) is not None:
            final = {name: value for name, value in counts.items() if value is not None}
            message |= {"usage": {**(usage_of(message) or {}), **final}, "_stopped": True}
        if event.get("type") == "message_stop":
            yield from self._close(key)

    def _last_has_it(self, chunk: Object, where: Any, name: str) -> Iterator[tuple[Any, Object]]:
        if not _unfinished(chunk) and has_counts(usage_of(chunk)):
            self._told.add(name)
            yield self._waiting.pop(name, where), chunk
        elif name not in self._told:
            self._waiting.setdefault(name, where)

    def _responses(self, event: Object, where: Any) -> Iterator[tuple[Any, Object]]:
        response = event.get("response")
        if not isinstance(response, Mapping):
            return
        if event.get("type") in _DONE:
            self._told.add(_id(response))
            yield self._waiting.pop(_id(response), where), response
        elif _id(response) not in self._told:
            self._waiting.setdefault(_id(response), where)

    def _cohere(self, event: Object, where: Any, key: str) -> Iterator[tuple[Any, Object]]:
        if event.get("type") == "message-start":
            self._waiting[f"cohere {key}"] = where
            self._ids[key] = event.get("id")
        delta = event.get("delta")
        if event.get("type") == "message-end" and isinstance(delta, Mapping):
            begun = self._waiting.pop(f"cohere {key}", where)
            yield begun, {"id": self._ids.pop(key, event.get("id")), "usage": delta.get("usage")}

    def _bedrock(self, event: Object, where: Any, key: str) -> Iterator[tuple[Any, Object]]:
        if METRICS in event:
            yield where, {**event, "usage": event[METRICS]}
        elif (metadata := _converse(event)) is not None:
            yield self._waiting.pop(f"converse {key}", where), metadata
        elif "messageStart" in event:
            self._waiting[f"converse {key}"] = where


def _id(response: Object) -> str:
    return text(response.get("id")) or text(response.get("responseId")) or ""


def _converse(event: Object) -> Object | None:
    metadata = event.get("metadata")
    if isinstance(metadata, Mapping) and has_counts(usage_of(metadata)):
        return metadata
    return None


def _unfinished(response: Object) -> bool:
    """Whether *response* is Google's, and a part: no candidate of it has come to its end."""
    candidates = response.get("candidates")
    return (
        isinstance(response.get("usageMetadata"), Mapping)
        and isinstance(candidates, list)
        and bool(candidates)
        and not any(isinstance(c, Mapping) and c.get("finishReason") for c in candidates)
    )
