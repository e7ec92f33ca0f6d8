"""What each protocol finds, where the truth is known; and in how many calls."""

from math import ceil, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheaudit.probing.ask import Ask
from cacheaudit.probing.protocols import (
    Isolation,
    Offers,
    Survival,
    at_once,
    hello,
    isolated,
    paced,
    pair,
    survives,
)
from cacheaudit.probing.search import BESIDE_WORDS, LEAST_WORDS, MOST_WORDS, Bracket, smallest
from tests.probing import Still, Truth, bench, run_one


@settings(max_examples=60, deadline=None)
@given(
    minimum=st.integers(1, 8192),
    ratio=st.sampled_from([1.0, 1.3, 0.75]),
    documented=st.none() | st.sampled_from([512, 1024, 4096]),
    writes=st.booleans(),
)
def test_the_smallest_prefix_is_found_to_the_word(minimum, ratio, documented, writes):
    truth = Truth(Still(), minimum=minimum, tokens_per_word=ratio, writes=writes)
    on = bench(truth)
    found = run_one(lambda nonce: smallest("old", nonce, on.offers["old"], documented), on).found
    tail = 0 if writes else truth.tail

    if found.above == 0:  # cached from the shortest prompt on that is tried
        assert minimum <= ceil(LEAST_WORDS * ratio)
    else:
        assert found.above < minimum + tail <= found.upto
        assert found.upto - found.above <= ceil(ratio)


@pytest.mark.parametrize("off", [0, -10, 10])
def test_it_takes_eight_lengths_where_the_documents_are_right(off):
    truth = Truth(Still(), minimum=4096 + off)
    on = bench(truth)
    run_one(lambda nonce: smallest("old", nonce, on.offers["old"], 4096), on)

    assert len(truth.sent) <= 2 + ceil(log2(2 * BESIDE_WORDS))


@pytest.mark.parametrize(("known", "calls"), [(True, 1), (False, 4)])
def test_and_few_more_where_they_are_wrong(known, calls):
    """Three lengths are too short; each is asked for again while no write was ever reported."""
    truth = Truth(Still(), minimum=4700)
    on = bench(truth)
    on.offers["old"].reports_writes = known
    found = run_one(lambda nonce: smallest("old", nonce, on.offers["old"], 1024), on).found

    assert found == Bracket(above=4699, upto=4700)
    assert len(truth.sent) <= 3 * calls + 1 + ceil(log2(4288))


def test_a_write_of_nothing_proves_nothing_where_none_was_ever_reported():
    """As older OpenAI models answer: writes are free, and reported as 0."""
    truth = Truth(Still(), minimum=1500, reports_nothing_written=True)
    on = bench(truth)
    found = run_one(lambda nonce: smallest("old", nonce, on.offers["old"], 1024), on).found

    assert (found.above, found.upto) == (1499 + truth.tail, 1500 + truth.tail)


@pytest.mark.parametrize(
    "make",
    [
        lambda nonce: pair("old", nonce, 2000),
        lambda nonce: survives("old", nonce, Offers(), 2000, 60),
        lambda nonce: isolated("old", "new", nonce, 2000),
        lambda nonce: paced("old", nonce, Ask(candidate="", nonce="", words=2000), (1.0,)),
        lambda nonce: smallest("old", nonce, Offers(), 1024),
    ],
)
def test_a_prompt_that_nobody_sent_before_and_is_read_is_no_measurement(make):
    """An endpoint with a prompt of its own in the cache, or a nonce that was used before."""
    done = run_one(make, bench(Truth(Still(), always_reads=1500)))

    assert (done.found, done.why) == (None, "not_cold")


def test_a_version_that_caches_nothing_has_no_smallest_prefix():
    truth = Truth(Still(), minimum=10**9)
    on = bench(truth)
    found = run_one(lambda nonce: smallest("old", nonce, on.offers["old"], 1024), on).found

    assert (found.upto, found.above) == (None, MOST_WORDS + truth.tail)


def test_a_read_that_goes_astray_is_no_proof_that_nothing_is_cached():
    truth = Truth(Still(), minimum=1024, writes=False, misses=0.3)
    on = bench(truth)
    found = run_one(lambda nonce: smallest("old", nonce, on.offers["old"], 1024, reads=8), on).found

    assert found.upto == 1024 + truth.tail


@pytest.mark.parametrize(("wait_s", "warm"), [(0, True), (299, True), (300, False), (900, False)])
def test_survival_is_judged_after_the_wait_that_was_asked_for(wait_s, warm):
    truth = Truth(Still())
    on = bench(truth)
    found = run_one(lambda nonce: survives("old", nonce, on.offers["old"], 2000, wait_s), on).found

    assert found == Survival(wait_s=wait_s, warm=warm)
    assert on.receipts.all[1].wait_s == wait_s


def test_the_same_prompt_is_cold_on_another_version_and_warm_on_its_own():
    truth = Truth(Still())
    found = run_one(lambda nonce: isolated("old", "new", nonce, 2000), bench(truth)).found

    assert found == Isolation(on_new=0, on_old=2000, diagnosis="input_changed")


def test_pairs_and_requests_at_once_use_one_prompt():
    one, other = Truth(Still()), Truth(Still())
    cold, warm = run_one(lambda nonce: pair("old", nonce, 2000), bench(one)).found
    found = run_one(lambda nonce: at_once("old", nonce, 2000, 4), bench(other)).found

    assert (cold.cache_read_tokens, warm.cache_read_tokens) == (0, 2000)
    assert [len({ask.head() for ask in truth.sent}) for truth in (one, other)] == [1, 1]
    assert found == (1, 4)  # this truth serves one after the other


def test_a_repetition_counts_the_calls_after_the_first():
    truth = Truth(Still())
    prompt = Ask(candidate="", nonce="", words=2000)
    found = run_one(
        lambda nonce: paced("old", nonce, prompt, (10.0, 400.0, 10.0)), bench(truth)
    ).found

    assert (found.calls, found.hits) == (3, 2)
    assert (found.read_tokens, found.written_tokens) == (4000, 2000)
    assert found.input_tokens == 3 * 2003


@pytest.mark.parametrize(
    ("refusals", "offers"),
    [
        (0, (True, True, True)),
        (1, (True, True, False)),
        (2, (False, True, True)),
        (3, (False, True, False)),
        (4, (False, False, False)),
    ],
)
def test_what_is_refused_is_not_offered(refusals, offers):
    truth = Truth(Still(), tokens_per_word=1.3)
    truth.bad = {number: {"outcome": "refused"} for number in range(refusals)}
    found = run_one(lambda nonce: hello("old", nonce, Offers()), bench(truth)).found

    assert (found.prewarm, found.marks, found.diagnosis) == offers
    assert found.tokens_per_word == pytest.approx(1.3, abs=0.01)


def test_what_is_accepted_and_ignored_is_not_offered():
    truth = Truth(Still(), prewarms=False)
    on = bench(truth)
    found = run_one(lambda nonce: hello("old", nonce, Offers()), on).found

    assert (found.prewarm, found.diagnosis) == (False, True)


def test_a_nonce_is_as_long_each_time_and_stands_first():
    asks = [Ask(candidate="c", nonce=str(i), words=300) for i in range(50)]
    heads = [one.head().split() for one in asks]

    assert {len(head) for head in heads} == {300}
    assert len({" ".join(head[:12]) for head in heads}) == 50
    assert len({" ".join(head[12:]) for head in heads}) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"system": "Be brief.", "messages": [{"role": "user", "content": "hi"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
        {
            "tools": [{"name": "t", "description": "d"}],
            "messages": [{"role": "user", "content": ""}],
        },
        {"tools": [{"type": "function", "function": {"name": "f"}}], "input": "hi"},
        {"instructions": "Be brief.", "input": "hi"},
    ],
)
def test_a_body_of_the_teams_own_begins_with_the_nonce(body):
    """In whatever comes first in a provider's order: tools, system, messages."""
    first, second = (Ask(candidate="c", nonce=n, body=body) for n in "ab")
    name = next(iter(body))

    assert first.own_body()[name] != second.own_body()[name] != body[name]
    assert {k: v for k, v in first.own_body().items() if k != name} == {
        k: v for k, v in body.items() if k != name
    }
    assert first.digest() != second.digest()
