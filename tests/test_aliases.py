"""What a name is on a day: worked examples by the vendors' rules, the days around an end."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.aliases import KINDS, standing
from cacheaudit.aliases.audit import counts
from cacheaudit.aliases.forms import form_of, version_id
from cacheaudit.aliases.lifecycle import Fact, all_facts
from cacheaudit.aliases.telling import kinds_words
from cacheaudit.gates import active, pinned

DAY = date(2026, 11, 23)
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"
SYSTEM = "arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-opus-4-5-20251101-v1:0"


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        # Anthropic: dateless from 4.6 on is pinned, a short name before it moves, dated is pinned
        ("claude-sonnet-4-6", "pinned"),
        ("claude-opus-5-5", "pinned"),
        ("claude-opus-9-1", "pinned"),
        ("claude-haiku-4-6", "pinned"),
        ("claude-haiku-4-4", "moving"),
        ("claude-fable-4-5", "moving"),
        ("claude-haiku-4-5", "moving"),
        ("claude-opus-4-5", "moving"),
        ("claude-opus-4-5-20251101", "pinned"),
        ("claude-sonnet-4-5", "retiring moving"),
        ("claude-sonnet-4-5-20250929", "retiring pinned"),
        ("claude-3-opus-latest", "moving"),
        ("claude-3-7-sonnet-latest", "retired"),
        ("claude-opus-4-1", "retired"),
        ("claude-2.1", "retired"),
        ("claude-mythos-preview", "retired"),
        # OpenAI: an undated name that has snapshots is an alias; from 5.6 on none is listed
        ("gpt-5.5", "moving"),
        ("gpt-5.5-2026-04-23", "pinned"),
        ("gpt-9-2027-01-01", "pinned"),
        ("gpt-5", "retiring moving"),
        ("gpt-4o", "retiring moving"),
        ("gpt-5.6", "moving"),
        ("gpt-5.6-sol", "undated"),
        ("gpt-6.2-astra", "undated"),
        ("gpt-5.7-sol", "unknown"),
        ("gpt-luna-latest", "moving"),
        ("chatgpt-4o-latest", "retired"),
        ("gpt-4-0613", "retired"),
        ("o3", "retiring moving"),
        ("ft:gpt-4o-mini-2024-07-18:acme::9x", "retiring pinned"),
        ("gpt-5.1-2025-11-13", "retiring pinned"),
        ("ft:gpt-3.5-turbo-0125:acme::9x", "retired"),
        # Bedrock: pinned where the id is; its own profiles are decided elsewhere
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "pinned"),
        ("us.anthropic.claude-opus-4-6-v1", "pinned"),
        ("global.anthropic.claude-opus-5", "pinned"),
        (SYSTEM, "pinned"),
        (PROFILE, "gateway"),
        # Google Cloud
        ("claude-sonnet-4-5@20250929", "pinned"),
        ("claude-sonnet-4-5@latest", "moving"),
        ("publishers/anthropic/models/claude-opus-5", "pinned"),
        ("gemini-flash-latest", "moving"),
        ("gemini-2.0-flash-001", "pinned"),
        ("gemini-2.5-flash", "unknown"),
        # gateways and libraries
        ("azure/chat-prod", "gateway"),
        ("anthropic/claude-haiku-4-5", "moving"),
        ("openai:gpt-5.5-2026-04-23", "pinned"),
        ("vertex_ai/claude-opus-5", "pinned"),
        ("bedrock/converse/us.anthropic.claude-opus-5", "pinned"),
        ("openrouter/anthropic/claude-sonnet-4.5:thinking", "gateway"),
        ("anthropic/claude-sonnet-4.5", "gateway"),
        ("anthropic/claude-4.5-sonnet-20250929", "pinned"),
        ("~anthropic/claude-sonnet-latest", "moving"),
        ("mistral/mistral-large-latest", "moving"),
        # none of anybody's API
        ("gpt-oss-20b", "unknown"),
        ("claude-code", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_name_is_what_its_vendor_says(name, kinds):
    found = standing("", name, DAY)

    assert found.kinds == tuple(kinds.split())
    assert found.kind == found.kinds[0]
    assert found.why


@pytest.mark.parametrize(
    ("provider", "name", "kind"),
    [
        ("azure", "gpt-4o", "gateway"),
        ("azure", "claude-opus-5", "pinned"),
        ("bedrock", "us.anthropic.claude-opus-5", "pinned"),
        ("vertex", "claude-sonnet-4-5", "moving"),
        ("openrouter", "openai/gpt-5.5", "moving"),
        ("openrouter", "z-ai/glm-5", "gateway"),
        ("litellm_proxy", "chat", "gateway"),
    ],
)
def test_the_provider_decides_what_a_name_can_mean(provider, name, kind):
    """At Azure every name is a deployment's, also one that looks like OpenAI's."""
    assert standing(provider, name, DAY).kind == kind


def test_a_gateway_says_where_to_look():
    assert "GetInferenceProfile" in standing("", PROFILE, DAY).why
    assert "upgrades itself" in standing("azure", "chat", DAY).why


def test_an_alias_names_what_it_last_resolved_to():
    assert standing("", "claude-haiku-4-5", DAY).resolves_to == "claude-haiku-4-5-20251001"
    assert standing("", "gpt-4o", DAY).resolves_to is None  # nobody has said


@pytest.mark.parametrize(
    ("days", "kind"), [(-400, "retiring"), (-1, "retiring"), (0, "retired"), (1, "retired")]
)
def test_a_name_retires_on_its_day(days, kind):
    end = date(2026, 11, 30)

    assert standing("", "claude-sonnet-4-5-20250929", end + timedelta(days)).kind == kind


def test_a_seller_with_dates_of_its_own_is_not_given_the_maker_s():
    """Bedrock sells a version for longer than its maker; its date stands beside, as what it is."""
    found = standing("", "anthropic.claude-3-5-sonnet-20241022-v2:0", DAY)

    assert (found.kind, found.retires_on) == ("pinned", None)
    assert "GetFoundationModel" in found.why
    assert "2025-10-28" in found.why


def test_every_source_has_a_day_or_is_a_rule_s_page():
    assert standing("", "gpt-4o", DAY).source.endswith("(sdk, 2026-11-23)")
    assert standing("", "gpt-9-2027-01-01", DAY).source.startswith("https://developers.openai.com")


def live(model, provider="anthropic", **told):
    told = {"dates_told": True, "source": "the list", "checked_on": DAY, "evidence": "live"} | told
    return {(provider, model): Fact(provider=provider, model=model, **told)}


def test_the_live_list_wins_over_the_table_and_the_difference_is_said():
    later = live("claude-sonnet-4-5-20250929", stage="deprecated", retires_on=date(2027, 2, 1))
    found = standing("", "claude-sonnet-4-5", DAY, live=later)

    assert (found.kinds, found.retires_on) == (("retiring", "moving"), date(2027, 2, 1))
    assert found.source == "the list (live, 2026-11-23)"
    assert "2026-11-30" in found.disagrees
    assert "2027-02-01" in found.disagrees


def test_a_model_that_the_table_believes_retired_and_the_list_does_not_is_not_retired():
    found = standing("", "claude-opus-4-1-20250805", DAY, live=live(
        "claude-opus-4-1-20250805", stage="active"
    ))  # fmt: skip

    assert found.kind == "pinned"
    assert "no end" in found.disagrees


def test_where_list_and_table_agree_nothing_is_said():
    same = live("claude-sonnet-4-5-20250929", stage="deprecated", retires_on=date(2026, 11, 30))

    assert standing("", "claude-sonnet-4-5-20250929", DAY, live=same).disagrees == ""


def test_an_end_that_is_overdue_is_not_an_end():
    """Anthropic: a past date on a deprecated model means overdue; the stage is the signal."""
    late = live("claude-opus-5", stage="deprecated", retires_on=DAY - timedelta(3))

    assert standing("", "claude-opus-5", DAY, live=late).kind == "retiring"
    assert "still served" in standing("", "claude-opus-5", DAY, live=late).why
    gone = live("claude-opus-5", stage="retired")
    assert standing("", "claude-opus-5", DAY, live=gone).kind == "retired"


@pytest.mark.parametrize(
    ("rollback_ends", "active_is"), [(date(2026, 12, 31), "pass"), (date(2027, 4, 1), "fail")]
)
def test_a_snapshot_whose_end_is_far_is_pinned_and_its_end_is_judged_apart(
    rollback_ends, active_is
):
    """gpt-5.1-2025-11-13 retires on 2027-04-01: until then nothing moves behind it."""
    found = standing("openai", "gpt-5.1-2025-11-13", DAY)

    assert pinned(found.kinds, found.name).standing == "pass"
    ends = active(found.retires_on, "none announced", rollback_ends=rollback_ends)
    assert ends.standing == active_is
    assert not counts(found, ("moving", "retiring"), DAY + timedelta(90))


def test_an_end_without_a_day_is_deprecated():
    announced = live("claude-opus-5", stage="deprecated")

    assert standing("", "claude-opus-5", DAY, live=announced).kind == "deprecated"


def test_a_list_that_tells_no_dates_leaves_the_table_s():
    """Behind a gateway the fields are absent, which is not the same as no date."""
    bare = live("claude-sonnet-4-5-20250929", dates_told=False)
    found = standing("", "claude-sonnet-4-5-20250929", DAY, live=bare)

    assert found.retires_on == date(2026, 11, 30)
    assert found.disagrees == ""
    assert "(sdk," in found.source


def test_a_name_that_the_list_lacks_is_said_and_kept():
    other = live("claude-opus-5", stage="active")

    assert "does not name it" in standing("", "claude-sonnet-5", DAY, live=other).disagrees
    assert standing("", "gpt-5.5", DAY, live=other).disagrees == ""  # OpenAI was not asked
    assert standing("", "claude-opus-4-1", DAY, live=other).disagrees == ""  # retired in both


def test_a_new_model_is_known_from_the_list_alone():
    new = live("gpt-7-sol", "openai", retires_on=date(2027, 6, 1))
    found = standing("", "gpt-7-sol", DAY, live=new)

    assert found.kinds == ("retiring", "unknown")


@given(st.text(max_size=60), st.sampled_from(["", "anthropic", "openai", "bedrock", "azure"]))
def test_any_text_has_a_standing(name, provider):
    assert standing(provider, name, DAY).kind in KINDS


@given(
    st.sampled_from([one.model for one in all_facts()]),
    st.dates(date(2024, 1, 1), date(2028, 1, 1)),
    st.integers(0, 800),
)
def test_what_is_retired_stays_retired(name, day, later):
    """Nothing comes back by waiting."""
    if standing("", name, day).kind == "retired":
        assert standing("", name, day + timedelta(later)).kind == "retired"


def test_a_retirement_counts_only_within_its_days_and_another_reason_without():
    alias, snapshot = (standing("", n, DAY) for n in ("gpt-4o", "gpt-4o-2024-08-06"))  # 52 days
    fail_on = ("moving", "retiring")

    assert counts(snapshot, fail_on, DAY + timedelta(52))
    assert not counts(snapshot, fail_on, DAY + timedelta(51))
    assert counts(alias, fail_on, DAY + timedelta(51))  # it moves all the same
    assert counts(snapshot, fail_on)
    assert not counts(snapshot, ("moving",))
    assert not counts(alias, ())


def test_one_version_has_one_spelling():
    spelt = [
        ("anthropic", "claude-sonnet-4-5-20250929"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("vertex", "claude-sonnet-4-5@20250929"),
        ("litellm", "anthropic/claude-sonnet-4-5-20250929"),
    ]

    assert {version_id(*one) for one in spelt} == {"claude-sonnet-4-5-20250929"}
    assert version_id("self", "My-Own-Model") == "my-own-model"


def test_days_are_told_as_a_reader_counts_them():
    one = standing("", "claude-sonnet-4-5-20250929", DAY)

    assert kinds_words(one, date(2026, 11, 29)) == "retires 2026-11-30 (1 day), pinned"
    assert kinds_words(one, date(2026, 12, 2)) == "retires 2026-11-30 (overdue), pinned"
    assert kinds_words(replace(one, kinds=("retired",)), DAY) == "retired 2026-11-30"


@pytest.mark.parametrize("name", ["azure/", "~/claude-code", "openai/gpt-oss-120b", "gpt-4o-x"])
def test_what_only_looks_like_a_name_has_no_form(name):
    assert form_of(name) is None
