"""Unit prices: golden figures, and the traps of the price list."""

from datetime import date, datetime, timedelta, timezone

import pandas as pd
import pytest
from genai_prices import Usage, calc_price
from pandas.testing import assert_index_equal

from cacheaudit.pricing import RATES, UnitPrice, Unpriced, rates, unit_price
from cacheaudit.schema import TOKENS, check_usage

DAY = date(2026, 8, 1)


def priced(provider: str, model: str, day: date = DAY, **dimensions: str) -> UnitPrice:
    price = unit_price(provider, model, day, **dimensions)
    assert isinstance(price, UnitPrice), price
    return price


def unpriced(provider: str, model: str, day: date = DAY, **dimensions: str) -> Unpriced:
    price = unit_price(provider, model, day, **dimensions)
    assert isinstance(price, Unpriced), price
    return price


def rates_of(price: UnitPrice) -> list[float | None]:
    return [getattr(price, column) for column in RATES]


def usd(price: UnitPrice, **tokens: int) -> float:
    return sum(n * getattr(price, f"{k}_usd_per_mtok") for k, n in tokens.items()) / 1e6


def usage_of(*rows: dict[str, object]) -> pd.DataFrame:
    """A usage frame of one row per dict, an hour each from 2026-08-01."""
    start = pd.Series(pd.date_range("2026-08-01", periods=len(rows), freq="h", tz="UTC"))
    base = {"provider": "anthropic", "model": "claude-opus-5", "cache_read_tokens": pd.NA}
    frame = pd.DataFrame([base | r for r in rows])
    frame = frame.assign(bucket_start=frame.get("bucket_start", start))
    frame = frame.assign(bucket_end=frame["bucket_start"] + pd.Timedelta("1h"))
    counts = {c: frame[c].astype("Int64") for c in TOKENS if c in frame}
    return check_usage(frame.assign(**counts))


def test_openai_writes_and_reads_cost_what_was_billed():
    """One real pair, cold then warm: 0.025115 and 0.002046 USD."""
    price = priced("openai", "gpt-5.6-sol", date(2026, 8, 1))

    assert usd(price, cache_write_30m=4012, uncached_input=8) == pytest.approx(0.025115)
    assert usd(price, cache_write_other=4012, uncached_input=8) == pytest.approx(0.025115)
    assert usd(price, cache_read=4012, uncached_input=8) == pytest.approx(0.002046)
    assert price.valid_from is None


@pytest.mark.parametrize("day", [date(2026, 8, 21), date(2026, 11, 1)])
def test_a_price_change_starts_on_its_day(day):
    price = priced("openai", "gpt-5.6-sol", day)

    assert rates_of(price) == [4.0, 0.4, None, 5.0, None, None, 5.0, 20.0]
    assert price.valid_from == date(2026, 8, 21)
    assert priced("openai", "gpt-5.6-sol", date(2026, 8, 20)).uncached_input_usd_per_mtok == 5.0


def test_a_day_is_a_day_in_utc():
    """23:30 on the 20th in New York is the 21st in UTC."""
    new_york = timezone(timedelta(hours=-4))
    late = datetime(2026, 8, 20, 23, 30, tzinfo=new_york)

    assert priced("openai", "gpt-5.6-sol", late).day == date(2026, 8, 21)


def test_a_day_of_a_console_export_reconciles_to_the_cent():
    price = priced("anthropic", "claude-opus-4-5-20251101", date(2026, 6, 1))

    assert round(usd(price, cache_write_5m=302_527), 2) == 1.89
    assert round(usd(price, cache_read=3_301_672), 2) == 1.65
    assert round(usd(price, output=32_676), 2) == 0.82


@pytest.mark.parametrize(
    ("model", "plain", "read", "write", "hour", "output"),
    [
        ("claude-sonnet-4-5-20250929", 3, 0.30, 3.75, 6, 15),
        ("claude-opus-4-6", 5, 0.5, 6.25, 10, 25),
        ("claude-fable-5-1", 10, 0.25, 12.5, 20, 50),
        ("claude-sonnet-5-5", 2, 0.10, 2.5, 4, 10),
        ("claude-haiku-5-5", 0.1, 0.01, 0.125, 0.2, 0.5),
    ],
)
def test_anthropic_prices_are_those_of_the_price_list(model, plain, read, write, hour, output):
    expected = [plain, read, write, None, hour, None, write, output]

    assert rates_of(priced("anthropic", model, date(2026, 3, 1))) == pytest.approx(expected)


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-haiku-5-5", "gpt-6.1-sol"])
def test_a_million_summed_tokens_never_reach_a_tier(model):
    """The library's own call prices this sum at twice to five times the rate."""
    provider = "openai" if model.startswith("gpt") else "anthropic"
    usage = usage_of({"provider": provider, "model": model, "uncached_input_tokens": 1_000_000})
    per_request = calc_price(
        Usage(input_tokens=1_000_000),
        model,
        provider_id=provider,
        genai_request_timestamp=datetime(2026, 8, 1),  # noqa: DTZ001
    ).total_price
    rate = rates(usage).rates["uncached_input_usd_per_mtok"].iloc[0]

    assert rate == priced(provider, model).uncached_input_usd_per_mtok
    assert rate * 2 <= float(per_request)


def test_a_long_context_is_priced_at_its_tier():
    long = priced("anthropic", "claude-opus-4-6", date(2026, 3, 1), context_window="200k-1M")
    short = priced("anthropic", "claude-opus-4-6", date(2026, 3, 1), context_window="0-200k")

    assert rates_of(long) == [10.0, 1.0, 12.5, None, 20.0, None, 12.5, 37.5]
    assert rates_of(short) == [5.0, 0.5, 6.25, None, 10.0, None, 6.25, 25.0]
    assert long.notes == short.notes == ()


def test_a_tier_that_the_source_cannot_decide_is_noted():
    unknown = priced("anthropic", "claude-opus-4-6", date(2026, 3, 1))
    short = priced("anthropic", "claude-haiku-5-5", context_window="0-200k")
    long = priced("anthropic", "claude-haiku-5-5", context_window="200k-1M")
    flat = priced("anthropic", "claude-opus-5", context_window="200k-1M")

    assert "above 200,000 tokens" in unknown.notes[0]
    assert "above 100,000 tokens" in short.notes[0]
    assert long.uncached_input_usd_per_mtok == 0.5  # above 200k is above 100k
    assert long.notes == flat.notes == ()
    assert flat.uncached_input_usd_per_mtok == 5.0
    assert "context_window" in unpriced("anthropic", "claude-opus-5", context_window="2M").reason


@pytest.mark.parametrize(
    ("provider", "model", "nearest"),
    [
        ("anthropic", "claude-opus-4-6-foo", "claude-opus-4-6"),
        ("anthropic", "claude-opus-4-6-2026", "claude-opus-4-6"),
        ("anthropic", "claude-opus-4-6-v1", "claude-opus-4-6"),
        ("anthropic", "claude-haiku-4-5-20251301", "claude-haiku-4-5"),
        ("openai", "gpt-6.2-sol", "gpt-6.1-sol"),
        ("bedrock", "us.anthropic.claude-opus-4-6-foo-v1:0", "anthropic.claude-opus-4-6"),
        ("anthropic", "Claude Opus 4.5", "claude-opus-4.5"),
    ],
)
def test_a_guessed_or_unknown_name_is_unpriced_and_names_the_nearest(provider, model, nearest):
    found = unpriced(provider, model)

    assert (found.provider, found.model) == (provider, model)
    assert nearest in found.nearest[0]


def test_an_unknown_provider_is_unpriced():
    assert unpriced("antropic", "claude-opus-5").nearest == ("anthropic",)
    assert "no provider 'acme'" in unpriced("acme", "claude-opus-5").reason


@pytest.mark.parametrize(
    ("provider", "model", "as_"),
    [
        ("anthropic", "claude-opus-4-6", "claude-opus-4-6"),
        ("anthropic", "claude-opus-4.6", "claude-opus-4-6"),
        ("anthropic", "claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("anthropic", "claude-3-5-haiku-20241022", "claude-3-5-haiku-latest"),
        ("anthropic", "claude-sonnet-4-20250514", "claude-sonnet-4-0"),
        ("openai", "gpt-5.6", "gpt-5.6-sol"),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("vertex", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("bedrock", "us.anthropic.claude-opus-4-6-v1:0", "regional.anthropic.claude-opus-4-6-v1:0"),
        ("bedrock", "anthropic.claude-sonnet-4-6", "regional.anthropic.claude-sonnet-4-6-v1:0"),
        ("bedrock", "global.anthropic.claude-opus-5", "global.anthropic.claude-opus-5"),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-5",
            "regional.anthropic.claude-opus-5",
        ),
    ],
)
def test_documented_spellings_of_a_name_are_priced(provider, model, as_):
    assert priced(provider, model).priced_as == as_


def test_bedrock_prices_the_region_by_the_profile():
    everywhere = priced("bedrock", "global.anthropic.claude-opus-5")
    here = priced("bedrock", "us.anthropic.claude-opus-5", region="us-east-1")

    assert everywhere.cache_read_usd_per_mtok == 0.5
    assert here.cache_read_usd_per_mtok == 0.55


def test_batch_is_half_price_before_and_after_the_list_has_it():
    half = [2.5, 0.25, 3.125, None, 5.0, None, 3.125, 12.5]
    documented = priced("anthropic", "claude-opus-5", date(2026, 8, 1), service_tier="batch")
    listed = priced("anthropic", "claude-opus-5", date(2026, 10, 14), service_tier="batch")

    assert rates_of(documented) == half
    assert "half the list price" in documented.notes[0]
    assert rates_of(listed) == half
    assert listed.notes == ()


def test_a_batch_price_covers_only_the_classes_it_lists():
    """The library would charge reads of a GPT-4.1 batch at the full list price."""
    price = priced("openai", "gpt-4.1", date(2026, 11, 1), service_tier="batch")

    assert price.uncached_input_usd_per_mtok == 1.0
    assert price.cache_read_usd_per_mtok is None


@pytest.mark.parametrize(
    ("provider", "model", "day", "dimensions"),
    [
        ("openai", "gpt-5", date(2026, 10, 13), {"service_tier": "batch"}),
        ("azure", "gpt-5", date(2026, 11, 1), {"service_tier": "batch"}),
        ("openai", "gpt-5", date(2026, 11, 1), {"service_tier": "scale"}),
        ("anthropic", "claude-opus-5", date(2026, 11, 1), {"service_tier": "priority"}),
        ("anthropic", "claude-sonnet-5", date(2026, 11, 1), {"speed": "fast"}),
        (
            "anthropic",
            "claude-opus-5",
            date(2026, 11, 1),
            {"service_tier": "batch", "speed": "fast"},
        ),
        ("anthropic", "claude-opus-4-5", date(2026, 11, 1), {"region": "us"}),
        ("anthropic", "claude-opus-5", date(2026, 11, 1), {"region": "eu"}),
        ("openai", "gpt-5", date(2026, 11, 1), {"region": "eu"}),
        ("deepseek", "deepseek-chat", date(2026, 11, 1), {}),
    ],
)
def test_a_way_of_serving_without_a_price_is_unpriced_not_list_price(
    provider, model, day, dimensions
):
    assert unpriced(provider, model, day, **dimensions).reason


def test_ways_of_serving_that_are_listed_are_priced():
    fast = priced("anthropic", "claude-opus-5", speed="fast")
    flex = priced("openai", "gpt-5", date(2026, 11, 1), service_tier="flex")

    assert fast.output_usd_per_mtok == 50.0
    assert flex.uncached_input_usd_per_mtok == 0.625


def test_inference_in_the_us_costs_a_tenth_more_and_stacks():
    plain = priced("anthropic", "claude-opus-4-6", region="us")
    batch = priced("anthropic", "claude-opus-4-6", region="us", service_tier="batch")

    assert plain.uncached_input_usd_per_mtok == pytest.approx(5.5)
    assert batch.cache_read_usd_per_mtok == pytest.approx(0.275)


@pytest.mark.parametrize("word", ["standard", "default", "global", "not_available", ""])
def test_words_for_the_standard_way_change_nothing(word):
    standard = priced("anthropic", "claude-opus-5", service_tier=word, region=word, speed=word)

    assert standard == priced("anthropic", "claude-opus-5")


def test_models_without_a_write_fee_bill_writes_as_plain_input():
    old = priced("openai", "gpt-5.4-2026-03-05")

    assert old.cache_write_30m_usd_per_mtok == old.uncached_input_usd_per_mtok == 2.5
    assert old.cache_write_12h_usd_per_mtok == 2.5
    assert any("no write fee" in note for note in old.notes)


def test_a_class_without_a_rate_is_none_and_its_tokens_are_named():
    usage = usage_of(
        {"provider": "openai", "model": "gpt-5.6-sol", "cache_write_12h_tokens": 700},
        {"provider": "openai", "model": "gpt-5.6-sol", "cache_write_30m_tokens": 5},
    )
    book = rates(usage)

    assert priced("openai", "gpt-5.6-sol").cache_write_12h_usd_per_mtok is None
    assert book.rates["cache_write_12h_usd_per_mtok"].isna().all()
    assert book.unpriced == (
        Unpriced(
            provider="openai",
            model="gpt-5.6-sol",
            reason="the price list has no rate for cache_write_12h",
            tokens=700,
        ),
    )


def test_rates_stand_beside_their_rows():
    usage = usage_of(
        {"model": "claude-sonnet-5-5", "cache_read_tokens": 1},
        {"model": "claude-opus-5", "cache_read_tokens": 2},
        {"model": "made-up", "cache_read_tokens": 3},
        {"model": "claude-sonnet-5-5", "cache_read_tokens": 4},
    ).set_axis([7, 3, 9, 1])
    book = rates(usage)

    assert_index_equal(book.rates.index, usage.index)
    assert list(book.rates.columns) == RATES
    assert book.rates["cache_read_usd_per_mtok"].tolist() == [0.1, 0.5, pd.NA, 0.1]
    assert [p.model for p in book.used] == ["claude-opus-5", "claude-sonnet-5-5"]
    assert [(u.model, u.tokens) for u in book.unpriced] == [("made-up", 3)]


def test_a_row_is_priced_on_its_own_day():
    days = [pd.Timestamp("2026-08-20T23:00", tz="UTC"), pd.Timestamp("2026-08-21", tz="UTC")]
    usage = usage_of(
        *(
            {"provider": "openai", "model": "gpt-5.6-sol", "bucket_start": d, "output_tokens": 1}
            for d in days
        )
    )
    book = rates(usage)

    assert book.rates["output_usd_per_mtok"].tolist() == [30.0, 20.0]
    assert [p.day for p in book.used] == [date(2026, 8, 20), date(2026, 8, 21)]


def test_a_price_that_held_for_months_is_listed_once():
    start = pd.date_range("2026-05-01", periods=60, freq="D", tz="UTC")
    usage = usage_of(*({"bucket_start": d, "cache_read_tokens": 1} for d in start))
    book = rates(usage)

    assert [(p.model, p.day) for p in book.used] == [("claude-opus-5", date(2026, 5, 1))]


def test_unpriced_tokens_are_summed_over_days_and_classes():
    usage = usage_of(
        {"model": "made-up", "cache_read_tokens": 3, "output_tokens": 4},
        {"model": "made-up", "cache_read_tokens": pd.NA, "output_tokens": 5},
        {"model": None, "cache_read_tokens": 2},
        {"provider": "antropic", "cache_read_tokens": 1},
    )
    book = rates(usage)

    assert [(u.model, u.tokens) for u in book.unpriced] == [
        ("made-up", 12),
        (None, 2),
        ("claude-opus-5", 1),
    ]
    assert book.unpriced[1].reason == "the source did not name the model"
    assert "anthropic" in book.unpriced[2].nearest


def test_the_price_dimensions_of_a_row_count():
    usage = usage_of(
        {"cache_read_tokens": 1, "service_tier": "batch"},
        {"cache_read_tokens": 1, "service_tier": "standard", "region": "us"},
        {"cache_read_tokens": 1, "speed": "fast"},
    )

    assert rates(usage).rates["cache_read_usd_per_mtok"].tolist() == pytest.approx([0.25, 0.55, 1])


def test_an_empty_frame_has_no_prices():
    book = rates(usage_of({}).head(0))

    assert book.rates.empty
    assert list(book.rates.columns) == RATES
    assert book.used == book.unpriced == ()


def test_a_hundred_thousand_rows_are_priced_within_seconds():
    """0.1 s on two cores; ten times that would mean a look-up per row."""
    hours = pd.date_range("2026-07-01", periods=2000, freq="h", tz="UTC")
    models = [
        "claude-opus-5",
        "claude-fable-5-1",
        "made-up",
        "claude-sonnet-5-5",
        "claude-opus-4-6",
    ]
    grid = pd.MultiIndex.from_product([hours, models, [f"s{i}" for i in range(10)]])
    frame = grid.to_frame(index=False, name=["bucket_start", "model", "scope"])
    usage = check_usage(
        frame.assign(
            provider="anthropic",
            cache_read_tokens=1,
            bucket_end=frame["bucket_start"] + pd.Timedelta("1h"),
        )
    )
    before = pd.Timestamp.now("UTC")
    book = rates(usage)

    assert (pd.Timestamp.now("UTC") - before).total_seconds() < 2
    assert book.unpriced[0].tokens == 20_000
