"""Usage objects: disjoint counts that add up, absent is never 0, and contradictions are refused."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.logs.tokens import Tokens, calls_of, tokens_of
from cacheaudit.logs.values import NotUnderstood

INPUT = ("uncached_input_tokens", "cache_read_tokens", "cache_write_5m_tokens",
         "cache_write_30m_tokens", "cache_write_1h_tokens", "cache_write_12h_tokens",
         "cache_write_other_tokens")  # fmt: skip


def total(tokens: Tokens) -> int:
    """All input of *tokens*, by its own sum."""
    counts = tokens.counts()
    return counts.get("prompt_tokens", 0) or sum(counts.get(name, 0) for name in INPUT)


def anthropic(uncached=8, read=0, w5=0, w1h=0, output=5, flat=None, **more):
    return {
        "input_tokens": uncached,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": w5 + w1h if flat is None else flat,
        "cache_creation": {"ephemeral_5m_input_tokens": w5, "ephemeral_1h_input_tokens": w1h},
        "output_tokens": output,
    } | more


# --- real payloads


@pytest.mark.real_data
def test_every_recorded_usage_object_adds_up_to_the_providers_own_total(real_data):
    lines = (real_data / "responses" / "usage_objects.jsonl").read_text("utf-8").splitlines()
    outcome = Counter()
    for usage in (json.loads(line)["usage"] for line in lines):
        try:
            tokens = tokens_of(usage)
        except NotUnderstood as reason:
            outcome[str(reason)] += 1
            continue
        outcome["read"] += 1
        assert total(tokens) == stated_input(usage)
        stated = usage.get("total_tokens", usage.get("totalTokens", usage.get("totalTokenCount")))
        if stated is not None:
            outcome["with a total"] += 1
            assert total(tokens) + (tokens.output_tokens or 0) == stated
        assert (tokens.cache_read_tokens is None) == (not reads_reported(usage))

    assert outcome == {
        "read": 311,
        "with a total": 234,
        "the usage object has no token count": 9,  # guardrail units
        "there is no usage object": 6,  # null
    }


def stated_input(usage) -> int:
    """All input by the provider's documentation, written down apart from the code."""
    if "promptTokenCount" in usage:
        return usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0)
    if "totalTokenCount" in usage:
        return usage["totalTokenCount"]
    if "tokens" in usage:
        return usage["tokens"]["input_tokens"]
    if "inputTokens" in usage:
        read, write = "cacheReadInputToken", "cacheWriteInputToken"
        return usage["inputTokens"] + sum(
            usage.get(f"{name}s", usage.get(f"{name}Count", 0)) for name in (read, write)
        )
    if "prompt_tokens" in usage:
        return usage["prompt_tokens"]
    if "total_tokens" in usage:
        return usage["input_tokens"]
    return sum(
        usage.get(name) or 0
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )


def reads_reported(usage) -> bool:
    details = next((usage[k] for k in (
        "input_tokens_details", "prompt_tokens_details", "prompt_token_details"
    ) if usage.get(k)), {})  # fmt: skip
    names = ("cache_read_input_tokens", "cacheReadInputTokens", "cacheReadInputTokenCount",
             "cachedContentTokenCount", "prompt_cache_hit_tokens", "num_cached_tokens",
             "cached_tokens")  # fmt: skip
    return details.get("cached_tokens") is not None or any(usage.get(n) is not None for n in names)


@pytest.mark.real_data
def test_every_recorded_advisor_is_a_call_of_its_own(real_data):
    lines = (real_data / "responses" / "usage_objects.jsonl").read_text("utf-8").splitlines()
    beside = Counter()
    for usage in (json.loads(line)["usage"] for line in lines):
        if isinstance(usage, dict) and usage.get("iterations"):
            own, *others = calls_of(usage)
            assert total(own[1]) == stated_input(usage)
            for model, tokens in others:
                beside[model] += total(tokens)

    assert beside == {"claude-opus-4-8": 2518 + 2543, "claude-fable-5": 2564}


# --- each shape, planted

SHAPES = {
    "anthropic": (anthropic(8, 1000, 300, 40), (8, 1000, 340)),
    "anthropic, oldest": ({"input_tokens": 8, "output_tokens": 5}, (8, None, None)),
    "anthropic, flat": (
        {"input_tokens": 8, "cache_read_input_tokens": 1, "cache_creation_input_tokens": 340,
         "output_tokens": 5},
        (8, 1, 340),
    ),
    "chat": (
        {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105,
         "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 30}},
        (6, 64, 30),
    ),
    "chat, details null": (
        {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": None},
        (None, None, None),
    ),
    "assistants": (
        {"prompt_tokens": 100, "completion_tokens": 5,
         "prompt_token_details": {"cached_tokens": 9}},
        (91, 9, None),
    ),
    "responses": (
        {"input_tokens": 15000, "output_tokens": 5, "total_tokens": 15005,
         "input_tokens_details": {"cached_tokens": 12000, "cache_write_tokens": 3000}},
        (0, 12000, 3000),
    ),
    "deepseek": (
        {"prompt_tokens": 100, "completion_tokens": 5, "prompt_cache_hit_tokens": 60,
         "prompt_cache_miss_tokens": 40, "prompt_tokens_details": {"cached_tokens": 60}},
        (40, 60, None),
    ),
    "deepseek, no total": (
        {"completion_tokens": 5, "prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40},
        (40, 60, None),
    ),
    "mistral": (
        {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105, "num_cached_tokens": 0},
        (100, 0, None),
    ),
    "cohere": (
        {"tokens": {"input_tokens": 2935, "output_tokens": 5}, "cached_tokens": 2928,
         "billed_units": {"input_tokens": 2406, "output_tokens": 5}},
        (7, 2928, None),
    ),
    "converse": (
        {"inputTokens": 8, "outputTokens": 5, "totalTokens": 1353, "cacheReadInputTokens": 1000,
         "cacheReadInputTokenCount": 1000, "cacheWriteInputTokens": 340,
         "cacheWriteInputTokenCount": 340},
        (8, 1000, 340),
    ),
    "invocation metrics": (
        {"inputTokenCount": 8, "outputTokenCount": 5, "cacheReadInputTokenCount": 1000,
         "cacheWriteInputTokenCount": 340},
        (8, 1000, 340),
    ),
    "google": (
        {"promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 5,
         "totalTokenCount": 105},
        (40, 60, None),
    ),
    "google, snake case": (
        {"prompt_token_count": 100, "cached_content_token_count": 60, "candidates_token_count": 5},
        (40, 60, None),
    ),
    "litellm": (
        {"prompt_tokens": 100, "completion_tokens": 5, "cache_read_input_tokens": 64,
         "cache_creation_input_tokens": 30,
         "prompt_tokens_details": {"cached_tokens": 64, "cache_creation_tokens": 30}},
        (6, 64, 30),
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_taken_apart(shape):
    usage, (uncached, read, written) = SHAPES[shape]
    tokens = tokens_of(usage)
    writes = [v for k, v in tokens.counts().items() if k.startswith("cache_write_")]

    assert (tokens.uncached_input_tokens, tokens.cache_read_tokens) == (uncached, read)
    assert (sum(writes) if writes else None) == written
    assert tokens.output_tokens == 5


def test_writes_stand_under_their_lifetime():
    split = tokens_of(anthropic(8, 0, 300, 40)).counts()
    ttl = tokens_of(
        {"input_tokens": 100, "output_tokens": 1, "total_tokens": 101, "input_tokens_details": {
            "cached_tokens": 0, "cache_write_tokens": 90,
            "cache_write_tokens_details": {"ttl_30m_tokens": 60, "ttl_12h_tokens": 30}}}
    ).counts()  # fmt: skip
    bedrock = tokens_of(
        {"inputTokens": 1, "outputTokens": 1, "cacheReadInputTokens": 0,
         "cacheWriteInputTokens": 50, "cacheDetails": [
             {"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 30}]}
    ).counts()  # fmt: skip

    assert (split["cache_write_5m_tokens"], split["cache_write_1h_tokens"]) == (300, 40)
    assert (ttl["cache_write_30m_tokens"], ttl["cache_write_12h_tokens"]) == (60, 30)
    assert (bedrock["cache_write_1h_tokens"], bedrock["cache_write_5m_tokens"]) == (20, 30)
    assert not any("cache_write_other_tokens" in c for c in (split, ttl, bedrock))


def test_what_a_flat_count_holds_beyond_its_split_has_an_unknown_lifetime():
    counts = tokens_of(anthropic(8, 0, 300, 40, flat=350)).counts()

    assert counts["cache_write_other_tokens"] == 10
    assert total(tokens_of(anthropic(8, 0, 300, 40, flat=350))) == 358


def test_thinking_that_only_the_total_holds_is_output():
    hidden = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 205}
    google = {"promptTokenCount": 100, "candidatesTokenCount": 5, "thoughtsTokenCount": 95,
              "totalTokenCount": 200}  # fmt: skip

    assert tokens_of(hidden).output_tokens == 105
    assert tokens_of(google).output_tokens == 100
    assert tokens_of({"prompt_tokens": 100, "total_tokens": 100}).output_tokens is None


def test_a_total_without_its_parts_is_only_a_total():
    counts = tokens_of({"prompt_tokens": 100, "completion_tokens": 5}).counts()

    assert counts == {"prompt_tokens": 100, "output_tokens": 5}


@pytest.mark.parametrize(
    ("usage", "why"),
    [
        (None, "no usage object"),
        ([], "no usage object"),
        ({}, "no token count"),
        ({"input_tokens": None, "output_tokens": None}, "no token count"),
        ({"topicPolicyUnits": 1}, "no token count"),
        ({"input_tokens": -1, "output_tokens": 5}, "-1"),
        ({"input_tokens": "many", "output_tokens": 5}, "whole count"),
        ({"input_tokens": float("nan"), "output_tokens": 5}, "whole count"),
        ({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 11}}, "of 10 in all"),
        ({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 6,
                                                         "cache_write_tokens": 5}}, "of 10 in all"),
        ({"prompt_tokens": 10, "prompt_tokens_details": 3}, "expected an object"),
        ({"prompt_tokens": 10, "prompt_cache_hit_tokens": 5, "prompt_cache_miss_tokens": 4}, "hit"),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 14}, "exceed"),
        ({"inputTokens": 1, "cacheReadInputTokens": 5, "cacheReadInputTokenCount": 6}, "two names"),
        ({"inputTokens": 1, "cacheDetails": [{"ttl": "2h", "inputTokens": 5}]}, "lifetime"),
        ({"inputTokens": 1, "cacheDetails": [{"ttl": ["5m"], "inputTokens": 5}]}, "lifetime"),
        ({"inputTokens": 1, "cacheDetails": 7}, "lifetime"),
        (anthropic(8, 0, 300, 40, flat=100), "by lifetime of 100"),
        (anthropic(iterations=[7]), "iterations"),
        (anthropic(iterations={"a": 1}), "iterations"),
    ],
)  # fmt: skip
def test_contradictions_are_refused(usage, why):
    with pytest.raises(NotUnderstood, match=why):
        list(calls_of(usage))


# --- iterations


def part(kind, model=None, **counts):
    return (
        anthropic(**{"uncached": 0, "output": 0, **counts})
        | {"type": kind}
        | ({"model": model} if model else {})
    )


@pytest.mark.parametrize("none", [None, [], "absent"])
def test_no_iterations_are_no_calls(none):
    usage = anthropic(8, 1000, 300)
    if none != "absent":
        usage["iterations"] = none

    assert list(calls_of(usage)) == [(None, tokens_of(usage))]


def test_a_compaction_that_wrote_under_zeros_is_billed():
    usage = anthropic(229, 0, output=20) | {
        "iterations": [
            part("compaction", uncached=3, w5=55_096, output=900),
            part("message", uncached=229, output=20),
        ]
    }
    ((model, tokens),) = calls_of(usage)

    assert model is None
    assert tokens.cache_write_5m_tokens == 55_096
    assert (tokens.uncached_input_tokens, tokens.output_tokens) == (232, 920)


def test_an_advisor_is_billed_beside_the_response_under_its_own_model():
    usage = anthropic(2390, output=121) | {
        "iterations": [
            part("message", uncached=1128, output=110),
            part("advisor_message", "claude-opus-4-8", uncached=2518, read=7, output=22),
            part("advisor_message", "claude-opus-4-8", uncached=10, output=1),
            part("message", uncached=1262, output=11),
        ]
    }
    own, advisor = calls_of(usage)

    assert own == (None, tokens_of(usage))
    assert advisor[0] == "claude-opus-4-8"
    assert (advisor[1].uncached_input_tokens, advisor[1].cache_read_tokens) == (2528, 7)


def test_an_iteration_that_names_the_models_own_name_is_not_billed_twice():
    usage = anthropic(100, output=9) | {
        "iterations": [
            part("message", "claude-opus-5", uncached=60, output=4),
            part("message", "claude-opus-5", uncached=40, output=5),
        ]
    }

    assert list(calls_of(usage)) == [(None, tokens_of(usage))]


@pytest.mark.parametrize(("top", "billed"), [(50, [None, "claude-fable-5"]), (150, [None])])
def test_an_attempt_that_a_fallback_replaced_is_billed_once(top, billed):
    usage = anthropic(top, output=9) | {
        "iterations": [
            part("message", "claude-fable-5", uncached=100),
            part("fallback_message", "claude-opus-5", uncached=50, output=9),
        ]
    }
    found = list(calls_of(usage))

    assert [model for model, _ in found] == billed
    assert sum(total(tokens) for _, tokens in found) == 150


# --- round trips

counts = st.integers(0, 2**40)
maybe = st.none() | counts


def drop(usage):
    return {k: v for k, v in usage.items() if v is not None}


@given(counts, maybe, maybe, maybe, maybe)
def test_anthropic_there_and_back(uncached, read, w5, w1h, output):
    tokens = tokens_of(drop({
        "input_tokens": uncached, "cache_read_input_tokens": read, "output_tokens": output,
        "cache_creation": drop(
            {"ephemeral_5m_input_tokens": w5, "ephemeral_1h_input_tokens": w1h}),
    }))  # fmt: skip

    assert tokens.counts() == drop({
        "uncached_input_tokens": uncached, "cache_read_tokens": read, "output_tokens": output,
        "cache_write_5m_tokens": w5, "cache_write_1h_tokens": w1h,
    })  # fmt: skip


@given(counts, counts, st.integers(1, 2**40), counts, maybe)
def test_openai_responses_there_and_back(uncached, read, w30, w12, output):
    tokens = tokens_of(drop({
        "input_tokens": uncached + read + w30 + w12, "output_tokens": output,
        "input_tokens_details": {
            "cached_tokens": read, "cache_write_tokens": w30 + w12,
            "cache_write_tokens_details": {"ttl_30m_tokens": w30, "ttl_12h_tokens": w12}},
        "total_tokens": uncached + read + w30 + w12 + (output or 0),
    }))  # fmt: skip

    assert tokens.counts() == drop({
        "uncached_input_tokens": uncached, "cache_read_tokens": read, "output_tokens": output,
        "cache_write_30m_tokens": w30, "cache_write_12h_tokens": w12,
    })  # fmt: skip


@given(counts, counts, maybe, maybe)
def test_chat_there_and_back(uncached, read, written, output):
    tokens = tokens_of(drop({
        "prompt_tokens": uncached + read + (written or 0), "completion_tokens": output,
        "prompt_tokens_details": drop({"cached_tokens": read, "cache_write_tokens": written}),
    }))  # fmt: skip

    assert tokens.counts() == drop({
        "uncached_input_tokens": uncached, "cache_read_tokens": read, "output_tokens": output,
        "cache_write_other_tokens": written,
    })  # fmt: skip


@given(counts, maybe, maybe, maybe, st.sampled_from(["s", "Count", "both"]))
def test_bedrock_there_and_back(uncached, read, written, output, spelled):
    usage = {"inputTokens": uncached, "outputTokens": output}
    for ending in ("s", "Count") if spelled == "both" else (spelled,):
        usage |= {f"cacheReadInputToken{ending}": read, f"cacheWriteInputToken{ending}": written}
    tokens = tokens_of(drop(usage))

    assert tokens.counts() == drop({
        "uncached_input_tokens": uncached, "cache_read_tokens": read, "output_tokens": output,
        "cache_write_other_tokens": written,
    })  # fmt: skip


@given(counts, counts, counts, counts, counts)
def test_google_there_and_back(uncached, read, tools, answer, thoughts):
    tokens = tokens_of({
        "promptTokenCount": uncached + read, "cachedContentTokenCount": read,
        "toolUsePromptTokenCount": tools, "candidatesTokenCount": answer,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": uncached + read + tools + answer + thoughts,
    })  # fmt: skip

    assert tokens.counts() == {
        "uncached_input_tokens": uncached + tools,
        "cache_read_tokens": read,
        "output_tokens": answer + thoughts,
    }


NAMES = (
    "input_tokens", "output_tokens", "cache_creation", "cache_creation_input_tokens", "tokens",
    "input_tokens_details", "prompt_tokens", "prompt_tokens_details", "total_tokens", "iterations",
    "inputTokens", "cacheDetails", "promptTokenCount", "totalTokenCount", "cached_tokens", "ttl",
    "ephemeral_5m_input_tokens", "model", "type",
)  # fmt: skip
junk = st.sampled_from(
    [None, True, -1, 0, 3, 2**53, 2**60, 1.5, 4.0, float("nan"), float("inf"), "", "7", "x", "5m"]
)
inner = st.dictionaries(st.sampled_from(NAMES), junk, max_size=3)


@given(st.dictionaries(st.sampled_from(NAMES), junk | inner | st.lists(junk | inner, max_size=2)))
def test_anything_else_is_read_or_refused(usage):
    try:
        found = list(calls_of(usage))
    except NotUnderstood:
        return
    assert all(count >= 0 for _, tokens in found for count in tokens.counts().values())
