"""What Claude Code exports by OpenTelemetry: an event, and a span, of every call.

Its names, in log events `claude_code.api_request`, `.api_error` and spans
`claude_code.llm_request`: `model`, `input_tokens` (the uncached rest), `cache_read_tokens`,
`cache_creation_tokens` (of an unknown lifetime), `output_tokens`, `request_id`, `session.id`,
`speed`, `duration_ms`, `ttft_ms`. An event is written when its call ends: `ts` is that less the
duration. Its `cost_usd` is the client's own estimate and is left out. Where it serves from Bedrock
or Vertex, the shape of the model id tells.

Sources: code.claude.com monitoring-usage (2026); attributes of captured events and spans of version
2.1.224 in public fixtures (2026-08).
"""

from typing import Any

from .otel_spans import Span
from .record import Call
from .tokens import Tokens, exclusive
from .values import NotUnderstood, number, text, whole

EVENTS = ("claude_code.api_request", "claude_code.api_error", "claude_code.llm_request")


def event_name(span: Span) -> str:
    """The name of a log event: in its attributes, or the body."""
    short = text(span.attributes.get("event.name")) if span.is_event else None
    return span.name if short is None or "." in span.name else f"claude_code.{short}"


def event_call(span: Span, event: str) -> Call:
    """The call that *event* tells of. Raises NotUnderstood."""
    given = span.attributes
    model = text(given.get("model")) or text(given.get("gen_ai.request.model"))
    if model is None:
        raise NotUnderstood("no model is named")
    lasted = number(given.get("duration_ms"), "duration_ms")
    start = span.started_us()
    if span.is_event:
        start -= round((lasted or 0) * 1000)
    tokens = exclusive(
        whole(given.get("input_tokens"), "input_tokens"),
        whole(given.get("cache_read_tokens"), "cache_read_tokens"),
        {"other": whole(given.get("cache_creation_tokens"), "cache_creation_tokens")},
        whole(given.get("output_tokens"), "output_tokens"),
    )
    failed = event.endswith("error") or given.get("success") in (False, "false")
    if not failed and tokens == Tokens():
        raise NotUnderstood(f"{event} has no token count")
    call = {
        "ts": start,
        "provider": _behind(model),
        "model": model,
        "request_id": text(given.get("request_id")) or span.span_id or None,
        "session_id": text(given.get("session.id")),
        "route": text(span.resource.get("service.name")),
        "client_version": text(given.get("app.version"))
        or text(span.resource.get("service.version")),
        "speed": text(given.get("speed")),
        "latency_ms": lasted,
        "first_token_ms": number(given.get("ttft_ms"), "ttft_ms"),
        "status": (_code(given.get("status_code")) or 500) if failed else None,
    }
    return {name: value for name, value in call.items() if value is not None} | tokens.counts()


def _code(told: Any) -> int | None:
    digits = isinstance(told, str) and told.isascii() and told.isdigit()
    return whole(told, "status_code") if type(told) is int or digits else None


def _behind(model: str) -> str:
    """Who serves Claude Code: the three spell model ids in their own ways."""
    if model.startswith("arn:aws:bedrock") or "anthropic." in model:
        return "bedrock"
    return "vertex" if "@" in model else "anthropic"
