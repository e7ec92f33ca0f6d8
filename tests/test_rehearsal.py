"""A short rehearsal: the whole chain holds on the sandbox, and each link that is broken is seen.

The truth is planted (lengths, minimums, lifetimes), the figures are the provider's own books.
`make rehearsal` plays it at its full length.
"""

import json
from dataclasses import replace

import pandas as pd
import pytest

from bench.rehearsal import rehearse
from bench.rehearsing.book import Book, Check
from bench.rehearsing.story import BREAKS, SHORT, broken
from bench.rehearsing.traffic import Team, body, planted

DAY = pd.Timestamp("2026-11-13", tz="UTC")


def silent(text: str) -> None:
    """Nothing is told."""


@pytest.mark.slow
def test_a_chain_that_is_whole_holds_from_end_to_end(tmp_path):
    """And both figures of every check are told and written, without a path or a key."""
    told: list[str] = []
    book = rehearse(SHORT, tmp_path, told.append)
    text = json.dumps(book.to_dict(), allow_nan=False)

    assert book.failed == []
    assert len(book.acts) == 7
    assert len(book.checks) > 25
    assert all(any(one.text in line for line in told) for one in book.checks)
    assert sum(len(act["checks"]) for act in json.loads(text)["acts"]) == len(book.checks)
    for secret in (str(tmp_path), "support/", "127.0.0.1"):
        assert secret not in text + "".join(told)


@pytest.mark.slow
def test_every_broken_link_is_seen(tmp_path):
    """Each by a check of its own; what no link touches still holds."""
    story = broken(replace(SHORT, brief=True), *BREAKS)
    failed = set(rehearse(story, tmp_path, silent).failed)

    assert {
        "tokens that a replay reads and that were read",  # lifetime
        "prefixes that receipts prove warm at the cutover",  # prefill
        "hit rate of the hour after, and the plan's prediction",  # cache
        "weekly --since T: exit code",  # cache
        "kept warm: prefixes whose first call found them",  # kept
    } <= failed
    assert not any("in the provider's report" in name or "books" in name for name in failed)


@pytest.mark.parametrize(
    ("relation", "found", "against", "holds"),
    [
        ("is", 3, (3,), True),
        ("is", 3, (4,), False),
        ("is", "none", ("hit_rate",), False),
        ("at least", 0.5, (0.5,), True),
        ("at least", 0.49, (0.5,), False),
        ("at most", 0.51, (0.5,), False),
        ("above", 0.5, (0.5,), False),
        ("within", 0.5, (0.4, 0.5), True),
        ("within", 0.39, (0.4, 0.5), False),
        ("within", None, (0.4, 0.5), False),
        ("within", 0.45, (0.4, None), False),
    ],
)
def test_a_check_compares_and_what_is_not_known_fails(relation, found, against, holds):
    assert Check(name="one", found=found, relation=relation, against=against).passed is holds


def test_one_failure_fails_the_book():
    book = Book(tell=silent)
    book.act("one")
    book.check("right", 1, "is", 1)
    book.check("wrong", 1, "is", 2)

    assert book.failed == ["wrong"]
    assert book.to_dict()["passed"] is False


def test_a_seed_draws_the_same_calls_and_another_draws_others():
    team = Team()

    assert planted(team, DAY, 2, seed=3) == planted(team, DAY, 2, seed=3)
    assert planted(team, DAY, 2, seed=3) != planted(team, DAY, 2, seed=4)


def test_calls_come_in_order_of_time_and_conversations_grow():
    team = Team(single_per_hour=20.0, talks_per_hour=20.0)
    calls = planted(team, DAY, 1, seed=5)
    talks: dict[int, list] = {}
    for one in calls:
        if one.talk is not None:
            talks.setdefault(one.talk, []).append(one)

    assert [one.at_ms for one in calls] == sorted(one.at_ms for one in calls)
    for turns in talks.values():
        assert [one.turn for one in turns] == list(range(len(turns)))
        first, *later = (body(team, one) for one in turns)
        for other in later:
            assert other["system"] == first["system"]
            assert len(other["messages"]) > len(first["messages"])


def test_prefixes_have_the_lengths_that_were_planted():
    """A word is a token of the incumbent in the sandbox; all lie between the two minimums."""
    team = Team()
    lengths = [team.length(prefix) for prefix in range(team.prefixes)]
    calls = {one.prefix: one for one in planted(team, DAY, 1, seed=6)}

    assert team.shortest == min(lengths)
    assert max(lengths) <= team.longest < 4096
    for prefix, one in calls.items():
        assert len(body(team, one)["system"][0]["text"].split()) == team.length(prefix)
