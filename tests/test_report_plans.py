"""Plans in words, held against golden texts; UPDATE_GOLDEN=1 rewrites them. Each lesson goes when
its numbers turn."""

import os
from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from cacheaudit.plan_plots import EXCESS, plot_cutover, plot_excess
from cacheaudit.planning import compare_plans
from cacheaudit.planning.compare import predicted
from cacheaudit.planning.course import STEADY, courses
from cacheaudit.planning.judged import MEASURES
from cacheaudit.planning.proposals import (
    BY_CALL,
    BY_NEW_TALK,
    BY_TALK,
    CANARY,
    KEPT_WARM,
    PREFILLED,
    STRAIGHT,
)
from cacheaudit.replaying import Rules
from cacheaudit.replaying.simulate import prepare
from cacheaudit.report.plan_words import answer, lessons, log_notes
from cacheaudit.report.plans import (
    cost_table,
    cutover_figure,
    excess_figure,
    plan_words,
    risk_table,
    rules_table,
)
from cacheaudit.words import NBSP
from tests.conftest import ROOT
from tests.migrations import BLOCK, RATES, days, migration
from tests.test_replay_lanes import log

GOLDEN = ROOT / "tests" / "golden"
BURSTS = {"count": 2, "talks_per_hour": 60, "turns": 0, "burst": 30, "prefixes": 3}
UNPRICED = {"old": Rules(block_tokens=BLOCK), "new": Rules(block_tokens=BLOCK, **RATES)}


@pytest.fixture(scope="module")
def usual():
    return compare_plans(days(), migration())


@pytest.fixture(scope="module")
def bursts():
    given = {"ready_s": 20.0, "ramp_s": 3600.0, "canary_s": 3600.0, "limit_tokens_per_min": 6e5}
    return compare_plans(days(1, **BURSTS), migration(**given))


@pytest.fixture(scope="module")
def unpriced():
    return compare_plans(days(count=2, hours=9.0), migration(rules=UNPRICED))


@pytest.mark.parametrize("name", ["usual", "bursts", "unpriced"])
def test_plans_read_as_their_golden_text(name, request):
    plans = request.getfixturevalue(name)
    text = f"{rules_table(plans.migration.rules).to_text()}\n\n{plan_words(plans)}\n"
    text = text.replace(NBSP, " ")
    golden = GOLDEN / f"plans_{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")


def turned(plans, name, **measures):
    """*plans* with the plan *name* measured otherwise, on every day."""

    def other(one):
        if one.name != name:
            return one
        by_day = tuple(replace(day, **measures) for day in one.by_day)
        means = {m: predicted([getattr(day, m) for day in by_day]) for m in MEASURES}
        return replace(one, by_day=by_day, predicted=means)

    return replace(plans, plans=tuple(map(other, plans.plans)))


def told(plans, words):
    return [one for one in lessons(plans) if words in one]


@pytest.mark.parametrize(
    ("words", "turn"),
    [
        ("worst of both", {"name": BY_CALL, "excess_usd": 0.0}),
        ("worst of both", {"name": STRAIGHT, "excess_usd": 50.0}),
        ("The canary", {"name": CANARY, "excess_usd": 0.0}),
        ("The canary", {"name": CANARY, "excess_usd": None}),
        ("By conversation instead", {"name": BY_TALK, "excess_usd": 50.0}),
        ("not warm", {"name": KEPT_WARM, "rollback_share": 0.95}),
        ("not warm", {"name": STRAIGHT, "rollback_share": 0.95}),
        ("not warm", {"name": STRAIGHT, "rollback_share": None}),
    ],
)
def test_a_lesson_goes_when_its_numbers_turn(usual, words, turn):
    assert len(told(usual, words)) == 1
    assert told(turned(usual, **turn), words) == []


def test_a_plan_that_is_dearer_on_most_days_teaches_nothing(usual):
    """Dearer on average because of one day; cheaper on another."""
    found = usual.plan(CANARY)
    odd = replace(found, by_day=(replace(found.by_day[0], excess_usd=0.0), *found.by_day[1:]))
    others = tuple(odd if one.name == CANARY else one for one in usual.plans)

    assert told(replace(usual, plans=others), "The canary") == []


def test_the_ramp_is_the_worst_only_while_no_plan_is_worse(usual):
    assert told(replace(usual, plans=usual.plans[::-1]), "worst of both") == []


def test_a_warm_old_version_is_told_as_one(usual):
    warm = turned(usual, KEPT_WARM, rollback_share=0.95, rollback_usd=0.01)

    (sentence,) = told(warm, "is warm when all comes back")
    assert f"95.0{NBSP}%" in sentence
    assert f"0.01{NBSP}USD instead of" in sentence


def test_a_prefill_that_pays_is_not_told_to_buy_nothing(usual, bursts):
    (pays,) = told(bursts, "A prefill pays")
    assert "before the first answer begins (20 seconds)" in pays
    assert told(bursts, "buys no money") == []
    assert told(usual, "A prefill pays") == []
    assert len(told(usual, "buys no money")) == 1

    lone = replace(usual, break_even=1, prefill={0: predicted([2.0]), 1: predicted([1.0])})
    assert told(lone, "A prefill pays: with 1 prefix sent") != []
    assert "because" not in told(lone, "A prefill pays")[0]  # entries can be read at once there


def test_a_prefill_that_sends_nothing_teaches_nothing(usual):
    same = replace(usual, prefill=dict.fromkeys(usual.prefill, usual.prefill[0]))

    assert told(same, "prefill") == []


def test_what_a_prefill_lifts_is_told_beside_what_it_costs(usual):
    lifted = turned(turned(usual, STRAIGHT, lowest_share=0.4), PREFILLED, lowest_share=0.8)

    assert f"lifts the worst hour from 40.0{NBSP}% to 80.0{NBSP}%" in told(lifted, "buys no")[0]
    assert "lifts" not in told(usual, "buys no")[0]


def test_new_conversations_are_told_where_they_are_cheaper(usual):
    cheap = turned(usual, BY_NEW_TALK, excess_usd=0.01)

    assert "begin anew" in told(cheap, "By conversation")[0]
    assert "begin anew" not in told(usual, "By conversation")[0]


def outside(plans, **standing):
    kept = tuple(replace(one, **standing) for one in plans.plans)
    return replace(plans, cheapest="", plans=kept)


def test_the_answer_says_why_there_is_none(usual, unpriced):
    assert answer(usual).startswith("The cheapest plan within the floor")
    assert "No plan is priced" in answer(unpriced)
    assert "No plan stays within the floor" in answer(outside(usual, within_floor=False))
    limited = replace(usual, migration=migration(limit_tokens_per_min=9.0))
    assert "passes the rate limit of 9 tokens" in answer(outside(limited, within_limit=False))
    blind = usual
    for name in [one.name for one in usual.plans]:
        blind = turned(blind, name, lowest_share=None)
    assert "no call read anything" in answer(outside(blind, within_floor=None))


def test_a_saving_is_not_told_as_a_cost(bursts):
    assert bursts.plan(bursts.cheapest).predicted["excess_usd"].value < 0
    assert "less than versions that had always served" in answer(bursts)


def test_one_day_has_no_interval_and_says_so(bursts):
    assert "on the one past day that was tried (2026-11-02)" in answer(bursts)
    assert "not known" in cost_table(bursts).to_text()


def test_the_limit_is_a_column_where_there_is_one(usual, bursts):
    assert "within the limit" in risk_table(bursts).to_text()
    assert "within the limit" not in risk_table(usual).to_text()


def test_what_a_log_cannot_say_is_said():
    named = {"prefix_id": "p", "prefix_tokens": 5, "session_id": "s", "prompt_tokens": 9}

    def notes(*without):
        kept = {name: value for name, value in named.items() if name not in without}
        return " ".join(log_notes(prepare(log((0.0, kept), (9.0, kept)))))

    assert notes() == ""
    assert "no conversations (session_id)" in notes("session_id")
    assert "no shared prefix (prefix_id)" in notes("prefix_id", "prefix_tokens")
    assert "not their length" in notes("prefix_tokens")
    assert log_notes(prepare(days())) == []
    assert "no conversations" in log_notes(prepare(days().drop(columns="session_id")))[0]


def test_a_course_is_steady_until_traffic_moves_and_one_lifetime_after(usual):
    rates = courses(days(), usual, [STRAIGHT, BY_CALL])
    at, ttl = usual.days[-1], pd.Timedelta(seconds=usual.migration.longest_ttl_s)
    moved = rates[STRAIGHT] != rates[STEADY]

    assert list(rates.columns) == [STEADY, STRAIGHT, BY_CALL]
    assert moved.any()
    assert rates.index[moved].min() > at - pd.Timedelta("5min")
    assert rates.index[moved].max() <= at + ttl
    assert (rates[BY_CALL] < rates[STEADY]).sum() > 10 * moved.sum()
    with pytest.raises(KeyError):
        courses(days(), usual, ["another"])


def test_figures_state_what_they_show(usual, unpriced):
    assert excess_figure(usual).alt.startswith(answer(usual))
    assert "no price" in excess_figure(unpriced).to_text()
    rates = courses(days(), usual, [STRAIGHT, BY_CALL])
    low = rates[BY_CALL].min()
    figure = cutover_figure(usual, rates)
    assert f"{BY_CALL}: down to {low:.1%}".replace("%", f"{NBSP}%") in figure.alt
    assert len(figure._repr_html_()) > 10_000
    assert "no input" in cutover_figure(usual, rates * float("nan")).to_text()


def test_plots_hold_every_plan_and_its_interval(usual):
    rows = pd.DataFrame(
        [["a", 1.0, 0.5, 1.5, False], ["b", 2.0, float("nan"), float("nan"), True]], columns=EXCESS
    )
    figure, (above, below) = plt.subplots(2)
    plot_excess(rows, ax=above)
    plot_cutover(courses(days(), usual, [STRAIGHT]), set(), usual.days[-1], ax=below)

    lines = [list(line.get_xdata()) for line in above.get_lines()]
    assert [0.5, 1.5] in lines
    assert sum(len(line) == 1 for line in lines) == 2
    assert {text.get_text() for text in above.texts} == {f"1.00{NBSP}USD", f"2.00{NBSP}USD"}
    assert {"always served", STRAIGHT, "all has moved"} <= {t.get_text() for t in below.texts}
    plt.close(figure)
