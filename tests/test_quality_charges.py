"""A bill against priced usage: discounts, stale prices, and what has only one side."""

import numpy as np
import pandas as pd
import pytest

from cacheaudit.cost import cost_of
from cacheaudit.quality import cost_table, reconcile_cost
from cacheaudit.schema import check_cost, check_usage
from tests.planted import OPUS, SONNET, at, stream, usage_of

DAYS = 12


@pytest.fixture(scope="module", params=range(2))
def usage(request):
    streams = [stream(), stream(scope="b", model=OPUS, prefixes=20, per_hour=15)]
    return usage_of(streams, days=DAYS, seed=request.param)


@pytest.fixture(scope="module")
def priced(usage):
    return cost_of(usage).usd


def bill(usage, priced, listed=None, factor=1.0):
    """What a provider would charge: a row per day and model, at *factor* of the price."""
    day = usage["bucket_start"].dt.floor("D").rename("day")
    sums = priced.groupby([day, usage["model"]]).sum().rename("ours").reset_index()
    ratio = factor(sums) if callable(factor) else factor
    return check_cost(
        pd.DataFrame({
            "day": sums["day"],
            "provider": "anthropic",
            "model": sums["model"],
            "cost_type": "tokens",
            "amount_usd": (sums["ours"] * ratio).round(4),
            "list_usd": pd.NA if listed is None else (sums["ours"] * listed).round(4),
        })
    )  # fmt: skip


def found(usage, priced, cost, **settings):
    notes = reconcile_cost(usage, priced, cost, **settings)
    assert all(n.about == "cost" for n in notes)
    return {n.id: n for n in notes}


def test_a_bill_that_agrees_has_no_note(usage, priced):
    assert reconcile_cost(usage, priced, bill(usage, priced)) == ()
    assert reconcile_cost(usage, priced, bill(usage, priced, factor=1.015)) == ()


def test_what_is_no_token_is_left_out(usage, priced):
    other = bill(usage, priced).assign(cost_type="web_search", amount_usd=50.0)
    both = check_cost(pd.concat([bill(usage, priced), other]))

    assert reconcile_cost(usage, priced, both) == ()


def test_a_bill_without_model_names_is_compared_by_day(usage, priced):
    cost = bill(usage, priced, factor=0.8).assign(model=pd.NA)

    assert found(usage, priced, check_cost(cost))["price_differs"].text.startswith("All models")


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (None, "measurement.stale_price"),
        (1.0, "a discount of 20.0\u00a0%"),
        (1.25, "list price is 1.25 of ours"),
    ],
)
def test_a_constant_ratio_is_a_price(usage, priced, listed, words):
    note = found(usage, priced, bill(usage, priced, listed, 0.8))["price_differs"]

    assert note.severity == "note"
    assert "charged is 0.80 of what the price list asks, on every one of 12 days" in note.text
    assert "claude-opus-4-6 and claude-sonnet-4-5" in note.text
    assert words in note.text


def test_a_price_of_one_model_names_it(usage, priced):
    cost = bill(usage, priced, factor=lambda s: np.where(s["model"] == OPUS, 1.5, 1.0))
    note = found(usage, priced, cost)["price_differs"]

    assert "claude-opus-4-6: charged is 1.50" in note.text
    assert "sonnet" not in note.text


def test_a_ratio_that_steps_names_the_day(usage, priced):
    cost = bill(usage, priced, factor=lambda s: np.where(s["day"] >= at(6), 0.8, 1.0))
    note = found(usage, priced, cost)["price_differs"]

    assert (
        "1.00 of what the price list asks before 2026-03-08 and 0.80 from that day on" in note.text
    )


def test_a_ratio_that_is_not_constant_shows_the_largest_days(usage, priced):
    rng = np.random.default_rng(1)
    cost = bill(usage, priced, factor=lambda s: rng.uniform(0.7, 1.2, len(s)))
    note = found(usage, priced, cost)["cost_differs"]

    assert note.severity == "note"
    assert note.text.count("charged") == 4  # the total and three days


@pytest.mark.parametrize("range_", [(1.5, 4.0), (0.1, 0.6)])
def test_far_apart_and_not_constant_is_unfit(usage, priced, range_):
    rng = np.random.default_rng(1)
    cost = bill(usage, priced, factor=lambda s: rng.uniform(*range_, len(s)))

    assert found(usage, priced, cost)["cost_differs"].severity == "unfit"


def test_charges_and_tokens_with_one_side_only_are_told(usage, priced):
    cost = bill(usage, priced)
    extra = cost[cost["model"] == SONNET].assign(model="claude-haiku-4-5")
    some = check_cost(pd.concat([cost[cost["day"] < at(9)], extra]))
    notes = found(usage, priced, some)

    assert set(notes) == {"cost_without_usage", "usage_without_cost"}
    assert "claude-haiku-4-5" in notes["cost_without_usage"].text
    assert "from 2026-03-11 to 2026-03-13" in notes["usage_without_cost"].text


def test_days_that_the_window_cuts_are_not_compared(usage, priced):
    late = usage["bucket_start"] >= at(0.5)

    assert reconcile_cost(check_usage(usage[late]), priced[late].reset_index(drop=True),
                          bill(usage, priced)) == ()  # fmt: skip


def test_the_table_has_both_sides(usage, priced):
    table = cost_table(usage, priced, bill(usage, priced, listed=1.0, factor=0.8))

    assert list(table.columns) == ["day", "model", "priced_usd", "charged_usd", "list_usd"]
    assert len(table) == 2 * DAYS
    assert table["charged_usd"].sum() == pytest.approx(0.8 * priced.sum(), rel=1e-4)
    assert table["list_usd"].sum() == pytest.approx(priced.sum(), rel=1e-4)


def test_usage_without_a_price_is_not_compared(usage, priced):
    silent = priced.mask(usage["model"] == OPUS)
    notes = found(usage, silent, bill(usage, priced))

    assert set(notes) == {"cost_without_usage"}
