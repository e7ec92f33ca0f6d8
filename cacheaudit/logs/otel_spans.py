"""OpenTelemetry documents to spans: OTLP JSON, and the flat forms that agents and consoles write.

| form | attributes | times |
|---|---|---|
| OTLP: `resourceSpans` > `scopeSpans` > `spans`, or `resourceLogs` > `scopeLogs` > `logRecords` | `[{key, value: {stringValue, intValue, ...}}]`; 64-bit numbers as text | `startTimeUnixNano` |
| JavaScript: one span an object | an object | `startTime` `[seconds, nanoseconds]` |
| Python `to_json`: one span an object | an object | `start_time`, ISO 8601 |

Source: opentelemetry-proto 1.x JSON encoding; span processors of opentelemetry-js and -python.
"""  # noqa: E501

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .values import EARLIEST, NotUnderstood, moment, text, whole

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span or log event, whatever form it came in; times stay raw until they are asked for.

    scope     name and version of what wrote it; empty where not told
    resource  attributes of the process it ran in
    failed    its status is an error
    """

    name: str
    attributes: Object
    resource: Object
    scope: tuple[str, str]
    trace_id: str
    span_id: str
    parent_id: str
    start: Any
    end: Any
    failed: bool
    is_event: bool = False

    def started_us(self) -> int:
        """Start in microseconds since 1970. Raises NotUnderstood."""
        return _moment(self.start)

    def lasted_ms(self) -> float | None:
        """From start to end; None where there is no end."""
        if self.end in (None, "", 0, "0"):
            return None
        lasted = _moment(self.end) - self.started_us()
        if lasted < 0:
            raise NotUnderstood("the span ends before it starts")
        return lasted / 1000


def spans_in(document: Object) -> Iterator[Span]:
    """The spans and log events of one exported *document*; none where it is no such thing."""
    for kind, scopes, items in (
        ("resourceSpans", ("scopeSpans", "instrumentationLibrarySpans"), "spans"),
        ("resourceLogs", ("scopeLogs", "instrumentationLibraryLogs"), "logRecords"),
    ):
        for of_resource in _objects(document.get(kind)):
            resource = _attributes(_part(of_resource, "resource"))
            for scoped in (one for name in scopes for one in _objects(of_resource.get(name))):
                scope = _scope(scoped)
                for one in _objects(scoped.get(items)):
                    yield _span(one, resource, scope, is_event=items == "logRecords")
    if "attributes" in document and ("name" in document or "body" in document):
        is_event = "body" in document or "timeUnixNano" in document
        resource = _attributes(_part(document, "resource"))
        yield _span(document, resource, _scope(document), is_event=is_event)


def _span(one: Object, resource: Object, scope: tuple[str, str], *, is_event: bool) -> Span:
    context = _part(one, "context") or _part(one, "_spanContext") or _part(one, "spanContext")
    status = _part(one, "status")
    code = status.get("code", status.get("status_code"))
    parent = one.get("parentSpanId") or one.get("parent_id") or one.get("parentId")
    return Span(
        name=_name(one),
        attributes=_attributes(one),
        resource=resource,
        scope=scope,
        trace_id=_id(one.get("traceId") or context.get("traceId") or context.get("trace_id")),
        span_id=_id(one.get("spanId") or context.get("spanId") or context.get("span_id")),
        parent_id=_id(parent or _part(one, "parentSpanContext").get("spanId")),
        start=_first(one, "startTimeUnixNano", "startTime", "start_time", "timeUnixNano",
                     "observedTimeUnixNano", "hrTime", "timestamp"),
        end=_first(one, "endTimeUnixNano", "endTime", "end_time"),
        failed=code in (2, "2", "STATUS_CODE_ERROR", "ERROR", "Error"),
        is_event=is_event,
    )  # fmt: skip


def _name(one: Object) -> str:
    body = one.get("body")
    if isinstance(body, Mapping):
        body = body.get("stringValue")
    return text(one.get("name")) or text(one.get("eventName")) or text(body) or ""


def _scope(scoped: Object) -> tuple[str, str]:
    for name in (
        "scope",
        "instrumentationScope",
        "instrumentationLibrary",
        "instrumentation_scope",
    ):
        if found := _part(scoped, name):
            return text(found.get("name")) or "", text(found.get("version")) or ""
    return "", ""


def _attributes(one: Object) -> Object:
    """Attributes as a plain object, from either of their two forms."""
    given = one.get("attributes")
    if isinstance(given, Mapping):
        return {key: _value(value) for key, value in given.items()}
    return {str(pair.get("key")): _value(pair.get("value")) for pair in _objects(given)}


def _value(value: Any) -> Any:
    """A scalar out of OTLP's `{"intValue": "12"}`; lists and maps hold no label and no count."""
    if isinstance(value, Mapping):
        told = ("stringValue", "intValue", "doubleValue", "boolValue")
        return next((value[kind] for kind in told if kind in value), None)
    return value


def _moment(value: Any) -> int:
    if isinstance(value, list):  # JavaScript's [seconds, nanoseconds]
        if len(value) != 2:
            raise NotUnderstood("the time is a list; expected [seconds, nanoseconds]")
        nanoseconds = whole(value[1], "nanoseconds") or 0
        return moment(value[0], unit="s") + nanoseconds // 1000
    if value is None:
        raise NotUnderstood("the span has no start")
    if isinstance(value, int | float) and 0 < value < EARLIEST * 10**6:
        return moment(value, unit="ms" if value > EARLIEST * 10 else "s")
    return moment(value, unit="ns")


def _id(value: Any) -> str:
    return (text(value) or "").removeprefix("0x")


def _first(one: Object, *names: str) -> Any:
    return next((one[n] for n in names if one.get(n) not in (None, "", 0, "0")), None)


def _objects(value: Any) -> list[Object]:
    """The objects of a list, none where it is absent: what is no list may have held calls."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise NotUnderstood("spans, or what holds them, are no list of objects")
    return value


def _part(value: Object, name: str) -> Object:
    part = value.get(name)
    return part if isinstance(part, Mapping) else {}
