"""Files and databases: found whole, or refused without a secret in the message."""

import gzip
import importlib.util
import traceback

import duckdb
import pandas as pd
import pytest

from cacheaudit.engine import read_requests, rollup
from cacheaudit.errors import AuditError, ParamError, SchemaError, SourceError
from tests.logs import call, log

READ = "cache_read_tokens"
KINDS = ["parquet", "csv", "jsonl", "csv.gz", "jsonl.gz"]


def write(frame, path):
    """*frame* at *path*, in the format that its name says."""
    if path.name.endswith("parquet"):
        frame.to_parquet(path)
    elif ".csv" in path.name:
        frame.to_csv(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True, date_format="iso")
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["", "*", "deep/../*"])
def test_a_log_in_two_files_tells_what_it_told_in_one(tmp_path, kind, where):
    """Of a folder and of globs; and the second file has a column that the first lacks."""
    frame = log(*(call(600 * i, cache_read_tokens=i) for i in range(20)))
    (tmp_path / "deep").mkdir()
    write(frame.iloc[:7], tmp_path / f"a.{kind}")
    write(frame.iloc[7:].assign(speed="fast"), tmp_path / f"b.{kind}")

    usage = rollup(read_requests(f"{tmp_path}/{where and f'{where}.{kind}'}"))

    assert int(usage["requests"].sum()) == 20
    assert int(usage[READ].sum()) == sum(range(20))
    assert int(usage.loc[usage["speed"] == "fast", "requests"].sum()) == 13


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_what_only_a_late_line_holds_is_not_left_out(tmp_path, kind):
    """Engines guess columns and types from the first 20,480 lines."""
    frame = log(*(call(i, cache_read_tokens=None, output_tokens=None) for i in range(21_000)))
    late = log(call(21_001, cache_read_tokens=123, output_tokens=3))
    path = write(pd.concat([frame, late]), tmp_path / f"requests.{kind}")
    if kind == "jsonl":  # the fields are not there at all
        path.write_text(path.read_text().replace('"cache_read_tokens":null,', ""))

    assert int(rollup(read_requests(path))[READ].sum()) == 123


@pytest.mark.parametrize("kind", ["csv.gz", "jsonl.gz"])
@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_a_file_that_ends_too_early_is_refused(tmp_path, kind, kept):
    path = write(log(*(call(i) for i in range(500))), tmp_path / f"requests.{kind}")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])

    with pytest.raises(SourceError, match="check that it is whole"):
        read_requests(path)


SECRET = "what-somebody-wrote"
HEAD = b"ts,provider,model,cache_read_tokens\n"
GOOD = b"2026-03-02T00:00:00Z,a,m,1\n"


@pytest.mark.parametrize(
    "line",
    [
        b"2026-03-02T00:00:00Z,a,m\n",
        b"2026-03-02T00:00:00Z,a,m,1," + SECRET.encode() + b"\n",
        b"2026-03-02T00:00:00Z,a," + SECRET.encode() + b"\xff,1\n",
        b"2026-03-02T00:00:00Z,a,m," + SECRET.encode() + b"\n",
        b'2026-03-02T00:00:00Z,a,"' + SECRET.encode() + b",1\n",
    ],
    ids=["short", "long", "no text", "no count", "open quote"],
)
@pytest.mark.parametrize("before", [0, 1, 3000])
def test_a_broken_line_is_never_a_line_less(tmp_path, line, before):
    path = tmp_path / "requests.csv"
    path.write_bytes(HEAD + GOOD * before + line + GOOD)

    with pytest.raises(AuditError) as refused:
        read_requests(path)

    assert SECRET not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    "line", ['{"ts": "2026-03-0', "[1, 2]", '{"ts": 5}', '{"model": 1, "model": 2}']
)
def test_a_broken_json_line_is_refused(tmp_path, line):
    path = tmp_path / "requests.jsonl"
    good = '{"ts": "2026-03-02T00:00:00Z", "provider": "a", "model": "m", "cache_read_tokens": 1}\n'
    path.write_text(good * 5 + line + "\n" + good)

    with pytest.raises(AuditError):
        read_requests(path)


def test_folders_of_two_kinds_and_of_none_are_refused(tmp_path):
    with pytest.raises(SourceError, match="found no file"):
        read_requests(tmp_path)
    with pytest.raises(SourceError, match="found no file"):
        read_requests(tmp_path / "*.parquet")
    write(log(call(0)), tmp_path / "a.csv")
    write(log(call(0)), tmp_path / "b.parquet")
    with pytest.raises(SourceError, match="count twice"):
        read_requests(tmp_path)


def database(tmp_path, frame):
    path = tmp_path / "logs.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.register("frame", frame)
        connection.execute("create schema llm; create table llm.requests as select * from frame")
    return path


def test_a_table_of_a_database_is_read_where_it_is_and_not_locked(tmp_path):
    path = database(tmp_path, log(call(0), call(3600)))

    one, two = (read_requests(f"duckdb:///{path}", table="llm.requests") for _ in range(2))

    assert int(rollup(one)[READ].sum()) == int(rollup(two)[READ].sum()) == 2000


def test_a_table_that_is_not_there_is_named_with_what_is_near(tmp_path):
    path = database(tmp_path, log(call(0)))

    with pytest.raises(SourceError, match=r"no table llm\.request .*did you mean requests"):
        read_requests(f"duckdb:///{path}", table="llm.request")
    with pytest.raises(SourceError, match="found no file"):
        read_requests("duckdb:///absent.duckdb", table="t")
    assert [p.name for p in tmp_path.iterdir()] == ["logs.duckdb"]


@pytest.mark.parametrize(
    ("where", "table", "message"),
    [
        ("duckdb:///x.duckdb", "", "expected `table`"),
        ("requests.csv", "t", "is no database; leave it empty"),
        ("duckdb:///x.duckdb", "a.b.c.d", "expected name, schema.name"),
        ("mysql://host/db", "t", "mysql:// is nothing that can be read"),
        ("postgres://u:$CACHEAUDIT_ABSENT@h/db", "t", "CACHEAUDIT_ABSENT, which the environment"),
    ],
)
def test_what_cannot_be_meant_is_refused(where, table, message):
    with pytest.raises(ParamError, match=message):
        read_requests(where, table=table)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://audit:hunter2@127.0.0.1:1/logs",
        "postgres://127.0.0.1:1/logs?password=hunter2",
        "snowflake://u@acct/db?token=hunter2",
        "postgres://audit:hunter2$HOME@127.0.0.1:1/logs",
    ],
)
def test_a_secret_in_the_url_is_refused_and_not_repeated(url):
    with pytest.raises(ParamError, match="holds a secret") as refused:
        read_requests(url, table="t")

    assert "hunter2" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    "url",
    ["postgres://audit:$LOGS_PASSWORD@127.0.0.1:1/logs", "$LOGS_URL", "duckdb:///$LOGS_PASSWORD"],
)
def test_a_secret_of_the_environment_is_in_no_message(url, monkeypatch):
    """Whatever fails behind it: no driver, no server, no file."""
    monkeypatch.setenv("LOGS_PASSWORD", "hunter2/@x")
    monkeypatch.setenv("LOGS_URL", "postgres://audit:hunter2@127.0.0.1:1/logs")

    with pytest.raises(SourceError) as refused:
        read_requests(url, table="t")

    assert "hunter2" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    ("scheme", "package"), [("clickhouse", "clickhouse_connect"), ("snowflake", "snowflake")]
)
def test_a_driver_that_is_missing_is_named_with_what_to_install(scheme, package):
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed, so nothing is missing")

    with pytest.raises(SourceError, match=rf"pip install 'cacheaudit\[{scheme}\]'"):
        read_requests(f"{scheme}://127.0.0.1/db", table="t")


def test_the_logs_own_names_work_on_files(tmp_path):
    path = tmp_path / "own.jsonl.gz"
    line = '{"at": "2026-03-02T00:00:00Z", "by": "a", "m": "m", "usage": {"cached": 4}}\n'
    path.write_bytes(gzip.compress(line.encode() * 3))
    own = {"ts": "at", "provider": "by", "model": "m", READ: "usage.cached"}

    assert int(rollup(read_requests(path, columns=own))[READ].sum()) == 12
    with pytest.raises(SchemaError, match=r"did you mean usage\.cached"):
        read_requests(path, columns={**own, READ: "usage.cache"})
