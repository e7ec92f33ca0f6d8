"""OpenAI's Responses, Chat Completions and Models APIs over a prompt cache that is honest.

    POST /v1/responses           whole or as a stream, `prewarm`, `comparison_response_id`
    POST /v1/chat/completions    whole or as a stream
    GET  /v1/models

Answers are a word, as often as the version says it; nothing is understood here. Models that bill no
writes answer `cache_write_tokens: 0`, as recorded ones do (gpt-5-2025-08-07, gpt-5.5-2026-04-23).
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from .answering import Asked, Begun, Event
from .compared import Seen, Sent, openai_diagnostics
from .openai_prompt import prompt_of
from .query import Refused
from .serving import Call, Serving

SAYS = "ok"  # one token
LEAST_OUTPUT_TOKENS = 16


class Responses:
    """The API; it remembers its responses, to compare the next with."""

    def __init__(self) -> None:
        self._seen = Seen()

    def create(self, asked: Asked, serving: Serving) -> Begun:
        """POST /v1/responses."""
        body = asked.body
        if body.get("input") is None:
            raise Refused("Missing required parameter: 'input'.")
        options = body.get("prompt_cache_options") or {}
        if options.get("prewarm") and not asked.model.prewarm:
            raise Refused("Unknown parameter: 'prompt_cache_options.prewarm'.")
        most = body.get("max_output_tokens")
        if most is not None and not (isinstance(most, int) and most >= LEAST_OUTPUT_TOKENS):
            raise Refused(f"'max_output_tokens' is {most!r}; expected at least 16.")
        call, prompt = _begin(asked, serving, responses=True)
        output = 0 if options.get("prewarm") else asked.model.says(most)
        cut = not options.get("prewarm") and output < asked.model.output_tokens
        sent = Sent.of(prompt, body, call)
        answer: dict[str, Any] = {
            "id": f"resp_{call.id}",
            "object": "response",
            "created_at": int(call.start_s),
            "status": "incomplete" if cut else "completed",
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "model": call.model.id,
            "output": [_said(call, output)] if output else [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": _usage(call, output),
        }
        if call.model.writes_billed and (before := options.get("comparison_response_id")):
            found = self._seen.get(asked.caller.scope, before)
            answer["prompt_cache_diagnostics"] = openai_diagnostics(found, sent)
        self._seen.keep(asked.caller.scope, answer["id"], sent)
        events = tuple(_response_events(answer)) if body.get("stream") else ()
        return _begun(call, output, answer, events)


def chat(asked: Asked, serving: Serving) -> Begun:
    """POST /v1/chat/completions."""
    body = asked.body
    if (body.get("prompt_cache_options") or {}).get("prewarm"):
        raise Refused("Unknown parameter: 'prompt_cache_options.prewarm'.")
    call, _ = _begin(asked, serving, responses=False)
    most = body.get("max_completion_tokens", body.get("max_tokens"))
    output = asked.model.says(most)
    text = " ".join([SAYS] * output)
    ended = "length" if output < asked.model.output_tokens else "stop"
    head = {"id": f"chatcmpl-{call.id}", "created": int(call.start_s), "model": call.model.id}
    said = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": said, "finish_reason": ended}
    usage = _chat_usage(call, output)
    answer = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    with_usage = (body.get("stream_options") or {}).get("include_usage")
    told = usage if with_usage else None
    events = tuple(_chunks(head, said, ended, told)) if body.get("stream") else ()
    return _begun(call, output, answer, events)


def models(serving: Serving) -> dict[str, Any]:
    """GET /v1/models."""
    listed = [
        {
            "id": one.id,
            "object": "model",
            "created": int(pd.Timestamp(one.created, tz="UTC").timestamp()),
            "owned_by": "openai",
            "shutdown_date": None if one.retires is None else one.retires.isoformat(),
        }
        for one in serving.catalogue.of("openai")
        if one.lifecycle != "retired"
    ]
    return {"object": "list", "data": listed}


def _begin(asked: Asked, serving: Serving, *, responses: bool) -> tuple[Call, Any]:
    prompt = prompt_of(asked.body, asked.model, responses=responses)
    apart = str(asked.body.get("prompt_cache_key") or "")
    return serving.begin(prompt, asked.model, asked.caller, apart=apart), prompt


def _begun(call: Call, output: int, answer: dict[str, Any], events: tuple[Event, ...]) -> Begun:
    return Begun(
        call=call,
        output_tokens=output,
        body=answer,
        events=events,
        headers={"x-request-id": f"req_{call.id}"},
    )


def _usage(call: Call, output: int) -> dict[str, Any]:
    wrote, total = call.split.written_tokens, call.split.input_tokens
    details: dict[str, Any] = {
        "cached_tokens": call.split.read_tokens,
        "cache_write_tokens": sum(wrote.values()),
    }
    if call.model.writes_billed:
        by_life = {"ttl_30m_tokens": wrote.get("30m", 0), "ttl_12h_tokens": wrote.get("12h", 0)}
        details["cache_write_tokens_details"] = by_life
    return {
        "input_tokens": total,
        "input_tokens_details": details,
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": total + output,
    }


def _chat_usage(call: Call, output: int) -> dict[str, Any]:
    details: dict[str, Any] = {
        "cached_tokens": call.split.read_tokens,
        "cache_write_tokens": sum(call.split.written_tokens.values()),
        "audio_tokens": 0,
    }
    return {
        "prompt_tokens": call.split.input_tokens,
        "completion_tokens": output,
        "total_tokens": call.split.input_tokens + output,
        "prompt_tokens_details": details,
    }


def _said(call: Call, output: int) -> dict[str, Any]:
    text = {"type": "output_text", "text": " ".join([SAYS] * output), "annotations": []}
    return {
        "id": f"out_{call.id}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [text],
    }


def _response_events(answer: dict[str, Any]) -> Iterator[Event]:
    """The stream of *answer*: usage comes with the last event alone."""
    begun = {**answer, "status": "in_progress", "output": [], "usage": None}
    told: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    for item in answer["output"]:
        at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        opened = {**item, "status": "in_progress", "content": []}
        part, text = {**item["content"][0], "text": ""}, item["content"][0]["text"]
        told += [
            {"type": "response.output_item.added", "output_index": 0, "item": opened},
            {"type": "response.content_part.added", **at, "part": part},
            {"type": "response.output_text.delta", **at, "delta": text, "logprobs": []},
            {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
        ]
    told.append({"type": f"response.{answer['status']}", "response": answer})
    for number, data in enumerate(told):
        yield str(data["type"]), {**data, "sequence_number": number}


def _chunks(
    head: dict[str, Any], said: dict[str, Any], ended: str, usage: dict[str, Any] | None
) -> Iterator[Event]:
    """Chunks; the last has the usage, and no choice, where it was asked for."""
    base = {**head, "object": "chat.completion.chunk"}
    for delta, reason in ((said, None), ({}, ended)):
        yield "", {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    if usage is not None:
        yield "", {**base, "choices": [], "usage": usage}
