"""OpenRouter's activity CSV: what was read is part of the prompt, what was written is not told."""

import csv
import gzip
from pathlib import Path
from typing import Any

import pytest

from cacheaudit.logs import openrouter
from cacheaudit.logs.formats import FORMATS
from cacheaudit.logs.reading import reader_for
from cacheaudit.logs.record import Record, Skip
from cacheaudit.logs.table import read_log

HEADER = [
    *("generation_id", "created_at", "cost_total"),
    *("cost_web_search", "cost_cache", "cost_file_processing"),
    *("byok_usage_inference", "tokens_prompt", "tokens_completion"),
    *("tokens_reasoning", "tokens_cached", "model_permaslug"),
    *("provider_name", "variant", "cancelled"),
    *("streamed", "user", "finish_reason_raw"),
    *("finish_reason_normalized", "generation_time_ms", "time_to_first_token_ms"),
    *("api_key_disabled", "api_key_name", "app_name"),
]


def row(number: int = 1, **changed: Any) -> dict[str, Any]:
    return (
        dict.fromkeys(HEADER, "")
        | {
            "generation_id": f"gen-{number}",
            "created_at": f"2026-09-05 10:{number % 60:02}:07.250",
            "cost_total": "0.0125",
            "tokens_prompt": "1000",
            "tokens_completion": "40",
            "tokens_reasoning": "15",
            "tokens_cached": "768",
            "model_permaslug": "openai/gpt-5.6-2026-07-01",
            "provider_name": "OpenAI",
            "variant": "standard",
            "cancelled": "false",
            "finish_reason_normalized": "stop",
            "generation_time_ms": "1800",
            "time_to_first_token_ms": "420",
            "api_key_name": "prod",
            "app_name": "Chat",
        }
        | changed
    )


def calls(*rows: Any) -> list[Any]:
    return list(openrouter.READER.read(Record(i, r) for i, r in enumerate(rows, 1)))


def test_a_row():
    assert calls(row()) == [
        {
            "ts": 1_788_602_467_250_000,
            "provider": "openrouter",
            "model": "openai/gpt-5.6-2026-07-01",
            "endpoint": "OpenAI",
            "route": "prod",
            "scope": "Chat",
            "request_id": "gen-1",
            "latency_ms": 1800.0,
            "first_token_ms": 420.0,
            "billed_usd": 0.0125,
            "uncached_input_tokens": 232,
            "cache_read_tokens": 768,
            "output_tokens": 40,
        }
    ]


def test_an_empty_cached_column_is_not_reported():
    (call,) = calls(row(tokens_cached=""))

    assert (call["prompt_tokens"], call["output_tokens"]) == (1_000, 40)
    assert not {"cache_read_tokens", "uncached_input_tokens"} & call.keys()


def test_a_cancelled_generation_counts_and_a_failed_one_has_a_status():
    cancelled, failed = calls(
        row(cancelled="true"), row(finish_reason_normalized="error", tokens_completion="0")
    )

    assert "status" not in cancelled
    assert cancelled["billed_usd"] == 0.0125
    assert failed["status"] == 500


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"tokens_prompt": "-4"}, "tokens_prompt is str"),
        ({"tokens_prompt": "NaN"}, "tokens_prompt is str"),
        ({"tokens_cached": "1001"}, "1001 tokens cached of 1000"),
        ({"created_at": ""}, "created_at is str"),
        ({"created_at": "05/09/2026"}, "ISO 8601"),
        ({"model_permaslug": ""}, "model_permaslug is empty"),
        ({"cost_total": "-1"}, "cost_total"),
        ({"tokens_prompt": "", "tokens_cached": "", "tokens_completion": ""}, "no tokens"),
    ],
)
def test_what_cannot_be_read_says_why(changed, why):
    (skip,) = calls(row(**changed))

    assert isinstance(skip, Skip)
    assert why in skip.why


def as_csv(rows: list[dict[str, Any]], path: Path) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_file_conserves_tokens_and_money(tmp_path):
    sizes = [(1_000 + i, 10 * i, 3 * i) for i in range(50)]
    made = [
        row(i, tokens_prompt=p, tokens_cached=r, tokens_completion=o)
        for i, (p, r, o) in enumerate(sizes)
    ]
    log = read_log(as_csv(made, tmp_path / "activity.csv"))
    usage = log.table.to_pandas()

    assert log.title == "OpenRouter activity"
    assert usage["cache_read_tokens"].sum() == sum(r for _, r, _ in sizes)
    assert usage["uncached_input_tokens"].sum() == sum(p - r for p, r, _ in sizes)
    assert usage["output_tokens"].sum() == sum(o for _, _, o in sizes)
    assert usage["cache_write_other_tokens"].isna().all()
    assert usage["billed_usd"].sum() == pytest.approx(50 * 0.0125)


def test_gzip_is_read_alike(tmp_path):
    plain = as_csv([row(i) for i in range(5)], tmp_path / "a.csv")
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    read = [read_log(path).table.order_by("request_id") for path in (packed, plain)]

    assert read[0].to_pandas().equals(read[1].to_pandas())


def test_it_is_recognised_and_nothing_else_is(tmp_path):
    others = [
        {"type": "GENERATION", "usageDetails": {}},
        {"startTime": "2026-03-01", "custom_llm_provider": "openrouter"},
        {"id": "gen-1", "model": "openai/gpt-5.6", "usage": {"prompt_tokens": 1}},
    ]

    assert reader_for([as_csv([row()], tmp_path / "a.csv")]).name == "openrouter"
    assert not [other for other in others if openrouter.READER.recognises(other)]
    assert [n for n, r in FORMATS.items() if r.recognises(row())] == ["openrouter"]
