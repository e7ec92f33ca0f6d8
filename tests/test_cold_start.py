"""The cold-start ceiling against an ideal cache: never below what the move cost, and tight."""

import ibis.expr.types as ir
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cacheaudit.cost import cost_of
from cacheaudit.engine import as_table
from cacheaudit.excess.ceiling import Ceiling, ceiling, moves
from tests.cases import case, change, cohort
from tests.cold_worlds import (
    CUT_S,
    Traffic,
    calls_of,
    live_tokens,
    loss_usd,
    table_of,
    usage_of,
)
from tests.planted import OPUS, SONNET

WIDTHS = ["1min", "5min", "1h", "1D"]
BARE = ["prefix_id", "prefix_tokens", "session_id"]


def found(
    table: pd.DataFrame, width: str, ttl_s: int, log: pd.DataFrame | ir.Table | None = None
) -> Ceiling:
    """The ceiling of the one move in *table*, seen in buckets of *width*."""
    usage, span = usage_of(table, width), pd.Timedelta(width)
    old, new = (usage[usage["model"] == name] for name in (SONNET, OPUS))
    start = new["bucket_start"].min()
    moved = change(
        from_model=SONNET,
        to_model=OPUS,
        start=start,
        start_high=start + span,
        end=max(start + span, old["bucket_end"].max()),
    )
    one = case(
        affected=(cohort(change=moved),), changes=(moved,), longest_ttl_s=float(ttl_s), width=span
    )
    (only,) = moves(one, usage)
    return ceiling(only, one, cost_of(usage).book, None if log is None else as_table(log))


traffics = st.builds(
    Traffic,
    seed=st.integers(0, 2**32),
    prefixes=st.integers(1, 8),
    gap=st.sampled_from([0.1, 0.4, 0.9, 3.0]),
    ttl_s=st.sampled_from([300, 3600]),
    how=st.sampled_from(["cut", "by request", "by prefix"]),
    share=st.sampled_from([0.05, 0.5, 0.9]),
    ramp=st.sampled_from([0.3, 2.0, 4.0]),
    talks=st.sampled_from([0, 1, 4]),
)


# Conversations that grow on one version are longer than what the other, still warm, has seen.
TALK = Traffic(seed=1044, prefixes=8, gap=0.4, how="by request", ramp=4.0, talks=4)


def both(calls: pd.DataFrame) -> bool:
    return calls["model"].nunique() == 2


@settings(max_examples=15, deadline=None)
@given(traffics, st.sampled_from(WIDTHS))
def test_usage_alone_is_never_below_the_loss(one, width):
    calls = calls_of(one)
    if both(calls):
        most = found(table_of(calls, one.ttl_s), width, one.ttl_s)

        assert loss_usd(calls, one.ttl_s) <= most.usd + 1e-9
        assert most.prefixes is None


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(traffics, st.sampled_from(WIDTHS), st.sets(st.sampled_from(BARE)))
@example(TALK, "1h", set())
def test_a_log_is_never_below_the_loss_whatever_it_lacks(one, width, lacks):
    calls = calls_of(one)
    if both(calls):
        table = table_of(calls, one.ttl_s)
        most = found(table, width, one.ttl_s, table.drop(columns=sorted(lacks)))

        assert loss_usd(calls, one.ttl_s) <= most.usd + 1e-9
        if "prefix_id" in lacks and most.reason:
            assert most.reason == "the log names no prefix (prefix_id)"


@settings(max_examples=15, deadline=None)
@given(traffics)
def test_nothing_is_lost_later_than_one_lifetime_after_the_last_traffic_moved(one):
    calls = calls_of(one)

    assert loss_usd(calls, one.ttl_s, since=one.stop_s + one.ttl_s) == 0


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(traffics, st.sampled_from(WIDTHS))
def test_after_a_cut_a_log_counts_each_live_prefix_once(one, width):
    """The loss is that of the prefixes used again in time; the ceiling adds the others."""
    one = Traffic(seed=one.seed, prefixes=one.prefixes, gap=one.gap, ttl_s=one.ttl_s,
                  talks=one.talks)  # fmt: skip
    calls = calls_of(one)
    if both(calls):
        table = table_of(calls, one.ttl_s)
        most = found(table, width, one.ttl_s, table)
        premium = (10.0 if one.ttl_s == 3600 else 6.25) - 0.5
        first = calls.loc[calls["at"] >= CUT_S, "at"].min()
        near = calls["at"].between(first - one.ttl_s - 2, first - one.ttl_s + 2) | calls[
            "at"
        ].between(CUT_S - one.ttl_s - 2, first - one.ttl_s + 2)
        again, _ = live_tokens(calls, one.ttl_s, again=True)
        every, prefixes = live_tokens(calls, one.ttl_s, again=False)

        assert loss_usd(calls, one.ttl_s) == pytest.approx(again * premium / 1e6)
        if not near.any():  # a log dates a cut by its first call, to the second
            assert most.usd == pytest.approx(every * premium / 1e6)
            assert most.prefixes == prefixes
            assert most.used_again_usd == pytest.approx(again * premium / 1e6)


def cut_at(*calls: dict[str, object]) -> pd.DataFrame:
    """Calls by hand, in minutes around a cut at 12:00; each holds 1,000 tokens of the prefix p.

    Those on the old version read them, those on the new one write them.
    """
    rows = []
    for call in calls:
        plain = {"model": SONNET, "prefix_id": "p", "prefix_tokens": 1000, "route": "gateway"}
        told = {**plain, **call}
        noon = pd.Timestamp("2026-03-10 12:00", tz="UTC")
        rows.append({
            **told,
            "ts": noon + pd.Timedelta(minutes=float(str(told.pop("at")))),
            "provider": "anthropic",
            "scope": "chat",
            "session_id": None,
            "uncached_input_tokens": 50,
            "cache_read_tokens": 1000 * (told["model"] == SONNET),
            "cache_write_5m_tokens": 1000 * (told["model"] == OPUS),
            "output_tokens": 1,
        })  # fmt: skip
        del rows[-1]["at"]
    return pd.DataFrame(rows)


ONE_USD = 1000 * (6.25 - 0.5) / 1e6  # a write for a read of 1,000 tokens on Opus, 5 minutes


def most(table: pd.DataFrame, log: pd.DataFrame | None = None) -> float:
    """The ceiling of *table* by the minute, in single rewrites of 1,000 tokens."""
    return found(table, "1min", 300, table if log is None else log).usd / ONE_USD


def old(at: float, **changes: object) -> dict[str, object]:
    return {"at": at, **changes}


def new(at: float, **changes: object) -> dict[str, object]:
    return {"at": at, "model": OPUS, **changes}


def test_a_prefix_counts_once_however_often_it_was_read():
    assert most(cut_at(old(-4), old(-3), old(-2), old(-1), new(0), new(1))) == pytest.approx(1)


def test_a_prefix_that_expired_before_the_cut_counts_not():
    assert most(cut_at(old(-7), old(-6, prefix_id="q"), old(-1), new(0))) == pytest.approx(1)


def test_a_prefix_counts_whether_or_not_it_was_used_again():
    table = cut_at(old(-2, prefix_id="q"), old(-1), new(0))

    assert most(table) == pytest.approx(2)


def test_a_use_refreshes():
    table = cut_at(old(-9, prefix_id="q"), old(-4, prefix_id="q"), old(-1), new(0))

    assert most(table) == pytest.approx(2)


def test_parallel_calls_after_the_cut_all_write():
    """The second began before the first had begun to answer, the third did not."""
    slow = {"first_token_ms": 3000.0, "latency_ms": 3000.0}
    table = cut_at(old(-1, **slow), new(0, **slow), new(1 / 30, **slow), new(0.5, **slow))

    assert most(table) == pytest.approx(2)


def test_a_prefix_of_the_others_that_the_moved_use_counts():
    """Another route kept it warm; it pays once the moved route asks for it."""
    table = cut_at(old(-1, prefix_id="q"), old(-1.5, route="batch"), new(0))

    assert most(table[table["route"] == "gateway"], table) == pytest.approx(2)
    others = cut_at(old(-1), old(-1.5, route="batch", prefix_id="q"), new(0))
    assert most(others[others["route"] == "gateway"], others) == pytest.approx(1)


def test_what_the_log_missed_counts_as_without_a_log():
    table = cut_at(old(-4), old(-3), old(-2), old(-1), new(0))

    assert most(table, table.iloc[2:]) == pytest.approx(3, rel=0.01)


def test_a_log_of_another_model_is_no_basis():
    table = cut_at(old(-1), new(0))

    assert found(table, "1min", 300, table.iloc[:1]).reason == (
        "the log has no call on the new version"
    )


def test_back_and_forth_pays_each_time_one_version_forgot():
    """Every 4 minutes, in turn: the old never sees it within 5, but the two together do."""
    table = cut_at(old(-4), new(0), old(4), new(8), old(12), new(16))
    price_old = 1000 * (3.75 - 0.3) / 1e6 / ONE_USD

    assert most(table) == pytest.approx(3 + 2 * price_old)
