"""What a plan expects to spend is what an endpoint that does as documented takes."""

from datetime import UTC, datetime

import pytest

from cacheaudit.probing.ask import Ask
from cacheaudit.probing.candidate import Candidate
from cacheaudit.probing.measure import probe
from cacheaudit.probing.money import rates_of
from cacheaudit.probing.questions import Design
from cacheaudit.sandbox.catalogue import documented
from tests.models import sandbox

LOW, HIGH = 0.5, 1.5  # what was spent, over what was expected
DESIGN = Design(
    pairs=2, repeats=3, follow_ups=3, idle_s=(60.0, 400.0), idle_repeats=2, together=3,
    together_repeats=1, words=5000, isolations=2,
)  # fmt: skip
MARKED = {"type": "text", "text": "Answer in one word. " * 600, "cache_control": {"type": "ephemeral"}}  # noqa: E501  # fmt: skip
OPUS = (("claude-opus-4-6", "messages"), ("claude-opus-5-5", "messages"))


class Together:
    """A clock that moves the sandbox's on with it."""

    def __init__(self, box):
        self.box, self.at_s = box, 0.0

    def now(self):
        return self.at_s

    def sleep(self, seconds):
        self.at_s += seconds
        self.box.wait(seconds)


@pytest.fixture(scope="module")
def box():
    with sandbox(*(one for p in ("anthropic", "openai") for one in documented().of(p))) as running:
        yield running


def probed(box, asked, prompts=(), design=DESIGN):
    candidates = [
        Candidate(model=model, api=api, incumbent=not number,
                  base_url=box.url if api == "messages" else f"{box.url}/v1")
        for number, (model, api) in enumerate(asked)
    ]  # fmt: skip
    return probe(candidates, prompts, budget_usd=1e3, execute=True, design=design,
                 clock=Together(box))  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    [
        OPUS,
        (("gpt-5.6-sol", "responses"), ("gpt-5.5", "responses")),
        (("gpt-5.6-sol", "chat"),),
    ],
)
def test_what_is_spent_lies_around_what_was_expected(box, monkeypatch, asked):
    """Also question by question, where as many calls are made as planned. Whether requests at once
    share a write is a race, in the sandbox as well."""
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "team/key")
    found = probed(box, asked)
    plan, parts = found.plan, {}
    for one in found.receipts:
        key = one.question, one.asker
        parts[key] = parts.get(key, 0.0) + one.spent_usd

    assert LOW < found.spent_usd / plan.expected_usd < HIGH
    assert sum(step.expected_usd for step in plan.steps) == pytest.approx(plan.expected_usd)
    for step in plan.steps:
        if step.question not in ("smallest", "offers", "at_once"):
            ratio = parts[step.question, step.candidate] / step.expected_usd
            assert LOW < ratio < HIGH, (step, ratio)


def test_what_is_expected_of_a_pair_is_a_write_and_a_read():
    """By hand: 5,000 words are 6,500 tokens of the newer tokenizer, and nothing is generated."""
    one = Candidate(model="claude-opus-5-5")
    design = Design(questions=("caches",), pairs=1, words=5000)
    (step,) = [s for s in probe([one], design=design).plan.steps if s.question == "caches"]
    rates = rates_of(one, datetime.now(UTC).date())

    assert step.expected_usd == pytest.approx(6500 * (rates.written_usd + rates.read_usd) / 1e6)


@pytest.mark.parametrize(("marked", "times"), [(True, (1, 2)), (False, (0, 0))])
def test_a_body_without_a_mark_is_expected_to_be_cached_nowhere(marked, times):
    """At Anthropic. A first call writes and two read, or all three are plain."""
    mark = MARKED if marked else {k: v for k, v in MARKED.items() if k != "cache_control"}
    body = {"max_tokens": 9, "system": [mark], "messages": [{"role": "user", "content": "hi"}]}
    one = Candidate(model="claude-opus-5-5")
    prompt = Ask(candidate="", nonce="", body=body)
    design = Design(questions=("hit_rate",), repeats=2, follow_ups=2)
    (step,) = [
        s for s in probe([one], [prompt], design=design).plan.steps if s.question == "hit_rate"
    ]
    rates = rates_of(one, datetime.now(UTC).date())
    tokens = round(Ask(candidate="", nonce="plan", body=body).bytes() / 4)
    written, read = times
    plain = 3 - written - read
    usd = tokens * (
        written * rates.written_usd + read * rates.read_usd + plain * rates.uncached_usd
    )

    assert step.expected_usd == pytest.approx(2 * (usd + 3 * rates.output_usd) / 1e6)


def test_what_was_idle_beyond_its_documented_life_is_expected_to_be_written_anew():
    """By hand: 300 s is the documented lifetime. After 60 s a read, after 400 s a second write."""
    one = Candidate(model="claude-opus-5-5")
    design = Design(questions=("survival",), idle_s=(60.0, 400.0), idle_repeats=1, words=5000)
    (step,) = [s for s in probe([one], design=design).plan.steps if s.question == "survival"]
    rates = rates_of(one, datetime.now(UTC).date())
    usd = 6500 * (3 * rates.written_usd + rates.read_usd) / 1e6

    assert step.expected_usd == pytest.approx(usd)
