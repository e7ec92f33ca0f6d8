"""Where an incident is known, all that is found beside it is told; and a quiet week is one line."""

import copy
from datetime import UTC, datetime

import pandas as pd
import pytest

from cacheaudit.mail_params import MailParams
from cacheaudit.mailing.beside import SOON_DAYS
from cacheaudit.mailing.compose import known_message
from cacheaudit.mailing.due import due
from cacheaudit.report import week_summary
from cacheaudit.rollout_params import WeeklyParams
from cacheaudit.sources.frame import write_usage
from cacheaudit.weekly import observe
from cacheaudit.weekly_findings import weekly_findings
from tests.weeks import END, cohort, hours_before, usage_of

NOW = datetime(2026, 11, 9, 7, tzinfo=UTC)
SINCE = "2026-11-06 12:00"
KNOWN = MailParams(
    sender="a@example.org", readers=["b@example.org"], host="127.0.0.1",
    acknowledged=[{"start": SINCE, "until": "2026-12-01", "report": "org"}],
)  # fmt: skip
ENDS = {"name": "claude-x", "kind": "retiring", "on": "2026-11-20", "days": 12}


def found_in(folder, *others) -> dict:
    """A week in which chat fell, beside *others*."""
    path = folder / "usage.parquet"
    write_usage(usage_of(cohort(then=((hours_before(60), 0.5),)), *others), path)
    params = WeeklyParams(name="org", source="frame", path=str(path))
    return weekly_findings(observe(params, now=pd.Timestamp(NOW)))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A week with one incident and nothing else: chat fell, agents went on."""
    return found_in(tmp_path_factory.mktemp("quiet"), cohort("agents", seed=1, read=0.6))


@pytest.fixture
def week(quiet):
    return copy.deepcopy(quiet)


def decided(found):
    return due(found, [], KNOWN, NOW.date())


def told_whole(found) -> bool:
    """Whether the whole report goes out, the known incident as a note."""
    done = decided(found)
    assert done.send
    assert len(done.known) == 1
    return not done.all_known


def part(found, about):
    return next(one for one in found["week"]["cohorts"] if one["about"].startswith(about))


def test_a_week_with_its_known_incident_alone_is_one_line(week):
    assert week["verdict"] == "moved"
    assert part(week, "chat")["rate"]["moved"] == "down"
    assert not told_whole(week)
    text = known_message(week, decided(week).known, KNOWN, folder="w", at=NOW).get_content()
    assert "Nothing else was found. The report is in the run folder w." in text


def test_another_cohort_that_stops_is_told(tmp_path):
    gone = cohort("agents", seed=1, read=0.6, end=END - pd.Timedelta("5D"))
    found = found_in(tmp_path, gone)

    assert [one["incident"]["start"][:13] for one in found["incidents"]] == ["2026-11-06T12"]
    assert told_whole(found)


BESIDE = {
    "doubts": lambda f: f["doubts"].append({"kind": "missing", "says": "a", "needs": "b"}),
    "a gate failed": lambda f: f.update(exit_code=3),
    "it is not known": lambda f: f.update(exit_code=4),
    "the rate is not judged": lambda f: f["week"].update(unjudged="not_reported"),
    "a near end": lambda f: f["ahead"].append(ENDS),
    "an end that was due": lambda f: f["ahead"].append(ENDS | {"days": -3}),
    "one without a day": lambda f: f["ahead"].append(ENDS | {"kind": "retired", "days": None}),
    "a new name": lambda f: f["news"]["came"].append({"kind": "model", "name": "x"}),
    "a name that went": lambda f: f["news"]["went"].append({"kind": "model", "name": "x"}),
    "another price": lambda f: f["news"]["prices"].append({"model": "x"}),
    "caching that costs": lambda f: f["winnable"]["parts"].append({"kind": "hardly_read"}),
    "out of sight": lambda f: f["week"]["open"].append(
        f["week"]["open"][0] | {"start": "2026-09-01T00:00:00+00:00"}
    ),
    "out of sight, of its minute": lambda f: f["week"]["open"].append(f["week"]["open"][0]),
    "another cohort fell": lambda f: part(f, "agents")["rate"].update(moved="down"),
    "another is dearer": lambda f: part(f, "agents")["usd_per_mtok"].update(moved="up"),
    "another is better": lambda f: part(f, "agents")["rate"].update(moved="up"),
    "another sends more": lambda f: part(f, "agents")["tokens"].update(moved="up"),
    "another sends nothing": lambda f: part(f, "agents").update(is_gone=True),
    "its own sends nothing": lambda f: part(f, "chat").update(is_gone=True),
    "its own sends less": lambda f: part(f, "chat")["tokens"].update(moved="down"),
    "all traffic is more": lambda f: part(f, "all")["tokens"].update(moved="up"),
    "what fell is of no open incident": lambda f: f["week"]["open"].clear(),
}


@pytest.mark.parametrize("beside", list(BESIDE))
def test_whatever_else_a_week_tells_is_told_whole(week, beside):
    BESIDE[beside](week)

    assert told_whole(week)


OF_IT = {
    "all traffic fell by it": lambda f: part(f, "all")["rate"].update(moved="down"),
    "it is of all traffic": lambda f: (
        f["week"]["open"][0].update(cohorts=[]),
        part(f, "agents")["rate"].update(moved="down"),
    ),
    "prompts grew": lambda f: (
        f["week"]["open"][0].update(measure="usd_per_request"),
        part(f, "chat")["tokens"].update(moved="up"),
    ),
    "not judged as moved": lambda f: part(f, "agents")["rate"].update(moved="unknown"),
}


@pytest.mark.parametrize("of_it", list(OF_IT))
def test_what_the_known_incident_explains_is_nothing_else(week, of_it):
    OF_IT[of_it](week)

    assert not told_whole(week)


def test_an_end_that_is_far_stays_in_the_line(week):
    week["ahead"].append(ENDS | {"days": SOON_DAYS + 1})

    assert not told_whole(week)
    text = known_message(week, decided(week).known, KNOWN, folder="w", at=NOW).get_content()
    assert "but names that end or move later: claude-x." in " ".join(text.split())


def test_soon_is_what_the_page_calls_soon(week):
    assert SOON_DAYS == week_summary.SOON_DAYS
    week["ahead"].append(ENDS | {"days": SOON_DAYS})
    assert told_whole(week)
