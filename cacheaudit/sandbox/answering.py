"""One request to a model: refused, spoilt or answered, whole or as a stream of events."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from .catalogue import Served
from .faults import Fault, Faults, missing, without
from .guard import Shape, denied, error, key_of, refused_by_fault, told
from .query import Refused
from .serving import Call, Caller, Serving

Event = tuple[str, dict[str, Any]]  # name and data; "" where the provider names none
NOT_FOUND = "not_found_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A request that is being served, and what will be answered.

    events   the answer as a stream, where one was asked for
    headers  of the answer
    """

    call: Call
    output_tokens: int
    body: dict[str, Any]
    events: tuple[Event, ...] = ()
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that was let in. *model* is what serves it."""

    body: dict[str, Any]
    headers: Mapping[str, str]
    model: Served
    caller: Caller


Api = Callable[[Asked, Serving], Begun]


def answered(
    api: Api, provider: str, shape: Shape, serving: Serving, faults: Faults
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of *api*, behind a key check, with the faults that are due."""

    async def endpoint(request: Request) -> Response:
        if (refusal := denied(request, shape)) is not None:
            return refusal
        fault = faults.due(request.url.path, has_token=False)
        if fault is not None and (refusal := refused_by_fault(fault, shape)) is not None:
            return refusal
        try:
            asked = await _asked(request, provider, serving, fault)
            begun = api(asked, serving)
        except Refused as refused:
            return error(shape, refused)
        await asyncio.sleep(begun.call.wait_s)
        serving.finish(begun.call, begun.output_tokens)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        return _response(begun, fault)

    return endpoint


async def _asked(request: Request, provider: str, serving: Serving, fault: Fault | None) -> Asked:
    try:
        body = await request.json()
    except ValueError:
        raise Refused("the body is no JSON.") from None
    if not isinstance(body, dict):
        raise Refused("the body is no object.")
    name = (
        fault.names[0] if fault is not None and fault.kind == "other_model" else body.get("model")
    )
    return Asked(
        body=body,
        headers=request.headers,
        model=model_named(name, provider, serving),
        caller=caller_of(key_of(request)),
    )


def model_named(name: Any, provider: str, serving: Serving) -> Served:
    """The version of *provider* that answers to *name*, or the refusal of one that is none."""
    model = serving.catalogue.get(str(name))
    if model is None or model.provider != provider or model.lifecycle == "retired":
        raise Refused(f"model: {name}", status=404, kind=NOT_FOUND)
    return model


def caller_of(key: str) -> Caller:
    """Whose *key* it is. `SCOPE/ROUTE` names both; any other is alone in the default scope."""
    scope, found, route = key.partition("/")
    if found:
        return Caller(scope=scope, route=route)
    return Caller(scope="default", route=f"key_{hashlib.sha256(key.encode()).hexdigest()[:8]}")


def _response(begun: Begun, fault: Fault | None) -> Response:
    if not begun.events:
        return told(begun.body, fault, begun.headers)
    cut = fault is not None and fault.kind == "cut"
    events = [(name, without(data, missing(fault))) for name, data in begun.events]
    return StreamingResponse(
        _lines(events[: len(events) // 2] if cut else events, done=not cut),
        media_type="text/event-stream",
        headers=dict(begun.headers),
    )


def _lines(events: list[Event], *, done: bool) -> Iterator[bytes]:
    """Server-sent events; what has no name ends as OpenAI's streams of chunks do."""
    for name, data in events:
        head = f"event: {name}\n" if name else ""
        yield f"{head}data: {json.dumps(data)}\n\n".encode()
    if done and events and not events[-1][0]:
        yield b"data: [DONE]\n\n"
