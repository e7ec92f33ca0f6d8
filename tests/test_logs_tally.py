"""Sums in the terminal: the same numbers as the request table gives, without what makes it slow."""

import gzip
import json
import os
import random
import subprocess
import sys
from dataclasses import asdict
from itertools import permutations, product

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cacheaudit import schema
from cacheaudit.engine import rollup
from cacheaudit.errors import ParamError, SourceError
from cacheaudit.logs.claude_code import READER
from cacheaudit.logs.daily import daily, put, read_once
from cacheaudit.logs.formats import FORMATS
from cacheaudit.logs.loss import Loss
from cacheaudit.logs.reading import calls
from cacheaudit.logs.rows import COUNTS as COLUMNS
from cacheaudit.logs.rows import LABELS, row_of
from cacheaudit.logs.share import shares
from cacheaudit.logs.table import read_log
from cacheaudit.logs.tally import BY, rows_as_text, tally
from cacheaudit.metrics import cache_metrics, overall_metrics

COUNTS = {
    "calls": "requests",
    "uncached_input_tokens": "uncached_tokens",
    "cache_read_tokens": "read_tokens",
    "output_tokens": "output_tokens",
}
RATES = ("hit_rate", "write_share", "uncached_share")


def line(number=0, day=1, hour=12, output=10, model="claude-opus-4-6", split=True, **changes):
    """A line of a transcript with a response of its own; None leaves a count out."""
    told = {
        "input_tokens": 3,
        "cache_read_input_tokens": 900,
        "cache_creation_input_tokens": 97,
        "output_tokens": output,
    } | {k: v for k, v in changes.items() if k.endswith("_tokens")}
    if split:
        told["cache_creation"] = {
            "ephemeral_5m_input_tokens": told["cache_creation_input_tokens"],
            "ephemeral_1h_input_tokens": 0,
        }
    return {
        "type": "assistant",
        "sessionId": "s",
        "timestamp": f"2026-02-{day:02d}T{hour:02d}:00:00.000Z",
        "cwd": changes.get("cwd", "/srv/shop"),
        "message": {"id": f"msg_01{number:024d}", "model": model, "usage": told},
    }


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return path


def many(folder, files=6, lines=40):
    """Transcripts in which the first response of each file is copied into the next."""
    for name in range(files):
        own = [line(name * lines + n, day=1 + n % 3, output=n) for n in range(lines)]
        copied = [line(name * lines - lines, day=9, output=0)] if name else []
        write(folder / f"{name}.jsonl", copied + own)
    return folder


optional = st.none() | st.integers(0, 10**6)
responses = st.builds(
    line,
    number=st.integers(0, 12),
    day=st.integers(1, 3),
    hour=st.integers(0, 23),
    output=optional,
    model=st.sampled_from(["claude-opus-4-6", "claude-haiku-4-5", "gpt-5"]),
    split=st.booleans(),
    input_tokens=optional,
    cache_read_input_tokens=optional,
    cache_creation_input_tokens=st.integers(0, 10**6),
    cwd=st.sampled_from(["/srv/a", "/srv/b", None]),
)


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=st.lists(responses, min_size=1, max_size=25), by=st.sampled_from([1, 2, 3]))
def test_the_sums_are_those_of_the_request_table(tmp_path, lines, by):
    """One test holds the fast way to the slow one: read_log, rollup and cache_metrics."""
    for minute, one in enumerate(lines):  # no two at once: which copy is the first is decided
        one["timestamp"] = one["timestamp"].replace(":00:00.", f":{minute:02d}:00.")
    path = write(tmp_path / "log.jsonl", [*lines, line(99, day=1)])
    names = ["bucket_start", "model", "scope"][:by]
    usage = rollup(read_log(path, max_loss=1).table, "1d")
    slow = cache_metrics(usage, names)
    fast = tally(path, ["day", *names[1:]], max_loss=1)

    assert len(fast.rows) == len(slow)
    for row in fast.rows:
        key = (pd.Timestamp(row.key[0], tz="UTC"), *(k or float("nan") for k in row.key[1:]))
        (at,) = [i for i, index in enumerate(slow.index) if same_key(index, key)]
        same(row, slow.iloc[at])
    same(fast.total, overall_metrics(usage))
    for name in schema.TOKENS:
        total = usage[name].sum(min_count=1)
        assert getattr(fast.total, name) == (None if pd.isna(total) else total)


def same_key(index, key):
    parts = index if isinstance(index, tuple) else (index,)
    return all(a == b or (pd.isna(a) and pd.isna(b)) for a, b in zip(parts, key, strict=True))


def same(row, slow):
    for ours, theirs in COUNTS.items():
        value = getattr(row, ours)
        assert value == slow[theirs] if value is not None else pd.isna(slow[theirs])
    for name in RATES:
        value = getattr(row, name)
        assert pd.isna(slow[name]) if value is None else value == pytest.approx(slow[name])


def test_the_names_are_those_of_the_usage_frame():
    assert [*COLUMNS] == schema.TOKENS
    assert [n for n in schema.LABELS if n != "context_window"] == sorted(
        LABELS, key=schema.LABELS.index
    )


SHARING = """
import json, resource, sys
from cacheaudit.logs.tally import tally
where, processes = sys.argv[1], int(sys.argv[2])
told = tally(where, processes=processes, max_loss=0.1)
children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([told.to_dict(), children > 0]))
"""


def shared(where, processes):
    """(what tally says, whether other processes took part) from a process without threads."""
    done = subprocess.run(
        [sys.executable, "-c", SHARING, str(where), str(processes)], capture_output=True, text=True
    )
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.splitlines()[-1]


@pytest.mark.skipif(sys.platform != "linux", reason="one process elsewhere")
def test_processes_share_the_files_and_say_the_same(tmp_path):
    many(tmp_path)
    long = {"type": "user", "sessionId": "s", "message": {"content": "x" * 9_000_000}}
    bad = {"type": "assistant", "message": {"usage": 1}}
    write(tmp_path / "1.jsonl", [long, *[line(40 + n, output=99) for n in range(40)]])
    write(tmp_path / "9.jsonl", [line(500), bad, long])
    write(tmp_path / "99.jsonl", [long, line(500), bad, line(501)])
    alone, together = shared(tmp_path, 1), shared(tmp_path, 3)

    assert (alone[1], together[1]) == (False, True)
    assert together[0] == alone[0]
    assert alone[0]["total"]["calls"] == 6 * 40 + 2
    assert "247 lines are 242 calls" in alone[0]["notes"][0]
    assert "2 of 249 calls could not be read" in alone[0]["notes"][1]
    assert "2 times, first at 9.jsonl line 2" in alone[0]["notes"][1]


@pytest.mark.skipif(sys.platform != "linux", reason="one process elsewhere")
@pytest.mark.parametrize("name", ["0.jsonl.gz", "9.jsonl.gz"])
def test_a_share_that_cannot_be_read_is_an_error_of_the_whole(tmp_path, name):
    many(tmp_path)
    noise = gzip.compress(random.Random(1).randbytes(9_000_000), 1)
    for middle in ("3.jsonl.gz", "5.jsonl.gz"):
        (tmp_path / middle).write_bytes(noise)
    (tmp_path / name).write_bytes(noise[:-100])

    assert f"{name} stops being gzip" in shared(tmp_path, 3)


def test_a_small_log_is_not_shared_and_a_large_one_in_order(tmp_path):
    paths = [tmp_path / str(n) for n in range(9)]
    for path in paths:
        path.touch()
    assert shares(paths, 8) == [paths]

    for path in paths:
        os.truncate(path, 8_000_000)  # nothing is on the disk
    parts = shares(paths, 4)

    assert [len(share) for share in parts] == [3, 2, 2, 2]
    assert [path for share in parts for path in share] == paths


def test_it_needs_neither_pandas_nor_a_database_nor_another_format(tmp_path):
    write(tmp_path / "a.jsonl", [line()])
    formats = [f"cacheaudit.logs.{name}" for name in FORMATS if name != "claude_code"]
    heavy = ["pandas", "numpy", "pyarrow", "ibis", "duckdb", *formats]
    code = (
        "import sys; from cacheaudit.logs.tally import tally, rows_as_text;"
        f"rows_as_text(tally({str(tmp_path)!r}));"
        f"print(sorted(set({heavy}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_days_are_of_utc_and_rows_in_order(tmp_path):
    late = line(1, day=1, hour=23)
    late["timestamp"] = "2026-02-01T23:30:00-01:00"
    told = tally(write(tmp_path / "a.jsonl", [late, line(2, day=1)]), ["day"])

    assert [row.key for row in told.rows] == [("2026-02-01",), ("2026-02-02",)]


def test_calls_without_an_id_are_all_counted(tmp_path):
    lines = [line(n) for n in range(3)]
    for one in lines:
        del one["message"]["id"]
    told = tally(write(tmp_path / "a.jsonl", lines))

    assert told.total.calls == 3
    assert told.notes == ()


def test_calls_that_failed_are_left_out_as_by_rollup():
    labels, counts = (None,) * len(LABELS), (1,) * len(COLUMNS)
    seen = [(0, 0, None, None, status, 1, labels, counts) for status in (None, 200, 399, 400, 529)]

    assert [calls for calls, _ in daily(seen).values()] == [3]


def test_runs_of_calls_are_summed_by_day_and_labels_whatever_their_order():
    """Days in turns, and the first and the last microsecond of a day."""
    day_us, labels = 86_400_000_000, [(name,) * len(LABELS) for name in "ab"]
    times = [0, day_us - 1, day_us, 0, 2 * day_us - 1, day_us]
    seen = [
        (ts, ts, None, None, None, 1, who, (None, number, *(1,) * (len(COLUMNS) - 2)))
        for number, (who, ts) in enumerate(product(labels, times))
    ]
    days = daily(seen)

    assert {key: calls for key, (calls, _) in days.items()} == dict.fromkeys(
        [(day, who) for day in (0, 1) for who in labels], 3
    )
    for (day, who), (_, counts) in days.items():
        own = [row for row in seen if (row[0] // day_us, row[6]) == (day, who)]
        assert counts[:2] == (None, sum(row[7][1] for row in own))


def test_one_id_in_two_models_is_two_calls_however_they_are_brought_together():
    """Copies of both, in every order, and in parts that are brought together afterwards."""
    rows = [
        (10 * number, 10 * number, "r", None, None, 1, ("anthropic", model), (output,))
        for number, (model, output) in enumerate([("a", 1), ("b", 5), ("b", 2), ("a", 3)])
    ]
    for order in permutations(rows):
        for cut in range(5):
            seen, more = {}, {}
            put(seen, order[:cut])
            put(more, order[cut:])
            put(seen, more.values())
            told = sorted((row[6][1], row[0], row[7]) for row in seen.values())
            assert told == [("a", 0, (3,)), ("b", 10, (5,))]


strange = st.sampled_from(
    [
        b"",
        b'{"type":"assistant","message":{"usage":1}}',
        b'{"type":"assistant","message":{"model":"m","usage":{"input_tokens":1}}',
        b'{"type":"user","message":"text"}',
        b'{"type":5,"torn',
        b"[]",
        b"null",
        b"\xff",
        b'{"a":1}{"b":2}',
        b"[" * 5_000,
        json.dumps([line(90), line(91)]).encode(),
        json.dumps(line(92)).encode() + b"\r" + json.dumps(line(93)).encode(),
        json.dumps({"type": "progress", "data": {"message": line(94)}}).encode(),
        json.dumps(line(95) | {"timestamp": "2026-02-11"}).encode(),
        json.dumps(line(96)).encode()[:-9],
    ]
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(parts=st.lists(strange | responses.map(json.dumps).map(str.encode), min_size=1, max_size=8))
def test_the_plain_way_reads_what_the_general_one_does(tmp_path, parts):
    """Whatever a file holds: the same calls, the same loss and the same error to the letter."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(parts))

    def told(read):
        loss, seen = Loss(), {}
        try:
            put(seen, read(loss))
        except SourceError as error:
            return str(error)
        rows = [(row[0], *row[2:5], *row[6:]) for row in seen.values()]
        return rows, loss.calls, [*loss.reasons.items()], loss.unfinished

    plain = told(lambda loss: read_once([path], READER, loss).values())
    assert plain == told(lambda loss: map(row_of, calls([path], READER, loss)))


def test_of_copies_the_one_with_the_most_output_stays_at_the_first_time(tmp_path):
    copies = [line(1, day=3, output=5), line(1, day=2, output=None), line(1, day=4, output=7)]
    for number, copy in enumerate(copies):
        write(tmp_path / f"{number}.jsonl", [copy])
    (row,) = tally(tmp_path).rows

    assert (row.key[0], row.output_tokens) == ("2026-02-02", 7)


def test_no_input_has_no_rate(tmp_path):
    empty = line(1, input_tokens=0, cache_read_input_tokens=0, cache_creation_input_tokens=0)
    told = tally(write(tmp_path / "a.jsonl", [empty]))

    assert [getattr(told.total, name) for name in RATES] == [None] * 3
    assert told.total.cache_read_tokens == 0


def test_a_loss_is_bounded_and_said(tmp_path):
    lines = [line(n) for n in range(9)] + [line(9) | {"timestamp": None}]
    path = write(tmp_path / "a.jsonl", lines)

    with pytest.raises(SourceError, match="1 of 10 calls could not be read"):
        tally(path)
    assert "1 of 10 calls could not be read" in tally(path, max_loss=0.1).notes[0]


def test_an_unknown_name_is_refused_before_anything_is_read():
    with pytest.raises(ParamError, match="by has 'hour'; expected some of day"):
        tally("nowhere", ["day", "hour"])


def test_the_text_is_aligned_and_ends_in_the_total(tmp_path):
    lines = [line(1), line(2, model="claude-haiku-4-5", cache_read_input_tokens=None, day=2)]
    text = rows_as_text(tally(write(tmp_path / "a.jsonl", lines)))

    assert text.splitlines() == [
        "day         model             calls  uncached  read  written  output  hit rate  written %",
        "2026-02-01  claude-opus-4-6       1         3   900       97      10    90.00%      9.70%",
        "2026-02-02  claude-haiku-4-5      1         3     -       97      10         -          -",
        "all                               2         6   900      194      20    90.00%      9.70%",
    ]


def test_it_is_plain_values_for_json(tmp_path):
    told = tally(write(tmp_path / "a.jsonl", [line()]), BY)
    (row,) = json.loads(json.dumps(told.to_dict()))["rows"]

    assert row["day"] == "2026-02-01"
    assert row["scope"] == "shop"
    assert row["cache_write_30m_tokens"] is None
    assert row["hit_rate"] == pytest.approx(0.9)
    assert asdict(told.total)["calls"] == 1


@pytest.mark.real_data
def test_the_real_transcript_adds_up(real_data):
    told = tally(real_data / "logs" / "claude_code.jsonl.gz")

    assert told.total.calls == 899
    assert told.total.hit_rate == pytest.approx(0.9739, abs=5e-5)
    assert "1824 lines are 899 calls" in told.notes[0]
