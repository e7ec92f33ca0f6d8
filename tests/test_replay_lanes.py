"""Replays of logs that name prefixes and conversations: against blocks, and a clock and a dict."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheaudit.engine import as_table
from cacheaudit.replaying import Prefill, Rules, replay
from cacheaudit.replaying.blocks import served_by
from cacheaudit.replaying.held import held_of
from cacheaudit.replaying.simulate import prepare
from cacheaudit.replaying.trace import trace_of
from tests.replays import at, ending, straight, trace

RATES = {"read_usd_per_mtok": 0.5, "write_usd_per_mtok": 6.25, "uncached_usd_per_mtok": 5.0}
GAPS = st.sampled_from([0.5, 1, 30, 100, 299, 300, 301, 900])  # of one time, order is not logged


@st.composite
def logs(draw: st.DrawFn) -> pd.DataFrame:
    """Calls with a shared prefix of 2,000 tokens or more and conversations that grow."""
    when, rows = 0.0, []
    grown: dict[str, int] = {}
    for gap, prefix, talk in draw(
        st.lists(st.tuples(GAPS, st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=40)
    ):
        when += gap
        session = f"s{prefix}{talk}"
        grown[session] = grown.get(session, 0) + 400
        rows.append(
            (at(when), f"p{prefix}", 2000 + prefix, session, 2000 + prefix + grown[session])
        )
    names = ["ts", "prefix_id", "prefix_tokens", "session_id", "prompt_tokens"]
    frame = pd.DataFrame(rows, columns=names).assign(provider="anthropic", model="old")
    return frame.assign(ts=pd.to_datetime(frame["ts"], utc=True).dt.as_unit("us"))


def counted(frame: pd.DataFrame, rules: dict[str, Rules], served: list[str]) -> list[int]:
    """Tokens that each call reads, one call at a time."""
    prefixes: dict[tuple[str, str], tuple[float, float]] = {}
    talks: dict[tuple[str, str], tuple[float, int]] = {}
    found = []
    rows = frame[["ts", "prefix_id", "prefix_tokens", "session_id", "prompt_tokens"]]
    for (ts, prefix, head, talk, prompt), model in zip(rows.itertuples(index=False), served,
                                                       strict=True):  # fmt: skip
        rule, when = rules[model], ts.timestamp()
        used, begun = prefixes.get((model, prefix), (float("-inf"), when))
        alive = when - used <= rule.ttl_s
        begun = begun if alive else when
        tokens = head if alive and when - begun >= rule.ready_s else 0
        last, left = talks.get((model, talk), (float("-inf"), 0))
        tokens = max(tokens, left if when - last <= rule.ttl_s else 0)
        prefixes[model, prefix], talks[model, talk] = (when, begun), (when, prompt)
        tokens -= tokens % rule.block_tokens
        found.append(0 if tokens < rule.min_tokens or prompt < rule.min_tokens else tokens)
    return found


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    frame=logs(),
    cutover=ending(),
    least=st.sampled_from([0, 2001, 2500]),
    ready_s=st.sampled_from([0.0, 2.0]),
    block=st.sampled_from([1, 128]),
)
def test_a_replay_is_a_log_walked_call_by_call(frame, cutover, least, ready_s, block):
    rules = {
        "old": Rules(ttl_s=300),
        "new": Rules(ttl_s=300, min_tokens=least, ready_s=ready_s, block_tokens=block),
    }
    stand_in = frame.assign(block_ids=[[int(name[1:])] for name in frame["prefix_id"]])
    served = list(served_by(trace_of(stand_in), cutover))  # splits are the same arithmetic
    outcome = replay(frame, rules, cutover, bucket_s=1)

    expected = counted(frame, rules, served)
    assert outcome.hit_tokens == sum(expected)
    by_model = outcome.by_bucket.groupby("model")["hit_tokens"].sum().to_dict()
    assert by_model == pd.Series(expected).groupby(served).sum().to_dict()


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(frame=logs(), cutover=ending())
def test_after_one_lifetime_it_is_as_if_nothing_had_moved(frame, cutover):
    same = {"old": Rules(ttl_s=300), "new": Rules(ttl_s=300)}
    forgotten = cutover.at + pd.Timedelta(seconds=300)

    def late(outcome):
        rows = outcome.by_bucket
        rows = rows[rows["bucket_start"] > forgotten]
        return rows.drop(columns="model").reset_index(drop=True)

    moved, still = replay(frame, same, cutover, bucket_s=1), replay(frame, same, bucket_s=1)
    pd.testing.assert_frame_equal(late(moved), late(still))


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(
    uses=st.lists(st.tuples(GAPS, st.integers(0, 3)), min_size=1, max_size=40),
    cutover=ending(),
    lead_s=st.none() | st.sampled_from([200.0, 900.0]),
)
def test_prefixes_alone_are_blocks_of_one(uses, cutover, lead_s):
    """Two implementations that share no code: a window on an engine, and arrays."""
    when, calls = 0.0, []
    for gap, name in uses:
        when += gap
        calls.append((when, [name]))
    blocks = trace(calls)
    plan = cutover if lead_s is None else replace(
        cutover, prefill=Prefill(prefixes=9, lead_s=lead_s)
    )  # fmt: skip
    prefixes = blocks.drop(columns="block_ids").assign(
        prefix_id=[str(path[0]) for _, path in calls], prefix_tokens=512, prompt_tokens=512
    )
    rules = {
        "old": Rules(block_tokens=512, **RATES),
        "new": Rules(block_tokens=512, ttl_s=600, **RATES),
    }
    if plan.split_by == "session":
        plan = replace(plan, split_by="request")
    one, other = replay(blocks, rules, plan), replay(prefixes, rules, plan)

    hidden = ["blocks", "hit_blocks"]
    pd.testing.assert_frame_equal(
        one.by_bucket.drop(columns=hidden), other.by_bucket.drop(columns=hidden)
    )
    assert one.cost.total_usd == pytest.approx(other.cost.total_usd)
    assert (one.sent.read_tokens, one.sent.written_tokens) == (
        other.sent.read_tokens,
        other.sent.written_tokens,
    )


HELD_RULES = [
    {"old": Rules(**RATES), "new": Rules(**RATES)},
    {
        "old": Rules(ready_s=5, **RATES),
        "new": Rules(ready_s=7, min_tokens=900, block_tokens=128, token_ratio=1.2, **RATES),
    },
]
HELD_PLANS = {
    "none": None,
    "straight": straight(1500, from_model="old"),
    **{
        f"{split} {prefixes} {back}": straight(
            1500, split_by=split, steps=((at(600), 0.2), (at(1500), 1.0)),
            prefill=Prefill(prefixes=prefixes) if prefixes else None,
            rollback_at=at(back) if back else None, keep_old_warm=0.1 if back else 0.0,
        )
        for split, prefixes, back in [
            ("session", 5, 0), ("session", 0, 2500), ("new_session", 0, 2500), ("prefix", 3, 0),
            ("request", 5, 0), ("request", 0, 2500), ("new_session", 5, 0),
            ("spread", 0, 2500),
        ]
    },
}  # fmt: skip


def mixed() -> pd.DataFrame:
    """An hour of calls with and without prefix and conversation, in two scopes, on two models."""
    rows = [
        {
            "ts": at(n * 1.2),
            "prefix_id": None if n % 17 == 0 else f"p{n * n % 11}",
            "session_id": None if n % 13 == 0 else f"s{n * 7 % 160}",
            "scope": f"w{n % 2}",
            "request_id": f"r{n}",
            "prefix_tokens": 600 + 100 * (n * n % 11),
            "prompt_tokens": 2000 + n,
            "model": "other" if n % 19 == 0 else "old",
        }
        for n in range(3000)
    ]
    made = pd.DataFrame(rows).assign(provider="anthropic")
    return made.assign(ts=pd.to_datetime(made["ts"], utc=True).dt.as_unit("us"))


@pytest.mark.slow
@pytest.mark.parametrize("dropped", [[], ["prefix_tokens"], ["session_id"], ["prefix_id", "scope"]])
@pytest.mark.parametrize("rules", HELD_RULES)
def test_a_log_in_memory_is_the_log_on_an_engine(rules, dropped):
    lanes = prepare(mixed().drop(columns=dropped))
    held = held_of(lanes)

    for name, plan in HELD_PLANS.items():
        given = {**rules, "other": rules["old"]}
        there, here = replay(lanes, given, plan), replay(held, given, plan)
        pd.testing.assert_frame_equal(there.by_bucket, here.by_bucket, obj=name)
        assert there.sent == here.sent, name


def log(*rows: tuple[float, dict[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame([fields for _, fields in rows])
    ts = pd.to_datetime([at(when) for when, _ in rows], utc=True).as_unit("us")
    return frame.assign(ts=ts, provider="anthropic", model="old")


def test_what_is_marked_is_what_was_read_and_written():
    """Input behind the last mark is never cached: it stays uncached on any version."""
    classes = {"cache_read_tokens": 0, "cache_write_5m_tokens": 900, "uncached_input_tokens": 100}
    outcome = replay(log(*[(n * 60.0, {"prefix_id": "p", **classes}) for n in range(3)]), Rules())

    assert outcome.hit_tokens == 1800
    assert outcome.by_bucket["uncached_tokens"].sum() == 300


def test_a_call_without_counts_is_told():
    counts = [10, None, 10]
    rows = [(n * 200.0, {"prefix_id": "p", "prompt_tokens": one}) for n, one in enumerate(counts)]
    outcome = replay(log(*rows), Rules())

    assert (outcome.prompt_tokens, outcome.hit_tokens) == (20, 0)
    assert outcome.to_dict()["unmeasured_requests"] == 1


def test_calls_that_failed_leave_nothing_behind():
    rows = [(0.0, {"prefix_id": "p", "prompt_tokens": 10, "status": 529}),
            (9.0, {"prefix_id": "p", "prompt_tokens": 10, "status": 200})]  # fmt: skip

    assert replay(log(*rows), Rules()).hit_tokens == 0


def test_scopes_do_not_share():
    rows = [
        (n * 10.0, {"prefix_id": "p", "prompt_tokens": 10, "scope": f"w{n % 2}"}) for n in range(4)
    ]

    assert replay(log(*rows), Rules()).hit_tokens == 20


def test_a_log_is_prepared_once():
    frame = log(*[(n * 10.0, {"prefix_id": "p", "prompt_tokens": 10}) for n in range(4)])
    lanes = prepare(frame)

    assert prepare(lanes) is lanes
    assert replay(lanes, Rules()).to_dict() == replay(frame, Rules()).to_dict()


def test_a_filtered_log_is_what_is_left_of_it():
    """Ibis forgets, behind a filter, which columns a log never had; the calls have not."""
    rows = [(n * 10.0, {"prefix_id": "p", "prompt_tokens": 10}) for n in range(6)]
    frame = log(*rows).assign(session_id=None, model=["old", "old", "other"] * 2)
    table = as_table(frame)

    assert replay(table.filter(table.model == "old"), Rules()).hit_tokens == 30
    assert replay(frame[frame["model"] == "old"], Rules()).hit_tokens == 30


def test_a_log_without_calls_has_no_hits():
    table = as_table(log((0.0, {"prefix_id": "p", "prompt_tokens": 10})))
    nothing = table.filter(table.model == "another")

    assert replay(nothing, Rules()).requests == 0
    assert replay(nothing, Rules(), straight(10)).hit_rate is None


def test_a_version_without_a_price_has_hits_and_no_cost():
    frame = log(*[(n * 10.0, {"prefix_id": "p", "prompt_tokens": 10}) for n in range(4)])
    outcome = replay(frame, {"old": Rules(**RATES), "new": Rules()}, straight(15))

    assert outcome.cost is None
    assert outcome.hit_tokens == 20


def prefixes(calls: int, *, every_s: float = 15.0, count: int = 10, tokens: int = 5000):
    """*count* prefixes in turn, one call every *every_s*."""
    return log(
        *[
            (
                n * every_s,
                {
                    "prefix_id": f"p{n % count}",
                    "prefix_tokens": tokens,
                    "prompt_tokens": tokens + 100,
                    "cache_read_tokens": tokens,
                    "cache_write_5m_tokens": 0,
                    "uncached_input_tokens": 100,
                },
            )
            for n in range(calls)
        ]
    )


@pytest.mark.parametrize("hold", [prepare, lambda frame: held_of(prepare(frame))])
def test_a_prefill_below_the_minimum_is_billed_as_any_input(hold):
    rules = {"old": Rules(**RATES), "new": Rules(min_tokens=4096, **RATES)}
    cutover = straight(1500, prefill=Prefill(prefixes=3, lead_s=500))
    short = replay(hold(prefixes(200, tokens=2600)), rules, cutover)
    long = replay(hold(prefixes(200, tokens=5000)), rules, cutover)

    assert short.sent.calls == 3 * 3
    assert short.sent.uncached_tokens == 9 * 2600
    assert short.cost.prefill_usd == pytest.approx(9 * 2600 * 5.0 / 1e6)
    assert (long.sent.uncached_tokens, long.sent.written_tokens) == (0, 3 * 5000)


@pytest.mark.parametrize("talks", [{}, {"session_id": None}, {"session_id": "s"}])
@pytest.mark.parametrize("hold", [prepare, lambda frame: held_of(prepare(frame))])
def test_a_prefix_that_grew_reads_what_its_last_use_left(hold, talks):
    """One id of several lengths: 1,000 tokens, then 5,000, then 2,000."""
    rows = [
        (n * 10.0, {"prefix_id": "p", "prefix_tokens": head, "prompt_tokens": 9000, **talks})
        for n, head in enumerate([1000, 5000, 2000])
    ]
    alone = log(*rows)
    if talks.get("session_id"):
        alone = alone.assign(session_id=["a", "b", "c"])
    found = replay(hold(alone), Rules(), bucket_s=1).by_bucket["hit_tokens"]

    assert found.tolist() == [0, 1000, 2000]


def test_a_call_of_which_only_reads_are_logged_is_unmeasured():
    rows = [(n * 10.0, {"session_id": "a", "cache_read_tokens": 500}) for n in range(3)]
    whole = [(n * 10.0, {"session_id": "a", "cache_read_tokens": 500, "uncached_input_tokens": 9})
             for n in range(3)]  # fmt: skip

    assert replay(log(*rows), Rules()).to_dict()["unmeasured_requests"] == 3
    assert replay(log(*whole), Rules()).to_dict()["unmeasured_requests"] == 0


def test_calls_that_are_spread_cost_what_drawn_ones_do():
    """Ten prefixes in turn: every tenth call is always the same prefix, which then stays warm."""
    held = held_of(prepare(prefixes(4 * 60 * 7)))
    ramp = straight(18_000, split_by="request", steps=((at(3600), 0.1), (at(18_000), 1.0)))
    same = {"old": Rules(**RATES), "new": Rules(**RATES)}
    still = replay(held, same).cost.total_usd
    ahead, rng = held.at_ms < at(3600).timestamp() * 1000, np.random.default_rng(7)
    behind = held.at_ms >= at(18_000).timestamp() * 1000
    drawn = []
    for _ in range(20):
        moved = (behind | (rng.random(len(ahead)) < 0.1)) & ~ahead
        there = replace(held, model=np.where(moved, "new", held.model))
        drawn.append(replay(there, same).cost.total_usd - still)
    spread = replay(held, same, replace(ramp, split_by="spread")).cost.excess_usd

    assert abs(spread - np.mean(drawn)) < 3 * np.std(drawn)
    assert replay(held, same, ramp).cost.excess_usd < np.mean(drawn) / 3
