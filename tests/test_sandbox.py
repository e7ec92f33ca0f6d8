"""The sandbox keeps to the providers' documented limits, its clock, and its word about faults."""

import io
import json
import time

import httpx2
import pandas as pd
import pytest

from cacheaudit.errors import SchemaError
from cacheaudit.sandbox import create_app, serve
from cacheaudit.sandbox.faults import Faults
from cacheaudit.sandbox.rows import cents
from cacheaudit.schema import INPUT, TOKENS
from tests.worlds import NOW, START, flat_price, history

USAGE = "/v1/organizations/analytics/usage"
COST = "/v1/organizations/analytics/cost"
LEGACY = "/v1/organizations/usage_report/messages"
LEGACY_COST = "/v1/organizations/cost_report"
COMPLETIONS = "/v1/organization/usage/completions"
COSTS = "/v1/organization/costs"
SEPTEMBER = {"starting_at": "2026-09-01T00:00:00Z", "ending_at": "2026-10-01T00:00:00Z"}
HOURLY = {**SEPTEMBER, "time_bucket_width": "1h"}
UNIX = {"start_time": int(START.timestamp()), "end_time": int(NOW.timestamp())}


@pytest.fixture(scope="module")
def truth():
    return pd.concat([history("anthropic"), history("openai", seed=2)], ignore_index=True)


@pytest.fixture(scope="module")
def world(truth):
    app = create_app(truth, now=NOW, price_usd_per_mtok=flat_price)
    with serve(app) as url, httpx2.Client(base_url=url) as client:
        app.state.client = client
        yield app


@pytest.fixture
def sandbox(world, truth):
    yield world
    world.state.faults.clear()
    world.state.ledger.load(truth)
    world.state.ledger.move(NOW)


def get(sandbox, path, key="k", **query):
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return sandbox.state.client.get(path, params=query, headers=headers)


def pages(sandbox, path, **query):
    """All pages of a report, as plain JSON."""
    found = [get(sandbox, path, **query).json()]
    while found[-1]["has_more"]:
        found.append(get(sandbox, path, **query, page=found[-1]["next_page"]).json())
    return found


REFUSALS = [
    (USAGE, {}, "starting_at"),
    (USAGE, {**HOURLY, "starting_at": "2026-09-01"}, "no time zone"),
    (USAGE, {**HOURLY, "starting_at": "yesterday"}, "RFC 3339"),
    (USAGE, {"starting_at": "2026-09-01T00:00:00Z", "time_bucket_width": "1h"}, "ending_at"),
    (USAGE, {**HOURLY, "ending_at": "2026-10-02T00:00:01Z"}, "31 days"),
    (USAGE, {**HOURLY, "ending_at": "2026-08-31T00:00:00Z"}, "after starting_at"),
    (USAGE, {**HOURLY, "starting_at": "2025-12-31T00:00:00Z"}, "2026-01-01"),
    (USAGE, {**HOURLY, "time_bucket_width": "1m"}, "1 days"),
    (USAGE, {**HOURLY, "time_bucket_width": "1w"}, "not one of"),
    (USAGE, {**HOURLY, "limit": 1001}, "1000"),
    (USAGE, {**HOURLY, "limit": 0}, "1000"),
    (USAGE, {**HOURLY, "limit": "many"}, "whole number"),
    (USAGE, {**HOURLY, "order_by": "amount"}, "not one of"),
    (USAGE, {**HOURLY, "group_by[]": ["model", "token_type"]}, "token_type"),
    (USAGE, {**HOURLY, "group_by[]": ["model", "actor", "speed", "product", "session_id",
                                      "workspace_id"]}, "at most 5"),
    (USAGE, {**HOURLY, "colour": "red"}, "colour"),
    (USAGE, {**HOURLY, "page": "page_x"}, "page token"),
    (LEGACY, {}, "starting_at"),
    (LEGACY, {**SEPTEMBER, "bucket_width": "1h", "limit": 169}, "168"),
    (LEGACY, {**SEPTEMBER, "bucket_width": "1m", "limit": 1441}, "1440"),
    (LEGACY, {**SEPTEMBER, "limit": 32}, "31"),
    (LEGACY_COST, {**SEPTEMBER, "ending_at": "2026-10-17T00:00:00Z"}, "finished days"),
    (COMPLETIONS, {}, "start_time"),
    (COMPLETIONS, {**UNIX, "bucket_width": "1h", "limit": 169}, "168"),
    (COMPLETIONS, {**UNIX, "group_by[]": ["line_item"]}, "line_item"),
    (COMPLETIONS, {**UNIX, "end_time": UNIX["start_time"]}, "end_time"),
    (COSTS, {**UNIX, "bucket_width": "1h"}, "not one of"),
    (COSTS, {**UNIX, "limit": 181}, "180"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "query", "words"), REFUSALS)
def test_what_the_documents_forbid_is_answered_with_400(sandbox, path, query, words):
    answer = get(sandbox, path, **query)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", [USAGE, COST, LEGACY, LEGACY_COST, COMPLETIONS, COSTS])
def test_every_report_wants_a_key_with_the_permission(sandbox, path):
    missing, weak = get(sandbox, path, key=""), get(sandbox, path, key="sk-noscope")

    assert (missing.status_code, weak.status_code) == (401, 403)
    assert weak.json()["error"]["type"] == "permission_error"
    assert ("type" in weak.json()) == path.startswith("/v1/organizations")


def test_default_page_sizes_are_the_documented_ones(sandbox):
    by = {"group_by[]": ["model"]}

    assert len(get(sandbox, USAGE, **HOURLY, **by).json()["data"]) == 20
    assert len(get(sandbox, LEGACY, **SEPTEMBER).json()["data"]) == 7
    assert len(get(sandbox, LEGACY, **SEPTEMBER, bucket_width="1h").json()["data"]) == 24
    assert len(get(sandbox, LEGACY, **SEPTEMBER, bucket_width="1m").json()["data"]) == 60
    assert len(get(sandbox, COMPLETIONS, **UNIX).json()["data"]) == 7
    assert len(get(sandbox, COSTS, **UNIX).json()["data"]) == 7


def test_analytics_puts_the_largest_first_unless_asked_for_time(sandbox):
    default = get(sandbox, USAGE, **HOURLY, limit=1000).json()["data"]
    by_time = get(sandbox, USAGE, **HOURLY, limit=1000, order_by="time").json()["data"]
    oldest = get(sandbox, USAGE, **HOURLY, limit=1000, order_by="time", order="asc").json()["data"]
    sizes = [row["usage"]["total_tokens"] for row in default]

    assert sizes == sorted(sizes, reverse=True)
    assert by_time[0]["starting_at"] > by_time[-1]["starting_at"]
    assert [r["starting_at"] for r in oldest] == sorted(r["starting_at"] for r in by_time)
    assert "sort" not in default[0]


def test_a_dimension_that_was_not_asked_for_is_null(sandbox):
    row = get(sandbox, USAGE, **HOURLY, **{"group_by[]": ["model"]}).json()["data"][0]

    assert row["group"]["model"] in {"model-1", "model-2"}
    assert row["group"]["workspace_id"] is None


def test_without_a_width_the_whole_window_is_one_row_per_group(sandbox, truth):
    found = get(sandbox, USAGE, **SEPTEMBER).json()["data"]
    there = truth[(truth["provider"] == "anthropic") & (truth["bucket_start"] < "2026-10-01")]

    assert [row["usage"]["total_tokens"] for row in found] == [there[TOKENS].sum().sum()]


def test_filters_keep_what_was_asked_for_and_no_more(sandbox, truth):
    query = {**SEPTEMBER, "models[]": ["model-2"], "workspace_ids[]": ["team-b"]}
    found = get(sandbox, USAGE, **query).json()["data"]
    mine = truth[(truth["provider"] == "anthropic") & (truth["scope"] == "team-b")]

    assert (
        found[0]["usage"]["requests"]
        == mine.loc[mine["bucket_start"] < "2026-10-01", "requests"].sum()
    )


@pytest.mark.parametrize("path", [USAGE, LEGACY, COMPLETIONS])
@pytest.mark.parametrize("limit", [7, 24])
def test_pages_join_to_the_whole_whatever_their_size(sandbox, path, limit):
    window = {**HOURLY, "ending_at": "2026-09-03T00:00:00Z"}
    query = {
        USAGE: window,
        LEGACY: {k: v for k, v in window.items() if "width" not in k} | {"bucket_width": "1h"},
        COMPLETIONS: {**UNIX, "end_time": UNIX["start_time"] + 172800, "bucket_width": "1h"},
    }[path] | {"group_by[]": ["model"]}
    whole = get(sandbox, path, **query, limit=168).json()
    parts = pages(sandbox, path, **query, limit=limit)

    assert whole["has_more"] is False
    assert len(parts) > 1
    assert [row for page in parts for row in page["data"]] == whole["data"]


def test_a_page_token_is_opaque_and_belongs_to_its_request(sandbox):
    token = get(sandbox, USAGE, **HOURLY).json()["next_page"]

    assert token.startswith("page_")
    assert get(sandbox, USAGE, **{**HOURLY, "limit": 7}, page=token).status_code == 400
    assert get(sandbox, USAGE, **HOURLY, page=token).status_code == 200


def test_token_types_do_not_count_for_the_size_of_a_cost_page(sandbox):
    window = {**HOURLY, "time_bucket_width": "1d", "limit": 2}
    by = {"group_by[]": ["model", "token_type", "cost_type"]}
    found = get(sandbox, COST, **window, **by, order_by="time").json()["data"]

    assert len(found) == 10  # 2 rows, each in 5 token types
    assert {row["group"]["cost_type"] for row in found} == {"tokens"}


def test_costs_add_up_alike_however_they_are_grouped(sandbox, truth):
    window = {**HOURLY, "limit": 1000}
    sums = []
    for by in ([], ["model"], ["token_type"], ["workspace_id", "token_type", "cost_type"]):
        query = window | ({"group_by[]": by} if by else {})
        found = pages(sandbox, COST, **{**query, "time_bucket_width": "1d"})
        sums.append(sum(float(r["cost"]["amount"]) for page in found for r in page["data"]))
    there = truth[(truth["provider"] == "anthropic") & (truth["bucket_start"] < "2026-10-01")]

    assert sums == pytest.approx([there[TOKENS].sum().sum() * 2 / 1e6 * 100] * 4)


@pytest.mark.parametrize(
    ("usd", "text"), [(1.2378912, "123.78912"), (0.0, "0"), (1e-9, "0.0000001")]
)
def test_cents_are_plain_decimal_texts(usd, text):
    assert cents(usd) == text


def test_what_has_no_price_has_no_cost_row(truth):
    app = create_app(truth, now=NOW)
    with serve(app) as url, httpx2.Client(base_url=url) as client:
        app.state.client = client

        assert get(app, COST, **{**HOURLY, "time_bucket_width": "1d"}).json()["data"] == []


def test_nothing_after_the_clock_is_served_and_data_is_as_fresh_as_the_clock(sandbox):
    now = START + pd.Timedelta("25h20min30s")
    sandbox.state.client.post("/sandbox/clock", json={"now": now.isoformat()})
    found = pages(sandbox, USAGE, **{**HOURLY, "limit": 1000, "order_by": "time"})
    unix = {**UNIX, "bucket_width": "1h", "limit": 168}
    buckets = [b for page in pages(sandbox, COMPLETIONS, **unix) for b in page["data"]]

    assert found[0]["data"][0]["starting_at"] == "2026-09-02T01:00:00Z"
    assert pd.Timestamp(found[0]["data_refreshed_at"]) == now
    assert buckets[-1]["end_time"] == int(now.timestamp())


def test_a_report_asked_for_again_follows_the_clock(sandbox):
    sandbox.state.ledger.move(START + pd.Timedelta("2h"))
    before = get(sandbox, USAGE, **HOURLY).json()["data"]
    sandbox.state.ledger.move(START + pd.Timedelta("4h"))

    assert (len(before), len(get(sandbox, USAGE, **HOURLY).json()["data"])) == (2, 4)


def test_openai_input_is_served_as_a_total(sandbox, truth):
    end = UNIX["start_time"] + 86400
    found = get(sandbox, COMPLETIONS, start_time=UNIX["start_time"], end_time=end).json()
    there = truth[(truth["provider"] == "openai") & (truth["bucket_start"] < "2026-09-02")]

    assert found["data"][0]["results"][0]["input_tokens"] == there[INPUT].sum().sum()


def test_the_clock_moves_by_seconds_too_and_refuses_nonsense(sandbox):
    post = sandbox.state.client.post

    assert (
        post("/sandbox/clock", json={"advance_s": 90}).json()["now"] == "2026-10-16T00:01:30+00:00"
    )
    assert sandbox.state.client.get("/sandbox/clock").json()["now"] == "2026-10-16T00:01:30+00:00"
    assert post("/sandbox/clock", json={"now": "2026-10-16"}).status_code == 400
    assert post("/sandbox/clock", json={}).status_code == 400


def test_a_history_can_be_loaded_while_it_runs(sandbox, truth):
    body = io.BytesIO()
    truth[truth["model"] == "model-1"].to_parquet(body)
    before = get(sandbox, USAGE, **SEPTEMBER).json()
    answer = sandbox.state.client.post("/sandbox/history", content=body.getvalue())

    assert (
        answer.json()["openai"]["rows"]
        == ((truth["model"] == "model-1") & (truth["provider"] == "openai")).sum()
    )
    assert get(sandbox, USAGE, **SEPTEMBER).json() != before
    assert sandbox.state.client.post("/sandbox/history", content=b"no").status_code == 400


def test_tokens_a_provider_has_no_field_for_are_refused(truth):
    wrong = truth.assign(cache_write_30m_tokens=1)

    with pytest.raises(SchemaError, match="anthropic rows hold"):
        create_app(wrong, now=NOW)


def test_the_outer_buckets_of_openai_end_where_the_window_does(sandbox):
    start = UNIX["start_time"] + 660
    found = get(sandbox, COMPLETIONS, start_time=start, end_time=start + 90000).json()["data"]

    assert [b["start_time"] for b in found] == [start, UNIX["start_time"] + 86400]
    assert found[-1]["end_time"] == start + 90000


def test_silent_buckets_are_there_and_empty(sandbox):
    sandbox.state.ledger.move(NOW + pd.Timedelta("3D"))
    after = {"starting_at": NOW.isoformat(), "ending_at": "2026-10-18T00:00:00Z"}
    unix = {"start_time": UNIX["end_time"], "end_time": UNIX["end_time"] + 172800}

    assert [b["results"] for b in get(sandbox, LEGACY, **after).json()["data"]] == [[], []]
    assert [b["results"] for b in get(sandbox, COMPLETIONS, **unix).json()["data"]] == [[], []]
    assert get(sandbox, USAGE, **after).json()["data"] == []


def test_faults_come_after_the_good_answers_as_often_as_asked_and_only_where_asked(sandbox):
    fault = {"kind": "503", "path": USAGE, "after": 1, "times": 2}
    assert sandbox.state.client.post("/sandbox/faults", json=fault).status_code == 200
    statuses = [get(sandbox, USAGE, **HOURLY).status_code for _ in range(4)]

    assert statuses == [200, 503, 503, 200]
    assert get(sandbox, LEGACY, **SEPTEMBER).status_code == 200
    assert sandbox.state.client.get("/sandbox/faults").json() == []


def test_faults_can_be_listed_forgotten_and_are_checked(sandbox):
    client = sandbox.state.client
    client.post("/sandbox/faults", json={"kind": "cut", "times": 3})
    listed = client.get("/sandbox/faults").json()

    assert [(f["kind"], f["times"]) for f in listed] == [("cut", 3)]
    assert client.delete("/sandbox/faults").json() == []
    assert get(sandbox, USAGE, **HOURLY).status_code == 200
    for wrong in ({"kind": "flood"}, {"kind": "cut", "colour": 1}, {"kind": "missing"}):
        assert client.post("/sandbox/faults", json=wrong).status_code == 400


def test_a_cut_body_is_no_json_and_a_slow_one_is_slow(sandbox):
    sandbox.state.faults.add({"kind": "cut"})
    with pytest.raises(json.JSONDecodeError):
        get(sandbox, USAGE, **HOURLY).json()

    sandbox.state.faults.add({"kind": "slow", "seconds": 0.2})
    began = time.monotonic()
    assert get(sandbox, USAGE, **HOURLY).status_code == 200
    assert time.monotonic() - began >= 0.2


def test_a_repeated_token_waits_for_a_page_that_was_asked_for_by_token():
    faults = Faults()
    faults.add({"kind": "repeat_page"})

    assert faults.due(USAGE, has_token=False) is None
    assert faults.due(USAGE, has_token=True).kind == "repeat_page"


def test_a_month_of_minutes_pages_through_in_well_under_a_second():
    dense = history("anthropic", days=31, every="1min")
    app = create_app(dense, now=NOW, price_usd_per_mtok=flat_price)
    by = {"group_by[]": ["model", "workspace_id", "api_key_id", "context_window", "service_tier"]}
    with serve(app) as url, httpx2.Client(base_url=url) as client:
        app.state.client = client
        elapsed = []
        for _ in range(3):  # moving the clock forgets the sums; the machine may be busy elsewhere
            app.state.ledger.move(NOW)
            began = time.perf_counter()
            found = pages(app, USAGE, **{**HOURLY, "limit": 1000, **by})
            elapsed.append(time.perf_counter() - began)

    assert len(dense) == 31 * 1440 * 3
    assert [len(page["data"]) for page in found] == [1000, 1000, 30 * 72 - 2000]
    assert min(elapsed) < 1


def test_two_sandboxes_run_side_by_side_and_stop_with_their_blocks(truth):
    with serve(create_app(truth, now=NOW)) as one, serve(create_app(truth, now=NOW)) as other:
        assert one != other
        assert httpx2.get(f"{one}/sandbox/clock").status_code == 200
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{one}/sandbox/clock")
