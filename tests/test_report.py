"""Words are rendered from values and held against golden texts; UPDATE_GOLDEN=1 rewrites them."""

import os
from dataclasses import replace

import pandas as pd
import pytest

from bench.planted.stories import BY_NAME
from cacheaudit.causes.losses import Losses
from cacheaudit.diagnosis import IncidentDiagnosis, diagnose
from cacheaudit.engine import rollup
from cacheaudit.excess import Estimate, ExcessCurve
from cacheaudit.findings import findings_of
from cacheaudit.history import CUTOVER, hourly, migration_cohorts, planted_migration
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.quality import QualityNote
from cacheaudit.report import aftermath, figures, front, incident, money, supporting, traffic
from cacheaudit.report.cell import show
from cacheaudit.report.contrasts import (
    cohort_rows,
    finding,
    gap_finding,
    marked_loss,
    money_finding,
    parts_of,
)
from cacheaudit.report.summary import (
    coinciding_changes,
    innocent_move,
    quality_lines,
    summary,
    verdict_words,
)
from cacheaudit.report.terminal import triage
from cacheaudit.sources.frame import write_usage
from tests import cases
from tests.conftest import ROOT
from tests.logs import CUT, call, log
from tests.planted import START, stream, usage_of

GOLDEN = ROOT / "tests" / "golden"
NOW = pd.Timestamp("2026-04-02 07:00", tz="UTC")


def story(name, folder):
    """Parameters of a planted story, its usage written under *folder*."""
    moved, unmoved, long = migration_cohorts()
    cohorts = {
        "identified": (moved, unmoved, long),
        "narrowed": (moved,),
        "quiet": (unmoved,),
        "stand_in": (moved, unmoved, long),
    }[name]
    usage = hourly(planted_migration(cohorts))
    if name == "stand_in":
        usage = usage.assign(uncached_input_tokens=pd.NA, requests=pd.NA)
    write_usage(usage, folder / "usage.parquet")
    return PostmortemParams(name=name, source="frame", path=str(folder / "usage.parquet"))


@pytest.fixture(scope="module", params=["identified", "narrowed", "quiet", "stand_in"])
def told(request, tmp_path_factory):
    """A story and what the kit says of it."""
    params = story(request.param, tmp_path_factory.mktemp("story"))
    return request.param, investigate(params, now=NOW)


def test_the_whole_report_reads_as_its_golden_text(told):
    name, postmortem = told
    parts = [
        front.banner(postmortem),
        front.key_numbers(postmortem),
        *incident.impact(postmortem),
        *incident.trigger(postmortem),
        *figures.contrast(postmortem),
        *incident.root_causes(postmortem),
        *money.money(postmortem),
        aftermath.detection(postmortem),
        *aftermath.resolution(postmortem),
        aftermath.actions(postmortem),
        aftermath.timeline(postmortem),
        *traffic.traffic_pieces(postmortem),
        *supporting.supporting(postmortem)[:1],
    ]
    text = show(*parts).to_text().replace("\u00a0", " ") + "\n"
    golden = GOLDEN / f"report_{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")


def test_the_summary_is_three_sentences(told):
    _, postmortem = told
    banner = front.banner(postmortem)

    assert len(banner.sentences) == 3
    assert all(s.endswith(".") for s in banner.sentences)
    assert banner.headline in triage(postmortem).replace("\n", " ")


def test_figures_state_their_finding_as_alternative_text(told):
    _, postmortem = told
    figure = figures.overview(postmortem)

    assert figure.alt.startswith(front.banner(postmortem).headline)
    assert len(figure._repr_html_()) > 10_000
    zoom = figures.cutover(postmortem)
    assert "no minutes" in zoom.to_text().lower()  # this source has hours only


def test_an_immaterial_incident_is_still_an_incident(tmp_path):
    params = story("identified", tmp_path)
    high = PostmortemParams(source="frame", path=params.path, material_usd=1e9)

    postmortem = investigate(high, now=NOW)

    assert postmortem.diagnosis.verdict == "identified"
    assert "below the" in front.banner(postmortem).sentences[0]


def test_signals_and_events_that_the_team_gives_are_shown(tmp_path):
    signals = tmp_path / "signals.csv"
    signals.write_text(
        "at,name,value,unit\n"
        "2026-03-10T00:00Z,latency p50,410,ms\n"
        "2026-03-20T00:00Z,latency p50,405,ms\n"
    )
    events = tmp_path / "events.csv"
    events.write_text(f"at,kind,what\n{CUTOVER.isoformat()},gateway,gateway 3.2.0\n")
    given = PostmortemParams(events_path=str(events), signals_path=str(signals))

    postmortem = investigate(given, now=NOW)

    assert "gateway: gateway 3.2.0" in show(*incident.trigger(postmortem)).to_text()
    assert len(postmortem.signals) == 2
    assert len(figures.overview(postmortem)._repr_html_()) > 10_000


def told_of(case, verdict="narrowed"):
    """An incident's diagnosis of a hand-made case, with no causes tried."""
    usd = Estimate(value=5.0, low=4.0, high=6.0, reason="")
    curve = ExcessCurve(total=usd, buckets=pd.DataFrame())
    return IncidentDiagnosis(
        verdict=verdict, incident=case.incident, case=case, causes=(), cold_start=None,
        excess_usd=usd, excess_curve=curve, run_rate=None, recovery=None, material=None,
    )  # fmt: skip


LONG = cases.side(0.8, cached_tokens=6e6)
FINDINGS = {
    "Only traffic that moved to claude-opus-4-6 fell": {"spared": (cases.kept(),)},
    "Of what moved to claude-opus-4-6, only prefixes below 4,096 tokens fell": {
        "spared": (cases.went("legal", LONG, before=LONG),)
    },
    "Of what moved to claude-opus-4-6, only chat fell": {"spared": (cases.went("eu", LONG),)},
    "chat fell, and there is no other traffic to compare": {},
    "Both cohorts fell alike, and all moved to claude-opus-4-6": {
        "affected": (cases.went(), cases.went("eu"))
    },
    "Both cohorts fell by 40.0\xa0% to 80.0\xa0%": {
        "affected": (cases.cohort(), cases.cohort("eu", cases.side(0.4)))
    },
    "Traffic fell whether or not its version changed": {
        "affected": (cases.went(), cases.cohort("eu"))
    },
    "Only traffic that did not move to claude-opus-4-6 fell": {
        "affected": (cases.cohort(),), "spared": (cases.went("eu", cases.side()),)
    },
    "Only chat fell": {"affected": (cases.cohort(),), "spared": (cases.kept(),)},
    "All traffic through gateway fell, and no other": {
        "affected": (cases.cohort(), cases.cohort("eu")),
        "spared": (cases.kept("us", route="direct"),),
    },
    "2 of 3 cohorts fell; no version moved with them": {
        "affected": (cases.cohort(), cases.cohort("eu")), "spared": (cases.kept("us"),)
    },
    "Each cohort kept its rate; their shares of the traffic moved": {
        "affected": (), "spared": (cases.kept(), cases.kept("us")), "pattern": "mixed"
    },
}  # fmt: skip


@pytest.mark.parametrize("says", FINDINGS)
def test_the_finding_is_what_sets_those_that_fell_apart(says):
    assert finding(cases.case(**FINDINGS[says])) == says


def test_rows_are_sorted_by_drop_and_say_who_moved_and_how_much_of_it():
    small = cases.went("eu", cases.side(0.5), moved_share=0.4)
    case = cases.case(affected=(small, cases.went()), spared=(cases.kept("us"),))
    rows = cohort_rows(told_of(case))

    assert rows["name"].tolist() == ["chat", "eu", "us"]
    assert rows["hot"].tolist() == [True, True, False]
    assert rows["note"].tolist() == [
        "moved to claude-opus-4-6", "moved to claude-opus-4-6, 40.0\xa0% of it", "same version"
    ]  # fmt: skip


def pairs(**changes):
    """Pairs of a log: 1,000 tokens hoped for in either period, all kept before and none after."""
    table = pd.DataFrame(
        {
            "period": ["before", "after"], "gap": "under 1 min", "entry_gap": "under 1 min",
            "where": "here", "place_same": True, "tools_same": True, "head_same": True,
            "settings_same": True, "process_same": True, "overlaps": False, "calls": 100.0,
            "missed": [0.0, 100.0], "expected": 1000.0, "kept": [1000.0, 0.0],
        }
    )  # fmt: skip
    return Losses(pairs=table.assign(**changes), before=0.0, after=1.0)


def test_one_sentence_names_the_mark_that_carries_the_loss():
    churned = marked_loss(pairs(tools_same=[True, False]))
    shorter = marked_loss(pairs(gap=["5 to 60 min"] * 2))

    assert churned == (
        "100\xa0% of what was lost beyond the baseline was in calls with other tools than the"
        " last one."
    )
    assert shorter == (
        "100\xa0% of what was lost beyond the baseline is worse re-use after a gap of 5 to 60 min."
    )
    assert "100\xa0% of what the last call held was read again, then 0\xa0%" in gap_finding(pairs())


def test_money_is_told_by_what_a_request_is_made_of():
    wordy = cases.cohort(after=cases.side(output_tokens=4e5))
    dearer = cases.incident(measure="usd_per_request", before=1.0, after=1.4)
    case = cases.case(incident=dearer, affected=(wordy,), pattern="more_output")
    output = next(p for p in parts_of(case) if p.names_it)

    assert money_finding(case) == "Output a request rose to 2.00x, the cost per request to 1.40x"
    assert output.amounts == "200 → 400 tokens"


@pytest.fixture(scope="module")
def identified(tmp_path_factory):
    """The story whose cause is found."""
    return investigate(story("identified", tmp_path_factory.mktemp("identified")), now=NOW)


def test_a_bill_that_left_the_list_price_reads_as_such(identified):
    bill = cases.incident(measure="charged_ratio", before=1.0, after=1.24)
    top = told_of(cases.case(incident=bill, affected=(), pattern="dearer"), "identified")
    billed = replace(
        identified, diagnosis=replace(identified.diagnosis, verdict="identified", incidents=(top,))
    )

    assert "the bill for the same tokens rose to 1.24x of its baseline" in summary(billed)[0]
    assert "bill rose to 1.24x" in money_finding(top.case)


def test_two_changes_that_coincide_are_both_named():
    case = cases.case(coinciding=cases.events())
    words = verdict_words(told_of(case, "not_identifiable"))

    assert coinciding_changes(case) == [
        "the move to claude-opus-4-6", "the client event 'release 2'"
    ]  # fmt: skip
    assert words.endswith("the move to claude-opus-4-6 and the client event 'release 2' coincide")


def test_a_fall_inside_an_incident_says_so_and_each_has_its_line(identified):
    outer = identified.diagnosis.incidents[0]
    inner = replace(
        outer,
        excess_usd=Estimate(value=1.0, low=1.0, high=1.0, reason=""),
        incident=replace(outer.incident, inside=outer.incident.start, end=NOW),
    )
    both = replace(identified, diagnosis=replace(identified.diagnosis, incidents=(outer, inner)))
    table = incident.impact(both)[1]

    assert len(table.rows) == 2
    assert table.rows[1][0].endswith(
        "a further fall inside the incident that began at 2026-03-17 14:00 UTC"
    )
    assert table.rows[1][1:5] == [
        "2026-03-17 14:00 UTC", "2026-04-02 07:00 UTC", "identified", "model.below_minimum"
    ]  # fmt: skip


def test_notes_say_whom_they_speak_of():
    notes = [
        QualityNote(id="a", severity="note", text="One.", about=about)
        for about in ("usage", "log", "cost")
    ]

    assert quality_lines(notes) == ["Usage: One.", "Request log: One.", "Bill: One."]


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """Three conversations, a call every 20 minutes; from CUT on, nothing lives so long."""
    calls = []
    for session in range(3):
        for i in range(20 * 72):
            at = i * 1200 + session * 60
            cold = START + pd.Timedelta(seconds=at) >= CUT
            warm = {"cache_read_tokens": 0, "cache_write_5m_tokens": 1000} if cold else {}
            calls.append(call(at, session_id=f"s{session}", **warm))
    folder = tmp_path_factory.mktemp("logged")
    requests = log(*calls)
    requests.to_parquet(folder / "log.parquet")
    write_usage(rollup(requests), folder / "usage.parquet")
    params = PostmortemParams(
        source="frame", path=str(folder / "usage.parquet"),
        requests_path=str(folder / "log*.parquet"),
    )  # fmt: skip
    return investigate(params, now=NOW)


def test_a_request_log_is_read_and_drawn_by_gap(logged):
    figure, said = figures.contrast(logged)

    assert "5 to 60 min" in figure.alt
    assert "read again, then 0" in figure.alt
    assert said.to_text().replace("\n", " ").endswith("after a gap of 5 to 60 min.")
    assert len(figure._repr_html_()) > 10_000


def test_the_findings_say_that_a_log_was_used_and_what_was_lost(logged, told):
    used, unused = findings_of(logged)["log"], findings_of(told[1])["log"]

    assert used["used"]
    assert used["path"].endswith("log*.parquet")
    assert min(used["calls_before"], used["calls_after"]) > 1000
    assert (used["loss_before"], used["loss_after"]) == (0.0, 1.0)
    assert unused == {
        "path": None, "format": None, "notes": [], "used": False,
        "calls_before": None, "calls_after": None, "loss_before": None, "loss_after": None,
        "request_ids": [],
    }  # fmt: skip


def test_one_cohort_without_a_log_is_told_what_is_missing(told):
    name, postmortem = told
    text = show(*figures.contrast(postmortem)).to_text().replace("\n", " ")

    assert ("no contrast to draw: all traffic is one cohort" in text) == (name == "narrowed")


def test_more_cohorts_than_fit_are_told_in_words(tmp_path):
    streams = [stream(scope=f"team-{i:02}").then(10, marked=i > 0) for i in range(12)]
    write_usage(usage_of(streams, days=14), tmp_path / "usage.parquet")
    params = PostmortemParams(source="frame", path=str(tmp_path / "usage.parquet"))
    figure, said = figures.contrast(investigate(params, now=NOW))

    assert figure.alt.startswith("Only team-00 fell")
    assert said.to_text().startswith("2 more cohorts are not drawn: 0 fell and 2 kept their rate")


def test_names_are_data_in_a_picture_too(tmp_path):
    streams = [
        stream(scope="$\\frac{a}{$ <b>").then(10, marked=False), stream(scope="a" * 90)
    ]  # fmt: skip
    write_usage(usage_of(streams, days=14), tmp_path / "usage.parquet")
    params = PostmortemParams(source="frame", path=str(tmp_path / "usage.parquet"))
    page = figures.contrast(investigate(params, now=NOW))[0]._repr_html_()

    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def fading(postmortem, **projected):
    """The postmortem with a loss that shrinks."""
    top = postmortem.diagnosis.costliest
    recovery = replace(
        top.recovery, shape="warming", half_life_days=4.0, note="It still moves.", **projected
    )
    found = replace(postmortem.diagnosis, incidents=(replace(top, recovery=recovery),))
    return replace(postmortem, diagnosis=found)


def test_a_loss_that_fades_says_when_it_is_back_and_what_it_will_have_cost(identified):
    back = pd.Timestamp("2026-04-10 06:00", tz="UTC")
    day = pd.Timedelta("1D")
    postmortem = fading(
        identified, projected_at=back, projected_low=back - 2 * day, projected_high=back + 5 * day
    )
    top = postmortem.diagnosis.costliest
    text = show(*aftermath.resolution(postmortem), *money.money(postmortem)).to_text()
    words = " ".join(text.replace("\u00a0", " ").split())

    assert "is on its way back" in words
    assert "The gap halves every 4 days" in words
    assert "back on 2026-04-10 (95 %: 2026-04-08 to 2026-04-15)" in words
    assert "It still moves." in words
    assert "In all, until it is back" in words
    assert top.projected.value > top.excess_usd.value
    assert findings_of(postmortem)["incidents"][0]["projected_usd"]["value"] == pytest.approx(
        top.projected.value
    )


def test_a_fading_without_an_end_in_sight_has_no_date_and_no_projected_cost(identified):
    start = pd.Timestamp("2026-05-01", tz="UTC")
    postmortem = fading(identified, projected_at=None, projected_low=start, projected_high=None)
    text = show(*aftermath.resolution(postmortem), *money.money(postmortem)).to_text()
    words = " ".join(text.replace("\u00a0", " ").split())

    assert "no sooner than half a year from now (95 %: 2026-05-01 to no known end)" in words
    assert "In all" not in words


@pytest.mark.slow
def test_a_move_that_another_made_unharmed_is_said_to_be_innocent():
    """And not a word of it where the model is still a suspect, or the cause."""
    said = {}
    for name in (
        "markers_and_migration_contrast",
        "markers_and_migration",
        "floor_and_release_contrast",
    ):
        story = BY_NAME[f"confounded.{name}"].make(4)
        top = diagnose(story.usage, story.events).costliest
        said[name] = innocent_move(top)

    assert said == {
        "markers_and_migration_contrast": " The move to claude-opus-4-6 at the time is not:"
        " code-agent moved as well and kept its rate, and help-center fell without a move.",
        "markers_and_migration": "",
        "floor_and_release_contrast": "",
    }


def test_a_reader_s_zone_stands_beside_utc():
    """In the timeline and in the header; without one there is not a word of it."""
    here = investigate(PostmortemParams(zone="Asia/Kolkata"), now=NOW)
    plain = investigate(PostmortemParams(), now=NOW)
    told = aftermath.timeline(here).to_text() + supporting.header(here).to_text()

    assert "Asia/Kolkata" in told
    assert "there it began at 2026-03-17 19:50" in " ".join(told.split())
    assert "2026-03-17 14:20" in told
    assert "Kolkata" not in aftermath.timeline(plain).to_text() + supporting.header(plain).to_text()
