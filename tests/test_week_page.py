"""The weekly page: one screen where nothing moved, the chain of reports, every state in words."""

import ast
import json
import re

import pandas as pd
import pytest

from cacheaudit.body import Body
from cacheaudit.errors import ParamError, SourceError
from cacheaudit.findings import plain_values
from cacheaudit.params import read_params
from cacheaudit.report import week as page
from cacheaudit.report.week_summary import headline, summary
from cacheaudit.rollout_params import WeeklyParams
from cacheaudit.sources.frame import write_usage
from cacheaudit.weekly import observe
from cacheaudit.weekly.reports import read_reports
from cacheaudit.weekly_findings import weekly_findings
from tests.conftest import ROOT
from tests.test_layers import PACKAGE, outside
from tests.weeks import END, HAIKU, WEEK, cohort, hours_before, usage_of

GOLDEN = ROOT / "tests" / "golden"
DAY = pd.Timedelta("1D")
NOW = pd.Timestamp("2026-11-09 07:00", tz="UTC")
SINCE = hours_before(60)
STORIES = {
    "quiet": lambda: usage_of(cohort(), cohort("agents", seed=1, read=0.6)),
    "open": lambda: usage_of(cohort(then=((SINCE, 0.5),)), cohort("agents", seed=1, read=0.6)),
    "closed": lambda: usage_of(
        cohort(then=((SINCE, 0.4), (hours_before(30), 0.8))), cohort("agents", seed=1, read=0.6)
    ),
}


def look(usage, folder, now=NOW, **given):
    """*usage* as a file, observed."""
    folder.mkdir(exist_ok=True)
    write_usage(usage, folder / "usage.parquet")
    path = str(folder / "usage.parquet")
    return observe(WeeklyParams(source="frame", path=path, **given), now=now)


@pytest.fixture(scope="module")
def weeks(tmp_path_factory):
    """Each story, observed once and only if asked for."""
    seen = {}

    def of(story):
        if story not in seen:
            seen[story] = look(STORIES[story](), tmp_path_factory.mktemp(story))
        return seen[story]

    return of


def html(weekly):
    pieces = [page.banner(weekly), *page.front(weekly), *page.sections(weekly)]
    return "".join(piece._repr_html_() for piece in [*pieces, *page.supporting(weekly)])


def text(weekly):
    pieces = [page.banner(weekly), *page.front(weekly), *page.sections(weekly)]
    told = "\n\n".join(piece.to_text() for piece in [*pieces, *page.supporting(weekly)])
    return told.replace("\u00a0", " ")


def flat(weekly):
    return " ".join(text(weekly).split())


def headings(weekly):
    body = Body()
    body.feed(html(weekly))
    body.close()
    return [heading.text for heading in body.headings]


def report_of(weekly, root, name="sample", stamp="20261102T070000Z"):
    """A run folder of *weekly* under *root*."""
    folder = root / f"weekly-{name}-{stamp}"
    folder.mkdir(parents=True)
    document = weekly_findings(weekly) | {"name": name}
    (folder / "findings.json").write_text(json.dumps(document))
    return folder


def test_where_nothing_moved_the_page_is_one_screen(weeks):
    quiet = weeks("quiet")

    assert (quiet.verdict, quiet.exit_code, headline(quiet)) == ("quiet", 0, "Nothing moved")
    assert headings(quiet) == ["Supporting information"]
    assert "none of 2 cohorts is surely beyond 5.0 % of its own" in flat(quiet)
    assert "No incident is open." in flat(quiet)
    assert "This baseline is not frozen" in flat(quiet)
    assert "cacheaudit calibrate" in flat(quiet)
    assert html(quiet).count("<img") == 1


def test_an_open_incident_is_told_with_cause_cost_and_time_limit(weeks):
    found = weeks("open")
    told = flat(found)

    assert (found.verdict, found.exit_code) == ("moved", 0)
    assert headings(found) == [
        "What moved", "Incidents", "What could still be won", "Supporting information"
    ]  # fmt: skip
    assert "chat via gateway), open since 2026-11-06 12:00 UTC" in headline(found)
    assert "Recovery: 90.0 % of the baseline within 3 days: the time is not up" in told
    (fallen,) = (part for part in found.week.parts if part.worse)
    assert f"↓ {fallen.rate.now * 100:.1f} %" in told
    (one,) = found.incidents.open
    assert f"{one.found.excess_usd.value:,.2f} USD" in told
    assert one.is_new


def test_an_incident_is_won_back_once(weeks):
    """Its run rate; the same cohort below its baseline is not counted beside it."""
    found = weeks("open")

    assert [win.kind for win in found.wins] == ["incident"]
    per_day = found.incidents.open[0].found.run_rate.per_day.value
    assert found.wins[0].usd_per_week.value == pytest.approx(7 * per_day)


def test_an_incident_that_closed_in_the_week_is_told_and_leaves_it_quiet(weeks):
    found = weeks("closed")

    assert found.incidents.open == ()
    assert "Standing: closed at 2026-11-07 18:00 UTC" in flat(found)
    assert "1 closed this week" in summary(found)[2]


@pytest.mark.parametrize("story", list(STORIES))
def test_every_number_in_the_words_is_one_of_the_findings(weeks, story):
    found = weekly_findings(weeks(story))
    week, total = found["week"], found["week"]["cohorts"][-1]
    told = " ".join(summary(weeks(story))).replace("\u00a0", " ")

    assert f"{total['rate']['now'] * 100:.1f} %" in told
    assert f"{total['rate']['low'] * 100:.1f} % to {total['rate']['high'] * 100:.1f} %" in told
    assert f"{total['usd_per_mtok']['usual']:.2f} USD" in told
    assert week["window"] == [at.isoformat() for at in WEEK]
    assert found["kind"] == "weekly"
    assert found["incidents"] == [
        plain_values(one.to_dict()) for one in weeks(story).diagnosis.incidents
    ]
    for key in ("news", "ahead", "winnable", "calibration", "cost", "gates"):
        assert key in found
    json.dumps(found, allow_nan=False)


@pytest.mark.slow
def test_the_same_data_says_the_same(weeks, tmp_path):
    """A mail is due by what is said: a run again may differ in when it was made alone."""
    again = weekly_findings(look(STORIES["open"](), tmp_path))
    first = weekly_findings(weeks("open"))
    for one in (again, first):
        one.pop("provenance")

    assert again == first


def test_the_next_report_says_what_is_new_since(tmp_path):
    """A week later: a workspace came, the incident went on and has been verified as not fixed."""
    before = usage_of(cohort(then=((SINCE, 0.5),)))
    later = pd.concat([
        cohort(then=((SINCE, 0.5),), end=END + 7 * DAY),
        cohort("pilot", seed=3, start=END + 2 * DAY, end=END + 7 * DAY, model=HAIKU),
    ])  # fmt: skip
    first = look(before, tmp_path / "first")
    folder = report_of(first, tmp_path / "reports")
    start = first.incidents.open[0].found.incident.start
    checked = tmp_path / "reports" / "postmortem-sample-20261110T070000Z"
    checked.mkdir()
    (checked / "verification.json").write_text(json.dumps({
        "schema": 1, "kind": "verification", "name": "sample",
        "incident": {"start": start.isoformat(), "about": "chat via gateway"},
        "fixed_at": END.isoformat(), "window": [END.isoformat(), END.isoformat()],
        "verdict": "still_open", "sentence": "The fix did not bring it back.",
    }))  # fmt: skip
    reports = str(tmp_path / "reports")
    found = look(usage_of(later), tmp_path / "second", NOW + 7 * DAY, reports_path=reports)
    told = flat(found)

    assert (found.news.report, found.news.since) == (folder.name, END)
    assert f"New version: {HAIKU}, from 2026-11-11 00:00 UTC on" in told
    assert "New workspace or project: pilot" in told
    assert not found.incidents.open[0].is_new
    assert "Fix verified: The fix did not bring it back." in told
    assert found.week.total.rate.usual == pytest.approx(0.8, abs=0.02)  # the loss is not usual


@pytest.mark.slow
def test_an_incident_that_slid_out_of_the_data_is_not_called_over(weeks, tmp_path):
    """The pull begins after it: only its level is left, which looks like any other."""
    report_of(weeks("open"), tmp_path / "reports")
    late = usage_of(cohort(read=0.5, start=END, end=END + 28 * DAY))
    reports = str(tmp_path / "reports")
    now = NOW + 28 * DAY
    found = look(late, tmp_path / "late", now, reports_path=reports)
    write_usage(STORIES["open"](), tmp_path / "good.parquet")
    frozen = look(
        late, tmp_path / "late", now, reports_path=reports,
        baseline_path=str(tmp_path / "good.parquet"), baseline_end=(END - 7 * DAY).isoformat(),
    )  # fmt: skip

    assert (found.verdict, len(found.incidents.out_of_sight)) == ("moved", 1)
    assert "Whether the incident of 2026-11-06 12:00 UTC is over cannot be told" in text(found)
    assert weekly_findings(found)["week"]["open"][0]["start"] == SINCE.isoformat()
    assert frozen.week.total.rate.way == "down"
    assert "Usual is the frozen baseline" in flat(frozen)


def test_a_report_of_the_same_data_is_not_the_last_one(weeks, tmp_path):
    report_of(weeks("quiet"), tmp_path, stamp="20261109T070000Z")
    report_of(weeks("quiet"), tmp_path, name="sample-eu")
    broken = tmp_path / "weekly-sample-20261101T070000Z"
    broken.mkdir()
    (broken / "findings.json").write_text('{"kind": "weekly", "name": "sample"')
    shelf = read_reports(str(tmp_path), "sample", END)
    later = read_reports(str(tmp_path), "sample", END + 7 * DAY)

    assert shelf.last is None
    assert later.last is not None
    assert later.last.folder == "weekly-sample-20261109T070000Z"
    assert broken.name in shelf.notes[0]
    assert read_reports("", "sample", END).last is None


def test_the_power_is_stated_where_it_was_measured(tmp_path):
    file = tmp_path / "calibration.json"
    file.write_text(json.dumps({
        "schema": 1, "kind": "calibration", "name": "x", "alpha": 0.01,
        "window": ["2026-09-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00"],
        "cohorts": [{"scope": "chat", "route": "gateway"}],
        "false_alarms": {"found": 0, "windows": 40, "high": 0.07}, "drops": [],
        "sentence": "A drop of 10 points is found in 19 of 20 trials.",
    }))  # fmt: skip
    found = look(STORIES["quiet"](), tmp_path / "u", calibration_path=str(file))

    assert (
        "A drop of 10 points is found in 19 of 20 trials."
        " (Calibration x, on usage up to 2026-11-01.)" in flat(found)
    )
    assert weekly_findings(found)["calibration"]["alpha"] == 0.01
    file.write_text("{}")
    with pytest.raises(SourceError, match="is no calibration; expected the file that"):
        look(STORIES["quiet"](), tmp_path / "u", calibration_path=str(file))


@pytest.mark.parametrize(
    ("given", "verdict", "words"),
    [
        ({"model": "nobody-knows-1"}, "quiet", "tokens have no price"),
        ({"start": END - 7 * DAY}, "not_yet_known", "there is no usage before this week"),
    ],
)
def test_what_cannot_be_judged_exits_with_4(tmp_path, given, verdict, words):
    found = look(usage_of(cohort(**given)), tmp_path)

    assert (found.verdict, found.exit_code) == (verdict, 4)
    assert words in flat(found)


@pytest.mark.slow
def test_names_in_the_data_are_text(tmp_path):
    usage = STORIES["open"]().assign(route="<script>alert(1)</script>")
    shown = html(look(usage, tmp_path))

    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"week_days": 0.5}, "week_days is 0.5; expected 1 to 366 days"),
        ({"moved_share": 5}, "moved_share is 5; expected a share"),
        ({"ahead_days": -1}, "ahead_days is -1; expected a number of days"),
        ({"baseline_start": "2026-10-01"}, "without baseline_path; set it to the run folder"),
        ({"baseline_path": "x", "baseline_start": "2026-10-02", "baseline_end": "2026-10-01"},
         "is not before baseline_end"),
    ],
)  # fmt: skip
def test_bad_parameters_are_refused_before_a_run(given, words):
    with pytest.raises(ParamError, match=words):
        read_params(WeeklyParams, given)


def test_the_judging_touches_no_clock_network_or_disk():
    ends = {"observe.py", "reports.py"}
    for path in (PACKAGE / "weekly").glob("*.py"):
        if path.name not in ends:
            found = outside(ast.parse(path.read_text(encoding="utf-8")))

            assert not found & {"datetime", "time", "pathlib", "os", "socket"}, path


def test_help_says_what_a_cron_gets(command, tmp_path):
    said = " ".join(command("weekly", "--help", cwd=tmp_path).stdout.split())

    assert "Exits with 0 where nothing moved and where something did" in said
    assert re.search(r"Exits with 3 .* with 4 where", said)
