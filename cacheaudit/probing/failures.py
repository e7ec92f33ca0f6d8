"""What went wrong with a call, in one word; the same for both SDKs, which raise alike."""

from typing import Any

import httpx2

from .receipt import Outcome

BY_STATUS: dict[int, Outcome] = {
    400: "refused", 401: "denied", 402: "denied", 403: "denied", 404: "no_model", 408: "timeout",
    413: "refused", 422: "refused", 429: "busy", 503: "overloaded", 529: "overloaded",
}  # fmt: skip
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol)


def failure_of(error: Exception) -> dict[str, Any]:
    """`outcome`, `status`, `retry_after_s`, `request_id` of what an SDK raised; no text of it.

    What is none of the known failures is an answer that nobody understands: `cut`, and paid for.
    """
    response = getattr(error, "response", None)
    if (status := getattr(error, "status_code", None)) is not None and response is not None:
        whole = status < 400  # answered, and then not understood: half a body
        return {
            "outcome": "cut" if whole else BY_STATUS.get(status, "failed"),
            "status": status,
            "retry_after_s": _seconds(response.headers.get("retry-after")),
            "request_id": response.headers.get("request-id")
            or response.headers.get("x-request-id", ""),
        }
    if isinstance(error.__cause__ or error, NOT_SENT):
        return {"outcome": "unreachable"}
    late = type(error).__name__ == "APITimeoutError" or isinstance(error, httpx2.TimeoutException)
    return {"outcome": "timeout" if late else "cut"}


def _seconds(text: str | None) -> float | None:
    """A `retry-after` in seconds; a date, which no provider here sends, is None."""
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None
