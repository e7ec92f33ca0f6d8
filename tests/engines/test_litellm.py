"""LiteLLM's table on a real PostgreSQL: what is read where it lies is what is read from a file."""

import json
from collections.abc import Iterator
from typing import Any

import ibis
import pandas as pd
import pytest

from cacheaudit.engine import rollup
from cacheaudit.logs.litellm_table import requests_of, unreadable
from cacheaudit.logs.table import read_log
from tests.engines.postgres import ZONE
from tests.test_logs_litellm import anthropic, row

# LiteLLM's names are in camel case, its times have no zone, its metadata is jsonb.
SCHEMA = """
create table "LiteLLM_SpendLogs" (
  request_id text primary key, call_type text not null, api_key text not null default '',
  spend double precision not null default 0, total_tokens integer not null default 0,
  prompt_tokens integer not null default 0, completion_tokens integer not null default 0,
  "startTime" timestamp(3) not null, "endTime" timestamp(3) not null,
  "completionStartTime" timestamp(3), model text not null default '', model_id text default '',
  model_group text default '', custom_llm_provider text default '', api_base text default '',
  "user" text default '', metadata jsonb default '{}', cache_hit text default '',
  cache_key text default '', request_tags jsonb default '[]', team_id text, organization_id text,
  end_user text, requester_ip_address text, messages jsonb default '{}',
  response jsonb default '{}', session_id text, status text
)
"""
OPENAI = {
    "prompt_tokens": 3000,
    "completion_tokens": 40,
    "total_tokens": 3040,
    "prompt_tokens_details": {"cached_tokens": 2048, "audio_tokens": None},
}
SILENT = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
LIVED = anthropic(5, 100, 60, 9, era="1.79")
LIVED["prompt_tokens_details"]["cache_creation_token_details"] = {
    "ephemeral_5m_input_tokens": 40,
    "ephemeral_1h_input_tokens": 20,
}
FAILED = {"status": "failure", "error_information": {"error_code": "429"}}
BY_OPENAI = {"custom_llm_provider": "openai", "model": "gpt-4o", "model_group": None}
TURNED = "2026-11-01 05:59:59.750"  # twice in New York

CALLS = {
    "reads and writes, before 1.77": row(1, anthropic(21, 4000, 512, 80, era="1.67")),
    "reads and writes, since": row(2, anthropic(21, 4000, 512, 80, era="1.79")),
    "writes by lifetime": row(3, LIVED),
    "inclusive input": row(4, OPENAI, **BY_OPENAI),
    "no key of the cache": row(5, SILENT, **BY_OPENAI),
    "no usage object": row(6, None, prompt_tokens=70, completion_tokens=7, total_tokens=77),
    "failed": row(7, None, status="failure", metadata=json.dumps(FAILED)),
    "streamed": row(8, OPENAI, completionStartTime="2026-03-01 12:00:08.300000", **BY_OPENAI),
    "not streamed": row(9, OPENAI, completionStartTime="2026-03-01 12:00:09.750000", **BY_OPENAI),
    "as the clocks are put back": row(
        10, OPENAI, startTime=TURNED, endTime=TURNED, completionStartTime=None, **BY_OPENAI
    ),
    "in no team, in any script": row(
        11, OPENAI, team_id=None, organization_id=None, model_group="日本 'x'", session_id=None
    ),
}
NO_CALLS = {
    "out of LiteLLM's own cache": row(20, OPENAI, cache_hit="True", **BY_OPENAI),
    "an embedding": row(21, SILENT, call_type="aembedding", **BY_OPENAI),
}
LOST = {
    "no tokens": row(30, None),
    "more cached than in all": row(31, OPENAI | {"prompt_tokens": 1}),
}


@pytest.fixture(params=["", ZONE], ids=["UTC", "New York"])
def put(postgres, request) -> Iterator[Any]:
    """Makes LiteLLM's table of some rows, in a schema of its own."""
    connection = postgres.connect(request.param)

    def fill(rows: list[dict[str, Any]]) -> ibis.Table:
        names = ", ".join(f'"{name}"' for name in rows[0])
        holes = ", ".join(["%s"] * len(rows[0]))
        connection.raw_sql("create schema litellm; set search_path = litellm").close()
        with connection.con.cursor() as cursor:
            cursor.execute(SCHEMA)
            cursor.executemany(
                f'insert into "LiteLLM_SpendLogs" ({names}) values ({holes})',
                [list(r.values()) for r in rows],
            )
        return connection.table("LiteLLM_SpendLogs")

    yield fill
    connection.raw_sql("drop schema litellm cascade").close()


def written(rows: list[dict[str, Any]], folder) -> Any:
    path = folder / "spend.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


def test_every_kind_of_row_reads_as_it_does_in_a_file(put, tmp_path):
    rows = [*CALLS.values(), *NO_CALLS.values()]
    tables = requests_of(put(rows)), read_log(written(rows, tmp_path)).table
    found, expected = (t.order_by("ts", "request_id").to_pyarrow().to_pylist() for t in tables)

    assert len(expected) == len(CALLS)
    assert found == expected
    assert tables[0].schema() == tables[1].schema()


@pytest.mark.parametrize("bucket", ["1m", "1h", "1d"])
def test_the_usage_frame_is_that_of_the_file(put, tmp_path, bucket):
    rows = list(CALLS.values())
    found = rollup(requests_of(put(rows)), bucket)
    expected = rollup(read_log(written(rows, tmp_path)).table, bucket)

    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert int(found["requests"].sum()) == len(CALLS) - 1  # the failed one is not billed


def test_what_cannot_be_read_is_counted_and_left_out(put):
    table = put([*CALLS.values(), *LOST.values()])

    assert int(requests_of(table).count().execute()) == len(CALLS)
    assert int(unreadable(table).calls.sum().execute()) == len(LOST)
