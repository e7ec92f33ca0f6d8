"""Nothing is quiet where data are missing, stale, unknown or of other traffic."""

import json
from dataclasses import replace

import click
import pandas as pd
import pytest

from cacheaudit.cli.telling import undecided
from cacheaudit.cost import cost_of
from cacheaudit.errors import ParamError, UnfitData
from cacheaudit.report.week_summary import headline, power_words, summary
from cacheaudit.rollout_params import WeeklyParams
from cacheaudit.schema import check_usage
from cacheaudit.sources.frame import write_usage
from cacheaudit.weekly import observe
from cacheaudit.weekly.ahead import ahead_of
from cacheaudit.weekly.baseline import frozen_baseline, rolling_baseline
from cacheaudit.weekly.compare import compare
from cacheaudit.weekly.covered import covered, rhythm_of
from cacheaudit.weekly.doubts import timely
from cacheaudit.weekly.known import Remembered, calibration, verification
from cacheaudit.weekly.reports import read_reports
from cacheaudit.weekly.settled import settled_by
from cacheaudit.weekly.told import told_of
from cacheaudit.weekly.volume import usual_volume
from tests.weeks import END, HAIKU, SONNET, START, WEEK, cohort, usage_of

DAY, HOUR, WEEK_H = pd.Timedelta("1D"), pd.Timedelta("1h"), 168
NOW = END + 7 * HOUR
FIRST = WEEK[0] - 9 * DAY  # of a short history: it is judged in half the time


def look(usage, folder, now=NOW, **given):
    folder.mkdir(exist_ok=True)
    write_usage(usage, folder / "usage.parquet")
    path = str(folder / "usage.parquet")
    return observe(WeeklyParams(source="frame", path=path, **given), now=now)


def week_of(usage, frozen=None, week=WEEK):
    base = rolling_baseline(usage, week[0], 21, ()) if frozen is None else frozen
    money = cost_of(usage if frozen is None else frozen.usage).usd
    bars = {"moved_share": 0.05, "moved_volume_share": 0.25}
    return compare(usage, cost_of(usage).usd, week, base, money, **bars)


def coverage(usage):
    """Of the week, by the days before."""
    early = usage["bucket_end"] <= WEEK[0]
    return covered(usage[~early], WEEK_H, rhythm_of(usage[early], END, WEEK_H))


def without(usage, start, end):
    gone = (usage["bucket_start"] >= start) & (usage["bucket_start"] < end)
    return usage[~gone].reset_index(drop=True)


def kinds(found):
    return [one.kind for one in found.doubts]


@pytest.fixture(scope="module")
def plain():
    return usage_of(cohort(start=FIRST))


# --- missing hours


def test_a_week_that_is_mostly_missing_is_not_quiet(tmp_path, plain):
    found = look(without(plain, WEEK[0], END - DAY), tmp_path)
    said = " ".join(summary(found)).replace("\u00a0", " ")

    assert (found.verdict, found.exit_code) == ("not_yet_known", 4)
    assert kinds(found) == ["missing"]
    assert found.week.coverage.share == pytest.approx(1 / 7, abs=0.01)
    assert "24 of its 168 hours" in said
    assert "2026-11-02 00:00 UTC to 2026-11-08 00:00 UTC" in said
    assert "The week cost" not in said
    assert found.week.total.volume.way == "unknown"


@pytest.mark.parametrize(
    ("hours", "enough"), [(lambda at: at.hour >= 8, True), (lambda at: at.day_of_week < 5, True)]
)
def test_nights_and_weekends_without_traffic_are_covered(hours, enough):
    usage = usage_of(cohort())
    usage = usage[hours(pd.DatetimeIndex(usage["bucket_start"]))].reset_index(drop=True)
    found = coverage(usage)

    assert found.share == pytest.approx(1.0)


def test_single_empty_hours_are_no_hole_and_a_day_is():
    usage = usage_of(cohort())
    thin = usage[usage["bucket_start"].dt.hour.mod(12) != 5].reset_index(drop=True)
    sparse = usage.sample(frac=0.4, random_state=3).sort_values("bucket_start")

    assert coverage(without(usage, END - 30 * HOUR, END - 24 * HOUR)).enough
    assert coverage(thin).enough
    assert coverage(check_usage(sparse.reset_index(drop=True))).enough
    assert not coverage(without(usage, END - 48 * HOUR, END - 24 * HOUR)).enough
    assert coverage(without(usage, WEEK[0], END)).share == 0.0


# --- counts that are not reported


def unread(usage, rows):
    return check_usage(usage.assign(cache_read_tokens=usage["cache_read_tokens"].mask(rows)))


def test_reads_that_are_not_reported_are_no_fall_of_the_volume(tmp_path, plain):
    found = look(unread(plain, plain["bucket_start"] >= WEEK[0] + DAY), tmp_path)

    assert (found.verdict, found.exit_code) == ("not_yet_known", 3)  # the gate of cache fields
    assert "unreported" in kinds(found)
    assert (found.week.total.volume.now, found.week.total.volume.way) == (None, "unknown")
    assert "about 85.7 % of the week's input" in headline(found).replace("\u00a0", " ")


def test_a_cohort_without_reads_takes_the_total_with_it():
    usage = usage_of(cohort(), cohort("agents", seed=1, read=0.6))
    late = (usage["scope"] == "agents") & (usage["bucket_start"] >= WEEK[0] + DAY)
    found = week_of(unread(usage, late))

    assert found.unreported == pytest.approx(3 / 7, abs=0.01)
    assert [one.rate.way for one in found.every] == ["level", "unknown", "unknown"]
    assert [one.volume.way for one in found.every] == ["level", "unknown", "unknown"]
    assert not found.worse


def test_a_few_rows_without_reads_change_nothing():
    usage = usage_of(cohort())
    found = week_of(unread(usage, usage.index % 97 == 0))

    assert found.unreported == pytest.approx(1 / 97, abs=0.005)
    assert found.total.rate.way == "level"


def test_a_day_that_is_not_known_leaves_the_volume_open():
    days = pd.Series(10.0, index=pd.date_range(START, periods=12, freq="1D"))
    now = pd.Series([10.0, float("nan")], index=days.index[:2] + 14 * DAY)

    assert usual_volume(20.0, now, days, 1) is None
    assert usual_volume(10.0, now.dropna(), days.mask(days.index == START), 1)[0] == 10.0


# --- stale, and from the future


@pytest.mark.parametrize(
    ("now", "end", "doubt"),
    [
        (NOW, "", []),
        (END + 20 * HOUR, "", []),
        (END + 9 * DAY, "", ["stale"]),
        (END + 9 * DAY, END.isoformat(), []),
        (END + 9 * DAY, (END + 3 * DAY).isoformat(), ["stale"]),
        (END - 3 * DAY, "", ["future"]),
    ],
)
def test_data_that_ended_long_ago_is_not_this_week(plain, now, end, doubt):
    rhythm = rhythm_of(plain, END, 7 * 24)
    asked = None if not end else pd.Timestamp(end)

    assert [one.kind for one in timely(END, now, asked, HOUR, rhythm)] == doubt


def test_a_weekend_without_traffic_is_not_stale():
    usage = usage_of(cohort())
    usage = usage[usage["bucket_start"].dt.day_of_week < 5]
    friday = END - 2 * DAY
    rhythm = rhythm_of(usage, friday, 7 * 24)

    assert not list(timely(friday, END + 7 * HOUR, None, HOUR, rhythm))
    assert list(timely(friday, END + 31 * HOUR, None, HOUR, rhythm))


def test_stale_data_is_not_quiet(tmp_path, plain):
    found = look(plain, tmp_path, now=END + 10 * DAY)

    assert (found.verdict, found.exit_code) == ("not_yet_known", 4)
    assert "10 days" in headline(found)


# --- a baseline of other traffic, of this week, or of bad data


def test_a_frozen_baseline_of_other_traffic_says_nothing(tmp_path, plain):
    (tmp_path / "base").mkdir()
    other = usage_of(cohort("other", seed=5, start=FIRST, end=WEEK[0]))
    write_usage(other, tmp_path / "base" / "usage.parquet")
    found = look(plain, tmp_path / "now", baseline_path=str(tmp_path / "base"))

    assert (found.verdict, kinds(found)) == ("not_yet_known", ["other_traffic"])


def test_a_baseline_that_holds_the_week_is_refused(tmp_path, plain):
    write_usage(plain, tmp_path / "base.parquet")

    with pytest.raises(ParamError, match="baseline_end"):
        look(plain, tmp_path / "now", baseline_path=str(tmp_path / "base.parquet"))


def test_a_frozen_baseline_that_is_unfit_says_nothing(tmp_path, plain):
    (tmp_path / "base").mkdir()
    lost = plain[plain["bucket_start"] < WEEK[0]]
    late = lost["bucket_start"] >= FIRST + 4 * DAY
    write_usage(unread(lost, late), tmp_path / "base" / "usage.parquet")
    found = look(plain, tmp_path / "now", baseline_path=str(tmp_path / "base"))

    assert (found.verdict, kinds(found)) == ("not_yet_known", ["baseline"])


# --- what an earlier run knew


def remembered(start=START - 3 * DAY):
    return Remembered(start=start, said="x", cohorts=(("chat", "gateway"),), measure="hit_rate")


@pytest.mark.parametrize(
    ("read", "until", "settled"),
    [(0.8, START - 4 * DAY, True), (0.762, START - 4 * DAY, False), (0.8, START, False)],
)
def test_only_a_baseline_of_before_settles_and_only_by_a_level_that_is_surely_back(
    read, until, settled
):
    """The baseline reads 80 %. 76.2 % is not surely worse, nor surely back above 76 %."""
    before = usage_of(cohort(start=until - 14 * DAY, end=until, seed=8))
    frozen = frozen_baseline(before, "f", (None, None))
    found = week_of(usage_of(cohort(then=((START, read),), seed=4, start=FIRST)), frozen)

    assert found.total.rate.way == "level"
    assert settled_by(found, remembered()) is settled


def checked(about="chat via gateway", name="sample", start=START - 3 * DAY):
    return {
        "kind": "verification", "name": name, "verdict": "closed", "sentence": "s",
        "incident": {"start": start.isoformat(), "about": about}, "fixed_at": END.isoformat(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("about", "closed"),
    [("chat via gateway", True), ("all traffic", True), ("search via gateway", False),
     ("agents via gateway, chat via gateway", True)],
)  # fmt: skip
def test_a_verification_of_other_cohorts_closes_nothing(about, closed):
    told = told_of(
        [], WEEK[0], START, remembered=[remembered()], checked=[verification(checked(about))]
    )

    assert (told.out_of_sight == ()) is closed


def test_verifications_of_every_incident_of_the_own_name_are_read(tmp_path):
    for name, file, days in (("sample", "verification.json", 1),
                             ("sample", "verification-20261020T000000Z.json", 2),
                             ("other", "verification.json", 3)):  # fmt: skip
        folder = tmp_path / f"postmortem-{name}-20261101T000000Z"
        folder.mkdir(exist_ok=True)
        (folder / file).write_text(json.dumps(checked(name=name, start=START + days * DAY)))
    found = read_reports(str(tmp_path), "sample", END).verifications

    assert {one.start for one in found} == {START + DAY, START + 2 * DAY}


def test_a_calibration_of_other_traffic_is_named_as_that(tmp_path, plain):
    found, said = look(plain, tmp_path), {}
    for scope in ("chat", "billing"):
        known = calibration({
            "kind": "calibration", "name": "platform", "sentence": "A fall is found.",
            "window": [START.isoformat(), END.isoformat()],
            "cohorts": [{"scope": scope, "route": "gateway"}],
        })  # fmt: skip
        said[scope] = power_words(replace(found, calibration=known))

    assert found.verdict == "quiet"
    assert "A fall is found." in said["chat"]
    assert "platform" in said["chat"]
    assert "A fall is found." not in said["billing"]
    assert "other traffic" in said["billing"]


# --- who is gone, what is dear, what ends


def test_a_cohort_that_is_gone_is_in_the_headline(tmp_path, plain):
    gone = cohort("small", seed=1, tokens=2e5, start=FIRST, end=WEEK[0]).assign(requests=20)
    found = look(usage_of(plain, gone), tmp_path)

    assert headline(found).startswith("Nothing got worse; small via gateway sent nothing")
    assert [one.label for one in found.week.parts if one.is_gone] == ["small via gateway"]


def test_a_crumb_without_a_price_leaves_a_chosen_price_chosen():
    crumb = cohort(model="mystery-1", tokens=100, start=START, end=START + 30 * HOUR, seed=3)
    moved = [cohort(model=HAIKU, end=WEEK[0]), cohort(model=SONNET, start=WEEK[0], seed=1)]
    found = week_of(usage_of(*moved, crumb)).total
    bread = week_of(usage_of(*moved, crumb.assign(uncached_input_tokens=10**8))).total

    assert found.list_price == pytest.approx(3.0, rel=0.02)
    assert not found.dearer
    assert bread.list_price is None
    assert (bread.cost.way, bread.dearer) == ("up", False)


@pytest.mark.parametrize(
    ("usage", "why", "words"),
    [
        (lambda: cohort(start=WEEK[0]), "no_baseline", "no usage before"),
        (lambda: cohort(start=WEEK[0] - 12 * HOUR), "short_baseline", "12 hours"),
        (lambda: cohort(read=0.0, start=FIRST).assign(cache_read_tokens=0, cache_write_5m_tokens=0),
         "reads_nothing", "Nothing was read from the cache before"),
    ],
)  # fmt: skip
def test_why_nothing_is_usual_is_told_as_it_is(tmp_path, usage, why, words):
    found = look(usage_of(usage()), tmp_path)

    assert (found.week.unjudged, found.verdict) == (why, "not_yet_known")
    assert words in f"{headline(found)} {summary(found)[0]}".replace("\u00a0", " ")


def test_an_end_that_is_past_is_told_in_the_past(tmp_path):
    usage = usage_of(cohort(model="claude-3-opus-20240229", start=FIRST))
    found = look(usage, tmp_path)

    assert "was to end on 2026-01-05" in summary(found)[2]


def test_a_name_has_all_traffic_that_it_served_or_was_asked_for():
    name = "claude-sonnet-4-20250514"
    usage = usage_of(
        cohort("a", seed=1, model="claude-opus-4-6", start=WEEK[0]),
        cohort("b", seed=2, model=name, start=WEEK[0]),
        cohort("c", seed=3, model=name, model_requested=name, tokens=1e4, start=WEEK[0]),
    )
    (one,) = [one for one in ahead_of(usage, END, 90) if one.name == name]

    assert one.share == pytest.approx(1.01 / 2.01, abs=0.01)


def test_a_time_that_is_none_is_refused():
    with pytest.raises(ParamError, match="since is 'NaT'"):
        WeeklyParams(since="NaT")


def test_usage_that_is_not_complete_exits_with_4(capsys):
    with pytest.raises(click.exceptions.Exit) as stopped, undecided():
        raise UnfitData("no token counts that are complete")

    assert stopped.value.exit_code == 4
    said = capsys.readouterr().err
    assert said == "cacheaudit: could not be judged: no token counts that are complete\n"
