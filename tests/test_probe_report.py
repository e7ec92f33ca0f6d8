"""A probe in words, held against golden texts; UPDATE_GOLDEN=1 rewrites them."""

import json
import os
import re
from dataclasses import replace
from functools import cache

import pandas as pd
import pytest

from cacheaudit.measurement import Measurement, measure
from cacheaudit.probe_findings import probe_findings, write_probe
from cacheaudit.probe_params import ProbeParams
from cacheaudit.probing.answers import Answer
from cacheaudit.probing.measure import Probe
from cacheaudit.probing.plan import Plan, Planned
from cacheaudit.probing.questions import Design
from cacheaudit.probing.receipt import Receipt
from cacheaudit.report import probing
from cacheaudit.report.probe_answers import open_questions
from cacheaudit.report.probe_summary import compared, headline, summary, verdict
from cacheaudit.report.terminal import plan_words
from cacheaudit.run import NOTEBOOKS
from cacheaudit.show import Figure
from cacheaudit.words import NBSP, count, share, span, times, usd
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden"
OLD, NEW = "old-1", "new-2"
AT = pd.Timestamp("2026-11-23 12:00", tz="UTC")
QUESTIONS = ("caches", "hit_rate", "smallest", "survival", "isolation", "at_once", "first_token")
STEPS = (
    Planned(question="offers", candidate=OLD, calls=2, worst_usd=0.02, wait_s=0.0,
            expected_usd=0.002, held_usd=0.01),
    Planned(question="caches", candidate=NEW, calls=10, worst_usd=0.4, wait_s=0.0,
            expected_usd=0.04),
    Planned(question="survival", candidate=NEW, calls=30, worst_usd=1.5, wait_s=600.0,
            expected_usd=0.3),
)  # fmt: skip


def answer(question, candidate, verdict="yes", **more):
    return Answer(question=question, candidate=candidate, verdict=verdict, **more)


def rate(candidate, value, low, high):
    return answer("hit_rate", candidate, value=value, low=low, high=high, unit="share",
                  repetitions=20, why="tokens read")  # fmt: skip


def still_warm(candidate, wait, warm, asked=3):
    said = {0: "no", asked: "yes"}.get(warm, "not known")
    return answer("survival", candidate, said, detail=f"{wait:g}", value=warm / asked, low=0.1,
                  high=0.9, unit="share", repetitions=asked, why="still warm")  # fmt: skip


def call(number, candidate=NEW, outcome="answered", **more):
    known = outcome == "answered"
    return Receipt(
        question="hit_rate", unit=number, attempt=1, step=0, sent_s=1e9 + number,
        candidate=candidate, asker=candidate, model=candidate, outcome=outcome,
        uncached_input_tokens=10 if known else None, cache_read_tokens=4990 if known else None,
        cache_write_tokens=0 if known else None, output_tokens=1 if known else None,
        worst_usd=0.05, cost_usd=0.0025 if known else None, **more,
    )  # fmt: skip


def measured(*answers, receipts=(), questions=QUESTIONS, executed=True, budget_usd=1.0, **more):
    """A measurement of an incumbent and a candidate that said *answers*."""
    candidates = [{"model": OLD, "incumbent": True}, {"model": NEW}]
    params = ProbeParams(candidates=candidates, budget_usd=budget_usd, seed="s")
    return Measurement(
        params=params,
        probe=Probe(
            candidates=params.asked,
            plan=Plan(steps=STEPS, worst_usd=1.92, wait_s=600.0, expected_usd=0.342),
            budget_usd=budget_usd,
            executed=executed,
            answers=answers,
            receipts=tuple(receipts),
            spent_usd=sum(one.spent_usd for one in receipts),
            **more,
        ),
        design=Design(questions=questions, idle_s=(60.0, 600.0), seed="s"),
        prices=(),
        notes=("Prompts are synthetic, 5,000 words long.",),
        made_at=AT,
    )


def all_of(new, *more):
    """Answers to everything, with *new* as the candidate's hit rate."""
    offers = [
        answer("offers", one, detail=name, repetitions=1)
        for one in (OLD, NEW)
        for name in ("prewarm", "marks", "diagnosis")
    ]
    each = [
        part
        for one in (OLD, NEW)
        for part in (
            answer("caches", one, value=1.0, low=0.566, high=1.0, unit="share", repetitions=5),
            answer("smallest", one, value=1024, low=1020, high=1024, unit="tokens", repetitions=1),
            still_warm(one, 60, 3),
            still_warm(one, 600, 0),
            answer("at_once", one, "no", value=0.75, unit="share", repetitions=2,
                   why="6 of 8 read nothing"),
            answer("first_token", one, detail="cold", value=812.0, unit="ms", repetitions=5),
            answer("first_token", one, detail="warm", value=215.0, unit="ms", repetitions=5),
            answer("price", one, value=2.5, low=2.4, high=3.5, unit="USD", repetitions=20),
        )
    ]  # fmt: skip
    return (
        *offers, *each, rate(OLD, 0.9, 0.85, 0.94), new,
        answer("isolation", NEW, repetitions=3, why="the new version read in 0 of 3"),
        answer("tokens", NEW, value=1.3, low=1.29, high=1.31, unit="ratio", repetitions=20),
        *more,
    )  # fmt: skip


FAULTS = [
    call(1), call(2, outcome="timeout"), call(3, outcome="timeout"), call(4, outcome="busy"),
    call(5, outcome="other_model"), call(6, OLD),
]  # fmt: skip


@cache
def story(name):
    return STORIES[name]()


STORIES = {
    "planned": lambda: measured(executed=False),
    "affordable": lambda: measured(executed=False, budget_usd=5.0),
    "less": lambda: measured(*all_of(rate(NEW, 0.6, 0.5, 0.7)), receipts=[call(1), call(2, OLD)]),
    "alike": lambda: measured(*all_of(rate(NEW, 0.89, 0.83, 0.93)), receipts=[call(1)]),
    "unclear": lambda: measured(*all_of(rate(NEW, 0.8, 0.6, 0.9)), receipts=[call(1)]),
    "faulty": lambda: measured(
        answer("hit_rate", NEW, "not known", why="timeout (12), busy (8)"),
        rate(OLD, 0.9, 0.85, 0.94), still_warm(NEW, 60, 2), receipts=FAULTS, stopped="budget",
    ),
    "unanswered": lambda: measured(
        answer("caches", NEW, "not known", why="denied (5)"), receipts=[call(1, outcome="denied")]
    ),
}  # fmt: skip


@pytest.fixture(params=STORIES)
def told(request):
    return request.param, story(request.param)


def pieces(measurement):
    """The page, without what names the version of the kit; a story's is made once."""
    key = id(measurement)
    if key not in MADE:
        MADE[key] = measurement, _pieces(measurement)
    return MADE[key][1]


MADE = {}


def _pieces(measurement):
    return [
        probing.banner(measurement),
        probing.key_numbers(measurement),
        *probing.hit_rate_figure(measurement),
        *probing.answers(measurement),
        *probing.survival(measurement),
        *probing.spend(measurement),
        *probing.supporting(measurement),
    ]


def test_words_are_the_golden_ones(told):
    name, measurement = told
    text = "\n\n".join(piece.to_text() for piece in pieces(measurement)) + "\n"
    golden = GOLDEN / f"probe_{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")


def test_every_number_of_the_page_is_in_the_findings(told):
    """As it stands there, or as a share, money, a ratio or a duration of it."""
    _, measurement = told
    document = probe_findings(measurement)
    allowed = {"95", "1,000", "1"}  # of the interval, of the unit of price
    for value in _leaves(document):
        if isinstance(value, str):
            allowed |= set(_numbers(value))
        elif value is not None and not isinstance(value, bool):
            for form in (share, usd, count, times, span):
                allowed |= set(_numbers(form(value)))
            allowed |= {*_numbers(f"{value:g}"), *_numbers(str(value))}
    for one in document["probe"]:
        if one["unit"] == "share":
            allowed.add(
                count(one["value"] * one["repetitions"]) if one["value"] is not None else ""
            )
    for piece in pieces(measurement):
        text = piece.to_text()

        assert not set(_numbers(text)) - allowed, text


def _leaves(value):
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return [value]
    return [leaf for one in value for leaf in _leaves(one)]


def _numbers(text):
    return re.findall(r"\d(?:[\d,.]*\d)?", text)


@pytest.mark.parametrize(
    ("name", "found", "standing"),
    [
        ("planned", "planned", None),
        ("less", "measured", "less"),
        ("alike", "measured", "alike"),
        ("unclear", "partly_measured", "unclear"),
        ("faulty", "partly_measured", "unknown"),
        ("unanswered", "not_measured", None),
    ],
)
def test_the_verdict_is_no_more_than_was_measured(name, found, standing):
    measurement = story(name)

    assert verdict(measurement) == found
    if standing is not None:
        assert compared(measurement)[0].standing == standing


def test_a_plan_says_that_nothing_was_sent_what_it_costs_and_how_to_send_it():
    measurement = story("planned")
    page = " ".join(" ".join(piece.to_text().split()) for piece in pieces(measurement))

    assert page.startswith("[?] Plan only: Nothing was sent")
    assert "at most 1.92 USD" in page.replace(NBSP, " ")
    assert "--execute and ANTHROPIC_API_KEY in the environment" in page
    assert "1.92" in plan_words(measurement)


def test_what_is_over_the_budget_is_said_before_it_is_spent():
    """The plan is 1.92 USD; 0.42 of it, up to caches, fits 1.00 USD for certain."""
    _, kept, _ = summary(story("planned"))

    assert "it is sure to cover what is offered and whether it caches." in kept
    assert "covers all of it" in summary(story("affordable"))[1]


def test_what_was_not_answered_is_named_and_counts_for_no_miss():
    _, _, spent = summary(story("faulty"))

    assert "2 were answered" in spent
    assert "1 answered by another model, 1 rate limited (429) and 2 timed out" in spent
    assert "count for no miss" in spent


def test_each_open_question_says_why_and_what_would_decide_it():
    said = {one.words() for one in open_questions(story("faulty"))}

    assert (
        "How much of the input is read, at this pace, for new-2: not known (timeout (12), busy"
        " (8)). It would take a longer timeout_s, or another hour and a longer pace_s."
    ) in said
    assert any("still warm in 2 of 3 after 1 minute" in one for one in said)
    assert any("no answer after 10 minutes" in one for one in said)  # asked for, and not told


def test_a_candidate_that_reads_nothing_does_not_cache():
    measurement = measured(*all_of(rate(NEW, 0.0, 0.0, 0.05)), receipts=[call(1)])

    assert headline(measurement).startswith("new-2 does not cache these prompts; old-1 reads 90.0")
    assert probing.banner(measurement).status == "incident"


def test_the_gravest_candidate_leads_the_page():
    measurement = measured(*all_of(rate(NEW, 0.89, 0.83, 0.93)), receipts=[call(1)])
    third = ProbeParams(candidates=[{"model": OLD, "incumbent": True}, {"model": NEW},
                                    {"model": "worse"}])  # fmt: skip
    answers = (*measurement.probe.answers, rate("worse", 0.1, 0.05, 0.2))
    both = replace(measurement, probe=replace(
        measurement.probe, candidates=third.asked, answers=answers))  # fmt: skip

    assert headline(both).startswith("worse reads less of the same prompts than old-1")


def test_pictures_state_the_finding():
    figures = [one for one in pieces(story("less")) if isinstance(one, Figure)]
    alts = [one.alt.replace(NBSP, " ") for one in figures]

    assert len(alts) == 2
    assert "new-2 reads less of the same prompts than old-1: 60.0 % against 90.0 %" in alts[0]
    assert "new-2: 1 minute, and not 10 minutes" in alts[1]
    assert all("<img" in one._repr_html_() for one in figures)


def test_hostile_names_are_text():
    name = "<script>alert(1)</script>"
    params = ProbeParams(candidates=[{"model": OLD, "name": name}])
    plain = story("planned")
    hostile = replace(plain, probe=replace(plain.probe, candidates=params.asked), notes=(name,))
    html = "".join(piece._repr_html_() for piece in [*pieces(hostile), probing.header(hostile)])

    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_notebook_plans_offline_with_its_defaults(tmp_path):
    """Cell by cell, as by hand in JupyterLab, without a key and without a network."""
    cells = json.loads((NOTEBOOKS / "probe.ipynb").read_text(encoding="utf-8"))["cells"]
    namespace = {}
    for cell in (one for one in cells if one["cell_type"] == "code"):
        source = "".join(cell["source"]).replace('run_folder = ""', f'run_folder = "{tmp_path}"')
        exec(source, namespace)
    findings = json.loads((tmp_path / "findings.json").read_text(encoding="utf-8"))

    assert (findings["kind"], findings["verdict"]) == ("probe", "planned")
    assert findings["metrics"]["calls"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["findings.json"]


def test_findings_hold_answers_plan_and_spend_as_plain_values(tmp_path):
    write_probe(story("faulty"), str(tmp_path))
    findings = json.loads((tmp_path / "findings.json").read_text(encoding="utf-8"))
    kept = (tmp_path / "receipts.jsonl").read_text(encoding="utf-8").splitlines()

    assert [one["question"] for one in findings["probe"]] == ["hit_rate", "hit_rate", "survival"]
    assert findings["cost"]["spent_usd"] == pytest.approx(2 * 0.0025 + 3 * 0.05)
    assert sum(row["calls"] for row in findings["metrics"]["by_outcome"]) == len(kept) == 6
    assert write_probe(story("faulty"), "") == "No run folder: nothing was written."


def test_a_plan_draws_a_seed_and_keeps_it():
    """The seed of a run is in its provenance, so that its paces and prompts can be drawn again."""
    small = {"questions": ["caches"], "pairs": 1, "words": 64}
    drawn, given = measure(ProbeParams(**small)), measure(ProbeParams(seed="mine", **small))

    assert len(probe_findings(drawn)["provenance"]["seed"]) == 16
    assert probe_findings(given)["provenance"]["seed"] == "mine"
