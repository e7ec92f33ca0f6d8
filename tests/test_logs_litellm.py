"""LiteLLM's rows: every shape of usage it writes, read from files and where they lie, alike."""

import csv
import gzip
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cacheaudit.errors import ParamError, SchemaError, SourceError
from cacheaudit.logs import litellm, litellm_table
from cacheaudit.logs.formats import FORMATS
from cacheaudit.logs.reading import reader_for
from cacheaudit.logs.record import Record, Skip
from cacheaudit.logs.table import read_log
from cacheaudit.params import PostmortemParams
from cacheaudit.sources.litellm_daily import daily_usage, fetch

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = {
    **dict.fromkeys(("request_id", "call_type", "api_key", "model", "model_group"), "text"),
    **dict.fromkeys(("custom_llm_provider", "team_id", "organization_id", "cache_hit"), "text"),
    **dict.fromkeys(("session_id", "status"), "text"),
    **dict.fromkeys(("startTime", "endTime", "completionStartTime"), "timestamp"),
    **dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), "bigint"),
    "spend": "double",
}


def row(number: int = 1, usage: Any = None, **changed: Any) -> dict[str, Any]:
    """A row as the proxy writes it, with *usage* as its usage object."""
    start = START + timedelta(seconds=number)
    counted = usage if isinstance(usage, dict) else {}
    given = {
        "request_id": f"chatcmpl-{number}",
        "call_type": "acompletion",
        "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
        "cache_hit": "None",
        "startTime": f"{start:%Y-%m-%d %H:%M:%S}.250000",
        "endTime": f"{start:%Y-%m-%d %H:%M:%S}.750000",
        "completionStartTime": f"{start:%Y-%m-%d %H:%M:%S}.350000",
        "model": "claude-opus-5",
        "model_group": "opus",
        "custom_llm_provider": "anthropic",
        "team_id": "team-a",
        "organization_id": "org",
        "session_id": "s1",
        "status": "success",
        "spend": 0.01,
        "prompt_tokens": counted.get("prompt_tokens") or 0,
        "completion_tokens": counted.get("completion_tokens") or 0,
        "total_tokens": counted.get("total_tokens") or 0,
        "metadata": json.dumps({"usage_object": usage, "status": None}),
    }
    return given | changed


def anthropic(uncached: int, read: int, written: int, output: int, *, era: str) -> dict[str, Any]:
    """What LiteLLM makes of Anthropic's counts: `1.67` (to 1.77.1), or `1.79` (since 1.77.7)."""
    prompt = uncached + read + (written if era == "1.79" else 0)
    nested = {} if era == "1.67" else {"cache_creation_tokens": written}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "prompt_tokens_details": {"audio_tokens": None, "cached_tokens": read, **nested},
        "completion_tokens_details": None,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
    }


def calls(*rows: Any) -> list[Any]:
    return list(litellm.READER.read(Record(i, r) for i, r in enumerate(rows, 1)))


def counts(usage: Any, **changed: Any) -> dict[str, int]:
    (call,) = calls(row(usage=usage, **changed))
    assert not isinstance(call, Skip), call
    return {k: v for k, v in call.items() if k.endswith("_tokens")}


def reason(*rows: Any) -> str:
    (skip,) = calls(*rows)
    assert isinstance(skip, Skip), skip
    return skip.why


@pytest.mark.parametrize("era", ["1.67", "1.79"])
def test_the_same_anthropic_call_reads_alike_whatever_release_wrote_it(era):
    """Between 1.67 and 1.77.1 prompt_tokens left out what was written."""
    assert counts(anthropic(21, 4_000, 512, 80, era=era)) == {
        "uncached_input_tokens": 21,
        "cache_read_tokens": 4_000,
        "cache_write_other_tokens": 512,
        "output_tokens": 80,
    }


def test_writes_by_lifetime():
    usage = anthropic(5, 100, 60, 9, era="1.79")
    usage["prompt_tokens_details"]["cache_creation_token_details"] = {
        "ephemeral_5m_input_tokens": 40,
        "ephemeral_1h_input_tokens": 20,
    }

    assert counts(usage) == {
        "uncached_input_tokens": 5,
        "cache_read_tokens": 100,
        "cache_write_5m_tokens": 40,
        "cache_write_1h_tokens": 20,
        "output_tokens": 9,
    }


@pytest.mark.parametrize("nested", [{}, {"cache_creation_tokens": 300}])
def test_bedrock_total_says_that_writes_stand_beside_the_prompt(nested):
    """AWS's total holds the writes; read as thinking, they would become output."""
    usage = {
        "prompt_tokens": 110,
        "completion_tokens": 7,
        "total_tokens": 417,
        "prompt_tokens_details": {"cached_tokens": 100, **nested},
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 100,
    }

    assert counts(usage, custom_llm_provider="bedrock") == {
        "uncached_input_tokens": 10,
        "cache_read_tokens": 100,
        "cache_write_other_tokens": 300,
        "output_tokens": 7,
    }


def test_openai_reads_are_part_of_the_prompt():
    usage = {
        "prompt_tokens": 2_000,
        "completion_tokens": 10,
        "total_tokens": 2_010,
        "prompt_tokens_details": {"cached_tokens": 1_536},
    }

    assert counts(usage, custom_llm_provider="openai", model="gpt-5.6-luna") == {
        "uncached_input_tokens": 464,
        "cache_read_tokens": 1_536,
        "output_tokens": 10,
    }


def test_details_that_are_null_are_not_reported():
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "prompt_tokens_details": None}

    assert counts(usage) == {"prompt_tokens": 10, "output_tokens": 20}


@pytest.mark.parametrize("metadata", [None, "", "{}", '{"usage_object": null}', {}])
def test_without_a_usage_object_the_columns_hold_a_total(metadata):
    given = {"metadata": metadata, "prompt_tokens": 10, "completion_tokens": 20}

    assert counts(None, **given) == {"prompt_tokens": 10, "output_tokens": 20}


def test_labels_and_times():
    (call,) = calls(row(1, anthropic(1, 2, 3, 4, era="1.79")))
    labels = {k: v for k, v in call.items() if not k.endswith("_tokens")}

    assert labels == {
        "ts": int(START.timestamp() * 1_000_000) + 1_250_000,
        "latency_ms": 500.0,
        "first_token_ms": 100.0,
        "provider": "anthropic",
        "model": "claude-opus-5",
        "model_requested": "opus",
        "scope": "team-a",
        "route": row()["api_key"],
        "request_id": "chatcmpl-1",
        "session_id": "s1",
        "status": 200,
    }


def test_a_first_token_at_the_end_is_no_first_token():
    usage = anthropic(1, 2, 3, 4, era="1.79")
    (call,) = calls(row(1, usage, completionStartTime=row()["endTime"]))

    assert call["latency_ms"] == 500.0
    assert "first_token_ms" not in call


@pytest.mark.parametrize(
    ("routed", "named", "provider", "model"),
    [
        ("anthropic", "anthropic/claude-opus-5", "anthropic", "claude-opus-5"),
        ("vertex_ai", "vertex_ai/claude-opus-5@20260801", "vertex", "claude-opus-5@20260801"),
        ("bedrock", "bedrock/us.anthropic.claude-5", "bedrock", "us.anthropic.claude-5"),
        ("bedrock", "bedrock/converse/us.amazon.nova", "bedrock", "us.amazon.nova"),
        ("bedrock", "converse/us.amazon.nova", "bedrock", "us.amazon.nova"),
        ("gemini", "gemini/gemini-3.8-flash", "google", "gemini-3.8-flash"),
        ("openrouter", "openrouter/openai/gpt-5.6", "openrouter", "openai/gpt-5.6"),
        ("mistral", "mistral-large", "mistral", "mistral-large"),
    ],
)  # fmt: skip
def test_who_served(routed, named, provider, model):
    usage = anthropic(1, 2, 0, 4, era="1.79")
    (call,) = calls(row(1, usage, custom_llm_provider=routed, model=named))

    assert (call["provider"], call["model"]) == (provider, model)


@pytest.mark.parametrize(
    "changed",
    [
        {"cache_hit": "True"},
        {"cache_hit": True},
        {"request_id": "chatcmpl-1_cache_hit1767225600.5"},
        {"call_type": "aembedding"},
        {"call_type": "call_mcp_tool"},
        {"status": "failure", "model": "", "custom_llm_provider": ""},
    ],
)
def test_rows_for_which_no_provider_was_asked_are_no_calls(changed):
    assert calls(row(1, anthropic(1, 2, 3, 4, era="1.79"), **changed)) == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"error_code": "429"}, 429),
        ({"error_code": 529}, 529),
        ({"error_code": ""}, 500),
        ({}, 500),
    ],
)
def test_a_failure_keeps_its_status(error, status):
    metadata = json.dumps({"usage_object": {}, "error_information": error})
    (call,) = calls(row(status="failure", metadata=metadata))

    assert call["status"] == status
    assert not [k for k in call if k.endswith("_tokens")]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"usage": {"prompt_tokens": -1, "completion_tokens": 2}}, "prompt_tokens is -1"),
        ({"usage": {"prompt_tokens": "many", "completion_tokens": 2}}, "prompt_tokens is str"),
        ({"usage": {"prompt_tokens": 2**53, "completion_tokens": 2}}, "beyond 10"),
        ({"usage": {"prompt_tokens": 0, "completion_tokens": 0}}, "no tokens were logged"),
        ({"usage": {"pages_processed": 3}}, "neither prompt_tokens"),
        ({"usage": "lost"}, "usage_object is str"),
        ({"metadata": "{"}, "metadata is no JSON"),
        ({"metadata": "[1]"}, "metadata is list"),
        ({"prompt_tokens": 0}, "no tokens were logged"),
        ({"startTime": None, "prompt_tokens": 1}, "startTime is NoneType"),
        ({"startTime": "1999-01-01 00:00:00", "prompt_tokens": 1}, "not between 2010"),
        ({"model": "", "prompt_tokens": 1}, "model is empty"),
        ({"custom_llm_provider": "", "prompt_tokens": 1}, "custom_llm_provider is empty"),
        (
            {
                "usage": {
                    "prompt_tokens": 9,
                    "completion_tokens": 1,
                    "prompt_tokens_details": {"cached_tokens": 10},
                }
            },
            "10 tokens cached of 9",
        ),
    ],
)
def test_what_cannot_be_read_says_why(changed, why):
    usage = changed.pop("usage", None)

    assert why in reason(row(usage=usage, **changed))


def test_writes_of_a_strange_provider_are_not_guessed():
    usage = anthropic(1, 2, 3, 4, era="1.67")

    assert "not told" in reason(row(usage=usage, custom_llm_provider="openai_like"))


def test_a_row_that_is_no_row_is_not_passed_over():
    assert reason([1, 2]) == "a row is no object"


# Kinds of files


def many(count: int = 40) -> list[dict[str, Any]]:
    """Rows of both eras whose uncached tokens are 1, 2, 3, ..."""
    sizes = [(i + 1, 1_000 * (i % 3), 300 * (i % 2), 9) for i in range(count)]
    eras = ["1.67", "1.79", "1.79"]
    return [row(i, anthropic(*size, era=eras[i % 3])) for i, size in enumerate(sizes)]


def as_csv(rows: list[dict[str, Any]], path: Path) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def as_lines(rows: list[dict[str, Any]], path: Path, separators: tuple[str, str]) -> Path:
    path.write_text("".join(json.dumps(r, separators=separators) + "\n" for r in rows))
    return path


def as_parquet(rows: list[dict[str, Any]], path: Path) -> Path:
    times = [c for c, kind in COLUMNS.items() if kind == "timestamp"]
    timed = [r | {c: datetime.fromisoformat(r[c]) for c in times} for r in rows]
    pq.write_table(pa.Table.from_pylist(timed), path)
    return path


KINDS = {
    "csv": lambda rows, folder: as_csv(rows, folder / "s.csv"),
    "spaced lines": lambda rows, folder: as_lines(rows, folder / "s.jsonl", (", ", ": ")),
    "compact lines": lambda rows, folder: as_lines(rows, folder / "s.jsonl", (",", ":")),
    "parquet": lambda rows, folder: as_parquet(rows, folder / "s.parquet"),
    "api": lambda rows, folder: as_lines([{"data": rows}], folder / "s.json", (", ", ": ")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_conserves_tokens(kind, tmp_path):
    """The sum of all input and output, by hand from what the rows were made of."""
    log = read_log(KINDS[kind](many(), tmp_path))
    usage = log.table.to_pandas()

    assert log.title == "LiteLLM spend logs"
    assert log.calls == 40
    assert usage["uncached_input_tokens"].sum() == 40 * 41 / 2
    assert usage["cache_read_tokens"].sum() == sum(1_000 * (i % 3) for i in range(40))
    assert usage["cache_write_other_tokens"].sum() == 300 * 20
    assert usage["output_tokens"].sum() == 9 * 40


def test_gzip_is_read_alike(tmp_path):
    plain = as_lines(many(), tmp_path / "s.jsonl", (",", ":"))
    packed = tmp_path / "p.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    read = [read_log(path).table.order_by("request_id") for path in (packed, plain)]

    assert read[0].to_pandas().equals(read[1].to_pandas())


def test_it_is_recognised_and_nothing_else_is(tmp_path):
    path = as_lines(many(3), tmp_path / "s.jsonl", (",", ":"))
    others = [
        {"type": "GENERATION", "startTime": "2026-03-01T00:00:00Z", "usageDetails": {}},
        {"usage": {"input_tokens": 1}, "model": "claude-opus-5"},
        {"request_id": "1", "request_created_at": "2026-03-01", "prompt_tokens": 3},
        {"schemaType": "ModelInvocationLog"},
        {"data": []},
        {"data": [3]},
    ]

    assert reader_for([path]).name == "litellm"
    assert not [other for other in others if litellm.READER.recognises(other)]
    assert [n for n, r in FORMATS.items() if r.recognises(row())] == ["litellm"]


def test_a_log_without_usage_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="none was read as a call"):
        read_log(as_lines([row(i) for i in range(5)], tmp_path / "s.jsonl", (",", ":")))


@pytest.mark.real_data
def test_a_real_row(real_data):
    sample = json.loads((real_data / "logs" / "litellm_spendlogs_row.json").read_text())["row"]
    (call,) = calls(sample)

    assert litellm.READER.recognises(sample)
    assert call == {
        "ts": 1_737_710_446_847_371,
        "latency_ms": 4.583,
        "provider": "openai",
        "model": "gpt-4o",
        "request_id": "chatcmpl-2283081b-dc89-41f6-93e6-d4f914774027",
        "session_id": "1234567890",
        "status": 200,
        "prompt_tokens": 10,
        "output_tokens": 20,
    }


# Where the rows lie


def spend_logs(rows: list[dict[str, Any]], metadata: str = "json") -> Any:
    """A DuckDB table of *rows* with metadata as `json` or `text`."""
    kinds = COLUMNS | {"metadata": metadata}
    connection = ibis.duckdb.connect()
    connection.con.execute("set TimeZone = 'America/New_York'")
    arrow = pa.table({c: pa.array([_text(r[c]) for r in rows], pa.string()) for c in kinds})
    connection.con.register("given", arrow)
    columns = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in kinds.items())
    connection.con.execute(f'create table "LiteLLM_SpendLogs" as select {columns} from given')
    return connection.table("LiteLLM_SpendLogs")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def where_they_lie(rows: list[dict[str, Any]], metadata: str) -> tuple[list[dict[str, Any]], int]:
    """The calls as `requests_of` gives them, sparse, and how many are unreadable."""
    table = spend_logs(rows, metadata)
    found = litellm_table.requests_of(table).to_pyarrow().to_pylist()
    sparse = [{k: v for k, v in call.items() if v is not None} for call in found]
    for call in sparse:
        since = call["ts"] - datetime(1970, 1, 1, tzinfo=UTC)
        call["ts"] = since // timedelta(microseconds=1)
    lost = litellm_table.unreadable(table).to_pandas()
    return sorted(sparse, key=lambda c: c["request_id"]), int(lost["calls"].sum())


def as_files_do(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    found = calls(*rows)
    read = [call for call in found if not isinstance(call, Skip)]
    return sorted(read, key=lambda c: c["request_id"]), len(found) - len(read)


FEW = [0, 1, 5, 12, 12, 12, 100, None]
ODD = [-3, "7", "x", 12.0, 1.5, True, 2**53, "", [1], {"a": 1}]
AT = ["2026-03-29 01:30:00.000001", "2026-11-01 01:30:00.999999", "2026-03-08 02:30:00.5"]


class Drawn:
    """Rows drawn at random: every shape that LiteLLM writes, and many that nothing should."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def count(self) -> Any:
        return self.draw.choice(FEW if self.draw.random() < 0.96 else ODD)

    def some(self, **values: Any) -> dict[str, Any]:
        return {name: value for name, value in values.items() if self.draw.random() < 0.6}

    def details(self) -> Any:
        lives = self.some(
            ephemeral_5m_input_tokens=self.count(), ephemeral_1h_input_tokens=self.count()
        )
        return self.some(
            cached_tokens=self.count(),
            cache_creation_tokens=self.count(),
            cache_write_tokens=self.count(),
            text_tokens=self.count(),
            cache_creation_token_details=self.draw.choice([None, lives, lives, lives, "x"]),
            cache_write_tokens_details=self.draw.choice([None, None, {"ttl_30m_tokens": 1}]),
        )

    def loose(self) -> dict[str, Any]:
        return self.some(
            prompt_tokens=self.draw.choice([self.draw.randrange(300), self.count()]),
            completion_tokens=self.count(),
            total_tokens=self.draw.choice([self.draw.randrange(300), self.count()]),
            prompt_tokens_details=self.draw.choice([None, *[self.details()] * 6, "x", []]),
            cache_read_input_tokens=self.count(),
            cache_creation_input_tokens=self.count(),
            prompt_cache_hit_tokens=self.draw.choice([None, None, None, 12]),
            service_tier=self.draw.choice(["standard", "", None, 3]),
        )

    def usage(self) -> Any:
        sizes = [self.draw.choice([0, self.draw.randrange(5_000)]) for _ in range(4)]
        exact = anthropic(*sizes, era=self.draw.choice(["1.67", "1.79"]))
        if self.draw.random() < 0.2:
            exact["total_tokens"] = exact["prompt_tokens"] + sizes[2] + sizes[3]  # Bedrock's
        return self.draw.choice([exact, exact, *[self.loose()] * 4, None, {}, "lost", 3])

    def row(self, number: int) -> dict[str, Any]:
        pick = self.draw.choice
        usage = self.usage()
        error = pick(["broken", None, *({"error_code": c} for c in ("429", 503, "", 42, "x29"))])
        further = self.some(status=pick(["failure", 3]), error_information=error)
        metadata = pick([json.dumps({"usage_object": usage, **further})] * 9 + [None])
        return row(
            number,
            None,
            status=pick(["success", "success", "success", "failure", "", None]),
            custom_llm_provider=pick([*["anthropic", "bedrock", "vertex_ai", "xai"] * 3, "", None]),
            model=pick(
                [*["claude", "anthropic/claude", "bedrock/converse/x", "gpt-5"] * 2, "", "bedrock/"]
            ),
            model_group=pick(["alias", "", None]),
            team_id=pick(["team", "", None]),
            cache_hit=pick([*["None", "False"] * 4, "True", "", None]),
            call_type=pick([*["acompletion", "anthropic_messages"] * 4, "aembedding", None]),
            startTime=pick([*AT * 9, "1999-01-01", None]),
            endTime=pick([*AT * 9, "1999-01-01", None]),
            completionStartTime=pick([*AT * 9, "2101-01-01", None]),
            prompt_tokens=pick([0, 7, 7, 7, -1, None]),
            completion_tokens=pick([0, 3, None]),
            metadata=metadata,
        )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_where_they_lie_rows_read_exactly_as_in_a_file(seed):
    drawn = Drawn(seed)
    made = [drawn.row(i) | {"request_id": f"{i:04}"} for i in range(600)]
    found, lost = where_they_lie(made, "json" if seed % 2 else "text")
    expected, skipped = as_files_do(made)

    assert found == expected
    assert lost == skipped
    assert len(expected) > 100
    assert skipped > 100


@pytest.mark.slow
@pytest.mark.parametrize("metadata", ["json", "text"])
def test_where_they_lie_a_healthy_table_is_read_whole(metadata):
    found, lost = where_they_lie(many(), metadata)

    assert lost == 0
    assert len(found) == 40
    assert sum(c["uncached_input_tokens"] for c in found) == 40 * 41 / 2


# The daily tables


def day(**changed: Any) -> dict[str, Any]:
    return {
        "date": "2026-03-01",
        "user_id": "u1",
        "api_key": "k1",
        "model": "claude-opus-5",
        "model_group": "opus",
        "custom_llm_provider": "anthropic",
        "endpoint": "/chat/completions",
        "prompt_tokens": 10_000,
        "completion_tokens": 500,
        "cache_read_input_tokens": 7_000,
        "cache_creation_input_tokens": 2_000,
        "api_requests": 12,
        "successful_requests": 10,
        "failed_requests": 2,
        "spend": 1.0,
    } | changed


def test_a_day_of_a_recent_release():
    usage = daily_usage([day(), day(user_id="u2", api_key="k2")])

    assert usage["route"].tolist() == ["k1", "k2"]
    assert usage["uncached_input_tokens"].tolist() == [1_000, 1_000]
    assert usage["cache_read_tokens"].tolist() == [7_000, 7_000]
    assert usage["cache_write_other_tokens"].tolist() == [2_000, 2_000]
    assert usage["requests"].tolist() == [10, 10]
    assert (usage["bucket_end"] - usage["bucket_start"]).eq(timedelta(days=1)).all()


def test_days_of_one_key_are_summed_and_what_is_open_stays_open():
    known, open_ = day(endpoint="/a"), day(endpoint=None)
    users = daily_usage([known, known | {"user_id": "u2"}])
    mixed = daily_usage([known, open_])

    assert users["uncached_input_tokens"].tolist() == [2_000]
    assert mixed["cache_read_tokens"].tolist() == [14_000]
    assert mixed["uncached_input_tokens"].isna().all()


def test_writes_beyond_the_prompt_stand_beside_it():
    usage = daily_usage([day(endpoint=None, prompt_tokens=8_000)])

    assert usage["uncached_input_tokens"].tolist() == [1_000]


def test_zeros_of_a_provider_that_never_caches_here_are_not_reported():
    quiet = {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    usage = daily_usage([day(**quiet), day(date="2026-03-02", **quiet)])

    assert usage["cache_read_tokens"].isna().all()
    assert usage["uncached_input_tokens"].isna().all()
    assert usage["output_tokens"].tolist() == [500, 500]


def test_a_new_model_that_is_never_cached_shows_its_zeros():
    """The incident this kit is for: judged by model, it would be not reported."""
    quiet = {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    usage = daily_usage([day(), day(date="2026-03-02", model="claude-opus-6", **quiet)])

    assert usage["cache_read_tokens"].tolist() == [7_000, 0]
    assert usage["uncached_input_tokens"].tolist() == [1_000, 10_000]


def test_zeros_of_openai_before_the_endpoint_column_are_not_reported():
    there = {"custom_llm_provider": "openai", "cache_creation_input_tokens": 0}
    before = day(**there, cache_read_input_tokens=0, endpoint=None)
    usage = daily_usage([before, day(**there, date="2026-03-02")])

    assert usage["cache_read_tokens"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ([day(tag="a")], "once for each of its"),
        ([day(), day(team_id="t")], "two daily tables"),
        ([{"date": "2026-03-01"}], "lack the columns"),
        ([day(cache_read_input_tokens=-1)], "cache_read_input_tokens is -1"),
        ([day(prompt_tokens=100)], "9000 tokens cached of 100"),
        ([day(date="yesterday")], "date is no day"),
        ([day(custom_llm_provider="")], "custom_llm_provider is empty"),
    ],
)
def test_a_daily_table_is_read_whole_or_not_at_all(made, why):
    with pytest.raises(SourceError, match=why):
        daily_usage(made)


@pytest.mark.parametrize("kind", ["csv", "compact lines", "parquet"])
def test_the_daily_source_pulls_a_file(kind, tmp_path):
    made = [day(date=f"2026-03-{i + 1:02}") for i in range(10)]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(made), tmp_path / "s.parquet")
        path = tmp_path / "s.parquet"
    else:
        path = KINDS[kind](made, tmp_path)
    params = PostmortemParams(path=str(path), start="2026-03-03", end="2026-03-06")
    pull = fetch(params, now=pd.Timestamp("2026-04-01", tz="UTC"))

    assert pull.usage["cache_read_tokens"].sum() == 3 * 7_000
    assert pull.notes == ()


def test_the_daily_source_says_what_is_open_and_refuses_broken_lines(tmp_path):
    path = as_lines([day(endpoint=None), day(custom_llm_provider="xai", endpoint=None,
                     cache_read_input_tokens=0, cache_creation_input_tokens=0)],
                    tmp_path / "s.jsonl", (",", ":"))  # fmt: skip
    pull = fetch(PostmortemParams(path=str(path)))

    assert "not reported" in pull.notes[0]
    assert "left open" in pull.notes[1]
    path.write_text(path.read_text() + "{broken\n")
    with pytest.raises(SourceError, match="line 3"):
        fetch(PostmortemParams(path=str(path)))
    with pytest.raises(ParamError, match="path is empty"):
        fetch(PostmortemParams())


def test_where_they_lie_loss_has_reasons():
    wrong = [{"usage_object": {"prompt_tokens": count}} for count in (-1, "x")]
    made = [row(i, metadata=json.dumps(metadata)) for i, metadata in enumerate([*wrong, {}])]
    table = spend_logs([*made, *many(3)])
    lost = litellm_table.unreadable(table).to_pandas().set_index("why")["calls"].to_dict()

    assert lost == {
        "a token count is no whole number of at least 0": 2,
        "no tokens were logged": 1,
    }


def test_where_they_lie_metadata_without_json_is_an_error_not_a_loss():
    table = spend_logs([row(1, metadata="{"), *many(2)], "text")

    with pytest.raises(Exception, match=r"(?i)json"):
        litellm_table.requests_of(table).count().execute()


def test_another_table_is_refused():
    table = spend_logs(many(2))

    with pytest.raises(SchemaError, match="lacks the columns"):
        litellm_table.requests_of(table.drop("metadata"))
    with pytest.raises(SchemaError, match="expected a timestamp"):
        litellm_table.requests_of(table.mutate(startTime=table.startTime.cast("string")))
    zoned = table.mutate(endTime=table.endTime.cast("timestamp('UTC')"))
    with pytest.raises(SchemaError, match="without a zone"):
        litellm_table.requests_of(zoned)
