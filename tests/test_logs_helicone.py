"""Helicone: the body tells what prompt_tokens hold, Anthropic's rule tells it, or nothing does."""

import csv
import gzip
import json
from typing import Any

import pytest

from cacheaudit.errors import SourceError
from cacheaudit.logs import helicone
from cacheaudit.logs.formats import FORMATS
from cacheaudit.logs.record import Record, Skip
from cacheaudit.logs.table import read_log

ANTHROPIC = {
    "input_tokens": 21,
    "cache_read_input_tokens": 4_000,
    "cache_creation_input_tokens": 512,
    "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 12},
    "output_tokens": 80,
}


def row(number: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "request_id": f"r{number}",
        "request_created_at": "2026-03-01 12:00:00.250",
        "response_created_at": "2026-03-01 12:00:02.250",
        "response_status": 200,
        "provider": "ANTHROPIC",
        "model": "claude-opus-5",
        "request_model": "claude-opus-latest",
        "delay_ms": 2_000,
        "time_to_first_token": 300,
        "prompt_tokens": 21,
        "prompt_cache_read_tokens": 4_000,
        "prompt_cache_write_tokens": 512,
        "completion_tokens": 80,
        "properties": {"Helicone-Session-Id": "s1"},
        "cache_reference_id": helicone.NO_REFERENCE,
    } | changed


def calls(*rows: Any) -> list[Any]:
    return list(helicone.READER.read(Record(i, r) for i, r in enumerate(rows, 1)))


def counts(**changed: Any) -> dict[str, int]:
    (call,) = calls(row(**changed))
    assert not isinstance(call, Skip), call
    return {k: v for k, v in call.items() if k.endswith("_tokens")}


def test_anthropic_columns_hold_the_uncached_rest():
    assert calls(row()) == [
        {
            "ts": 1_772_366_400_250_000,
            "provider": "anthropic",
            "model": "claude-opus-5",
            "model_requested": "claude-opus-latest",
            "request_id": "r1",
            "session_id": "s1",
            "status": 200,
            "latency_ms": 2_000.0,
            "first_token_ms": 300.0,
            "uncached_input_tokens": 21,
            "cache_read_tokens": 4_000,
            "cache_write_other_tokens": 512,
            "output_tokens": 80,
        }
    ]


@pytest.mark.parametrize("body", [{"usage": ANTHROPIC}, json.dumps({"usage": ANTHROPIC})])
def test_a_body_has_the_last_word(body):
    assert counts(response_body=body, prompt_tokens=4_021) == {
        "uncached_input_tokens": 21,
        "cache_read_tokens": 4_000,
        "cache_write_5m_tokens": 500,
        "cache_write_1h_tokens": 12,
        "output_tokens": 80,
    }


OPENAI = {"provider": "OPENAI", "model": "gpt-5.6", "prompt_cache_write_tokens": 0}


def test_openai_without_a_body_is_read_only_where_nothing_is_open():
    none_read = counts(**OPENAI, prompt_tokens=900, prompt_cache_read_tokens=0)
    beyond = counts(**OPENAI, prompt_tokens=100, prompt_cache_read_tokens=896)
    (open_,) = calls(row(**OPENAI, prompt_tokens=1_000, prompt_cache_read_tokens=896))

    assert none_read["uncached_input_tokens"] == 900
    assert beyond["uncached_input_tokens"] == 100
    assert beyond["cache_read_tokens"] == 896
    assert "--include-body" in open_.why


def test_thinking_is_output():
    assert counts(completion_tokens=50, reasoning_tokens=30)["output_tokens"] == 80


def test_without_cache_columns_nothing_is_claimed():
    silent = {"prompt_cache_read_tokens": None, "prompt_cache_write_tokens": None}

    assert counts(**silent) == {"output_tokens": 80}
    assert counts(**silent | {"provider": "OPENAI", "model": "gpt-5.6"}) == {
        "prompt_tokens": 21,
        "output_tokens": 80,
    }


def test_helicone_own_cache_is_no_call():
    assert calls(row(cache_reference_id="0a6c2e4e-7f3b-4a55-9c4b-2a0c7c0c1f11")) == []


def test_a_failure_keeps_its_status():
    silent = dict.fromkeys(("prompt_tokens", "completion_tokens"), 0)
    silent |= {"prompt_cache_read_tokens": 0, "prompt_cache_write_tokens": 0}
    refused, ended = calls(row(response_status=429, **silent), row(response_status=-3, **silent))

    assert (refused["status"], ended["status"]) == (429, 500)
    assert not [k for k in refused if k.endswith("_tokens")]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"prompt_tokens": -1}, "prompt_tokens is -1"),
        ({"completion_tokens": "x"}, "completion_tokens is str"),
        ({"model": "", "response_model": None}, "model is empty"),
        ({"provider": None}, "provider is empty"),
        ({"request_created_at": None}, "request_created_at"),
        ({"response_body": {"usage": {"prompt_tokens": "x"}}}, "prompt_tokens is str"),
        ({"response_body": "{broken"}, "no JSON"),
    ],
)
def test_what_cannot_be_read_says_why(changed, why):
    (skip,) = calls(row(**changed))

    assert isinstance(skip, Skip)
    assert why in skip.why


@pytest.mark.parametrize("kind", ["spaced", "compact", "document", "gz"])
def test_every_kind_of_file_conserves_tokens(kind, tmp_path):
    rows = [row(i, prompt_tokens=i + 1) for i in range(30)]
    path = tmp_path / {"document": "h.json", "gz": "h.jsonl.gz"}.get(kind, "h.jsonl")
    if kind == "document":
        path.write_text(json.dumps(rows, indent=2))
    else:
        separators = (", ", ": ") if kind == "spaced" else (",", ":")
        text = "".join(json.dumps(r, separators=separators) + "\n" for r in rows).encode()
        path.write_bytes(gzip.compress(text) if kind == "gz" else text)
    log = read_log(path)
    usage = log.table.to_pandas()

    assert log.title == "Helicone requests"
    assert usage["uncached_input_tokens"].sum() == 30 * 31 / 2
    assert usage["cache_read_tokens"].sum() == 30 * 4_000
    assert usage["cache_write_other_tokens"].sum() == 30 * 512
    assert usage["output_tokens"].sum() == 30 * 80


TOOL_CSV = (
    *("response_id", "response_created_at", "response_status", "request_created_at"),
    *("request_body", "request_properties", "request_user_id", "model", "prompt_tokens"),
    *("completion_tokens", "latency", "cost"),
)


def test_the_csv_of_the_tool_names_no_provider_and_is_refused(tmp_path):
    """It has neither provider nor cache columns: JSON lines have both."""
    path = tmp_path / "output.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, TOOL_CSV)
        writer.writeheader()
        writer.writerows({name: row().get(name, "") for name in TOOL_CSV} for _ in range(3))

    with pytest.raises(SourceError, match="provider is empty"):
        read_log(path)


def test_it_is_recognised_and_nothing_else_is():
    others = [
        {"startTime": "2026-03-01", "custom_llm_provider": "openai", "request_id": "1"},
        {"request_id": "1", "timestamp": "2026-03-01", "status": 200},
        {"type": "GENERATION", "usageDetails": {}},
    ]

    assert not [other for other in others if helicone.READER.recognises(other)]
    assert [n for n, r in FORMATS.items() if r.recognises(row())] == ["helicone"]
