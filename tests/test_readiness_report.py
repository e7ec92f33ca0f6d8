"""A readiness page in words, held against golden texts; UPDATE_GOLDEN=1 rewrites them."""

import json
import os
import re
from dataclasses import replace
from functools import cache
from typing import get_args

import pandas as pd
import pytest

from cacheaudit.probing.answers import Answer
from cacheaudit.readiness_findings import readiness_findings, write_readiness
from cacheaudit.replaying.cutover import SplitBy
from cacheaudit.report import readiness as page
from cacheaudit.report import runbook
from cacheaudit.report.readiness_inventory import inventory_rows
from cacheaudit.report.readiness_steps import SPLITS, steps
from cacheaudit.report.readiness_summary import headline, summary
from cacheaudit.words import NBSP, count, local, moment, share, signed_usd, span, times, usd
from tests.candidates import NEW, OLD, cohort, log_of, probe_of, ready_on, talking, usage_of
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden"
SHORT, LONG = cohort(2600), cohort(6000)
TOKENS = Answer(question="tokens", candidate=NEW, verdict="yes", low=1.29, value=1.3, high=1.31,
                unit="ratio", repetitions=20, why="tokens of the same prompt")  # fmt: skip
STORIES = {
    "ready": lambda at: ready_on(
        at, usage_of(LONG), log=log_of(LONG, days=4), probe=probe_of((0.87, 0.89, 0.91), TOKENS),
        budget_usd=5.0, limit_tokens_per_min=50_000.0,
    ),
    "below": lambda at: ready_on(at, usage_of(SHORT)),
    "mixed": lambda at: ready_on(
        at, usage_of(cohort(1500), cohort(9000), apart=False), cutover="",
        probe=probe_of((0.5, 0.6, 0.7)), limit_tokens_per_min=40_000.0,
    ),
    "unheard": lambda at: ready_on(
        at, usage_of(LONG), log=log_of(LONG), candidate="claude-invented-9",
        plan="ramp by conversation, prefill",
    ),
    "unpriced": lambda at: ready_on(
        at, usage_of(LONG), log=log_of(LONG, days=2), candidate="claude-invented-9", ttl="5m",
        minimum_tokens=2048, tokenizer_ratio=1.1, ready_s=2.0, budget_usd=1.0,
    ),
    "chosen": lambda at: ready_on(
        at, usage_of(SHORT), log=talking(log_of(SHORT, days=2)),
        plan="ramp by conversation, prefill",
        budget_usd=0.1, candidate="claude-opus-4-5", cutover="2026-11-27T07:00",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A story by its name; made once."""
    return cache(lambda name: STORIES[name](tmp_path_factory.mktemp(name)))


@pytest.fixture(params=STORIES)
def story(request, told):
    return request.param, told(request.param)


def pieces(readiness):
    """The page without what others hold golden: the plans, and the kit's own version."""
    return [
        page.banner(readiness), page.key_numbers(readiness), *page.gates(readiness),
        *page.prefixes(readiness), *page.probe(readiness), *runbook.runbook(readiness),
        *page.supporting(readiness)[:-1],
    ]  # fmt: skip


def text(found):
    return " ".join(" ".join(piece.to_text() for piece in found).replace(NBSP, " ").split())


def test_words_are_the_golden_ones(story):
    name, readiness = story
    # the price list's version is the one thing that moves without us
    said = "\n\n".join(piece.to_text() for piece in pieces(readiness)) + "\n"
    said = re.sub(r"genai-prices [\d.]+", "genai-prices", said)
    golden = GOLDEN / f"readiness_{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(said, encoding="utf-8")

    assert said == golden.read_text(encoding="utf-8")


def test_every_number_of_the_page_is_in_the_findings(story):
    """As it stands there, or as a share, money, a ratio, a duration or a time of it."""
    _, readiness = story
    document = readiness_findings(readiness)
    allowed = {"95", "1", "50", "10"}  # of intervals; lengths of a table's open part
    for value in _leaves(document):
        if isinstance(value, str):
            allowed |= set(_numbers(value))
        elif value is not None and not isinstance(value, bool):
            for form in (share, usd, count, times, span, signed_usd):
                allowed |= set(_numbers(form(value)))
            allowed |= {*_numbers(f"{value:g}"), *_numbers(str(value))}
            allowed |= set(_numbers(span(abs(value))))
    allowed |= {count(n) for n in range(len(document["inventory"]) + 1)}
    allowed |= {count(n) for n in range(len(document["gates"]) + 1)}
    shown = [*pieces(readiness), page.header(readiness), *page.plans(readiness),
             page.supporting(readiness)[-1]]  # fmt: skip
    for piece in shown:
        said = piece.to_text()

        assert not set(_numbers(said)) - allowed, said


def _leaves(value):
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if not isinstance(value, list):
        return [value]
    return [leaf for one in value for leaf in _leaves(one)]


def _numbers(said):
    return re.findall(r"\d(?:[\d,.]*\d)?", said)


@pytest.mark.parametrize(
    ("name", "status", "label", "words"),
    [
        ("ready", "quiet", "Ready", "claude-opus-4-6 is ready: all 8 gates pass"),
        (
            "below",
            "incident",
            "Not ready",
            "is not ready: it fails 'above the minimum'; 'hit rate', ",
        ),
        (
            "mixed",
            "incident",
            "Not ready",
            "is not ready: it fails 'hit rate'; 'above the minimum', ",
        ),
        ("unheard", "unknown", "Not yet known", "Whether claude-invented-9 is ready is not known"),
        ("chosen", "incident", "Not ready", "not retiring"),
    ],
)
def test_the_banner_says_the_verdict_and_which_gates(told, name, status, label, words):
    banner = page.banner(told(name))

    assert (banner.status, banner.label) == (status, label)
    assert words in headline(told(name))


def test_the_summary_says_what_the_cache_will_do_what_it_costs_and_what_is_open(told):
    moves, cutover, open_ = (one.replace(NBSP, " ") for one in summary(told("ready")))

    assert "the incumbent reads 91.8 % of its input, and the candidate would read 91.8 %" in moves
    assert (
        "with the plan 'straight cut, prefill', the cheapest of 5 within the floor and limit"
        in cutover
    )
    assert open_ == "Nothing is open; the runbook below says what to do, and when."


def test_without_a_log_the_summary_says_what_the_minimum_alone_tells(told):
    moves, cutover, open_ = summary(told("below"))

    assert f"it caches 0{NBSP}% at most of what is cached now" in moves
    assert "it takes a request log to replay (requests_path)." in cutover
    assert "bring a probe of the candidate" in open_


def test_a_chosen_plan_is_set_beside_the_cheapest(told):
    _, cutover, _ = summary(told("chosen"))
    cheapest = told("chosen").plans.cheapest

    assert cheapest != "ramp by conversation, prefill"
    assert f"conversation, prefill', which was chosen; the cheapest, '{cheapest}', costs" in cutover


def test_money_that_is_not_known_is_not_nothing(told):
    """The rates stand; no amount but the incumbent's and the budget is on the page."""
    said = text(pieces(told("unpriced")))

    assert "it takes a price of claude-invented-9 (prices_path)" in said
    assert "Cutover costs: not known (straight cut)" in said
    assert "Hit rate after: 91" in said
    assert not re.search(r"\b0(\.00)? USD", said)


def test_a_version_of_which_nothing_is_known_says_what_it_takes(told):
    said = text(pieces(told("unheard")))

    assert "It takes the lifetime that is asked for (ttl): none is documented for" in said
    assert "Cutover costs: not known (no plan)" in said


def test_the_inventory_marks_each_prefix_in_words(told):
    assert {row["above"] for row in inventory_rows(told("ready"))} == {True}
    assert {row["above"] for row in inventory_rows(told("below"))} == {False}
    assert {row["above"] for row in inventory_rows(told("mixed"))} == {None}
    assert inventory_rows(told("ready"))[0]["candidate_high"] == pytest.approx(1.31 * 6000)
    assert "from billing" in text(page.prefixes(told("below")))


def test_no_hash_of_a_prefix_leaves_the_log(told):
    document = json.dumps(readiness_findings(told("ready")))

    assert "team-0-" not in document
    assert '"prefix 1"' in document


def test_the_runbook_is_in_order_and_ends_with_the_rollback_window(told):
    found = steps(told("ready"))
    whats = [one.what for one in found]

    assert [one.after_s for one in found] == sorted(one.after_s for one in found)
    assert whats == ["look again", "prefill", "cutover", "cold start over", "old cache gone",
                     "rollout window", "recovery", "rollback window closes"]  # fmt: skip
    assert found[2].at == pd.Timestamp("2026-03-17 14:20", tz="UTC")
    assert found[3].after_s == found[4].after_s == 300


def test_a_prefill_and_steps_stand_before_the_cutover(told):
    """A ramp of six hours with 20 prefixes from 5 minutes ahead; a lifetime of 5 minutes."""
    found = {one.when: one for one in steps(told("chosen"))}

    assert list(found)[1:5] == [
        "6.1 hours before", "6 hours before", "4 hours before", "2 hours before",
    ]  # fmt: skip
    assert "every 4 minutes" in found["6.1 hours before"].do
    assert "-p cutover 2026-11-27T07:00Z -p top 20 -p lead_s 21900" in found["6.1 hours before"].do
    assert "What moved is warm 5 minutes later" in found["6 hours before"].do
    assert f"25.0{NBSP}% of the conversations" in found["4 hours before"].do


@pytest.mark.parametrize("split_by", get_args(SplitBy))
def test_a_step_says_what_its_share_is_a_share_of(split_by):
    assert split_by in SPLITS


def test_who_is_paged_below_which_rate_is_a_number(told):
    """Half of the 91.8 % that usage has for the incumbent."""
    ready = told("ready")
    told_ = runbook.to_dict(ready)

    assert told_["paged_below"] == pytest.approx(0.5 * ready.baseline)
    assert f"{share(0.5 * ready.baseline)}, 50.0{NBSP}% of {share(ready.baseline)}" in " ".join(
        one.do for one in steps(ready)
    )
    assert "below it the on-call engineer is paged: cacheaudit weekly -f FILE --since 2026-03" in (
        text(runbook.runbook(ready))
    )


def test_a_gate_that_will_fail_for_good_is_foretold(told):
    """The candidate caches none of these prefixes."""
    said = text(runbook.runbook(told("chosen")))
    assert "The replay has the candidate at" not in text(runbook.runbook(told("ready")))
    assert "The replay has the candidate at 0 % for good, so this will fail." in said


def test_a_runbook_of_what_is_not_ready_says_so_first(told):
    assert text(runbook.runbook(told("below"))).startswith("Do not begin: a gate failed.")
    assert text(runbook.runbook(told("unpriced"))).startswith("Do not begin: a gate is open.")
    assert text(runbook.runbook(told("unheard"))).startswith("There is no runbook yet.")
    assert not text(runbook.runbook(told("ready"))).startswith("Do not begin")


def test_the_way_back_has_an_end_a_price_and_a_last_day(told):
    back = " ".join(runbook.way_back(told("ready"))).replace(NBSP, " ")

    assert "warm for 5 minutes after its last call, so until 2026-03-17 14:25 UTC" in back
    assert re.search(r"reads 7\d\.\d % of what is usual .* and costs 0\.\d\d USD \(", back)
    assert f"{OLD} retires on 2026-11-30" in back


def test_the_busiest_minute_is_held_against_the_limit(told):
    asked = runbook.questions(told("ready"))

    assert "within the limit of 50,000" in asked[0]
    assert "reads do not count towards the limit" in asked[1]
    assert "keep its own until 2026-03-24?" in asked[2]


def test_without_a_time_the_runbook_is_relative(told):
    found = steps(told("mixed"))

    assert {one.at for one in found} == {None}
    assert "UTC" not in text(runbook.runbook(told("mixed"))[1:2])
    assert "--since TIME" in text(runbook.runbook(told("mixed")))


def test_a_log_of_other_traffic_decides_nothing_and_nothing_is_said_from_it(tmp_path):
    """A tenth of the calls: a team that gave the wrong file should hear of it first."""
    thin = log_of(LONG, days=2).iloc[::10]
    wrong = ready_on(tmp_path, usage_of(LONG), log=thin, budget_usd=5.0)
    said = text([page.banner(wrong), page.key_numbers(wrong)])

    assert "Cutover costs: not known" in said
    assert "replayed" not in said
    assert any(one.startswith("The request log decides nothing") for one in page.assumed(wrong))
    assert readiness_findings(wrong)["known"]["lacks"]["log"]


def test_hostile_names_are_text(tmp_path):
    name = "<script>alert(1)</script>"
    usage = usage_of(SHORT).assign(scope=name, route=name)
    readiness = ready_on(tmp_path, usage, candidate=name, paged=name)
    html = "".join(piece._repr_html_() for piece in [*pieces(readiness), page.header(readiness)])

    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_findings_have_the_schema_s_keys(told, tmp_path):
    readiness = told("ready")
    write_readiness(readiness, str(tmp_path))
    found = json.loads((tmp_path / "findings.json").read_text(encoding="utf-8"))
    schema = {
        "schema", "kind", "verdict", "summary", "window", "data_quality", "metrics", "series",
        "cohorts", "incidents", "incident", "causes", "excess_usd", "cold_start", "recovery",
        "events", "cost", "inventory", "gates", "probe", "plans", "provenance",
    }  # fmt: skip

    assert schema <= set(found)
    assert (found["kind"], found["verdict"], found["exit_code"]) == ("readiness", "ready", 0)
    assert (
        found["metrics"]["steady"]["candidate"]["hit_rate"] == readiness.steady.candidate.hit_rate
    )
    assert len(found["plans"]) == found["plans_tried"]["compared"] == 5
    assert len(found["summary"]) == 3
    assert found["chosen"] == "straight cut, prefill"
    assert {path.name for path in tmp_path.iterdir()} == {"findings.json", "usage.parquet"}
    assert write_readiness(readiness, "") == "No run folder: nothing was written."


def test_where_each_figure_is_from_is_said(told):
    ready, below = (text([page.known_table(told(name))]) for name in ("ready", "below"))

    assert "measured on 2026-03-15" in ready
    assert "1.29x to 1.31x" in ready
    assert "platform.claude.com" in below
    assert "no probe was given" in below
    assert "not given" in below


def test_a_reader_s_zone_stands_beside_utc_in_the_runbook(told):
    ready = told("ready")
    there = replace(ready, params=replace(ready.params, zone="Asia/Kolkata"))
    words = text(runbook.runbook(there))

    assert ready.params.at is not None
    assert "Asia/Kolkata" in words
    assert local(ready.params.at, "Asia/Kolkata") in words
    assert moment(ready.params.at) in words
    assert "Kolkata" not in text(runbook.runbook(ready))
