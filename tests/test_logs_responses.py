"""Saved responses: every provider's shape, alone, wrapped, in batches and as streams."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.errors import SourceError
from cacheaudit.logs.bedrock import READER as BEDROCK
from cacheaudit.logs.otel import READER as OTEL
from cacheaudit.logs.reading import reader_for
from cacheaudit.logs.record import Record, Skip
from cacheaudit.logs.responses import READER
from cacheaudit.logs.responses_stream import NO_END
from cacheaudit.logs.table import read_log

NOON_S = 1_793_620_800  # 2026-11-02T12:00Z
NOON = "2026-11-02T12:00:00Z"
NOON_US = NOON_S * 1_000_000


def usage(uncached=8, read=1000, w5=300, w1h=40, output=5):
    return {
        "input_tokens": uncached, "cache_read_input_tokens": read,
        "cache_creation_input_tokens": w5 + w1h, "output_tokens": output,
        "cache_creation": {"ephemeral_5m_input_tokens": w5, "ephemeral_1h_input_tokens": w1h},
        "service_tier": "standard", "inference_geo": "global",
    }  # fmt: skip


def message(number=0, **changes):
    """An Anthropic message."""
    return {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": "claude-opus-5",
        "content": [{"type": "text", "text": "SECRET ANSWER"}], "stop_reason": "end_turn",
        "usage": usage(),
    } | changes  # fmt: skip


def completion(number=0, model="gpt-5.4-2026-03-05", **changes):
    """An OpenAI chat completion."""
    return {
        "id": f"chatcmpl-{number}", "object": "chat.completion", "created": NOON_S, "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "SECRET ANSWER"}}],
        "usage": {"prompt_tokens": 1348, "completion_tokens": 5, "total_tokens": 1353,
                  "prompt_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 340}},
        "service_tier": "default",
    } | changes  # fmt: skip


def response(number=0, **changes):
    """An OpenAI response."""
    return {
        "id": f"resp_{number}", "object": "response", "created_at": NOON_S, "status": "completed",
        "model": "gpt-5.6-sol", "error": None, "metadata": {}, "output": [],
        "usage": {"input_tokens": 1348, "output_tokens": 5, "total_tokens": 1353,
                  "input_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 340}},
    } | changes  # fmt: skip


GOOGLE = {
    "candidates": [{"content": {}, "finishReason": "STOP"}], "modelVersion": "gemini-2.5-pro",
    "responseId": "g-1", "createTime": NOON,
    "usageMetadata": {"promptTokenCount": 1008, "cachedContentTokenCount": 1000,
                      "candidatesTokenCount": 5, "totalTokenCount": 1013},
}  # fmt: skip
CONVERSE = {
    "output": {"message": {"role": "assistant", "content": []}}, "stopReason": "end_turn",
    "metrics": {"latencyMs": 2100},
    "usage": {"inputTokens": 8, "outputTokens": 5, "totalTokens": 1353,
              "cacheReadInputTokens": 1000, "cacheReadInputTokenCount": 1000,
              "cacheWriteInputTokens": 340, "cacheWriteInputTokenCount": 340},
    "ResponseMetadata": {"RequestId": "r-1", "HTTPStatusCode": 200},
}  # fmt: skip
COHERE = {
    "id": "c-1", "finish_reason": "COMPLETE", "message": {"role": "assistant"},
    "usage": {"billed_units": {"input_tokens": 2, "output_tokens": 5}, "cached_tokens": 1000,
              "tokens": {"input_tokens": 1008, "output_tokens": 5}},
}  # fmt: skip
TOTAL = {"prompt_tokens": 1008, "completion_tokens": 5, "total_tokens": 1013}
MISTRAL = completion(
    model="mistral-large-2512", id="m-1", usage=TOTAL | {"num_cached_tokens": 1000}
)
DEEPSEEK = completion(model="deepseek-v4", id="d-1", usage=TOTAL | {
    "prompt_cache_hit_tokens": 1000, "prompt_cache_miss_tokens": 8})  # fmt: skip
OPENROUTER = completion(
    model="anthropic/claude-opus-5", id="gen-1", provider="Anthropic",
    usage=TOTAL | {"prompt_tokens_details": {"cached_tokens": 1000}, "cost": 0.0125},
)  # fmt: skip
AZURE = completion(prompt_filter_results=[])
GROQ = completion(model="openai/gpt-oss-120b", x_groq={"id": "x"}, usage=TOTAL | {
    "prompt_tokens_details": {"cached_tokens": 1000}})  # fmt: skip


def read(*values):
    return list(READER.read(Record(n, v) for n, v in enumerate(values, 1)))


def one(value):
    (call,) = read(value)
    assert isinstance(call, dict), call
    return call


def counts(call):
    written = [v for k, v in call.items() if k.startswith("cache_write_")]
    return (
        call.get("uncached_input_tokens"), call.get("cache_read_tokens"),
        sum(written) if written else None, call.get("output_tokens"),
    )  # fmt: skip


ALONE = {
    "chat completion": (completion(), "openai", "gpt-5.4-2026-03-05", 340),
    "response": (response(), "openai", "gpt-5.6-sol", 340),
    "google": (GOOGLE, "vertex", "gemini-2.5-pro", None),
    "mistral": (MISTRAL, "mistral", "mistral-large-2512", None),
    "deepseek": (DEEPSEEK, "deepseek", "deepseek-v4", None),
    "openrouter": (OPENROUTER, "openrouter", "anthropic/claude-opus-5", None),
    "azure": (AZURE, "azure", "gpt-5.4-2026-03-05", 340),
    "groq": (GROQ, "groq", "openai/gpt-oss-120b", None),
}


@pytest.mark.parametrize("shape", ALONE)
def test_a_response_that_has_its_time_needs_nothing_beside_it(shape):
    saved, provider, model, written = ALONE[shape]
    call = one(saved)

    assert (call["ts"], call["provider"], call["model"]) == (NOON_US, provider, model)
    assert counts(call) == (8, 1000, written, 5)
    assert READER.recognises(saved)


WRAPPED = {
    "anthropic": (message(), {}, "anthropic", "claude-opus-5", 340),
    "anthropic on bedrock": (message(id="msg_bdrk_1"), {}, "bedrock", "claude-opus-5", 340),
    "anthropic on vertex": (message(id="msg_vrtx_1"), {}, "vertex", "claude-opus-5", 340),
    "converse": (CONVERSE, {"modelId": "us.anthropic.claude-opus-5"}, "bedrock",
                 "us.anthropic.claude-opus-5", 340),
    "converse by address": (
        CONVERSE, {"url": "https://bedrock-runtime.us-east-1.amazonaws.com/model/"
                          "us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"},
        "bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", 340),
    "cohere": (COHERE, {"request": {"model": "command-r"}}, "cohere", "command-r", None),
    "google": ({k: v for k, v in GOOGLE.items() if k != "createTime"}, {}, "google",
               "gemini-2.5-pro", None),
    "vllm": (completion(model="qwen3"), {"provider": "vLLM"}, "vllm", "qwen3", 340),
    "azure by address": (completion(), {"url": "https://ours.openai.azure.com/openai"}, "azure",
                         "gpt-5.4-2026-03-05", 340),
}  # fmt: skip


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("shape", WRAPPED)
def test_a_wrapper_tells_what_the_response_lacks(shape, text):
    saved, around, provider, model, written = WRAPPED[shape]
    wrapped = {"ts": NOON, "response": json.dumps(saved) if text else saved, **around}
    call = one(wrapped)

    assert (call["ts"], call["provider"], call["model"]) == (NOON_US, provider, model)
    assert counts(call) == (8, 1000, written, 5)
    assert READER.recognises(wrapped)
    assert "SECRET" not in str(call)


def test_the_fields_of_the_wrapper_are_columns():
    call = one({
        "ts": NOON, "provider": "anthropic", "session_id": "talk", "scope": "chat", "route": "gw",
        "status": 200, "latency_ms": 2100, "first_token_ms": 310.5, "client_version": "2.1",
        "prompt_version": "7", "turn_index": 0,
        "request": {"model": "claude-opus-latest", "system": "SECRET PROMPT",
                    "tools": [{"name": "search"}],
                    "messages": [{"role": "user", "content": [
                        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}]},
        "response": message(diagnostics={"cache_miss_reason": {
            "type": "system_changed", "cache_missed_input_tokens": 41850}}),
    })  # fmt: skip

    assert call | {"system_hash": "", "tools_hash": "", "prefix_id": ""} == {
        "ts": NOON_US, "provider": "anthropic", "model": "claude-opus-5",
        "model_requested": "claude-opus-latest", "session_id": "talk", "scope": "chat",
        "route": "gw", "status": 200, "latency_ms": 2100.0, "first_token_ms": 310.5,
        "client_version": "2.1", "prompt_version": "7", "turn_index": 0, "marker_sent": True,
        "request_id": "msg_0", "service_tier": "standard", "region": "global",
        "cache_miss_reason": "system_changed", "system_hash": "", "tools_hash": "",
        "prefix_id": "", "uncached_input_tokens": 8, "cache_read_tokens": 1000,
        "cache_write_5m_tokens": 300, "cache_write_1h_tokens": 40, "output_tokens": 5,
    }  # fmt: skip
    assert len(call["system_hash"]) == len(call["tools_hash"]) == 16
    assert "SECRET" not in str(call)


def test_openais_own_diagnosis_is_kept():
    missed = response(prompt_cache_diagnostics={"type": "cache_miss", "reason": "tools_changed"})

    assert one(missed)["cache_miss_reason"] == "tools_changed"
    assert "cache_miss_reason" not in one(response(prompt_cache_diagnostics={"type": "cache_hit"}))


def test_what_openrouter_charged_is_kept_and_nobody_elses_estimate():
    assert one(OPENROUTER)["billed_usd"] == 0.0125
    estimated = completion(usage=completion()["usage"] | {"cost": 0.5})
    assert "billed_usd" not in one(estimated)


@pytest.mark.parametrize("answer", ["SECRET ANSWER", {"text": "SECRET ANSWER"}, [{"text": "x"}]])
def test_a_usage_beside_an_answer_that_was_saved_without_it(answer):
    call = one({"ts": NOON, "provider": "anthropic", "model": "claude-opus-5", "usage": usage(),
                "response": answer})  # fmt: skip

    assert counts(call) == (8, 1000, 340, 5)


def test_a_provider_that_is_given_outweighs_the_address():
    around = {"ts": NOON, "url": "https://api.openai.com/v1", "response": completion()}

    assert one(around)["provider"] == "openai"
    assert one(around | {"provider": "azure"})["provider"] == "azure"


@pytest.mark.parametrize(
    "times",
    [
        {"ts": NOON},
        {"timestamp": "2026-11-02T13:00:00+01:00"},
        {"time": NOON_S},
        {"ts": float(NOON_S)},
        {"ts": NOON_S * 1000},
        {"ts": str(NOON_S * 1000)},
        {"started_at": NOON_S * 10**9},
        {"created_at": NOON, "received_at": "2026-11-02T12:00:09Z"},
        {"received_at": "2026-11-02T12:00:02.5Z", "latency_ms": 2500},
        {"end_time": NOON},
    ],
)
def test_the_start_in_all_its_spellings(times):
    assert one({"response": message(), **times})["ts"] == NOON_US


def test_the_wrappers_start_is_finer_than_the_responses_second():
    call = one({"ts": "2026-11-02T11:59:58.123Z", "response": completion()})

    assert call["ts"] == NOON_US - 1_877_000
    late = {"received_at": "2026-11-02T12:00:09Z", "response": completion()}
    assert one(late)["ts"] == NOON_US  # the response's own beats an end without a duration


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (message(), "no time"),
        ({"ts": "2026-11-02T12:00:00", "response": message()}, "no zone"),
        ({"ts": 12, "response": message()}, "expected a time"),
        ({"ts": True, "response": message()}, "expected a time"),
        ({"ts": NOON, "response": CONVERSE}, "no model"),
        (completion(model="qwen3"), "provider field"),
        ({"ts": NOON, "response": message(usage=usage(uncached=-8))}, "-8"),
        ({"ts": NOON, "response": message(usage=usage(uncached="SECRET"))}, "whole count"),
        ({"ts": NOON, "response": message(usage=None)}, "no usage"),
        ({"ts": NOON, "response": {"text": "SECRET"}}, "no usage"),
        ({"ts": NOON, "response": [{"text": "SECRET"}]}, "no usage"),
        ({"ts": NOON, "response": '{"text": "SECRET'}, "no JSON"),
        (response(status="queued", usage=None), "no usage"),
        ({"ts": NOON, "latency_ms": -1, "response": message()}, "latency"),
    ],
)
def test_a_call_that_cannot_be_read_is_counted_as_lost(value, why):
    (skip,) = read(value)

    assert isinstance(skip, Skip)
    assert why in skip.why
    assert "SECRET" not in skip.why


def test_a_call_that_failed_keeps_its_status():
    limited = {"type": "error", "error": {"type": "rate_limit_error", "message": "SECRET"}}
    around = {"ts": NOON, "provider": "anthropic", "request": {"model": "claude-opus-5"}}
    call = one({**around, "status_code": 429, "response": limited})

    assert call["status"] == 429
    assert not any(column.endswith("_tokens") for column in call)
    assert one({**around, "response": limited})["status"] == 500
    assert (
        one(response(status="failed", usage=None, error={"code": "server_error"}))["status"] == 500
    )
    assert read({"ts": NOON, "response": limited}, limited) == []  # no model, no tokens, no bill


def test_embeddings_and_other_records_are_passed_over():
    embedding = {"object": "list", "data": [], "model": "text-embedding-3-small",
                 "usage": {"prompt_tokens": 2, "total_tokens": 2}}  # fmt: skip

    assert read(embedding, {"ts": NOON, "event": "started"}, [], 7, "text", None) == []


def test_results_of_batches_are_read():
    openai = {"id": "batch_req_1", "custom_id": "a", "error": None, "response": {
        "status_code": 200, "request_id": "r", "body": completion()}}  # fmt: skip
    anthropic = {
        "custom_id": "a",
        "ts": NOON,
        "result": {"type": "succeeded", "message": message()},
    }
    expired = {"custom_id": "a", "result": {"type": "expired"}}

    assert one(openai)["service_tier"] == "batch"
    assert (one(openai)["status"], counts(one(openai))) == (200, (8, 1000, 340, 5))
    assert counts(one(anthropic)) == (8, 1000, 340, 5)
    assert [type(found) for found in read(expired)] == [Skip]


def test_a_model_that_a_tool_asked_is_a_call_of_its_own():
    advisor = usage(50, 0, 0, 0, 2) | {"model": "claude-opus-5", "type": "advisor_message"}
    wrapped = {"ts": NOON, "session_id": "talk", "route": "gw",
               "response": message(usage=usage() | {"iterations": [advisor]})}  # fmt: skip
    own, other = read(wrapped)

    assert counts(own) == (8, 1000, 340, 5)
    assert counts(other) == (50, 0, 0, 2)
    assert other["request_id"] != own["request_id"]  # else one of them would be dropped
    assert "session_id" not in other
    assert other["route"] == "gw"


# --- streams


def anthropic_stream(number=0, final=None, **around):
    start = message(number, usage=usage(8, 1000, 300, 40, 1), content=[], stop_reason=None)
    return [around | event for event in (
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 3}},
        {"type": "message_delta", "delta": {}, "usage": final or {"output_tokens": 5}},
        {"type": "message_stop"},
    )]  # fmt: skip


def test_an_anthropic_stream_takes_lifetimes_from_its_start_and_counts_from_its_end():
    call = one({"ts": NOON, "events": anthropic_stream()})

    assert counts(call) == (8, 1000, 340, 5)
    assert (call["cache_write_5m_tokens"], call["cache_write_1h_tokens"]) == (300, 40)


def test_a_delta_is_cumulative_and_never_added():
    final = {"input_tokens": 1591, "cache_read_input_tokens": 1000,
             "cache_creation_input_tokens": 350, "output_tokens": 5}  # fmt: skip
    call = one({"ts": NOON, "events": anthropic_stream(final=final)})

    assert counts(call) == (1591, 1000, 350, 5)
    assert call["cache_write_other_tokens"] == 10  # written later; for how long is not told
    nulls = dict.fromkeys(("input_tokens", "cache_read_input_tokens")) | {"output_tokens": 5}
    assert counts(one({"ts": NOON, "events": anthropic_stream(final=nulls)})) == (8, 1000, 340, 5)


def test_streams_in_lines_are_put_together_and_keep_the_time_of_their_start():
    lines = anthropic_stream(1, ts=NOON) + anthropic_stream(2, ts=NOON)
    lines[-1] |= {"ts": "2026-11-02T12:00:30Z"}
    calls = read(*lines)

    assert [call["request_id"] for call in calls] == ["msg_1", "msg_2"]
    assert {counts(call) for call in calls} == {(8, 1000, 340, 5)}
    assert {call["ts"] for call in calls} == {NOON_US}


def test_streams_in_turns_are_told_apart_by_their_wrappers_id():
    pairs = zip(
        anthropic_stream(1, ts=NOON, request_id="a"),
        anthropic_stream(2, {"output_tokens": 7}, ts=NOON, request_id="b"),
        strict=True,
    )
    calls = read(*(event for pair in pairs for event in pair))

    assert {call["request_id"]: call["output_tokens"] for call in calls} == {"msg_1": 5, "msg_2": 7}


def test_an_anthropic_stream_that_was_cut_has_its_input_and_no_output():
    assert counts(one({"ts": NOON, "events": anthropic_stream()[:4]})) == (8, 1000, 340, None)
    cut = anthropic_stream(1, ts=NOON)[:4] + anthropic_stream(2, ts=NOON)
    assert [counts(call)[3] for call in read(*cut)] == [None, 5]


def test_streams_whose_start_is_missing_are_each_counted_as_lost_once():
    headless, whole = anthropic_stream(ts=NOON)[1:], anthropic_stream(2, ts=NOON)
    found = read(*headless, *headless, *whole)

    assert [f for f in found if isinstance(f, Skip)] == [Skip(4, NO_END), Skip(10, NO_END)]
    assert [counts(f) for f in found if isinstance(f, dict)] == [(8, 1000, 340, 5)]


def chunks(number=0, counted=True, **changes):
    plain = completion(number, object="chat.completion.chunk", usage=None)
    last = plain | {"choices": [], "usage": completion()["usage"]}
    return [c | changes for c in [plain, plain, *([last] if counted else []), plain]]


@pytest.mark.parametrize("listed", [True, False])
def test_a_chunk_stream_has_its_counts_in_one_chunk(listed):
    calls = read({"chunks": chunks()}) if listed else read(*chunks())

    assert [counts(call) for call in calls] == [(8, 1000, 340, 5)]
    assert READER.recognises(chunks()[0])


def test_a_stream_of_chunks_has_the_time_of_its_first():
    lines = [chunk | {"ts": NOON_S + n} for n, chunk in enumerate(chunks())]

    assert one({"chunks": chunks(), "ts": NOON_S - 5})["ts"] == NOON_US - 5_000_000
    assert [call["ts"] for call in read(*lines)] == [NOON_US]


@pytest.mark.parametrize("listed", [True, False])
def test_a_stream_whose_usage_never_comes_is_lost_and_no_call_of_0(listed):
    silent = chunks(counted=False)

    assert (read({"chunks": silent}) if listed else read(*silent)) == [Skip(1, NO_END)]


def test_groqs_usage_stands_apart():
    last = completion(object="chat.completion.chunk", usage=None, x_groq={"usage": TOTAL})
    call = one({"chunks": [*chunks(counted=False), last], "provider": "groq"})

    assert (call["prompt_tokens"], call["output_tokens"]) == (1008, 5)


@pytest.mark.parametrize("end", ["completed", "incomplete"])
def test_a_stream_of_responses_is_told_by_its_last_event(end):
    started = response(usage=None, status="in_progress")
    stream = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
        {"type": "response.output_text.delta", "delta": "hi"},
        {"type": f"response.{end}", "response": response()},
    ]

    assert [counts(call) for call in read(*stream)] == [(8, 1000, 340, 5)]
    assert read(*stream[:3]) == [Skip(1, NO_END)]


def test_googles_parts_are_not_counted_beside_the_whole():
    part = GOOGLE | {"candidates": [{"content": {}}], "usageMetadata": {
        "promptTokenCount": 1008, "totalTokenCount": 1010, "candidatesTokenCount": 2}}  # fmt: skip

    assert [counts(call) for call in read(part, part, GOOGLE)] == [(8, 1000, None, 5)]
    assert [counts(call) for call in read({"chunks": [part, GOOGLE]})] == [(8, 1000, None, 5)]
    assert read(part, part) == [Skip(1, NO_END)]


def test_streams_of_bedrock_and_cohere():
    converse = [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {}},
        {"metadata": {"usage": CONVERSE["usage"], "metrics": {"latencyMs": 2100}}},
    ]
    cohere = [{"type": "message-start", "id": "c-1"}, {"type": "content-delta"},
              {"type": "message-end", "delta": {"usage": COHERE["usage"]}}]  # fmt: skip
    around = {"ts": NOON, "model": "m"}
    by_bedrock = one({**around, "response": converse})

    assert (counts(by_bedrock), by_bedrock["latency_ms"]) == ((8, 1000, 340, 5), 2100)
    assert counts(one({**around, "response": cohere})) == (8, 1000, None, 5)
    assert one({**around, "response": cohere})["request_id"] == "c-1"
    assert read({**around, "response": converse[:2]}) == [Skip(1, NO_END)]
    assert read({**around, "response": cohere[:2]}) == [Skip(1, NO_END)]


# --- real payloads, files, recognition


@pytest.mark.real_data
def test_recorded_usage_objects_are_read_where_their_wrapper_names_the_model(real_data):
    lines = (real_data / "responses" / "usage_objects.jsonl").read_text("utf-8").splitlines()
    found = read(*({"ts": NOON} | json.loads(line) for line in lines))
    calls = [call for call in found if isinstance(call, dict)]
    reasons = sorted({skip.why for skip in found if isinstance(skip, Skip)})

    assert len(calls) == 311  # three advisors, and less three runs that name no model
    assert len(found) - len(calls) == 9 + 6 + 3
    assert reasons == [
        "no model is named; expected one in the response or beside it",
        "the usage object has no token count",
        "there is no usage object",
    ]
    assert {"azure", "vertex", "bedrock", "openrouter"} <= {call["provider"] for call in calls}


@pytest.mark.parametrize("spaced", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_a_file_of_mixed_responses_adds_up(tmp_path, packed, spaced):
    saved = [
        value
        for n in range(50)
        for value in (
            {"ts": NOON_S + n, "response": message(n)},
            completion(n),
            *anthropic_stream(100 + n, ts=NOON_S + n),
        )
    ] + [completion(0)]  # saved twice
    separators = (", ", ": ") if spaced else (",", ":")
    text = "".join(json.dumps(v, separators=separators) + "\n" for v in saved).encode()
    path = tmp_path / ("calls.jsonl.gz" if packed else "calls.jsonl")
    path.write_bytes(gzip.compress(text) if packed else text)
    log = read_log(path)
    table = log.table.execute()

    assert log.title == READER.title
    assert log.calls == 150
    assert table["uncached_input_tokens"].sum() == 150 * 8
    assert table["cache_read_tokens"].sum() == 150 * 1000
    assert table["cache_write_5m_tokens"].sum() == 100 * 300
    assert table["cache_write_other_tokens"].sum() == 50 * 340
    assert table["output_tokens"].sum() == 150 * 5


def test_a_document_with_one_response_is_a_log_of_one_call(tmp_path):
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(completion(), indent=2))

    assert read_log(path).calls == 1


def test_a_log_of_responses_without_time_is_an_error(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps(message()) + "\n")

    with pytest.raises(SourceError, match="no time"):
        read_log(path)


SPAN = {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "x", "attributes": []}]}]}]}
RECORD = {"schemaType": "ModelInvocationLog", "modelId": "x", "input": {}, "output": {}}
OTHERS = {
    "claude code": {"type": "assistant", "sessionId": "s", "uuid": "u", "timestamp": NOON,
                    "requestId": "r", "message": message()},
    "codex": {"timestamp": NOON, "type": "event_msg", "payload": {"type": "token_count", "info": {
        "last_token_usage": {"input_tokens": 5}, "total_token_usage": {"input_tokens": 5}}}},
    "codex item": {"timestamp": NOON, "type": "response_item", "payload": {"type": "message"}},
    "litellm": {"request_id": "r", "call_type": "acompletion", "spend": 0.1, "prompt_tokens": 5,
                "metadata": {"usage_object": usage()}, "response": completion()},
    "langfuse": {"id": "o", "type": "GENERATION", "startTime": NOON, "usage": {"input": 5},
                 "usageDetails": {"input": 5}, "metadata": {"attributes": {"gen_ai.system": "x"}}},
    "helicone": {"response_id": "r", "request_created_at": NOON, "prompt_tokens": 5,
                 "prompt_cache_read_tokens": 0, "request_body": {}, "response_body": completion()},
    "openrouter": {"generation_id": "gen-1", "created_at": NOON, "tokens_prompt": "5",
                   "model_permaslug": "x", "provider_name": "Anthropic"},
    "claude code result": {"type": "result", "num_turns": 3, "usage": usage()},
}  # fmt: skip
OURS = {
    "otel": (OTEL, SPAN), "bedrock": (BEDROCK, RECORD), "responses": (READER, completion()),
}  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
def test_other_formats_are_none_of_these(other):
    assert [name for name, (reader, _) in OURS.items() if reader.recognises(OTHERS[other])] == []
    assert read(OTHERS[other]) == []


@pytest.mark.parametrize("name", OURS)
def test_each_of_these_formats_is_told_from_the_others(tmp_path, name):
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(OURS[name][1]) + "\n")

    assert reader_for([path]) is OURS[name][0]
    assert [n for n, (reader, _) in OURS.items() if reader.recognises(OURS[name][1])] == [name]


@pytest.mark.real_data
def test_real_logs_of_other_formats_are_none_of_these(real_data):
    logs = real_data / "logs"
    with gzip.open(logs / "claude_code.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    records.append(json.loads((logs / "litellm_spendlogs_row.json").read_text("utf-8"))["row"])
    for path in (logs / "langfuse").glob("*.json"):
        trace = json.loads(path.read_text("utf-8"))
        records += [trace, *trace.get("observations", [])]

    assert len(records) > 1824
    for reader, _ in OURS.values():
        assert not [r for r in records if reader.recognises(r)]


junk = st.sampled_from(
    [
        None,
        True,
        -1,
        7,
        2**60,
        1.5,
        float("nan"),
        "x",
        "{",
        [],
        {},
        [1],
        {"a": 1},
        {"usage": {"input_tokens": 5}},
        {"type": "succeeded", "message": [1]},
    ]
)
names = st.sampled_from([
    "ts", "created", "created_at", "received_at", "id", "object", "type", "model", "usage",
    "status", "response", "request", "events", "result", "message", "candidates", "choices",
    "usageMetadata", "metadata", "metrics", "error", "diagnostics", "provider", "url", "x_groq",
    "delta", "body",
    "status_code", "latency_ms", "conversation", "ResponseMetadata", "serviceTier", "messageStart",
])  # fmt: skip
shapes = st.sampled_from([
    completion(), response(), {"ts": NOON, **message()}, GOOGLE, {"ts": NOON, **CONVERSE}, COHERE,
    *anthropic_stream(ts=NOON), *chunks(), {"type": "response.completed", "response": response()},
])  # fmt: skip


@given(st.lists(st.tuples(shapes, st.dictionaries(names, junk, max_size=3)), max_size=4))
def test_whatever_a_field_holds_the_record_is_read_passed_or_counted_as_lost(parts):
    values = [shape | changes for shape, changes in parts]
    for found in read(*values, {"ts": NOON, "events": values}):
        assert isinstance(found, Skip) or all(
            count >= 0 for column, count in found.items() if column.endswith("_tokens")
        )
    for value in values:
        READER.recognises(value)
