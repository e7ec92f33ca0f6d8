"""Inventory, gaps and what an ideal cache could read: planted logs, and plain Python beside."""

from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cacheaudit.engine import read_requests
from cacheaudit.errors import ParamError
from cacheaudit.traffic.eligible import Lifetime, eligible
from cacheaudit.traffic.gaps import gaps
from cacheaudit.traffic.inventory import prefixes
from tests.logs import call, log, talk
from tests.planted import START

MODEL = "claude-opus-4-6"
TTL = {MODEL: Lifetime(ttl_s=300)}
EDGES = (10, 300, 3600)


def planted() -> pd.DataFrame:
    """A conversation that pauses for ten minutes, another on its prefix, and a call alone."""
    own: dict[str, Any] = {"prefix_tokens": 800}
    return log(
        talk(0, "a", read=0, written=1000, **own),
        talk(100, "a", **own),
        talk(700, "a", read=0, written=1100, **own),
        talk(710, "b", read=800, **own),
        call(800),
    )


@pytest.mark.slow
def test_the_inventory_of_a_planted_log():
    top, rest = (row for _, row in prefixes(planted(), ttl_s=300).iterrows())

    assert (top["prefix_id"], top["prefixes"], top["prefix_tokens"]) == ("p", 1, 800)
    assert (top["requests"], top["reuses"], top["reuses_within_ttl"]) == (4, 3, 2)
    assert top["input_tokens"] == 1100 + 1100 + 1200 + 900
    assert (top["read_tokens"], top["written_tokens"]) == (1800, 2100)
    assert (top["gap_p50_s"], top["reuse_share"]) == (100, pytest.approx(2 / 3))
    assert (top["first"], top["last"]) == (START, START + pd.Timedelta("710s"))
    assert (rest["requests"], rest["prefixes"], rest["reuses"]) == (1, 0, 0)
    assert pd.isna(rest["prefix_id"])
    assert pd.isna(rest["reuse_share"])


def test_gaps_of_a_planted_log():
    """100 s: all was found. 600 s: nothing. The other conversation's first call follows none."""
    found = gaps(planted(), EDGES)

    assert found[["gap_from_s", "gap_to_s"]].values.tolist() == [[10, 300], [300, 3600]]
    assert found["hits"].tolist() == [1, 0]
    assert found["calls"].tolist() == [1, 1]
    assert found["expected_tokens"].tolist() == [1000, 1000]
    assert found["read_tokens"].tolist() == [1000, 0]


def test_a_gap_of_300_s_is_in_the_band_up_to_300():
    found = gaps(log(*(talk(s, "a") for s in (0, 300, 600.5))), EDGES)

    assert found["gap_to_s"].tolist() == [300, 3600]


def test_what_an_ideal_cache_reads_of_a_planted_log():
    """The second call could read the prompt before (1,100), the fourth the prefix (800)."""
    [hour] = eligible(planted(), TTL).to_dict("records")

    assert (hour["calls"], hour["judged_calls"]) == (5, 5)
    assert hour["input_tokens"] == 1100 + 1100 + 1200 + 900 + 1100
    assert hour["eligible_tokens"] == 1100 + 800
    assert hour["read_of_eligible_tokens"] == 1000 + 800
    assert hour["possible_tokens"] == 1100 + 800 + 1000  # what was read alone was possible, too


@pytest.mark.slow
@pytest.mark.parametrize(("ttl", "could"), [(99, 800), (100, 1900), (600, 3000)])
def test_an_entry_lives_until_the_last_second_of_its_life(ttl, could):
    assert eligible(planted(), {MODEL: Lifetime(ttl_s=ttl)})["eligible_tokens"].tolist() == [could]


@pytest.mark.slow
@pytest.mark.parametrize(("least", "could"), [(800, 1900), (801, 1100), (1101, 0)])
def test_what_is_below_the_minimum_is_not_kept(least, could):
    rules = {MODEL: Lifetime(ttl_s=300, min_tokens=least)}

    assert eligible(planted(), rules)["eligible_tokens"].tolist() == [could]


def test_a_model_without_a_rule_has_no_zero():
    [hour] = eligible(planted(), {"another": Lifetime(ttl_s=300)}).to_dict("records")

    assert hour["read_tokens"] == 2800
    assert all(pd.isna(hour[c]) for c in ("eligible_tokens", "possible_tokens"))


@pytest.mark.slow
def test_what_is_not_reported_is_no_zero():
    silent = {"cache_read_tokens": None, "cache_write_5m_tokens": None}
    frame = log(*(talk(i, "a") | silent for i in range(3)))
    [hour] = eligible(frame, TTL).to_dict("records")
    [row] = prefixes(frame).to_dict("records")

    assert (hour["calls"], hour["judged_calls"]) == (3, 0)
    assert all(pd.isna(hour[c]) for c in ("input_tokens", "read_tokens", "eligible_tokens"))
    assert all(pd.isna(row[c]) for c in ("read_tokens", "written_tokens", "prefix_tokens"))
    assert gaps(frame, EDGES).empty


def test_edges_that_do_not_rise_are_refused():
    for edges in ((), (0, 10), (10, 10)):
        with pytest.raises(ParamError, match="rise from above 0"):
            gaps(planted(), edges)


def drawn(seed: int, n: int = 300) -> pd.DataFrame:
    """Random calls on a few prefixes and models, no two at one time; some report nothing."""
    rng = np.random.default_rng(seed)
    made = []
    for s in rng.choice(40_000, size=n, replace=False):
        one = call(
            float(s),
            model=str(rng.choice(["m", "n"])),
            scope=[None, "x", "y"][rng.integers(3)],
            prefix_id=[None, *"abcdefgh"][rng.integers(9)],
            prefix_tokens=500,
            cache_read_tokens=int(rng.integers(700)) if rng.random() < 0.9 else None,
            cache_write_5m_tokens=int(rng.integers(700)),
        )
        made.append(one)
    return log(*made)


def reference(frame: pd.DataFrame, ttl: float) -> dict[str, dict[Any, Any]]:
    """All three in plain Python, for logs without conversations: one loop in order of time."""
    last: dict[Any, tuple[float, Any]] = {}
    stock: dict[Any, list[float]] = defaultdict(list)
    held: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    could: dict[str, int] = defaultdict(int)
    for one in frame.sort_values("ts").to_dict("records"):
        key = (None if pd.isna(one["scope"]) else one["scope"], one["model"], one["prefix_id"])
        at = (one["ts"] - START).total_seconds()
        read = None if pd.isna(one["cache_read_tokens"]) else int(one["cache_read_tokens"])
        cached = None if read is None else read + one["cache_write_5m_tokens"]
        if pd.isna(one["prefix_id"]):
            continue
        stock[key] += [at]
        if key in last:
            before, expected = last[key]
            gap = at - before
            expected = None if expected is None else min(expected, 500)
            if read is not None and expected:
                band = sum(gap > e for e in EDGES)
                for i, more in enumerate((1, read > 0, expected, min(read, expected))):
                    held[one["model"], band][i] += int(more)
            if read is not None and gap <= ttl:
                could[one["model"]] += min(500, cached + 100)
        last[key] = (at, cached)
    return {"stock": dict(stock), "gaps": dict(held), "could": dict(could)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_all_three_equal_a_loop_over_the_calls(seed):
    frame = drawn(seed)
    want = reference(frame, 300)

    band = {0.0: 0, 10.0: 1, 300.0: 2, 3600.0: 3}
    found = {
        (row["model"], band[row["gap_from_s"]]): [
            row[c] for c in ("calls", "hits", "expected_tokens", "read_tokens")
        ]
        for row in gaps(frame, EDGES).to_dict("records")
    }
    sums = eligible(frame, dict.fromkeys("mn", Lifetime(ttl_s=300))).groupby("model")
    stock = prefixes(frame, ttl_s=300, most=100)
    named = stock[stock["prefix_id"].notna()]

    assert found == want["gaps"]
    assert sums["eligible_tokens"].sum().to_dict() == want["could"]
    assert len(named) == len(want["stock"])
    for row in named.to_dict("records"):
        scope = None if pd.isna(row["scope"]) else row["scope"]
        times = want["stock"][scope, row["model"], row["prefix_id"]]
        distances = np.diff(times)
        assert row["requests"] == len(times)
        assert row["reuses_within_ttl"] == (distances <= 300).sum()
        if len(distances):
            assert row["gap_p50_s"] == pytest.approx(np.quantile(distances, 0.5))


@pytest.mark.slow
@pytest.mark.parametrize("most", [1, 7, 1000])
def test_however_few_prefixes_are_named_the_totals_are_the_logs(most):
    frame = drawn(9)
    stock = prefixes(frame, most=most)
    known = frame.dropna(subset="cache_read_tokens")

    named = stock["prefix_id"].notna()
    assert named.sum() == min(most, int(stock["prefixes"].sum()))
    assert int(stock["prefixes"].sum()) == frame.dropna(subset="prefix_id").groupby(
        ["scope", "model", "prefix_id"], dropna=False
    ).ngroups  # fmt: skip
    assert int(stock["requests"].sum()) == len(frame)
    assert int(stock["read_tokens"].sum()) == int(known["cache_read_tokens"].sum())
    assert int(stock["written_tokens"].sum()) == int(frame["cache_write_5m_tokens"].sum())
    assert stock.loc[named, "stake_tokens"].is_monotonic_decreasing


def test_an_ideal_cache_is_never_below_the_real_one():
    hours = eligible(drawn(5), dict.fromkeys("mn", Lifetime(ttl_s=300)))

    assert (hours["possible_tokens"] >= hours["read_tokens"]).all()
    assert (hours["possible_tokens"] <= hours["input_tokens"]).all()
    assert (hours["read_of_eligible_tokens"] <= hours["eligible_tokens"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["shuffled", "two files"])
def test_neither_order_nor_files_change_anything(tmp_path, kind):
    frame = drawn(7)
    other: Any = frame.sample(frac=1, random_state=1)
    if kind == "two files":
        other.iloc[:100].to_parquet(tmp_path / "a.parquet")
        other.iloc[100:].to_parquet(tmp_path / "b.parquet")
        other = read_requests(tmp_path)
    rules = dict.fromkeys("mn", Lifetime(ttl_s=300))

    for one in (prefixes, gaps, lambda log: eligible(log, rules)):
        pd.testing.assert_frame_equal(one(frame), one(other))
