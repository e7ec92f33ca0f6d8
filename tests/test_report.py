"""Words are rendered from values and held against golden texts; UPDATE_GOLDEN=1 rewrites them."""

import os

import pandas as pd
import pytest

from cacheaudit.history import CUTOVER, hourly, migration_cohorts, planted_migration
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.report import aftermath, figures, front, incident, money, supporting
from cacheaudit.report.cell import show
from cacheaudit.report.terminal import triage
from cacheaudit.sources.frame import write_usage
from tests.conftest import ROOT

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
        *incident.root_causes(postmortem),
        *money.money(postmortem),
        aftermath.detection(postmortem),
        aftermath.resolution(postmortem),
        aftermath.actions(postmortem),
        aftermath.timeline(postmortem),
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
