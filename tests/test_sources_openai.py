"""OpenAI's reports: the real SDK against the sandbox, pages by hand, and real public answers."""

import json
from pathlib import Path

import httpx2
import numpy as np
import pandas as pd
import pytest

from cacheaudit.errors import AccessDenied, EmptyWindow, IncompletePull, ParamError, SourceError
from cacheaudit.sandbox import create_app, serve
from cacheaudit.schema import INPUT, TOKENS
from cacheaudit.sources import openai as source
from cacheaudit.sources.openai_rows import cost_rows, split_line_item, usage_rows
from cacheaudit.sources.rows import cost_frame, usage_frame
from tests.worlds import JSON, NOTHING, NOW, START, answering, asking, flat_price, history, totals

KEY = "sk-admin-secret"
PAYLOAD = Path(__file__).parent / "payloads" / "openai_usage.json"
REAL = Path(__file__).parents[2] / "shared" / "data" / "admin"
COHORT = ["model", "scope", "route", "service_tier"]
COSTS = "/v1/organization/costs"


@pytest.fixture(scope="module")
def truth():
    usage = history("openai")
    batch = (usage["model"] == "model-1") & (usage["bucket_start"].dt.hour % 2 == 0)
    return usage.assign(service_tier=usage["service_tier"].mask(batch, "batch"))


@pytest.fixture(scope="module")
def world(truth):
    app = create_app(truth, now=NOW, price_usd_per_mtok=flat_price)
    with serve(app) as url:
        app.state.url = f"{url}/v1"
        yield app


@pytest.fixture
def sandbox(world, monkeypatch):
    monkeypatch.setenv("OPENAI_ADMIN_KEY", KEY)
    yield world
    world.state.faults.clear()
    world.state.ledger.move(NOW)


def pull(sandbox, retries=0, **changes):
    params = asking(sandbox.state.url, **changes)
    with source.connect(params, max_retries=retries) as client:
        return source.fetch(params, now=sandbox.state.ledger.now, client=client)


def one(**fields):
    """The usage row of a single result."""
    rows = usage_rows([{"data": [bucket({"output_tokens": 1, **fields})]}])
    return usage_frame(rows).iloc[0]


def bucket(*results, at=START):
    start = int(at.timestamp())
    return {"start_time": start, "end_time": start + 3600, "results": list(results)}


@pytest.mark.parametrize("width", ["1h", "1d"])
def test_every_token_of_45_days_arrives_once_in_disjoint_columns(sandbox, truth, width):
    found = pull(sandbox, bucket=width).usage

    assert totals(found, COHORT) == totals(truth, COHORT)
    assert found["requests"].sum() == truth["requests"].sum()


def test_batch_jobs_are_a_service_tier(sandbox, truth):
    found = pull(sandbox, end="2026-09-02").usage

    assert set(found["service_tier"]) == {"standard", "batch"}


def test_minutes_around_a_cutover_arrive_as_they_were(sandbox, truth):
    start, end = START + pd.Timedelta("11h"), START + pd.Timedelta("35h")
    found = source.fetch_minutes(asking(sandbox.state.url), start, end)
    there = truth[truth["bucket_start"].between(start, end, inclusive="left")]

    assert found["bucket_start"].tolist() == there["bucket_start"].tolist()
    assert found[TOKENS].sum().equals(there[TOKENS].sum())
    with pytest.raises(ParamError, match="at most 24 h"):
        source.fetch_minutes(asking(), START, START + pd.Timedelta("25h"))


def test_the_cost_report_adds_up_to_the_tokens_at_their_price(sandbox, truth):
    cost = pull(sandbox).cost

    assert cost["amount_usd"].sum() == pytest.approx(truth[TOKENS].sum().sum() * 2 / 1e6)
    assert set(cost["token_type"]) == {
        "uncached_input", "cache_read", "cache_write_30m", "cache_write_12h", "output",
    }  # fmt: skip
    assert set(cost["model"]) == {"model-1", "model-2"}


def test_the_pages_are_asked_for_at_their_largest_and_followed_to_the_last(sandbox, monkeypatch):
    monkeypatch.setenv("OPENAI_ADMIN_KEY", KEY)
    seen = []
    pages = [
        {**NOTHING, "data": [bucket({"input_tokens": 1})], "has_more": True, "next_page": "p2"},
        {**NOTHING, "data": [bucket({"input_tokens": 1}, at=START + pd.Timedelta("1h"))]},
        NOTHING,
    ]
    with source.connect(asking(), http_client=answering(lambda r: pages.pop(0), seen)) as client:
        found = source.fetch(asking(end="2026-09-02"), now=NOW, client=client)

    assert len(found.usage) == 2
    assert [r.url.params.get("page") for r in seen] == [None, "p2", None]
    assert seen[0].url.params["limit"] == "168"
    assert seen[0].url.params["start_time"] == str(int(START.timestamp()))
    assert seen[0].url.params.get_list("group_by[]") == source.USAGE_GROUPS
    assert (seen[2].url.path, seen[2].url.params["limit"]) == (COSTS, "180")


T = {"input_tokens": 1000}
R = {"input_cached_tokens": 400}
W = {"input_cache_write_tokens": 100}
U = {"input_uncached_tokens": 500}
SPLIT = {"input_cache_write_30m_tokens": 70, "input_cache_write_12h_tokens": 20}


@pytest.mark.parametrize(
    ("given", "uncached", "read", "m30", "h12", "other"),
    [
        (T | R | W | U | SPLIT, 500, 400, 70, 20, 10),
        (T | R | W | U, 500, 400, None, None, 100),
        (T | R | W, 500, 400, None, None, 100),
        (T | R | W | SPLIT, 500, 400, 70, 20, 10),
        (T | R, 600, 400, None, None, None),
        (T | R | SPLIT, 510, 400, 70, 20, None),
        (T | R | U, 500, 400, None, None, 100),
        (T | W | U, 500, 400, None, None, 100),
        (T | W, None, None, None, None, 100),
        (T, None, None, None, None, None),
        (T | U, 500, None, None, None, None),
        (R | W | U, 500, 400, None, None, 100),
        (T | R | U | {"input_cache_write_tokens": 70} | SPLIT, 500, 400, 70, 20, 0),
        (T | R | {"input_cache_write_tokens": 70} | SPLIT, 510, 400, 70, 20, 0),
        (T | R | W | {"input_cache_write_30m_tokens": 70}, 500, 400, 70, None, 30),
        (dict.fromkeys(T | R | W | U | SPLIT, 0), 0, 0, 0, 0, 0),
    ],
)
@pytest.mark.parametrize("null", [True, False])
def test_inclusive_input_is_taken_apart_and_what_is_not_reported_is_not_zero(
    given, uncached, read, m30, h12, other, null
):
    blank = dict.fromkeys(T | R | W | U | SPLIT) if null else {}
    row = one(**{**blank, **given})
    expected = [uncached, read, m30, h12, other]
    found = [
        row[f"{name}_tokens"]
        for name in ("uncached_input", "cache_read", "cache_write_30m", "cache_write_12h",
                     "cache_write_other")
    ]  # fmt: skip

    assert [None if pd.isna(value) else value for value in found] == expected


@pytest.mark.parametrize("seed", range(20))
def test_any_consistent_result_that_reports_reads_keeps_its_total(seed):
    """Whatever else is left out, the disjoint columns add up to the inclusive input."""
    rng = np.random.default_rng(seed)
    uncached, read, m30, h12, other = (int(n) for n in rng.integers(0, 10**9, 5))
    fields = {
        "input_tokens": uncached + read + m30 + h12 + other,
        "input_cached_tokens": read,
        "input_uncached_tokens": uncached,
        "input_cache_write_tokens": m30 + h12 + other,
        "input_cache_write_30m_tokens": m30,
        "input_cache_write_12h_tokens": h12,
    }
    optional = list(fields)[2:]
    for name in rng.permutation(optional)[: rng.integers(0, 5)]:
        if {"input_uncached_tokens", "input_cache_write_tokens"} - {name} <= set(fields):
            del fields[name]
    row = one(**fields)

    assert row[INPUT].sum() == fields["input_tokens"]


def test_audio_and_image_tokens_are_inside_the_totals():
    fields = {"input_audio_tokens": 50, "input_image_tokens": 50, "input_cached_audio_tokens": 9}

    assert one(**T, **R, **W, **U, **fields)[INPUT].sum() == 1000


def test_inconsistent_counts_are_an_error_not_a_negative():
    with pytest.raises(ValueError, match="below zero"):
        one(input_tokens=10, input_cached_tokens=400)


def test_a_bucket_without_results_is_an_error_not_a_silence():
    with pytest.raises(IncompletePull, match="no list named 'results'"):
        usage_rows([{"data": [{"start_time": 0, "end_time": 3600}]}])


def test_a_count_that_is_text_is_an_error():
    with pytest.raises(SourceError, match="input_tokens is str"):
        one(input_tokens="10")


def test_batches_with_a_null_and_a_default_tier_are_one_row():
    base = {**T, **R, "output_tokens": 5, "batch": True}
    other = {**base, "service_tier": "default", "num_model_requests": 2}
    row = usage_frame(usage_rows([{"data": [bucket({**base, "service_tier": None}, other)]}]))

    assert row["service_tier"].tolist() == ["batch"]
    assert row["uncached_input_tokens"].tolist() == [1200]
    assert row["requests"].isna().all()


def test_a_bucket_that_comes_twice_is_an_error_not_a_sum():
    page = {"data": [bucket({**T, "batch": True})]}

    with pytest.raises(IncompletePull, match="came twice"):
        usage_rows([page, page])


def test_the_order_of_pages_changes_nothing():
    pages = [{"data": [bucket({**T, **R}, at=START + pd.Timedelta(hours=n))]} for n in (3, 0, 2, 1)]
    expected = usage_frame(usage_rows(pages))

    pd.testing.assert_frame_equal(usage_frame(usage_rows(pages[::-1])), expected)
    assert expected["bucket_start"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("item", "model", "token_type"),
    [
        ("gpt-5.6-luna, cached input", "gpt-5.6-luna", "cache_read"),
        ("gpt-5.6-luna, cache writes", "gpt-5.6-luna", "cache_write_30m"),
        ("gpt-5.6-luna, cache writes - 12hr", "gpt-5.6-luna", "cache_write_12h"),
        ("gpt-6-astra, input_tokens", "gpt-6-astra", "uncached_input"),
        ("ft:gpt-4o, acme, output", "ft:gpt-4o, acme", "output"),
        ("gpt-5.6-luna, image magic", "gpt-5.6-luna", "image magic"),
        ("web search", None, "web search"),
        (None, None, None),
    ],
)
def test_line_items_are_free_text_cut_at_the_last_comma(item, model, token_type):
    assert split_line_item(item) == (model, token_type)


def test_costs_are_dollars_and_repeated_rows_stay():
    row = {"amount": {"value": 0.06, "currency": "usd"}, "line_item": "gpt-5.6-luna, output"}
    cost = cost_frame(cost_rows([{"data": [bucket(row, row)]}]))

    assert cost["amount_usd"].tolist() == [0.06, 0.06]
    assert cost["cost_type"].tolist() == ["tokens", "tokens"]
    assert cost["list_usd"].isna().all()


def test_what_the_data_leaves_open_is_said_in_the_notes(tmp_path):
    path = tmp_path / "page.json"
    results = [{**T, **R, **W}, {**T, **R, "model": "a"}, {**T, "model": "b"}]
    path.write_text(json.dumps({**NOTHING, "data": [bucket(*results)]}))
    notes = source.fetch(asking(path=str(path))).notes

    assert notes[0].startswith("1 of 3 rows report no cached tokens")
    assert notes[1].startswith("2 of 3 rows report no cache writes")


def test_a_saved_page_of_the_documented_shape_is_read():
    usage = source.fetch(asking(path=str(PAYLOAD))).usage

    assert usage["service_tier"].tolist() == ["batch", "default"]
    assert usage["uncached_input_tokens"].tolist() == [90, 500]
    assert usage["cache_write_other_tokens"].tolist() == [0, 10]
    assert usage[INPUT].sum().sum() == 1090


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"kind": "503", "after": 3}, IncompletePull, r"page 4 .* \(HTTP 503\) after 3 pages"),
        ({"kind": "500"}, SourceError, r"page 1 of the usage report failed \(HTTP 500\)"),
        ({"kind": "429", "path": COSTS}, SourceError, r"page 1 of the cost report .* 429"),
        ({"kind": "cut", "after": 1}, IncompletePull, "page 2 .* cut or not JSON after 1 pages"),
        ({"kind": "repeat_page"}, IncompletePull, "was read before"),
        ({"kind": "missing", "names": ["data"]}, IncompletePull, "a list named 'data'"),
        ({"kind": "missing", "names": ["start_time"]}, SourceError, "rows have no time"),
        ({"kind": "403"}, AccessDenied, r"HTTP 403 from OpenAI.*api\.usage\.read"),
    ],
)
def test_a_fault_is_one_clear_error_and_never_a_partial_pull(sandbox, fault, error, words):
    sandbox.state.faults.add(fault)

    with pytest.raises(error, match=words) as raised:
        pull(sandbox)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("kind", ["429", "500"])
def test_a_fault_that_passes_costs_a_retry_and_no_data(sandbox, truth, kind):
    sandbox.state.faults.add({"kind": kind, "after": 2})

    assert totals(pull(sandbox, retries=2).usage, COHORT) == totals(truth, COHORT)


def test_uncached_input_that_is_missing_on_the_wire_is_derived(sandbox, truth):
    fault = {"kind": "missing", "names": ["input_uncached_tokens"], "times": 99}
    sandbox.state.faults.add(fault)

    assert totals(pull(sandbox).usage, COHORT) == totals(truth, COHORT)


def test_reads_that_are_missing_on_the_wire_leave_reads_and_uncached_unknown(sandbox):
    names = ["input_cached_tokens", "input_uncached_tokens"]
    sandbox.state.faults.add({"kind": "missing", "names": names, "times": 99})
    usage = pull(sandbox, end="2026-09-03").usage

    assert usage[["cache_read_tokens", "uncached_input_tokens"]].isna().all(axis=None)
    assert usage["cache_write_30m_tokens"].notna().all()


def test_a_key_that_is_missing_unknown_or_too_weak_is_told_apart(sandbox, monkeypatch):
    shape = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid"}}
    unknown = httpx2.Response(401, content=json.dumps(shape).encode(), headers=JSON)
    with (
        source.connect(asking(), http_client=answering(lambda r: unknown)) as client,
        pytest.raises(AccessDenied, match=r"key in OPENAI_ADMIN_KEY \(HTTP 401") as raised,
    ):
        source.fetch(asking(), now=NOW, client=client)
    assert "secret" not in str(raised.value)

    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-noscope")
    with pytest.raises(AccessDenied, match=r"permission api\.usage\.read"):
        pull(sandbox)

    monkeypatch.delenv("OPENAI_ADMIN_KEY")
    with pytest.raises(AccessDenied, match="Set OPENAI_ADMIN_KEY"):
        source.fetch(asking(), now=NOW)


def test_a_window_that_ends_now_takes_the_last_part_of_a_second_along(monkeypatch):
    monkeypatch.setenv("OPENAI_ADMIN_KEY", KEY)
    seen = []
    page = {**NOTHING, "data": [bucket({**T, **R})]}
    now = START + pd.Timedelta("5400.5s")
    with source.connect(asking(), http_client=answering(lambda r: page, seen)) as client:
        source.fetch(asking(end=""), now=now, client=client)

    assert seen[0].url.params["end_time"] == str(int(START.timestamp()) + 5401)


def test_a_silent_and_a_future_window_are_empty(sandbox):
    sandbox.state.ledger.move(NOW + pd.Timedelta("9D"))
    with pytest.raises(EmptyWindow, match="OpenAI has no usage from 2026-10-18"):
        pull(sandbox, start="2026-10-18", end="2026-10-20")

    with pytest.raises(EmptyWindow, match="Set an earlier start"):
        pull(sandbox, start="2026-12-01", end="2026-12-02")


def real(name):
    path = REAL / name
    if not path.is_file():
        pytest.skip(f"no {path.name} under ../shared/data; it is public data, not ours to copy")
    return path


@pytest.mark.real_data
def test_a_real_organization_keeps_its_tokens_its_partial_days_and_its_silences():
    path = real("openai_usage_completions_real_org_31buckets.json")
    pages = json.loads(path.read_text())
    pull = source.fetch(asking(path=str(path), start="", end=""))
    usage, first, last = pull.usage, pull.usage.iloc[0], pull.usage.iloc[-1]

    assert usage[INPUT].sum().sum() == 16_951_009
    assert len(pages["data"]) == 31
    assert len(usage) == 26  # 5 buckets are empty and have no row
    assert usage["model"].isna().all()
    assert usage["cache_write_other_tokens"].isna().all()
    assert first["bucket_start"] == pd.Timestamp("2025-01-11 17:31", tz="UTC")
    assert first["bucket_end"] == pd.Timestamp("2025-01-12", tz="UTC")
    assert last["bucket_end"] == pd.Timestamp("2025-02-10 17:31:03", tz="UTC")
    assert (pull.start, pull.end) == (first["bucket_start"], last["bucket_end"])


@pytest.mark.real_data
def test_the_examples_of_the_specification_are_read():
    examples = json.loads(real("openai_spec_examples.json").read_text())
    page = {
        kind: json.loads(examples[f"/organization/{path}"]["response_example"])
        for kind, path in {"usage": "usage/completions", "cost": "costs"}.items()
    }
    usage, cost = usage_frame(usage_rows([page["usage"]])), cost_frame(cost_rows([page["cost"]]))

    assert usage[INPUT].sum().sum() == 1000
    assert usage["cache_write_other_tokens"].tolist() == [100]
    assert cost["amount_usd"].tolist() == [0.06]
    assert cost[["model", "token_type"]].isna().all(axis=None)


@pytest.mark.real_data
def test_a_lone_saved_page_that_announces_more_is_refused(tmp_path):
    examples = json.loads(real("openai_spec_examples.json").read_text())
    path = tmp_path / "page.json"
    path.write_text(examples["/organization/usage/completions"]["response_example"])

    with pytest.raises(IncompletePull, match="announce more"):
        source.fetch(asking(path=str(path)))
