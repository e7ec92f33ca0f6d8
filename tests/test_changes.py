"""Level shifts: planted ones are found and dated, quiet series stay quiet, form does not matter."""

from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from cacheaudit.changes import level_shifts

START = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday
SD = 0.02
HOUR = pd.Timedelta("1h")


def white(rng, n):
    return SD * rng.standard_normal(n)


def correlated(rng, n, phi=0.6):
    shocks = rng.standard_normal(n + 100)
    return SD * np.sqrt(1 - phi**2) * lfilter([1], [1, -phi], shocks)[100:]


def heavy(rng, n):
    return SD * rng.standard_t(3, n) / np.sqrt(3)


def seasonal(rng, n):
    index = hours(n)
    wave = 0.05 * np.cos(index.hour.to_numpy() / 24 * 2 * np.pi)
    return white(rng, n) + wave - 0.06 * (index.day_of_week.to_numpy() >= 5)


def gappy(rng, n):
    y = white(rng, n)
    y[rng.random(n) < 0.3] = np.nan
    y[n // 3 : n // 3 + n // 8] = np.nan
    return y


def hours(n):
    return pd.date_range(START, periods=n, freq="1h")


def series(y, freq="1h"):
    return pd.Series(0.8 + np.asarray(y), pd.date_range(START, periods=len(y), freq=freq))


def places(levels, of):
    return [of.index.get_loc(s.at) for s in levels.shifts]


def found(one, weight=None, tests=9):
    return level_shifts(one, weight, min_step=0.03, tests=tests)


def lowered(y, *stretches):
    y = np.array(y, dtype=float)
    for first, last, drop in stretches:
        y[first:last] -= drop
    return series(y)


@pytest.mark.parametrize("place", [40, 500, 1400, 2100])
def test_finds_the_planted_bucket(place):
    one = lowered(white(np.random.default_rng(place), 2160), (place, 2160, 0.15))
    levels = found(one)

    assert places(levels, one) == [place]
    assert levels.shifts[0].before == pytest.approx(0.8, abs=0.01)
    assert levels.shifts[0].after == pytest.approx(0.65, abs=0.015)
    assert levels.shifts[0].strength > levels.bar


@pytest.mark.parametrize(
    ("lasts", "drop"), [(2, 0.2), (3, 0.15), (6, 0.12), (24, 0.08), (168, 0.05)]
)
@pytest.mark.parametrize("seed", range(4))
def test_finds_both_ends_of_an_incident(lasts, drop, seed):
    one = lowered(white(np.random.default_rng(seed), 2160), (1000, 1000 + lasts, drop))
    levels = found(one)

    assert len(levels.shifts) == 2
    assert places(levels, one) == pytest.approx([1000, 1000 + lasts], abs=2)


def test_finds_eleven_steps_of_six_incidents():
    """They would inflate the noise that hides them, were it not measured again without them."""
    stretches = [
        *((200, 224, 0.1), (500, 740, 0.15), (1000, 1006, 0.15)),
        *((1300, 1302, 0.25), (1500, 1600, 0.06), (1900, 2160, 0.1)),
    ]
    one = lowered(white(np.random.default_rng(0), 2160), *stretches)
    edges = [e for first, last, _ in stretches for e in (first, last) if e < 2160]

    assert places(found(one), one) == pytest.approx(edges, abs=2)


@pytest.mark.parametrize("seed", range(3))
def test_finds_three_incidents_in_two_weeks(seed):
    stretches = [(50, 74, 0.1), (150, 156, 0.15), (250, 336, 0.1)]
    one = lowered(white(np.random.default_rng(seed), 336), *stretches)

    assert places(found(one), one) == pytest.approx([50, 74, 150, 156, 250], abs=2)


@pytest.mark.parametrize("last", [2, 3, 6])
def test_a_shift_in_the_last_hours_is_found(last):
    one = lowered(white(np.random.default_rng(last), 2160), (2160 - last, 2160, 0.2))

    assert places(found(one), one) == [2160 - last]


def test_a_window_that_begins_inside_an_incident_shows_its_end():
    one = lowered(white(np.random.default_rng(1), 2160), (0, 30, 0.2))

    assert places(found(one), one) == [30]


@pytest.mark.parametrize("seed", range(40))
def test_one_bucket_is_never_a_shift_however_deep(seed):
    y = white(np.random.default_rng(seed), 720)
    y[300] -= 0.7

    assert found(series(y)).shifts == ()


QUIET = [white, correlated, heavy, seasonal, gappy]


@pytest.mark.parametrize("noise", QUIET)
@pytest.mark.parametrize("days", [14, 30, 90])
def test_quiet_series_stay_quiet(noise, days):
    """At 1 % over nine series an alarm is due in 900; one in 20 is allowed."""
    made = [series(noise(np.random.default_rng(s), 24 * days)) for s in range(20)]

    assert sum(bool(found(one).shifts) for one in made) <= 1


@pytest.mark.parametrize("days", [14, 31, 90])
def test_quiet_series_by_the_day_stay_quiet(days):
    """One alarm in 30 is allowed."""
    made = [series(white(np.random.default_rng(s), days), "1D") for s in range(30)]

    assert sum(bool(found(one).shifts) for one in made) <= 1


def test_unequal_volume_is_no_shift():
    """Nights with a twentieth of the traffic are twenty times as noisy; one in 20 is allowed."""
    alarms = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        busy = 0.525 + 0.475 * np.cos((hours(720).hour.to_numpy() - 14) / 12 * np.pi)
        one = series(SD * rng.standard_normal(720) / np.sqrt(busy))
        alarms += bool(found(one, pd.Series(busy, one.index)).shifts)

    assert alarms <= 1


def test_two_thin_hours_at_night_prove_nothing():
    """Two requests that miss make a hit rate of 0; a mean bucket's traffic is the least proof."""
    rng = np.random.default_rng(2)
    weight = pd.Series(1000.0, hours(720))
    one = lowered(white(rng, 720), (300, 302, 0.7))
    weight.iloc[300:302] = 2.0

    assert found(one, weight).shifts == ()
    assert len(found(one).shifts) == 2


def test_a_slow_drift_is_not_called_a_shift():
    ramp = series(np.linspace(0, -0.2, 2160) + white(np.random.default_rng(3), 2160))

    assert found(ramp).shifts == ()


@pytest.mark.parametrize("value", [0.0, 0.8, 1.0])
def test_a_constant_series_has_one_level(value):
    levels = found(pd.Series(value, hours(500)))

    assert levels.shifts == ()
    assert [s.level for s in levels.segments] == [value]


@pytest.mark.parametrize(("n", "place"), [(10, 6), (14, 7), (90, 45), (336, 150), (2160, 1080)])
def test_a_step_without_noise_is_found_once_and_exactly(n, place):
    one = lowered(np.zeros(n), (place, n, 0.2))

    assert places(found(one), one) == [place]
    assert found(one).shifts[0].low == found(one).shifts[0].high == one.index[place]


def test_a_month_by_the_day_shows_a_step_of_ten_sd():
    hits = 0
    for seed in range(20):
        y = white(np.random.default_rng(seed), 31)
        y[15:] -= 0.2
        one = series(y, "1D")
        hits += places(found(one), one) == [15]

    assert hits >= 16


def test_hours_with_minutes_around_a_cutover_keep_its_date():
    fine = pd.date_range(START + pd.Timedelta("10D"), periods=1440, freq="1min")
    index = hours(28 * 24)
    index = index[(index < fine[0]) | (index > fine[-1])].union(fine)
    minute = index.isin(fine)
    weight = pd.Series(np.where(minute, 1.0, 60.0), index)
    cutover = START + pd.Timedelta("10D 10h")
    off = []
    for seed in range(30):
        chance = np.random.default_rng(seed).standard_normal(len(index))
        y = pd.Series(0.8 + np.where(minute, 0.06, 0.008) * chance, index)

        assert found(y, weight).shifts == ()
        shift = found(y - 0.1 * (index >= cutover), weight).shifts[0]
        off.append(abs(shift.at - cutover))

    assert np.median(off) <= pd.Timedelta("1min")
    assert sum(o <= pd.Timedelta("5min") for o in off) >= 26  # 95 % of 80 seeds


@pytest.mark.parametrize(("noise", "drop"), [(white, 0.04), (correlated, 0.06), (heavy, 0.04)])
def test_the_interval_covers_the_planted_date(noise, drop):
    """95 % is promised; of 60, 53 or more is what chance allows at 1 %."""
    inside = tried = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        place = int(rng.integers(200, 520))
        one = lowered(noise(rng, 720), (place, 720, drop))
        for shift in found(one).shifts[:1]:
            tried += 1
            inside += shift.low <= one.index[place] <= shift.high

    assert tried >= 54
    assert inside >= tried - 7


def test_a_blurred_step_has_a_wider_interval_than_a_sharp_one():
    y = white(np.random.default_rng(5), 720)
    wide, sharp = (found(lowered(y, (400, 720, d))).shifts[0] for d in (0.035, 0.2))

    assert wide.high - wide.low > sharp.high - sharp.low == pd.Timedelta(0)


def an_incident(seed=6):
    return lowered(correlated(np.random.default_rng(seed), 720, 0.4), (300, 400, 0.15))


def test_whole_weeks_later_the_same_shifts_are_found():
    one = an_incident()
    later = one.set_axis(one.index + pd.Timedelta("21D"))

    assert places(found(one), one) == places(found(later), later) == [300, 400]


def test_another_level_gives_the_same_shifts():
    one = an_incident()

    assert places(found(one + 5), one) == places(found(one), one)
    assert found(one + 5).shifts[0].strength == pytest.approx(found(one).shifts[0].strength)


def test_another_unit_gives_the_same_shifts():
    one = an_incident()
    cents = level_shifts(one * 100, min_step=3, tests=9)

    assert places(cents, one) == places(found(one), one)
    assert cents.shifts[0].strength == pytest.approx(found(one).shifts[0].strength)


def test_another_unit_of_weight_gives_the_same_levels():
    one = an_incident()
    weight = pd.Series(np.random.default_rng(7).uniform(1, 3, 720), one.index)
    few, many = found(one, weight), found(one, weight * 1e6)

    assert places(few, one) == places(many, one)
    assert few.bar == pytest.approx(many.bar)


def test_upside_down_the_shifts_are_at_the_same_places():
    one = an_incident()

    assert places(found(1 - one), one) == places(found(one), one)


def test_backwards_in_time_the_shift_is_as_strong():
    """Three days by the hour, so that no rhythm comes into it."""
    y = correlated(np.random.default_rng(2), 72, 0.5)
    y[50:] -= 0.3
    forth, back = found(series(y)), found(series(y[::-1]))

    assert forth.shifts[0].at == START + 50 * HOUR
    assert back.shifts[0].at == START + 22 * HOUR
    assert forth.shifts[0].strength == pytest.approx(back.shifts[0].strength)


def test_the_order_of_the_rows_does_not_matter():
    one = an_incident()
    weight = pd.Series(np.random.default_rng(8).uniform(1, 3, 720), one.index)

    assert astuple(found(one.sample(frac=1, random_state=1), weight)) == astuple(found(one, weight))


def test_missing_buckets_are_left_out_not_counted_as_zero():
    one = an_incident()
    holes = one.mask(np.random.default_rng(9).random(720) < 0.2)

    assert [s.level for s in found(holes).segments] == pytest.approx([0.8, 0.65, 0.8], abs=0.02)


def test_segments_and_shifts_fit_together():
    levels = found(an_incident())

    assert len(levels.segments) == len(levels.shifts) + 1
    assert [s.start for s in levels.segments[1:]] == [s.at for s in levels.shifts]
    assert [s.end for s in levels.segments[:-1]] == [s.at for s in levels.shifts]
    assert levels.segments[-1].end is None
    assert sum(s.buckets for s in levels.segments) == 720
    assert all(s.low <= s.at <= s.high for s in levels.shifts)


def test_a_step_below_the_least_step_is_not_reported():
    one = lowered(SD / 10 * np.random.default_rng(1).standard_normal(720), (300, 720, 0.02))

    assert found(one).shifts == ()
    assert len(level_shifts(one, min_step=0.01).shifts) == 1


def test_more_series_raise_the_bar_for_each():
    one = series(white(np.random.default_rng(1), 720))

    assert found(one, tests=1).bar < found(one, tests=50).bar
    assert (
        level_shifts(one, min_step=0.03, alpha=0.1).bar
        < level_shifts(one, min_step=0.03, alpha=0.001).bar
    )


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_short_a_series_has_at_most_one_level(n):
    levels = found(series(np.zeros(n)))

    assert levels.shifts == ()
    assert len(levels.segments) == min(n, 1)


def test_the_input_is_left_alone():
    one = an_incident()
    before = one.copy()
    found(one)

    pd.testing.assert_series_equal(one, before)
