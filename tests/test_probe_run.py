"""A run keeps its budget at any fault, counts no failure as a miss, and goes on where it ended."""

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheaudit.errors import SourceError
from cacheaudit.probing.answers import answers_of
from cacheaudit.probing.ask import Ask
from cacheaudit.probing.money import ROLE_TOKENS, lives_long
from cacheaudit.probing.protocols import Offers, paced, pair, survives
from cacheaudit.probing.receipt import Receipt, Receipts, read_receipts
from cacheaudit.probing.run import IN_VAIN, Unit, run
from cacheaudit.probing.search import smallest
from tests.probing import CHEAP, OLD, Still, Truth, bench, run_all, run_one

NOT_SERVED = ["busy", "overloaded", "failed", "timeout", "unreachable"]
SERVED = ["timeout", "cut", "no_counts", "other_model", "failed"]
fault = st.one_of(
    st.sampled_from(NOT_SERVED).map(lambda outcome: {"outcome": outcome}),
    st.sampled_from(SERVED).map(lambda outcome: {"outcome": outcome, "served": True}),
)
bad = st.dictionaries(st.integers(0, 30), fault)


def pairs(many, words=2000):
    """Protocols of a cold and a warm call."""
    return [lambda nonce: pair("old", nonce, words) for _ in range(many)]


@settings(max_examples=80, deadline=None)
@given(bad=bad, budget_usd=st.floats(0.0, 0.3))
def test_what_is_billed_never_passes_the_budget(bad, budget_usd):
    truth = Truth(Still(), bad=bad)
    on = bench(truth, budget_usd=budget_usd)
    makes = [*pairs(5), lambda nonce: smallest("old", nonce, on.offers["old"], 1024)]
    done = run_all(makes, on)

    assert truth.billed_usd <= on.budget.spent_usd + 1e-12 <= budget_usd + 1e-9
    assert all(one.found is not None or one.why for one in done)


@settings(max_examples=60, deadline=None)
@given(bad=bad)
def test_a_failure_is_never_a_miss(bad):
    """Every pair that has a finding was cold and then warm, whatever happened on the way."""
    truth = Truth(Still(), bad=bad)
    found = [one.found for one in run_all(pairs(6), bench(truth)) if one.found]

    assert all(cold.cache_read_tokens == 0 and warm.cache_read_tokens for cold, warm in found)
    assert all(one.counted for pair in found for one in pair)


@pytest.mark.parametrize(("outcome", "calls"), [("denied", 1), ("no_model", 1), ("refused", 3)])
def test_what_is_refused_for_good_is_not_asked_again(outcome, calls):
    truth = Truth(Still(), bad={n: {"outcome": outcome} for n in range(99)})
    done = run_all(pairs(3), bench(truth))

    assert [one.why for one in done] == [outcome] * 3
    assert len(truth.sent) == calls
    assert answers_of([replace_question(one) for one in done])[0].verdict == "not known"


def replace_question(done):
    """*done* as if it were of `caches`."""
    return replace(done, unit=Unit(question="caches", candidate="old", number=1, begin=pairs(1)[0]))


def test_busy_waits_as_long_as_the_provider_says_and_begins_anew():
    truth = Truth(Still(), bad={1: {"outcome": "busy", "after": 42.0}})
    on = bench(truth)
    start = truth.clock.now()
    done = run_one(pairs(1)[0], on)

    assert done.found is not None
    assert truth.clock.now() - start == 42
    assert len({one.head() for one in truth.sent[:2]}) == 1
    assert truth.sent[2].head() != truth.sent[0].head()


def test_waits_run_side_by_side():
    truth = Truth(Still())
    start = truth.clock.now()
    waits = (60.0, 290.0, 310.0, 600.0)
    done = run_all([partial(_survives, wait) for wait in waits], bench(truth))

    assert [one.found.warm for one in done] == [True, True, False, False]
    assert truth.clock.now() - start == 600


def _survives(wait_s, nonce):
    return survives("old", nonce, Offers(), 2000, wait_s)


@pytest.mark.parametrize("after", range(0, 9))
def test_a_run_that_was_killed_goes_on_and_pays_for_every_call(tmp_path, after):
    path, clock = tmp_path / "receipts.jsonl", Still()
    dying = Truth(clock)
    on = bench(dying, path=path)

    def die(candidate, ask, offers, planned):
        if len(dying.sent) == after:
            dying(candidate, ask, offers, planned)  # it was served, and nobody saw it
            raise MemoryError
        return dying(candidate, ask, offers, planned)

    if after < 8:
        with pytest.raises(MemoryError):
            run_all(pairs(4), replace(on, send=die))
    else:
        run_all(pairs(4), on)
    on.receipts.close()
    going_on = Truth(clock)
    later = bench(going_on, path=path)
    done = run_all(pairs(4), later)
    later.receipts.close()

    assert all(warm.cache_read_tokens == 2000 for _, warm in (one.found for one in done))
    assert len(going_on.sent) == 8 - 2 * (after // 2)
    assert dying.billed_usd + going_on.billed_usd <= later.budget.spent_usd + 1e-12


def test_receipts_of_other_calls_answer_nothing(tmp_path):
    """Another idle time, another version behind a name, another prompt: all is asked anew."""
    path, clock = tmp_path / "receipts.jsonl", Still()
    earlier = bench(Truth(clock), path=path)
    run_all([partial(_survives, 60.0), pairs(1)[0]], earlier)
    earlier.receipts.close()
    moved = replace(OLD, model="another")
    for makes, candidates in (
        ([partial(_survives, 290.0), pairs(1, words=3000)[0]], earlier.candidates),
        ([partial(_survives, 60.0), pairs(1)[0]], {**earlier.candidates, "old": moved}),
    ):
        truth = Truth(clock)
        later = replace(bench(truth, path=path), candidates=candidates)
        run_all(makes, later)
        later.receipts.close()

        assert len(truth.sent) == 4
    again = Truth(clock)
    same = bench(again, path=path)
    run_all([partial(_survives, 60.0), pairs(1)[0]], same)
    same.receipts.close()
    assert again.sent == []


def test_who_costs_more_than_he_can_is_asked_no_more():
    """A server that generates what nobody asked for passes the budget once, and not again."""
    truth = Truth(Still(), output=50_000)
    on = bench(truth, budget_usd=0.5)
    done = run_all(pairs(5), on)

    assert len(truth.sent) == 1
    assert {one.why for one in done} == {"over_bound"}


def test_a_miss_that_came_late_is_no_miss():
    """Busy for a minute: calls that were due at 280 s come after the lifetime's end."""
    truth = Truth(Still(), bad={5: {"outcome": "busy", "after": 60.0}})
    prompt = Ask(candidate="", nonce="", words=2000)
    makes = [lambda nonce: paced("old", nonce, prompt, (280.0, 280.0)) for _ in range(4)]
    done = run_all(makes, bench(truth))

    assert all(one.found.hits == one.found.calls for one in done)


def test_what_always_ends_alike_is_given_up():
    truth = Truth(Still(), bad={n: {"outcome": "no_counts", "served": True} for n in range(999)})
    done = run_all(pairs(50), bench(truth))

    assert {one.why for one in done} == {"no_counts"}
    assert len(truth.sent) == IN_VAIN


def test_entries_that_live_an_hour_are_paid_for_as_such():
    """A body that asks for an hour may cost twice the input; one that does not, 1.25 times."""
    long = Ask(candidate="", nonce="", body={"system": [{"cache_control": {"ttl": "1h"}}]})
    rates = replace(CHEAP, written_long_usd=6.0)
    receipt = Receipt(
        question="q", unit=1, attempt=1, step=0, sent_s=0.0, candidate="c", asker="c", model="m",
        outcome="answered", uncached_input_tokens=0, cache_read_tokens=0, output_tokens=0,
        cache_write_tokens=1_000_000, cache_write_long_tokens=400_000,
    )  # fmt: skip

    assert lives_long(long)
    assert not lives_long(Ask(candidate="", nonce="", words=100))
    assert rates.charged_usd(receipt) == pytest.approx(0.6 * 3.75 + 0.4 * 6.0)
    assert rates.worst_usd(10**6, 0, lives_long=True) == 6.0
    assert CHEAP.charged_usd(receipt) is None
    assert CHEAP.worst_usd(10**6, 0, lives_long=True) == 9.0
    assert rates.charged_usd(replace(receipt, outcome="other_model")) is None


def test_an_interrupt_leaves_what_was_found():
    truth = Truth(Still())
    on = bench(truth)

    def interrupted(*given):
        if len(truth.sent) == 5:
            raise KeyboardInterrupt
        return truth(*given)

    units = [Unit(question="q", candidate="old", number=n, begin=pairs(1)[0]) for n in range(9)]
    done = run(units, replace(on, send=interrupted))

    assert {one.why for one in done if one.found is None} == {"stopped"}
    assert len(on.receipts.all) == 6
    assert on.receipts.all[-1].outcome == "sent"


def test_receipts_survive_a_line_that_was_cut_and_refuse_any_other(tmp_path):
    path = tmp_path / "receipts.jsonl"
    receipt = Receipt(
        question="q", unit=1, attempt=1, step=0, sent_s=1.5, candidate="c", asker="c", model="m",
        outcome="answered", cache_read_tokens=0, worst_usd=0.1,
    )  # fmt: skip
    kept = Receipts(path)
    kept.add(receipt)
    kept.close()
    path.write_text(path.read_text() + '{"question": "q", "un')

    again = Receipts(path)
    again.add(replace(receipt, step=1))
    again.close()
    assert list(read_receipts(path)) == [receipt, replace(receipt, step=1)]
    path.write_text("no receipt\n" + path.read_text())
    with pytest.raises(SourceError, match="line 1 is no receipt"):
        list(read_receipts(path))


def test_what_a_call_may_cost_is_never_below_what_it_did():
    truth = Truth(Still(), tokens_per_word=1.9)  # a word of ours has five letters on average
    on = bench(truth)
    run_all([*pairs(3), *pairs(3, words=5000)], on)

    assert all(one.cost_usd <= one.worst_usd for one in on.receipts.all)
    first = on.receipts.all[0]
    sent = truth.sent[0]
    assert sent.bytes() >= len(sent.head().encode()) + len(sent.tail)
    assert first.worst_usd == pytest.approx(CHEAP.worst_usd(sent.bytes() + ROLE_TOKENS, 16))
