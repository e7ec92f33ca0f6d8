"""Anthropic Console exports: made by code here, and one real one."""

from pathlib import Path

import pandas as pd
import pytest

from cacheaudit.errors import EmptyWindow, ParamError, SchemaError
from cacheaudit.params import PostmortemParams
from cacheaudit.schema import TOKEN_TYPES
from cacheaudit.sources.console import export_kind, fetch, model_id

REAL = Path(__file__).parents[2] / "shared/data/admin/anthropic_console_cost.csv"
TOKENS = (
    "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,"
    "usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,"
    "usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,"
    "web_search_count"
)
COST = "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd"
COST_OLD = COST + ",cost_type"
COST_NEW = COST + ",list_price_usd,cost_type,inference_geo,speed"
OPUS = "claude-opus-4-5-20251101,key,Default,standard,≤ 200k"
OPUS_COST = "Claude Opus 4.5,Default,key,message,≤ 200k"


@pytest.fixture
def export(tmp_path):
    """Write an export and return its path as text."""

    def write(*lines: str, name: str = "export.csv", encoding: str = "utf-8-sig") -> str:
        file = tmp_path / name
        file.write_text("\r\n".join(lines) + "\r\n", encoding=encoding, newline="")
        return str(file)

    return write


def pull(path: str, **given):
    return fetch(PostmortemParams(source="console", path=path, **given))


def test_tokens_become_daily_buckets(export):
    path = export(TOKENS, f"2026-03-01,{OPUS},11,302527,7,3301672,32676,0")
    usage = pull(path).usage

    assert len(usage) == 1
    row = usage.iloc[0]
    assert row["bucket_start"] == pd.Timestamp("2026-03-01", tz="UTC")
    assert row["bucket_end"] == pd.Timestamp("2026-03-02", tz="UTC")
    assert row["provider"] == "anthropic"
    assert row["model"] == "claude-opus-4-5-20251101"
    assert (row["scope"], row["route"]) == ("Default", "key")
    assert (row["service_tier"], row["context_window"]) == ("standard", "0-200k")
    assert row["uncached_input_tokens"] == 11
    assert row["cache_write_5m_tokens"] == 302527
    assert row["cache_write_1h_tokens"] == 7
    assert row["cache_read_tokens"] == 3301672
    assert row["output_tokens"] == 32676
    assert pd.isna(row["requests"])
    assert pd.isna(row["cache_write_other_tokens"])
    assert pd.isna(row["region"])


def test_newer_token_exports_carry_region_and_speed(export):
    path = export(
        TOKENS + ",inference_geo,speed",
        f"2026-03-01,{OPUS.replace('≤', '>')},1,2,3,4,5,0,us,",
        f"2026-03-01,{OPUS},1,2,3,4,5,0,us,fast",
    )
    usage = pull(path).usage

    assert usage["region"].tolist() == ["us", "us"]
    assert set(usage["context_window"]) == {"0-200k", "200k-1M"}
    assert usage["speed"].dropna().tolist() == ["fast"]


def test_token_rows_of_one_key_are_summed_and_said(export):
    row = f"2026-03-01,{OPUS},1,,0,4,5,2"
    found = pull(export(TOKENS, row, row))

    assert found.usage["uncached_input_tokens"].tolist() == [2]
    assert found.usage["cache_write_1h_tokens"].tolist() == [0]
    assert found.usage["cache_write_5m_tokens"].isna().all()  # empty twice is still not reported
    assert "1 rows repeat a key and were summed." in found.notes[0]
    assert "4 web searches" in found.notes[1]
    assert "counts no requests" in found.notes[2]


def test_cost_rows_of_one_key_are_all_kept(export):
    line = f"2026-06-24,{OPUS_COST},input_no_cache"
    found = pull(export(COST_NEW, f"{line},9.22,9.22,token,,", f"{line},11.63,12.00,token,,"))

    assert found.usage.empty
    assert sorted(found.cost["amount_usd"]) == [9.22, 11.63]
    assert found.cost["list_usd"].sum() == pytest.approx(21.22)
    assert found.cost["model"].unique().tolist() == ["claude-opus-4-5"]
    assert found.cost["cost_type"].unique().tolist() == ["tokens"]
    assert any("rounds each of its 2 rows to cents" in n for n in found.notes)


def test_older_cost_exports_have_no_list_price(export):
    found = pull(export(COST_OLD, f"2026-03-01,{OPUS_COST},output,1.50,token"))

    assert found.cost["list_usd"].isna().all()
    assert any("no list prices" in n for n in found.notes)


def test_token_types_are_renamed_and_unknown_ones_kept(export):
    types = [
        "input_no_cache",
        "input_cache_read",
        "input_cache_write_5m",
        "input_cache_write_1h",
        "output",
        "input_cache_write_7d",
    ]
    lines = [f"2026-03-01,{OPUS_COST},{t},1.00,token" for t in types]
    searches = "2026-03-01,,Default,key,message,,,0.50,web_search"
    cost = pull(export(COST_OLD, *lines, searches)).cost

    known = set(cost["token_type"].dropna()) & set(TOKEN_TYPES)
    assert known == {"uncached_input", "cache_read", "cache_write_5m", "cache_write_1h", "output"}
    assert "input_cache_write_7d" in set(cost["token_type"])
    web = cost[cost["cost_type"] == "web_search"]
    assert web[["model", "token_type"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Claude Opus 4.5", "claude-opus-4-5"),
        ("Claude Sonnet 5", "claude-sonnet-5"),
        ("Claude Haiku 3.5", "claude-3-5-haiku"),
        ("Claude Fable 5.2", "claude-fable-5-2"),
        ("Claude Opus 4.5 (fast)", "Claude Opus 4.5 (fast)"),
        ("claude-opus-4-8", "claude-opus-4-8"),
    ],
)
def test_display_names_become_ids_by_rule(name, expected):
    assert model_id(name) == expected


def test_unknown_display_names_are_kept_and_noted(export):
    line = f"2026-03-01,{OPUS_COST.replace('Opus 4.5', 'Experimental')},output,1.00,token"
    found = pull(export(COST_OLD, line))

    assert found.cost["model"].tolist() == ["Claude Experimental"]
    assert any("no id is known for ['Claude Experimental']" in n for n in found.notes)


def test_days_without_rows_are_named_not_filled(export):
    rows = [f"2026-03-0{d},{OPUS},1,2,3,4,5,0" for d in (1, 2, 5)]
    found = pull(export(TOKENS, *rows))

    assert len(found.usage) == 3
    assert found.notes[-1] == "no rows on 2 of 5 days: 2026-03-03, 2026-03-04."


def test_the_window_cuts_both_exports(export):
    tokens = [f"2026-03-0{d},{OPUS},1,2,3,4,5,0" for d in (1, 2, 3)]
    costs = [f"2026-03-0{d},{OPUS_COST},output,1.00,token" for d in (1, 2, 3, 4)]
    found = pull(
        export(TOKENS, *tokens),
        cost_path=export(COST_OLD, *costs, name="cost.csv"),
        start="2026-03-02",
        end="2026-03-04",
    )

    assert found.usage["bucket_start"].dt.day.tolist() == [2, 3]
    assert found.cost["day"].dt.day.tolist() == [2, 3]
    assert (found.start.day, found.end.day) == (2, 4)
    assert found.source == "Anthropic Console export export.csv and cost.csv"
    assert not any("no rows on" in n for n in found.notes)


def test_a_part_of_a_day_is_not_a_day(export):
    path = export(TOKENS, f"2026-03-01,{OPUS},1,2,3,4,5,0")

    with pytest.raises(EmptyWindow, match="spans 2026-03-01 00:00 to 2026-03-02 00:00"):
        pull(path, start="2026-03-01T06:00", end="2026-03-02")


def test_an_unknown_header_names_what_was_found_and_both_forms(export):
    with pytest.raises(SchemaError) as caught:
        pull(export("date,tokens", "2026-03-01,5"))

    said = str(caught.value)
    assert "['date', 'tokens']" in said
    assert "usage_input_tokens_cache_read" in said
    assert "cost_usd" in said


def test_columns_of_a_later_export_are_ignored_and_noted(export):
    found = pull(export(TOKENS + ",mood", f"2026-03-01,{OPUS},1,2,3,4,5,0,calm"))

    assert any("columns ['mood']" in n for n in found.notes)


def test_exports_in_the_wrong_place_are_refused(export):
    tokens = export(TOKENS, f"2026-03-01,{OPUS},1,2,3,4,5,0")
    cost = export(COST_OLD, f"2026-03-01,{OPUS_COST},output,1.00,token", name="cost.csv")

    with pytest.raises(SchemaError, match="expected a cost export"):
        pull(tokens, cost_path=tokens)
    with pytest.raises(ParamError, match="both cost exports"):
        pull(cost, cost_path=cost)
    with pytest.raises(ParamError, match="path is empty"):
        pull("")


def test_bad_cells_are_refused(export):
    with pytest.raises(SchemaError, match="a day such as"):
        pull(export(TOKENS, f"03/01/2026,{OPUS},1,2,3,4,5,0"))
    with pytest.raises(SchemaError, match="cost_usd is empty"):
        pull(export(COST_OLD, f"2026-03-01,{OPUS_COST},output,,token"))
    with pytest.raises(EmptyWindow, match="no rows"):
        pull(export(TOKENS))


def test_a_future_window_is_empty(export):
    path = export(TOKENS, f"2026-03-01,{OPUS},1,2,3,4,5,0")
    params = PostmortemParams(source="console", path=path, start="2026-03-01")

    with pytest.raises(EmptyWindow, match="nothing has happened"):
        fetch(params, now=pd.Timestamp("2026-01-01", tz="UTC"))


@pytest.mark.real_data
def test_a_real_cost_export_sums_to_its_bill():
    if not REAL.is_file():
        pytest.skip("../shared/data is absent: no real Console export to read")
    found = pull(str(REAL))

    assert export_kind(REAL) == "cost"
    assert len(found.cost) == 62
    assert round(float(found.cost["amount_usd"].sum()), 2) == 190.34
    assert round(float(found.cost["list_usd"].sum()), 2) == 190.34
    assert set(found.cost["model"]) == {"claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-8"}
    assert set(found.cost["token_type"]) <= set(TOKEN_TYPES)
    assert found.cost.duplicated(["day", "model", "api_key", "token_type"]).sum() >= 1
