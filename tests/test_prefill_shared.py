"""What is sent is what production's own requests look for, in every shape of body."""

import pytest

from cacheaudit.logs.sent import sent as told_of
from cacheaudit.prefilling.prefix import lifetime_s, prefixes_of
from cacheaudit.prefilling.shared import FULL_STOP, UNMARKED, shared
from cacheaudit.prefilling.ways import ways
from cacheaudit.probing.candidate import Candidate
from tests.models import EPHEMERAL, HOUR, block, sandbox, split, words
from tests.prefills import KEY, OLD_GPT, OPUS, SOL, body

OPUS_HERE = Candidate(model=OPUS.id)
SOL_HERE = Candidate(model=SOL.id, api="responses")
OLD_HERE = Candidate(model="gpt-4.1", api="chat")
TOOL = {"name": "look", "description": words(1500, "t"), "input_schema": {"type": "object"}}
ASKED = [{"role": "user", "content": [block(3, "q", EPHEMERAL)]}]
OTHER = [{"role": "user", "content": [block(4, "other", EPHEMERAL)]}]
THINKS = {"type": "enabled", "budget_tokens": 1024}
FORMAT = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
FORCED = {"type": "any"}
CITED = {
    "type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"},
    "citations": {"enabled": True},
}  # fmt: skip
CASES = {  # production's body -> tokens that it must read, whatever it asks
    "a mark in system": ({"system": [block(2000, "s", EPHEMERAL)]}, 2000),
    "a mark before what changes": (
        {"system": [block(2000, "s", EPHEMERAL), block(9, "today")]}, 2000,
    ),
    "marks in messages alone": ({"system": words(2000, "s"), "messages": ASKED}, 2000),
    "automatic": ({"system": words(2000, "s"), "cache_control": EPHEMERAL}, 2000),
    "tools marked, system not": (
        {"tools": [TOOL | {"cache_control": EPHEMERAL}], "system": words(50, "now")}, 1500,
    ),
    "tools alone, marks in messages": ({"tools": [TOOL], "messages": ASKED}, 1500),
    "forced tool choice": (
        {"tools": [TOOL], "system": [block(600, "s", EPHEMERAL)], "tool_choice": FORCED}, 2100,
    ),
    "an output format": ({"system": [block(2000, "s", EPHEMERAL)], "output_config": FORMAT}, 2000),
    "thinking": ({"system": [block(2000, "s", EPHEMERAL)], "thinking": THINKS}, 2000),
    "fast": ({"system": [block(2000, "s", EPHEMERAL)], "inference_geo": "global"}, 2000),
}  # fmt: skip


@pytest.fixture(scope="module")
def box():
    with sandbox(OPUS, SOL, OLD_GPT) as running:
        yield running


@pytest.mark.parametrize("case", CASES)
def test_production_reads_what_was_warmed(box, case):
    """Sent in its first way by the SDK, then a request of production with another question."""
    given, least = CASES[case]
    sent = {"max_tokens": 2000, "messages": [{"role": "user", "content": "one"}], **given}
    (prefix,) = prefixes_of([sent], OPUS_HERE)
    next_one = {**sent, "messages": OTHER if "messages" in given else [
        {"role": "user", "content": "quite another"}]}  # fmt: skip
    with box.claude(f"{case.replace(' ', '-')}/key") as client:
        client.messages.create(**prefix.ways[0].body(prefix.body, OPUS.id))
        read, _, _ = split(client.messages.create(**next_one, model=OPUS.id).usage)

    assert read >= least


def test_what_changes_with_each_request_is_not_sent():
    sent = {**CASES["a mark before what changes"][0], "messages": ASKED, "metadata": {"user": "x"},
            "stream": True, "tool_choice": FORCED}  # fmt: skip
    part = shared(sent, "messages", whole=False, in_blocks=False)

    assert set(part.body) == {"system", "messages"}
    assert len(part.body["system"]) == 1
    assert part.body["messages"] == [{"role": "user", "content": FULL_STOP}]


def test_citations_change_the_system_and_stay():
    said = [{"role": "user", "content": [CITED]}]
    part = shared({**CASES["a mark in system"][0], "messages": said}, "messages", whole=False,
                  in_blocks=False)  # fmt: skip

    assert part.body["messages"] == said


@pytest.mark.parametrize(
    ("more", "kinds", "output"),
    [
        ({}, ["prewarm", "short"], 1),
        ({"thinking": {"type": "adaptive"}}, ["prewarm", "short"], 1),
        ({"thinking": THINKS}, ["thinks"], 1025),
        ({"output_config": FORMAT}, ["short"], 1),
        ({"output_config": {"effort": "low"}}, ["prewarm", "short"], 1),
    ],
)
def test_what_forbids_to_generate_nothing_stays_and_is_paid_for(more, kinds, output):
    sent = {**CASES["a mark in system"][0], "messages": ASKED, **more}
    part = shared(sent, "messages", whole=False, in_blocks=False)
    found = ways(part.body, "messages", in_blocks=False)

    assert [way.kind for way in found] == kinds
    assert found[0].output_tokens == output
    assert {**more.get("thinking", {})} == part.body.get("thinking", {})


def test_a_forced_tool_choice_costs_a_token_only_where_the_whole_body_is_warmed():
    sent = {**CASES["a mark in system"][0], "messages": ASKED, "tool_choice": FORCED}
    whole = shared(sent, "messages", whole=True, in_blocks=False)

    assert whole.body["messages"] == ASKED
    assert [way.kind for way in ways(whole.body, "messages", in_blocks=False)] == ["short"]


def test_a_body_that_asks_for_no_caching_is_left_out():
    sent = {"system": words(2000, "s"), "messages": [{"role": "user", "content": "x"}]}
    (found,) = prefixes_of([sent], OPUS_HERE)

    assert found.why == UNMARKED


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_leading_developer_messages_are_shared(api):
    name = "input" if api == "responses" else "messages"
    part = shared(body(api, "a"), api, whole=False, in_blocks=False)

    assert [one["role"] for one in part.body[name]] == ["developer"]
    assert not part.whole


def test_an_explicit_mark_ends_the_shared_part_and_its_mode_stays(box):
    marked = block(1500, "d") | {
        "type": "input_text",
        "prompt_cache_breakpoint": {"mode": "explicit"},
    }
    today = {"type": "input_text", "text": "today is monday"}
    sent = {
        "input": [{"role": "developer", "content": [marked, today]},
                  {"role": "user", "content": "one"}],
        "prompt_cache_options": {"mode": "explicit", "ttl": "12h"},
    }  # fmt: skip
    (prefix,) = prefixes_of([sent], SOL_HERE)
    with box.gpt(KEY) as client:
        client.responses.create(**prefix.ways[0].body(prefix.body, SOL.id))
        sent["input"][0]["content"][1] = {"type": "input_text", "text": "today is friday"}
        read, _, _ = split(client.responses.create(**sent, model=SOL.id).usage)

    assert read == 1500
    assert prefix.lives_s == 43_200
    assert prefix.long
    assert prefix.ways[0].body(prefix.body, SOL.id)["prompt_cache_options"] == {
        "mode": "explicit", "ttl": "12h", "prewarm": True,
    }  # fmt: skip


def test_explicit_mode_without_a_mark_shares_nothing():
    sent = body("responses", "a", prompt_cache_options={"mode": "explicit"})

    assert shared(sent, "responses", whole=False, in_blocks=False).whole


def test_instructions_alone_are_warmed_whole_but_in_blocks():
    sent = {"instructions": words(2000), "input": "one"}
    new = shared(sent, "responses", whole=False, in_blocks=False)
    old = shared(sent, "responses", whole=False, in_blocks=True)

    assert (new.whole, new.body["input"]) == (True, "one")
    assert (old.whole, old.body["input"]) == (False, [{"role": "user", "content": FULL_STOP}])


def test_a_multi_turn_body_is_warmed_whole_where_that_is_asked(box):
    """A conversation that goes on after the cutover reads all that was said."""
    said = [
        {"role": "user", "content": [block(900, "u")]},
        {"role": "assistant", "content": "ok"},
        {"role": "user", "content": [block(900, "v", EPHEMERAL)]},
    ]
    sent = {"max_tokens": 9, "system": words(700, "s"), "messages": said}
    (prefix,) = prefixes_of([sent], OPUS_HERE, whole=True)
    more = [*said, {"role": "assistant", "content": "ok"},
            {"role": "user", "content": [block(5, "w", EPHEMERAL)]}]  # fmt: skip
    with box.claude("whole/key") as client:
        client.messages.create(**prefix.ways[0].body(prefix.body, OPUS.id))
        after = client.messages.create(**{**sent, "messages": more}, model=OPUS.id)

    assert split(after.usage)[0] == 2501


@pytest.mark.parametrize(
    ("candidate", "life", "lives_s"),
    [
        (OPUS_HERE, "5m", 300), (OPUS_HERE, "1h", 3600), (SOL_HERE, "30m", 1800),
        (OLD_HERE, "24h", 86_400), (OLD_HERE, "in_memory", None), (OLD_HERE, "", None),
        (Candidate(model="claude-next"), "5m", 300),
        (Candidate(model="gpt-next", api="chat"), "30m", None),
        (Candidate(model="x", provider="own"), "5m", None),
    ],
)  # fmt: skip
def test_a_lifetime_is_what_is_documented_or_not_known(candidate, life, lives_s):
    assert lifetime_s(candidate, life) == lives_s


def test_an_hour_is_seen_in_the_mark():
    sent = {"system": [block(2000, "s", HOUR)], "messages": ASKED}
    (prefix,) = prefixes_of([sent], OPUS_HERE)

    assert (prefix.lives_s, prefix.long) == (3600, True)


def test_the_most_used_prefix_comes_first_and_else_the_file_s_order():
    bodies = [body("messages", name) for name in "abbcb"]
    found = prefixes_of(bodies, OPUS_HERE)

    assert [(one.number, one.first, one.uses) for one in found] == [(1, 2, 3), (2, 1, 1), (3, 4, 1)]


def test_a_log_says_how_often_each_is_used():
    bodies = [body("messages", name) for name in "aab"]
    used = {told_of(bodies[2])["prefix_id"]: 70, told_of(bodies[0])["prefix_id"]: 7, "other": 900}
    found = prefixes_of(bodies, OPUS_HERE, used=used)

    assert [(one.first, one.uses) for one in found] == [(3, 70), (1, 7)]


def test_keys_of_a_tool_in_another_order_are_another_prefix():
    """Providers compare the rendered text."""
    turned = dict(reversed(TOOL.items()))
    bodies = [{"tools": [one], "messages": ASKED} for one in (TOOL, turned)]

    assert len(prefixes_of(bodies, OPUS_HERE)) == 2
