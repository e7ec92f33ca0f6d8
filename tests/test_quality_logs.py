"""A request log against the provider's usage: what each fault of a log looks like."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheaudit.metrics import rollup
from cacheaudit.quality import reconcile
from cacheaudit.schema import CACHE_WRITE, COUNTS, check_usage
from tests.planted import OPUS, at, stream, usage_of

DAYS = 10
SINCE = at(6)
DAY = pd.Timedelta("1D")


@pytest.fixture(scope="module", params=range(2))
def usage(request):
    streams = [stream(), stream(scope="b", model=OPUS, prefixes=20, per_hour=15)]
    return usage_of(streams, days=DAYS, seed=request.param)


def changed(usage, since=None, **columns):
    late = usage["bucket_start"] >= (usage["bucket_start"].min() if since is None else since)
    return check_usage(
        usage.assign(**{c: usage[c].mask(late, value) for c, value in columns.items()})
    )


def scaled(usage, factor, seed=0):
    """Each call kept with a chance of *factor*, or repeated *factor* times on average."""
    rng = np.random.default_rng(seed)
    n = usage["requests"].to_numpy(float)
    kept = rng.binomial(n.astype(int), factor) / n if factor < 1 else np.full(len(n), factor)
    return check_usage(
        usage.assign(**{
            c: (usage[c].astype("float64") * kept).round().astype("Int64") for c in COUNTS
        })
    )  # fmt: skip


def found(log, usage):
    notes = reconcile(log, usage)
    assert all(n.about == "log" for n in notes)
    return {n.id: n for n in notes}


def test_a_log_that_agrees_has_no_note(usage):
    assert reconcile(usage, usage) == ()
    assert reconcile(usage, rollup(usage, DAY)) == ()
    assert reconcile(rollup(usage, DAY), usage) == ()


def test_the_log_may_name_models_without_their_date_and_split_by_route(usage):
    half = {c: usage[c] // 2 for c in COUNTS}
    rest = {c: usage[c] - half[c] for c in COUNTS}
    log = pd.concat([usage.assign(route="a", **half), usage.assign(route="b", **rest)])
    log["model"] = log["model"].str.removesuffix("-20250929")

    assert reconcile(check_usage(log), usage) == ()


def test_one_per_cent_is_rounding(usage):
    assert found(scaled(usage, 0.99), usage).keys() <= {"log_incomplete"}
    assert "unfit" not in {n.severity for n in reconcile(scaled(usage, 0.99), usage)}


@pytest.mark.parametrize(
    ("kept", "name", "severity"),
    [(0.9, "log_incomplete", "note"), (0.7, "log_unfit", "unfit")],
)
def test_rows_that_are_missing_are_counted(usage, kept, name, severity):
    note = found(scaled(usage, kept), usage)[name]

    assert note.severity == severity
    assert f"{100 * (1 - kept):.0f}." in note.text.split("misses ")[1]
    assert "from 2026-03-02 to 2026-03-11" in note.text


def test_a_day_that_is_missing_is_named(usage):
    day = (usage["bucket_start"] >= at(4)) & (usage["bucket_start"] < at(4.5))

    assert "on 2026-03-06" in found(check_usage(usage[~day]), usage)["log_incomplete"].text


@pytest.mark.parametrize(("factor", "severity"), [(1.1, "note"), (2, "unfit"), (3, "unfit")])
def test_repeated_rows_are_quoted_as_a_ratio(usage, factor, severity):
    note = found(scaled(usage, factor), usage)["log_doubled"]

    assert note.severity == severity
    assert f"{factor:.2f}x" in note.text
    assert (f"counts {factor} times" in note.text) == (factor >= 2)


def test_reads_that_the_log_lost_from_a_day_on(usage):
    note = found(changed(usage, SINCE, cache_read_tokens=0), usage)["log_fields_lost"]

    assert note.severity == "unfit"
    assert "no cache reads from 2026-03-08 to 2026-03-11" in note.text


@pytest.mark.parametrize(
    ("column", "words", "severity"),
    [
        ("cache_read_tokens", "cache reads", "unfit"),
        ("uncached_input_tokens", "uncached input", "unfit"),
        ("output_tokens", "output", "note"),
        ("requests", "requests", "note"),
    ],
)
@pytest.mark.parametrize("value", [0, pd.NA])
def test_a_class_that_the_log_never_has_is_named(usage, column, words, severity, value):
    notes = found(changed(usage, **{column: value}), usage)
    note = notes["log_field_renamed"]

    assert set(notes) == {"log_field_renamed"}
    assert note.severity == ("note" if value is pd.NA else severity)
    assert f"{'no' if value is pd.NA else 'exactly 0'} {words} " in note.text


def test_writes_that_the_log_never_has_are_named(usage):
    notes = found(changed(usage, **dict.fromkeys(CACHE_WRITE, 0)), usage)

    assert "cache writes" in notes["log_field_renamed"].text


@pytest.mark.parametrize("kept", [1, 0.9])
@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize("since", [None, SINCE])
def test_an_inclusive_total_read_as_the_rest(usage, kept, writes, since):
    log = scaled(usage, kept)
    whole = log["uncached_input_tokens"] + log["cache_read_tokens"]
    if writes:
        whole += log[CACHE_WRITE].fillna(0).sum(axis=1)
    note = found(changed(log, since, uncached_input_tokens=whole), usage)["log_inclusive"]

    assert note.severity == "unfit"
    assert f"subtract the reads{' and writes' if writes else ''}." in note.text
    assert ("from 2026-03-08" in note.text) == (since is not None)


def test_inclusive_and_without_reads_is_both(usage):
    """What an OpenAI total looks like to a parser that knows no cached tokens."""
    whole = usage["uncached_input_tokens"] + usage["cache_read_tokens"]
    log = changed(usage, uncached_input_tokens=whole, cache_read_tokens=0)

    assert set(found(log, usage)) == {"log_field_renamed", "log_inclusive"}


def test_a_model_outside_the_log_is_told(usage):
    log = usage[usage["model"] == OPUS]
    note = found(check_usage(log), usage)["log_coverage"]

    assert "claude-sonnet-4-5" in note.text
    assert note.severity == "note"


def test_a_shorter_log_is_compared_where_it_has_days(usage):
    assert reconcile(check_usage(usage[usage["bucket_start"] >= at(3.5)]), usage) == ()
    assert reconcile(check_usage(usage[usage["bucket_start"] >= at(3.5)]), rollup(usage, DAY)) == ()


def test_nothing_in_common_cannot_be_used(usage):
    log = usage.assign(model="another")

    assert found(check_usage(log), usage)["log_no_overlap"].severity == "unfit"


def test_one_class_in_another_ratio_is_told(usage):
    log = changed(usage, output_tokens=usage["output_tokens"] * 3)

    assert "output 3.00x" in found(log, usage)["log_class_differs"].text


counts = st.one_of(st.none(), st.integers(0, 5000))


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from("ab"), *[counts] * 5), min_size=1,
                unique_by=lambda r: r[:2]), st.randoms())  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_what_is_equal_has_no_note_in_any_order(rows, random):
    names = ["requests", "uncached_input_tokens", "cache_read_tokens", "cache_write_5m_tokens"]
    frame = pd.DataFrame(rows, columns=["hour", "model", *names, "output_tokens"])
    frame["bucket_start"] = at(0) + pd.to_timedelta(frame.pop("hour"), unit="h")
    frame["bucket_end"] = frame["bucket_start"] + pd.Timedelta("1h")
    usage = check_usage(frame.assign(provider="p"))
    order = list(range(len(usage)))
    random.shuffle(order)
    notes = reconcile(usage, usage.iloc[order].reset_index(drop=True))

    assert {n.id for n in notes} <= {"log_no_overlap"}  # rows without any token
    assert notes == () or not (usage[COUNTS].fillna(0) > 0).any(axis=None)
