"""Object stores: real Parquet in a real bucket, on a server on loopback that speaks S3."""

import gzip
import io
import json
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from cacheaudit.engine import read_requests, rollup
from cacheaudit.errors import AccessDenied, AuditError, SourceError
from cacheaudit.logs.opening import open_log
from cacheaudit.logs.tally import tally
from tests.engines.missing import Missing, lacking, package
from tests.logs import call, log

KEY = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "not-a-secret-of-anyone"}
READ = "cache_read_tokens"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    try:
        package("s3fs", install="cacheaudit[engines]")
        package("moto", install="cacheaudit[engines]")
    except Missing as missing:
        lacking(missing)
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The bucket `logs`, and an environment that leads to it."""
    import boto3

    for name, value in {**KEY, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    client.create_bucket(Bucket="logs")
    for day in range(3):
        frame, held = log(*(call(86400 * day + i) for i in range(4))), io.BytesIO()
        frame.to_parquet(held)
        client.put_object(Bucket="logs", Key=f"day={day}/a.parquet", Body=held.getvalue())
    client.put_object(Bucket="logs", Key="readme.txt", Body=b"no log")
    yield client
    client.close()


@pytest.mark.parametrize(
    ("where", "calls"),
    [("s3://logs/*/*.parquet", 12), ("s3://logs/day=1/a.parquet", 4), ("s3://logs/", 12)],
)
def test_objects_are_read_by_name_by_glob_and_by_folder(bucket, where, calls):
    usage = rollup(read_requests(where))

    assert int(usage["requests"].sum()) == calls
    assert int(usage[READ].sum()) == 1000 * calls


@pytest.mark.parametrize(
    "where", ["s3://foreign/", "s3://foreign/**/*.gz", "s3://foreign/a/1.json.gz"]
)
def test_a_log_in_a_format_is_read_where_it_lies(foreign, where):
    """Bedrock's invocation logs, as it writes them: packed, in folders, bodies beside them."""
    found = open_log(where)
    many = 1 if where.endswith("1.json.gz") else 3

    assert found.title.startswith("Bedrock")
    assert int(rollup(found.table)[READ].sum()) == 1000 * many


def test_the_terminal_sums_a_bucket(foreign):
    told = tally("s3://foreign/", by=("model",))

    assert [(row.calls, row.cache_read_tokens) for row in told.rows] == [(3, 3000)]


def test_half_a_packed_object_is_refused_with_its_line(foreign):
    whole = foreign.get_object(Bucket="foreign", Key="a/1.json.gz")["Body"].read()
    foreign.put_object(Bucket="foreign", Key="half/1.json.gz", Body=whole[:-9])

    with pytest.raises(SourceError, match=r"1\.json\.gz stops being gzip after line"):
        open_log("s3://foreign/half/1.json.gz")
    foreign.delete_object(Bucket="foreign", Key="half/1.json.gz")


@pytest.fixture
def foreign(bucket: Any) -> Any:
    """The bucket `foreign`, with what Bedrock would leave in it."""
    bucket.create_bucket(Bucket="foreign")
    for number, folder in enumerate("abc", 1):
        usage = {"inputTokenCount": 10, "cacheReadInputTokenCount": 1000,
                 "cacheWriteInputTokenCount": 0}  # fmt: skip
        line = {
            "schemaType": "ModelInvocationLog",
            "schemaVersion": "1.0",
            "timestamp": f"2026-06-0{number}T12:00:00Z",
            "accountId": "123456789012",
            "region": "us-east-1",
            "requestId": f"request-{number}",
            "operation": "InvokeModel",
            "modelId": "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "input": {"inputContentType": "application/json", **usage},
            "output": {"outputContentType": "application/json", "outputTokenCount": 5},
        }
        body = gzip.compress(json.dumps(line).encode() + b"\n")
        bucket.put_object(Bucket="foreign", Key=f"{folder}/{number}.json.gz", Body=body)
    bucket.put_object(Bucket="foreign", Key="amazon-bedrock-logs-permission-check", Body=b"")
    return bucket


def test_an_object_that_came_later_is_seen(bucket):
    """A listing is never kept from one read to the next."""
    read_requests("s3://logs/*/*.parquet")
    held = bucket.get_object(Bucket="logs", Key="day=0/a.parquet")["Body"].read()
    bucket.put_object(Bucket="logs", Key="day=9/a.parquet", Body=held)

    usage = rollup(read_requests("s3://logs/*/*.parquet"))
    bucket.delete_object(Bucket="logs", Key="day=9/a.parquet")

    assert int(usage["requests"].sum()) == 16


@pytest.mark.parametrize(
    "where", ["s3://absent/*.parquet", "s3://logs/absent.parquet", "s3://logs/absent/*.parquet"]
)
def test_a_bucket_or_object_that_is_not_there_is_no_empty_log(bucket, where):
    with pytest.raises(SourceError, match=r"check both names|found no file"):
        read_requests(where)


def test_half_an_object_is_refused(bucket):
    held = bucket.get_object(Bucket="logs", Key="day=0/a.parquet")["Body"].read()
    bucket.put_object(Bucket="logs", Key="half/a.parquet", Body=held[: len(held) // 2])

    with pytest.raises(SourceError, match="check that it is whole"):
        read_requests("s3://logs/half/a.parquet")
    bucket.delete_object(Bucket="logs", Key="half/a.parquet")


def test_a_key_that_may_not_read_is_said_to_be_so(monkeypatch):
    """The store answers 403 in its own words; they quote the key's id, our message does not."""
    with refusing() as endpoint:
        for name, value in {**KEY, "AWS_ENDPOINT_URL": endpoint}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(AccessDenied, match="refused the key") as refused:
            read_requests("s3://logs/a.parquet")

    shown = "".join(traceback.format_exception(refused.value))
    assert not any(value in shown for value in KEY.values())


def test_a_store_that_does_not_answer_is_one_message(monkeypatch):
    for name, value in {**KEY, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(AuditError, match="could not be reached"):
        read_requests("s3://logs/a.parquet")


def refusing() -> Any:
    """A server that refuses every request as S3 does."""
    import threading
    from contextlib import contextmanager
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    body = (
        "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>User"
        f" {KEY['AWS_ACCESS_KEY_ID']} is not authorized</Message></Error>"
    ).encode()

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    @contextmanager
    def running() -> Iterator[str]:
        with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as served:
            threading.Thread(target=served.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{served.server_address[1]}"
            served.shutdown()

    return running()
