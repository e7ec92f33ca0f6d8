"""Usage frames, events and signals on disk."""

import os
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from cacheaudit.errors import EmptyWindow, ParamError, SchemaError, SourceError
from cacheaudit.params import PostmortemParams
from cacheaudit.schema import COUNTS, LABELS, check_usage, empty_usage
from cacheaudit.sources.frame import fetch, read_usage, write_usage
from cacheaudit.sources.tables import read_events, read_signals

ROOT = Path(__file__).parents[1]
HOURS = ROOT.parent / "shared/data/incidents/inc01_arknill_hourly_2026-04.csv"
HEADER = "bucket_start,bucket_end,provider,model,cache_read_tokens\n"
ROW = "2026-03-01T00:00Z,2026-03-01T01:00Z,anthropic,claude-opus-4-6,5\n"

counts = st.none() | st.integers(0, 2**62)
text = st.none() | st.text("abcXYZ-,.\"' éß≤7", min_size=1).map(lambda s: f"x{s}y")


@st.composite
def usage_frames(draw: st.DrawFn) -> pd.DataFrame:
    """Frames of 0 to 5 hours with any labels and counts."""
    n = draw(st.integers(0, 5))
    if not n:
        return empty_usage()
    start = pd.Series(pd.date_range("2026-03-01", periods=n, freq="h", tz="UTC"))
    columns: dict[str, object] = {"bucket_start": start, "bucket_end": start + pd.Timedelta("1h")}
    for label in LABELS:
        values = draw(st.lists(text, min_size=n, max_size=n))
        columns[label] = pd.Series(values, dtype="str")
    for count in COUNTS:
        columns[count] = pd.array(draw(st.lists(counts, min_size=n, max_size=n)), dtype="Int64")
    usd = draw(st.lists(st.none() | st.floats(0, 1e9), min_size=n, max_size=n))
    return check_usage(pd.DataFrame(columns).assign(billed_usd=pd.array(usd, dtype="Float64")))


anything = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.slow
@anything
@given(usage=usage_frames())
def test_parquet_gives_back_what_was_written(usage, tmp_path):
    write_usage(usage, tmp_path / "u.parquet")

    assert_frame_equal(read_usage(tmp_path / "u.parquet"), usage)


@pytest.mark.slow
@anything
@given(usage=usage_frames())
def test_csv_gives_back_what_was_written(usage, tmp_path):
    usage.to_csv(tmp_path / "u.csv", index=False)

    assert_frame_equal(read_usage(tmp_path / "u.csv"), usage)


@pytest.fixture
def csv(tmp_path):
    """Write text to a CSV file and return its path."""

    def write(content: str | bytes, name: str = "u.csv") -> Path:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def test_empty_is_not_reported_and_zero_is_zero(csv):
    rows = "".join(
        f"2026-03-01T0{i}:00Z,2026-03-01T0{i + 1}:00Z,a,m,{v}\n"
        for i, v in enumerate(["", "0", "9007199254740993"])
    )
    read = read_usage(csv(HEADER + rows))["cache_read_tokens"]

    assert read.isna().tolist() == [True, False, False]
    assert read.tolist()[1:] == [0, 9007199254740993]  # 2**53 + 1: no float has it


def test_names_that_look_like_missing_values_stay_names(csv):
    usage = read_usage(csv(HEADER + ROW.replace("claude-opus-4-6", "NA")))

    assert usage["model"].tolist() == ["NA"]


def test_a_byte_order_mark_and_another_zone_are_read(csv):
    row = ROW.replace("T00:00Z", "T02:00+02:00")
    usage = read_usage(csv(b"\xef\xbb\xbf" + (HEADER + row).encode()))

    assert usage["bucket_start"].tolist() == [pd.Timestamp("2026-03-01", tz="UTC")]


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (
            HEADER + ROW.replace("T00:00Z", "T00:00"),
            SchemaError,
            "'2026-03-01T00:00' in row 1.*zone",
        ),
        (HEADER + ROW + ROW.replace("2026-03-01T00:00Z", "2026-03-02"), SchemaError, "row 2"),
        (
            HEADER + ROW.replace("2026-03-01T00:00Z", ""),
            SchemaError,
            "bucket_start is nan in row 1",
        ),
        (HEADER + ROW.replace("03-01T00", "13-01T00"), SchemaError, "no such time"),
        (HEADER + ROW.replace(",5", ",5.5"), SchemaError, "'cache_read_tokens'.*whole counts"),
        (HEADER + ROW.replace(",5", ",1e3"), SchemaError, "'cache_read_tokens'"),
        (HEADER + ROW.replace(",5", ",-5"), SchemaError, "below zero"),
        (HEADER + ROW.replace(",5", ""), SchemaError, "Expected 5 columns, got 4"),
        (HEADER + ROW.replace(",5", ",5,6"), SchemaError, "Expected 5 columns, got 6"),
        (HEADER + ROW + ROW, SchemaError, "u.csv: 1 keys repeat"),
        (HEADER.replace(",model", "") + ROW, SchemaError, r"lacks the columns \['model'\]"),
        (HEADER.replace("cache_read", "cached"), SchemaError, "no token column"),
        (HEADER.replace("model", "provider"), SchemaError, "repeats the columns"),
        (HEADER.replace(",", ";"), SourceError, "comma-separated"),
        ('{"data": []}', SourceError, "is not a usage frame"),
        ("", SourceError, "is empty"),
        (b"PAR1\x00\xff\xfe\x81", SourceError, "not text in UTF-8"),
        (HEADER.encode("utf-16"), SourceError, "not text in UTF-8"),
        (
            HEADER.replace("cache_read_tokens", "output_tokens,billed_usd")
            + ROW.replace(",5", ",5,inf"),
            SchemaError,
            "billed_usd is not finite",
        ),
    ],
)
def test_a_csv_that_cannot_be_read_says_why(csv, content, error, says):
    with pytest.raises(error, match=says):
        read_usage(csv(content))


def test_a_missing_file_and_an_unknown_kind_are_named(csv, tmp_path):
    with pytest.raises(SourceError, match="no file at"):
        read_usage(tmp_path / "none.csv")
    with pytest.raises(SourceError, match="no file at"):
        read_usage(tmp_path)
    with pytest.raises(SourceError, match=r"neither \.csv nor \.parquet"):
        read_usage(csv(HEADER, "u.xlsx"))


def test_a_parquet_file_cut_off_is_named(tmp_path, hours):
    file = tmp_path / "u.parquet"
    write_usage(hours, file)
    file.write_bytes(file.read_bytes()[:-20])

    with pytest.raises(SourceError, match=r"u\.parquet is not readable Parquet"):
        read_usage(file)


def test_parquet_of_another_tool_keeps_large_counts_beside_missing_ones(tmp_path):
    """Plain pandas turns a nullable integer column into floats when the metadata is foreign."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    times = [pd.Timestamp(f"2026-03-01T0{i}", tz="Etc/UTC") for i in range(3)]
    zoned = pa.timestamp("ns", tz="Etc/UTC")
    table = pa.table(
        {
            "bucket_start": pa.array(times[:2], zoned),
            "bucket_end": pa.array(times[1:], zoned),
            "provider": pa.array(["a", "a"]).dictionary_encode(),
            "model": ["m", None],
            "cache_read_tokens": pa.array([2**53 + 1, None], pa.int64()),
            "output_tokens": pa.array([1, 2], pa.int32()),
        }
    )
    pq.write_table(table, tmp_path / "u.parquet")

    usage = read_usage(tmp_path / "u.parquet")

    assert usage["cache_read_tokens"].tolist() == [2**53 + 1, pd.NA]
    assert usage["output_tokens"].tolist() == [1, 2]


def test_parquet_with_naive_times_is_refused(tmp_path, hours):
    naive = hours.assign(bucket_start=hours["bucket_start"].dt.tz_localize(None))
    naive.to_parquet(tmp_path / "u.parquet")

    with pytest.raises(SchemaError, match=r"u\.parquet: bucket_start .*expected datetimes in UTC"):
        read_usage(tmp_path / "u.parquet")


@pytest.fixture
def hours() -> pd.DataFrame:
    """Ten hours from 2026-03-01."""
    start = pd.Series(pd.date_range("2026-03-01", periods=10, freq="h", tz="UTC"))
    return check_usage(
        pd.DataFrame(
            {
                "bucket_start": start,
                "bucket_end": start + pd.Timedelta("1h"),
                "provider": "anthropic",
                "model": "claude-opus-4-6",
                "cache_read_tokens": range(10),
            }
        )
    )


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, hours, monkeypatch):
    file = tmp_path / "u.parquet"
    write_usage(hours, file)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match="No space left on device"):
        write_usage(hours.head(1), file)

    assert len(read_usage(file)) == 10
    assert [p.name for p in tmp_path.iterdir()] == ["u.parquet"]


def test_writing_needs_a_folder_and_the_right_suffix(tmp_path, hours):
    with pytest.raises(SourceError, match="could not be written"):
        write_usage(hours, tmp_path / "none" / "u.parquet")
    with pytest.raises(SourceError, match=r"does not end in \.parquet"):
        write_usage(hours, tmp_path / "u.csv")


@pytest.fixture
def params(tmp_path, hours):
    """Parameters for the ten hours, with any window."""
    write_usage(hours, tmp_path / "u.parquet")
    return lambda **given: PostmortemParams(
        source="frame", path=str(tmp_path / "u.parquet"), **given
    )


def test_without_a_window_the_file_is_the_window(params, hours):
    pull = fetch(params())

    assert_frame_equal(pull.usage, hours)
    assert (pull.start, pull.end) == (hours["bucket_start"].min(), hours["bucket_end"].max())
    assert pull.source == "usage frame u.parquet"
    assert pull.notes == ()


def test_the_window_is_half_open_and_keeps_whole_buckets(params):
    pull = fetch(params(start="2026-03-01T02:00", end="2026-03-01T04:00"))
    cut = fetch(params(start="2026-03-01T02:30", end="2026-03-01T04:30"))

    assert pull.usage["cache_read_tokens"].tolist() == [2, 3]
    assert pull.notes == ()
    assert cut.usage["cache_read_tokens"].tolist() == [3]
    assert cut.notes == (
        "2 rows of u.parquet reach over the edge of the window and were left out.",
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-02", ""),
        ("", "2026-03-01"),
        ("2026-03-01T10:00", "2026-03-02"),
        ("2026-03-01T02:10", "2026-03-01T02:50"),
    ],
)
def test_a_window_without_data_says_what_the_file_spans(params, start, end):
    with pytest.raises(EmptyWindow, match=r"spans 2026-03-01 00:00 to 2026-03-01 10:00"):
        fetch(params(start=start, end=end))


def test_a_window_in_the_future_is_empty(params):
    now = pd.Timestamp("2026-02-01", tz="UTC")

    with pytest.raises(EmptyWindow, match="nothing has happened in it yet"):
        fetch(params(start="2026-03-01"), now=now)


def test_no_path_and_no_rows_are_told(csv):
    with pytest.raises(ParamError, match="path is empty"):
        fetch(PostmortemParams(source="frame"))
    with pytest.raises(EmptyWindow, match="no rows"):
        fetch(PostmortemParams(source="frame", path=str(csv(HEADER))))


def test_events_and_signals_are_read(csv):
    events = read_events(
        csv("at,kind,what\n2026-03-02T00:00Z,model,b\n2026-03-01T00:00Z,client,a\n")
    )
    signals = read_signals(csv("at,name,value,unit\n2026-03-01T00:00Z,p50,1.5,s\n"))

    assert events["what"].tolist() == ["a", "b"]
    assert events["scope"].isna().all()
    assert signals["value"].tolist() == [1.5]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("at,kind,what\n2026-03-01,model,b\n", "zone"),
        ("at,kind,what\n2026-03-01T00:00Z,,b\n", "kind is empty in row 1"),
        ("at,kind,what\n2026-03-01T00:00Z,deploy,b\n", "unknown event kinds"),
        ("at,kind,what,scop\n2026-03-01T00:00Z,model,b,x\n", "unknown columns"),
        ("at,kind\n2026-03-01T00:00Z,model\n", "lacks the columns"),
    ],
)
def test_events_that_cannot_be_read_say_why(csv, content, says):
    with pytest.raises(SchemaError, match=says):
        read_events(csv(content))


def test_a_signal_needs_its_value(csv):
    with pytest.raises(SchemaError, match="lacks the columns"):
        read_signals(csv("at,name\n2026-03-01T00:00Z,p50\n"))
    with pytest.raises(SchemaError, match="value is empty in row 1"):
        read_signals(csv("at,name,value\n2026-03-01T00:00Z,p50,\n"))
    with pytest.raises(SchemaError, match="'value'"):
        read_signals(csv("at,name,value\n2026-03-01T00:00Z,p50,fast\n"))


@pytest.mark.real_data
def test_the_documented_step_reads_the_public_incident_table(tmp_path, monkeypatch):
    """The code block of docs/SOURCES.md, run as printed."""
    if not HOURS.is_file():
        pytest.skip("../shared/data is absent: no public incident table to read")
    (tmp_path / "incident_hourly.csv").write_bytes(HOURS.read_bytes())
    monkeypatch.chdir(tmp_path)
    docs = (ROOT / "docs/SOURCES.md").read_text(encoding="utf-8")
    own_table = docs.split("## Your own table", 1)[1]
    exec(re.search(r"```python\n(.*?)```", own_table, re.S)[1], {})

    usage = read_usage(tmp_path / "usage.csv")

    assert len(usage) == 64
    assert usage["uncached_input_tokens"].isna().all()
    assert usage["requests"].isna().all()
    assert usage["cache_write_5m_tokens"].isna().all()
    source = pd.read_csv(HOURS)
    assert usage["cache_read_tokens"].sum() == source["cache_read"].sum()
    assert usage["cache_write_other_tokens"].sum() == source["cache_creation"].sum()
    assert usage["output_tokens"].sum() == source["output"].sum()
    assert (usage["bucket_end"] - usage["bucket_start"]).unique().tolist() == [pd.Timedelta("1h")]
