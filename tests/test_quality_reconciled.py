"""Whether a bill settles the money: planted bills, and the ways in which they are odd."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from cacheaudit.bars import Bars
from cacheaudit.cost import cost_of
from cacheaudit.diagnosis import diagnose
from cacheaudit.quality import reconcile_cost, reconciliation
from cacheaudit.schema import check_cost
from tests.planted import OPUS, SONNET, at, stream, usage_of

DAYS = 12


@pytest.fixture(scope="module")
def usage():
    streams = [stream(), stream(scope="b", model=OPUS, prefixes=20, per_hour=15)]
    return usage_of(streams, days=DAYS, seed=3)


@pytest.fixture(scope="module")
def priced(usage):
    return cost_of(usage).usd


@pytest.fixture(scope="module")
def bill(usage, priced):
    """What a provider would charge at the list's prices, a row per day and model."""
    day = usage["bucket_start"].dt.floor("D").rename("day")
    sums = priced.groupby([day, usage["model"]]).sum().rename("amount_usd").reset_index()
    return check_cost(sums.assign(provider="anthropic", cost_type="tokens"))


def times(bill, factor, listed=None):
    """*bill* with its charges times *factor*, and list prices at *listed* of what they were."""
    was = bill["amount_usd"]
    lists = pd.NA if listed is None else was * listed
    return check_cost(bill.assign(amount_usd=was * factor, list_usd=lists))


def note_ids(usage, priced, cost):
    return [n.id for n in reconcile_cost(usage, priced, cost)]


def test_without_a_bill_there_is_nothing_to_agree(usage, priced, bill):
    none = reconciliation(usage, priced, None)
    seats = reconciliation(usage, priced, bill.assign(cost_type="seats"))

    assert (none.standing, seats.standing) == ("no_bill", "no_bill")
    assert (none.reason, seats.reason) == (
        "no bill was given", "the bill has no charge for tokens"
    )  # fmt: skip
    assert math.isnan(none.charged_usd)
    assert none.differences.empty


@pytest.mark.parametrize(
    ("factor", "tolerance", "standing"),
    [(1.0, 0.02, "reconciled"), (1.019, 0.02, "reconciled"), (1.03, 0.02, "draft"),
     (1.03, 0.05, "reconciled"), (1.019, 0.01, "draft"), (0.5, 0.02, "draft")],
)  # fmt: skip
def test_money_is_settled_within_the_tolerance(usage, priced, bill, factor, tolerance, standing):
    found = reconciliation(usage, priced, times(bill, factor), tolerance=tolerance)

    assert found.standing == standing
    assert found.against == ("charged" if standing == "reconciled" else None)
    assert found.charged_usd == pytest.approx(factor * priced.sum())
    assert found.priced_usd == pytest.approx(priced.sum())
    assert found.difference_share == pytest.approx(abs(factor - 1) / factor, rel=1e-3)
    assert found.days == DAYS
    assert math.isnan(found.list_usd)
    assert math.isnan(found.discount_usd)


@pytest.mark.parametrize("by", ["day", "model"])
def test_errors_that_cancel_in_the_sum_leave_a_draft(usage, priced, bill, by):
    dearer = (bill["day"].dt.day % 2 == 0) if by == "day" else bill["model"] == OPUS
    off = np.where(dearer, 0.5, -0.5) * bill["amount_usd"].min()
    found = reconciliation(usage, priced, bill.assign(amount_usd=bill["amount_usd"] + off))

    assert found.charged_usd == pytest.approx(found.priced_usd)
    assert found.difference_share == pytest.approx(abs(off).sum() / priced.sum())
    assert found.standing == "draft"


def test_a_known_constant_discount_settles_it_against_the_list(usage, priced, bill):
    found = reconciliation(usage, priced, times(bill, 0.8, listed=1.0))
    total = priced.sum()

    assert (found.standing, found.against) == ("reconciled", "list")
    assert "discount is constant" in found.reason
    assert found.list_usd == pytest.approx(total)
    assert found.discount_usd == pytest.approx(0.2 * total)
    assert found.difference_share == pytest.approx(0.25, rel=1e-3)


def test_a_discount_may_differ_by_model(usage, priced, bill):
    factor = np.where(bill["model"] == OPUS, 0.9, 0.7)

    assert reconciliation(usage, priced, times(bill, factor, 1.0)).against == "list"


@pytest.mark.parametrize(
    ("factor", "listed"),
    [(0.8, None), (0.8, 1.25), (lambda b: np.where(b["day"] >= at(6), 0.8, 0.5), 1.0)],
    ids=["no list", "another list", "not constant"],
)
def test_any_other_discount_is_a_draft(usage, priced, bill, factor, listed):
    factor = factor(bill) if callable(factor) else factor

    assert reconciliation(usage, priced, times(bill, factor, listed)).standing == "draft"


def test_a_list_price_that_is_missing_once_makes_no_total(usage, priced, bill):
    cost = times(bill, 0.8, listed=1.0)
    cost.loc[0, "list_usd"] = pd.NA
    found = reconciliation(usage, priced, cost)

    assert math.isnan(found.list_usd)
    assert math.isnan(found.discount_usd)


def test_the_largest_differences_are_by_day_and_model(usage, priced, bill):
    cost = bill.copy()
    off = pd.Series(np.linspace(0, 11, len(cost)), index=cost.index)
    cost["amount_usd"] += off
    found = reconciliation(usage, priced, cost).differences

    assert list(found.columns) == ["day", "model", "charged_usd", "priced_usd", "difference_usd"]
    assert len(found) == 10
    assert found["difference_usd"].tolist() == pytest.approx(sorted(off, reverse=True)[:10])
    assert found["day"].iloc[0] == cost["day"].iloc[-1]


def test_what_only_one_side_has_counts_whole_and_is_never_0(usage, priced, bill):
    cost = bill[~((bill["model"] == OPUS) & (bill["day"] == at(4)))]
    gone = float(bill["amount_usd"].sum() - cost["amount_usd"].sum())
    late = reconciliation(usage, priced, check_cost(cost), tolerance=0.0001)
    unknown = reconciliation(usage, priced.mask(usage["model"] == OPUS), bill)

    assert late.standing == unknown.standing == "draft"
    (row,) = late.differences.to_dict("records")
    assert (row["day"], row["model"]) == (at(4), OPUS)
    assert math.isnan(row["charged_usd"])
    assert row["difference_usd"] == pytest.approx(-gone)
    assert unknown.differences["priced_usd"].isna().all()
    assert set(unknown.differences["model"]) == {OPUS}


def test_only_days_that_both_cover_are_compared(usage, priced, bill):
    early = check_cost(bill[bill["day"] < at(8)])
    cut = usage["bucket_start"] >= at(1.5)
    found = reconciliation(usage[cut], priced[cut], early)
    apart = reconciliation(usage, priced, bill.assign(day=bill["day"] + pd.Timedelta("90D")))

    assert (found.standing, found.days) == ("reconciled", 6)
    assert apart.standing == "draft"
    assert "no whole day in common" in apart.reason


def test_a_bill_around_the_days_of_usage_and_usage_without_rows_are_drafts(usage, priced, bill):
    edges = check_cost(bill[bill["day"].isin([at(0), at(11)])].assign(list_usd=1.0))
    middle = (usage["bucket_start"] >= at(2)) & (usage["bucket_start"] < at(5))
    around = reconciliation(usage[middle], priced[middle], edges)
    empty = reconciliation(usage.head(0), priced.head(0), bill)

    assert (around.standing, around.days, empty.standing) == ("draft", 3, "draft")
    assert math.isnan(around.list_usd)


def test_a_bill_without_model_names_is_compared_by_day(usage, priced, bill):
    found = reconciliation(usage, priced, check_cost(bill.assign(model=pd.NA)))

    assert found.standing == "reconciled"


def test_an_unmarked_credit_is_told_and_keeps_a_draft(usage, priced, bill):
    """A tenth of the bill is given back in one row: the net charge is right, and is no price."""
    back = -0.1 * float(bill["amount_usd"].sum())
    credit = bill.head(1).assign(amount_usd=back)
    cost = check_cost(pd.concat([bill, credit]))
    found = reconciliation(usage, priced, cost)

    assert found.standing == "draft"
    assert found.credits_usd == pytest.approx(back)
    assert found.charged_usd == pytest.approx(0.9 * priced.sum())
    assert "cost_credits" in note_ids(usage, priced, cost)


def test_a_credit_with_a_type_of_its_own_is_no_charge_for_tokens(usage, priced, bill):
    credit = bill.head(1).assign(cost_type="credit", amount_usd=-500.0)
    cost = check_cost(pd.concat([bill, credit]))

    assert reconciliation(usage, priced, cost).standing == "reconciled"
    assert note_ids(usage, priced, cost) == []


def test_a_bill_of_credits_alone_is_a_draft(usage, priced, bill):
    found = reconciliation(usage, priced, times(bill, -1.0))

    assert found.standing == "draft"
    assert "nothing was charged" in found.reason
    assert math.isnan(found.difference_share)


@pytest.mark.parametrize("rows", [slice(None), slice(4, 9)], ids=["all", "some"])
def test_rows_that_are_there_twice_are_told_and_not_dropped(usage, priced, bill, rows):
    cost = check_cost(pd.concat([bill, bill.iloc[rows]]))
    extra = float(bill["amount_usd"].iloc[rows].sum())
    found = reconciliation(usage, priced, cost)

    assert found.standing == "draft"
    assert found.charged_usd == pytest.approx(priced.sum() + extra)
    assert note_ids(usage, priced, cost) == ["cost_repeats"]


def test_a_discounted_bill_that_is_there_twice_is_told_by_its_list(usage, priced, bill):
    once = times(bill, 0.8, listed=1.0)
    ids = note_ids(usage, priced, check_cost(pd.concat([once, once])))

    assert ids == ["cost_repeats", "price_differs"]


def test_repeats_that_are_real_charges_are_left_alone(usage, priced, bill):
    """Half of each charge in each of two equal rows, as real exports have them."""
    half = times(bill, 0.5)
    cost = check_cost(pd.concat([half, half]))

    assert reconciliation(usage, priced, cost).standing == "reconciled"
    assert note_ids(usage, priced, cost) == []


def test_repeats_are_blamed_for_nothing_that_they_do_not_explain(usage, priced, bill):
    """One small row twice in a bill that agrees all the same; and a bill that never agrees."""
    small = bill.nsmallest(1, "amount_usd").assign(amount_usd=0.01)
    fine = check_cost(pd.concat([bill, small, small]))
    stale = times(bill, 1.6)
    far = check_cost(pd.concat([stale, stale]))

    assert note_ids(usage, priced, fine) == []
    assert note_ids(usage, priced, far) == ["price_differs"]


def test_a_diagnosis_carries_it_at_the_tolerance_of_its_bars(usage, bill):
    cost = times(bill, 1.03)

    assert diagnose(usage).reconciliation.standing == "no_bill"
    assert diagnose(usage, cost=cost).reconciliation.standing == "draft"
    loose = diagnose(usage, cost=cost, bars=Bars(bill_tolerance=0.05))
    assert loose.reconciliation.standing == "reconciled"
    assert not any(n.id == "price_differs" for n in loose.quality)


def test_it_is_plain_data(usage, priced, bill):
    some = reconciliation(usage, priced, times(bill, 1.5)).to_dict()
    none = reconciliation(usage, priced, None).to_dict()

    json.dumps([some, none], allow_nan=False)
    assert some["differences"][0]["model"] in (OPUS, SONNET)
    assert none["charged_usd"] is None
