"""`cacheaudit simulate`: planted logs whose replay is known, and what it exits with."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from cacheaudit.cli import cli
from cacheaudit.errors import ParamError, SchemaError, SourceError, UnfitData
from cacheaudit.planning import compare_plans
from tests.migrations import BLOCK, START, days, migration

PRICES = (
    "provider,model,valid_from,uncached_input_usd_per_mtok,cache_read_usd_per_mtok,"
    "cache_write_5m_usd_per_mtok\n"
    "anthropic,old,2020-01-01,5,0.5,6.25\nanthropic,new,2020-01-01,5,0.5,6.25\n"
)
QUICK = ("--ramp", "1h", "--ttl", "5m")


def invoked(*words):
    return CliRunner().invoke(cli, ["simulate", *map(str, words)])


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trace():
    return days(4, count=2, hours=6.0, talks_per_hour=60)


@pytest.fixture(scope="module")
def files(trace, tmp_path_factory):
    """The same days as a block trace, and prices of both versions."""
    folder = tmp_path_factory.mktemp("simulate")
    rows = trace.assign(ts=[at.isoformat() for at in trace["ts"]]).to_dict("records")
    (folder / "prices.csv").write_text(PRICES)
    return written(folder / "trace.jsonl", rows), folder / "prices.csv"


@pytest.fixture(scope="module")
def plans(files):
    log, prices = files
    moved = ("--from", "old", "--to", "new", "--block-tokens", BLOCK, "--prices", prices)
    return invoked(log, *moved, *QUICK, "--json")


def calls(*, gap_s, count=40, **more):
    """Calls on one prefix, one every *gap_s*; the log says that half of the input was read."""
    return [
        {
            "ts": (START + pd.Timedelta(seconds=n * gap_s)).isoformat(),
            "provider": "anthropic", "model": "old", "request_id": f"r{n}",
            "prefix_id": "p", "session_id": f"s{n}", "prefix_tokens": 1000,
            "uncached_input_tokens": 500, "cache_read_tokens": 500,
            "cache_write_5m_tokens": 0, **more,
        }
        for n in range(count)
    ]  # fmt: skip


def test_plans_are_those_of_compare_plans(plans, trace):
    told = json.loads(plans.stdout)
    known = compare_plans(trace, migration(ramp_s=3600, canary_s=1200))

    assert plans.exit_code == 0
    assert told["schema"] == 1
    assert told["cheapest"] == known.cheapest
    assert told["plans"] == known.to_dict()["plans"]
    assert told["prefill"] == known.to_dict()["prefill"]
    assert told["answer"].startswith("The cheapest plan within the floor")
    assert told["notes"] == []


def test_a_request_log_gives_rules_tables_and_lessons(files, tmp_path):
    log = written(tmp_path / "log.jsonl", calls(gap_s=30, count=700))
    found = invoked(log, "--to", "new", "--prices", files[1], *QUICK, "--token-ratio", "1.3",
                    "--min-tokens", "1500", "--ready", "3s", "--limit", "1e9")  # fmt: skip

    assert found.exit_code == 0
    text = " ".join(found.stdout.replace("\u00a0", " ").split())
    assert "new 5 minutes 1,500 3 seconds 1.30x" in text
    assert "What each plan costs" in text
    assert "within the limit" in text
    whole = f"{699 / 700:.1%}".replace("%", " %")
    assert f"Always served by old, this log reads {whole} of its input" in text
    assert "by new, 0 %" in text  # a prefix of 1,300 of its tokens is below 1,500


def test_a_version_without_a_price_keeps_its_rates_and_exits_4(files):
    found = invoked(files[0], "--from", "old", "--to", "new", "--block-tokens", BLOCK, *QUICK)

    assert found.exit_code == 4
    assert "unpriced: all tokens of new; bring its prices with --prices" in found.stderr
    assert "No plan is priced" in found.stdout
    assert "always served" in found.stdout


def test_a_floor_that_no_plan_keeps_exits_3(files, tmp_path):
    """Each plan has a first call on the new version, which is cold; a prefill has no length to
    send."""
    rows = calls(gap_s=30, count=700)
    for row in rows:
        del row["prefix_tokens"]
    log = written(tmp_path / "log.jsonl", rows)
    found = invoked(log, "--to", "new", "--prices", files[1], *QUICK, "--floor", "1",
                    "--at", "2026-11-02T03:00", "--json")  # fmt: skip

    assert found.exit_code == 3
    told = json.loads(found.stdout)
    assert told["days"] == ["2026-11-02T03:00:00+00:00"]
    assert {one["within_floor"] for one in told["plans"]} == {False}
    assert "names shared prefixes and not their length" in found.stderr


def test_without_a_version_to_move_to_lifetimes_are_compared(tmp_path):
    """One call in 400 s: five minutes hold none of them, half an hour all but the first."""
    log = written(tmp_path / "log.jsonl", calls(gap_s=400))
    found = invoked(log, "--json", "--min-tokens", "0")

    assert found.exit_code == 0
    (row,) = json.loads(found.stdout)["versions"]
    assert (row["5m"], row["30m"], row["1h"]) == (0.0, 39 / 40, 39 / 40)
    assert (row["read"], row["requests"], row["min_tokens"]) == (0.5, 40, 0)
    table = invoked(log, "--ttl", "30m").stdout.replace("\u00a0", " ")
    assert "would read, 30m" in table
    assert "would read, 5m" not in table
    assert "50.0 %" in table


def test_a_log_that_does_not_say_what_it_read_is_not_known(tmp_path):
    rows = [{**row, "prompt_tokens": 1000} for row in calls(gap_s=100)]
    for row in rows:
        del row["cache_read_tokens"], row["uncached_input_tokens"]
    found = invoked(written(tmp_path / "log.jsonl", rows), "--json")

    assert json.loads(found.stdout)["versions"][0]["read"] is None


def test_columns_name_those_of_a_log_in_nobody_s_format(tmp_path):
    rows = [{"when" if k == "ts" else k: v for k, v in row.items()} for row in calls(gap_s=100)]
    log = written(tmp_path / "log.jsonl", rows)

    assert invoked(log, "--columns", "ts", "when", "--ttl", "5m").exit_code == 0
    assert invoked(log, "--ttl", "5m").exit_code == 1


def test_mooncake_s_columns_are_blocks_of_512(tmp_path):
    """Three calls share two blocks, 10 s and 390 s apart; the second has 100 tokens of its own."""
    rows = [
        {"timestamp": 0, "input_length": 1024, "output_length": 9, "hash_ids": [0, 1]},
        {"timestamp": 10_000, "input_length": 1124, "output_length": 9, "hash_ids": [0, 1, 2]},
        {"timestamp": 400_000, "input_length": 1024, "output_length": 9, "hash_ids": [0, 1]},
    ]
    found = invoked(written(tmp_path / "trace.jsonl", rows), "--json")

    (row,) = json.loads(found.stdout)["versions"]
    assert row["5m"] == pytest.approx(1024 / 3172)
    assert row["30m"] == pytest.approx(2048 / 3172)
    assert (row["model"], row["read"]) == ("trace", None)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"ts": "2026-11-02T00:00:00Z", "block_ids": 7}', "block_ids is no list"),
        ('{"ts": "2026-11-02T00:00:00", "block_ids": []}', "ts has no zone"),
        ('{"block_ids": []}', "no ts and no timestamp"),
        ('{"ts": "2026-11-02T00:0', "the last line is not finished"),
        ("[3]", "no object"),
    ],
)
def test_a_trace_is_taken_whole_or_not_at_all(tmp_path, line, why):
    path = tmp_path / "trace.jsonl"
    path.write_text('{"ts": "2026-11-02T00:00:00Z", "block_ids": [1]}\n' + line)
    found = invoked(path, "--block-tokens", "16")

    assert isinstance(found.exception, SchemaError)
    assert f"trace.jsonl line 2 is no call of a block trace: {why}" in str(found.exception)


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (("--from", "olt"), ParamError, "did you mean old"),
        (("--from", "other"), ParamError, "one of the versions in the log, old, older"),
        (("--to", "new", "--from", "older"), ParamError, "served by anthropic and openai"),
        (("--to", "new"), ParamError, "--from is ''"),
        (("--from", "old", "--to", "new"), ParamError, "no lifetime is known for old"),
        (("--from", "old", "--to", "new", "--ttl", "5m"), UnfitData, "no day that holds"),
        (("--from", "old", "--to", "old", "--ttl", "5m"), ParamError, "both old"),
        (("--table", "calls"), ParamError, "is no database"),
    ],
)
def test_what_cannot_be_asked_says_why(tmp_path, words, kind, message):
    rows = [*calls(gap_s=100), *calls(gap_s=90, model="older")]
    rows += calls(gap_s=80, count=2, model="older", provider="openai")
    found = invoked(written(tmp_path / "log.jsonl", rows), *words)

    assert isinstance(found.exception, kind)
    assert message in str(found.exception)


def test_a_log_that_names_nothing_that_is_shared_is_refused(tmp_path):
    rows = [{**row, "prefix_id": None, "session_id": None} for row in calls(gap_s=100)]
    found = invoked(written(tmp_path / "log.jsonl", rows), "--ttl", "5m")

    assert isinstance(found.exception, UnfitData)
    assert "nobody can tell which call re-uses which" in str(found.exception)


def test_wrong_words_are_a_wrong_command_line_and_no_log_is_an_error(tmp_path, files):
    assert invoked(files[0], "--ramp", "soon").exit_code == 2
    assert invoked(files[0], "--at", "once").exit_code == 2
    assert invoked(files[0], "--ready", "-3s").exit_code == 2
    assert isinstance(invoked(tmp_path / "none.jsonl").exception, SourceError)
    lacking = invoked(files[0], "--to", "new", *QUICK).exception
    assert isinstance(lacking, ParamError)
    assert "--block-tokens" in str(lacking)
