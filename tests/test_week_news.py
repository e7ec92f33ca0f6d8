"""What is new since the last report, what lies ahead, and what could be won."""

from types import SimpleNamespace

import pandas as pd
import pytest

from cacheaudit.cost import cost_of
from cacheaudit.excess import Estimate, RunRate
from cacheaudit.price_table import RATES, check_prices
from cacheaudit.report import week_sections, week_summary
from cacheaudit.weekly.ahead import ahead_of
from cacheaudit.weekly.baseline import rolling_baseline
from cacheaudit.weekly.compare import compare
from cacheaudit.weekly.news import news_of
from cacheaudit.weekly.winnable import winnable
from tests.weeks import END, HAIKU, SONNET, WEEK, cohort, usage_of

DAY = pd.Timedelta("1D")


def test_names_that_came_and_went_are_told_once_with_their_first_hour():
    usage = usage_of(
        cohort(), cohort("old", seed=1, end=WEEK[0]),
        cohort("pilot", seed=2, start=WEEK[0] + DAY, model=HAIKU, client_version="2.0"),
    )  # fmt: skip
    found = news_of(usage, WEEK[0], WEEK[0])

    assert [(one.kind, one.name) for one in found.came] == [("model", HAIKU), ("scope", "pilot")]
    assert {one.at for one in found.came} == {WEEK[0] + DAY}
    assert found.came[0].share == pytest.approx(6 / 13, abs=0.01)
    assert [(one.name, one.at) for one in found.went] == [("old", WEEK[0])]
    assert found.told


def test_a_field_that_was_not_reported_before_is_no_news():
    usage = usage_of(cohort(end=WEEK[0]), cohort(start=WEEK[0], client_version="2.0"))

    assert not news_of(usage, WEEK[0], WEEK[0])


def test_what_the_last_report_saw_is_not_new_and_may_be_gone():
    """A pull that begins with the week knows of before by the report alone."""
    usage = usage_of(cohort(start=WEEK[0]))
    then = {"model": (SONNET,), "scope": ("chat", "gone"), "route": ("gateway",)}
    found, blind = news_of(usage, WEEK[0], WEEK[0], then=then), news_of(usage, WEEK[0], WEEK[0])

    assert (found.came, [one.name for one in found.went]) == ((), ["gone"])
    assert (found.told, blind.told, bool(blind)) == (True, False, False)
    assert found.in_use["scope"] == ("chat",)


def test_a_price_that_changed_is_told_with_both_figures():
    """Two rows of one model; the other classes, and models that are not in use, say nothing."""
    rows = [
        {"provider": "anthropic", "model": model, "valid_from": day, **dict.fromkeys(RATES, "1"),
         "cache_read_usd_per_mtok": read}
        for model in (SONNET, HAIKU)
        for day, read in (("2026-01-01", "0.3"), (f"{END - 2 * DAY:%Y-%m-%d}", "0.2"))
    ]  # fmt: skip
    prices = check_prices(pd.DataFrame(rows).astype("str"), "own.csv")
    found = news_of(usage_of(cohort()), WEEK[0], WEEK[0], prices=prices)

    (change,) = found.prices
    assert (change.model, change.rate) == (SONNET, "cache_read_usd_per_mtok")
    assert (change.before_usd_per_mtok, change.now_usd_per_mtok) == (0.3, 0.2)
    assert change.source == "own.csv"
    assert news_of(usage_of(cohort()), WEEK[0], WEEK[0]).prices == ()


@pytest.mark.parametrize(
    ("first", "told"),
    [(WEEK[0] - DAY, False), (WEEK[0], True), (END - DAY, True), (END, False)],
)
def test_a_price_is_news_in_the_report_whose_days_it_is_of(first, told):
    """Data from Monday to Monday, both at midnight: Sunday is the last day, and was before."""
    rows = [
        {"provider": "anthropic", "model": SONNET, "valid_from": day, **dict.fromkeys(RATES, rate)}
        for day, rate in (("2026-01-01", "1"), (f"{first:%Y-%m-%d}", "2"))
    ]
    prices = check_prices(pd.DataFrame(rows).astype("str"), "own.csv")

    assert bool(news_of(usage_of(cohort()), WEEK[0], WEEK[0], prices=prices).prices) is told


@pytest.mark.parametrize(
    ("until", "headline", "line"),
    [
        ("2026-11-28T17:00", "ends in 2 days", "ends on 2026-11-30, in 2 days"),
        ("2026-11-29T07:00", "ends in 1 day", "ends on 2026-11-30, in 1 day"),
        ("2026-11-30T00:00", "ends on 2026-11-30", "ends on 2026-11-30 ("),
        ("2026-11-30T01:00", "was to end on 2026-11-30", "was to end on 2026-11-30, and still"),
    ],
)
def test_the_day_on_which_a_version_ends_is_told_until_it_has_begun(until, headline, line):
    """claude-sonnet-4-5-20250929 retires on 2026-11-30 (model_lifecycle.csv)."""
    ends = "claude-sonnet-4-5-20250929"
    week = SimpleNamespace(
        ahead=ahead_of(usage_of(cohort(model=ends)), pd.Timestamp(until, tz="UTC"), 90)
    )

    assert week_summary._soon(week) == f"{ends} {headline}"
    assert f"{ends} {line}" in week_sections.ahead(week)[0].to_text()


def test_ends_within_the_horizon_and_names_that_move_are_told():
    """claude-sonnet-4-5-20250929 retires on 2026-11-30 (model_lifecycle.csv), 21 days ahead."""
    ends = "claude-sonnet-4-5-20250929"
    usage = usage_of(
        cohort(), cohort("b", seed=1, model=ends),
        cohort("c", seed=2, model=HAIKU, model_requested="claude-haiku-4-5"),
    )  # fmt: skip
    week = usage[usage["bucket_start"] >= WEEK[0]]
    found = {one.name: one for one in ahead_of(week, END, 90)}

    assert (found[ends].kind, found[ends].on, found[ends].days) == ("retiring", "2026-11-30", 21)
    assert found[ends].share == pytest.approx(1 / 3, abs=0.01)
    assert (found["claude-haiku-4-5"].kind, found["claude-haiku-4-5"].resolves_to) == (
        "moving", HAIKU
    )  # fmt: skip
    assert SONNET not in found
    assert ends not in {one.name for one in ahead_of(week, END, 20)}


def wins_of(usage, open_=(), closed=()):
    base = rolling_baseline(usage, WEEK[0], 21, ())
    costed = cost_of(usage)
    found = compare(
        usage, costed.usd, WEEK, base, costed.usd, moved_share=0.05, moved_volume_share=0.25
    )
    week = usage[usage["bucket_start"] >= WEEK[0]]
    return winnable(open_, closed, found, week, costed.book.rates, costed.usd.loc[week.index])


def open_incident(*cohorts, per_day=None, measure="hit_rate", inside=None):
    """As winnable() looks at one: whose it is, and what it costs a day."""
    rate = None
    if per_day is not None:
        day = Estimate(value=per_day, low=per_day - 1, high=per_day + 1)
        rate = RunRate(
            per_day=day, per_month=day, days=4, lasted_days=4.0, until=END, so_far=day, day_sd=0.5
        )
    affected = tuple(
        SimpleNamespace(cohort=c, scope=c[0], route=c[1]) for c in cohorts
    )  # fmt: skip
    incident = SimpleNamespace(measure=measure, inside=inside)
    case = SimpleNamespace(affected=affected)
    return SimpleNamespace(found=SimpleNamespace(case=case, run_rate=rate, incident=incident))


def test_lost_reads_are_worth_what_the_rest_of_the_input_cost_above_a_read():
    """Sonnet: input 3, a write 3.75, a read 0.30 USD; the rest of this input is half of each."""
    usage = usage_of(cohort(then=((WEEK[0], 0.6),)), cohort("b", seed=1))
    (win,) = wins_of(usage)
    prompt = 7 * 24 * 1e6

    assert (win.kind, win.about) == ("below_baseline", "chat via gateway")
    by_hand = 0.2 * prompt * ((3 + 3.75) / 2 - 0.3) / 1e6
    assert win.usd_per_week.value == pytest.approx(by_hand, rel=0.03)
    assert win.usd_per_week.low < win.usd_per_week.value < win.usd_per_week.high


def test_writes_that_are_hardly_read_are_counted_from_the_bill():
    """2 % read, 49 % written at 0.75 USD above input, reads save 2.70 USD a million."""
    usage = usage_of(cohort(tokens=3e6), cohort("b", seed=1, read=0.02))
    (win,) = wins_of(usage)
    rows = usage[(usage["scope"] == "b") & (usage["bucket_start"] >= WEEK[0])]
    written, read = (float(rows[f"cache_{what}_tokens"].sum()) for what in ("write_5m", "read"))

    assert (win.kind, win.about) == ("hardly_read", f"b via gateway on {SONNET}")
    assert win.usd_per_week.value == pytest.approx((0.75 * written - 2.7 * read) / 1e6)


def test_no_traffic_is_counted_twice():
    """A cohort that fell, and whose writes are hardly read since."""
    usage = usage_of(cohort(then=((WEEK[0], 0.02),)), cohort("b", seed=1))

    assert [win.kind for win in wins_of(usage)] == ["below_baseline"]
    assert wins_of(usage, [open_incident(("chat", "gateway"))]) == ()
    assert wins_of(usage, [open_incident()]) == ()


def test_what_is_back_is_not_to_be_won():
    usage = usage_of(cohort(then=((WEEK[0], 0.02),)), cohort("b", seed=1, then=((WEEK[0], 0.5),)))

    assert {win.about for win in wins_of(usage)} == {"chat via gateway", "b via gateway"}
    (win,) = wins_of(usage, closed=[open_incident(("chat", "gateway"))])
    assert win.about == "b via gateway"
    assert wins_of(usage, closed=[open_incident()]) == ()


def test_input_that_was_never_cached_is_not_claimed():
    plain = cohort("plain", seed=1).assign(cache_read_tokens=0, cache_write_5m_tokens=0)

    assert wins_of(usage_of(cohort(), plain)) == ()


@pytest.mark.parametrize(
    ("further", "counted"),
    [
        ({"per_day": 3.0}, [35.0]),
        ({"per_day": 3.0, "inside": WEEK[0]}, [35.0, 21.0]),
        ({"per_day": 9.0, "inside": WEEK[0]}, [63.0, 35.0]),
        ({"per_day": 9.0, "measure": "volume"}, [35.0]),
    ],
)
def test_two_incidents_in_one_cohort_are_counted_by_what_is_their_own(further, counted):
    """The dearer of two; both where one lies inside the other; more traffic is nobody's loss."""
    chat = ("chat", "gateway")
    wins = wins_of(
        usage_of(cohort()), [open_incident(chat, per_day=5.0), open_incident(chat, **further)]
    )

    assert [win.usd_per_week.value for win in wins] == counted


def test_a_week_of_a_run_rate_is_seven_days_within_its_doubt():
    (win,) = wins_of(usage_of(cohort()), [open_incident(("chat", "gateway"), per_day=5.0)])

    assert win.usd_per_week.value == 35.0
    assert win.usd_per_week.low < 35.0 < win.usd_per_week.high


def test_a_name_that_rests_for_a_day_is_not_gone():
    """A report made yesterday: what had traffic in the week is still there."""
    usage = usage_of(cohort(), cohort("batch", seed=1, end=END - DAY))

    assert news_of(usage, END - DAY, WEEK[0]).went == ()
