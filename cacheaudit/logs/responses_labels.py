"""What a saved response and its wrapper say of a call, but for its counts (table: responses.py)."""

from collections.abc import Iterable, Mapping
from typing import Any

from .record import Call
from .responses_shapes import model_in_address, provider_of
from .responses_stream import METRICS
from .sent import sent
from .values import EARLIEST, LATEST, NotUnderstood, moment, number, text, whole

Object = Mapping[str, Any]
_STARTS = (
    "ts", "timestamp", "time", "start_time", "started_at", "requested_at", "created_at",
)  # fmt: skip
_ENDS = ("received_at", "end_time", "ended_at", "completed_at")
_COPIED = ("client_version", "prompt_version", "process_id", "region")
_UNITS = (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9))


def labels(response: Object, around: Object, usage: Object) -> Call:
    """Everything of a call but its counts. Raises NotUnderstood without time, model, provider."""
    request = _request(around)
    latency, first = _latencies(response, around)
    asked = _first(around, "model_requested", "request_model") or _first(request, "model")
    model = (
        _first(response, "model", "modelVersion")
        or _first(around, "response_model", "model", "modelId")
        or _first(request, "modelId")
        or asked
        or model_in_address(around)
    )
    if model is None:
        raise NotUnderstood("no model is named; expected one in the response or beside it")
    provider = provider_of(response, around)
    found = {
        "ts": _started(response, around, latency),
        "provider": provider,
        "model": model,
        "model_requested": asked,
        "scope": _first(around, "scope", "workspace", "project"),
        "route": _first(around, "route", "gateway", "api_key_name"),
        "request_id": _first(response, "id", "responseId")
        or _first(around, "request_id", "requestId")
        or _first(_part(response, "ResponseMetadata"), "RequestId"),
        "session_id": _first(around, "session_id", "conversation_id")
        or _first(_part(response, "conversation"), "id"),
        "service_tier": _tier(response, around, usage),
        "speed": _first(usage, "speed"),
        "region": _first(usage, "inference_geo"),
        "cache_miss_reason": _reason(response),
        "latency_ms": latency,
        "first_token_ms": first,
        "turn_index": whole(around.get("turn_index"), "turn_index"),
    }
    if provider == "openrouter":
        found["billed_usd"] = number(usage.get("cost"), "cost")
    found |= {name: told for name in _COPIED if (told := _first(around, name)) is not None}
    return only(found) | sent(request)


def _started(response: Object, around: Object, latency_ms: float | None) -> int:
    start, end = _present(around, _STARTS), _present(around, _ENDS)
    own = _present(response, ("created", "created_at", "createTime"))
    if start is None and end is not None and (latency_ms is not None or own is None):
        return _at(end) - round((latency_ms or 0) * 1000)
    for given in (start, own):
        if given is not None:
            return _at(given)
    raise NotUnderstood("no time is told; expected one beside the response, such as ts")


def _at(value: Any) -> int:
    digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20
    given = int(value) if digits else value
    if isinstance(given, int | float) and not isinstance(given, bool):
        for unit, per_s in _UNITS:
            if EARLIEST * per_s <= given < LATEST * per_s:
                return moment(value, unit=unit)
    return moment(value)


def _latencies(response: Object, around: Object) -> tuple[float | None, float | None]:
    metrics, invoked = _part(response, "metrics"), _part(response, METRICS)
    latency = (around.get("latency_ms"), around.get("duration_ms"))
    first = (around.get("first_token_ms"), around.get("ttft_ms"), invoked.get("firstByteLatency"))
    return (
        _number((*latency, metrics.get("latencyMs"), invoked.get("invocationLatency")), "latency"),
        _number(first, "first token"),
    )


def _number(given: Iterable[Any], name: str) -> float | None:
    return number(next((value for value in given if value is not None), None), name)


def status_of(response: Object, around: Object) -> int | None:
    """HTTP status; 500 for an error that has none; None where nothing is said."""
    told = (*(around.get(n) for n in ("status", "status_code", "http_status")),
            _part(response, "ResponseMetadata").get("HTTPStatusCode"))  # fmt: skip
    for value in told:
        if type(value) is int or (isinstance(value, str) and value.isdigit()):
            return whole(value, "status")
    failed = bool(response.get("error")) or response.get("type") in ("error", "errored")
    return 500 if failed else None


def _tier(response: Object, around: Object, usage: Object) -> str | None:
    tier = response.get("serviceTier")
    return (
        (around.get("service_tier") if around.get("service_tier") == "batch" else None)
        or _first(usage, "service_tier", "serviceTier")
        or _first(response, "service_tier")
        or (_first(tier, "type") if isinstance(tier, Mapping) else None)
    )


def _reason(response: Object) -> str | None:
    missed = _part(_part(response, "diagnostics"), "cache_miss_reason")
    return _first(missed, "type") or _first(_part(response, "prompt_cache_diagnostics"), "reason")


def _request(around: Object) -> Object:
    request = around.get("request") or around.get("request_body") or {}
    if isinstance(request, Mapping) and isinstance(request.get("body"), Mapping):
        request = request["body"]
    return request if isinstance(request, Mapping) else {}


def _part(value: Object, name: str) -> Object:
    part = value.get(name)
    return part if isinstance(part, Mapping) else {}


def _first(value: Object, *names: str) -> str | None:
    for name in names:
        if told := text(value.get(name)):
            return told
    return None


def _present(value: Object, names: Iterable[str]) -> Any:
    for name in names:
        if (given := value.get(name)) not in (None, ""):
            return given
    return None


def only(found: Mapping[str, Any]) -> Call:
    """*found* without what is not known."""
    return {name: value for name, value in found.items() if value is not None}
