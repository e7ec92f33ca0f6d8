"""Replays of block traces: equal to a tree, to the block; and to an independent count."""

import gzip
import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cacheaudit
from cacheaudit.errors import ParamError, SchemaError
from cacheaudit.replaying import Cutover, Prefill, Rules, replay
from cacheaudit.replaying.blocks import hits, served_by
from cacheaudit.replaying.split import PARTS, calls_moved, calls_spread, keys_moved
from cacheaudit.replaying.trace import trace_of
from tests.replays import at, calls, ending, straight, trace, tree_hits

BLOCK = 512
EPOCH = pd.Timestamp(0, tz="UTC")
SAME = {"old": Rules(block_tokens=BLOCK), "new": Rules(block_tokens=BLOCK)}


@pytest.fixture(scope="module")
def mooncake(real_data):
    path = real_data / "traces" / "mooncake_conversation.jsonl.gz"
    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return pd.DataFrame(
        {
            "ts": pd.to_datetime([row["timestamp"] for row in rows], unit="ms", utc=True),
            "provider": "self-hosted",
            "model": "old",
            "prompt_tokens": [row["input_length"] for row in rows],
            "block_ids": [row["hash_ids"] for row in rows],
        }
    )


def later(second: float) -> pd.Timestamp:
    return EPOCH + pd.Timedelta(seconds=second)


CANARY = Cutover(
    at=later(1800), to="new", split_by="request", steps=((later(600), 0.1), (later(1800), 1.0))
)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("ttl_s", "cutover", "expected"),
    [
        (300, None, 83_010),
        (3600, None, 105_710),
        (300, Cutover(at=later(1800), to="new"), 80_694),
        (3600, Cutover(at=later(1800), to="new"), 98_305),
        (300, CANARY, 78_060),
        (3600, CANARY, 96_264),
    ],
)
def test_a_public_trace_is_equal_to_the_block(mooncake, ttl_s, cutover, expected):
    """Against an independent tree: kvcache-ai/Mooncake, 12,031 calls of a chat service."""
    outcome = replay(mooncake, Rules(ttl_s=ttl_s, block_tokens=BLOCK), cutover)

    assert (outcome.hit_blocks, outcome.blocks) == (expected, 288_500)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("ttl_s", "least", "rate"),
    [
        (300, 0, 0.293387),
        (3600, 0, 0.373624),
        (300, 1024, 0.263668),
        (3600, 1024, 0.347377),
    ],
)
def test_its_tokens_agree_with_a_minimum_and_without(mooncake, ttl_s, least, rate):
    outcome = replay(mooncake, Rules(ttl_s=ttl_s, min_tokens=least, block_tokens=BLOCK))

    assert outcome.hit_rate == pytest.approx(rate, abs=5e-7)


@settings(max_examples=150, deadline=None)
@given(
    calls=calls(),
    cutover=ending() | st.none(),
    ttl_s=st.sampled_from([60, 300, 900]),
    least=st.sampled_from([0, 600, 1500]),
    ready_s=st.sampled_from([0, 5]),
    ratio=st.sampled_from([1.0, 1.3]),
)
def test_a_replay_is_a_tree_walked_call_by_call(calls, cutover, ttl_s, least, ready_s, ratio):
    frame = trace(calls, scope=["a" if n % 5 else "b" for n in range(len(calls))])
    rules = {
        "old": Rules(ttl_s=ttl_s, block_tokens=BLOCK),
        "new": Rules(ttl_s=300, min_tokens=least, block_tokens=BLOCK, token_ratio=ratio,
                     ready_s=ready_s),
    }  # fmt: skip
    prepared = trace_of(frame)
    served = served_by(prepared, cutover)

    assert hits(prepared, served, rules).blocks.tolist() == tree_hits(frame, rules, served)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(calls=calls(), cutover=ending())
def test_after_one_lifetime_a_cache_has_forgotten_that_it_was_cold(calls, cutover):
    """CAUSES.md's physics: identical, not similar."""
    frame = trace(calls)
    moved = replay(frame, SAME, cutover, bucket_s=1).by_bucket
    still = replay(frame, SAME, bucket_s=1).by_bucket
    forgotten = cutover.at + pd.Timedelta(seconds=300)

    def after(by_bucket):
        late = by_bucket[by_bucket["bucket_start"] > forgotten]
        return late.drop(columns="model").reset_index(drop=True)

    pd.testing.assert_frame_equal(after(moved), after(still))


def test_what_outlasts_one_lifetime_is_a_wait_and_a_part_that_stays():
    """The exceptions: an entry that was begun late, and an old version that goes on."""
    late = trace([(1400, [1]), (1499, [1]), (1799, [1]), (1801, [1]), (1805, [1])])
    waits = {name: Rules(block_tokens=BLOCK, ready_s=5) for name in SAME}
    staying = trace(
        [(second, [1]) for second in range(0, 1000, 100)], session_id=list("aaabaaaaab")
    )
    anew = straight(250, split_by="new_session")

    for frame, rules, cutover, cold in (
        (late, waits, straight(1500), 1801),
        (staying, SAME, anew, 900),
    ):
        rows = replay(frame, rules, cutover, bucket_s=1).by_bucket
        lost = rows[rows["hit_tokens"] < rows["steady_hit_tokens"]]["bucket_start"]
        assert lost.max() == at(cold)
        assert at(cold) > cutover.at + pd.Timedelta(seconds=300)


@settings(max_examples=60, deadline=None)
@given(calls=calls(), cutover=ending())
def test_tokens_are_conserved(calls, cutover):
    rules = {"old": SAME["old"], "new": Rules(block_tokens=BLOCK, min_tokens=1024)}
    rows = replay(trace(calls), rules, cutover).by_bucket

    for names in (["hit", "written", "uncached"], ["steady_hit", "steady_written"]):
        whole = sum(rows[f"{name}_tokens"] for name in names)
        rest = rows["steady_uncached_tokens"] if names[0] != "hit" else 0
        assert (whole + rest == rows["prompt_tokens"]).all()
    assert rows["requests"].sum() == len(calls)


def test_what_another_version_had_read_is_the_steady_state():
    """At 400 s the new version is cold for what the old one kept; 100 s later it is not."""
    frame = trace([(0, [1]), (200, [1]), (400, [1]), (500, [1])])
    outcome = replay(frame, SAME, straight(300))

    assert (outcome.hit_blocks, outcome.steady_hit_rate) == (2, 0.75)
    assert int(outcome.by_bucket["cold_requests"].sum()) == 1


def test_a_version_that_does_not_move_keeps_its_own_entries():
    frame = trace([(0, [1]), (10, [1]), (20, [1])], model=["other", "old", "other"])
    rules = {**SAME, "other": SAME["old"]}

    assert replay(frame, rules, straight(5, from_model="old")).hit_blocks == 1
    rows = replay(frame, rules, straight(5, from_model="old")).by_bucket
    assert rows.set_index("model").loc["new", "steady_hit_tokens"] == 0


def test_conversations_move_in_their_middle_or_only_anew():
    frame = trace([(0, [1]), (100, [1]), (200, [1]), (250, [1])], session_id=list("aaab"))
    whole = replay(frame, SAME, straight(150)).hit_blocks
    staying = replay(frame, SAME, straight(150, split_by="new_session")).hit_blocks

    assert (whole, staying) == (2, 2)
    rows = replay(frame, SAME, straight(150, split_by="new_session")).by_bucket
    assert rows.groupby("model")["requests"].sum().to_dict() == {"new": 1, "old": 3}


def test_a_rollback_finds_what_the_old_version_still_holds():
    calls = [(second, [1]) for second in range(0, 1000, 100)]
    soon = replay(trace(calls), SAME, straight(350, rollback_at=at(550)))
    late = replay(trace(calls), SAME, straight(350, rollback_at=at(850)))

    assert soon.hit_blocks == 8  # cold at 0 and at 400
    assert late.hit_blocks == 7  # at 900, too: the old version was last used at 300
    kept = replay(trace(calls), SAME, straight(350, rollback_at=at(850), keep_old_warm=0.5,
                                               split_by="request"))  # fmt: skip
    assert kept.by_bucket["hit_blocks"].sum() == 8


def test_a_prefill_writes_before_the_cutover_what_traffic_would_write_after_it():
    calls = [(second, [1, 2]) for second in range(0, 1000, 100)]
    rates = {"read_usd_per_mtok": 1.0, "write_usd_per_mtok": 10.0, "uncached_usd_per_mtok": 8.0}
    rules = Rules(block_tokens=BLOCK, **rates)
    cold = replay(trace(calls), rules, straight(550))
    warm = replay(trace(calls), rules, straight(550, prefill=Prefill(prefixes=2, lead_s=500)))

    assert cold.hit_blocks == 16
    assert warm.hit_blocks == 18
    assert (warm.sent.written_tokens, warm.sent.read_tokens) == (2 * 512, 2 * 2 * 512)
    assert warm.cost.prefill_usd == pytest.approx((2 * 512 * 10 + 2 * 2 * 512 * 1) / 1e6)
    assert cold.cost.excess_usd == pytest.approx(2 * 512 * 9 / 1e6)


def test_a_prefill_of_a_path_below_the_minimum_is_billed_and_not_written():
    """Paths of one and of three blocks; the version keeps none below two."""
    rates = {"read_usd_per_mtok": 1.0, "write_usd_per_mtok": 10.0, "uncached_usd_per_mtok": 8.0}
    rules = Rules(block_tokens=BLOCK, min_tokens=2 * BLOCK, **rates)
    calls = [(second, [1] if second % 200 else [2, 3, 4]) for second in range(0, 1000, 100)]
    cutover = straight(550, prefill=Prefill(prefixes=9, lead_s=100))
    outcome = replay(trace(calls), rules, cutover)

    assert outcome.sent.calls == 1
    assert (outcome.sent.written_tokens, outcome.sent.uncached_tokens) == (3 * BLOCK, BLOCK)
    assert outcome.cost.prefill_usd == pytest.approx((3 * BLOCK * 10 + BLOCK * 8) / 1e6)


def test_a_prefill_sends_what_the_version_that_moves_was_asked():
    """Another model is busier, with other blocks."""
    calls = [(10 * n + m, [m + 1]) for n in range(40) for m in (0, 0, 1)]
    frame = trace(calls, model=["other" if path == [1] else "old" for _, path in calls])
    rules = {**SAME, "other": SAME["old"]}
    plan = straight(350, from_model="old", prefill=Prefill(prefixes=1, lead_s=100))
    rows = replay(frame, rules, plan).by_bucket
    new = rows[rows["model"] == "new"]

    assert new["hit_blocks"].sum() == new["blocks"].sum()


def test_one_lifetime_is_the_longest_that_a_prefill_outlives_its_last_touch():
    calls = [(0, [1]), (700, [1])]
    prefill = Prefill(prefixes=1, lead_s=250)

    assert replay(trace(calls), SAME, straight(400, prefill=prefill)).hit_blocks == 0
    assert replay(trace(calls), SAME, straight(500, prefill=prefill)).hit_blocks == 1


@given(numbers=st.lists(st.integers(0, 10**9), min_size=1), share=st.floats(0, 1))
def test_who_moved_at_a_share_has_moved_at_any_larger_one(numbers, share):
    import numpy as np

    number = np.array(numbers)
    few, more = (np.full(len(number), round(s * PARTS)) for s in (share / 2, share))

    assert (keys_moved(number, more) | ~keys_moved(number, few)).all()


@given(share=st.integers(0, 1000), count=st.integers(1, 5000))
def test_the_share_holds_on_any_stretch(share, count):
    import numpy as np

    number, parts = np.arange(count), np.full(count, share * PARTS // 1000)

    assert abs(int(calls_moved(number, parts).sum()) - count * share / 1000) <= 1
    assert abs(int(keys_moved(number, parts).sum()) - count * share / 1000) <= 4 + count * 0.002
    drawn = (count * share / 1000 * (1 - share / 1000)) ** 0.5
    assert abs(int(calls_spread(number, parts).sum()) - count * share / 1000) <= 5 * drawn + 1


def test_a_share_below_one_half_does_not_move_the_only_conversation():
    import numpy as np

    first, later = np.array([0]), np.array([1])
    moves = [share for share in range(0, 1001, 10)
             if keys_moved(first, np.array([share * PARTS // 1000]))[0]]  # fmt: skip

    assert (min(moves), max(moves)) == (510, 1000)
    assert not keys_moved(later, np.array([PARTS // 10]))[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": ((at(10), 0.5),)}, "the last step is 0.5"),
        ({"steps": ((at(700), 0.5), (at(600), 1.0))}, "go back in time"),
        ({"split_by": "user"}, "split_by is 'user'"),
        ({"keep_old_warm": 1.0}, "keep_old_warm is 1"),
        ({"rollback_at": at(5)}, "rollback_at is not after"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(ParamError, match=message):
        straight(600, **wrong)


def test_what_cannot_be_replayed_says_why():
    frame = trace([(0, [1])])
    with pytest.raises(ParamError, match="no rules for new"):
        replay(frame, {"old": Rules()}, straight(10))
    with pytest.raises(ParamError, match="without a zone"):
        Cutover(at=pd.Timestamp("2026-11-02"), to="new")
    with pytest.raises(SchemaError, match="1 of 2 calls have no list"):
        replay(frame.assign(block_ids=[None]).iloc[[0, 0]].assign(block_ids=[[1], None]))
    with pytest.raises(ParamError, match="bucket_s is 0"):
        replay(frame, bucket_s=0)


def test_the_public_names_are_these():
    assert cacheaudit.replay is replay
    assert cacheaudit.Cutover is Cutover
    assert cacheaudit.Rules is Rules
