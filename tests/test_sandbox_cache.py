"""The sandbox's cache: what is conserved, what a lifetime means, and what one word changes."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.sandbox.anthropic_prompt import prompt_of
from cacheaudit.sandbox.cache import Mark, PromptCache, split
from cacheaudit.sandbox.catalogue import documented
from tests.models import CLAUDE, EPHEMERAL, OLD, block

LIFE_S = 300.0
marks = st.lists(st.integers(1, 10**6), min_size=1, max_size=6, unique=True).map(sorted)


@given(marks, st.integers(0, 5), st.integers(0, 10**5), st.data())
def test_read_written_and_uncached_are_all_of_the_prompt(ends, hit, rest, data):
    lives = data.draw(st.lists(st.sampled_from(["5m", "1h"]), min_size=6, max_size=6))
    found = [Mark(str(i), end, lives[i]) for i, end in enumerate(ends)]
    read = found[hit] if hit < len(found) else None
    written = [mark for mark in found if read is None or mark.tokens > read.tokens]

    billed = split(ends[-1] + rest, read, written)

    assert billed.input_tokens == ends[-1] + rest
    assert billed.uncached_tokens == rest
    assert min(billed.read_tokens, *billed.written_tokens.values(), 0) == 0


@given(st.lists(st.floats(0.01, 2000), min_size=1, max_size=20))
def test_an_entry_lives_for_its_lifetime_after_the_last_use_and_no_longer(gaps):
    cache, mark, at = PromptCache(), [Mark("a", 1000, "5m")], 0.0
    cache.write("here", mark, at, LIFE_S)
    for gap in gaps:
        used, at = at, at + gap
        hit = cache.read("here", mark, at)

        assert (hit is not None) == (at < used + LIFE_S)
        if hit is None:
            cache.write("here", mark, at, LIFE_S)


def test_nothing_is_read_in_another_place():
    cache, mark = PromptCache(), [Mark("a", 1000, "5m")]
    cache.write(("team", "old"), mark, 0, LIFE_S)

    assert cache.read(("team", "new"), mark, 1) is None
    assert cache.read(("other", "old"), mark, 1) is None
    assert cache.read(("team", "old"), mark, 1) == mark[0]


@given(st.integers(0, 3), st.integers(0, 199))
def test_one_changed_word_renames_its_block_and_all_that_follow(where, word):
    before = [block(200, f"b{i}", EPHEMERAL) for i in range(4)]
    said = before[where]["text"].split()
    said[word] = "changed"
    after = [*before]
    after[where] = {**before[where], "text": " ".join(said)}

    same = [old == new for old, new in zip(names(before), names(after), strict=True)]

    assert same == [place < where for place in range(5)]


def names(system):
    """The names of all places in a prompt with *system*."""
    asked = {"system": system, "messages": [{"role": "user", "content": "x"}]}
    return [mark.key for mark in prompt_of(asked).marks(replace(OLD, minimum_tokens=0))]


def test_the_documented_models_are_served_with_their_minimum():
    served = {one.id: one for p in ("anthropic", "openai") for one in documented().of(p)}

    assert served["claude-opus-4-6"].minimum_tokens == 4096
    assert served["claude-opus-5-5"].minimum_tokens == 512
    assert served["claude-opus-5-5"].tokens(1000) == 1300
    assert served["claude-opus-4-6"].tokens(1000) == 1000
    assert served["claude-opus-5-5"].lives == CLAUDE
    assert not served["gpt-5.4"].writes_billed
    assert served["gpt-5.6-sol"].writes_billed
