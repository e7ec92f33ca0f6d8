"""What stands before and after every answer: the key, the faults, the provider's error shapes."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .faults import STATUSES, Fault, Faults, without
from .query import Refused

Answer = Callable[[Request], dict[str, Any]]
Shape = Callable[[int, str, str], dict[str, Any]]

KINDS = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
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
        if (status := _denied(request)) is not None:
            message = "missing key" if status == 401 else "this key lacks the permission"
            return _error(shape, status, KINDS[status], message)
        fault = faults.due(request.url.path, "page" in request.query_params)
        if fault is not None and fault.kind in STATUSES:
            status = STATUSES[fault.kind]
            return _error(shape, status, KINDS[status], "asked for by /sandbox/faults")
        try:
            body = answer(request)
        except Refused as refusal:
            return _error(shape, refusal.status, refusal.kind, str(refusal))
        return await _spoilt(body, fault, request)

    return endpoint


def _denied(request: Request) -> int | None:
    """401 without a key, 403 with one that says it has no scope."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    key = bearer or request.headers.get("x-api-key", "").strip()
    if not key:
        return 401
    return 403 if "noscope" in key else None


def _error(shape: Shape, status: int, kind: str, message: str) -> Response:
    """An error that an SDK may retry at once, so that rehearsals do not wait."""
    headers = {"retry-after-ms": "10"}
    return JSONResponse(shape(status, kind, message), status_code=status, headers=headers)


async def _spoilt(body: dict[str, Any], fault: Fault | None, request: Request) -> Response:
    kind = fault.kind if fault is not None else ""
    if fault is not None and kind == "slow":
        await asyncio.sleep(fault.seconds)
    elif fault is not None and kind == "missing":
        body = without(body, fault.names)
    elif kind == "repeat_page":
        body = {**body, "has_more": True, "next_page": request.query_params["page"]}
    elif kind == "cut":
        text = json.dumps(body).encode()
        return Response(text[: len(text) // 2], media_type="application/json")
    return JSONResponse(body)
