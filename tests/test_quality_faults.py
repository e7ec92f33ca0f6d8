"""Faults of one usage frame: planted ones are found, honest traffic is not accused."""

import numpy as np
import pandas as pd
import pytest

from cacheaudit.history import hourly, planted_migration
from cacheaudit.metrics import rollup
from cacheaudit.quality import check_quality
from cacheaudit.schema import CACHE_WRITE, COUNTS, check_usage
from tests.planted import OPUS, START, Stream, at, stream, usage_of

DAYS, T = 14, 8.6
SINCE = at(T).floor("h")
SEEDS = range(2)
GRAVE = ("unfit", "blind")


def conversations(**settings: object) -> Stream:
    return stream(prefixes=40, per_hour=9, prefix_tokens=9000, tail_tokens=40, **settings)


def two(**settings: object) -> list[Stream]:
    """Two cohorts that differ in length and hit rate."""
    return [stream(**settings), stream(scope="b", prefixes=20, per_hour=15, prefix_tokens=5200)]


HONEST = {
    "quiet": lambda: two(),
    "one cohort": lambda: [stream()],
    "markers dropped": lambda: [s.then(T, marked=False) for s in two()],
    "below minimum": lambda: [stream().then(T, model=OPUS, floor=4096)],
    "all below minimum": lambda: [s.then(T, model=OPUS, floor=8192) for s in two()],
    "volatile": lambda: [s.then(T, volatile=0.8) for s in two()],
    "wholly volatile": lambda: [s.then(T, volatile=1.0) for s in two()],
    "ttl shortened": lambda: [
        stream(ttl_s=3600, prefixes=80, per_hour=6).then(T, ttl_s=300), stream(scope="b")
    ],
    "ttl lengthened": lambda: [stream(prefixes=80, per_hour=6).then(T, ttl_s=3600)],
    "volume x2": lambda: [stream().then(T, volume=2)],
    "volume x3": lambda: [s.then(T, volume=3) for s in two()],
    "volume x0.5": lambda: [s.then(T, volume=0.5) for s in two()],
    "evicted": lambda: [s.then(T, evicted=0.4) for s in two()],
    "all evicted": lambda: [s.then(T, evicted=1.0) for s in two()],
    "release": lambda: [s.then(T, edition=1) for s in two()],
    "migration": lambda: [s.then(T, model=OPUS) for s in two()],
    "canary": lambda: [stream().then(T, canary=(OPUS, 1024, 0.2)), stream(scope="b")],
    "context growth": lambda: [s.then(T, prefix_tokens=7000, tail_tokens=900) for s in two()],
    "tail as long as the prefix": lambda: [stream().then(T, tail_tokens=2720)],
    "shorter prompts": lambda: [s.then(T, prefix_tokens=1500, tail_tokens=150) for s in two()],
    "prefix removed": lambda: [stream().then(T, prefix_tokens=0, marked=False)],
    "caching introduced": lambda: [stream(marked=False).then(T, marked=True)],
    "output growth": lambda: [s.then(T, output_tokens=600) for s in two()],
    "few requests": lambda: [stream(prefixes=2, per_hour=3), conversations(scope="c")],
    "cohort vanishes": lambda: [stream(), stream(scope="b").then(T, volume=0.0)],
    "key replaced": lambda: [
        stream(route="old").then(T, volume=0.0), stream(route="new", volume=0.0).then(T, volume=1.0)
    ],
}  # fmt: skip


def ids(frame, *, grave=False):
    notes = check_quality(frame)
    return {n.id for n in notes if not grave or n.severity in GRAVE}


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", HONEST)
def test_honest_traffic_is_never_unfit(name, seed):
    assert ids(usage_of(HONEST[name](), days=DAYS, seed=seed), grave=True) == set()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("width", ["1h", "1D"])
def test_the_planted_history_has_no_note(seed, width):
    minutes = planted_migration(seed=seed)
    frame = hourly(minutes) if width == "1h" else days_of(minutes)

    assert ids(frame) == set()


@pytest.mark.parametrize("width", ["1D", "10min"])
@pytest.mark.parametrize("name", ["markers dropped", "wholly volatile", "all evicted", "volume x2"])
def test_honest_traffic_is_never_unfit_in_other_buckets(name, width):
    assert ids(usage_of(HONEST[name](), days=DAYS, width=width), grave=True) == set()


@pytest.fixture(scope="module", params=SEEDS)
def frame(request):
    return usage_of(two(), days=DAYS, seed=request.param)


def corrupted(frame: pd.DataFrame, since: pd.Timestamp = SINCE, **columns) -> pd.DataFrame:
    """*frame* with columns as given by functions of it, from *since* on."""
    late = frame["bucket_start"] >= since
    return check_usage(
        frame.assign(**{c: frame[c].mask(late, f(frame)) for c, f in columns.items()})
    )


def zero(frame):
    return pd.Series(0, index=frame.index, dtype="Int64")


def gone(frame):
    return pd.Series(pd.NA, index=frame.index, dtype="Int64")


def days_of(frame: pd.DataFrame) -> pd.DataFrame:
    return rollup(frame, pd.Timedelta("1D"))


def notes(frame):
    return {n.id: n for n in check_quality(frame)}


@pytest.mark.parametrize("daily", [False, True])
def test_reads_that_vanish_while_the_input_collapses_are_unfit(frame, daily):
    bad = corrupted(frame, at(8), cache_read_tokens=zero)
    note = notes(days_of(bad) if daily else bad)["reads_vanished"]

    assert note.severity == "unfit"
    assert "from 2026-03-10 00:00 UTC on" in note.text
    assert "2 large cohorts" in note.text


def test_reads_that_come_back_leave_a_gap(frame):
    bad = corrupted(frame, cache_read_tokens=zero)
    bad = corrupted(bad, SINCE + pd.Timedelta("40h"), cache_read_tokens=lambda _: original(frame))

    note = notes(bad)["reads_vanished"]

    assert note.severity == "unfit"
    assert "from 2026-03-10 14:00 UTC to 2026-03-12 06:00 UTC" in note.text


def original(frame):
    return frame["cache_read_tokens"]


def test_a_parser_that_was_mended_shows_the_gap_first(frame):
    bad = frame.assign(
        cache_read_tokens=frame["cache_read_tokens"].mask(frame["bucket_start"] < SINCE, 0)
    )

    assert notes(check_usage(bad))["reads_vanished"].severity == "unfit"


def test_reads_and_writes_that_vanish_together_are_unfit(frame):
    lost = {"cache_read_tokens": zero, "cache_write_5m_tokens": zero}

    assert notes(corrupted(frame, **lost))["fields_lost"].severity == "unfit"


def test_one_cohort_alone_may_have_lost_its_prefix(frame):
    one = frame[frame["scope"] == "b"]
    lost = {"cache_read_tokens": zero, "cache_write_5m_tokens": zero}

    assert notes(corrupted(one, **lost))["fields_lost"].severity == "note"


def test_reads_that_are_no_longer_reported_hide_an_incident(frame):
    note = notes(corrupted(frame, cache_read_tokens=gone))["reads_vanished"]

    assert note.severity == "blind"
    assert "Not reported is not 0" in note.text


def test_requests_that_are_not_reported_do_not_hide_the_lost_field(frame):
    bad = corrupted(frame, cache_read_tokens=zero).drop(columns="requests")

    assert "reads_vanished" in ids(check_usage(bad))


def test_reads_that_vanish_for_some_hours_prove_nothing(frame):
    bad = corrupted(frame, at(DAYS - 0.5), cache_read_tokens=zero)

    assert ids(bad) == set()


@pytest.mark.parametrize(
    ("day", "change"),
    [(4.6, {"volatile": 0.3}), (4.6, {"volume": 2}), (T, {"volume": 2}), (T, {"edition": 1})],
)
def test_an_incident_before_or_with_the_fault_does_not_hide_it(change, day):
    frame = usage_of([s.then(day, **change) for s in two()], days=DAYS)
    both = frame["uncached_input_tokens"] + frame["cache_read_tokens"]

    assert notes(corrupted(frame, cache_read_tokens=zero))["reads_vanished"].severity == "unfit"
    bad = corrupted(frame, uncached_input_tokens=lambda _: both)
    assert notes(bad)["inclusive_input"].severity == "unfit"


@pytest.mark.parametrize("how", [zero, gone])
def test_writes_that_vanish_while_reads_go_on_are_told(frame, how):
    lost = dict.fromkeys(CACHE_WRITE, how)
    note = notes(corrupted(frame, **lost))["writes_vanished"]

    assert note.severity == "blind"
    assert "from 2026-03-10 14:00 UTC on" in note.text


def test_a_provider_that_reports_no_writes_has_lost_none(frame):
    assert "writes_vanished" not in ids(check_usage(frame.drop(columns=CACHE_WRITE)))


def test_uncached_that_holds_the_reads_from_a_bucket_on_is_unfit(frame):
    both = lambda f: f["uncached_input_tokens"] + f["cache_read_tokens"]  # noqa: E731
    note = notes(corrupted(frame, uncached_input_tokens=both))["inclusive_input"]

    assert note.severity == "unfit"
    assert "At 2026-03-10 14:00 UTC" in note.text


def test_prompts_that_grow_by_as_much_as_is_read_are_only_told():
    """The tail is as long as the prefix that is read, and does not move with it."""
    frame = usage_of([stream().then(T, tail_tokens=200 + 2490)], days=DAYS)
    found = notes(frame)

    assert found.get("inclusive_input") is None or found["inclusive_input"].severity == "note"


@pytest.mark.parametrize("factor", [2, 3])
def test_rows_that_count_k_times_are_told(frame, factor):
    times = {c: lambda f, c=c: f[c] * factor for c in COUNTS}
    note = notes(corrupted(frame, **times))["looks_doubled"]

    assert note.severity == "note"
    assert f"multiple of {factor}" in note.text
    assert "From 2026-03-10 14:00 UTC" in note.text


def test_a_window_that_is_doubled_throughout_is_told(frame):
    assert "looks_doubled" in ids(corrupted(frame, START, **{
        c: lambda f, c=c: f[c] * 2 for c in COUNTS
    }))  # fmt: skip


def test_k_times_within_some_per_cent_is_told():
    """Most calls are logged twice, a few once: no common factor, and still twice."""
    busy = usage_of([stream(per_hour=180, rhythm=0.0)], days=DAYS)
    nearly = {c: lambda f, c=c: (f[c] * 1.99).astype("float64").round() for c in COUNTS}

    assert "became 2 times" in notes(corrupted(busy, at(8), **nearly))["looks_doubled"].text


@pytest.mark.parametrize("column", ["route", "scope", "model"])
def test_a_total_beside_its_parts_is_unfit(frame, column):
    wide = frame.assign(**({"scope": "b", "route": "r"} | {column: frame["scope"]}))
    keys = [c for c in wide.columns if c not in [*COUNTS, "billed_usd", column]]
    total = wide.groupby(keys, dropna=False)[COUNTS].sum(min_count=1).reset_index()
    note = notes(check_usage(pd.concat([wide, total], ignore_index=True)))["total_beside_parts"]

    assert note.severity == "unfit"
    assert f"without a {column}" in note.text


def test_the_same_rows_under_two_names_are_unfit(frame):
    twin = frame.assign(model="claude-sonnet-4-5")
    both = check_usage(pd.concat([frame, twin], ignore_index=True))

    assert "50.0\u00a0%" in notes(both)["total_beside_parts"].text


@pytest.mark.parametrize("how", [zero, gone])
def test_requests_that_vanish_are_told(frame, how):
    assert "requests_lost" in ids(corrupted(frame, requests=how))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"requests": 0}, "0 requests"),
        ({"cache_read_tokens": 30_000_000_000}, "input tokens per request"),
        ({"cache_read_tokens": 0, "cache_write_5m_tokens": 0, "cache_write_1h_tokens": 0,
          "uncached_input_tokens": 0}, "without any input"),
    ],
)  # fmt: skip
def test_impossible_rows_are_counted(frame, change, words):
    some = np.arange(len(frame)) % 9 == 0
    bad = frame.assign(**{c: frame[c].mask(some, v) for c, v in change.items()})
    note = notes(check_usage(bad))["impossible_values"]

    assert note.severity == "note"
    assert words in note.text
    assert f"{some.sum()} rows" in note.text


def test_the_order_of_rows_does_not_matter(frame):
    bad = corrupted(frame, cache_read_tokens=zero)
    shuffled = bad.sample(frac=1, random_state=1).reset_index(drop=True)

    assert check_quality(shuffled) == check_quality(bad)


def test_another_provider_does_not_hide_the_fault(frame):
    bad = pd.concat([corrupted(frame, cache_read_tokens=zero), frame.assign(provider="bedrock")])

    assert "of anthropic" in notes(check_usage(bad))["reads_vanished"].text
