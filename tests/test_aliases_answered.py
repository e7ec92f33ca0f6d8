"""Which versions answered to a name: by hand in usage and requests, and the two agree."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheaudit.aliases.answered import Version, answered_by
from cacheaudit.engine import rollup
from cacheaudit.schema import check_usage

START = pd.Timestamp("2026-03-01", tz="UTC")
OLD, NEW = "gpt-5.4-2026-01-01", "gpt-5.4-2026-03-05"


def calls(rows):
    """(hour, provider, asked, model, status) -> a request table."""
    frame = pd.DataFrame(rows, columns=["hour", "provider", "model_requested", "model", "status"])
    ts = START + pd.to_timedelta(frame["hour"], unit="h")
    return frame.assign(ts=ts, prompt_tokens=10, uncached_input_tokens=10).drop(columns="hour")


def test_a_name_that_two_versions_answered_moved_when_the_second_began():
    log = calls([
        (0, "openai", "gpt-5.4", OLD, 200),
        (5, "openai", "gpt-5.4", OLD, 200),
        (6, "openai", "gpt-5.4", NEW, 200),
        (9, "openai", "gpt-5.4", NEW, 200),
    ])  # fmt: skip
    (one,) = answered_by(log).asked
    (move,) = one.moves

    assert (one.provider, one.requested) == ("openai", "gpt-5.4")
    assert one.versions == (
        Version(model=OLD, first=START, last=START + pd.Timedelta("5h"), requests=2),
        Version(
            model=NEW, first=START + pd.Timedelta("6h"), last=START + pd.Timedelta("9h"), requests=2
        ),
    )
    assert (move.before, move.after) == (OLD, NEW)
    assert (move.until, move.since) == (START + pd.Timedelta("5h"), START + pd.Timedelta("6h"))
    assert not move.both


def test_versions_that_answer_at_the_same_time_are_said_to():
    log = calls([
        (0, "azure", "chat", OLD, 200), (2, "azure", "chat", NEW, 200),
        (4, "azure", "chat", OLD, 200),
    ])  # fmt: skip

    assert answered_by(log).moved[0].moves[0].both


def test_a_name_that_is_its_own_version_is_not_told():
    log = calls([(0, "openai", NEW, NEW, 200), (1, "openai", NEW, NEW, 200)])

    assert answered_by(log).asked == ()
    assert answered_by(log).reported


def test_an_alias_with_one_version_is_told_and_has_not_moved():
    log = calls([(0, "anthropic", "claude-haiku-4-5", "claude-haiku-4-5-20251001", 200)])
    found = answered_by(log)

    assert [one.versions[0].model for one in found.asked] == ["claude-haiku-4-5-20251001"]
    assert found.moved == ()


def test_one_version_under_the_names_of_two_sellers_is_no_move():
    log = calls([
        (0, "litellm", "chat", "claude-sonnet-4-5-20250929", 200),
        (1, "litellm", "chat", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 200),
    ])  # fmt: skip
    found = answered_by(log)

    assert found.moved == ()
    assert found.asked[0].versions[0].requests == 2


def test_calls_that_failed_did_not_answer():
    log = calls([(0, "openai", "gpt-5.4", OLD, 200), (1, "openai", "gpt-5.4", NEW, 503)])

    assert answered_by(log).moved == ()


def test_names_of_two_providers_are_two_names():
    log = calls([(0, "azure", "chat", OLD, 200), (1, "litellm", "chat", NEW, 200)])

    assert answered_by(log).moved == ()


def test_rows_that_do_not_say_what_was_asked_for_are_not_reported():
    bare = calls([(0, "openai", None, NEW, 200)])

    assert not answered_by(bare).reported
    assert not answered_by(bare.drop(columns="model_requested")).reported
    assert not answered_by(check_usage(rollup(bare))).reported


def test_usage_without_request_counts_does_not_invent_them():
    usage = rollup(calls([(0, "openai", "gpt-5.4", NEW, 200)])).assign(
        requests=pd.array([pd.NA], dtype="Int64")
    )

    assert answered_by(usage).asked[0].versions[0].requests is None


def test_the_input_is_not_changed():
    usage = rollup(calls([(0, "openai", "gpt-5.4", NEW, 200)]))
    kept = usage.copy(deep=True)
    answered_by(usage)

    pd.testing.assert_frame_equal(usage, kept)


ROW = st.tuples(
    st.integers(0, 72), st.sampled_from(["openai", "azure"]),
    st.sampled_from(["a", "gpt-5.4", None]), st.sampled_from([OLD, NEW]),
    st.sampled_from([200, 200, 429]),
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=20))
def test_usage_and_requests_tell_the_same(rows):
    """An hour of usage starts on the hour, and so does every call here."""
    log = calls(rows)
    if (log["status"] >= 400).all():
        return

    assert answered_by(rollup(log)) == answered_by(log)


def test_a_table_that_is_neither_is_refused():
    with pytest.raises(Exception, match="needs the columns"):
        answered_by(pd.DataFrame({"model": ["x"]}))
