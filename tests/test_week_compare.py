"""The week beside its baseline: planted truth, quiet controls, conservation, invariance."""

import numpy as np
import pandas as pd
import pytest

from cacheaudit.cost import cost_of
from cacheaudit.schema import INPUT, check_usage
from cacheaudit.weekly.baseline import frozen_baseline, rolling_baseline
from cacheaudit.weekly.compare import compare
from cacheaudit.weekly.parts import Change
from cacheaudit.weekly.volume import usual_volume
from tests.weeks import END, HAIKU, SONNET, START, WEEK, cohort, hours_before, usage_of

DAY = pd.Timedelta("1D")


def week_of(usage, incidents=(), frozen=None, **bars):
    """*usage* compared as the page does."""
    base = rolling_baseline(usage, WEEK[0], 21, incidents) if frozen is None else frozen
    costed = cost_of(usage if frozen is None else frozen.usage).usd
    given = {"moved_share": 0.05, "moved_volume_share": 0.25} | bars
    return compare(usage, cost_of(usage).usd, WEEK, base, costed, **given)


def part(found, label):
    return next(one for one in found.every if one.label == f"{label} via gateway")


@pytest.fixture(scope="module")
def quiet():
    return usage_of(cohort("chat"), cohort("agents", seed=1, read=0.6))


def test_a_week_like_those_before_has_not_moved(quiet):
    found = week_of(quiet)

    assert [one.moved for one in found.every] == [False, False, False]
    assert found.judged
    assert found.total.rate.low < found.total.rate.usual < found.total.rate.high


def test_parts_add_up_to_the_total(quiet):
    found = week_of(quiet)
    inside = quiet[quiet["bucket_start"] >= WEEK[0]]
    tokens = inside[["uncached_input_tokens", "cache_read_tokens", "cache_write_5m_tokens"]]

    assert sum(one.volume.now for one in found.parts) == pytest.approx(found.total.volume.now)
    assert found.total.volume.now == pytest.approx(float(tokens.sum().sum()))
    assert found.total.usd == pytest.approx(cost_of(inside).usd.sum())
    assert found.total.requests == inside["requests"].sum()
    reads = float(inside["cache_read_tokens"].sum())
    assert found.total.rate.now == pytest.approx(reads / found.total.volume.now)


@pytest.mark.parametrize(
    ("level", "way", "worse"), [(0.70, "down", True), (0.79, "level", False), (0.90, "up", False)]
)
def test_a_cohort_moves_beyond_the_bar_and_its_neighbour_does_not(level, way, worse):
    usage = usage_of(cohort(then=((WEEK[0], level),)), cohort("agents", seed=1, read=0.6))
    found = week_of(usage)

    assert (part(found, "chat").rate.way, part(found, "chat").worse) == (way, worse)
    assert not part(found, "agents").moved


@pytest.mark.slow
def test_a_bar_decides_what_is_a_move():
    """3 % less of the usual rate is sure, and no move until the bar is below it."""
    usage = usage_of(cohort(then=((WEEK[0], 0.776),)))

    assert week_of(usage).total.rate.way == "level"
    assert week_of(usage, moved_share=0.01).total.rate.way == "down"


@pytest.mark.slow
def test_more_comparisons_ask_for_more():
    """The same cohort beside another one: its interval is wider by the second's chance."""
    alone = week_of(usage_of(cohort())).total.rate
    beside = part(week_of(usage_of(cohort(), cohort("b", seed=1))), "chat").rate

    assert beside.now == alone.now
    assert beside.high - beside.low > 1.05 * (alone.high - alone.low)


@pytest.mark.slow
def test_order_of_rows_and_finer_buckets_do_not_matter(quiet):
    """The last day by the half hour, the rest as it is, all rows shuffled."""
    late = quiet["bucket_start"] >= END - DAY
    counts = [c for c in quiet.columns if c.endswith("_tokens") or c == "requests"]
    first, second = quiet[late].copy(), quiet[late].copy()
    first["bucket_end"] = second["bucket_start"] = first["bucket_start"] + pd.Timedelta("30min")
    for name in counts:
        first[name] = quiet.loc[late, name] // 3
        second[name] = quiet.loc[late, name] - first[name]
    halves = pd.concat([quiet[~late], first, second]).sample(frac=1, random_state=1)
    found, same = week_of(quiet), week_of(check_usage(halves))

    for one, other in zip(found.every, same.every, strict=True):
        assert one.label == other.label
        for change in ("rate", "cost", "volume"):
            ours, theirs = getattr(one, change), getattr(other, change)
            assert (ours.now, ours.low, ours.usual) == pytest.approx(
                (theirs.now, theirs.low, theirs.usual), rel=1e-6
            )


def test_small_cohorts_are_judged_together():
    small = [cohort(f"tool-{n}", seed=n + 2, tokens=1e4) for n in range(3)]
    found = week_of(usage_of(cohort(), *small))

    assert [one.label for one in found.parts] == ["chat via gateway", "3 smaller cohorts"]
    assert len(found.parts[1].members) == 3


def test_a_cohort_without_a_past_is_new_and_has_not_moved():
    found = week_of(usage_of(cohort(), cohort("pilot", seed=1, start=WEEK[0] + DAY)))

    assert part(found, "pilot").is_new
    assert part(found, "pilot").rate.way == "unknown"
    assert part(found, "pilot").rate.now == pytest.approx(0.8, abs=0.01)


def test_a_cohort_that_names_nobody_is_told_from_the_total():
    nobody = cohort(None, seed=1, tokens=5e5, read=0.5, then=((WEEK[0], 0.3),)).assign(route=None)
    found = week_of(usage_of(cohort(), nobody))

    assert [one.rate.way for one in found.every] == ["level", "down", "down"]
    assert found.parts[1].rate.now == pytest.approx(0.3, abs=0.01)


def test_a_dearer_version_that_was_chosen_is_no_loss():
    old = cohort(model=HAIKU, end=WEEK[0])
    found = week_of(usage_of(old, cohort(model=SONNET, start=WEEK[0], seed=1)))

    assert found.total.cost.way == "up"
    assert found.total.list_price == pytest.approx(3.0, rel=0.01)  # 3 against 1 USD, all classes
    assert not found.total.worse


def test_a_version_that_serves_half_explains_half():
    halves = [cohort(model=m, start=WEEK[0], seed=n, tokens=5e5)
              for n, m in enumerate((HAIKU, SONNET))]  # fmt: skip
    found = week_of(usage_of(cohort(model=HAIKU, end=WEEK[0]), *halves))

    assert found.total.list_price == pytest.approx((1 + 3) / 2, rel=0.01)
    assert not found.total.worse


def test_longer_answers_at_the_same_hit_rate_are_dearer():
    usage = usage_of(cohort(end=WEEK[0]), cohort(start=WEEK[0], seed=1, output=0.08))
    found = week_of(usage)

    assert found.total.rate.way == "level"
    assert found.total.dearer
    assert found.total.list_price == pytest.approx(1.0)


def test_what_has_no_price_has_a_rate_all_the_same():
    found = week_of(usage_of(cohort(model="nobody-knows-1", then=((WEEK[0], 0.5),))))

    assert found.total.usd is None
    assert (found.total.cost.now, found.total.cost.way) == (None, "unknown")
    assert found.total.rate.way == "down"


def test_too_little_before_the_week_is_not_known(quiet):
    found = week_of(quiet[quiet["bucket_start"] >= WEEK[0] - pd.Timedelta("12h")])

    assert not found.judged
    assert found.total.rate.now is not None


def test_a_loss_that_is_open_does_not_become_usual():
    """Ten days of it lie before the week. Left in the baseline, they hide half of it."""
    since = WEEK[0] - 10 * DAY
    usage = usage_of(cohort(then=((since, 0.70),)))
    found, hidden = week_of(usage, [(since, END)]), week_of(usage)

    assert found.baseline.window[1] == since
    assert (found.baseline.days, found.baseline.skipped) == (11.0, 10)
    assert found.total.rate.usual == pytest.approx(0.8, abs=0.005)
    assert hidden.total.rate.usual == pytest.approx(0.75, abs=0.01)


def test_a_short_incident_takes_its_day_alone():
    dip = (WEEK[0] - 3 * DAY, WEEK[0] - 3 * DAY + pd.Timedelta("2h"))
    base = rolling_baseline(usage_of(cohort()), WEEK[0], 7, [dip])

    assert (base.days, base.skipped, base.disturbed) == (7.0, 1, False)
    assert base.window[0] == WEEK[0] - 8 * DAY
    assert not base.usage["bucket_start"].between(dip[0], dip[0] + DAY, inclusive="left").any()


def test_with_few_clean_days_the_baseline_says_that_it_is_disturbed():
    base = rolling_baseline(usage_of(cohort()), WEEK[0], 21, [(START + DAY, END)])

    assert base.disturbed
    assert base.days == 21.0


def test_only_a_frozen_baseline_sees_a_slow_loss():
    """A third of a point a day is below every bar of a week; over two months it is not."""
    long = pd.date_range(START - 35 * DAY, END, freq="1D")
    steps = tuple((at, 0.8 - 0.0033 * n) for n, at in enumerate(long))
    usage = usage_of(cohort(start=START - 35 * DAY, then=steps))
    frozen = frozen_baseline(usage, "a/usage.parquet", (None, START - 14 * DAY))

    assert week_of(usage, moved_share=0.1).total.rate.way == "level"
    assert week_of(usage, frozen=frozen, moved_share=0.1).total.rate.way == "down"
    assert frozen.frozen
    assert frozen.window == (START - 35 * DAY, START - 14 * DAY)


def test_a_weekend_like_every_weekend_is_no_move_of_the_volume():
    found = week_of(usage_of(cohort(weekend=0.2), cohort("b", seed=1)), moved_volume_share=0.05)

    assert part(found, "chat").volume.way == "level"
    assert part(found, "chat").volume.usual == pytest.approx(
        part(found, "chat").volume.now, rel=0.03
    )


@pytest.mark.slow
def test_quiet_weekends_do_not_hide_a_rise_on_all_days():
    """Half as much again; against days of one kind the weekends would pass for its noise."""
    usage = usage_of(
        cohort(end=WEEK[0], weekend=0.2), cohort(start=WEEK[0], seed=1, tokens=1.5e6, weekend=0.2)
    )

    assert week_of(usage).total.volume.way == "up"


def test_a_volume_that_doubled_moved_and_is_no_loss():
    usage = usage_of(cohort(end=WEEK[0]), cohort(start=WEEK[0], seed=1, tokens=2e6))
    found = week_of(usage)

    assert found.total.volume.way == "up"
    assert not found.total.worse


def test_the_interval_of_a_volume_is_that_of_its_days():
    """By hand: days of 8 and 12 around a mean of 10, 7 days of 10; one test."""
    days = pd.date_range("2026-03-02", periods=4, freq="1D", tz="UTC")  # no weekend
    base = pd.Series([8.0, 12.0, 8.0, 12.0], index=days)
    now = pd.Series(10.0, index=pd.date_range("2026-03-09", periods=5, freq="1D", tz="UTC"))
    usual, low, high = usual_volume(50.0, now, base, 1)
    sd, t = np.sqrt(4 * 0.2**2 / 3), 3.182446

    assert usual == 50.0
    assert high - 50 == pytest.approx(t * sd * np.sqrt(1 / 5 + 1 / 4) * 50, rel=1e-4)
    assert 50 - low == pytest.approx(high - 50)


@pytest.mark.parametrize("hours", [36, 70, 168, 175])
def test_the_volume_of_a_week_that_is_not_whole_days_is_all_of_it(hours):
    """Prices and tokens of one sentence are of the same hours."""
    usage = usage_of(cohort("chat"), cohort("agents", seed=1, read=0.6))
    span = (END - pd.Timedelta(hours=hours), END)
    rows = usage[usage["bucket_start"] >= span[0]]
    base = rolling_baseline(usage, span[0], 21, ())
    money = cost_of(usage).usd
    found = compare(usage, money, span, base, money, moved_share=0.05, moved_volume_share=0.25)
    volume = found.total.volume

    assert volume.now == float(rows[INPUT].sum().sum())
    assert volume.usual == pytest.approx(volume.now, rel=0.02)
    assert volume.low < volume.now < volume.high
    assert volume.way == "level"


def test_an_hour_lost_near_the_end_is_no_move():
    """A dip is for the incidents; a week is not moved by an hour."""
    usage = usage_of(cohort(then=((hours_before(3), 0.3), (hours_before(2), 0.8))))

    assert week_of(usage).total.rate.way == "level"


@pytest.mark.parametrize(
    ("low", "high", "way"),
    [(0.60, 0.75, "down"), (0.60, 0.78, "level"), (0.83, 0.95, "level"), (0.85, 0.95, "up")],
)
def test_the_whole_interval_lies_beyond_the_bar_or_it_is_no_move(low, high, way):
    assert Change(now=(low + high) / 2, usual=0.8, low=low, high=high, bar_share=0.05).way == way
