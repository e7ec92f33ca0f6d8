"""What tokens cost: by row, by day, and at the prices of another model."""

from typing import Any

import pandas as pd
import pytest

from cacheaudit.cost import cost_of, daily_cost, repriced
from cacheaudit.schema import check_usage
from tests.planted import OPUS, PRICES, SONNET, spent_usd, stream, usage_of

DAY = pd.Timestamp("2026-03-10", tz="UTC")


def row(**changes: Any) -> pd.DataFrame:
    """A million tokens of each class on Sonnet 4.5."""
    values: dict[str, Any] = {
        "bucket_start": [DAY],
        "bucket_end": [DAY + pd.Timedelta("1h")],
        "provider": ["anthropic"],
        "model": [SONNET],
        "uncached_input_tokens": [1_000_000],
        "cache_read_tokens": [1_000_000],
        "cache_write_5m_tokens": [1_000_000],
        "cache_write_1h_tokens": [1_000_000],
        "output_tokens": [1_000_000],
    }
    return check_usage(pd.DataFrame({**values, **{k: [v] for k, v in changes.items()}}))


def test_each_class_has_its_own_rate():
    """3.00 uncached + 0.30 read + 3.75 written for 5 minutes + 6.00 for an hour + 15.00 output."""
    assert cost_of(row()).usd.tolist() == [pytest.approx(28.05)]


def test_a_batch_costs_half():
    assert cost_of(row(service_tier="batch")).usd.tolist() == [pytest.approx(28.05 / 2)]


@pytest.mark.parametrize("seed", range(3))
def test_the_cost_of_a_history_is_the_sum_of_its_requests(seed):
    usage = usage_of([stream().then(2, model=OPUS, floor=4096)], days=4, seed=seed)

    assert cost_of(usage).usd.sum() == pytest.approx(spent_usd(usage))


@pytest.mark.parametrize("column", ["uncached_input_tokens", "cache_read_tokens", "output_tokens"])
def test_a_class_that_is_not_reported_leaves_the_cost_unknown(column):
    assert cost_of(row(**{column: None})).usd.isna().all()


def test_a_lifetime_that_is_not_reported_is_not_sold():
    without = cost_of(row(cache_write_1h_tokens=None)).usd

    assert without.tolist() == [pytest.approx(28.05 - 6.0)]


def test_tokens_without_a_price_have_no_cost_and_are_named():
    costed = cost_of(row(model="mystery-9"))

    assert costed.usd.isna().all()
    assert [(u.model, u.tokens) for u in costed.book.unpriced] == [("mystery-9", 5_000_000)]


def test_a_day_with_one_row_unpriced_has_no_sum():
    usage = check_usage(pd.concat([row(scope="a"), row(scope="b", output_tokens=None)]))
    days = daily_cost(usage, cost_of(usage).usd)

    assert days["usd"].isna().tolist() == [True]


def test_a_day_is_the_sum_of_its_rows_by_model():
    usage = check_usage(pd.concat([row(scope="a"), row(scope="b"), row(model=OPUS)]))
    days = daily_cost(usage, cost_of(usage).usd).set_index("model")["usd"]

    assert days[SONNET] == pytest.approx(56.10)
    assert days[OPUS] == pytest.approx(sum(PRICES[OPUS]))


def moved(rows: pd.DataFrame, **to_model: str) -> pd.Series:
    """`own` and `then` of *rows* when each scope moves to the model named for it."""
    then = rows["scope"].map(to_model).fillna(rows["model"])
    usd = repriced(rows.assign(then_model=then, all="all"), DAY, by="all")
    return usd.loc["all"]


def test_repricing_moves_only_the_models_that_moved():
    usage = check_usage(pd.concat([row(scope="a"), row(scope="b", model="claude-haiku-4-5")]))
    usd = moved(usage, a=OPUS)

    assert usd["own"] == pytest.approx(cost_of(usage).usd.sum())
    assert usd["then"] - usd["own"] == pytest.approx(sum(PRICES[OPUS]) - sum(PRICES[SONNET]))


def test_repricing_keeps_the_tier_that_was_used():
    """A ratio of a standard price over a batch price would read as a dearer model."""
    usd = moved(row(scope="a", service_tier="batch"), a=OPUS)

    assert usd["then"] / usd["own"] == pytest.approx(sum(PRICES[OPUS]) / sum(PRICES[SONNET]))


def test_repricing_at_a_model_without_a_price_is_not_known():
    usd = moved(row(scope="a"), a="mystery-9")

    assert pd.isna(usd["then"])
    assert usd["own"] == pytest.approx(28.05)
