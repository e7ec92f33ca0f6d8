"""The parts of a loss: what marks carry, what gaps and turns carry, and that they add up."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheaudit.causes.losses import COLUMN, Losses, heavier, losses_of, rates_of, rise_of
from cacheaudit.causes.losses import worse_within as worse
from cacheaudit.traffic import LogFacts
from cacheaudit.traffic.calls import GAPS
from tests.cases import counts, log_facts, pair, pairs

NAN = float("nan")
weights = st.lists(st.floats(0.01, 100), min_size=4, max_size=4)
shares = st.lists(st.floats(0, 1), min_size=4, max_size=4)


def bands(
    before: list[float], bad_before: list[float], after: list[float], bad_after: list[float]
) -> pd.DataFrame:
    """By gap: a weight and the share of it that was lost, before and after."""
    index = pd.MultiIndex.from_product([["before", "after"], GAPS], names=["period", "gap"])
    weight = pd.Series([*before, *after], index=index)
    rates = pd.Series([*bad_before, *bad_after], index=index)
    return rates_of(weight, weight * rates)


def found(*groups: dict, **tables: pd.DataFrame) -> Losses:
    losses = losses_of(log_facts(pairs=pairs(*groups), **tables))
    assert losses is not None
    return losses


def only(losses: Losses, **values: object) -> pd.Series:
    mask = pd.Series(True, index=losses.pairs.index)
    for column, value in values.items():
        mask &= losses.pairs[column] == value
    return mask


@settings(max_examples=60, deadline=None)
@given(weights, shares, weights, shares)
def test_heavier_and_worse_are_the_whole_rise(before, bad_before, after, bad_after):
    one = bands(before, bad_before, after, bad_after)
    rise = np.average(bad_after, weights=after) - np.average(bad_before, weights=before)

    assert rise_of(one) == pytest.approx(rise, abs=1e-9)
    assert heavier(one) + worse(one, tuple(GAPS)) == pytest.approx(rise, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(weights, shares, weights, shares)
def test_becoming_worse_adds_up_over_bands(before, bad_before, after, bad_after):
    one = bands(before, bad_before, after, bad_after)

    assert sum(worse(one, (g,)) for g in GAPS) == pytest.approx(worse(one, tuple(GAPS)), abs=1e-9)


def test_a_worked_example():
    """Half of the weight goes from a band at 0 to one at 0.2, which goes to 0.4."""
    one = bands([3, 1, 0, 0], [0, 0.2, 0, 0], [1, 3, 0, 0], [0, 0.4, 0, 0])

    assert rise_of(one) == pytest.approx(0.75 * 0.4 - 0.25 * 0.2)
    assert heavier(one) == pytest.approx(0.5 * 0.3)
    assert worse(one, (GAPS[1],)) == pytest.approx(0.5 * 0.2)


def test_a_band_of_one_period_is_weight_alone():
    """It cannot have become worse: there is nothing to compare it with."""
    one = bands([1, 0, 0, 0], [0.1, NAN, NAN, NAN], [0.5, 0.5, 0, 0], [0.1, 0.9, NAN, NAN])

    assert worse(one, tuple(GAPS)) == pytest.approx(0)
    assert heavier(one) == pytest.approx(0.4)


GROUPS = st.lists(
    st.tuples(st.integers(20, 500), st.floats(0, 0.3), st.integers(20, 500), st.floats(0.4, 1)),
    min_size=2,
    max_size=4,
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(GROUPS)
def test_parts_of_disjoint_marks_are_the_whole_rise(groups):
    rows = []
    for gap, (calls, was, later, now) in zip(GAPS, groups, strict=False):
        rows += [
            pair("before", calls + 50, was, gap=gap),
            pair("after", later + 50, now, gap=gap),
        ]
    losses = found(*rows)
    each = [losses.part(only(losses, gap=gap)) for gap in GAPS]

    assert sum(each) == pytest.approx(1, abs=1e-9)
    assert losses.of_longer_gaps() + losses.of_gaps(tuple(GAPS)) == pytest.approx(1, abs=1e-9)
    assert losses.part(pd.Series(True, index=losses.pairs.index)) == pytest.approx(1)
    assert losses.part(pd.Series(False, index=losses.pairs.index)) == 0


def test_losses_shares_and_rates_by_hand():
    """200 of 2,000 lost before; after, 100 of 1,500 plain ones and all 500 with other tools."""
    losses = found(
        pair("before", 2000, 0.1),
        pair("after", 1500, 1 / 15),
        pair("after", 500, 1, tools_same=False),
    )
    tools, plain = losses.marked("tools"), losses.unmarked(tuple(GAPS[:2]))

    assert (losses.before, losses.after, losses.rise) == pytest.approx((0.1, 0.3, 0.2))
    assert losses.of("tools") == pytest.approx(0.25 / 0.2)
    assert losses.of("scope") == 0
    assert losses.part(plain) == pytest.approx((0.05 - 0.1) / 0.2)
    assert losses.rate(tools, "after") == pytest.approx(1)
    assert np.isnan(losses.rate(tools, "before"))
    assert losses.share(tools, "after") == pytest.approx(0.25)
    assert losses.missed(tools) == pytest.approx(1)
    assert losses.missed(plain) == pytest.approx(1 / 15)


@pytest.mark.parametrize("mark", COLUMN)
def test_any_mark_makes_a_pair_marked(mark):
    column, value = COLUMN[mark]
    losses = found(pair("after", 100, 0.5), pair("after", 100, 0.9, **{column: value}))
    plain = losses.unmarked(tuple(GAPS[:2]))

    assert plain.tolist() == [True, True, False]


def test_a_long_gap_is_no_unmarked_loss():
    losses = found(pair("after", 100, 0.5, gap=GAPS[2]))

    assert losses.unmarked(tuple(GAPS[:2])).tolist() == [True, False]


def test_a_mark_counts_where_it_is_logged_for_most():
    some = pair("after", 199, 0.5, tools_same=None)
    assert np.isnan(found(pair("after", 790, 0.5), some).of("tools"))
    assert found(pair("after", 800, 0.5), some).of("tools") == 0


def test_partial_misses_are_a_share_of_misses():
    losses = found(pair("after", 100, 0.5, partial=0.4), pair("after", 100, 0.0, gap=GAPS[1]))

    assert losses.partial(only(losses, gap=GAPS[0])) == pytest.approx(0.4)
    assert np.isnan(losses.partial(only(losses, gap=GAPS[1])))
    assert np.isnan(losses.missed(only(losses, gap=GAPS[3])))


def log_of(*groups: dict, **after: float) -> LogFacts:
    return log_facts(pairs=pairs(*groups), counts=counts(**after))


@pytest.mark.parametrize(
    "log",
    [
        None,
        log_facts(),
        log_of(pair("after", 49, 0.5)),
        log_of(pair("before", 49, 0.1), pair("after", 500, 0.5)),
        log_of(pair("before", 500, 0.1)),
        log_of(pair("after", 500, 0.5), followed=699),
        log_of(pair("after", 500, 0.5), calls=10_000),
    ],
    ids=["none", "empty", "few after", "few before", "none after", "threads lost", "diluted"],
)
def test_too_little_to_compare_is_no_loss(log):
    assert losses_of(log) is None


def test_just_enough_is():
    assert losses_of(log_of(pair("after", 50, 0.5), followed=700)) is not None
    assert losses_of(log_of(pair("before", 50, 0.1), pair("after", 50, 0.5))) is not None


def test_counts_of_an_engine_may_be_decimals():
    table = pairs(pair("after", 100, 0.5)).astype(object)
    exact = table.assign(**{c: table[c].map(lambda v: Decimal(str(v)))
                            for c in ("calls", "missed", "expected", "kept")})  # fmt: skip
    losses = losses_of(log_facts(pairs=exact))

    assert losses is not None
    assert losses.rise == pytest.approx(0.4)
