"""The excess by bucket, its run rate, and what data that lack something make of it."""

import numpy as np
import pandas as pd
import pytest

from cacheaudit.causes.case import Case
from cacheaudit.cost import cost_of
from cacheaudit.diagnosis import diagnose
from cacheaudit.excess import ExcessCurve, excess, excess_curve, run_rate_of
from cacheaudit.excess.estimate import Gap
from cacheaudit.excess.spread import spread_of
from cacheaudit.schema import COUNTS, check_usage
from tests.cases import HOUR, NOON, case, cohort, incident, side
from tests.planted import OPUS, SONNET, stream, usage_of

DAY = 24 * HOUR
LOST = 2.16  # USD: a million tokens at 3.00, of which 80 % were read at 0.30


def rows(
    scope: str = "chat", *, days: int = 10, after: int = 48, **columns: object
) -> pd.DataFrame:
    """A million tokens an hour, 80 % read until NOON and none from then on."""
    start = pd.date_range(NOON - days * DAY, NOON + after * HOUR, freq="1h", inclusive="left")
    read = np.where(start < NOON, 800_000, 0)
    frame = {
        "bucket_start": start, "bucket_end": start + HOUR, "provider": "anthropic",
        "model": SONNET, "scope": scope, "route": "gateway", "requests": 400,
        "cache_read_tokens": read, "uncached_input_tokens": 1_000_000 - read,
        "output_tokens": 1000,
    }  # fmt: skip
    return pd.DataFrame({**frame, **columns})


def noisy(seed: int, **settings: object) -> pd.DataFrame:
    """*rows* whose reads stray by 20,000 tokens, an hour like any other."""
    frame = rows(**settings)  # type: ignore[arg-type]
    stray = np.random.default_rng(seed).normal(0, 20_000, len(frame)).astype(int)
    frame["cache_read_tokens"] += np.where(frame["cache_read_tokens"] > 0, stray, 0)
    frame["uncached_input_tokens"] = 1_000_000 - frame["cache_read_tokens"]
    return frame


def told(*names: str, days: int = 10, **changes: object) -> Case:
    one = incident(baseline=(NOON - days * DAY, NOON), **changes)
    return case(incident=one, affected=tuple(cohort(n, side(0.0)) for n in names), changes=())


def curve(frame: pd.DataFrame, one: Case | None = None) -> ExcessCurve:
    usage = check_usage(frame)
    return excess_curve(one or told("chat"), usage, cost_of(usage))


def test_the_last_sum_is_the_estimate():
    found = curve(noisy(1))
    last = found.buckets.iloc[-1]

    assert (last["cumulated_usd"], last["cumulated_low"], last["cumulated_high"]) == pytest.approx(
        (found.total.value, found.total.low, found.total.high)
    )
    assert found.buckets["usd"].sum() == pytest.approx(found.total.value)
    assert found.buckets["bucket_start"].iloc[0] == NOON
    assert found.total.low < 48 * LOST < found.total.high


def test_the_curve_of_two_cohorts_is_the_sum_of_theirs():
    frame = pd.concat([noisy(1), noisy(2, scope="help")])
    both, one, other = (
        curve(frame, told(*names)).buckets.set_index("bucket_start")["usd"][NOON:]
        for names in (("chat", "help"), ("chat",), ("help",))
    )

    assert both.to_numpy() == pytest.approx((one + other).to_numpy())


def test_days_that_are_odd_for_both_cohorts_add_up():
    """The very same noise twice is twice as wide, not 1.4 times."""
    both = curve(pd.concat([noisy(1), noisy(1, scope="help")]), told("chat", "help")).total
    one = curve(noisy(1)).total

    assert both.high - both.low == pytest.approx(2 * (one.high - one.low))


def test_halves_of_buckets_with_the_same_shares_cost_the_same():
    whole = noisy(3)
    whole[["cache_read_tokens", "uncached_input_tokens"]] //= 2
    whole[["cache_read_tokens", "uncached_input_tokens"]] *= 2
    half = whole.copy()
    for name in ("requests", "cache_read_tokens", "uncached_input_tokens", "output_tokens"):
        half[name] //= 2
    first = half.assign(bucket_end=half["bucket_start"] + HOUR / 2)
    second = half.assign(bucket_start=half["bucket_start"] + HOUR / 2)

    assert curve(pd.concat([first, second])).total.value == pytest.approx(curve(whole).total.value)


def test_a_fall_within_an_hour_counts_from_its_first_bad_bucket():
    """Half an hour lost before the start is 1.08 USD, far beyond the noise; it is counted."""
    frame = noisy(4)
    split = frame["bucket_start"] == NOON - HOUR
    frame.loc[split, "cache_read_tokens"] = 400_000
    frame.loc[split, "uncached_input_tokens"] = 600_000
    found = curve(frame)

    assert found.buckets["bucket_start"].iloc[0] == NOON - HOUR
    assert found.total.value == pytest.approx(48.5 * LOST, rel=0.01)


def test_an_unsure_start_widens_the_side_on_which_it_may_lie():
    sure = curve(noisy(5)).total
    later = curve(noisy(5), told("chat", start_high=NOON + 5 * HOUR)).total

    assert later.value - later.low > 5 * LOST > sure.value - sure.low
    assert later.high == pytest.approx(sure.high)


def test_reads_that_are_not_reported_are_refused():
    frame = rows().astype({"cache_read_tokens": "Int64"})
    frame.loc[3, "cache_read_tokens"] = pd.NA
    found = curve(frame)

    assert found.total.reason == "cache reads are not reported"
    assert np.isnan(found.total.value)
    assert found.buckets.empty


def test_a_model_without_a_price_is_refused():
    frame = rows()
    frame.loc[frame["bucket_start"] >= NOON + 5 * HOUR, "model"] = "mystery-9"

    assert curve(frame).total.reason == "tokens without a price"


@pytest.mark.parametrize("from_day", [-4, 1], ids=["in the baseline", "in the incident"])
def test_a_day_without_data_takes_its_own_excess_along_and_no_more(from_day):
    frame = noisy(6, after=72)
    gone = (frame["bucket_start"] >= NOON + from_day * DAY) & (
        frame["bucket_start"] < NOON + (from_day + 1) * DAY
    )
    hours = 72 if from_day < 0 else 48

    assert curve(frame[~gone]).total.value == pytest.approx(hours * LOST, rel=0.01)


def test_a_model_that_appears_in_the_incident_is_held_to_its_own_price():
    """The split is put back at 5.00 and 0.50: a dearer model adds what it charges for the loss."""
    frame = rows()
    frame.loc[frame["bucket_start"] >= NOON + 24 * HOUR, "model"] = OPUS

    assert curve(frame).total.value == pytest.approx(24 * LOST + 24 * 0.8 * (5.0 - 0.5))


def test_a_price_that_changes_in_the_incident_holds_from_its_day():
    usage = check_usage(rows())
    priced = cost_of(usage)
    later = usage["bucket_start"] >= NOON + 24 * HOUR
    priced.book.rates.loc[later] = priced.book.rates.loc[later] * 2
    found = excess(told("chat"), usage, priced)

    assert found.value == pytest.approx((24 + 24 * 2) * LOST)


def test_traffic_that_comes_to_weekends_is_all_excess_there():
    """Weekends without rows cost nothing, where other cohorts have data; they are not missing."""
    hours = 6 * 24
    quiet = rows("other", days=21, after=hours)
    busy = rows(days=21, after=hours, cache_read_tokens=0, uncached_input_tokens=1_000_000)
    weekend = busy["bucket_start"].dt.day_of_week >= 5
    doubled = [c for c in COUNTS if c in busy]
    busy[doubled] = busy[doubled].mul(np.where(busy["bucket_start"] < NOON, 1, 2), axis=0)
    busy = busy[~weekend | (busy["bucket_start"] >= NOON)]
    one = case(
        incident=incident(measure="volume", baseline=(NOON - 21 * DAY, NOON)),
        affected=(cohort(),), changes=(), pattern="more_requests",
    )  # fmt: skip
    found = curve(pd.concat([quiet, busy]), one).total

    assert found.value == pytest.approx((4 * 24 * 1 + 2 * 24 * 2) * 3.015, rel=1e-6)


def moody(seed: int, *, days: int, ahead: int) -> tuple[Gap, float]:
    """Days that stray by one mood each: (the gap of *ahead* of them, its true error)."""
    mood = np.random.default_rng(seed).normal(size=days + ahead)
    base, later = mood[:days] - mood[:days].mean(), mood[days:] - mood[:days].mean()
    stray = np.tile(base[:, None], (1, ahead * 24))
    starts = 24.0 * 4 + np.arange(ahead * 24.0)  # 1970 began on a Thursday: from a Monday on
    return Gap(starts=starts, usd=np.zeros(len(starts)), stray=stray, days=days), later.sum() * 24


@pytest.mark.parametrize(("days", "ahead"), [(14, 1), (14, 6), (7, 6), (4, 2)])
def test_moods_of_days_are_covered_however_short_the_baseline(days, ahead):
    """Of 400, 380 should be; three standard deviations of chance less are 367."""
    held = 0
    for seed in range(400):
        gap, error = moody(seed, days=days, ahead=ahead)
        held += abs(error) <= spread_of(gap, by_day=ahead > 1).running[-1]

    assert held >= 367


def test_hours_that_wander_on_over_midnight_widen_an_incident_of_days():
    """The same days in another order carry nothing over; phi = 0.9 carries a quarter."""
    rng = np.random.default_rng(3)
    wander = np.zeros(60 * 24)
    for i in range(1, len(wander)):
        wander[i] = 0.9 * wander[i - 1] + rng.normal()
    days = wander.reshape(60, 24)
    starts = 24.0 * 4 + np.arange(6 * 24.0)
    told_of = {"starts": starts, "usd": np.zeros(len(starts)), "days": 60}
    carried = Gap(stray=np.tile(days, (1, 6)), **told_of)
    shuffled = Gap(stray=np.tile(rng.permutation(days), (1, 6)), **told_of)
    wide, narrow = (spread_of(g, by_day=True).running[-1] for g in (carried, shuffled))

    assert wide > 1.1 * narrow


@pytest.mark.slow
def test_a_quiet_window_said_to_be_an_incident_has_no_excess_at_the_stated_rate():
    """95 % of 100 are 95, three standard deviations of chance less are 88.5."""
    held = 0
    for seed in range(100):
        frame = noisy(seed, days=14, after=0)
        start = NOON - 6 * HOUR
        one = case(
            incident=incident(start=start, start_low=start, start_high=start,
                              baseline=(NOON - 14 * DAY, start)),
            affected=(cohort(),), changes=(),
        )  # fmt: skip
        found = curve(frame, one).total
        held += found.low <= 0 <= found.high

    assert held >= 89


def test_the_run_rate_is_what_the_last_days_cost():
    found = run_rate_of(curve(noisy(7, after=24 * 5)), NOON + 5 * DAY)

    assert found is not None
    assert (found.days, found.until) == (5, NOON + 5 * DAY)
    assert found.per_day.value == pytest.approx(24 * LOST, rel=0.01)
    assert found.per_day.low < 24 * LOST < found.per_day.high
    assert found.per_day.value - found.per_day.low > (found.so_far.value - found.so_far.low) / 5
    assert found.per_month.value == pytest.approx(30 * found.per_day.value)


def test_the_projection_is_so_far_and_the_days_ahead():
    found = run_rate_of(curve(noisy(8, after=24 * 5)), NOON + 5 * DAY)

    assert found is not None
    assert found.projected(NOON) == found.so_far
    later = found.projected(NOON + 15 * DAY)
    assert later.value == pytest.approx(found.so_far.value + 10 * found.per_day.value)
    assert later.high - later.low > found.so_far.high - found.so_far.low


@pytest.mark.parametrize(("hours", "expected"), [(12, None), (30, 1)])
def test_under_a_day_has_no_run_rate_and_under_three_no_interval(hours, expected):
    found = run_rate_of(curve(noisy(9, after=hours)), NOON + hours * HOUR)

    assert (found and found.days) == expected
    if found is not None:
        assert found.per_day.reason == "under three whole days to judge by"


def test_a_diagnosis_has_the_curve_and_the_run_rate():
    usage = usage_of([stream().then(9.6, marked=False)], days=16)
    one = diagnose(usage).incidents[0]

    assert one.excess_curve.total == one.excess_usd
    assert one.run_rate is not None
    assert one.run_rate.so_far == one.excess_usd
    assert one.run_rate.until == usage["bucket_end"].max()


def test_a_curve_less_a_part_ends_at_what_is_left():
    whole = curve(noisy(10))
    part = curve(noisy(11), told("chat", start=NOON + DAY, start_low=NOON + DAY,
                                 start_high=NOON + DAY))  # fmt: skip
    left = whole.without(part)

    assert left.total == whole.total.without(part.total)
    assert left.buckets["cumulated_usd"].iloc[-1] == left.total.value
    assert left.buckets["usd"].sum() == pytest.approx(left.total.value)
