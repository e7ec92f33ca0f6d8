"""Bedrock invocation logs: counts once, whoever tells them; models behind ARNs; failures."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.errors import SourceError
from cacheaudit.logs.bedrock import READER
from cacheaudit.logs.reading import reader_for
from cacheaudit.logs.record import Record, Skip
from cacheaudit.logs.table import read_log

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ACCOUNT = "123456789012"
APPLICATION = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:application-inference-profile/a1b2c3d4e5f6"
COUNTS = {"inputTokenCount": 8, "cacheReadInputTokenCount": 1000, "cacheWriteInputTokenCount": 340}


def record(number=0, counts=COUNTS, output=5, body=None, request=None, **more):
    """A record of the log, in the shape of schema version 1.0."""
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": f"2026-11-02T09:{number // 60 % 60:02}:{number % 60:02}Z",
        "accountId": ACCOUNT,
        "identity": {
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/chat-service/someone@example.com"
        },
        "region": "us-east-1",
        "requestId": f"request-{number}",
        "operation": "Converse",
        "modelId": HAIKU,
        "input": {"inputContentType": "application/json", **counts}
        | ({"inputBodyJson": request} if request else {}),
        "output": {"outputContentType": "application/json"}
        | ({} if output is None else {"outputTokenCount": output})
        | ({} if body is None else {"outputBodyJson": body}),
        "inferenceRegion": "us-west-2",
    } | more


def read(*values):
    return list(READER.read(Record(n, v) for n, v in enumerate(values, 1)))


def one(value):
    (call,) = read(value)
    assert isinstance(call, dict), call
    return call


def test_a_record_is_a_call_with_disjoint_counts():
    assert one(record(7)) == {
        "ts": 1_793_610_007_000_000,
        "provider": "bedrock",
        "model": HAIKU,
        "model_requested": HAIKU,
        "scope": ACCOUNT,
        "route": "chat-service",
        "region": "us-west-2",
        "request_id": "request-7",
        "uncached_input_tokens": 8,
        "cache_read_tokens": 1000,
        "cache_write_other_tokens": 340,
        "output_tokens": 5,
    }


def test_nothing_of_the_account_or_the_person_is_in_the_route():
    routes = [
        one(record(identity={"arn": f"arn:aws:{rest}"}))["route"]
        for rest in (
            f"sts::{ACCOUNT}:assumed-role/chat-service/someone@example.com",
            f"iam::{ACCOUNT}:user/team/dheeraj",
            f"iam::{ACCOUNT}:role/service-role/batch",
            f"iam::{ACCOUNT}:root",
        )
    ]

    assert routes == ["chat-service", "dheeraj", "batch", "root"]
    assert "route" not in one(record(identity={"arn": "nothing"}))


@pytest.mark.parametrize("bodies", [True, False])
def test_a_record_without_cache_fields_does_not_report_them(bodies):
    body = {"usage": {"inputTokens": 15, "outputTokens": 12, "totalTokens": 27}}
    call = one(record(counts={"inputTokenCount": 15}, output=12, body=body if bodies else None))

    assert (call["uncached_input_tokens"], call["output_tokens"]) == (15, 12)
    assert not any(column.startswith("cache_") for column in call)


def test_a_body_that_knows_less_than_the_record_is_not_taken():
    body = {"usage": {"prompt_tokens": 15, "completion_tokens": 12, "total_tokens": 27}}
    call = one(record(counts={"inputTokenCount": 15}, output=12, body=body))

    assert call["uncached_input_tokens"] == 15
    assert "prompt_tokens" not in call


CONVERSE = {"inputTokens": 8, "outputTokens": 5, "totalTokens": 1353, "cacheReadInputTokens": 1000,
            "cacheReadInputTokenCount": 1000, "cacheWriteInputTokens": 340,
            "cacheWriteInputTokenCount": 340}  # fmt: skip
INVOKE = {"input_tokens": 8, "output_tokens": 5, "cache_read_input_tokens": 1000,
          "cache_creation_input_tokens": 340, "cache_creation": {
              "ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 40}}  # fmt: skip
STREAM = [
    {"type": "message_start", "message": {
        "id": "msg_bdrk_1", "model": "claude-haiku-4-5-20251001", "role": "assistant",
        "usage": INVOKE | {"output_tokens": 1}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {
        "inputTokenCount": 8, "outputTokenCount": 5, "cacheReadInputTokenCount": 1000,
        "cacheWriteInputTokenCount": 340, "invocationLatency": 2100, "firstByteLatency": 310}},
]  # fmt: skip
BODIES = {
    "converse": {"usage": CONVERSE, "metrics": {"latencyMs": 2100}},
    "invoke": {"usage": INVOKE, "type": "message", "role": "assistant"},
    "invoke stream": STREAM,
    "converse stream": [{"messageStart": {"role": "assistant"}}, {"metadata": {"usage": CONVERSE}}],
    "only metrics": [{"generation": "hi"}, {"generation": "", **{
        k: v for k, v in STREAM[3].items() if k != "type"}}],
}  # fmt: skip


@pytest.mark.parametrize("header", ["full", "without cache fields", "absent"])
@pytest.mark.parametrize("shape", BODIES)
def test_the_body_tells_what_the_record_lacks_and_is_never_added(shape, header):
    counts = {"full": COUNTS, "without cache fields": {"inputTokenCount": 8}, "absent": {}}[header]
    call = one(record(counts=counts, output=None if header == "absent" else 5, body=BODIES[shape]))
    written = sum(v for k, v in call.items() if k.startswith("cache_write_"))

    assert (call["uncached_input_tokens"], call["cache_read_tokens"], written) == (8, 1000, 340)
    assert call["output_tokens"] == 5


def test_the_body_tells_lifetimes_and_latency():
    call = one(record(body=STREAM))

    assert (call["cache_write_5m_tokens"], call["cache_write_1h_tokens"]) == (300, 40)
    assert (call["latency_ms"], call["first_token_ms"]) == (2100, 310)
    assert one(record(body=BODIES["converse"]))["latency_ms"] == 2100


def test_a_record_that_its_body_contradicts_is_refused():
    (skip,) = read(
        record(counts=COUNTS | {"cacheReadInputTokenCount": 2000}, body=BODIES["invoke"])
    )

    assert skip == Skip(1, "2000 tokens read in the record, 1000 in its body")


def test_a_stream_that_was_cut_keeps_the_records_output():
    assert one(record(body=STREAM[:2]))["output_tokens"] == 5


def test_a_model_that_a_tool_asked_is_a_call_of_its_own():
    advisor = {"input_tokens": 50, "output_tokens": 2, "model": "claude-opus-4-8",
               "type": "advisor_message"}  # fmt: skip
    own, other = read(record(body={"usage": INVOKE | {"iterations": [advisor]}}))

    assert own["model"] == HAIKU
    assert (other["model"], other["uncached_input_tokens"]) == ("claude-opus-4-8", 50)
    assert other["request_id"] != own["request_id"]


@pytest.mark.parametrize(
    ("asked", "model"),
    [
        ("anthropic.claude-opus-5", "anthropic.claude-opus-5"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1%3A0", HAIKU),
        (f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{HAIKU}", HAIKU),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite", "amazon.nova-lite"),
        (APPLICATION, "a1b2c3d4e5f6"),
        (APPLICATION.replace("/", "%2F").replace(":", "%3A"), "a1b2c3d4e5f6"),
    ],
)  # fmt: skip
def test_models_by_id_profile_and_arn(asked, model):
    call = one(record(modelId=asked))

    assert (call["model"], call["model_requested"]) == (model, model)


def test_the_body_names_the_model_behind_an_application_profile():
    call = one(record(modelId=APPLICATION, body=STREAM))

    assert (call["model"], call["model_requested"]) == ("claude-haiku-4-5-20251001", "a1b2c3d4e5f6")
    assert one(record(body=STREAM))["model"] == HAIKU  # a profile that names it is kept


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 429),
        ("ValidationException", 400),
        ("NewException", 500),
        ("503", 503),
    ],
)
def test_a_failed_call_keeps_its_status_and_has_no_counts(code, status):
    call = one(record(counts={}, output=None, errorCode=code))

    assert call["status"] == status
    assert not any(column.endswith("_tokens") for column in call)


def test_what_was_sent_is_hashed_and_metadata_is_mapped():
    request = {
        "system": [{"text": "SECRET PROMPT"}, {"cachePoint": {"type": "default"}}],
        "messages": [{"role": "user", "content": [{"text": "SECRET QUESTION"}]}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "search"}}]},
    }
    call = one(record(request=request, requestMetadata={"sessionId": "s1", "promptVersion": "7"}))

    assert call["marker_sent"] is True
    assert {"system_hash", "tools_hash", "prefix_id"} <= set(call)
    assert (call["session_id"], call["prompt_version"]) == ("s1", "7")
    assert "SECRET" not in str(call)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"timestamp": None}, "timestamp"),
        ({"timestamp": "2026-11-02T09:00:00"}, "no zone"),
        ({"modelId": None}, "modelId"),
        ({"counts": {}, "output": None}, "no token count"),
        ({"counts": COUNTS | {"inputTokenCount": -8}}, "-8"),
        ({"counts": COUNTS | {"inputTokenCount": "SECRET"}}, "whole count"),
        ({"body": {"metrics": {"latencyMs": -1}}}, "latency"),
    ],
)
def test_a_call_that_cannot_be_read_is_counted_as_lost(changes, why):
    (skip,) = read(record(**changes))

    assert isinstance(skip, Skip)
    assert why in skip.why
    assert "SECRET" not in skip.why


def test_what_has_no_prompt_is_passed_over():
    models = ("amazon.titan-embed-text-v2:0", "stability.sd3-5-large-v1:0", "cohere.rerank-v3-5:0")

    assert read(*(record(modelId=model, counts={}) for model in models), {"a": 1}, [], "text") == []


CLOUDWATCH = {
    "get-log-events": lambda records: [
        {"timestamp": 1, "ingestionTime": 2, "message": json.dumps(r)} for r in records
    ],
    "one document": lambda records: [
        {"events": [{"message": json.dumps(r)} for r in records], "nextToken": "x"}
    ],
    "subscription": lambda records: [
        {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": json.dumps(r)}]}
        for r in records
    ],
    "insights": lambda records: [
        {"results": [[{"field": "@timestamp", "value": "2026"},
                      {"field": "@message", "value": json.dumps(r)}] for r in records]}
    ],
    "insights rows": lambda records: [{"@message": json.dumps(r)} for r in records],
}  # fmt: skip


@pytest.mark.parametrize("form", CLOUDWATCH)
def test_a_cloudwatch_export_holds_the_record_as_text(form):
    records = [record(n) for n in range(3)]
    exported = CLOUDWATCH[form](records)

    assert read(*exported) == read(*records)
    assert all(READER.recognises(event) for event in exported)


def test_other_messages_are_passed_over_and_cut_ones_are_not():
    cut = {"message": json.dumps(record())[:200]}
    found = read({"message": "Permissions are correctly set for Amazon Bedrock logs."}, cut)

    assert [type(f) for f in found] == [Skip]
    assert found[0].line == 2


@pytest.mark.parametrize("spaced", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_the_log_of_a_day_adds_up(tmp_path, packed, spaced):
    separators = (", ", ": ") if spaced else (",", ":")
    records = [record(n, counts={**COUNTS, "inputTokenCount": n}) for n in range(100)]
    text = "".join(json.dumps(r, separators=separators) + "\n" for r in records).encode()
    for hour in ("09", "10"):  # S3 may deliver a record twice
        path = tmp_path / hour / ("log.json.gz" if packed else "log.json")
        path.parent.mkdir()
        path.write_bytes(gzip.compress(text) if packed else text)
    log = read_log(tmp_path)
    table = log.table.execute()

    assert log.title == READER.title
    assert log.calls == 100
    assert table["uncached_input_tokens"].sum() == sum(range(100))
    assert table["cache_read_tokens"].sum() == 100 * 1000
    assert table["cache_write_5m_tokens"].isna().all()


def test_a_log_of_unreadable_records_is_an_error(tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(record(counts={}, output=None)) + "\n")

    assert reader_for([path]) is READER
    with pytest.raises(SourceError, match="none was read"):
        read_log(path)


junk = st.sampled_from(
    [None, True, -1, 7, 2**60, 1.5, float("nan"), "x", "7", [], {}, [1], {"a": 1}]
)
places = st.sampled_from(
    [
        "timestamp",
        "accountId",
        "identity",
        "region",
        "requestId",
        "modelId",
        "input",
        "output",
        "errorCode",
        "requestMetadata",
        "inferenceRegion",
    ]
)
inside = st.dictionaries(
    st.sampled_from(
        [
            "arn",
            "outputBodyJson",
            "inputBodyJson",
            "inputTokenCount",
            "usage",
            "metrics",
            "outputTokenCount",
            "cacheReadInputTokenCount",
            "latencyMs",
            "model",
        ]
    ),
    junk | st.dictionaries(st.sampled_from(["usage", "metrics", "inputTokens", "messages"]), junk),
)


@given(st.dictionaries(places, junk | inside, max_size=4))
def test_whatever_a_field_holds_the_record_is_read_passed_or_counted_as_lost(changes):
    for found in read(record() | changes):
        assert isinstance(found, Skip) or all(
            value >= 0 for name, value in found.items() if name.endswith("_tokens")
        )
