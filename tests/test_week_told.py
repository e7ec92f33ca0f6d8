"""Which incidents a weekly report calls open, over, or out of its sight."""

import pandas as pd
import pytest

from cacheaudit.diagnosis import IncidentDiagnosis
from cacheaudit.excess import Estimate, ExcessCurve
from cacheaudit.metrics import rollup
from cacheaudit.price_table import RATES
from cacheaudit.report.week_summary import headline, summary
from cacheaudit.rollout_params import WeeklyParams
from cacheaudit.sources.frame import write_usage
from cacheaudit.weekly import observe
from cacheaudit.weekly.known import Remembered, verification
from cacheaudit.weekly.told import told_of
from tests import cases
from tests.weeks import END, SONNET, START, WEEK, cohort, hours_before, usage_of

OPUS = "claude-opus-4-6"
DAY = pd.Timedelta("1D")
SINCE, NOW = WEEK[0], END + pd.Timedelta("1h")
CHAT = Remembered(
    start=START - 3 * DAY, said="x", cohorts=(("chat", "gateway"),), measure="hit_rate"
)


def found(*scopes, usd=1.0, **incident):
    """An incident that began before the data and is over, unless told otherwise."""
    given = {"start": START, "start_low": START, "start_high": START, "end": START + DAY,
             "began_before": True}  # fmt: skip
    case = cases.case(
        incident=cases.incident(**(given | incident)),
        affected=tuple(cases.cohort(scope) for scope in scopes),
    )
    total = Estimate(value=usd, low=usd, high=usd)
    return IncidentDiagnosis(
        verdict="narrowed", incident=case.incident, case=case, causes=(), cold_start=None,
        excess_usd=total, excess_curve=ExcessCurve(total=total, buckets=pd.DataFrame()),
        run_rate=None, recovery=None, material=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("other", "in_sight"),
    [
        (found("chat"), True),
        (found("mail"), False),
        (found("mail", "chat"), True),
        (found(), True),
        (found("chat", measure="usd_per_request"), False),
        (found("chat", measure="usd_per_request", end=None), True),
        (found("chat", measure="read_share_of_cached"), True),
        (found("chat", began_before=False), False),
        (found("chat", began_before=False, start_low=CHAT.start), True),
        (found("mail", began_before=False, start_low=CHAT.start), False),
    ],
)
def test_an_incident_is_seen_again_in_its_own_traffic_only(other, in_sight):
    told = told_of([other], SINCE, START, remembered=[CHAT])

    assert (told.out_of_sight == ()) is in_sight


def checked(verdict, until):
    return verification({
        "kind": "verification", "name": "n", "verdict": verdict, "sentence": "s",
        "incident": {"start": CHAT.start.isoformat(), "about": "chat via gateway"},
        "fixed_at": START.isoformat(), "window": [START.isoformat(), until.isoformat()],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("verifications", "over"),
    [
        ([("closed", SINCE + DAY)], True),
        ([("closed", SINCE - DAY)], False),  # the last report saw it open after that
        ([("closed", SINCE + DAY), ("still_open", SINCE + 2 * DAY)], False),
        ([("still_open", SINCE + DAY), ("closed", SINCE + 2 * DAY)], True),
        ([("not_yet_known", SINCE + DAY)], False),
    ],
)
def test_the_newest_verification_decides_and_none_that_the_last_report_outlived(
    verifications, over
):
    known = [checked(*one) for one in verifications]
    told = told_of([], SINCE, START, remembered=[CHAT], checked=known)

    assert (told.out_of_sight == ()) is over


@pytest.mark.parametrize(
    ("one", "open_", "chosen"),
    [
        (found("chat", end=None, usd=0.0), 1, 0),
        (found("chat", end=None, usd=0.0, measure="usd_per_request"), 0, 1),
        (found("chat", end=None, usd=2.0, measure="usd_per_request"), 1, 0),
    ],
)
def test_lost_reads_are_an_incident_also_where_they_cost_nothing(one, open_, chosen):
    told = told_of([one], SINCE, START)

    assert (len(told.open), len(told.chosen)) == (open_, chosen)


def test_what_began_before_the_data_is_not_new():
    began = [found("chat", end=None, start=SINCE + DAY, began_before=b) for b in (True, False)]

    assert [one.is_new for one in told_of(began, SINCE, START).open] == [False, True]


def look(folder, usage, now=NOW, **given):
    write_usage(usage, folder / "usage.parquet")
    path = str(folder / "usage.parquet")
    return observe(WeeklyParams(source="frame", path=path, **given), now=now)


def test_a_fall_of_a_model_that_is_free_is_no_quiet_week(tmp_path):
    free = {"provider": "anthropic", "model": SONNET, "valid_from": "2026-01-01"}
    free |= dict.fromkeys(RATES, "0")
    pd.DataFrame([free]).to_csv(tmp_path / "free.csv", index=False)
    usage = usage_of(cohort(then=((hours_before(10), 0.2),)), cohort("mail", seed=3))
    week = look(tmp_path, usage, prices_path=str(tmp_path / "free.csv"))

    assert week.week.total.usd == 0
    assert week.verdict == "moved"
    assert headline(week).startswith("Hit rate 80.0\u00a0% to")
    assert week.wins == ()


def test_a_fall_that_healed_is_told_as_closed_and_not_as_something_to_win(tmp_path):
    usage = usage_of(
        cohort(then=((hours_before(144), 0.3), (hours_before(96), 0.8)), seed=1),
        cohort("mail", seed=3, read=0.7),
    )
    week = look(tmp_path, usage)

    assert summary(week)[2] == "No incident is open; 1 closed this week."


def moving(start, tokens=2e5):
    """A small cohort that moves to a model which reads less, at *start*."""
    before = cohort("claims", tokens=tokens, end=start)
    return [before, cohort("claims", tokens=tokens, start=start, model=OPUS, read=0.55, seed=7)]


def test_a_cutover_that_is_under_way_hides_nothing_else(tmp_path):
    fell = cohort(seed=4, then=((hours_before(72), 0.1),), tokens=2e7)
    week = look(tmp_path, usage_of(*moving(hours_before(3)), fell))

    assert (week.rollout.verdict, week.verdict, week.exit_code) == ("not_yet_known", "moved", 4)
    assert "(chat via gateway)" in headline(week)
    assert (
        "whether claims via gateway on claude-opus-4-6 is back cannot be told yet"
        in (summary(week)[2])
    )


def test_what_the_cutover_itself_lost_waits_for_its_bar(tmp_path):
    week = look(tmp_path, usage_of(*moving(hours_before(3), tokens=2e7), cohort(seed=4)))

    assert week.worse
    assert (week.verdict, week.worse_elsewhere) == ("not_yet_known", False)
    assert headline(week).startswith("Whether claims via gateway")


def test_a_page_about_a_cutover_tells_of_other_losses_and_of_its_doubts(tmp_path):
    fell = cohort(seed=4, then=((hours_before(72), 0.1),), tokens=2e7)
    late = look(tmp_path, usage_of(*moving(hours_before(120)), fell))
    stale = look(
        tmp_path, usage_of(*moving(hours_before(3)), cohort(seed=4)), now=END + 9 * DAY
    )  # fmt: skip

    assert late.verdict == "late"
    assert " Besides: Hit rate 80.0\u00a0% to" in summary(late)[2]
    assert "(chat via gateway" in summary(late)[2]
    assert summary(stale)[2].endswith(" More is not known, for this data ends 9 days before now.")


def test_five_hours_are_not_told_as_a_week_and_nobody_is_new_in_them(tmp_path):
    week = look(tmp_path, usage_of(cohort(start=hours_before(5))))

    assert summary(week)[0].startswith("In the 5 hours that have data, of the 7 days")
    assert summary(week)[1].startswith("What there is of the week cost")
    assert not week.week.total.is_new


def by_day(usage):
    """*usage* in buckets of a day."""
    return rollup(usage, DAY)


def test_what_a_baseline_lacks_is_named_by_what_it_lacks(tmp_path):
    """Five days by the day are 120 hours, and five buckets."""
    short = by_day(usage_of(cohort(start=WEEK[0] - 5 * DAY)))
    week = look(tmp_path, short, bucket="1d")

    assert week.week.unjudged == "short_baseline"
    assert "5 days in 5 buckets with a rate, and 6 buckets are needed" in headline(week)


def test_weekends_without_traffic_are_no_baseline_that_reads_nothing(tmp_path):
    usage = by_day(usage_of(cohort(weekend=0.0)))
    frozen = usage[(usage["bucket_start"] >= WEEK[0] - 7 * DAY) & (usage["bucket_end"] <= WEEK[0])]
    write_usage(frozen.reset_index(drop=True), tmp_path / "base.parquet")
    week = look(tmp_path, usage, bucket="1d", baseline_path=str(tmp_path / "base.parquet"))

    assert week.week.unjudged == "short_baseline"
    assert "Nothing was read" not in headline(week)
