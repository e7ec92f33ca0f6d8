"""Prices that were given: whose row holds, for what, from which day; and what is refused."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from cacheaudit.cost import cost_of, daily_cost, repriced
from cacheaudit.diagnosis import diagnose
from cacheaudit.errors import SchemaError, SourceError
from cacheaudit.price_table import PRICES, RATES, PriceTable, check_prices, shipped_prices
from cacheaudit.pricing import UnitPrice, Unpriced, rates, unit_price
from cacheaudit.schema import check_usage
from cacheaudit.sources.tables import read_prices
from tests.planted import OPUS, SONNET, at, stream, usage_of

OPUS_5 = {"provider": "anthropic", "model": "claude-opus-5", "valid_from": "2026-08-01"}
PLAIN = "uncached_input_usd_per_mtok"
DAY = date(2026, 8, 10)


def table(*rows: dict[str, Any]) -> PriceTable:
    return check_prices(pd.DataFrame([OPUS_5 | row for row in rows]), "contract.csv")


def price(prices: PriceTable | None, day: date = DAY, **given: Any) -> UnitPrice:
    asked = {"provider": "anthropic", "model": "claude-opus-5"} | given
    found = unit_price(asked.pop("provider"), asked.pop("model"), day, **asked, prices=prices)
    assert isinstance(found, UnitPrice), found
    return found


def usage(day: str, model: str = "claude-opus-5", **tokens: int) -> pd.DataFrame:
    start = pd.Timestamp(day, tz="UTC")
    counts = {"uncached_input": 0, "cache_read": 0, "output": 0} | tokens
    row = {f"{kind}_tokens": [n] for kind, n in counts.items()}
    row |= {"bucket_start": [start], "bucket_end": [start + pd.Timedelta("1h")]}
    provider = "openai" if model.startswith("gpt") else "anthropic"
    return check_usage(pd.DataFrame({**row, "provider": [provider], "model": [model]}))


def test_our_own_table_ships_and_holds_only_what_has_a_source():
    shipped = shipped_prices()

    assert all(r.source_url and r.checked_on for rows in shipped.rows.values() for r in rows)
    assert len(shipped) == 0  # a row that is added needs its reason in price_table's docstring


def test_an_override_holds_from_its_day_on_only():
    own = table({PLAIN: 4.0})
    before, after = price(own, date(2026, 7, 31)), price(own, date(2026, 8, 1))

    assert before.uncached_input_usd_per_mtok == price(None).uncached_input_usd_per_mtok == 5.0
    assert (before.source, after.source) == ("genai-prices 0.2.3", "contract.csv")
    assert before.source_url.startswith("https://www.anthropic.com/pricing")
    assert before.notes == ("contract.csv prices it from 2026-08-01 on: the price list is used",)
    assert after.uncached_input_usd_per_mtok == 4.0
    assert (after.valid_from, after.notes) == (date(2026, 8, 1), ())


def test_of_two_rows_the_later_holds_whatever_their_order():
    own = table(
        {PLAIN: 3.0, "valid_from": "2026-08-09"},
        {PLAIN: 4.0},
        {PLAIN: 2.0, "valid_from": "2027-01-01"},
    )

    assert price(own).uncached_input_usd_per_mtok == 3.0
    assert price(own, date(2026, 8, 8)).uncached_input_usd_per_mtok == 4.0


def test_a_price_that_changes_within_the_window_is_by_day():
    """A million tokens a day: 5 by the list, then 4 by contract, then 3."""
    own = table({PLAIN: 4.0}, {PLAIN: 3.0, "valid_from": "2026-08-02"})
    days = ["2026-07-30", "2026-07-31T23:00", "2026-08-01", "2026-08-01T23:00", "2026-08-02"]
    frame = check_usage(pd.concat([usage(d, uncached_input=1_000_000) for d in days]))
    spent = cost_of(frame, own)

    assert spent.usd.tolist() == pytest.approx([5, 5, 4, 4, 3])
    assert daily_cost(frame, spent.usd)["usd"].tolist() == pytest.approx([5, 5, 8, 3])
    assert [(p.day.isoformat(), p.source) for p in spent.book.used] == [
        ("2026-07-30", "genai-prices 0.2.3"),
        ("2026-08-01", "contract.csv"),
        ("2026-08-02", "contract.csv"),
    ]


def test_a_real_change_in_the_list_is_by_day():
    """gpt-5.6-sol: 5 and 30 USD until 2026-08-20, 4 and 20 from the 21st on."""
    frame = check_usage(pd.concat([
        usage(day, "gpt-5.6-sol", uncached_input=1_000_000, output=1_000_000)
        for day in ("2026-08-20T23:00", "2026-08-21T00:00")
    ]))  # fmt: skip

    assert cost_of(frame).usd.tolist() == pytest.approx([35.0, 24.0])


def test_a_receipt_of_openrouter_to_the_sixth_digit():
    """4,012 tokens written then read, 8 plain: 0.025115 and 0.002046 USD of input.

    The list's own row for OpenRouter has another price for that time, hence a table.
    """
    receipt = {"provider": "openrouter", "model": "openai/gpt-5.6-sol", "valid_from": "2026-07-01"}
    own = check_prices(
        pd.DataFrame([receipt | {
            PLAIN: 5, "cache_read_usd_per_mtok": 0.5, "cache_write_30m_usd_per_mtok": 6.25,
            "output_usd_per_mtok": 30,
        }]),
        "receipts.csv",
    )  # fmt: skip
    cold = usage("2026-08-01", uncached_input=8, cache_write_30m=4012)
    warm = usage("2026-08-01", uncached_input=8, cache_read=4012)

    for frame, usd in ((cold, 0.025115), (warm, 0.002046)):
        named = frame.assign(provider="openrouter", model="openai/gpt-5.6-sol")
        listed = frame.assign(provider="openai", model="gpt-5.6-sol")

        assert round(cost_of(named, own).usd.iloc[0], 6) == usd
        assert round(cost_of(listed).usd.iloc[0], 6) == usd
        assert round(cost_of(named).usd.iloc[0], 6) != usd


@pytest.mark.parametrize("own", [True, False])
def test_a_day_of_a_console_export_to_the_cent(own):
    given = {"cache_write_5m_usd_per_mtok": 6.25, "cache_read_usd_per_mtok": 0.5,
             "output_usd_per_mtok": 25, "valid_from": "2026-01-01"}  # fmt: skip
    prices = table(given) if own else None
    tokens = {"cache_write_5m": 302_527, "cache_read": 3_301_672, "output": 32_676}
    usd = [cost_of(usage("2026-06-24", **{k: n}), prices).usd.iloc[0] for k, n in tokens.items()]

    assert [round(u, 2) for u in usd] == [1.89, 1.65, 0.82]


def test_an_empty_class_is_unpriced_and_not_filled_from_the_list():
    own = table({PLAIN: 4.0})
    frame = usage("2026-08-10", uncached_input=10, cache_read=7)
    spent = cost_of(frame, own)

    assert [getattr(price(own), c) for c in RATES] == [4.0, *[None] * 7]
    assert spent.usd.isna().all()
    assert spent.book.unpriced == (
        Unpriced(
            provider="anthropic",
            model="claude-opus-5",
            reason="contract.csv has no rate for cache_read",
            tokens=7,
        ),
    )


def test_a_free_model_of_ones_own_costs_nothing():
    own = check_prices(
        pd.DataFrame([{"provider": "vllm", "model": "qwen-local", "valid_from": "2026-01-01"}
                      | dict.fromkeys(RATES, 0)]),
        "own.csv",
    )  # fmt: skip
    frame = usage("2026-08-10", uncached_input=10, cache_read=7).assign(
        provider="vllm", model="qwen-local"
    )

    assert cost_of(frame).usd.isna().all()
    assert cost_of(frame, own).usd.tolist() == [0.0]


@pytest.mark.parametrize(
    ("row", "asked", "fits"),
    [
        ({}, {}, True),
        ({}, {"service_tier": "standard", "context_window": "0-200k", "region": "global"}, True),
        ({}, {"service_tier": "batch"}, False),
        ({}, {"context_window": "200k-1M"}, False),
        ({}, {"region": "us"}, False),
        ({"service_tier": "*"}, {"service_tier": "batch"}, True),
        ({"service_tier": "Batch"}, {"service_tier": "batch"}, True),
        ({"service_tier": "batch"}, {}, False),
        ({"region": "*"}, {"region": "us", "speed": "fast"}, False),
        ({"model": "Claude-Opus-5"}, {"model": "claude-opus-5-20260701"}, True),
        ({"model": "claude-opus-5-20260701"}, {"model": "claude-opus-5"}, False),
        ({"provider": "bedrock"}, {"provider": "bedrock"}, True),
        ({"provider": "bedrock"},
         {"provider": "bedrock", "model": "us.anthropic.claude-opus-5", "region": "us-east-1"},
         True),
    ],
)  # fmt: skip
def test_what_a_row_covers(row, asked, fits):
    own = table({PLAIN: 1.5} | row)
    asked = {"provider": "anthropic", "model": "claude-opus-5"} | asked
    found = unit_price(asked.pop("provider"), asked.pop("model"), DAY, **asked, prices=own)

    assert (getattr(found, PLAIN, None) == 1.5) == fits


def test_the_most_exact_row_wins_over_a_later_one():
    own = table(
        {PLAIN: 1.0, "service_tier": "*", "valid_from": "2026-08-09"},
        {PLAIN: 2.0, "service_tier": "batch"},
        {PLAIN: 3.0, "model": "claude-opus-5-20260701", "service_tier": "*"},
    )

    assert price(own).uncached_input_usd_per_mtok == 1.0
    assert price(own, service_tier="batch").uncached_input_usd_per_mtok == 2.0
    dated = price(own, model="claude-opus-5-20260701", service_tier="batch")
    assert dated.uncached_input_usd_per_mtok == 3.0


def test_a_way_of_serving_that_the_table_lacks_is_the_list_s_and_says_so():
    own = table({PLAIN: 4.0})
    batch = price(own, service_tier="batch")
    gone = unit_price("anthropic", "claude-opus-5", DAY, region="mars", prices=own)

    assert (batch.uncached_input_usd_per_mtok, batch.source) == (2.5, "genai-prices 0.2.3")
    assert "contract.csv has no row for service_tier 'batch' then" in batch.notes[0]
    assert isinstance(gone, Unpriced)
    assert "no price is known for region 'mars'; contract.csv has no row" in gone.reason


def test_two_tables_do_not_share_what_was_looked_up():
    assert price(table({PLAIN: 4.0})).uncached_input_usd_per_mtok == 4.0
    assert price(table({PLAIN: 3.0})).uncached_input_usd_per_mtok == 3.0
    assert price(None).uncached_input_usd_per_mtok == 5.0


def test_repricing_is_by_the_table_too():
    frame = usage("2026-08-10", uncached_input=1_000_000)
    moved = frame.assign(then_model="claude-sonnet-5", all="all")
    own = table({PLAIN: 4.0}, {"model": "claude-sonnet-5", PLAIN: 1.0})
    usd = repriced(moved, pd.Timestamp("2026-08-10", tz="UTC"), by="all", prices=own).loc["all"]

    assert (usd["own"], usd["then"]) == (4.0, 1.0)


def test_a_diagnosis_is_at_the_table_s_prices_throughout():
    """All rates ten times the list's from before the data: so are cost, excess and list ratio."""
    frame = usage_of([stream().then(6, model=OPUS, floor=4096)], days=10, seed=1)
    rows = []
    for model, factor in ((SONNET, 10), (OPUS, 30)):
        listed = unit_price("anthropic", model, at(0).date())
        priced = {c: None if (r := getattr(listed, c)) is None else factor * r for c in RATES}
        rows.append({"provider": "anthropic", "model": model, "valid_from": "2026-01-01"} | priced)
    plain = diagnose(frame)
    own = diagnose(frame, prices=check_prices(pd.DataFrame(rows), "ten.csv"))

    assert {p.source for p in own.costed.book.used} == {"ten.csv"}
    assert own.leading == plain.leading
    assert own.excess_usd.value == pytest.approx(30 * plain.excess_usd.value, rel=1e-6)
    ratios = [d.costliest.case.list_price_ratio for d in (own, plain)]
    assert ratios[0] == pytest.approx(3 * ratios[1])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"model": ""}, "model is empty in row 1"),
        ({"provider": None}, "provider is empty in row 1"),
        ({"valid_from": pd.NaT}, "valid_from is empty in row 1"),
        ({"valid_from": "soon"}, "valid_from is 'soon' in row 1 of contract.csv; expected a day"),
        ({"valid_from": "2026-02-30"}, "valid_from is '2026-02-30'"),
        ({"valid_from": "2026-03-01T12:00Z"}, "valid_from is '2026-03-01T12:00Z'"),
        ({"valid_from": pd.Timestamp("2026-03-01T12:00")}, "valid_from is '2026-03-01 12:00:00'"),
        ({"checked_on": "yesterday"}, "checked_on is 'yesterday'"),
        ({PLAIN: -1}, "is '-1' in row 1 of contract.csv; expected USD per million"),
        ({PLAIN: "inf"}, "is 'inf' in row 1"),
        ({PLAIN: "nan"}, "is 'nan' in row 1"),
        ({PLAIN: "$5"}, r"is '\$5' in row 1"),
        ({PLAIN: "0.000005"}, "the price of one: multiply it by 1,000,000"),
        ({PLAIN: None}, "row 1 of contract.csv has no rate"),
        ({"price": 3}, r"unknown columns \['price'\]; expected only"),
    ],
)
def test_a_malformed_table_is_refused_by_row(row, words):
    with pytest.raises(SchemaError, match=words):
        table({PLAIN: 4.0} | row)


@pytest.mark.parametrize("again", [{}, {"region": "global"}, {"model": "CLAUDE-opus-5"}])
def test_two_rows_for_one_key_and_day_are_refused(again):
    with pytest.raises(
        SchemaError, match=r"rows 1 and 2 of contract\.csv both price 'claude-opus-5'"
    ):
        table({PLAIN: 4.0}, {PLAIN: 5.0} | again)


def test_a_table_needs_its_three_columns():
    with pytest.raises(SchemaError, match=r"lacks the columns \['valid_from'\] of a price table"):
        check_prices(pd.DataFrame({"provider": ["a"], "model": ["b"], PLAIN: [1]}), "contract.csv")


def test_a_file_reads_back_with_days_and_empty_cells(tmp_path):
    file = tmp_path / "contract.csv"
    file.write_text(
        "provider,model,valid_from,uncached_input_usd_per_mtok,output_usd_per_mtok,checked_on\n"
        "anthropic,claude-opus-5,2026-08-01,4.5,,2026-08-02\n"
    )
    found = price(read_prices(file))

    assert (found.uncached_input_usd_per_mtok, found.output_usd_per_mtok) == (4.5, None)
    assert found.source == "contract.csv"


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (None, SourceError, "no file at"),
        ("a,b\n1,2\n", SourceError, "is not a price table"),
        ("provider,model\nanthropic,x\n", SchemaError, "lacks the columns"),
        (",".join(PRICES) + "\n", SchemaError, "has no row"),
        ("provider,model,valid_from,output_usd_per_mtok\na,b,2026-01-01,-3\n", SchemaError, "'-3'"),
        ("provider,model,valid_from\na,b,2026-01-01,7\n", SchemaError, "is not a price table"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_message(tmp_path, text, error, words):
    file = tmp_path / "contract.csv"
    if text is not None:
        file.write_text(text)

    with pytest.raises(error, match=words) as caught:
        read_prices(file)

    assert "\n" not in str(caught.value)


def test_a_large_table_does_not_slow_a_hundred_thousand_rows():
    """Rows of a table are found once per model and day, by name."""
    many = [{"model": f"model-{i}", PLAIN: 1.0} for i in range(2000)]
    hours = pd.date_range("2026-07-01", periods=2000, freq="h", tz="UTC")
    grid = pd.MultiIndex.from_product([hours, [f"model-{i}" for i in range(5)], range(10)])
    frame = grid.to_frame(index=False, name=["bucket_start", "model", "scope"])
    frame = check_usage(frame.assign(
        scope=frame["scope"].astype(str), provider="anthropic", uncached_input_tokens=1,
        bucket_end=frame["bucket_start"] + pd.Timedelta("1h"),
    ))  # fmt: skip
    own = table(*many)
    before = pd.Timestamp.now("UTC")
    book = rates(frame, own)

    assert (pd.Timestamp.now("UTC") - before).total_seconds() < 2
    assert {p.source for p in book.used} == {"contract.csv"}
