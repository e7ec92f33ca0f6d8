"""A prefill in words, held against golden texts; UPDATE_GOLDEN=1 rewrites them."""

import json
import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest

from cacheaudit.prefill_findings import prefill_findings, write_prefill
from cacheaudit.prefill_params import PrefillParams
from cacheaudit.prefilling.prefill import planned
from cacheaudit.prefilling.prefix import prefixes_of
from cacheaudit.prefilling.setup import QUESTION, asked_of, unit_of
from cacheaudit.prefilling.warmth import WarmShare, warm_share, warmths
from cacheaudit.probing.receipt import Receipt
from cacheaudit.report import prefill as page
from cacheaudit.report.prefill_words import WHYS, headline, verdict
from cacheaudit.words import NBSP, cents, count, share, span, times, usd
from tests.conftest import ROOT
from tests.models import EPHEMERAL, block
from tests.prefills import body
from tests.probing import Still

GOLDEN = ROOT / "tests" / "golden"
NOW = pd.Timestamp("2026-11-23 12:00", tz="UTC")
UNTIL_S = NOW.timestamp() + 1800


class At(Still):
    def __init__(self):
        self.at_s = NOW.timestamp()


def plan_of(bodies, **given):
    """A plan of *bodies*, whose file is gone by then."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bodies.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in bodies))
        params = PrefillParams(prompts_path=str(path), **given)
        made = planned(params, clock=At())
    return replace(made, params=replace(params, prompts_path="bodies.jsonl"))


def touch(prefix, candidate, ago_s, *, read=0, wrote=0, outcome="answered", attempt=1):
    known = outcome == "answered"
    return Receipt(
        question=QUESTION, unit=unit_of(prefix), attempt=attempt, step=0, sent_s=UNTIL_S - ago_s,
        candidate=candidate.label, asker=candidate.label, model=candidate.model, outcome=outcome,
        asked=asked_of(candidate, prefix), uncached_input_tokens=4 if known else None,
        cache_read_tokens=read if known else None, cache_write_tokens=wrote if known else None,
        output_tokens=0 if known else None, worst_usd=0.05,
        cost_usd=0.01 if known else None,
    )  # fmt: skip


def prefixes():
    params = PrefillParams()
    return prefixes_of([body("messages", n) for n in "abcd"], params.asked), params.asked


def done(*ago, why=None, stopped="", bar=0.95, **given):
    """A prefill of four prefixes of which each was last touched so long ago, or has *why*."""
    four, candidate = prefixes()
    made = plan_of([body("messages", n) for n in "abcd"], warm_share=bar, **given)
    receipts = []
    for prefix, told in zip(four, ago, strict=True):
        for attempt, one in enumerate(told, 1):
            receipts.append(touch(prefix, candidate, attempt=attempt, **one))
    whys = {four[place].digest: reason for place, reason in (why or {}).items()}
    found = warmths(four, candidate, receipts, UNTIL_S, whys, stopped * (stopped == "stopped"))
    return replace(
        made, executed=True, prefixes=tuple(found), warm=warm_share(found, bar),
        receipts=tuple(receipts), spent_usd=sum(one.spent_usd for one in receipts),
        stopped=stopped,
    )  # fmt: skip


WROTE, READ = {"ago_s": 500.0, "wrote": 2000}, {"ago_s": 260.0, "read": 2000}
LATE = {"ago_s": 299.0, "wrote": 2000}
CUT, LONG_CUT = {"ago_s": 20.0, "outcome": "cut"}, {"ago_s": 320.0, "outcome": "cut"}
BUSY = {"ago_s": 20.0, "outcome": "busy"}
MANY = [
    {"system": [block(2000, "s", EPHEMERAL)], "messages": [{"role": "user", "content": "x"}],
     "thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4000},
    {"system": "no mark", "messages": [{"role": "user", "content": "x"}]},
    body("messages", "short", 40), body("messages", "a"), body("messages", "a"),
    {"system": [block(2100, "f", EPHEMERAL)], "messages": [{"role": "user", "content": "x"}],
     "output_config": {"format": {"type": "json_schema", "schema": {}}}},
]  # fmt: skip


@cache
def story(name):
    return STORIES[name]()


STORIES = {
    "planned": lambda: planned(PrefillParams(), clock=At()),
    "affordable": lambda: plan_of(MANY, budget_usd=60.0, lead_s=400.0),
    "unaffordable": lambda: plan_of([body("messages", n) for n in "abcd"], budget_usd=0.08),
    "warmed": lambda: done([WROTE, READ], [WROTE, READ], [LATE], [WROTE, READ]),
    "less_warm": lambda: done(
        [WROTE, READ], [WROTE], [BUSY], [WROTE, LATE], why={1: "budget"}, stopped="budget"
    ),
    "not_known": lambda: done([WROTE, READ], [WROTE, CUT], [WROTE, READ], [READ]),
    "stopped": lambda: done([WROTE], [WROTE], [], [LONG_CUT], stopped="stopped"),
    "unanswered": lambda: done(
        [{"ago_s": 900.0, "outcome": "denied"}], [], [], [], why=dict.fromkeys(range(4), "denied")
    ),
    "unsent": lambda: done([], [], [], [], why=dict.fromkeys(range(4), "budget"), stopped="budget"),
}  # fmt: skip


@pytest.fixture(params=STORIES)
def told(request):
    return request.param, story(request.param)


def pieces(prefill):
    """The page, without what names the version of the kit."""
    return [
        page.banner(prefill), page.key_numbers(prefill), *page.prefixes(prefill),
        *page.spend(prefill), *page.supporting(prefill),
    ]  # fmt: skip


def test_words_are_the_golden_ones(told):
    name, prefill = told
    text = "\n\n".join(piece.to_text() for piece in pieces(prefill)) + "\n"
    golden = GOLDEN / f"prefill_{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")


VERDICTS = {
    "planned": "planned", "affordable": "planned", "unaffordable": "planned", "warmed": "warmed",
    "less_warm": "less_warm", "not_known": "not_known", "stopped": "less_warm",
    "unanswered": "not_warmed", "unsent": "not_warmed",
}  # fmt: skip


def test_the_verdict_is_what_was_proven(told):
    name, prefill = told

    assert verdict(prefill) == VERDICTS[name]
    assert page.banner(prefill).label == page.LABELS[VERDICTS[name]][1]


def test_every_number_of_the_page_is_in_the_findings(told):
    """As it stands there, or as a share, money or a duration of it, or before the cutover."""
    _, prefill = told
    document = prefill_findings(prefill)
    allowed = {"1"}
    for value in _leaves(document):
        if isinstance(value, str):
            allowed |= set(_numbers(value))
        elif value is not None and not isinstance(value, bool):
            for form in (share, usd, count, times, span, cents):
                allowed |= set(_numbers(form(value)))
            allowed |= {*_numbers(f"{value:g}"), *_numbers(str(value))}
            if value > 1e9:
                allowed |= set(_numbers(span(UNTIL_S - value)))
                allowed |= set(_numbers(span(document["plan"]["until_s"] - value)))
                allowed |= set(_numbers(f"{pd.Timestamp(value, unit='s'):%Y-%m-%d %H:%M}"))
    allowed |= {
        count(sum(one[name] for one in document["prefixes"])) for name in ("reads", "rewritten")
    }
    allowed |= {count(n) for n in range(len(document["plan"]["courses"]) + 3)}
    shown = "\n".join(piece.to_text() for piece in pieces(prefill))

    assert set(_numbers(shown)) - allowed == set()


def _numbers(text):
    return re.findall(r"\d[\d,.]*\d|\d", text.replace(NBSP, " "))


def _leaves(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        yield len(value)
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def test_text_of_a_body_is_in_no_finding(told):
    _, prefill = told
    text = json.dumps(prefill_findings(prefill))

    assert "a17" not in text
    assert "cache_control" not in text


def test_a_touch_proves_warmth_for_less_than_a_lifetime():
    """299.9 s before the cutover it is warm, 300 s before it is not."""
    (one, *_), candidate = prefixes()
    for ago_s, expected in ((299.9, "warm"), (300.0, "not_warm")):
        receipt = touch(one, candidate, ago_s, wrote=2000)
        (found,) = warmths([one], candidate, [receipt], UNTIL_S, {})

        assert found.verdict == expected


def test_what_was_sent_at_the_cutover_proves_nothing_of_it():
    (one, *_), candidate = prefixes()
    (found,) = warmths([one], candidate, [touch(one, candidate, 0.0, wrote=2000)], UNTIL_S, {})

    assert (found.verdict, found.why) == ("not_warm", "unreached")


@pytest.mark.parametrize(
    ("warm", "not_known", "expected"),
    [(19, 0, "warmed"), (18, 0, "less_warm"), (18, 1, "not_known"), (18, 2, "not_known"),
     (19, 1, "warmed"), (17, 1, "less_warm")],
)  # fmt: skip
def test_the_bar_is_passed_by_what_is_proven_and_missed_by_what_cannot_be(
    warm, not_known, expected
):
    found = WarmShare(
        prefixes=20, warm=warm, not_warm=20 - warm - not_known, not_known=not_known, tokens=1,
        warm_tokens=1, exact=True, bar=0.95,
    )  # fmt: skip

    assert found.verdict == expected


def test_every_reason_has_words():
    reasons = {"budget", "stopped", "not_cached", "over_bound", "expired", "unreached", "sent"}

    assert reasons <= set(WHYS)
    assert page.why_words("") == ""
    assert [page.why_words(one) for one in ("busy", "sent")] == [
        "failed: rate limited (429)", WHYS["sent"],
    ]  # fmt: skip


def test_nothing_is_written_without_a_folder_and_whole_files_with_one(tmp_path):
    found = story("warmed")

    assert write_prefill(found, "") == "No run folder: nothing was written."
    assert write_prefill(found, str(tmp_path)).startswith("Wrote findings.json and receipts.jsonl")
    document = json.loads((tmp_path / "findings.json").read_text(encoding="utf-8"))
    assert document["kind"] == "prefill"
    assert document["headline"] == headline(found)
    assert (document["warm"]["warm"], document["warm"]["share"]) == (4, 1.0)
    assert document["cost"]["spent_usd"] == pytest.approx(found.spent_usd)
    lines = (tmp_path / "receipts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [Receipt.of_line(line) for line in lines] == list(found.receipts)
