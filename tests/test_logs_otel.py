"""OpenTelemetry spans: each call once, whatever wraps it; input as its emitter means it."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.errors import SourceError
from cacheaudit.logs.otel import READER
from cacheaudit.logs.otel_tokens import READ, WRITTEN
from cacheaudit.logs.reading import reader_for
from cacheaudit.logs.record import Record, Skip
from cacheaudit.logs.table import read_log

NOON_S = 1_793_620_800  # 2026-11-02T12:00Z
USAGE = "gen_ai.usage."


def chat(number=0, total=100, read=60, written=30, output=5, **attributes):
    """Attributes of an inference span by the convention; None leaves one out."""
    given = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-opus-5",
        "gen_ai.response.model": "claude-opus-5-20260101",
        "gen_ai.response.id": f"msg_{number}",
        "gen_ai.conversation.id": "talk",
        f"{USAGE}input_tokens": total,
        f"{USAGE}cache_read.input_tokens": read,
        f"{USAGE}cache_creation.input_tokens": written,
        f"{USAGE}output_tokens": output,
    } | attributes
    return {name: value for name, value in given.items() if value is not None}


def span(attributes, number=0, parent=None, trace="t", **more):
    """A span in OTLP JSON: attributes as a list, 64-bit numbers as text."""
    return (
        {
            "traceId": trace,
            "spanId": f"span{number}",
            "name": "chat",
            "startTimeUnixNano": f"{NOON_S + number}000000000",
            "endTimeUnixNano": f"{NOON_S + number}250000000",
            "attributes": [{"key": k, "value": otlp(v)} for k, v in attributes.items()],
        }
        | ({"parentSpanId": f"span{parent}"} if parent is not None else {})
        | more
    )


def otlp(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def export(*spans, scope=("openllmetry", "0.5.1")):
    """One export, as the collector's file exporter writes it on a line."""
    service = {"service.name": "chat-service", "service.version": "2.1"}
    return {"resourceSpans": [{
        "resource": {"attributes": [{"key": k, "value": otlp(v)} for k, v in service.items()]},
        "scopeSpans": [{"scope": {"name": scope[0], "version": scope[1]}, "spans": list(spans)}],
    }]}  # fmt: skip


def read(*values):
    return list(READER.read(Record(n, v) for n, v in enumerate(values, 1)))


def one(value):
    (call,) = read(value)
    assert isinstance(call, dict), call
    return call


def counts(call):
    return tuple(call.get(name) for name in (
        "uncached_input_tokens", "cache_read_tokens", "cache_write_other_tokens", "output_tokens"
    ))  # fmt: skip


# --- forms

CALL = {
    "ts": NOON_S * 1_000_000,
    "provider": "anthropic",
    "model": "claude-opus-5-20260101",
    "model_requested": "claude-opus-5",
    "request_id": "msg_0",
    "session_id": "talk",
    "route": "chat-service",
    "client_version": "2.1",
    "latency_ms": 250.0,
    "uncached_input_tokens": 10,
    "cache_read_tokens": 60,
    "cache_write_other_tokens": 30,
    "output_tokens": 5,
}
RESOURCE = {"attributes": {"service.name": "chat-service", "service.version": "2.1"}}
FORMS = {
    "OTLP": export(span(chat())),
    "OTLP, numbers": export(span(chat(), startTimeUnixNano=NOON_S * 10**9,
                                 endTimeUnixNano=NOON_S * 10**9 + 250_000_000)),
    "JavaScript": {"type": "span", "name": "chat x", "traceId": "t", "spanId": "s",
                   "startTime": [NOON_S, 0], "endTime": [NOON_S, 250_000_000],
                   "attributes": chat(), "resource": RESOURCE, "status": {"code": 0}},
    "Python": {"name": "chat", "context": {"trace_id": "0xt", "span_id": "0xs"}, "parent_id": None,
               "start_time": "2026-11-02T12:00:00.000000Z",
               "end_time": "2026-11-02T12:00:00.250000Z",
               "status": {"status_code": "UNSET"}, "attributes": chat(), "resource": RESOURCE},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_one_call_in_every_form(form):
    assert one(FORMS[form]) == CALL
    assert READER.recognises(FORMS[form])


@pytest.mark.real_data
def test_the_recorded_span_of_copilot_is_recognised_and_has_an_inclusive_input(real_data):
    recorded = json.loads((real_data / "logs" / "copilot_otel_span.json").read_text("utf-8"))
    call = one(recorded | {"startTime": [NOON_S, 0], "spanId": "s"})  # the reporter cut its time

    assert READER.recognises(recorded)
    assert [type(found) for found in read(recorded)] == [Skip]
    assert (call["prompt_tokens"], call["cache_write_other_tokens"]) == (21884, 21881)
    assert "cache_read_tokens" not in call  # not reported, so the rest is not known either
    assert "uncached_input_tokens" not in call
    assert (call["provider"], call["route"], call["client_version"]) == (
        "github", "github-copilot", "1.0.62",
    )  # fmt: skip


# --- tokens


@pytest.mark.parametrize("read_name", READ)
@pytest.mark.parametrize("write_name", [WRITTEN[0], WRITTEN[2]])
def test_every_spelling_of_a_cache_attribute_is_the_same_count(read_name, write_name):
    given = chat(read=None, written=None) | {read_name: 60, write_name: 30}

    assert counts(one(export(span(given)))) == (10, 60, 30, 5)


def test_both_spellings_of_one_count_are_not_added_and_must_agree():
    both = chat() | {f"{USAGE}cache_read_input_tokens": 60}
    differ = chat() | {f"{USAGE}cache_read_input_tokens": 61}

    assert counts(one(export(span(both)))) == (10, 60, 30, 5)
    (skip,) = read(export(span(differ)))
    assert "two names" in skip.why


def test_the_older_names_are_read():
    given = chat(total=None, output=None) | {
        f"{USAGE}prompt_tokens": 100, f"{USAGE}completion_tokens": 5,
    }  # fmt: skip
    given.pop("gen_ai.operation.name")
    given["gen_ai.system"] = given.pop("gen_ai.provider.name")

    assert counts(one(export(span(given)))) == (10, 60, 30, 5)


def test_absent_cache_attributes_are_not_reported():
    call = one(export(span(chat(read=None, written=None))))

    assert counts(call) == (None, None, None, 5)
    assert call["prompt_tokens"] == 100
    assert counts(one(export(span(chat(read=0, written=0))))) == (100, 0, 0, 5)


def test_a_scope_in_which_one_span_proves_an_exclusive_input_is_read_so_throughout():
    proof, ambiguous = chat(1, total=3, read=60), chat(2, total=100, read=60)
    calls = read(export(span(ambiguous, 2)), export(span(proof, 1)))

    assert [counts(call) for call in calls] == [(100, 60, 30, 5), (3, 60, 30, 5)]


@pytest.mark.parametrize("other", ["scope", "version", "provider"])
def test_the_proof_holds_for_no_other_scope(other):
    proof = export(span(chat(1, total=3), 1))
    given = chat(2) | ({"gen_ai.provider.name": "openai"} if other == "provider" else {})
    scope = {"scope": ("mine", "0.5.1"), "version": ("openllmetry", "0.6.0")}.get(
        other, ("openllmetry", "0.5.1")
    )
    calls = read(proof, export(span(given, 2), scope=scope))

    assert counts(calls[1]) == (10, 60, 30, 5)


@given(st.lists(st.tuples(*[st.integers(0, 10**6)] * 4), min_size=1, max_size=20), st.booleans())
def test_tokens_in_are_tokens_out_however_the_emitter_means_its_input(rows, inclusive):
    spans = [
        span(chat(n, u + r + w if inclusive else u, r, w, o), n)
        for n, (u, r, w, o) in enumerate(rows)
    ]
    calls = read(export(*spans))
    proven = any(r + w > u for u, r, w, _ in rows)

    if inclusive or proven:
        assert [counts(call) for call in calls] == rows
    else:  # nothing proves it: the convention holds, and the total is what was logged
        assert [sum(counts(c)[:3]) for c in calls] == [u for u, _, _, _ in rows]


# --- which spans count


def agent(total=200, **attributes):
    return chat(total=total) | {"gen_ai.operation.name": "invoke_agent"} | attributes


def test_sums_in_agent_spans_are_not_counted_again():
    calls = read(
        export(span(chat(1), 1, parent=9), span(chat(2), 2, parent=9)),
        export(span({"gen_ai.operation.name": "execute_tool"}, 3, parent=9), span(agent(), 9)),
    )

    assert [call["request_id"] for call in calls] == ["msg_1", "msg_2"]


def test_an_agent_whose_calls_have_no_spans_is_said_to_be_lost():
    found = read(export(span(agent(), 9), span(chat(1), 1, trace="other")))

    assert found[0] == Skip(1, "an agent's span with the sum of calls that have no spans")
    assert found[1]["request_id"] == "msg_1"


def test_a_frameworks_span_around_an_sdks_span_is_the_same_call():
    outer = chat(1) | {"gen_ai.response.id": "run-1"}
    web = {"http.request.method": "POST"}
    calls = read(export(span(chat(1), 3, parent=2), span(web, 2, parent=1), span(outer, 1)))

    assert [call["request_id"] for call in calls] == ["msg_1"]


def test_an_outer_span_that_names_no_model_is_no_loss_where_an_inner_one_does():
    outer = {f"{USAGE}input_tokens": 100, f"{USAGE}output_tokens": 5}

    assert [type(f) for f in read(export(span(outer, 1), span(chat(2), 2, parent=1)))] == [dict]
    assert [type(f) for f in read(export(span(outer, 1)))] == [Skip]


def test_parents_that_go_round_in_a_circle_hide_no_call():
    calls = read(export(span(chat(1), 1, parent=2), span(chat(2), 2, parent=1)))

    assert [call["request_id"] for call in calls] == ["msg_1", "msg_2"]


@pytest.mark.parametrize("operation", ["embeddings", "execute_tool", "retrieval", "create_agent"])
def test_what_is_no_inference_is_passed_over(operation):
    assert read(export(span(chat() | {"gen_ai.operation.name": operation}))) == []


def test_spans_of_anything_else_are_passed_over():
    assert read(export(span({"http.request.method": "GET"}, 1), span({}, 2)), {"a": 1}, 7) == []


def test_an_inference_span_without_counts_is_a_lost_call():
    (skip,) = read(export(span(chat(total=None, read=None, written=None, output=None))))

    assert skip.why == "the span has no token count"


# --- labels


@pytest.mark.parametrize(
    ("attributes", "provider"),
    [
        ({"gen_ai.provider.name": "aws.bedrock"}, "bedrock"),
        ({"gen_ai.provider.name": None, "gen_ai.system": "az.ai.openai"}, "azure"),
        ({"gen_ai.provider.name": "openai", "server.address": "api.deepseek.com"}, "deepseek"),
        ({"gen_ai.provider.name": "openai", "server.address": "gateway.internal"}, "openai"),
        ({"gen_ai.provider.name": "anthropic", "server.address": "api.openai.com"}, "anthropic"),
        ({"gen_ai.provider.name": None, "server.address": "openrouter.ai"}, "openrouter"),
    ],
)
def test_the_provider_is_who_serves(attributes, provider):
    given = {k: v for k, v in (chat() | attributes).items() if v is not None}

    assert one(export(span(given)))["provider"] == provider


def test_without_an_id_of_the_response_the_spans_own_tells_calls_apart():
    given = {k: v for k, v in chat().items() if k != "gen_ai.response.id"}

    assert one(export(span(given, 4)))["request_id"] == "span4"


NOTHING = {"total": None, "read": None, "written": None, "output": None}


@pytest.mark.parametrize(
    ("counted", "attributes", "status", "expected"),
    [
        (False, {}, {"code": 2}, 500),
        (False, {}, {"code": "STATUS_CODE_ERROR"}, 500),
        (False, {"error.type": "429"}, {"code": 2}, 429),
        (False, {"error.type": "timeout"}, {}, 500),
        (False, {"http.response.status_code": 529}, {"code": 2}, 529),
        (True, {}, {"code": 2}, None),  # answered, counted, and failed later: it was billed
        (True, {"http.response.status_code": 200}, {"code": 1}, 200),
    ],
)
def test_a_call_that_failed_keeps_its_status(counted, attributes, status, expected):
    given = chat(**({} if counted else NOTHING)) | attributes
    call = one(export(span(given, status=status)))

    assert call.get("status") == expected
    assert ("output_tokens" in call) == counted


@pytest.mark.parametrize(
    ("changes", "times", "why"),
    [
        ({"gen_ai.request.model": None, "gen_ai.response.model": None}, {}, "no model"),
        ({"gen_ai.provider.name": None}, {}, "no provider"),
        ({f"{USAGE}input_tokens": -1}, {}, "whole count"),
        ({f"{USAGE}input_tokens": -1.0}, {}, "-1"),
        ({f"{USAGE}input_tokens": "SECRET"}, {}, "whole count"),
        ({}, {"startTimeUnixNano": None}, "no start"),
        ({}, {"startTimeUnixNano": "12"}, "2010"),
        ({}, {"startTimeUnixNano": [1, 2, 3]}, "nanoseconds"),
        ({}, {"endTimeUnixNano": f"{NOON_S - 9}000000000"}, "ends before"),
    ],
)
def test_a_call_that_cannot_be_read_is_counted_as_lost(changes, times, why):
    given = {k: v for k, v in (chat() | changes).items() if v is not None}
    (skip,) = read(export(span(given, **times)))

    assert why in skip.why
    assert "SECRET" not in skip.why


# --- Claude Code


def event(name="api_request", body=None, **attributes):
    given = {
        "event.name": name, "session.id": "talk", "model": "claude-opus-5", "input_tokens": "8",
        "output_tokens": "5", "cache_read_tokens": "1000", "cache_creation_tokens": "340",
        "duration_ms": "2000", "ttft_ms": 310, "request_id": "req_1", "cost_usd": 0.5,
        "app.version": "2.1.39",
    } | attributes  # fmt: skip
    return {
        "timeUnixNano": f"{NOON_S + 2}000000000",
        "body": {"stringValue": body or f"claude_code.{name}"},
        "attributes": [{"key": k, "value": otlp(v)} for k, v in given.items() if v is not None],
    }


def log(*events):
    return {"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": otlp("claude-code")}]},
        "scopeLogs": [{"scope": {"name": "com.anthropic.claude_code.events"},
                       "logRecords": list(events)}],
    }]}  # fmt: skip


def test_an_event_of_claude_code_is_a_call_that_began_its_duration_earlier():
    assert one(log(event())) == {
        "ts": NOON_S * 1_000_000,
        "provider": "anthropic",
        "model": "claude-opus-5",
        "request_id": "req_1",
        "session_id": "talk",
        "route": "claude-code",
        "client_version": "2.1.39",
        "latency_ms": 2000.0,
        "first_token_ms": 310.0,
        "uncached_input_tokens": 8,
        "cache_read_tokens": 1000,
        "cache_write_other_tokens": 340,
        "output_tokens": 5,
    }


def test_the_events_name_may_be_in_its_attributes_alone_and_others_are_passed_over():
    calls = read(log(event(body="api request"), event("user_prompt"), event("tool_result")))

    assert [call["request_id"] for call in calls] == ["req_1"]


def test_the_span_of_the_same_call_is_the_same_row():
    given = {"model": "claude-opus-5", "request_id": "req_1", "input_tokens": 8,
             "cache_read_tokens": 1000, "cache_creation_tokens": 340, "output_tokens": 5,
             "duration_ms": 2000.0, "gen_ai.system": "anthropic"}  # fmt: skip
    by_span = one(export(span(given, name="claude_code.llm_request")))

    assert counts(by_span) == counts(one(log(event())))
    for column in ("ts", "provider", "model", "request_id"):
        assert by_span[column] == one(log(event()))[column]


@pytest.mark.parametrize(("told", "status"), [("529", 529), (None, 500), ("undefined", 500)])
def test_an_error_of_claude_code_has_a_status_and_no_counts(told, status):
    nothing = dict.fromkeys(
        ["input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens"]
    )
    call = one(log(event("api_error", status_code=told, **nothing)))

    assert call["status"] == status
    assert not any(column.endswith("_tokens") for column in call)
    assert [type(f) for f in read(log(event(**nothing)))] == [Skip]


@pytest.mark.parametrize(
    ("model", "provider"),
    [("us.anthropic.claude-opus-5", "bedrock"), ("claude-sonnet-4-5@20250929", "vertex")],
)
def test_claude_code_on_a_cloud_is_told_by_its_model_id(model, provider):
    assert one(log(event(model=model)))["provider"] == provider


# --- files


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("packed", [True, False])
def test_a_file_adds_up(tmp_path, packed, indent):
    spans = [span(chat(n, total=1000 + n), n, parent=500, trace="t") for n in range(100)]
    document = export(*spans, span(agent(total=10**6), 500))
    lines = [json.dumps(document, indent=indent)]
    if indent is None:  # one export a line; the second holds every second span again
        lines.append(json.dumps(export(*spans[::2]), separators=(",", ":")))
    text = ("\n".join(lines) + "\n").encode()
    path = tmp_path / ("spans.json.gz" if packed else "spans.json")
    path.write_bytes(gzip.compress(text) if packed else text)
    table = read_log(path).table.execute()

    assert reader_for([path]) is READER
    assert len(table) == 100
    assert table["uncached_input_tokens"].sum() == sum(1000 + n - 90 for n in range(100))
    assert (table["cache_read_tokens"].sum(), table["output_tokens"].sum()) == (6000, 500)


def test_a_file_of_agents_alone_is_an_error_and_not_an_empty_log(tmp_path):
    path = tmp_path / "spans.json"
    path.write_text(json.dumps(export(span(agent(), 9))))

    with pytest.raises(SourceError, match="sum of calls"):
        read_log(path)


junk = st.sampled_from(
    [None, True, -1, 7, 2**70, 1.5, float("nan"), "x", "7", [], {}, [1], {"a": 1}]
)
fields = st.sampled_from(
    [
        "traceId",
        "spanId",
        "parentSpanId",
        "name",
        "startTimeUnixNano",
        "endTimeUnixNano",
        "attributes",
        "status",
        "kind",
        "context",
    ]
)


@given(st.dictionaries(fields, junk, max_size=3), st.sampled_from(list(chat())), junk)
def test_whatever_a_field_holds_the_span_is_read_passed_or_counted_as_lost(fields, name, value):
    flat = FORMS["JavaScript"] | {"attributes": chat() | {name: value}} | fields
    for document in (export(span(chat()) | fields), flat):
        for found in read(document):
            assert isinstance(found, Skip) or all(
                count >= 0 for column, count in found.items() if column.endswith("_tokens")
            )
