"""The sandbox's Messages API under Anthropic's own SDK: breakpoints, lifetimes, faults, reports."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import anthropic
import pytest

from cacheaudit.sandbox.catalogue import Served
from tests.models import EPHEMERAL, GPT, HOUR, NOON, OLD, block, sandbox, split, words

HI = [{"role": "user", "content": "hi"}]


@pytest.fixture
def box():
    with sandbox() as running:
        yield running


def ask(client, *system, model="old", messages=HI, max_tokens=1, **given):
    """A message under blocks of the system prompt."""
    if system:
        given["system"] = list(system)
    return client.messages.create(model=model, max_tokens=max_tokens, messages=messages, **given)


def usage(*args, **given):
    """(read, written, uncached) of it."""
    return split(ask(*args, **given).usage)


def test_a_prefix_is_written_and_then_read_by_its_own_version_alone(box):
    client, prefix = box.claude(), block(3000, control=EPHEMERAL)

    assert usage(client, prefix) == (0, 3000, 1)
    assert usage(client, prefix) == (3000, 0, 1)
    assert usage(client, prefix, model="new") == (0, 3000, 1)
    assert usage(client, prefix) == (3000, 0, 1)


@pytest.mark.parametrize("tokens", [999, 1000, 1001])
def test_below_the_minimum_nothing_is_cached_and_nothing_said(box, tokens):
    client, prefix = box.claude(), block(tokens, control=EPHEMERAL)
    cached = tokens if tokens >= OLD.minimum_tokens else 0

    assert usage(client, prefix) == (0, cached, 1 + tokens - cached)
    assert usage(client, prefix) == (cached, 0, 1 + tokens - cached)


@pytest.mark.parametrize(("control", "life_s"), [(EPHEMERAL, 300), (HOUR, 3600)])
def test_a_lifetime_is_from_the_last_use(box, control, life_s):
    client, prefix = box.claude(), block(3000, control=control)
    ask(client, prefix)
    for _ in range(3):
        box.wait(life_s - 1)
        assert usage(client, prefix)[0] == 3000
    box.wait(life_s)

    assert usage(client, prefix)[:2] == (0, 3000)


def test_both_lifetimes_in_one_request_are_told_apart(box):
    answer = ask(box.claude(), block(2000, "a", HOUR), block(1500, "b", EPHEMERAL))

    assert answer.usage.cache_creation.ephemeral_1h_input_tokens == 2000
    assert answer.usage.cache_creation.ephemeral_5m_input_tokens == 1500


def test_a_workspace_reads_nothing_of_another(box):
    prefix = block(3000, control=EPHEMERAL)
    ask(box.claude("team/a"), prefix)

    assert usage(box.claude("other/a"), prefix)[0] == 0
    assert usage(box.claude("team/b"), prefix)[0] == 3000


@pytest.mark.parametrize(("added", "found"), [(18, True), (19, False)])
def test_an_entry_is_found_up_to_twenty_blocks_back(box, added, found):
    """The new breakpoint counts as the first of the twenty."""
    client = box.claude()
    talk = [{"role": "user", "content": [block(1500, "t", EPHEMERAL)]}]
    ask(client, messages=talk)
    more = [block(1, f"m{i}") for i in range(added)]
    longer = [{"role": "user", "content": [block(1500, "t"), *more, block(1, "end", EPHEMERAL)]}]

    assert (usage(client, messages=longer)[0] == 1500) is found


def test_automatic_caching_marks_the_last_block(box):
    client, talk = box.claude(), [{"role": "user", "content": words(1200)}]

    assert usage(client, messages=talk, cache_control=EPHEMERAL) == (0, 1200, 0)
    talk += [{"role": "assistant", "content": "ok"}, {"role": "user", "content": "more"}]
    assert usage(client, messages=talk, cache_control=EPHEMERAL) == (1200, 2, 0)


def test_an_entry_cannot_be_read_before_its_response_begins():
    slow = replace(OLD, warm_s=0.3)
    with sandbox(slow) as box, ThreadPoolExecutor(4) as pool:
        client, prefix = box.claude(), block(3000, control=EPHEMERAL)
        at_once = list(pool.map(lambda _: usage(client, prefix), range(4)))

        assert at_once == [(0, 3000, 1)] * 4
        assert usage(client, prefix) == (3000, 0, 1)


def test_nothing_is_generated_to_prewarm(box):
    client, prefix = box.claude(), block(3000, control=EPHEMERAL)
    warmed = ask(client, prefix, max_tokens=0)

    assert (warmed.content, warmed.stop_reason, warmed.usage.output_tokens) == ([], "max_tokens", 0)
    assert split(warmed.usage) == (0, 3000, 1)
    assert usage(client, prefix)[0] == 3000


@pytest.mark.parametrize(
    "given",
    [
        {"max_tokens": 0, "stream": True},
        {"max_tokens": 0, "thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"max_tokens": 0, "tool_choice": {"type": "any"}},
        {"extra_body": {"temperature": 1}},
        {"cache_control": {"type": "forever"}},
        {"max_tokens": 1024, "thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"system": [{"type": "text", "text": "", "cache_control": EPHEMERAL}]},
        {"system": words(200_000)},
    ],
)
def test_what_the_api_refuses_is_refused(box, given):
    with pytest.raises(anthropic.BadRequestError):
        ask(box.claude(), **given)


def test_and_what_it_just_takes_is_not(box):
    """A token above the thinking, an empty block that marks nothing, the longest prompt."""
    client = box.claude()
    thinking = {"type": "enabled", "budget_tokens": 1024}
    empty = {"type": "text", "text": ""}

    assert ask(client, max_tokens=1025, thinking=thinking).usage.output_tokens == 1
    assert usage(client, empty) == (0, 0, 1)
    assert usage(client, block(199_999)) == (0, 0, 200_000)


@pytest.mark.parametrize(("ignores_limit", "output"), [(False, 5), (True, 40)])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_as_long_as_the_version_says_and_the_request_allows(
    ignores_limit, output, stream
):
    wordy = replace(OLD, output_tokens=40, ignores_limit=ignores_limit)
    with sandbox(wordy) as box:
        client = box.claude()
        if stream:
            with client.messages.stream(model="old", max_tokens=5, messages=HI) as events:
                answer = events.get_final_message()
        else:
            answer = ask(client, max_tokens=5)
        whole = ask(client, max_tokens=100)
        sums = billed(box, "output_tokens")

    assert (answer.usage.output_tokens, len(answer.content[0].text.split())) == (output, output)
    assert answer.stop_reason == ("end_turn" if ignores_limit else "max_tokens")
    assert (whole.usage.output_tokens, whole.stop_reason) == (40, "end_turn")
    assert sums == output + 40


def test_breakpoints_are_four_and_the_longer_lifetime_comes_first(box):
    for blocks in ([EPHEMERAL] * 5, [EPHEMERAL, HOUR]):
        with pytest.raises(anthropic.BadRequestError):
            ask(box.claude(), *(block(10, str(i), one) for i, one in enumerate(blocks)))


def test_a_stream_says_the_same(box):
    client, prefix = box.claude(), block(3000, control=EPHEMERAL)
    given = {"model": "old", "max_tokens": 1, "system": [prefix], "messages": HI}
    with client.messages.stream(**given) as stream:
        cold = stream.get_final_message()
    with client.messages.stream(**given) as stream:
        warm = stream.get_final_message()

    assert (split(cold.usage), split(warm.usage)) == ((0, 3000, 1), (3000, 0, 1))
    assert cold.content[0].text == "ok"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"model": "new"}, "model_changed"),
        ({"tools": [{"name": "t", "input_schema": {"type": "object"}}]}, "tools_changed"),
        ({"system": [block(3000, "other", EPHEMERAL)]}, "system_changed"),
        ({"messages": [{"role": "user", "content": "bye"}]}, "messages_changed"),
        ({"messages": [*HI, {"role": "assistant", "content": "ok"}]}, None),
    ],
)
def test_the_provider_says_why_it_missed(box, change, reason):
    client = box.claude()
    given = {"model": "old", "system": [block(3000, control=EPHEMERAL)], "messages": HI}
    create = client.messages.create
    first = create(max_tokens=1, diagnostics={"previous_message_id": None}, **given)
    second = create(
        max_tokens=1, diagnostics={"previous_message_id": first.id}, **{**given, **change}
    )

    assert first.diagnostics is None
    if reason is None:
        assert second.diagnostics is None
    else:
        assert second.diagnostics.cache_miss_reason.type == reason
        assert second.diagnostics.cache_miss_reason.cache_missed_input_tokens == 3000


def test_a_message_that_is_not_known_cannot_be_compared(box):
    answer = ask(box.claude(), diagnostics={"previous_message_id": "msg_of_another_day"})

    assert answer.diagnostics.cache_miss_reason.type == "previous_message_not_found"


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 529])
def test_an_error_caches_nothing_and_bills_nothing(box, status):
    client, prefix = box.claude(), block(3000, control=EPHEMERAL)
    box.fault(kind=str(status), path="/v1/messages", seconds=7)
    with pytest.raises(anthropic.APIStatusError) as refused:
        ask(client, prefix)

    assert refused.value.status_code == status
    assert refused.value.response.headers["retry-after"] == "7"
    assert usage(client, prefix) == (0, 3000, 1)
    assert billed(box) == 3001


def test_an_answer_that_is_lost_was_served_all_the_same(box):
    client, prefix = box.claude(timeout=0.2), block(3000, control=EPHEMERAL)
    box.fault(kind="slow", path="/v1/messages", seconds=0.5)
    with pytest.raises(anthropic.APITimeoutError):
        ask(client, prefix)

    assert usage(box.claude(), prefix) == (3000, 0, 1)
    assert billed(box) == 6002


def test_an_answer_can_lack_its_cache_fields_or_come_from_another_version(box):
    client, prefix = box.claude(), block(3000, control=EPHEMERAL)
    gone = ["cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"]
    box.fault(kind="missing", path="/v1/messages", names=gone)
    bare = ask(client, prefix)
    box.fault(kind="other_model", path="/v1/messages", names=["new"])
    other = ask(client, prefix)

    assert bare.usage.cache_read_input_tokens is None
    assert (other.model, split(other.usage)) == ("new", (0, 3000, 1))


def test_an_alias_is_served_by_the_version_it_names():
    with sandbox(OLD, replace(OLD, id="latest", alias_of="old")) as box:
        prefix = block(3000, control=EPHEMERAL)
        ask(box.claude(), prefix, model="latest")
        second = ask(box.claude(), prefix)

        assert (second.model, second.usage.cache_read_input_tokens) == ("old", 3000)


def test_what_was_served_stands_in_the_usage_report(box):
    client = box.claude("team/key")
    for model in ("old", "old", "new"):
        ask(client, block(3000, control=EPHEMERAL), model=model)
    box.wait(3600)
    rows = client.beta.organization.analytics.usage.list(
        starting_at=NOON.isoformat(), ending_at="2026-11-20T14:00:00Z",
        time_bucket_width="1h", group_by=["model", "workspace_id", "api_key_id"],
    )  # fmt: skip
    found = {row.group.model: row for row in rows}

    assert found["old"].usage.cache_read_input_tokens == 3000
    assert found["old"].usage.cache_creation.ephemeral_5m_input_tokens == 3000
    assert found["old"].usage.uncached_input_tokens == 2
    assert found["old"].usage.requests == 2
    assert found["new"].usage.cache_creation.ephemeral_5m_input_tokens == 3000
    assert (found["old"].group.workspace_id, found["old"].group.api_key_id) == ("team", "key")


def test_the_models_are_listed_with_their_lifecycle():
    ended = replace(OLD, id="ended", lifecycle="retired")
    with sandbox(OLD, ended, Served(id="g", provider="openai", minimum_tokens=1, lives=GPT)) as box:
        client = box.claude()

        assert [m.id for m in client.models.list(limit=1)] == ["old", "ended"]
        assert [m.id for m in client.models.list(lifecycle=["active"])] == ["old"]
        assert client.models.retrieve("ended").lifecycle == "retired"
        assert client.messages.count_tokens(model="old", messages=HI).input_tokens == 1
        with pytest.raises(anthropic.NotFoundError):
            ask(client, model="ended")


def billed(box, *columns):
    """Tokens of *columns* in the books; else all input."""
    box.wait(60)
    sums = box.state.ledger.sums("anthropic", (NOON, NOON.ceil("D")), None, [], {})
    kinds = [c for c in sums if c.endswith("_tokens") and c != "output_tokens"]
    return int(sums[list(columns) or kinds].sum(axis=1).iloc[0])
