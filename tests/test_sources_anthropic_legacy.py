"""Anthropic's legacy reports: the real SDK against the sandbox, and pages written by hand."""

from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from cacheaudit.errors import AccessDenied, EmptyWindow, IncompletePull, ParamError, SourceError
from cacheaudit.sandbox import create_app, serve
from cacheaudit.schema import TOKENS
from cacheaudit.sources import anthropic
from cacheaudit.sources import anthropic_legacy as source
from cacheaudit.sources.rows import cost_frame, usage_frame
from tests.worlds import NOTHING, NOW, START, answering, asking, flat_price, history, totals

PAYLOAD = Path(__file__).parent / "payloads" / "anthropic_legacy_usage.json"
COHORT = ["model", "scope", "route", "context_window", "service_tier"]
REPORT = "/v1/organizations/usage_report/messages"


@pytest.fixture(scope="module")
def truth():
    return history("anthropic")


@pytest.fixture(scope="module")
def world(truth):
    app = create_app(truth, now=NOW, price_usd_per_mtok=flat_price)
    with serve(app) as url:
        app.state.url = url
        yield app


@pytest.fixture
def sandbox(world, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", "sk-ant-admin01-secret")
    yield world
    world.state.faults.clear()
    world.state.ledger.move(NOW)


def pull(sandbox, retries=0, **changes):
    params = asking(sandbox.state.url, **changes)
    with anthropic.connect(params, access=source.ACCESS, max_retries=retries) as client:
        return source.fetch(params, now=sandbox.state.ledger.now, client=client)


@pytest.mark.parametrize("bucket", ["1h", "1d"])
def test_every_token_of_45_days_arrives_once_and_no_request_count_is_made_up(
    sandbox, truth, bucket
):
    found = pull(sandbox, bucket=bucket).usage
    expected = truth.assign(route=truth["route"].fillna("console"))

    assert totals(found, COHORT) == totals(expected, COHORT)
    assert found["requests"].isna().all()


def test_minutes_around_a_cutover_arrive_as_they_were(sandbox, truth):
    start, end = START + pd.Timedelta("11h"), START + pd.Timedelta("35h")
    found = source.fetch_minutes(asking(sandbox.state.url), start, end)
    there = truth[truth["bucket_start"].between(start, end, inclusive="left")]

    assert found["bucket_start"].tolist() == there["bucket_start"].tolist()
    assert found[TOKENS].sum().equals(there[TOKENS].sum())


def test_minutes_of_more_than_a_day_are_refused():
    with pytest.raises(ParamError, match="at most 24 h"):
        source.fetch_minutes(asking(), START, START + pd.Timedelta("25h"))


def test_the_cost_report_adds_up_to_the_tokens_at_their_price(sandbox, truth):
    cost = pull(sandbox).cost

    assert cost["amount_usd"].sum() == pytest.approx(truth[TOKENS].sum().sum() * 2 / 1e6)
    assert cost["list_usd"].isna().all()
    assert {"cache_read", "cache_write_1h"} < set(cost["token_type"])


def test_cost_is_asked_for_finished_days_only(sandbox):
    """The report answers HTTP 400 when asked for today."""
    now = START + pd.Timedelta("3D") + pd.Timedelta("7h")
    sandbox.state.ledger.move(now)

    assert pull(sandbox).cost["day"].max() == START + pd.Timedelta("2D")


def test_each_calendar_month_is_asked_by_itself_without_gap_or_overlap(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", "k")
    seen = []
    params = asking(start="2025-12-31T22:00", end="2026-03-02")
    page = {**NOTHING, "data": [bucket("2025-12-31T23:00:00Z", result())]}
    http = answering(lambda request: page if len(seen) == 1 else NOTHING, seen)
    with anthropic.connect(params, http_client=http) as client:
        found = source.fetch(params, now=NOW, client=client)
    asked = [r.url.params for r in seen if r.url.path == REPORT]
    bounds = [(pd.Timestamp(p["starting_at"]), pd.Timestamp(p["ending_at"])) for p in asked]

    assert [f"{low:%m-%d %H}..{high:%m-%d %H}" for low, high in bounds] == [
        "12-31 22..01-01 00", "01-01 00..02-01 00", "02-01 00..03-01 00", "03-01 00..03-02 00",
    ]  # fmt: skip
    assert all(high == low for (_, high), (low, _) in pairwise(bounds))
    assert {p["limit"] for p in asked} == {"168"}
    assert {r.headers["anthropic-version"] for r in seen} == {"2023-06-01"}
    assert sum("returned no usage from 2026" in note for note in found.notes) == 3


@pytest.mark.parametrize("start", ["2026-01-01", "2026-01-31T13:00", "2024-02-29", "2025-12-31"])
def test_months_cover_any_window_exactly_once(start):
    low = pd.Timestamp(start, tz="UTC")
    high = low + pd.Timedelta("100D")
    parts = list(source.months(low, high))

    assert parts[0][0] == low
    assert parts[-1][1] == high
    assert all(a[1] == b[0] for a, b in pairwise(parts))
    assert all((b - pd.Timedelta("1us")).month == a.month for a, b in parts)


def test_nested_writes_are_read_and_missing_ones_are_not_reported():
    found = source.fetch(asking(path=str(PAYLOAD), start="", end="")).usage
    split, bare = found[found["route"] == "apikey_1"], found[found["route"] == "console"]

    assert split[["cache_write_5m_tokens", "cache_write_1h_tokens"]].iloc[0].tolist() == [500, 1000]
    assert bare[["cache_write_5m_tokens", "cache_write_1h_tokens"]].isna().all(axis=None)
    assert bare[["uncached_input_tokens", "cache_read_tokens"]].iloc[0].tolist() == [107, 16549]
    assert len(found) == 2


def test_null_ids_get_their_documented_meaning_and_absent_ones_do_not():
    whole = {**result(), "workspace_id": None, "api_key_id": None}
    without = {k: v for k, v in result().items() if k not in {"workspace_id", "api_key_id"}}
    pages = [{"data": [bucket("2026-03-01T00:00:00Z", whole, without)]}]
    found = usage_frame(source.usage_rows(pages))

    assert sorted(found["scope"].dropna()) == ["default"]
    assert sorted(found["route"].dropna()) == ["console"]
    assert found["scope"].isna().sum() == 1


def test_cents_become_dollars():
    row = {"amount": "123.78912", "currency": "USD", "token_type": "output_tokens"}
    cost = cost_frame(source.cost_rows([{"data": [bucket("2026-03-01T00:00:00Z", row, row)]}]))

    assert cost["amount_usd"].tolist() == [1.2378912, 1.2378912]
    assert cost["token_type"].tolist() == ["output", "output"]


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"kind": "503", "after": 2}, IncompletePull, r"page 3 .* \(HTTP 503\) after 2 pages"),
        ({"kind": "500"}, SourceError, r"page 1 of the usage report failed \(HTTP 500\)"),
        ({"kind": "cut", "after": 1}, IncompletePull, "page 2 .* cut or not JSON after 1 pages"),
        ({"kind": "repeat_page"}, IncompletePull, "was read before"),
        ({"kind": "missing", "names": ["data"]}, IncompletePull, "a list named 'data'"),
        ({"kind": "403"}, AccessDenied, r"an Admin API key \(sk-ant-admin01-…\)"),
    ],
)
def test_a_fault_is_one_clear_error_and_never_a_partial_pull(sandbox, fault, error, words):
    sandbox.state.faults.add(fault)

    with pytest.raises(error, match=words):
        pull(sandbox)


@pytest.mark.parametrize("kind", ["429", "500"])
def test_a_fault_that_passes_costs_a_retry_and_no_data(sandbox, truth, kind):
    sandbox.state.faults.add({"kind": kind, "after": 2})
    found = pull(sandbox, retries=2).usage

    assert found[TOKENS].sum().equals(truth[TOKENS].sum())


def test_an_empty_window_is_said_to_be_empty(sandbox):
    sandbox.state.ledger.move(NOW + pd.Timedelta("9D"))

    with pytest.raises(EmptyWindow, match="default workspace"):
        pull(sandbox, start="2026-10-18", end="2026-10-20")


def test_without_a_key_there_is_no_call(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_ADMIN_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)

    with pytest.raises(AccessDenied, match="Set ANTHROPIC_ADMIN_KEY"):
        source.fetch(asking(), now=NOW)


def result():
    return {
        "workspace_id": "wrkspc_1",
        "api_key_id": "apikey_1",
        "model": "claude-opus-4-6",
        "uncached_input_tokens": 1,
        "cache_read_input_tokens": 2,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
        "output_tokens": 5,
    }


def bucket(at, *results):
    start = pd.Timestamp(at)
    end = (start + pd.Timedelta("1h")).isoformat()
    return {"starting_at": start.isoformat(), "ending_at": end, "results": list(results)}
