"""The plan is an upper bound: what a run sets aside never passes it, whatever the truth is."""

import time
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cacheaudit.probing.ask import NONCE_WORDS, Ask, filler
from cacheaudit.probing.candidate import Candidate
from cacheaudit.probing.money import ROLE_TOKENS
from cacheaudit.probing.plan import plan_of
from cacheaudit.probing.protocols import Offers
from cacheaudit.probing.questions import Design, first_offers, greetings, units_of
from cacheaudit.probing.run import run
from cacheaudit.probing.search import BESIDE_WORDS, LEAST_WORDS, MOST_WORDS
from tests.probing import CHEAP, Still, Truth, bench

PAIR = (Candidate(model="claude-opus-4-6", incumbent=True), Candidate(model="claude-opus-5-5"))
BOTH = {one.label: CHEAP for one in PAIR}
NOTHING, ALL = frozenset(), frozenset({"prewarm", "marks", "diagnosis"})
SHORT = {"repeats": 2, "pairs": 1, "idle_repeats": 1, "idle_s": (60.0,), "words": 300}
BODY = {
    "max_tokens": 5, "system": "Be brief. " * 300, "messages": [{"role": "user", "content": "hi"}]
}  # fmt: skip


def planned(design, candidates=PAIR, pace_s=None):
    return plan_of(design, candidates, BOTH, pace_s or {})


def set_aside(design, truth, candidates=PAIR, refused=NOTHING):
    """Receipts of a run of *design* against *truth*, which refuses what is said here."""
    offers = {one.label: first_offers(one) for one in candidates}

    def send(candidate, ask, offers, receipt):
        if any(getattr(offers, name) for name in refused):
            return replace(receipt, outcome="refused", status=400)
        return truth(candidate, ask, offers, receipt)

    on = replace(
        bench(truth), candidates={one.label: one for one in candidates},
        rates={one.label: CHEAP for one in candidates}, offers=offers, send=send,
    )  # fmt: skip
    done = run(greetings(candidates, offers), on)
    done += run(units_of(design, candidates, offers), on)
    assert not [one.why for one in done if one.found is None]
    return on.receipts.all


def assert_within(receipts, plan):
    """Question by question, in calls and in USD; what is held is held once, and then free again."""
    calls, usd, held = {}, {}, {}
    for one in receipts:
        key = one.question, one.asker
        calls[key] = calls.get(key, 0) + 1
        usd[key] = usd.get(key, 0.0) + one.worst_usd - (one.held_usd or 0.0)
        held[key] = max(held.get(key, 0.0), one.held_usd or 0.0)
    usd = {key: usd[key] + held[key] for key in usd}
    steps = {(step.question, step.candidate): step for step in plan.steps}

    assert set(calls) <= set(steps)
    assert [key for key in calls if calls[key] > steps[key].calls] == []
    assert [key for key in usd if usd[key] > steps[key].worst_usd + 1e-9] == []
    assert sum(usd.values()) <= plan.worst_usd + 1e-9


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    minimum=st.one_of(st.integers(1, 9000), st.integers(9000, 60_000)),
    ratio=st.floats(0.5, 4.0),
    writes=st.booleans(),
    misses=st.sampled_from([0.0, 0.4]),
    refused=st.frozensets(st.sampled_from(sorted(ALL))),
)
@example(39_999, 1.0, False, 0.0, ALL)
@example(39_000, 1.35, False, 0.0, frozenset({"diagnosis"}))
@example(33_535, 1.0, False, 0.4, ALL)
def test_no_truth_sets_aside_more_than_the_plan(minimum, ratio, writes, misses, refused):
    """Wherever the minimum lies, whatever a word is in tokens, is reported, or goes astray."""
    design = Design(questions=("caches", "smallest"), **SHORT)
    truth = Truth(
        Still(), minimum=minimum, tokens_per_word=ratio, writes=writes, misses=misses, ttl_s=1e9
    )

    assert_within(set_aside(design, truth, refused=refused), planned(design))


@pytest.mark.parametrize("prompts", [(), (Ask(candidate="", nonce="", body=BODY),)])
@pytest.mark.parametrize("writes", [True, False])
def test_every_question_is_within_its_step(writes, prompts):
    """To the dollar where lengths are not learnt: pairs ask for the same prompt twice."""
    design = Design(prompts=prompts, **SHORT)
    receipts = set_aside(design, Truth(Still(), minimum=5000, writes=writes))
    plan = planned(design)

    assert_within(receipts, plan)
    assert {step.question for step in plan.steps} == {one.question for one in receipts}
    fixed = [one for one in receipts if one.question not in ("smallest", "offers")]
    assert len(fixed) == sum(
        s.calls for s in plan.steps if s.question not in ("smallest", "offers")
    )


@pytest.mark.parametrize("refused", [{"prewarm"}, {"diagnosis"}, {"prewarm", "diagnosis"}])
@pytest.mark.parametrize(
    ("model", "api"), [("gpt-5.6", "responses"), ("gpt-5.6", "chat"), ("gpt-5.5", "responses")]
)
def test_a_greeting_that_is_refused_is_within_the_plan(model, api, refused):
    one = Candidate(model=model, api=api)
    design = Design(questions=("caches",), **SHORT)
    truth = Truth(Still(), prewarms=False)
    receipts = set_aside(design, truth, (one,), refused)

    assert_within(receipts, plan_of(design, (one,), {one.label: CHEAP}, {}))


def test_a_call_is_planned_by_its_bytes_also_where_its_length_would_be_known():
    """By hand: two calls of a prompt, each of its bytes and the room for roles, 16 tokens out."""
    design = Design(questions=("caches",), pairs=1, words=2000)
    (step,) = [one for one in planned(design, PAIR[:1]).steps if one.question == "caches"]
    ask = Ask(candidate="", nonce=f"plan/caches/{PAIR[0].label}/1/1", words=2000)

    assert step.calls == 2
    assert step.worst_usd == pytest.approx(2 * CHEAP.worst_usd(ask.bytes() + ROLE_TOKENS, 16))


@pytest.mark.parametrize("begins", [MOST_WORDS - BESIDE_WORDS, 5000, 1000, 2 * LEAST_WORDS])
@pytest.mark.parametrize("cached", [MOST_WORDS, MOST_WORDS - 2 * BESIDE_WORDS, 33_000, 20_000])
def test_a_search_whose_reads_go_astray_until_the_last_is_within_the_plan(begins, cached):
    """Wherever it begins. The dearest is reached: the plan is no more than what can happen."""
    design, old = Design(questions=("smallest",)), PAIR[0]
    (step,) = [one for one in planned(design, (old,)).steps if one.question == "smallest"]
    offers = {old.label: Offers(tokens_per_word=old.rule.minimum_tokens / begins)}
    asked = Counter()

    def send(candidate, ask, offers, receipt):
        asked[ask.nonce] += 1
        read = ask.words if ask.words >= cached and asked[ask.nonce] == 4 else 0
        return replace(
            receipt, outcome="answered", uncached_input_tokens=ask.words - read,
            cache_read_tokens=read, output_tokens=0,
        )  # fmt: skip

    on = replace(
        bench(Truth(Still())), candidates={old.label: old}, rates=BOTH, offers=offers, send=send,
        learn_lengths=False,
    )  # fmt: skip
    run(units_of(design, (old,), offers), on)
    usd = sum(one.worst_usd for one in on.receipts.all)
    dearest = (MOST_WORDS - BESIDE_WORDS, MOST_WORDS - 2 * BESIDE_WORDS)

    assert len(on.receipts.all) <= step.calls
    assert usd <= step.worst_usd + 1e-9
    assert (usd == pytest.approx(step.worst_usd)) is ((begins, cached) == dearest)


def test_the_waits_are_those_of_the_clock_and_of_the_pace():
    design = Design(questions=("survival", "caches"), **SHORT | {"idle_s": (60.0, 600.0)})

    assert planned(design).wait_s == 600
    slow = planned(design, PAIR[:1], {PAIR[0].label: 30.0})
    assert slow.wait_s >= 600 + 30
    assert slow.calls == planned(design, PAIR[:1]).calls


@pytest.mark.slow
def test_a_plan_of_five_hundred_repetitions_is_made_in_seconds():
    start = time.perf_counter()
    plan = planned(Design(questions=("hit_rate",), repeats=500))

    assert sum(step.calls for step in plan.steps if step.question == "hit_rate") == 2 * 500 * 6
    assert time.perf_counter() - start < 10  # 0.7 s when written; it took 16 s


def test_a_shorter_filler_begins_a_longer_one():
    long = filler(5000).split(" ")

    assert filler(100).split(" ") == long[:100]
    assert [len(filler(n).split()) for n in (0, 1, 4096, 4097, 40_000)] == [
        0,
        1,
        4096,
        4097,
        40_000,
    ]
    assert filler(-3) == ""


@pytest.mark.parametrize("words", [NONCE_WORDS, 64, 5000])
def test_bytes_and_hash_are_of_the_prompt_that_is_sent(words):
    """What is kept of one prompt is never told of another."""
    asks = [
        Ask(candidate="c", nonce=nonce, words=words, tail=tail)
        for nonce in "ab" for tail in ("x", "longer")
    ]  # fmt: skip

    spare = [one.bytes() - len(one.head() + one.tail) for one in asks]
    assert 0 <= min(spare) <= max(spare) <= 10 * NONCE_WORDS  # a nonce may have longer words
    assert asks[1].bytes() - asks[0].bytes() == len("longer") - len("x")
    assert all(len(one.head().split(" ")) == words for one in asks)
    assert len({one.digest() for one in asks}) == 4
    assert asks[0].digest() == Ask(candidate="d", nonce="a", words=words, tail="x").digest()


def test_two_bodies_are_told_apart_and_a_changed_one_is_another():
    one, other = ({**BODY, "system": text} for text in ("First.", "Another."))
    asks = [Ask(candidate="c", nonce="n", body=body) for body in (one, other, dict(one))]

    assert asks[0].digest() == asks[2].digest() != asks[1].digest()
    assert asks[0].shape == asks[2].shape != asks[1].shape
    assert replace(asks[0], body=other).bytes() == asks[1].bytes() == asks[0].bytes() + 2
    taken = asks[0].own_body()
    taken["system"] = "changed by whoever took it"
    assert asks[0].own_body() != taken
