"""A request log on PostgreSQL by its URL, as it stands in params."""

import pandas as pd
import pytest

from cacheaudit.engine import read_requests, rollup
from cacheaudit.errors import AccessDenied
from tests.engines.hostile import in_postgres
from tests.logs import call, log

FRAME = log(call(0, cache_read_tokens=None), call(1), call(3600, scope="équipe"))


@pytest.fixture(scope="module")
def table(postgres) -> str:
    """The name of a table with FRAME in it."""
    return str(in_postgres(FRAME, postgres).get_name())


@pytest.fixture
def url(postgres, monkeypatch) -> str:
    """The server's, with a name where its password goes."""
    monkeypatch.setenv("AUDIT_PASSWORD", postgres.password)
    return postgres.url.replace(postgres.password, "$AUDIT_PASSWORD")


def test_a_url_and_a_table_are_a_request_log(url, table):
    for name in (table, f"public.{table}"):
        requests = read_requests(url, table=name)
        found = rollup(requests)
        requests.get_backend().disconnect()

        pd.testing.assert_frame_equal(found, rollup(FRAME), check_exact=True)


def test_a_wrong_password_is_refused_and_not_repeated(url, table, monkeypatch):
    monkeypatch.setenv("AUDIT_PASSWORD", "not-the-secret")

    with pytest.raises(AccessDenied) as refused:
        read_requests(url, table=table)
    assert "not-the-secret" not in str(refused.value)
