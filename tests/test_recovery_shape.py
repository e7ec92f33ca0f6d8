"""Whether a loss fades or lasts, and when it will be over."""

import numpy as np
import pandas as pd
import pytest

from bench.recovery import deeper_at_night, fading, flat, half_mended, recovered, worsening
from cacheaudit.warming import warming_of
from tests.cases import HOUR, NOON
from tests.test_recovery import recovery, rows


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("gap", [flat, deeper_at_night, worsening])
def test_a_level_is_lasting(gap, seed):
    found = recovered(gap, 14, seed)

    assert found.shape == "lasting"
    assert found.projected_at is None
    assert found.note == ""


def test_a_fading_gap_is_projected_to_its_end():
    """Half is lost and halves every ten days: at a tenth after 23.2 days. 95 %: one may miss."""
    covered = 0
    for seed in range(6):
        found = recovered(fading(10), 14, seed)
        truth = pd.DatetimeIndex(found.curve.index)[0] + pd.Timedelta("23.2D")

        assert found.shape == "warming"
        assert found.half_life_days == pytest.approx(10, rel=0.25)
        assert found.projected_low is not None
        assert found.projected_high is not None
        assert abs(found.projected_at - truth) < pd.Timedelta("4D")
        assert "another cause" in found.note
        covered += found.projected_low < truth < found.projected_high

    assert covered >= 5


def test_one_step_up_is_no_fading():
    assert recovered(half_mended, 28, 1).shape == "unclear"


@pytest.mark.parametrize("days", [0, 1, 2])
def test_a_few_days_tell_nothing(days):
    assert recovery(rows([0.2] * (24 * days + 8))).shape == "unclear"


def test_what_is_back_has_recovered():
    found = recovery(rows([0.2, 0.2, 0.8, 0.8]), ends_after=2)

    assert found.shape == "recovered"
    assert found.projected_at is None


def test_the_lifetime_after_the_cutover_is_no_trend():
    """A cache warms up for a day, then stays at half: the climb is the cold start."""
    climb = list(np.linspace(0.0, 0.4, 24)) + [0.4] * 96
    wobble = 0.01 * np.random.default_rng(0).standard_normal(len(climb))
    usage = rows(list(np.array(climb) + wobble))

    assert recovery(usage, ttl_s=86400.0).shape == "lasting"


def test_a_date_too_far_off_is_none():
    index = pd.date_range(NOON, periods=28 * 24, freq="h")
    wobble = 0.001 * np.random.default_rng(0).standard_normal(len(index))
    gap = 0.5 * 0.5 ** (np.arange(len(index)) / (200 * 24)) + wobble
    curve = pd.DataFrame({"rate": 1 - gap, "baseline": 1.0, "weight": 1.0}, index=index)
    found = warming_of(curve, curve[:0], since=NOON, target=0.9)

    assert found.shape == "warming"
    assert (found.projected_at, found.projected_high) == (None, None)


def test_the_curve_holds_each_hour_against_its_own():
    """At night 60 % is usual here: 30 % is half of it."""
    found = recovery(rows([0.5] * 24, night=0.2), before=0.75)
    night = found.curve[pd.DatetimeIndex(found.curve.index).hour < 6]

    assert found.curve.index[0] == NOON
    assert night["baseline"].tolist() == pytest.approx([0.6] * 6)
    assert night["share_of_baseline"].tolist() == pytest.approx([0.5] * 6)


def test_findings_carry_the_curve_and_the_shape():
    row = recovery(rows([0.2] * 4)).to_dict()

    assert row["curve"]["at"][0] == NOON.isoformat()
    assert row["curve"]["share_of_baseline"] == [0.25] * 4
    assert row["shape"] == "unclear"
    assert row["projected"] == {"at": None, "low": None, "high": None}
    assert len(row["curve"]["rate"]) == len(row["curve"]["at"]) == 4
    assert (NOON + 3 * HOUR).isoformat() == row["curve"]["at"][-1]
