"""Langfuse: what `input` holds is decided by the total, or not at all."""

import csv
import gzip
import json
from itertools import product
from typing import Any

import pytest

from cacheaudit.logs import langfuse
from cacheaudit.logs.formats import FORMATS
from cacheaudit.logs.loss import Loss
from cacheaudit.logs.reading import calls as read_calls
from cacheaudit.logs.reading import reader_for
from cacheaudit.logs.record import Record, Skip
from cacheaudit.logs.table import read_log


def observation(usage: Any, number: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "id": f"o{number}",
        "traceId": "t1",
        "type": "GENERATION",
        "projectId": "p1",
        "environment": "production",
        "startTime": "2026-03-01T12:00:00.000Z",
        "endTime": "2026-03-01T12:00:01.707Z",
        "completionStartTime": "2026-03-01T12:00:00.420Z",
        "latency": 1707,
        "model": "claude-opus-5",
        "level": "DEFAULT",
        "usageDetails": usage,
        "promptName": "support",
        "promptVersion": 7,
        "version": "2.1",
    } | changed


def calls(*records: Any) -> list[Any]:
    return list(langfuse.READER.read(Record(i, r) for i, r in enumerate(records, 1)))


def counts(usage: Any, **changed: Any) -> dict[str, int]:
    (call,) = calls(observation(usage, **changed))
    assert not isinstance(call, Skip), call
    return {k: v for k, v in call.items() if k.endswith("_tokens")}


def reason(usage: Any, **changed: Any) -> str:
    (skip,) = calls(observation(usage, **changed))
    assert isinstance(skip, Skip), skip
    return skip.why


TRUTH = {
    "uncached_input_tokens": 21,
    "cache_read_tokens": 4_000,
    "cache_write_other_tokens": 512,
    "output_tokens": 80,
}


@pytest.mark.parametrize(("reads", "writes"), [*product([False, True], repeat=2)])
def test_the_same_call_reads_alike_whatever_input_holds(reads, writes):
    """Normalised (neither inside), OpenTelemetry (both), LiteLLM's integration (writes inside)."""
    usage = {
        "input": 21 + 4_000 * reads + 512 * writes,
        "output": 80,
        "total": 21 + 4_000 + 512 + 80,
        "cache_read_input_tokens": 4_000,
        "cache_creation_input_tokens": 512,
    }

    assert counts(usage) == TRUTH


@pytest.mark.parametrize(
    "keys",
    [
        ("input_cached_tokens", "input_cache_creation"),
        ("input_cache_read", "cache_write_tokens"),
        ("prompt_details.cache_read", "prompt_details.cache_write"),
        ("cache_read.input_tokens", "cache_creation.input_tokens"),
    ],
)
def test_keys_of_every_integration(keys):
    read, wrote = keys
    usage = {"input": 21, read: 4_000, wrote: 512, "output": 80, "total": 4_613}

    assert counts(usage) == TRUTH


def test_writes_by_lifetime_and_thinking_that_stands_beside_output():
    usage = {
        "input": 10,
        "input_cached_tokens": 100,
        "input_cache_creation": 0,
        "input_cache_creation_5m": 7,
        "input_cache_creation_1h": 9,
        "output": 50,
        "output_reasoning_tokens": 30,
        "total": 206,
    }

    assert counts(usage) == {
        "uncached_input_tokens": 10,
        "cache_read_tokens": 100,
        "cache_write_5m_tokens": 7,
        "cache_write_1h_tokens": 9,
        "cache_write_other_tokens": 0,
        "output_tokens": 80,
    }


def test_a_total_that_langfuse_summed_itself_does_not_decide():
    """OpenTelemetry's input is a total; a map without a total is summed, reads twice."""
    usage = {"input": 4_533, "cache_read.input_tokens": 4_000, "output": 80, "total": 8_613}
    sent = {"gen_ai.system": "anthropic", "gen_ai.usage.input_tokens": "4533"}

    assert counts(usage, metadata={"attributes": sent}) == {
        "uncached_input_tokens": 533,
        "cache_read_tokens": 4_000,
        "output_tokens": 80,
    }
    normalised = usage | {"input": 533, "total": 4_613}
    assert counts(normalised, metadata={"attributes": sent})["uncached_input_tokens"] == 533


def test_without_a_cache_key_nothing_is_claimed():
    usage = {"input": 5, "output": 94, "total": 99}

    assert counts(usage) == {"output_tokens": 94}
    assert counts(usage, model="gpt-4o") == {"prompt_tokens": 5, "output_tokens": 94}


@pytest.mark.parametrize(
    ("usage", "why"),
    [
        ({"input": 10, "input_cached_tokens": 4, "output": 2}, "no total"),
        ({"input": 10, "input_cached_tokens": 4, "output": 2, "total": 99}, "0 ways"),
        (
            {"input": 10, "input_cached_tokens": 4, "cache_write": 4, "output": 2, "total": 16},
            "2 ways",
        ),
        ({"input": 3, "input_cached_tokens": 4, "output": 2, "total": 5}, "4 tokens cached of 3"),
        ({"input": -1, "output": 2}, "input is -1"),
        ({"input": "many", "output": 2}, "input is str"),
        ({"input": 9, "cache_read": 1, "input_cache_read": 2, "total": 9}, "two names"),
        ({}, "no tokens were logged"),
        ("lost", "usageDetails is str"),
    ],
)
def test_what_is_open_or_broken_is_skipped(usage, why):
    assert why in reason(usage)


def test_labels_and_times_but_never_latency():
    (call,) = calls(observation({"input": 1, "output": 2, "total": 3}, latency=0.2))

    assert call == {
        "ts": 1_772_366_400_000_000,
        "latency_ms": 1707.0,
        "first_token_ms": 420.0,
        "provider": "anthropic",
        "model": "claude-opus-5",
        "request_id": "o1",
        "scope": "p1",
        "route": "production",
        "prompt_version": "support 7",
        "client_version": "2.1",
        "output_tokens": 2,
    }


@pytest.mark.parametrize(
    ("model", "system", "provider"),
    [
        ("gpt-5.6", None, "openai"),
        ("us.anthropic.claude-opus-4-6-v1", None, "bedrock"),
        ("gemini-3.8-flash", "gcp.vertex_ai", "vertex"),
        ("claude-opus-5", "langchain", "anthropic"),
        ("my-deployment", "az.ai.openai", "azure"),
    ],
)
def test_the_provider(model, system, provider):
    metadata = {"attributes": {"gen_ai.system": system}}
    usage = {"input": 1, "output": 2, "total": 3}
    (call,) = calls(observation(usage, model=model, metadata=metadata))

    assert call["provider"] == provider


def test_what_names_no_provider_is_skipped():
    usage = {"input": 1, "output": 2, "total": 3}

    assert "provider is not logged" in reason(usage, model="my-deployment")
    assert "model is empty" in reason(usage, model=None)
    assert "startTime" in reason(usage, startTime=None)


def test_spans_tools_and_embeddings_are_no_calls_and_an_error_is_one():
    kinds = [observation({}, type=kind) for kind in ("SPAN", "TOOL", "EMBEDDING", "EVENT")]
    (failed,) = calls(observation({}, level="ERROR"))

    assert calls(*kinds) == []
    assert failed["status"] == 500


def test_a_trace_holds_each_observation_once_with_its_session():
    made = [observation({"input": 5, "output": i, "total": 5 + i}, i) for i in range(1, 4)]
    trace = {"trace": {"id": "t1", "sessionId": "s1", "observations": made}, "observations": made}
    found = calls(trace)

    assert [c["request_id"] for c in found] == ["o1", "o2", "o3"]
    assert {c["session_id"] for c in found} == {"s1"}
    assert calls({"data": made, "meta": {"page": 1}})[0]["output_tokens"] == 1


SNAKE = {"startTime": "start_time", "endTime": "end_time", "usageDetails": "usage_details",
         "completionStartTime": "completion_start_time", "projectId": "project_id",
         "model": "provided_model_name", "promptName": "prompt_name",
         "promptVersion": "prompt_version", "traceId": "trace_id"}  # fmt: skip


def made(count: int = 30) -> list[dict[str, Any]]:
    return [
        observation({"input": i + 1, "input_cache_read": 1_000, "output": 7, "total": i + 1_008}, i)
        for i in range(count)
    ]


@pytest.mark.parametrize("kind", ["csv", "spaced", "compact", "document", "gz"])
def test_every_kind_of_file_conserves_tokens(kind, tmp_path):
    rows = made()
    path = tmp_path / {"csv": "o.csv", "document": "o.json", "gz": "o.jsonl.gz"}.get(
        kind, "o.jsonl"
    )
    if kind == "csv":
        snake = [{SNAKE.get(k, k): v for k, v in row.items()} for row in rows]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(snake[0]))
            writer.writeheader()
            writer.writerows(r | {"usage_details": json.dumps(r["usage_details"])} for r in snake)
    elif kind == "document":
        path.write_text(json.dumps(rows, indent=2))
    else:
        separators = (", ", ": ") if kind == "spaced" else (",", ":")
        text = "".join(json.dumps(row, separators=separators) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(text) if kind == "gz" else text)
    log = read_log(path)
    usage = log.table.to_pandas()

    assert log.title == "Langfuse observations"
    assert usage["uncached_input_tokens"].sum() == 30 * 31 / 2
    assert usage["cache_read_tokens"].sum() == 30_000
    assert usage["output_tokens"].sum() == 210


def test_it_is_recognised_and_nothing_else_is():
    others = [
        {"startTime": "2026-03-01", "custom_llm_provider": "openai", "usage": {}},
        {"type": "assistant", "message": {"usage": {}}},
        {"data": [{"startTime": "2026-03-01", "custom_llm_provider": "openai"}]},
        {"observations": []},
        {"resourceSpans": []},
    ]
    one = observation({"input": 1})

    assert not [other for other in others if langfuse.READER.recognises(other)]
    assert [n for n, r in FORMATS.items() if r.recognises(one)] == ["langfuse"]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("llamaindex-2025-06-05", [(13, 0, None, 81)]),
        ("claude-agent-2025-12-22", [(None, None, None, n) for n in (29, 53, 56, 94)]),
        (
            "pydantic-ai-tools-2025-12-04",
            [(None, None, *n) for n in ((265, 73), (417, 53), (502, 14), (131, 69))],
        ),
    ],
)
def test_real_traces(real_data, name, expected):
    """Uncached, read, in all (where its classes are not known), output."""
    path = real_data / "logs" / "langfuse" / f"{name}.trace.json"
    reader, loss = reader_for([path]), Loss()
    names = ("uncached_input_tokens", "cache_read_tokens", "prompt_tokens", "output_tokens")
    found = sorted(read_calls([path], reader, loss), key=lambda call: call["ts"])

    assert reader.name == "langfuse"
    assert loss.skipped == 0
    assert [tuple(call.get(name) for name in names) for call in found] == expected
    assert max(call["latency_ms"] for call in found) < 5_000
