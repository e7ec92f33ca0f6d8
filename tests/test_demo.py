"""The demo's story holds: through the sandbox and the real SDK, with the promised figures."""

import pandas as pd
import pytest

from cacheaudit.demo import PARAMS, demo_history, sandbox_app
from cacheaudit.history import CUTOVER, MARCH, migration_cohorts
from cacheaudit.params import PostmortemParams, read_params_file
from cacheaudit.postmortem import investigate
from cacheaudit.sandbox.serve import serve
from cacheaudit.schema import TOKENS
from cacheaudit.sources import fetch

NOW = pd.Timestamp("2026-04-02 07:00", tz="UTC")


@pytest.fixture(scope="module")
def sandbox():
    """The demo's sandbox on a free loopback port."""
    with serve(sandbox_app(None, MARCH[1])) as url:
        yield url


@pytest.fixture
def demo(sandbox, monkeypatch):
    """The demo's postmortem, without the notebook around it."""
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", "sandbox-key")
    return investigate(read_params_file(PostmortemParams, PARAMS, {"base_url": sandbox}), now=NOW)


def test_every_planted_token_arrives_once(demo):
    planted = demo_history()[TOKENS].sum()

    assert demo.usage[TOKENS].sum().to_dict() == planted.to_dict()


def test_the_verdict_is_earned_and_the_figures_are_those_of_the_story(demo):
    top = demo.diagnosis.costliest
    alarm = next(
        a
        for a in top.incident.alarms
        if a.measure == "usd_per_request" and a.cohort == ("support-chat", "edge-gateway")
    )

    assert (demo.diagnosis.verdict, demo.diagnosis.leading) == (
        "identified",
        ("model.below_minimum",),
    )
    assert top.incident.start == CUTOVER
    assert top.case.list_price_ratio == pytest.approx(5 / 3)
    assert alarm.after == pytest.approx(4.0, abs=0.05)
    assert top.cold_start.observed_usd == 0
    assert 0 < top.cold_start.ceiling_usd < 2
    assert top.excess_usd.low < top.excess_usd.value < top.excess_usd.high


def test_excess_is_what_the_warm_cache_would_have_saved(demo):
    """By hand: of 2,600 tokens 95 % read at 0.50 and 5 % written at 6.25 instead of 5 USD/MTok."""
    short = migration_cohorts()[0]
    hit = demo.diagnosis.costliest.case.affected[0]
    moved = demo.usage[
        (demo.usage["scope"] == short.scope) & (demo.usage["bucket_start"] >= CUTOVER)
    ]
    requests = int(moved["requests"].sum())
    warm = hit.before.hit_rate * 2800 / 2600
    saved = 2600 * (5 - warm * 0.50 - (1 - warm) * 6.25) / 1e6

    assert demo.diagnosis.excess_usd.value == pytest.approx(requests * saved, rel=0.002)


def test_minutes_around_the_cutover_replace_their_hours(demo):
    width = demo.usage["bucket_end"] - demo.usage["bucket_start"]
    minutes = demo.usage[width == pd.Timedelta("1min")]

    assert minutes["bucket_start"].min() == CUTOVER.floor("h") - pd.Timedelta("12h")
    assert minutes["bucket_end"].max() == CUTOVER.floor("h") + pd.Timedelta("12h")


def test_list_prices_and_the_cost_report_agree(demo):
    charged = float(demo.diagnosis.cost["amount_usd"].sum())

    assert charged == pytest.approx(float(demo.diagnosis.costed.usd.sum()), abs=0.01)


def test_the_same_history_through_openai_s_report_keeps_its_tokens(sandbox, monkeypatch):
    """Nothing here is OpenAI's, so its report is empty: no rows of another provider leak."""
    from cacheaudit.errors import EmptyWindow

    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sandbox-key")
    params = PostmortemParams(
        source="openai", start="2026-03-01", end="2026-04-01", base_url=f"{sandbox}/v1"
    )

    with pytest.raises(EmptyWindow):
        fetch(params, now=NOW)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "503", "after": 2, "times": 9}, "nothing was kept"),
        ({"kind": "cut", "after": 1, "times": 9}, "nothing was kept"),
        ({"kind": "403", "times": 9}, "read:analytics"),
    ],
)
def test_a_pull_that_breaks_half_way_is_no_pull(monkeypatch, fault, words):
    from cacheaudit.errors import SourceError

    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", "sandbox-key")
    app = sandbox_app(None, MARCH[1])
    app.state.faults.add(fault)
    with serve(app) as url, pytest.raises(SourceError, match=words):
        fetch(read_params_file(PostmortemParams, PARAMS, {"base_url": url}), now=NOW)


@pytest.mark.slow
@pytest.mark.parametrize("end", ["18:00", "18:01", "18:30"])
def test_minutes_of_an_hour_that_is_not_over_are_left_to_the_next_pull(monkeypatch, end):
    """Within twelve hours of the cutover a pull ends in the middle of an hour."""
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", "sandbox-key")
    now = pd.Timestamp(f"2026-03-17T{end}", tz="UTC")
    with serve(sandbox_app(None, now)) as url:
        asked = PostmortemParams(
            source="anthropic", base_url=url, start="2026-03-10T00:00", end=f"2026-03-17T{end}Z"
        )
        pull = fetch(asked, now=now)

    width = pull.usage["bucket_end"] - pull.usage["bucket_start"]
    assert (width == pd.Timedelta("1min")).sum() > 2000
    assert not [note for note in pull.notes if "Minutes" in note]
