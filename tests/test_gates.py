"""A gate decides on a clear interval alone; what is missing is unknown, and is said."""

from dataclasses import fields
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.bars import Bars
from cacheaudit.errors import ParamError
from cacheaudit.gates import (
    CachedLength,
    Gate,
    GateBars,
    above_minimum,
    above_minimum_billed,
    active,
    exit_code_of,
    hit_rate,
    pinned,
    plan_cost,
    recovery,
    rollback_warm,
    rollout_window,
    telemetry,
    verdict_of,
)
from cacheaudit.readiness_params import HELD
from cacheaudit.report.gates import NAMES, gate_pieces, gate_table, gate_words, open_questions
from cacheaudit.rollout_params import WATCHED

BARS = GateBars()
NONE = {"low": None, "value": None, "high": None}
DAY = date(2026, 12, 1)
RATES = [hit_rate, rollback_warm, rollout_window, recovery]
WITHOUT = [  # every gate, with something that it needs missing
    hit_rate(None, None, None, baseline=0.9, bars=BARS),
    hit_rate(0.8, 0.9, 1.0, baseline=None, bars=BARS),
    hit_rate(0.8, 0.9, 1.0, baseline=0.0, bars=BARS),
    above_minimum(None, minimum_tokens=1024, bars=BARS),
    above_minimum([(2000, 1e6)], minimum_tokens=None, bars=BARS),
    above_minimum([(2000, 1e6)], minimum_tokens=1024, ratio=None, bars=BARS),
    above_minimum_billed([], minimum_tokens=1024, bars=BARS),
    above_minimum_billed(
        [CachedLength(cached_tokens=1e6, mean_tokens=None, spread_high=None)],
        minimum_tokens=1024,
        bars=BARS,
    ),
    *(pinned(kind) for kind in ("gateway", "unknown", "undated", "deprecated", "retiring", "odd")),
    active(None, "none announced", rollback_ends=DAY),
    active("none announced", date(2027, 1, 1), rollback_ends=None),
    plan_cost(1.0, 2.0, 3.0, budget_usd=None),
    plan_cost(None, None, None, budget_usd=3.0),
    rollback_warm(None, None, None, baseline=0.9, bars=BARS),
    rollback_warm(0.1, 0.2, 0.3, baseline=None, bars=BARS),
    telemetry(None, bars=BARS),
    rollout_window(None, None, None, baseline=None, bars=BARS),
    recovery(0.8, 0.9, 0.95, baseline=None, bars=BARS),
    recovery(0.1, 0.2, 0.3, baseline=0.9, bars=BARS, ended=False),
]


@pytest.mark.parametrize("gate", WITHOUT, ids=lambda gate: gate.name)
def test_what_is_missing_is_unknown_and_says_what_would_decide(gate):
    assert gate.standing == "unknown"
    assert gate.needs
    assert gate.reason.endswith(".")


def test_every_gate_of_the_design_is_among_them():
    assert {gate.name for gate in WITHOUT} | {"steady"} == set(NAMES)


@pytest.mark.parametrize("of", RATES, ids=lambda of: of.__name__)
@given(
    low=st.floats(0, 1), width=st.floats(0, 0.3), baseline=st.floats(0.01, 1), at=st.floats(0, 1)
)
def test_only_a_clear_interval_decides(of, low, width, baseline, at):
    high = min(1.0, low + width)
    gate = of(low, low + at * (high - low), high, baseline=baseline, bars=BARS)
    share = {
        "hit_rate": BARS.readiness_share, "rollback_warm": BARS.rollback_warm_share,
        "rollout_window": BARS.rollout_window_share, "recovery": BARS.recovered_at_share,
    }[gate.name]  # fmt: skip
    expected = "pass" if low >= gate.bar else "fail" if high < gate.bar else "unknown"

    assert gate.bar == pytest.approx(share * baseline)
    assert gate.standing == expected
    assert bool(gate.needs) == (expected == "unknown")


@pytest.mark.parametrize(
    ("low", "high", "standing"),
    [(0.81, 0.85, "pass"), (0.70, 0.79, "fail"), (0.75, 0.85, "unknown"), (0.80, 0.80, "pass")],
)
def test_a_bar_that_is_just_reached_is_reached(low, high, standing):
    bars = GateBars(readiness_share=0.8)

    assert hit_rate(low, low, high, baseline=1.0, bars=bars).standing == standing


def test_nan_is_not_known():
    gate = hit_rate(float("nan"), 0.9, 0.95, baseline=0.9, bars=BARS)

    assert (gate.standing, gate.low) == ("unknown", None)


def test_the_defaults_are_those_of_the_design_and_of_the_postmortem():
    assert (BARS.rollout_window_share, BARS.rollout_window_hours) == (0.5, 4.0)
    assert (BARS.readiness_share, BARS.above_minimum_share) == (0.9, 0.99)
    assert (BARS.telemetry_share, BARS.baseline_days) == (0.99, 7.0)
    assert BARS.recovery_hours == Bars().recovery_hours == 72.0
    assert BARS.recovered_at_share == Bars().recovered_at_share


@pytest.mark.parametrize("name", [f.name for f in fields(GateBars)])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_bar_that_no_value_can_mean_is_refused(name, value):
    with pytest.raises(ParamError, match=f"^{name} is "):
        GateBars(**{name: value})


@pytest.mark.parametrize(
    ("kinds", "standing"),
    [
        ("pinned", "pass"),
        ("moving", "fail"),
        ("retired", "fail"),
        (("retiring", "pinned"), "pass"),  # what it names is fixed; `active` holds its end
        (("deprecated", "moving"), "fail"),
        (("retired", "pinned"), "fail"),
    ],
)
def test_an_alias_is_not_pinned(kinds, standing):
    assert pinned(kinds, "some-model").standing == standing


@pytest.mark.parametrize(
    ("candidate", "incumbent", "ends", "standing"),
    [
        ("none announced", "none announced", DAY, "pass"),
        ("none announced", date(2026, 12, 2), DAY, "pass"),
        ("none announced", DAY, DAY, "fail"),  # the first day without service
        (date(2026, 11, 30), "none announced", DAY, "fail"),
        (None, date(2026, 11, 30), DAY, "fail"),  # one failure is enough
        (None, date(2027, 1, 1), DAY, "unknown"),
        ("none announced", "none announced", None, "pass"),
        (date(2027, 1, 1), "none announced", None, "unknown"),
    ],
)
def test_both_versions_live_until_the_rollback_window_closes(candidate, incumbent, ends, standing):
    gate = active(candidate, incumbent, rollback_ends=ends)

    assert gate.standing == standing


@pytest.mark.parametrize(
    ("low", "high", "standing"), [(1, 5, "pass"), (6, 9, "fail"), (3, 9, "unknown")]
)
def test_a_plan_s_whole_interval_must_fit_the_budget(low, high, standing):
    assert plan_cost(low, (low + high) / 2, high, budget_usd=5.0).standing == standing


def test_zero_is_a_budget_and_nothing_is_none():
    assert plan_cost(0.5, 0.6, 0.7, budget_usd=0.0).standing == "fail"
    assert plan_cost(0.0, 0.0, 0.0, budget_usd=0.0).standing == "pass"
    assert plan_cost(0.0, 0.0, 0.0, budget_usd=None).standing == "unknown"


def test_before_its_time_is_up_only_a_pass_is_final():
    early = {"baseline": 0.9, "bars": BARS, "ended": False}

    assert rollout_window(0.6, 0.7, 0.8, **early).standing == "pass"
    assert rollout_window(0.1, 0.2, 0.3, **early).standing == "unknown"
    assert rollout_window(0.1, 0.2, 0.3, baseline=0.9, bars=BARS).standing == "fail"


def gate(standing):
    needs = "more" if standing == "unknown" else ""
    return Gate(name="hit_rate", question="?", standing=standing, reason="So.", needs=needs)


@pytest.mark.parametrize(
    ("standings", "verdict", "code"),
    [
        (["pass", "pass"], "ready", 0),
        (["pass", "unknown"], "not_yet_known", 4),
        (["unknown", "fail", "pass"], "not_ready", 3),
        ([], "not_yet_known", 4),  # nothing asked is nothing known
    ],
)
def test_any_failure_is_not_ready_and_any_doubt_is_not_yet_known(standings, verdict, code):
    gates = [gate(one) for one in standings]

    assert (verdict_of(gates), exit_code_of(gates)) == (verdict, code)


def test_a_gate_as_data_has_every_field():
    assert set(gate("pass").to_dict()) == {f.name for f in fields(Gate)}


def test_the_table_says_each_standing_in_a_word_and_the_gravest_first():
    table = gate_table([gate("pass"), gate("unknown"), gate("fail")], "Gates")

    assert [row[1] for row in table.rows] == ["✗ fail", "? unknown", "✓ pass"]
    assert [len(gate_pieces([gate(s)], "Gates")) for s in ("pass", "unknown")] == [1, 2]


def test_what_two_gates_need_alike_is_said_once():
    told = open_questions([WITHOUT[0], gate("pass"), WITHOUT[0]])

    assert len(told) == 1
    assert "To decide hit rate and hit rate: a probe of the candidate" in told[0]


def test_the_words_for_the_terminal_hold_value_bar_and_reason():
    words = gate_words([hit_rate(0.81, 0.85, 0.89, baseline=0.9, bars=BARS)])

    assert "✓ pass" in words
    assert "85.0 % (81.0 % to 89.0 %)" in words
    assert "the bar is 81.0 %, 90.0 % of the incumbent's 90.0 %." in words


def test_every_bar_is_a_parameter_of_a_notebook_that_asks_for_it():
    """One that is in neither list could be set by a team, and would not be looked at."""
    assert {*HELD, *WATCHED} == {one.name for one in fields(GateBars)}
