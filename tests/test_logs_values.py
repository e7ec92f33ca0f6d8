"""Counts and moments out of logs: right, or refused with a reason that quotes no text."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.logs.providers import provider_at, provider_named
from cacheaudit.logs.sent import hashed, sent
from cacheaudit.logs.values import MOST, NotUnderstood, moment, number, text, whole

SECRET = "sk-not-to-be-shown"
NOON_US = 1_780_315_200_000_000  # 2026-06-01T12:00Z


@pytest.mark.parametrize(
    ("given", "count"),
    [(0, 0), (12, 12), ("12", 12), ("0", 0), (12.0, 12), (None, None), ("", None), ("007", 7)],
)
def test_a_count_is_whole_or_not_reported(given, count):
    assert whole(given, "x") == count


@pytest.mark.parametrize(
    "wrong",
    [-1, -0.5, 1.5, math.nan, math.inf, -math.inf, True, False, MOST, 10**30, "-1", "1.5", "1e3",
     " 1", "١٢", "twelve", SECRET, [1], {"n": 1}],
)  # fmt: skip
def test_what_is_no_count_is_refused_and_never_0(wrong):
    with pytest.raises(NotUnderstood) as refused:
        whole(wrong, "input_tokens")

    assert "input_tokens" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("wrong", [-1, math.nan, math.inf, True, "fast", 10**400, [1], {}])
def test_what_is_no_duration_is_refused(wrong):
    with pytest.raises(NotUnderstood, match="latency"):
        number(wrong, "latency")


def test_a_number_may_be_text_and_absent():
    assert (number("1.5", "x"), number(0, "x"), number(None, "x"), number("", "x")) == (
        1.5, 0.0, None, None,
    )  # fmt: skip


def test_a_label_is_text_that_says_something():
    assert [text(v) for v in ("a", "", 7, None, True, 1.5, ["a"])] == [
        "a", None, "7", None, None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        ("2026-06-01T12:00:00Z", ""),
        ("2026-06-01T14:00:00+02:00", ""),
        (" 2026-06-01T12:00Z ", ""),
        (1_780_315_200, "s"),
        (1_780_315_200.0, "s"),
        ("1780315200", "s"),
        (1_780_315_200_000, "ms"),
        ("1780315200000000000", "ns"),
        (1_780_315_200_000_000_000, "ns"),
        (datetime(2026, 6, 1, 14, tzinfo=timezone(timedelta(hours=2))), ""),  # as Parquet has it
    ],
)
def test_one_moment_in_all_its_spellings(value, unit):
    assert moment(value, unit=unit) == NOON_US


def test_a_time_without_a_zone_needs_a_format_that_fixes_one():
    with pytest.raises(NotUnderstood, match="no zone"):
        moment("2026-06-01T12:00:00")
    with pytest.raises(NotUnderstood, match="no zone"):
        moment(datetime(2026, 6, 1, 12))  # noqa: DTZ001

    assert moment("2026-06-01T12:00:00", zone="UTC") == NOON_US


@pytest.mark.parametrize(
    ("wrong", "unit"),
    [
        (1_780_315_200_000, "s"),  # milliseconds, called seconds
        (1_780_315_200, "ms"),
        (0, "s"),
        (-5, "ns"),
        (math.nan, "s"),
        (math.inf, "s"),
        (True, "s"),
        (None, "s"),
        ("0001-01-01T00:00:00+14:00", ""),
        ("9999-12-31T23:59:59-14:00", ""),
        ("yesterday", ""),
        (SECRET, ""),
        (1_780_315_200, ""),
        ([1], ""),
    ],
)
def test_what_is_no_moment_is_refused(wrong, unit):
    with pytest.raises(NotUnderstood) as refused:
        moment(wrong, unit=unit)

    assert SECRET not in str(refused.value)


@given(
    st.datetimes(datetime(2010, 1, 1), datetime(2099, 12, 30)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_a_moment_is_the_same_in_every_zone(at, minutes):
    there = at.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=minutes)))
    since = at.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)

    assert moment(there.isoformat()) == since // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("label", "provider"),
    [
        ("aws.bedrock", "bedrock"),
        ("gcp.vertex_ai", "vertex"),
        ("gcp.gemini", "google"),
        ("az.ai.openai", "azure"),
        ("azure.ai.inference", "azure"),
        ("mistral_ai", "mistral"),
        ("openai.responses", "openai"),
        ("google.vertex.chat", "vertex"),
        ("Anthropic", "anthropic"),
        ("my-own.gateway", "my-own.gateway"),
        ("", None),
        (None, None),
        (3, None),
    ],
)
def test_a_provider_by_its_label(label, provider):
    assert provider_named(label) == provider


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("https://api.anthropic.com/v1/messages?beta=true", "anthropic"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "bedrock"),
        ("https://bedrock-mantle.us-east-1.api.aws/anthropic", "bedrock"),
        ("https://europe-west4-aiplatform.googleapis.com/v1", "vertex"),
        ("https://ours.openai.azure.com/openai", "azure"),
        ("https://api.openai.com.evil.example/v1", None),
        ("https://notopenrouter.ai", None),
        ("http://[broken", None),
        ("http://localhost:4000", None),
        (None, None),
    ],
)
def test_a_provider_by_its_address(address, provider):
    assert provider_at(address) == provider


def test_hashes_follow_the_text_and_its_order_but_not_the_markers():
    plain = {"system": [{"type": "text", "text": "be kind"}], "messages": [{"role": "user"}]}
    marked = {
        "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user"}],
    }
    tools = [{"name": "a"}, {"name": "b"}]

    assert sent(plain)["system_hash"] == sent(marked)["system_hash"]
    assert (sent(plain)["marker_sent"], sent(marked)["marker_sent"]) == (False, True)
    assert sent({"tools": tools})["tools_hash"] != sent({"tools": tools[::-1]})["tools_hash"]
    assert "be kind" not in str(sent(plain))
    assert sent({"system": "x", "tools": tools})["prefix_id"] != sent({"system": "x"})["prefix_id"]


def test_a_block_that_is_only_a_marker_changes_no_hash():
    assert hashed([{"text": "x"}, {"cachePoint": {"type": "default"}}]) == hashed([{"text": "x"}])
    assert hashed([{"text": "x"}, {}]) != hashed([{"text": "x"}])


def test_the_system_prompt_of_each_api_is_found():
    openai = {"messages": [{"role": "developer", "content": "x"}, {"role": "user", "content": "y"}]}
    other_turn = {"messages": [openai["messages"][0], {"role": "user", "content": "z"}]}

    assert sent(openai)["system_hash"] == sent(other_turn)["system_hash"]
    for name in ("system", "instructions", "systemInstruction"):
        assert "system_hash" in sent({name: "x"})
    assert "marker_sent" not in sent({"system": "x"})  # no whole request: nothing is known
    assert sent(None) == sent([]) == sent({}) == {}


def test_a_request_that_is_nested_without_end_is_refused():
    deep = inner = {}
    for _ in range(5000):
        inner["system"] = inner = {}

    with pytest.raises(NotUnderstood, match="nested"):
        sent(deep | {"messages": [deep]})
