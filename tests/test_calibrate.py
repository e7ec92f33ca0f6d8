"""Planted falls conserve tokens, the detection is the diagnosis' own, power is counted right."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from cacheaudit import diagnose
from cacheaudit.calibration import (
    Calibration,
    CohortPower,
    DropPower,
    FalseAlarms,
    Quiet,
    Site,
    calibrate,
    calibration_text,
    plant,
    quiet_stretch,
    watch_of,
)
from cacheaudit.calibration.calibrate import Trial, _powers
from cacheaudit.calibration.detect import delay_h
from cacheaudit.calibration.plant import plots_of, sites
from cacheaudit.calibration.quiet import _demand_data
from cacheaudit.calibration.resample import false_alarms, resampled
from cacheaudit.cli import cli
from cacheaudit.errors import ParamError, UnfitData
from cacheaudit.history import hourly, planted_migration
from cacheaudit.metrics import overall_metrics
from cacheaudit.schema import CACHE_WRITE, INPUT, check_usage
from tests.planted import START, at, stream, usage_of

DAY = pd.Timedelta("1D")
HOUR = pd.Timedelta("1h")
OTHERS = ["bucket_start", "bucket_end", "provider", "model", "scope", "route", "requests"]


@pytest.fixture(scope="module")
def usage():
    """Three weeks of two busy cohorts and a small one."""
    return usage_of(
        [
            stream(scope="chat", prefixes=10),
            stream(scope="claims", prefixes=60, per_hour=3.0, prefix_tokens=6000, ttl_s=3600.0),
            stream(scope="night", prefixes=2, per_hour=8.0),
        ],
        days=21,
        seed=3,
    )


@pytest.fixture(scope="module")
def quiet(usage):
    return quiet_stretch(usage, watch_of(usage))


@pytest.fixture(scope="module")
def migrated():
    return hourly(planted_migration())


def place(quiet, scope, day=10.3):
    plot = next(p for p in plots_of(quiet) if p.cohort[0] == scope)
    return Site(plot=plot, at=at(day))


def whole_input(usage):
    return usage[INPUT].sum(axis=1)


def rate(usage, scope, since):
    rows = usage[(usage["scope"] == scope) & (usage["bucket_start"] >= since)]
    return overall_metrics(rows)["hit_rate"]


def without(usage, **columns):
    """*usage* in which some counts are not reported."""
    return check_usage(usage.assign(**columns))


def test_a_planted_fall_conserves_tokens_row_by_row(quiet):
    site = place(quiet, "chat")
    kept = quiet.usage.copy(deep=True)
    fallen = plant(quiet.usage, site, 0.2, np.random.default_rng(5)).usage
    touched = (fallen["cache_read_tokens"] != kept["cache_read_tokens"]).fillna(False)

    pd.testing.assert_frame_equal(quiet.usage, kept)
    pd.testing.assert_series_equal(whole_input(fallen), whole_input(kept))
    pd.testing.assert_frame_equal(fallen[OTHERS], kept[OTHERS])
    assert set(kept.loc[touched, "scope"]) == {"chat"}
    assert kept.loc[touched, "bucket_end"].min() > site.at
    assert touched.sum() > 200
    pd.testing.assert_frame_equal(fallen.isna(), kept.isna())


def test_the_rate_falls_by_the_points_asked_for(quiet):
    for points in (0.05, 0.2):
        site = place(quiet, "chat")
        fallen = plant(quiet.usage, site, points, np.random.default_rng(5)).usage
        since = site.at.ceil("h")
        before, after = rate(quiet.usage, "chat", since), rate(fallen, "chat", since)

        assert before - after == pytest.approx(points, abs=0.004)


def test_the_bucket_in_which_it_begins_falls_in_part(quiet):
    """At 40 minutes past, a third of the hour's reads are in the fall."""
    site = replace(place(quiet, "chat"), at=at(10.0) + pd.Timedelta("12h40min"))
    fallen = plant(quiet.usage, site, 1.0, np.random.default_rng(5))
    hour = (fallen.usage["bucket_start"] == site.at.floor("h")) & (fallen.usage["scope"] == "chat")
    left = fallen.usage.loc[hour, "cache_read_tokens"] / quiet.usage.loc[hour, "cache_read_tokens"]

    assert fallen.clipped
    assert fallen.turned == 1.0
    assert left.item() == pytest.approx(2 / 3, abs=0.1)


def test_reads_become_writes_of_the_lifetime_that_the_cohort_writes(quiet):
    grown = {}
    for scope in ("chat", "claims"):
        fallen = plant(quiet.usage, place(quiet, scope), 0.2, np.random.default_rng(5)).usage
        change = (fallen[CACHE_WRITE].sum() - quiet.usage[CACHE_WRITE].sum()).astype(int)
        grown[scope] = list(change.index[change > 0])

    assert grown == {"chat": ["cache_write_5m_tokens"], "claims": ["cache_write_1h_tokens"]}


def test_reads_become_uncached_where_no_writes_are_reported(usage):
    openai = without(usage, provider="openai", **dict.fromkeys(CACHE_WRITE, pd.NA))
    quiet = quiet_stretch(openai, watch_of(openai))
    fallen = plant(quiet.usage, place(quiet, "chat"), 0.2, np.random.default_rng(5)).usage

    assert fallen[CACHE_WRITE].isna().all(axis=None)
    pd.testing.assert_series_equal(whole_input(fallen), whole_input(quiet.usage))
    assert fallen["uncached_input_tokens"].sum() > quiet.usage["uncached_input_tokens"].sum()


def test_what_is_not_reported_stays_so(usage):
    hole = (usage["bucket_start"] >= at(11)) & (usage["bucket_start"] < at(11.5))
    holed = without(usage, cache_read_tokens=usage["cache_read_tokens"].mask(hole))
    holed = without(holed, requests=pd.NA)
    site = Site(plot=place(quiet_stretch(usage, watch_of(usage)), "chat").plot, at=at(10.3))
    fallen = plant(holed, site, 0.2, np.random.default_rng(5)).usage

    pd.testing.assert_frame_equal(fallen.isna(), holed.isna())
    pd.testing.assert_series_equal(whole_input(fallen), whole_input(holed))
    assert rate(holed, "chat", at(12)) - rate(fallen, "chat", at(12)) == pytest.approx(
        0.2, abs=0.004
    )


def test_a_planted_fall_has_the_noise_of_requests_that_miss_one_by_one(quiet):
    """Turned shares of the hours stray by the binomial's standard deviation."""
    site = place(quiet, "chat")
    fallen = plant(quiet.usage, site, 0.2, np.random.default_rng(5))
    rows = (quiet.usage["scope"] == "chat") & (quiet.usage["bucket_start"] >= site.at.ceil("h"))
    reads = quiet.usage.loc[rows, "cache_read_tokens"].astype(float)
    turned = 1 - fallen.usage.loc[rows, "cache_read_tokens"].astype(float) / reads
    calls = reads / 2600
    stray = (turned - fallen.turned) / np.sqrt(fallen.turned * (1 - fallen.turned) / calls)

    assert stray.std() == pytest.approx(1.0, abs=0.15)


def alarms(incidents, cohort):
    """What tells of a fall in *cohort*, or in all traffic."""
    return {
        (a.cohort, a.measure, a.start, a.start_low, a.start_high, a.end, a.after)
        for i in incidents
        for a in i.alarms
        if a.cohort in (None, cohort) and a.measure != "volume"
    }


@pytest.mark.parametrize(
    ("scope", "points"),
    [("chat", 0.05), ("night", 0.4), pytest.param("claims", 0.2, marks=pytest.mark.slow)],
)
def test_the_short_way_is_the_whole_detection(quiet, scope, points):
    """Series of the planted cohort and of all traffic, cut off, raise the alarms of the frame."""
    watch, site = watch_of(quiet.usage), place(quiet, scope)
    fallen = plant(quiet.usage, site, points, np.random.default_rng(5)).usage
    short = watch.replanted(quiet.series, fallen, site.plot.cohort)
    raised = []
    for hours in (0, 3, 30, 168):
        end = (site.at + pd.Timedelta(hours=hours)).floor("h")
        shown = watch.series(fallen[fallen["bucket_end"] <= end])
        known = watch.known_at(short, end)
        whole = alarms(watch.incidents(shown), site.plot.cohort)
        raised.append(bool(whole))

        assert alarms(watch.incidents(known), site.plot.cohort) == whole
        assert {(s.cohort, s.measure) for s in known} == {(s.cohort, s.measure) for s in shown}
        assert watch.finds(known, site.plot.cohort, site.at) == bool(whole)
    assert raised[-1]
    assert not raised[0]


@pytest.mark.slow
def test_the_watch_sees_what_the_diagnosis_sees(migrated):
    watch = watch_of(migrated)
    found = diagnose(migrated)
    seen = watch.incidents(watch.series(migrated))

    assert {a for i in seen for a in i.alarms} == {
        a for i in found.incidents for a in i.incident.alarms
    }
    assert len(watch.series(migrated)) == found.series_watched


def test_an_alarm_elsewhere_or_at_another_time_is_not_the_planted_one(quiet):
    watch, site = watch_of(quiet.usage), place(quiet, "night")
    fallen = plant(quiet.usage, site, 0.4, np.random.default_rng(5)).usage
    series = watch.replanted(quiet.series, fallen, site.plot.cohort)
    end = site.at.ceil("D") + 5 * DAY
    others = tuple(s for s in watch.known_at(series, end) if s.cohort is not None)

    assert watch.finds(others, site.plot.cohort, site.at)
    assert not watch.finds(others, ("chat", "gateway"), site.at)
    assert not watch.finds(others, site.plot.cohort, site.at - 3 * DAY)


def test_the_delay_is_that_of_the_first_look_with_an_alarm(quiet):
    watch, site = watch_of(quiet.usage), place(quiet, "chat")
    ends = pd.DatetimeIndex(quiet.usage["bucket_end"].drop_duplicates().sort_values())
    fallen = plant(quiet.usage, site, 0.4, np.random.default_rng(5)).usage
    series = watch.replanted(quiet.series, fallen, site.plot.cohort)
    hours = delay_h(watch, series, ends, site)
    looks = {
        h: watch.finds(
            watch.known_at(series, (site.at + pd.Timedelta(hours=h)).floor("h")),
            site.plot.cohort,
            site.at,
        )
        for h in (1, 2, 3, 4)
    }

    assert hours == min(h for h, seen in looks.items() if seen)
    assert hours > 1
    assert delay_h(watch, quiet.series, ends, site) is None


def test_incidents_are_left_out_and_said(migrated):
    quiet = quiet_stretch(migrated, watch_of(migrated))

    assert (quiet.start, quiet.end) == (
        pd.Timestamp("2026-03-01", tz="UTC"),
        pd.Timestamp("2026-03-17", tz="UTC"),
    )
    assert [what for _, what in quiet.left_out] == ["an incident (hit rate)"]
    assert quiet.usage["bucket_end"].max() == quiet.end


def test_a_rise_bounds_the_quiet_days_too():
    """No incident: but its two sides are not days of one kind."""
    better = usage_of([stream(volatile=0.3).then(17.0, volatile=0.0)], days=23, seed=4)
    watch = watch_of(better)
    quiet = quiet_stretch(better, watch)

    assert watch.incidents(watch.series(better)) == ()
    assert (quiet.start, quiet.end) in ((START, at(16)), (START, at(17)))
    assert {what for _, what in quiet.left_out} == {"a rise of a hit rate"}


def test_too_few_quiet_days_are_refused_with_what_is_needed(usage):
    short = usage[usage["bucket_end"] <= at(14.5)]

    with pytest.raises(UnfitData, match=r"has 14 whole days; expected 15: 7 before .* 7 after"):
        calibrate(short)


def test_traffic_that_reads_nothing_is_refused(usage):
    cold = without(usage, cache_read_tokens=0)

    with pytest.raises(UnfitData):
        calibrate(cold)


def test_half_the_falls_are_planted_by_traffic_and_half_in_the_smallest(quiet):
    drawn = list(sites(quiet, plots_of(quiet), 200, np.random.default_rng(1)))
    scopes = pd.Series([s.plot.cohort[0] for s in drawn])
    times = pd.Series([s.at for s in drawn])

    assert set(scopes[1::2]) == {"night"}
    assert scopes[::2].value_counts(normalize=True)["claims"] == pytest.approx(0.64, abs=0.15)
    assert times.min() >= quiet.start + 7 * DAY
    assert times.max() < quiet.end - 7 * DAY
    assert times.max() - times.min() > 6 * DAY


def test_a_resampled_window_is_made_of_whole_days_of_their_class(quiet):
    window = resampled(quiet, np.random.default_rng(1))
    original = {
        day: rows.assign(bucket_start=rows["bucket_start"] - day)
        for day, rows in quiet.usage.groupby(quiet.usage["bucket_start"].dt.floor("D"))
    }
    counts = {day: int(whole_input(rows).sum()) for day, rows in original.items()}
    drawn = []
    for day, rows in window.groupby(window["bucket_start"].dt.floor("D")):
        (source,) = (d for d, n in counts.items() if n == int(whole_input(rows).sum()))
        drawn.append(source)

        assert (source.day_of_week >= 5) == (day.day_of_week >= 5)
        assert len(rows) == len(original[source])
        assert ((rows["bucket_end"] - rows["bucket_start"]) == HOUR).all()
    assert len(drawn) == len(quiet.days)
    assert len(set(drawn)) < len(drawn)


def test_windows_of_unlike_days_raise_alarms_and_are_counted():
    """What quiet_stretch would not let through: every third day reads half as much."""
    rows = usage_of([stream()], days=20, seed=6)
    odd = rows["bucket_start"].dt.day % 3 == 0
    half = (rows["cache_read_tokens"] // 2).where(odd, rows["cache_read_tokens"])
    unlike = rows.assign(
        cache_read_tokens=half,
        uncached_input_tokens=rows["uncached_input_tokens"] + rows["cache_read_tokens"] - half,
    )
    watch = watch_of(unlike)
    mixed = Quiet(usage=unlike, series=watch.series(unlike), start=START, end=at(20), left_out=())
    plain = replace(mixed, usage=rows, series=watch.series(rows))

    assert false_alarms(mixed, watch, 4, np.random.default_rng(1)) > 0
    assert false_alarms(plain, watch, 4, np.random.default_rng(1)) == 0


@pytest.fixture(scope="module")
def chat(usage):
    """Sixteen days of one cohort."""
    return usage[(usage["scope"] == "chat") & (usage["bucket_end"] <= at(16))]


@pytest.fixture(scope="module")
def calibrated(chat):
    return calibrate(chat, drops=(0.3, 0.99), plants=10, seed=4)


def test_a_deep_fall_is_always_found_and_soon(calibrated):
    (deep,) = calibrated.drops

    assert (deep.points, deep.found, deep.planted) == (0.3, 10, 10)
    assert 2 <= deep.within_h(0.5) <= 6
    assert calibrated.smallest_found == deep
    assert [c.drops for c in calibrated.cohorts] == [(deep,)]
    assert calibrated.false_alarms == FalseAlarms(found=0, windows=30)
    assert (calibrated.window, calibrated.series) == ((START, at(16)), 3)


def test_a_fall_below_the_bar_is_not_found(quiet):
    watch, site = watch_of(quiet.usage), place(quiet, "chat")
    ends = pd.DatetimeIndex(quiet.usage["bucket_end"].drop_duplicates().sort_values())
    fallen = plant(quiet.usage, site, 0.004, np.random.default_rng(5)).usage
    series = watch.replanted(quiet.series, fallen, site.plot.cohort)

    assert delay_h(watch, series, ends, site) is None


@pytest.mark.slow
def test_another_seed_draws_other_places(chat, calibrated):
    other = calibrate(chat, drops=(0.3,), plants=10, seed=5)

    assert other.drops[0].delays_h != calibrated.drops[0].delays_h


@pytest.mark.parametrize(
    "wrong", [{"drops": (0.0,)}, {"drops": ()}, {"drops": (1.5,)}, {"plants": 3}]
)
def test_sizes_and_numbers_out_of_range_are_refused(usage, wrong):
    with pytest.raises(ParamError, match="expected"):
        calibrate(usage, **wrong)


def made(*drops, found=0):
    """A calibration by hand."""
    return Calibration(
        window=(START, at(30)), alpha=0.01, series=12, seed=1,
        false_alarms=FalseAlarms(found=found, windows=100), drops=drops,
        cohorts=(CohortPower(cohort=("chat", None), share=1.0, rate=0.9, drops=drops),),
        left_out=(), not_planted=(("batch", "key"),),
    )  # fmt: skip


def test_what_was_missed_counts_as_never_found():
    half = DropPower(points=0.1, delays_h=(4, None, 2, None, None, 8, 6, 3, None, None))

    assert (half.found, half.planted) == (5, 10)
    assert half.within_h(0.5) == 8
    assert half.within_h(0.51) is None
    assert half.to_dict()["delay_h_p90"] is None
    assert half.interval == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_the_smallest_fall_found_holds_for_all_larger_ones():
    sure = DropPower(points=0.1, delays_h=(3,) * 19 + (None,))
    worse = DropPower(points=0.2, delays_h=(3,) * 10 + (None,) * 10)
    best = DropPower(points=0.4, delays_h=(2,) * 20)

    assert made(sure, best).smallest_found == sure
    assert made(sure, worse, best).smallest_found == best
    assert made(worse).smallest_found is None
    assert "none of those tried" in calibration_text(made(worse))


def test_the_sentence_is_rendered_from_the_values():
    sure = DropPower(points=0.1, delays_h=(6,) * 37 + (None,) * 3)
    text = made(sure, found=2).sentence.replace("\xa0", " ")

    assert text == (
        "A fall of 10 points in one of these cohorts is found in 92.5 % of 40 plantings (80.1 % to"
        " 97.4 %), in half of them within 6 hours, where reads miss one by one, and less often"
        " where whole conversations miss; of 100 windows of these 30 days, reshuffled, 2 raised an"
        " alarm (below 7.0 %)."
    )
    assert "fewer than half" in made(DropPower(points=0.1, delays_h=(None,) * 10)).sentence
    assert "none raised" in made(sure).sentence
    assert "batch via key" in calibration_text(made(sure))


def test_a_fall_that_no_rate_has_room_for_is_not_said_to_be_found(chat, calibrated):
    """No rate is 99 %: no such fall can be planted, and nothing is said of it."""
    assert [one.points for one in calibrated.drops] == [0.3]
    assert calibrated.to_dict()["too_large"] == [0.99]
    assert "99 points" not in calibrated.sentence
    assert "Nothing was planted of 99 points" in calibration_text(calibrated)
    with pytest.raises(UnfitData, match=r"has room for none of the falls asked for"):
        calibrate(chat, drops=(0.98, 0.99), plants=10, seed=4)


def test_places_without_room_count_neither_as_planted_nor_as_found():
    """By hand: of ten places six had room, five of them were found."""
    powers = _powers(
        [Trial(site=None, points=0.2, delay_h=2 if n else None, clipped=n > 5) for n in range(10)],
        (0.2, 0.3),
    )

    assert [(one.points, one.planted, one.found, one.clipped) for one in powers] == [(0.2, 6, 5, 4)]
    assert "4 of 10 places for a fall of 20 points" in calibration_text(made(*powers))


def test_days_without_data_are_no_days(chat):
    """Two days of 16 are missing; what is drawn for the others has data."""
    day = (chat["bucket_start"] - START) // DAY
    holed = chat[~day.isin([5, 12])].reset_index(drop=True)
    quiet = Quiet(usage=holed, series=(), start=START, end=at(16), left_out=())
    window = resampled(quiet, np.random.default_rng(1))

    assert len(quiet.days) == 14
    assert set((window["bucket_start"] - START) // DAY) == {*range(16)} - {5, 12}
    found = replace(made(DropPower(points=0.1, delays_h=(6,) * 10)), days_without_data=3)
    assert "of these 27 days, reshuffled" in found.sentence.replace("\xa0", " ")
    assert "3 days of the window have no data" in calibration_text(found)
    with pytest.raises(UnfitData, match=r"6 of its 16 days have data; expected 10"):
        _demand_data(6, 16)


@pytest.mark.parametrize("out", ["folder", "nowhere/x.json", "x" * 300])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(out, tmp_path):
    (tmp_path / "folder").mkdir()
    words = [str(tmp_path / "usage.parquet"), "--out", str(tmp_path / out)]
    result = CliRunner().invoke(cli, ["calibrate", *words])

    assert isinstance(result.exception, ParamError)
    assert str(result.exception).startswith("--out is")


def test_a_seed_below_zero_is_refused(tmp_path):
    result = CliRunner().invoke(cli, ["calibrate", str(tmp_path), "--seed", "-1"])

    assert result.exit_code == 2
    assert "--seed" in result.stderr


@pytest.mark.slow
def test_the_command_writes_the_contract_and_the_same_for_the_same_seed(chat, calibrated, tmp_path):
    path, out = tmp_path / "july.parquet", tmp_path / "calibration.json"
    chat.to_parquet(path)
    words = [str(path), "--drops", "0.3,0.99", "--plants", "10", "--seed", "4", "--out", str(out)]
    result = CliRunner().invoke(cli, ["calibrate", *words, "--json"])

    assert result.exit_code == 0, result.output
    document = json.loads(out.read_text(encoding="utf-8"))
    assert json.loads(result.stdout) == document
    head = {"schema": 1, "kind": "calibration", "name": "july"}
    told = json.loads(json.dumps(calibrated.to_dict()))
    assert {k: v for k, v in document.items() if k != "provenance"} == head | told
    assert set(document["false_alarms"]) == {"found", "windows", "high"}
    assert {"points", "planted", "found", "low", "high", "delay_h_median", "delay_h_p90"} <= set(
        document["drops"][0]
    )


def test_too_short_a_history_exits_4_and_writes_nothing(usage, tmp_path):
    path, out = tmp_path / "short.parquet", tmp_path / "calibration.json"
    usage[usage["bucket_end"] <= at(9)].to_parquet(path)
    result = CliRunner().invoke(cli, ["calibrate", str(path), "--out", str(out)])

    assert result.exit_code == 4
    assert "expected 15" in result.stderr
    assert not out.exists()
