"""The tables of a request log: a few calls of which every gap and every token is known."""

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cacheaudit.engine import as_table, read_requests
from cacheaudit.traffic import LogFacts, Window, log_facts
from cacheaudit.traffic.calls import GAPS, calls
from tests.logs import CUT, END, call, log, talk
from tests.planted import START

BEFORE = Window(start=START, end=CUT, cohorts=())
AFTER = Window(start=CUT, end=END, cohorts=())
NEVER = Window(start=END, end=END + pd.Timedelta("1D"), cohorts=())
LATER = (CUT - START).total_seconds()  # the second at which AFTER begins
SOON, SHORT, LONG, LONGEST = GAPS


def beside(*made: dict[str, Any], writes_reported: bool = True) -> pd.DataFrame:
    """The calls of a log beside the one before each, in order of time."""
    table = calls(as_table(log(*made)), writes_reported=writes_reported)
    return table.order_by("ts").to_pandas().reset_index(drop=True)


def facts(*made: dict[str, Any], **windows: Window) -> LogFacts:
    return log_facts(log(*made), windows.get("before", BEFORE), windows.get("after", NEVER))


def only_pair(found: LogFacts) -> pd.Series:
    """The one group of calls that followed another."""
    assert len(found.pairs) == 1
    return found.pairs.iloc[0]


def test_a_call_follows_the_last_one_of_its_conversation():
    """Two conversations in turn, on one prefix: each finds its own, not its neighbour's."""
    found = beside(
        talk(0, "a", read=0, written=1000),
        talk(10, "b", read=0, written=3000),
        talk(20, "a", written=500),
        talk(30, "b", read=3000),
    )

    assert found["expected"].isna().tolist() == [True, True, False, False]
    assert found["expected"].tolist()[2:] == [1000, 3000]
    assert found["lane"].tolist() == ["sa", "sb", "sa", "sb"]


def test_a_conversation_of_one_call_follows_the_last_one_of_its_prefix():
    found = beside(
        talk(0, "a", written=1000, prefix_tokens=900), talk(10, "b", read=900, prefix_tokens=900)
    )

    assert found["lane"].tolist() == ["pp", "pp"]
    assert found["expected"].tolist()[1] == 900


def test_a_call_without_conversation_or_prefix_follows_none():
    found = beside(call(0), call(10), call(20))

    assert found["expected"].isna().all()
    assert found["where"].isna().all()


@pytest.mark.slow
def test_providers_do_not_share_a_thread():
    found = beside(talk(0, "a"), talk(10, "a", provider="openai"))

    assert found["expected"].isna().all()


BORDERS = {
    0: SOON,
    59: SOON,
    60: SHORT,
    300: SHORT,
    301: LONG,
    3600: LONG,
    3601: LONGEST,
}


def seconds_of_each(cases: list[dict[str, Any]]) -> pd.DataFrame:
    """The second call of a conversation per case, after a plain one ten seconds earlier."""
    made = [talk(0, f"c{i:02}", **one.pop("first", {})) for i, one in enumerate(cases)]
    made += [talk(**{"at_s": 10, "session": f"c{i:02}", **one}) for i, one in enumerate(cases)]
    found = beside(*made).sort_values(["lane", "ts"])
    return found.groupby("lane").tail(1).reset_index(drop=True)


def flags(column: pd.Series) -> list[bool | None]:
    return [None if pd.isna(v) else bool(v) for v in column]


def test_gaps_are_banded_at_a_minute_and_the_lifetimes():
    """An entry of 300 s still lives at 300 s."""
    found = seconds_of_each([{"at_s": s} for s in BORDERS])

    assert found["gap"].tolist() == list(BORDERS.values())
    assert found["entry_gap"].tolist() == list(BORDERS.values())


def test_where_the_thread_was_last_used_is_not_when_its_entry_was():
    """Old, new, old: the third call finds its entry after 20 s, and the thread after 10."""
    found = beside(
        talk(0, "a", read=0, written=1000),
        talk(40, "a", model="claude-opus-4-7", read=0, written=1000),
        talk(80, "a", read=1000),
    )

    assert found["where"].tolist()[1:] == ["version", "version"]
    assert found["gap"].tolist()[1:] == [SOON, SOON]
    assert found["entry_gap"].isna().tolist() == [True, True, False]
    assert found["entry_gap"][2] == SHORT
    assert found["expected"].tolist()[1:] == [1000, 1000]


def test_where_tells_another_version_from_another_scope():
    cases = [
        ({}, "here"),
        ({"route": "other"}, "here"),
        ({"scope": "eu"}, "scope"),
        ({"scope": None}, "scope"),
        ({"model": "claude-opus-4-7"}, "version"),
        ({"model": "claude-opus-4-7", "scope": "eu"}, "version"),
    ]
    found = seconds_of_each([changes for changes, _ in cases])

    assert found["where"].tolist() == [expected for _, expected in cases]
    assert (found["expected"] == 1000).all()


def test_a_call_can_hope_for_what_the_last_one_read_and_wrote():
    found = beside(talk(0, "a", read=700, written=200), talk(10, "a"))

    assert found["held"][0] == 900
    assert found["expected"][1] == 900


def test_only_the_shared_prefix_can_be_hoped_for_on_a_prefix():
    lengths = {"p": 600, "q": None, "r": 9000}
    made = [
        call(s + i, prefix_id=p, prefix_tokens=n, cache_read_tokens=1500)
        for i, (p, n) in enumerate(lengths.items())
        for s in (0, 10)
    ]

    assert beside(*made)["expected"].tolist()[3:] == [600, 1500, 1500]


def test_a_conversation_can_hope_for_more_than_its_prefix():
    made = [talk(s, "a", read=1500, prefix_tokens=600) for s in (0, 10)]

    assert beside(*made)["expected"][1] == 1500


def test_where_writes_are_not_reported_the_last_prompt_may_have_been_kept():
    made = [talk(s, "a", read=700, cache_write_5m_tokens=None) for s in (0, 10)]

    assert beside(*made, writes_reported=False)["expected"][1] == 800  # 100 of it uncached
    assert only_pair(facts(*made))["expected"] == 800


def test_one_reported_write_anywhere_makes_writes_reported():
    made = [talk(s, "a", read=700, cache_write_5m_tokens=None) for s in (0, 10)]

    pair = only_pair(facts(*made, call(20, cache_write_5m_tokens=0)))

    assert pair["expected"] == 700


def test_a_call_overlaps_until_the_last_one_begins_to_answer():
    cases = [
        ({"first_token_ms": 5000.0}, 4, True),
        ({"first_token_ms": 5000.0}, 5, False),
        ({"latency_ms": 5000.0}, 4, True),
        ({"latency_ms": 5000.0}, 5, False),
        ({"first_token_ms": 1000.0, "latency_ms": 9000.0}, 4, False),
        ({}, 4, None),
    ]
    found = seconds_of_each([{"first": first, "at_s": s} for first, s, _ in cases])

    assert flags(found["overlaps"]) == [expected for _, _, expected in cases]


SAME = [
    ("place_same", "region"),
    ("place_same", "endpoint"),
    ("place_same", "route"),
    ("tools_same", "tools_hash"),
    ("head_same", "system_hash"),
    ("settings_same", "service_tier"),
    ("settings_same", "speed"),
    ("process_same", "process_id"),
]


def test_what_was_the_same_as_in_the_last_call():
    """Equal, different, and not logged: never the same, nor different."""
    blank = {"route": None, "prefix_id": None}
    values = [("x", "x"), ("x", "y"), (None, None), (None, "x")]
    cases = [
        {"first": {**blank, label: was}, **blank, label: now}
        for _, label in SAME
        for was, now in values
    ]
    found = seconds_of_each(cases)

    for i, (column, _) in enumerate(SAME):
        own = found.iloc[len(values) * i : len(values) * (i + 1)]
        assert flags(own[column]) == [True, False, None, None]
        for other in {c for c, _ in SAME} - {column}:
            assert flags(own[other]) == [None] * len(values)


def test_the_prefix_stands_in_for_a_system_prompt_that_is_not_logged():
    """Not hashed: the prefix is the head. Hashed, and equal: the head is the same."""
    found = seconds_of_each([
        {"prefix_id": "q"},
        {"first": {"system_hash": "h"}, "prefix_id": "q", "system_hash": "h"},
    ])  # fmt: skip

    assert flags(found["head_same"]) == [False, True]


def test_sameness_is_against_the_last_call_on_the_same_entry():
    """The call between went to another version with other tools; its entry is not this one's."""
    found = beside(
        talk(0, "a", tools_hash="x"),
        talk(10, "a", tools_hash="y", model="claude-opus-4-7"),
        talk(20, "a", tools_hash="x"),
    )

    assert found["tools_same"][2]


def test_a_failed_call_leaves_nothing_to_hope_for():
    found = beside(
        talk(0, "a", read=0, written=700), talk(10, "a", status=529, written=5000), talk(20, "a")
    )

    assert len(found) == 2
    assert found["expected"][1] == 700
    assert found["gap"][1] == SOON


def test_calls_outside_the_windows_are_predecessors_and_nothing_else():
    found = facts(talk(-10, "a", read=0, written=700), talk(20, "a"), talk(LATER + 5, "a"))

    assert found.counts["calls"].tolist() == [1]
    assert found.counts["followed"].tolist() == [1]
    assert only_pair(found)["expected"] == 700


def test_a_window_is_half_open():
    ends = [talk(LATER - 1, "a"), talk(LATER, "b"), talk(LATER + 864_000, "c")]
    found = facts(*ends, after=AFTER).counts.set_index("period")["calls"]

    assert found.to_dict() == {"before": 1, "after": 1}


def test_what_was_lost_and_kept_adds_up():
    """Of 1,000 hoped for, each: all read, a half (a hit), one token less (missed), none, more."""
    made = [
        talk(0, "a", read=1000),
        *(talk(10 + i, "a", read=read, written=1000 - min(read, 1000))
          for i, read in enumerate((1000, 500, 499, 0, 2000))),
    ]  # fmt: skip
    pair = only_pair(facts(*made))

    assert pair["calls"] == 5
    assert pair["expected"] == 5000
    assert pair["kept"] == 1000 + 500 + 499 + 0 + 1000
    assert (pair["missed"], pair["partial"], pair["read_at_miss"]) == (2, 1, 499)


LABELS = [("chat", "gateway"), (None, "gateway"), (None, None), ("chat", None)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cohorts", "expected"),
    [((), 0b1111), ((("chat", "gateway"), (None, None)), 0b0101), (((None, "gateway"),), 0b0010)],
)
def test_a_cohort_without_a_label_is_not_any_cohort(cohorts, expected):
    """Of the n-th pair of LABELS there are 2 to the power n calls."""
    made = [
        call(i, scope=scope, route=route)
        for n, (scope, route) in enumerate(LABELS)
        for i in range(2**n)
    ]
    own = Window(start=START, end=CUT, cohorts=cohorts)

    assert int(facts(*made, before=own).counts["calls"].sum()) == expected


@pytest.mark.slow
def test_a_thread_goes_on_through_other_cohorts():
    """What a call in this workspace lost, it may have left in another."""
    own = Window(start=START, end=CUT, cohorts=(("eu", "gateway"),))
    found = facts(talk(0, "a", read=0, written=700), talk(10, "a", scope="eu"), before=own)

    assert only_pair(found)["where"] == "scope"
    assert only_pair(found)["expected"] == 700


def test_turns_are_as_logged_or_else_in_order():
    """A conversation that is logged from its third turn on; two that tell no turns."""
    logged = [talk(0, "a", turn_index=3), talk(10, "a", turn_index=60)]
    counted = [talk(20, "b"), talk(0, "b", read=0), talk(10, "c")]
    found = facts(*logged, *counted, call(0)).turns.set_index("turn")

    assert found["calls"].to_dict() == {0: 2, 1: 1, 3: 1, 40: 1}
    assert found.loc[0, "prompt"] == 100 + 1100


@pytest.mark.slow
def test_counts_are_of_distinct_ids_and_of_prefixes_that_are_new():
    """Prefix p was there before AFTER, q is of it; r1 is repeated, and one call has no id."""
    found = facts(
        talk(0, "a", request_id="r0"),
        talk(LATER + 1, "b", request_id="r1"),
        talk(LATER + 2, "c", request_id="r1", prefix_id="q"),
        talk(LATER + 3, "c", prefix_id="q"),
        call(LATER + 4, request_id="r2"),
        after=AFTER,
    ).counts.set_index("period")

    assert found.loc["after"].to_dict() == {
        "calls": 4,
        "with_id": 3,
        "request_ids": 2,
        "conversations": 2,
        "prefixes": 2,
        "followed": 2,
        "with_prefix": 3,
        "new_prefix": 2,
    }
    assert found.loc["before", "new_prefix"] == 1


def test_reasons_are_counted_in_the_words_of_the_provider():
    made = [call(i, cache_miss_reason=r) for i, r in enumerate(["tools_changed", None, "other"])]
    found = facts(*made, call(9, cache_miss_reason="tools_changed")).reasons

    assert found.set_index("reason")["calls"].to_dict() == {"tools_changed": 2, "other": 1}


def test_prefixes_are_numbered_by_use_and_no_hash_leaves_the_log():
    secret = ["deadbeef01", "cafebabe02"]
    label = {"system_hash": "feedface03", "tools_hash": "f00dfeed04"}
    made = [talk(i, f"secret{i}", prefix_id=secret[i > 1], **label) for i in range(6)]
    found = facts(*made)

    assert found.prefixes.set_index("prefix")["calls"].to_dict() == {0: 4, 1: 2}
    for field in fields(found):
        text = getattr(found, field.name).to_string()
        assert not any(s in text for s in [*secret, *label.values(), "secret"])


def test_rare_prefixes_are_one():
    made = [call(i, prefix_id=f"p{i % 103}") for i in range(206)]
    found = facts(*made).prefixes.set_index("prefix")["calls"]

    assert len(found) == 101
    assert found[-1] == 6


def test_lengths_reads_and_served_names_by_model():
    found = facts(
        call(0, cache_read_tokens=1000, model_requested="opus", marker_sent=True),
        call(1, cache_read_tokens=0, model_requested="opus", marker_sent=False),
        call(2, cache_read_tokens=1000, model_requested="opus", marker_sent=True),
    )
    served = found.served.set_index("marker_sent")

    assert found.reads[["read", "calls"]].to_numpy().tolist() == [[1000, 2]]
    assert found.lengths[["calls", "cached", "p50"]].to_numpy().tolist() == [[3, 2, 1100]]
    assert found.cached[["length", "calls"]].to_numpy().tolist() == [[960, 2]]  # 15 times 64
    assert served.loc[True, ["calls", "cached"]].tolist() == [2, 2]
    assert served.loc[False, ["calls", "cached"]].tolist() == [1, 0]


def many(seed: int = 3, n: int = 400) -> pd.DataFrame:
    """Calls of a few conversations and prefixes, no two at one time."""
    rng = np.random.default_rng(seed)
    at = rng.choice(int(2 * LATER / 100), size=n, replace=False) * 100.0
    return log(*(
        talk(
            float(s), f"s{rng.integers(40)}", read=int(rng.integers(2000)),
            written=int(rng.integers(500)), prefix_id=f"p{rng.integers(5)}",
            scope=str(rng.choice(["chat", "eu"])), tools_hash=str(rng.choice(["x", "y"])),
            request_id=f"r{i}", latency_ms=float(rng.integers(1, 200_000)),
        )
        for i, s in enumerate(at)
    ))  # fmt: skip


def same(one: LogFacts, other: LogFacts) -> None:
    for field in fields(one):
        left, right = (getattr(side, field.name) for side in (one, other))
        keys = [c for c in left.columns if c not in ("calls", "cached")]
        left, right = (f.sort_values(keys, ignore_index=True) for f in (left, right))
        pd.testing.assert_frame_equal(left, right, obj=field.name)


@pytest.mark.slow
def test_the_order_of_rows_does_not_matter():
    frame = many()
    shuffled = frame.sample(frac=1, random_state=1).reset_index(drop=True)

    same(log_facts(frame, BEFORE, AFTER), log_facts(shuffled, BEFORE, AFTER))


@pytest.mark.slow
def test_calls_at_one_time_have_an_order_of_their_own():
    """Many logs keep whole seconds: what is first among equals must not hang on the storage."""
    frame = many().assign(ts=lambda f: f["ts"].dt.floor("1h"))
    shuffled = frame.sample(frac=1, random_state=1).reset_index(drop=True)

    same(log_facts(frame, BEFORE, AFTER), log_facts(shuffled, BEFORE, AFTER))


@pytest.mark.slow
def test_a_file_tells_what_its_frame_told(tmp_path):
    frame, path = many(), tmp_path / "requests.parquet"
    frame.to_parquet(path)

    same(log_facts(frame, BEFORE, AFTER), log_facts(read_requests(path), BEFORE, AFTER))


def test_every_call_is_counted_once():
    frame = many()
    found = log_facts(frame, BEFORE, AFTER)

    assert int(found.counts["calls"].sum()) == len(frame)
    assert int(found.turns["calls"].sum()) == len(frame)
    assert int(found.prefixes["calls"].sum()) == len(frame)
    assert int(found.lengths["calls"].sum()) == len(frame)
    assert int(found.pairs["calls"].sum()) == int(found.counts["followed"].sum())
    assert (found.pairs["kept"] <= found.pairs["expected"]).all()


@pytest.mark.slow
def test_an_empty_window_gives_empty_tables():
    found = facts(call(0), before=NEVER)

    assert all(getattr(found, f.name).empty for f in fields(found))
