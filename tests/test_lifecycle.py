"""The dated table of names: every row says what it knows, from whom, and when."""

import csv
import dataclasses
import inspect
import re
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import get_args

import openai.types.shared.chat_model as chat_models
import pytest
from anthropic.resources.messages.messages import DEPRECATED_MODELS
from anthropic.types import Model
from openai.types.shared import ChatModel

from cacheaudit.aliases.forms import form_of
from cacheaudit.aliases.lifecycle import Fact, all_facts, fact, newest

TEXT = files("cacheaudit").joinpath("model_lifecycle.csv").read_text(encoding="utf-8")
ROWS = list(csv.DictReader(TEXT.splitlines()))
NO_MODEL = {"gpt-5.1-mini"}  # "Not a supported model ID. Retained for SDK compatibility."


def test_every_row_has_a_source_a_day_and_a_kind_of_evidence():
    for row in ROWS:
        assert None not in row.values(), row  # a short row
        assert row["source_url"].startswith("https://"), row
        assert date.fromisoformat(row["checked_on"]) >= date(2026, 8, 1), row
        assert row["evidence"] in {"docs", "sdk", "third-party", "data"}, row


def test_columns_are_the_fields_that_a_table_can_fill():
    live_only = {"stage", "dates_told", "source"}
    known = {f.name for f in dataclasses.fields(Fact)} - live_only | {"source_url"}

    assert set(ROWS[0]) == known


@pytest.mark.parametrize("one", all_facts(), ids=lambda one: one.model)
def test_every_row_is_a_name_that_the_scanner_knows(one):
    assert form_of(one.model).provider == one.provider
    assert form_of(one.model).id == one.model
    if one.resolves_to:
        assert one.names == "alias"
        assert form_of(one.resolves_to) is not None
    if one.deprecated_on and one.retires_on:
        assert one.deprecated_on < one.retires_on


def test_what_an_alias_resolves_to_has_a_row_and_ends_on_the_same_day():
    for one in all_facts():
        if one.resolves_to and one.evidence != "data":
            assert fact(one.provider, one.resolves_to).retires_on == one.retires_on, one.model


@pytest.mark.parametrize(("model", "end"), DEPRECATED_MODELS.items())
def test_anthropic_s_sdk_says_the_same_days(model, end):
    """A new SDK that warns of another model, or of another day, wants a new row."""
    plain = re.sub(r"(?<=\d)(st|nd|rd|th)", "", end)
    day = datetime.strptime(plain, "%B %d, %Y").replace(tzinfo=UTC).date()

    assert fact("anthropic", model).retires_on == day


def test_every_name_in_the_sdks_has_a_row():
    claude = next(get_args(part) for part in get_args(Model) if part is not str)

    assert [n for n in claude if fact("anthropic", n) is None] == []
    assert [n for n in get_args(ChatModel) if fact("openai", n) is None] == sorted(NO_MODEL)


def test_openai_s_sdk_says_the_same_days():
    source = " ".join(inspect.getsource(chat_models).split('"""Deprecated values:')[1].split())
    items = re.findall(r'- ((?:"[^"]+",? ?)+): Announced shutdown date: (\d{4}-\d\d-\d\d)', source)

    assert len(items) >= 15
    for names, day in items:
        for name in re.findall(r'"([^"]+)"', names):
            assert fact("openai", name).retires_on == date.fromisoformat(day), name


def test_the_row_that_was_read_last_holds():
    now = fact("anthropic", "claude-sonnet-4-5")
    later = dataclasses.replace(now, checked_on=date(2027, 1, 1), retires_on=date(2027, 6, 1))
    key = "anthropic", "claude-sonnet-4-5"

    assert newest([now, later])[key] == newest([later, now])[key] == later
    same_day = dataclasses.replace(now, retires_on=None)
    assert newest([now, same_day])[key] == same_day


def test_a_name_without_a_row_is_none():
    assert fact("anthropic", "claude-opus-9") is None
    assert fact("openai", "claude-opus-5") is None
