"""Facts about caching per model, and the ids they are looked up by."""

import csv
import dataclasses
from collections import Counter
from datetime import date
from importlib.resources import files

import pytest

from cacheaudit import rules
from cacheaudit.model_ids import base_id, is_bedrock
from cacheaudit.rules import LIFETIME_S, TOKENIZER_RATIOS, ModelRule, rule, tokenizer_ratio
from cacheaudit.schema import LIFETIMES

ROWS = list(
    csv.DictReader(
        files("cacheaudit").joinpath("model_rules.csv").read_text(encoding="utf-8").splitlines()
    )
)


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("anthropic", "claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("anthropic", "claude-opus-4-6", "claude-opus-4-6"),
        ("anthropic", "Claude-Opus-4-6", "claude-opus-4-6"),
        ("anthropic", "claude-opus-4-6-foo", "claude-opus-4-6-foo"),
        ("anthropic", "claude-opus-4-6-20261301", "claude-opus-4-6-20261301"),
        ("anthropic", "claude-opus-4-6-v1", "claude-opus-4-6-v1"),
        ("anthropic", "us.anthropic.claude-opus-4-6", "us.anthropic.claude-opus-4-6"),
        ("openai", "gpt-5.5-2026-04-23", "gpt-5.5"),
        ("openai", "gpt-5.2-20251211", "gpt-5.2"),
        ("openai", "gpt-4o-2024-0806", "gpt-4o-2024-0806"),
        ("openai", "gpt-4-0613", "gpt-4-0613"),
        ("vertex", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("vertex", "publishers/anthropic/models/claude-opus-5", "claude-opus-5"),
        ("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("bedrock", "us.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("bedrock", "global.anthropic.claude-opus-5", "claude-opus-5"),
        ("bedrock", "us-gov.anthropic.claude-opus-5", "claude-opus-5"),
        ("bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet"),
        ("bedrock", "us.openai.gpt-5.6-sol", "gpt-5.6-sol"),
        ("bedrock", "gpt-5.6-sol", "gpt-5.6-sol"),
        ("bedrock", "mars.anthropic.claude-opus-5", "mars.anthropic.claude-opus-5"),
        ("aws", "eu.amazon.nova-pro-v1:0", "nova-pro"),
    ],
)
def test_decorations_fall_off_and_nothing_else_does(provider, model, expected):
    assert base_id(provider, model) == expected


def test_bedrock_goes_by_several_names():
    assert all(map(is_bedrock, ["bedrock", "aws", "Amazon", "amazon-bedrock", "bedrock_converse"]))
    assert not any(map(is_bedrock, ["anthropic", "vertex", "openai"]))


@pytest.mark.parametrize(
    ("provider", "model", "minimum"),
    [
        ("anthropic", "claude-opus-5", 512),
        ("anthropic", "claude-haiku-5-5", 512),
        ("anthropic", "claude-sonnet-4-5", 1024),
        ("anthropic", "claude-sonnet-4-5-20250929", 1024),
        ("anthropic", "claude-opus-4-20250514", 1024),
        ("anthropic", "claude-opus-4-7", 2048),
        ("anthropic", "claude-opus-4-6", 4096),
        ("anthropic", "claude-haiku-4-5-20251001", 4096),
        ("vertex", "claude-opus-4-6", 4096),
        ("bedrock", "us.anthropic.claude-opus-4-7-v1:0", 4096),
        ("bedrock", "anthropic.claude-sonnet-4-6", 1024),
        ("openai", "gpt-5.6-sol", 1024),
        ("openai", "gpt-6.2-sol", 1024),
    ],
)
def test_minimums_are_those_of_the_vendors_pages(provider, model, minimum):
    assert rule(provider, model).minimum_tokens == minimum


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "claude-fable-5-2"),
        ("anthropic", "claude-mythos-5-2"),
        ("openai", "gpt-5.5"),
        ("bedrock", "global.openai.gpt-5.6-luna"),
    ],
)
def test_a_minimum_nobody_has_published_is_none(provider, model):
    assert rule(provider, model).minimum_tokens is None


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "claude-opus-6"),
        ("anthropic", "claude-fable-5-3"),
        ("anthropic", "claude-opus-4-6-foo"),
        ("anthropic", "claude-opus"),
        ("openai", "gpt-5-6-sol"),
        ("openai", "gpt-5.6-"),
        ("openai", "gpt-7-sol"),
        ("bedrock", "anthropic.claude-haiku-5-5"),
        ("nobody", "claude-opus-5"),
        ("openai", "claude-opus-5"),
    ],
)
def test_a_model_without_a_row_has_no_rule(provider, model):
    """A new version is not its predecessor, and Bedrock is not the Claude API."""
    assert rule(provider, model) is None


def test_lifetimes_and_write_fees_differ_by_provider_and_generation():
    claude, new, old = (
        rule("anthropic", "claude-opus-5"),
        rule("openai", "gpt-5.6-sol"),
        rule("openai", "gpt-5.5"),
    )

    assert (claude.ttl_s, claude.writes_billed) == (LIFETIME_S["5m"], True)
    assert (new.ttl_s, new.writes_billed) == (LIFETIME_S["30m"], True)
    assert (old.ttl_s, old.writes_billed) == (None, False)


def test_every_reported_lifetime_has_its_seconds():
    assert set(LIFETIME_S) == set(LIFETIMES) - {"other"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("claude-opus-4-6", "claude-opus-4-7", (1.0, 1.35)),
        ("claude-sonnet-4-5-20250929", "claude-fable-5-2", (1.0, 1.35)),
        ("claude-opus-5-5", "claude-haiku-4-5", (1 / 1.35, 1.0)),
        ("claude-opus-4-5", "claude-sonnet-4-6", (1.0, 1.0)),
        ("claude-opus-5", "claude-opus-5-5", (1.0, 1.0)),
        ("us.anthropic.claude-opus-4-6-v1:0", "claude-opus-5", (1.0, 1.35)),
        ("gpt-5.6-sol", "gpt-5.6-sol", (1.0, 1.0)),
        ("gpt-5.5", "gpt-5.6-sol", None),
        ("claude-opus-4-6", "gpt-5.6-sol", None),
        ("claude-opus-4-6", "claude-opus-9", None),
    ],
)
def test_tokens_of_the_same_text_change_with_the_tokenizer(old, new, expected):
    assert tokenizer_ratio(old, new) == (None if expected is None else pytest.approx(expected))


def test_the_later_of_two_dated_rows_holds_from_its_day(monkeypatch):
    now = rule("anthropic", "claude-opus-4-8")
    later = dataclasses.replace(now, minimum_tokens=256, valid_from=date(2027, 1, 1))
    monkeypatch.setattr(rules, "_rules", lambda: (later, now))

    assert rule("anthropic", "claude-opus-4-8").minimum_tokens == 256
    assert rule("anthropic", "claude-opus-4-8", date(2026, 12, 31)).minimum_tokens == 1024
    assert rule("anthropic", "claude-opus-4-8", date(2027, 1, 1)).minimum_tokens == 256


def test_every_row_has_a_source_a_day_and_a_kind_of_evidence():
    assert list(ROWS[0]) == [f.name for f in dataclasses.fields(ModelRule)]
    for row in ROWS:
        found = rule(row["provider"], row["model"].replace("*", "a"))
        assert found is not None, row
        assert found.source_url.startswith("https://"), row
        assert found.checked_on >= date(2026, 1, 1), row
        assert found.evidence in {"docs", "third-party"}, row
        assert found.tokenizer in {None, *sum(TOKENIZER_RATIOS, ())}, row
        assert None not in row.values(), row  # a short row


def test_no_two_rows_say_the_same_thing():
    keys = Counter((r["provider"], r["model"], r["valid_from"]) for r in ROWS)

    assert keys.most_common(1)[0][1] == 1
