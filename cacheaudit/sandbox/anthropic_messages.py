"""Anthropic's Messages and Models APIs over a prompt cache that is honest.

    POST /v1/messages                whole or as a stream, `max_tokens=0` to prewarm, diagnostics
    POST /v1/messages/count_tokens
    GET  /v1/models, /v1/models/ID   with lifecycle

Answers are a word, as often as the version says it; nothing is understood here.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from starlette.datastructures import QueryParams

from .answering import Asked, Begun, Event
from .anthropic_prompt import check, prompt_of
from .catalogue import Served
from .compared import Seen, Sent, anthropic_diagnostics
from .query import Refused, limit, many
from .serving import Call, Serving

SAYS = "ok"  # one token
MOST_INPUT_TOKENS = 200_000
PAGE = (20, 1000)


class Messages:
    """The API; it remembers the requests that asked for diagnostics, to compare the next with."""

    def __init__(self) -> None:
        self._seen = Seen()

    def create(self, asked: Asked, serving: Serving) -> Begun:
        """POST /v1/messages."""
        body = asked.body
        check(body, asked.headers.get("anthropic-version", ""))
        if not body["max_tokens"] and not asked.model.prewarm:
            raise Refused("max_tokens: Input should be greater than or equal to 1")
        prompt = prompt_of(body)
        tokens = asked.model.tokens(prompt.words())
        if tokens > MOST_INPUT_TOKENS:
            raise Refused(f"prompt is too long: {tokens} tokens > {MOST_INPUT_TOKENS} maximum")
        call = serving.begin(prompt, asked.model, asked.caller)
        output = asked.model.says(body["max_tokens"])
        cut = output < asked.model.output_tokens
        message = {
            "id": f"msg_{call.id}",
            "type": "message",
            "role": "assistant",
            "model": call.model.id,
            "content": [{"type": "text", "text": " ".join([SAYS] * output)}] if output else [],
            "stop_reason": "max_tokens" if cut else "end_turn",
            "stop_sequence": None,
            "usage": _usage(call, output),
            **self._diagnosed(asked, call, Sent.of(prompt, body, call)),
        }
        return Begun(
            call=call,
            output_tokens=output,
            body=message,
            events=tuple(_events(message)) if body.get("stream") else (),
            headers={
                "request-id": f"req_{call.id}",
                "anthropic-workspace-id": asked.caller.scope,
            },
        )

    def _diagnosed(self, asked: Asked, call: Call, sent: Sent) -> dict[str, Any]:
        """`diagnostics`, where it was asked for; only such requests are remembered."""
        if "diagnostics" not in asked.body:
            return {}
        before = (asked.body["diagnostics"] or {}).get("previous_message_id")
        found = self._seen.get(asked.caller.scope, before)
        self._seen.keep(asked.caller.scope, f"msg_{call.id}", sent)
        if before is None:
            return {"diagnostics": None}
        return {"diagnostics": anthropic_diagnostics(found, sent)}


def count_tokens(body: dict[str, Any], model: Served) -> dict[str, Any]:
    """POST /v1/messages/count_tokens."""
    check({"max_tokens": 1, **body}, "")
    return {"input_tokens": model.tokens(prompt_of(body).words())}


def models(serving: Serving, params: QueryParams) -> dict[str, Any]:
    """GET /v1/models."""
    wanted = many(params, "lifecycle")
    known = [_info(one) for one in serving.catalogue.of("anthropic")]
    known = [one for one in known if not wanted or one["lifecycle"] in wanted]
    after = params.get("after_id")
    ids = [one["id"] for one in known]
    if after is not None and after not in ids:
        raise Refused("after_id: no such model.")
    start = ids.index(after) + 1 if after is not None else 0
    page = known[start : start + limit(params, *PAGE)]
    return {
        "data": page,
        "has_more": start + len(page) < len(known),
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def model(serving: Serving, name: str) -> dict[str, Any]:
    """GET /v1/models/ID; a retired one stays in the catalogue."""
    found = serving.catalogue.get(name)
    if found is None or found.provider != "anthropic":
        raise Refused(f"model: {name}", status=404, kind="not_found_error")
    return _info(found)


def _info(one: Served) -> dict[str, Any]:
    return {
        "type": "model",
        "id": one.id,
        "display_name": one.id.replace("-", " ").title(),
        "created_at": _midnight(one.created),
        "lifecycle": one.lifecycle,
        "retires_at": _midnight(one.retires),
        "deprecated_at": None,
        "max_input_tokens": MOST_INPUT_TOKENS,
        "max_tokens": 64_000,
    }


def _midnight(day: date | None) -> str | None:
    return None if day is None else datetime.combine(day, time(), UTC).isoformat()


def _usage(call: Call, output_tokens: int) -> dict[str, Any]:
    wrote = call.split.written_tokens
    return {
        "input_tokens": call.split.uncached_tokens,
        "cache_creation_input_tokens": sum(wrote.values()),
        "cache_read_input_tokens": call.split.read_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": wrote.get("5m", 0),
            "ephemeral_1h_input_tokens": wrote.get("1h", 0),
        },
        "output_tokens": output_tokens,
        "service_tier": "standard",
        "inference_geo": "global",
    }


def _events(message: dict[str, Any]) -> Iterator[Event]:
    """The stream of *message*: the input's counts come first, without the output's."""
    usage = message["usage"]
    start = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 0}}
    yield "message_start", {"type": "message_start", "message": start}
    empty = {"type": "text", "text": ""}
    yield (
        "content_block_start",
        {"type": "content_block_start", "index": 0, "content_block": empty},
    )
    said = {"type": "text_delta", "text": message["content"][0]["text"]}
    yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": said}
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}
    counts = {name: count for name, count in usage.items() if name.endswith("_tokens")}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield "message_delta", {"type": "message_delta", "delta": ended, "usage": counts}
    yield "message_stop", {"type": "message_stop"}
