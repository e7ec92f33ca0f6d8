"""Anthropic's analytics: the real SDK against the sandbox, and pages written by hand."""

import json
import random
from itertools import pairwise
from pathlib import Path

import httpx2
import pandas as pd
import pytest

from cacheaudit.errors import AccessDenied, EmptyWindow, IncompletePull, ParamError, SourceError
from cacheaudit.sandbox import create_app, serve
from cacheaudit.schema import TOKENS
from cacheaudit.sources import anthropic as source
from cacheaudit.sources.rows import cost_frame, usage_frame
from tests.worlds import JSON, NOTHING, NOW, START, answering, asking, flat_price, history, totals

KEY = "sk-ant-admin01-secret"
COHORT = ["model", "scope", "route", "context_window", "service_tier"]
PAYLOADS = Path(__file__).parent / "payloads"


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
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", KEY)
    yield world
    world.state.faults.clear()
    world.state.ledger.move(NOW)


def pull(sandbox, retries=0, **changes):
    params = asking(sandbox.state.url, **changes)
    with source.connect(params, max_retries=retries) as client:
        return source.fetch(params, now=sandbox.state.ledger.now, client=client)


def from_pages(*pages, params=None, seen=None):
    """fetch() over pages written by hand; the cost report is empty."""
    left = list(pages)

    def answer(request):
        return NOTHING if "cost" in request.url.path else left.pop(0)

    params = params or asking(end="2026-09-02")
    with source.connect(params, http_client=answering(answer, seen), max_retries=0) as client:
        return source.fetch(params, now=NOW, client=client)


@pytest.mark.parametrize("bucket", ["1h", "1d"])
def test_every_token_of_45_days_arrives_once_through_windows_and_pages(sandbox, truth, bucket):
    found = pull(sandbox, bucket=bucket)

    assert totals(found.usage, COHORT) == totals(truth, COHORT)
    assert found.usage["requests"].sum() == truth["requests"].sum()
    width = pd.Timedelta("1h" if bucket == "1h" else "1D")
    assert (found.usage["bucket_end"] - found.usage["bucket_start"] == width).all()


def test_each_hour_holds_the_minutes_of_that_hour(sandbox, truth):
    found = pull(sandbox, end="2026-09-03").usage
    hours = truth.assign(bucket_start=truth["bucket_start"].dt.floor("h"))
    expected = hours[hours["bucket_start"] < "2026-09-03"].groupby("bucket_start")[TOKENS].sum()

    pd.testing.assert_frame_equal(found.groupby("bucket_start")[TOKENS].sum(), expected)


def test_minutes_around_a_cutover_arrive_as_they_were(sandbox, truth):
    start, end = START + pd.Timedelta("11h"), START + pd.Timedelta("35h")
    found = source.fetch_minutes(asking(sandbox.state.url), start, end)
    there = truth[(truth["bucket_start"] >= start) & (truth["bucket_start"] < end)]

    pd.testing.assert_frame_equal(found, there.reset_index(drop=True))


def test_minutes_of_a_silent_day_are_a_frame_without_rows(sandbox):
    sandbox.state.ledger.move(NOW + pd.Timedelta("9D"))
    start = NOW + pd.Timedelta("2D")

    assert source.fetch_minutes(asking(sandbox.state.url), start, start + pd.Timedelta("1h")).empty


@pytest.mark.parametrize("hours", [0, 24.5])
def test_minutes_of_no_time_or_more_than_a_day_are_refused(sandbox, hours):
    with pytest.raises(ParamError, match="at most 24 h"):
        source.fetch_minutes(asking(), START, START + pd.Timedelta(hours=hours))


def test_the_cost_report_adds_up_to_the_tokens_at_their_price(sandbox, truth):
    cost = pull(sandbox).cost
    expected = truth[TOKENS].sum().sum() * 2 / 1e6

    assert cost["amount_usd"].sum() == pytest.approx(expected, rel=1e-12)
    assert set(cost["token_type"]) == {
        "uncached_input", "cache_read", "cache_write_5m", "cache_write_1h", "output",
    }  # fmt: skip
    assert set(cost["cost_type"]) == {"tokens"}
    assert cost["day"].nunique() == 45


def test_cost_covers_the_whole_days_that_the_window_touches(sandbox):
    found = pull(sandbox, start="2026-09-03T10:00", end="2026-09-04T02:00")

    assert sorted(found.cost["day"].dt.day.unique()) == [3, 4]
    day = pull(sandbox, start="2026-09-03", end="2026-09-04").cost
    assert found.cost[found.cost["day"].dt.day == 3]["amount_usd"].sum() == day["amount_usd"].sum()


def test_windows_are_half_open_of_at_most_31_days_and_join_without_a_gap(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", KEY)
    seen = []
    first = usage_page(usage_row("2026-06-01T00:00:00Z"))
    params = asking(start="2026-06-01", end="2026-08-15")
    from_pages(first, NOTHING, NOTHING, params=params, seen=seen)
    asked = [r.url.params for r in seen if "usage" in r.url.path]
    bounds = [(pd.Timestamp(p["starting_at"]), pd.Timestamp(p["ending_at"])) for p in asked]

    assert [high - low for low, high in bounds] == [
        pd.Timedelta("31D"), pd.Timedelta("31D"), pd.Timedelta("13D"),
    ]  # fmt: skip
    assert all(high == low for (_, high), (low, _) in pairwise(bounds))
    assert asked[0].get_list("group_by[]") == source.USAGE_GROUPS
    assert {p["limit"] for p in asked} == {"1000"}
    assert {r.headers["anthropic-beta"] for r in seen} == {"analytics-usage-cost-2026-08-24"}


def test_the_start_moves_back_to_its_bucket_so_that_windows_do_not_cut_one(sandbox, truth):
    found = pull(sandbox, start="2026-09-03T10:40", end="2026-09-03T12:00")

    assert found.start == pd.Timestamp("2026-09-03T10:00Z")
    there = truth["bucket_start"].between(found.start, found.end, inclusive="left")
    assert found.usage["output_tokens"].sum() == truth.loc[there, "output_tokens"].sum()


def test_the_order_of_rows_and_pages_changes_nothing():
    hours = pd.date_range("2026-09-01", periods=30, freq="h", tz="UTC")
    rows = [usage_row(at.isoformat(), model=m) for at in hours for m in ("a", "b", None)]
    expected = usage_frame(source.usage_rows([usage_page(*rows)]))
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        pages = [usage_page(*rows[:40]), usage_page(*rows[40:])]

        pd.testing.assert_frame_equal(usage_frame(source.usage_rows(pages)), expected)


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("usage.cache_creation", ["cache_write_5m_tokens", "cache_write_1h_tokens"]),
        ("usage.cache_creation.ephemeral_1h_input_tokens", ["cache_write_1h_tokens"]),
        ("usage.cache_read_input_tokens", ["cache_read_tokens"]),
        ("usage.uncached_input_tokens", ["uncached_input_tokens"]),
        ("usage.requests", ["requests"]),
        ("group.workspace_id", ["scope"]),
    ],
)
@pytest.mark.parametrize("null", [True, False])
def test_a_field_that_is_absent_or_null_is_not_reported_rather_than_zero(path, columns, null):
    row = usage_row("2026-09-01T00:00:00Z")
    *parents, last = path.split(".")
    inner = row
    for name in parents:
        inner = inner[name]
    if null:
        inner[last] = None
    else:
        del inner[last]
    whole = usage_frame(source.usage_rows([usage_page(usage_row("2026-09-01T00:00:00Z"))]))
    usage = usage_frame(source.usage_rows([usage_page(row)]))

    assert usage[columns].isna().all(axis=None)
    assert usage.drop(columns=columns).equals(whole.drop(columns=columns))


def test_a_missing_field_is_na_all_the_way_from_the_wire(sandbox):
    sandbox.state.faults.add({"kind": "missing", "names": ["cache_creation"], "times": 99})
    usage = pull(sandbox).usage

    assert usage[["cache_write_5m_tokens", "cache_write_1h_tokens"]].isna().all(axis=None)
    assert usage["cache_read_tokens"].notna().all()


def test_execution_spans_without_a_model_are_not_requests():
    row = usage_row("2026-09-01T00:00:00Z", model=None)

    assert usage_frame(source.usage_rows([usage_page(row)]))["requests"].isna().all()


def test_cents_become_dollars_to_the_last_digit_and_repeated_cost_rows_stay():
    row = cost_row("123.78912", "200")
    cost = cost_frame(source.cost_rows([usage_page(row, row)]))

    assert cost["amount_usd"].tolist() == [1.2378912, 1.2378912]
    assert cost["list_usd"].tolist() == [2.0, 2.0]
    assert cost["token_type"].tolist() == ["cache_write_1h"] * 2


def test_a_cost_without_amount_is_not_reported_and_one_in_euros_is_an_error():
    row = cost_row("1", None)

    assert cost_frame(source.cost_rows([usage_page(row)]))["list_usd"].isna().all()
    row["cost"]["currency"] = "EUR"
    with pytest.raises(SourceError, match="expected USD"):
        source.cost_rows([usage_page(row)])


def test_freshness_is_that_of_the_stalest_page(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", KEY)
    pages = [
        {**usage_page(usage_row("2026-09-01T00:00:00Z"), more="p2"), "data_refreshed_at": at}
        for at in ["2026-09-01T20:00:00Z", "2026-09-01T19:00:00Z"]
    ]
    pages[1] |= {"next_page": None, "has_more": False, "data": []}

    assert from_pages(*pages).refreshed_at == pd.Timestamp("2026-09-01T19:00Z")


COST = "/v1/organizations/analytics/cost"
FAULTS = [
    (
        {"kind": "503", "after": 3},
        IncompletePull,
        r"^page 4 of the usage report failed \(HTTP 503\) after 3 pages; nothing was kept",
    ),
    ({"kind": "500"}, SourceError, r"page 1 of the usage report failed \(HTTP 500\); nothing"),
    ({"kind": "429", "after": 1}, IncompletePull, r"page 2 of the usage .* \(HTTP 429\)"),
    ({"kind": "cut"}, IncompletePull, "page 1 of the usage report is cut or not JSON"),
    ({"kind": "repeat_page"}, IncompletePull, "names a next page that was read before"),
    ({"kind": "missing", "names": ["data"]}, IncompletePull, "expected a list named 'data'"),
    ({"kind": "missing", "names": ["starting_at"]}, SourceError, "rows have no time"),
    ({"kind": "missing", "names": ["next_page"]}, IncompletePull, "names no next page"),
    ({"kind": "403", "after": 1}, AccessDenied, "scope read:analytics"),
    ({"kind": "503", "path": COST}, SourceError, "page 1 of the cost report"),
]


@pytest.mark.parametrize(("fault", "error", "words"), FAULTS)
def test_a_fault_is_one_clear_error_and_never_a_partial_pull(sandbox, fault, error, words):
    sandbox.state.faults.add(fault)

    with pytest.raises(error, match=words) as raised:
        pull(sandbox)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("kind", ["429", "500", "503"])
def test_a_fault_that_passes_costs_a_retry_and_no_data(sandbox, truth, kind):
    sandbox.state.faults.add({"kind": kind, "after": 2})
    found = pull(sandbox, retries=2)

    assert totals(found.usage, COHORT) == totals(truth, COHORT)
    assert sandbox.state.faults.to_list() == []


def test_a_slow_answer_is_waited_for(sandbox):
    sandbox.state.faults.add({"kind": "slow", "seconds": 0.05})

    assert len(pull(sandbox, end="2026-09-02").usage) == 72


def test_without_a_key_there_is_no_call_and_the_variable_is_named(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_ADMIN_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)

    with pytest.raises(AccessDenied, match="Set ANTHROPIC_ADMIN_KEY"):
        source.fetch(asking(), now=NOW)


def test_the_admin_key_goes_before_the_api_key(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-other")

    assert source.ACCESS.key() == "sk-ant-api03-other"
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", KEY)
    assert source.ACCESS.key() == KEY


def test_an_unknown_key_names_the_variable_that_holds_it(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_ADMIN_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-other")

    with pytest.raises(AccessDenied, match=r"key in ANTHROPIC_API_KEY.*HTTP 401"):
        from_pages(error(401, "invalid x-api-key"))


def test_a_key_without_the_scope_is_told_which_to_ask_for(sandbox, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", "sk-noscope")

    with pytest.raises(AccessDenied, match=r"HTTP 403.*scope read:analytics") as raised:
        pull(sandbox)
    assert "noscope" not in str(raised.value)


def test_a_refusal_quotes_the_provider_without_the_key(sandbox, monkeypatch):
    sandbox.state.ledger.move(pd.Timestamp("2027-10-16", tz="UTC"))

    with pytest.raises(SourceError, match=r"HTTP 400\): starting_at: must be within 365 days"):
        pull(sandbox)
    with pytest.raises(SourceError, match="bad key sk-…") as raised:
        from_pages(error(400, f"bad key {KEY} here"))
    assert "secret" not in str(raised.value)


def test_no_connection_is_an_error_about_the_connection(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", KEY)

    def refuse(request):
        raise httpx2.ConnectError("refused", request=request)

    with (
        source.connect(asking(), http_client=answering(refuse), max_retries=0) as client,
        pytest.raises(SourceError, match="Anthropic could not be reached"),
    ):
        source.fetch(asking(), now=NOW, client=client)


def test_a_web_page_instead_of_json_is_an_error_not_an_empty_result(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", KEY)

    with pytest.raises(IncompletePull, match="not JSON"):
        from_pages(httpx2.Response(200, html="<p>Sign in</p>"))


def test_an_empty_window_is_said_to_be_empty(sandbox):
    sandbox.state.ledger.move(NOW + pd.Timedelta("9D"))

    with pytest.raises(EmptyWindow, match="no usage from 2026-10-18 00:00"):
        pull(sandbox, start="2026-10-18", end="2026-10-20")


def test_a_window_in_the_future_is_not_asked_for(sandbox):
    with pytest.raises(EmptyWindow, match="Set an earlier start"):
        pull(sandbox, start="2026-12-01", end="2026-12-08")


def test_what_lies_before_2026_is_referred_to_the_legacy_source(sandbox):
    with pytest.raises(ParamError, match="anthropic_legacy"):
        pull(sandbox, start="2025-12-31")


@pytest.mark.parametrize("limit", [1000, 30])
def test_saved_pages_give_the_same_frame_as_the_pull(sandbox, tmp_path, limit):
    day = {"start": "2026-09-01", "end": "2026-09-02"}
    path = tmp_path / "pages.json"
    path.write_text(json.dumps(raw_pages(sandbox.state.url, limit)))
    found = source.fetch(asking(path=str(path), **day))

    pd.testing.assert_frame_equal(found.usage, pull(sandbox, **day).usage)
    assert found.cost is None


def test_a_window_narrows_saved_pages_to_the_buckets_that_start_in_it(sandbox, tmp_path):
    path = tmp_path / "pages.json"
    path.write_text(json.dumps(raw_pages(sandbox.state.url, 1000)))
    found = source.fetch(asking(path=str(path), start="2026-09-01T05:00", end="2026-09-01T07:00"))

    assert sorted(found.usage["bucket_start"].dt.hour.unique()) == [5, 6]


def test_a_saved_page_of_the_documented_shape_is_read(tmp_path):
    params = asking(path=str(PAYLOADS / "anthropic_usage.json"), start="", end="")
    found = source.fetch(params)
    read = found.usage.iloc[0]

    assert len(found.usage) == 2
    assert read["model"] == "claude-sonnet-5"
    assert read["bucket_start"] == pd.Timestamp("2026-09-03", tz="UTC")
    counts = ["requests", "uncached_input_tokens", "cache_read_tokens", "cache_write_5m_tokens"]
    assert read[counts].tolist() == [12, 1500, 200, 500]
    assert found.refreshed_at == pd.Timestamp("2026-09-05T06:30", tz="UTC")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"data": [', "cut or not JSON"),
        ('{"data": [], "has_more": true, "next_page": "p"}', "all announce more"),
        ('[{"rows": []}]', "expected a list named 'data'"),
        ("[]", "no usage"),
    ],
)
def test_a_damaged_file_of_pages_is_an_error(tmp_path, text, words):
    path = tmp_path / "pages.json"
    path.write_text(text)

    with pytest.raises(SourceError, match=words):
        source.fetch(asking(path=str(path)))


def test_a_missing_file_of_pages_is_an_error():
    with pytest.raises(SourceError, match="cannot read"):
        source.fetch(asking(path="nowhere.json"))


def usage_row(at, model="claude-sonnet-5"):
    start = pd.Timestamp(at)
    return {
        "starting_at": start.isoformat(),
        "ending_at": (start + pd.Timedelta("1h")).isoformat(),
        "group": {
            "model": model,
            "workspace_id": "wrkspc_1",
            "api_key_id": "apikey_1",
            "context_window": "0-200k",
            "service_tier": "standard",
        },
        "usage": {
            "uncached_input_tokens": 10,
            "cache_read_input_tokens": 20,
            "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
            "output_tokens": 5,
            "total_tokens": 42,
            "requests": 2,
        },
    }


def raw_pages(url, limit):
    """The first day as the sandbox serves it: one page, or a list of several, last one first."""
    query = {
        "starting_at": "2026-09-01T00:00:00Z",
        "ending_at": "2026-09-02T00:00:00Z",
        "time_bucket_width": "1h",
        "group_by[]": source.USAGE_GROUPS,
        "limit": limit,
    }
    pages = []
    while not pages or pages[0]["has_more"]:
        turn = {"page": pages[0]["next_page"]} if pages else {}
        where = f"{url}/v1/organizations/analytics/usage"
        answer = httpx2.get(where, params=query | turn, headers={"authorization": "Bearer k"})
        pages.insert(0, answer.json())
    return pages[0] if len(pages) == 1 else pages


def cost_row(amount, list_amount):
    return {
        "starting_at": "2026-09-01T00:00:00Z",
        "ending_at": "2026-09-02T00:00:00Z",
        "group": {
            "model": "claude-opus-5-5",
            "token_type": "cache_creation.ephemeral_1h_input_tokens",
            "cost_type": "tokens",
        },
        "cost": {"amount": amount, "list_amount": list_amount, "currency": "USD"},
    }


def usage_page(*rows, more=None):
    return {"data": list(rows), "has_more": more is not None, "next_page": more}


def error(status, message):
    shape = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    return httpx2.Response(status, content=json.dumps(shape).encode(), headers=JSON)
