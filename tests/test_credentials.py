"""An address with a credential is refused before it is tried, and is in no message."""

import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.buckets import stored_files
from cacheaudit.credentials import refuse_credentials
from cacheaudit.engine import read_requests
from cacheaudit.errors import ParamError
from cacheaudit.mail_params import MailParams
from cacheaudit.params import PostmortemParams, read_params, read_params_file
from cacheaudit.prefill_params import PrefillParams
from cacheaudit.probe_params import ProbeParams
from cacheaudit.readiness_params import ReadinessParams
from cacheaudit.rollout_params import WeeklyParams
from cacheaudit.sources.frame import read_usage
from cacheaudit.sources.tables import existing_file

SECRET = "HUNTER2"
HOLDING = [
    f"s3://AKIA:{SECRET}@bucket/x.parquet",
    f"s3://AKIA:{SECRET}/with/slashes@bucket/x.parquet",
    f"S3://AKIA:/{SECRET}@bucket/x.parquet",
    f"https://bucket.example.org/x.parquet?X-Amz-Credential=a&X-Amz-Signature={SECRET}",
    f"https://bucket.example.org/x.parquet?X%2DAmz%2DSignature={SECRET}",
    f"https://a.example.org/x.csv?sv=1&sig={SECRET}",
    f"https://a.example.org/x.csv?sv=1;sig={SECRET}",
    f"https://a.example.org/x.csv#access_token={SECRET}",
    f"https://u:{SECRET}@example.org/x.csv",
    f"https://{SECRET}@example.org/x.csv",
    f"https://u:[{SECRET}@example.org/x.csv",
    f"postgres://u:{SECRET}#and?@host:5432/db",
    f"postgres://u:{SECRET}$HOME@host/db",
    f"clickhouse://token-{SECRET}@host/db",
    f"simplecache::s3://AKIA:{SECRET}@bucket/x",
    f"gs://bucket/x?api_key={SECRET}",
]
FINE = [
    "s3://bucket/x", "s3://bucket/2026-03-17T14:20/a@b.parquet", "s3://bucket/part-?.parquet",
    "s3://bucket/part-?/key=5/x.parquet", "https://host:8443/v1/x@y", "http://[::1]:8/x@y",
    "az://container@account/x", "postgres://u:$PW@host/db", "postgres://u:${PW}@host/db?sslmode=on",
    "postgres://u@host/db", "postgres://u:@host/db", "$LOGS_URL", "duckdb:///C:/a@b.duckdb",
    "logs/a@b:c.csv", "u:pw@host.csv", "what?token=5.csv", "logs/2026-03-17T14:20:00/x@y?.csv", "",
    "C:/logs/a:b@c.csv",
]  # fmt: skip
KINDS = [PostmortemParams, WeeklyParams, ReadinessParams, ProbeParams, PrefillParams]


def places(kind) -> list[str]:
    return [n for n in kind.__dataclass_fields__ if n == "path" or n.endswith("_path")]


@pytest.mark.parametrize("where", HOLDING)
def test_an_address_with_a_credential_is_refused_and_its_scheme_alone_is_told(where):
    with pytest.raises(ParamError, match="holds a secret") as refused:
        refuse_credentials(where)

    said = "".join(traceback.format_exception(refused.value))
    assert SECRET not in said
    assert "example.org" not in said
    assert f"{where.partition('://')[0].rpartition(':')[2]}://…" in str(refused.value)
    assert "in the environment" in str(refused.value)


@pytest.mark.parametrize("where", FINE)
def test_what_holds_none_is_nobodys_business(where):
    refuse_credentials(where)
    refuse_credentials(Path(where))


@given(name=st.text(alphabet="ab:@?/#=&", max_size=30))
def test_a_path_without_a_scheme_is_never_refused(name):
    refuse_credentials(name.replace("://", ":/"))


@given(
    user=st.from_regex(r"\A[A-Za-z0-9]{2,8}\Z"),
    password=st.from_regex(r"\A[A-Za-z][A-Za-z0-9/+?#:=@]{0,12}\Z"),
)
def test_a_password_is_seen_whatever_is_in_it(user, password):
    with pytest.raises(ParamError) as refused:
        refuse_credentials(f"s3://{user}:{password}@bucket/key")

    assert "bucket" not in str(refused.value)


@pytest.mark.parametrize(("kind", "name"), [(kind, n) for kind in KINDS for n in places(kind)])
def test_every_parameter_that_is_a_place_is_looked_at(kind, name):
    with pytest.raises(ParamError, match=f"{name}: s3://… holds a secret") as refused:
        read_params(kind, {name: HOLDING[0]})

    assert SECRET not in str(refused.value)


def test_so_are_the_files_of_several_pulls_and_the_parameter_file_itself():
    with pytest.raises(ParamError, match="pulls: https://… holds a secret"):
        read_params(PostmortemParams, {"pulls": {"a": "params/a.yaml", "b": HOLDING[8]}})
    with pytest.raises(ParamError, match="https://… holds a secret"):
        read_params_file(PostmortemParams, Path(HOLDING[8]), {})


@pytest.mark.parametrize(
    "read",
    [existing_file, read_usage, read_requests, lambda where: stored_files(where, (".parquet",))],
)
def test_readers_that_are_given_an_argument_refuse_it_too(read):
    with pytest.raises(ParamError, match="s3://… holds a secret") as refused:
        read(HOLDING[0])

    assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_a_path_of_an_address_has_lost_a_slash_and_is_refused_all_the_same():
    with pytest.raises(ParamError, match="s3://… holds a secret"):
        read_usage(Path(HOLDING[0]))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"host": f"u:{SECRET}@smtp.example.org"}, "host holds a user"),
        ({"link": f"https://u:{SECRET}@reports.example.org"}, "link: https://… holds a secret"),
    ],
)
def test_a_mail_names_no_secret_of_its_own_file(given, words):
    own = {"sender": "a@example.org", "readers": ["b@example.org"], "host": "smtp.example.org"}
    with pytest.raises(ParamError, match=words) as refused:
        MailParams(**(own | given))

    assert SECRET not in str(refused.value)


def test_a_log_that_is_asked_for_by_such_an_address_is_refused_too(tmp_path, command):
    done = command("usage", "s3://AKIAKEY:SECRETPW@bucket/x.jsonl", cwd=tmp_path)

    assert done.returncode == 1
    assert "holds a secret" in done.stderr
    assert "SECRETPW" not in done.stdout + done.stderr
