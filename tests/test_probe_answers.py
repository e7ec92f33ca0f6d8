"""Answers: intervals that hold, verdicts that need proof, and "not known" with its reason."""

from dataclasses import replace

import numpy as np
import pytest

from cacheaudit.probing.answers import answers_of
from cacheaudit.probing.hit_rate import hit_rate
from cacheaudit.probing.lengths import token_ratios
from cacheaudit.probing.prices import per_thousand
from cacheaudit.probing.protocols import Isolation, Offers, Paced, Survival
from cacheaudit.probing.receipt import Receipt
from cacheaudit.probing.run import Done, Unit
from cacheaudit.probing.search import Bracket
from tests.probing import CHEAP, NEW, OLD

WORDS, TAIL, FOLLOW_UPS, REPEATS = 1000, 10, 5, 20


def done(question, *found, why="", candidate="old"):
    return [
        Done(
            unit=Unit(question=question, candidate=candidate, number=n, begin=lambda nonce: None),
            found=one, why=why,
        )
        for n, one in enumerate(found, 1)
    ]  # fmt: skip


def only(question, *found):
    (answer,) = answers_of(done(question, *found))
    return answer


def paced(hits, calls=FOLLOW_UPS):
    return Paced(
        first_input_tokens=WORDS + TAIL, first_written_tokens=WORDS, calls=calls, hits=hits,
        input_tokens=calls * (WORDS + TAIL), read_tokens=hits * WORDS,
        written_tokens=(calls - hits) * WORDS, output_tokens=calls,
    )  # fmt: skip


def receipt(read=0, **given):
    return Receipt(
        **{
            "question": "caches", "unit": 1, "attempt": 1, "step": 0, "sent_s": 0.0,
            "candidate": "old", "asker": "old", "model": "old", "outcome": "answered",
            "cache_read_tokens": read, "uncached_input_tokens": WORDS - read, **given,
        }
    )  # fmt: skip


@pytest.mark.parametrize("depends", [False, True])
def test_the_interval_holds_where_calls_depend_on_each_other(depends):
    """400 candidates of any rate; in half of the runs a repetition hits or misses as a whole."""
    rng = np.random.default_rng(70_000 + depends)
    held, widths, oracles = [], [], []
    for share in rng.uniform(0, 1, 400):
        calls = (REPEATS, 1 if depends else FOLLOW_UPS)
        hits = rng.random(calls) < share
        counts = hits.sum(axis=1) * (FOLLOW_UPS if depends else 1)
        rate = hit_rate([paced(int(count)) for count in counts])
        truth = share * WORDS / (WORDS + TAIL)
        held.append(rate.low <= truth <= rate.high)
        widths.append(rate.high - rate.low)
        oracles.append(2 * 1.96 * (share * (1 - share) / hits.size) ** 0.5)

    assert np.mean(held) >= 0.935
    assert np.median(np.array(widths) / np.array(oracles)) <= 1.3


def test_a_rate_without_a_miss_still_has_a_width_and_never_more_than_a_hit_reads():
    rate = hit_rate([paced(FOLLOW_UPS)] * REPEATS)

    assert rate.value == rate.high == pytest.approx(WORDS / (WORDS + TAIL))
    assert 0.9 < rate.low < rate.value


def test_one_repetition_is_no_rate():
    assert hit_rate([paced(3)]) is None
    assert only("hit_rate", paced(3)).verdict == "not known"


def test_more_repetitions_narrow_it():
    widths = []
    for many in (5, 20, 80):
        rate = hit_rate([paced(n % (FOLLOW_UPS + 1)) for n in range(many)])
        widths.append(rate.high - rate.low)

    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(
    ("reads", "verdict"), [([0, 900], "yes"), ([0, 0, 0], "no"), ([0, 0], "not known")]
)
def test_that_nothing_is_cached_is_said_after_three_misses(reads, verdict):
    assert only("caches", *((receipt(), receipt(read)) for read in reads)).verdict == verdict


def test_the_smallest_prefix_is_a_range_of_tokens():
    found = only("smallest", Bracket(above=4095, upto=4096))
    none = only("smallest", Bracket(above=40_000, upto=None))

    assert (found.verdict, found.low, found.high) == ("yes", 4096, 4096)
    assert (none.verdict, none.value) == ("no", None)
    assert "nothing up to 40,000 tokens" in none.why


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([Isolation(on_new=0, on_old=900)], "yes"),
        ([Isolation(on_new=0, on_old=0)], "not known"),  # it may have expired on both
        ([Isolation(on_new=900, on_old=900), Isolation(on_new=0, on_old=900)], "no"),
    ],
)
def test_isolation_needs_the_old_version_to_be_warm_all_the_while(found, verdict):
    assert only("isolation", *found).verdict == verdict


def test_a_late_miss_says_nothing_of_the_wait():
    late = Survival(wait_s=290, warm=False, late_s=30)
    warm = Survival(wait_s=240, warm=True, late_s=30)
    answers = {one.detail: one for one in answers_of(done("survival", late, late, warm, warm))}

    assert answers["290"].verdict == "not known"
    assert "too late" in answers["290"].why
    assert answers["240"].verdict == "yes"


@pytest.mark.parametrize(
    ("warm", "verdict", "why"),
    [
        ([True], "not known", "one repetition alone"),
        ([True, True], "yes", "still warm"),
        ([False, False], "no", "still warm"),
        ([True, False], "not known", "still warm"),
    ],
)
def test_one_repetition_is_no_lifetime(warm, verdict, why):
    answer = only("survival", *(Survival(wait_s=60, warm=one) for one in warm))

    assert (answer.verdict, answer.why, answer.repetitions) == (verdict, why, len(warm))
    assert (answer.value is None) is (len(warm) == 1)


def test_what_was_never_cached_cannot_go_cold():
    bare = Survival(wait_s=60, warm=False, cached=False)
    cold = Survival(wait_s=60, warm=False)

    assert only("survival", bare, bare).why == "nothing was cached"
    assert only("survival", bare, bare).verdict == "not known"
    assert only("survival", bare, cold, cold).verdict == "no"
    assert only("survival", bare, cold, cold).repetitions == 2


@pytest.mark.parametrize("reads", [0, 900])
def test_a_candidate_that_caches_nothing_says_nothing_of_lives_and_sharing(reads):
    """Four that miss at once, and a miss after a wait, look the same as where nothing is kept."""
    pairs = [(receipt(), receipt(reads)) for _ in range(3)]
    cold = [Survival(wait_s=60, warm=False)] * 2
    units = [*done("caches", *pairs), *done("survival", *cold), *done("at_once", (4, 4), (4, 4))]
    units += done("at_once", (4, 4), (4, 4), candidate="new")
    answers = {(one.question, one.candidate): one for one in answers_of(units)}

    for question in ("survival", "at_once"):
        found = answers[question, "old"]
        assert found.verdict == ("no" if reads else "not known")
        assert (found.why == "nothing was cached at 1,000 tokens") is (not reads)
    assert answers["at_once", "new"].verdict == "no"


def test_requests_at_once_share_an_entry_only_if_no_two_of_them_miss():
    assert only("at_once", (1, 4), (1, 4)).verdict == "yes"
    assert only("at_once", (1, 4), (4, 4)).verdict == "no"
    assert only("at_once", (4, 4)).value == 1


def test_what_was_not_offered_is_a_no_and_no_failure():
    answers = answers_of(done("offers", Offers(prewarm=False, marks=True)))

    assert {one.detail: one.verdict for one in answers} == {
        "prewarm": "no", "marks": "yes", "diagnosis": "not known",
    }  # fmt: skip


def test_what_could_not_be_measured_says_what_became_of_it():
    answer = answers_of(
        [*done("caches", None, why="timeout"), *done("caches", None, None, why="budget")]
    )[0]

    assert answer.verdict == "not known"
    assert answer.why == "budget (2), timeout (1)"


def test_the_first_token_is_timed_over_pairs_that_were_warm():
    pairs = [
        (receipt(first_token_ms=300 + n), receipt(read=900, first_token_ms=40 + n))
        for n in range(7)
    ]
    missed = (receipt(first_token_ms=1), receipt(first_token_ms=1))
    cold, warm = answers_of(done("first_token", *pairs, missed))

    assert (cold.value, cold.low, cold.high) == (303, 300, 306)
    assert (warm.value, warm.repetitions) == (43, 7)


def test_a_thousand_requests_are_priced_at_the_measured_rate():
    """By hand: 1,010 tokens, of which 1,000 are read at 0.30 or written at 3.75, 10 cost 3.00."""
    measured = done("hit_rate", paced(5), paced(5), paced(0), paced(0))
    answers = answers_of(measured)
    (price,) = per_thousand(measured, answers, {"old": CHEAP})
    warm_usd = 1000 * (1000 * 0.3 + 10 * 3.0) / 1e6
    cold_usd = 1000 * (1000 * 3.75 + 10 * 3.0) / 1e6

    assert price.value == pytest.approx((warm_usd + cold_usd) / 2, rel=0.005)
    assert price.low < price.value < price.high


def test_tokens_of_the_same_prompts_are_compared_prompt_by_prompt():
    def call(candidate, unit, tokens, **given):
        return receipt(
            candidate=candidate, unit=unit, uncached_input_tokens=tokens, question="hit_rate",
            **given,
        )  # fmt: skip

    heard = [call("old", 1, 1000), call("old", 2, 3000), call("new", 1, 1300), call("new", 2, 3300)]
    heard += [call("new", 3, 9), call("old", 1, 7, step=1), call("old", 3, 9, outcome="timeout")]
    (answer,) = token_ratios(heard, [OLD, NEW])

    assert (answer.candidate, answer.repetitions) == ("new", 2)
    assert answer.value == pytest.approx(4600 / 4000)
    assert (answer.low, answer.high) == (pytest.approx(1.1), pytest.approx(1.3))
    assert token_ratios(heard, [replace(OLD, incumbent=False), NEW]) == []
