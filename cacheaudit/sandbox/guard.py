"""What stands before and after every answer: the key, the faults, the provider's error shapes."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .faults import STATUSES, Fault, Faults, missing, without
from .query import Refused

Answer = Callable[[Request], dict[str, Any]]
Shape = Callable[[int, str, str], dict[str, Any]]

KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    529: "overloaded_error",
}


def anthropic_error(status: int, kind: str, message: str) -> dict[str, Any]:
    """Anthropic's shape of an error."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_0"}


def openai_error(status: int, kind: str, message: str) -> dict[str, Any]:
    """OpenAI's shape of an error."""
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def guarded(
    answer: Answer, shape: Shape, faults: Faults
) -> Callable[[Request], Awaitable[Response]]:
    """*answer* behind a key check, with the faults that are due."""

    async def endpoint(request: Request) -> Response:
        if (refusal := denied(request, shape)) is not None:
            return refusal
        fault = faults.due(request.url.path, "page" in request.query_params)
        if fault is not None and (refusal := refused_by_fault(fault, shape)) is not None:
            return refusal
        try:
            body = answer(request)
        except Refused as refused:
            return error(shape, refused)
        return await _spoilt(body, fault, request)

    return endpoint


def denied(request: Request, shape: Shape) -> Response | None:
    """401 without a key, 403 with one that says it has no scope."""
    key = key_of(request)
    if not key:
        return error(shape, Refused("missing key", 401, KINDS[401]))
    if "noscope" in key:
        return error(shape, Refused("this key lacks the permission", 403, KINDS[403]))
    return None


def key_of(request: Request) -> str:
    """The key that came with *request*, under either provider's header."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    return bearer or request.headers.get("x-api-key", "").strip()


def refused_by_fault(fault: Fault, shape: Shape) -> Response | None:
    """The error that *fault* is; None where it is of another kind."""
    if fault.kind not in STATUSES:
        return None
    status = STATUSES[fault.kind]
    return error(
        shape, Refused("asked for by /sandbox/faults", status, KINDS[status]), fault.seconds
    )


def error(shape: Shape, refused: Refused, after_s: float = 0.0) -> Response:
    """*refused* as the provider tells it. Without *after_s*, an SDK may retry at once."""
    headers = {"retry-after": f"{after_s:g}"} if after_s else {"retry-after-ms": "10"}
    body = shape(refused.status, refused.kind, str(refused))
    return JSONResponse(body, status_code=refused.status, headers=headers)


def told(
    body: dict[str, Any], fault: Fault | None, headers: Mapping[str, str] | None = None
) -> Response:
    """*body* as JSON: whole, half of it, or without the fields that *fault* leaves out."""
    if fault is not None and fault.kind == "cut":
        text = json.dumps(body).encode()
        return Response(text[: len(text) // 2], media_type="application/json")
    return JSONResponse(without(body, missing(fault)), headers=headers)


async def _spoilt(body: dict[str, Any], fault: Fault | None, request: Request) -> Response:
    kind = fault.kind if fault is not None else ""
    if fault is not None and kind == "slow":
        await asyncio.sleep(fault.seconds)
    elif kind == "repeat_page":
        body = {**body, "has_more": True, "next_page": request.query_params["page"]}
    return told(body, fault)
