"""The sandbox's Responses and Chat Completions APIs under OpenAI's own SDK."""

from dataclasses import replace

import openai
import pytest

from cacheaudit.sandbox.catalogue import Served
from tests.models import GPT, GPT_NEW, GPT_OLD, NOON, sandbox, split, words


@pytest.fixture
def box():
    with sandbox() as running:
        yield running


def respond(client, text="hi", *, model="gpt-new", **given):
    """A response to *text* under 3,000 tokens of instructions."""
    given.setdefault("instructions", words(3000))
    return client.responses.create(model=model, input=text, **given)


def chat(client, *texts, model="gpt-new", **given):
    """A chat in which the user says *texts*."""
    said = [{"role": "user", "content": text} for text in texts]
    return client.chat.completions.create(model=model, messages=said, **given)


def test_the_newer_models_report_what_they_wrote_to_the_exact_token(box):
    client = box.gpt()

    assert split(respond(client).usage) == (0, 3001, 0)
    assert split(respond(client).usage) == (3001, 0, 0)
    cold = chat(client, words(2000, "c"))
    warm = chat(client, words(2000, "c"), "more")
    assert (split(cold.usage), split(warm.usage)) == ((0, 2000, 0), (2000, 1, 0))


def test_the_older_models_read_whole_blocks_and_report_writes_of_none(box):
    """As recorded of gpt-5-2025-08-07 and gpt-5.5-2026-04-23: a 0, whatever was written."""
    client = box.gpt()
    cold, warm = (respond(client, model="gpt-old").usage for _ in range(2))
    talk = chat(client, words(2000), model="gpt-old").usage

    assert cold.input_tokens_details.cache_write_tokens == 0
    assert cold.input_tokens_details.cache_write_tokens_details is None
    assert talk.prompt_tokens_details.cache_write_tokens == 0
    assert split(cold) == (0, 0, 3001)
    assert split(warm) == (23 * 128, 0, 3001 - 23 * 128)


@pytest.mark.parametrize(("tokens", "read"), [(1023, 0), (1024, 1024)])
def test_the_minimum_is_of_the_prefix(box, tokens, read):
    client = box.gpt()
    chat(client, words(tokens))

    assert split(chat(client, words(tokens)).usage)[0] == read


@pytest.mark.parametrize(("ttl", "life_s"), [("30m", 1800), ("12h", 43_200)])
def test_a_lifetime_can_be_asked_for(box, ttl, life_s):
    client, given = box.gpt(), {"prompt_cache_options": {"ttl": ttl}}
    cold = respond(client, **given)
    box.wait(life_s - 1)
    warm = respond(client, **given)
    box.wait(life_s)
    late = respond(client, **given)

    details = cold.usage.input_tokens_details.cache_write_tokens_details
    assert getattr(details, f"ttl_{ttl}_tokens") == 3001
    assert (split(warm.usage)[0], split(late.usage)[0]) == (3001, 0)


def test_retention_is_the_older_models_lifetime(box):
    client = box.gpt()
    for retention, waited, warm in (("in_memory", 299, True), ("in_memory", 301, False),
                                    ("24h", 80_000, True)):  # fmt: skip
        text = words(2000, f"{retention}{waited}x")
        given = {"model": "gpt-old", "prompt_cache_retention": retention, "instructions": text}
        respond(client, **given)
        box.wait(waited)
        assert (split(respond(client, **given).usage)[0] > 0) is warm


def test_explicit_breakpoints_end_where_they_are_set(box):
    client = box.gpt()
    parts = [
        {
            "type": "input_text",
            "text": words(1500),
            "prompt_cache_breakpoint": {"mode": "explicit"},
        },
        {"type": "input_text", "text": words(200, "tail")},
    ]
    given = {"instructions": None, "prompt_cache_options": {"mode": "explicit"}}

    def asked(tail):
        content = [parts[0], {**parts[1], "text": tail}]
        return respond(client, [{"role": "user", "content": content}], **given)

    assert split(asked("a").usage) == (0, 1500, 1)
    assert split(asked("b").usage) == (1500, 0, 1)


def test_an_implicit_entry_does_not_serve_a_request_of_explicit_ones(box):
    client = box.gpt()
    plain = {"type": "input_text", "text": words(1500)}
    marked = {**plain, "prompt_cache_breakpoint": {"mode": "explicit"}}
    respond(client, [{"role": "user", "content": [plain]}], instructions=None)
    explicit = respond(
        client, [{"role": "user", "content": [marked]}],
        instructions=None, prompt_cache_options={"mode": "explicit"},
    )  # fmt: skip

    assert split(explicit.usage)[0] == 0


def test_nothing_is_generated_to_prewarm(box):
    warmed = respond(box.gpt(), prompt_cache_options={"prewarm": True})

    assert (warmed.output, warmed.usage.output_tokens) == ([], 0)
    assert split(respond(box.gpt()).usage) == (3001, 0, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"model": "other"}, "model_changed"),
        ({"instructions": words(3000, "z")}, "input_changed"),
        ({"prompt_cache_key": "k"}, "prompt_cache_key_changed"),
        ({"reasoning": {"effort": "high"}}, "reasoning_effort_changed"),
    ],
)
def test_the_provider_says_why_it_missed(change, reason):
    served = [
        Served(id=i, provider="openai", minimum_tokens=1, lives=GPT) for i in ("one", "other")
    ]
    with sandbox(*served) as box:
        client = box.gpt()
        first = respond(client, model="one")
        options = {"comparison_response_id": first.id}
        second = respond(client, **{"model": "one", "prompt_cache_options": options, **change})

    told = second.prompt_cache_diagnostics
    assert told.type == ("cache_hit" if reason is None else "cache_miss")
    assert getattr(told, "reason", None) == reason


@pytest.mark.parametrize(("tokens", "waited_s"), [(3000, 1801), (500, 0)])
def test_nothing_that_was_read_is_no_hit_though_nothing_diverged(box, tokens, waited_s):
    """It has expired, or was too short to be kept."""
    client = box.gpt()
    first = respond(client, instructions=words(tokens))
    box.wait(waited_s)
    options = {"comparison_response_id": first.id}
    second = respond(client, instructions=words(tokens), prompt_cache_options=options)

    assert split(second.usage)[0] == 0
    assert second.prompt_cache_diagnostics.type == "unavailable"


@pytest.mark.parametrize(
    "send",
    [
        lambda client: respond(client, max_output_tokens=15),
        lambda client: chat(client, "hi", prompt_cache_options={"prewarm": True}),
    ],
)
def test_what_the_api_refuses_is_refused(box, send):
    with pytest.raises(openai.BadRequestError):
        send(box.gpt())


@pytest.mark.parametrize(("ignores_limit", "output"), [(False, (16, 5)), (True, (40, 40))])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_as_long_as_the_version_says_and_the_request_allows(
    ignores_limit, output, stream
):
    wordy = replace(GPT_NEW, id="wordy", output_tokens=40, ignores_limit=ignores_limit)
    with sandbox(wordy) as box:
        client = box.gpt()
        given = {"model": "wordy", "max_output_tokens": 16}
        if stream:
            *_, ended = respond(client, stream=True, **given)
            answer = ended.response
        else:
            answer = respond(client, **given)
        talk = chat(client, "hi", model="wordy", max_completion_tokens=5)
        whole = chat(client, "hi", model="wordy")

    cut = output != (40, 40)
    assert (answer.usage.output_tokens, talk.usage.completion_tokens) == output
    assert len(answer.output_text.split()) == output[0]
    assert (answer.status, talk.choices[0].finish_reason) == (
        ("incomplete", "length") if cut else ("completed", "stop")
    )
    assert whole.usage.completion_tokens == 40


def test_more_than_fifteen_a_minute_go_astray():
    paced = Served(
        id="paced", provider="openai", minimum_tokens=1, lives=GPT, overflow_per_min=15
    )  # fmt: skip
    with sandbox(paced) as box:
        client = box.gpt()
        hurried = [split(respond(client, model="paced").usage)[0] for _ in range(17)]
        box.wait(60)
        slow = split(respond(client, model="paced").usage)[0]

    assert [read > 0 for read in hurried] == [False] + [True] * 14 + [False, True]
    assert slow > 0


def test_streams_say_the_same(box):
    client = box.gpt()
    chunks = list(
        client.chat.completions.create(
            model="gpt-new", messages=[{"role": "user", "content": words(2000)}],
            stream=True, stream_options={"include_usage": True},
        )
    )  # fmt: skip
    with client.responses.stream(model="gpt-new", input=words(2000, "r")) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()

    assert [chunk.usage is None for chunk in chunks] == [True, True, False]
    assert split(chunks[-1].usage) == (0, 2000, 0)
    assert (split(final.usage), final.output_text) == ((0, 2000, 0), "ok")


def test_what_was_served_stands_in_the_usage_report(box):
    client = box.gpt("project/key", admin_api_key="admin")
    for model in ("gpt-new", "gpt-new", "gpt-old", "gpt-old"):
        respond(client, model=model)
    box.wait(3600)
    page = client.admin.organization.usage.completions(
        start_time=int(NOON.timestamp()), bucket_width="1h", group_by=["model", "project_id"]
    )
    found = {row.model: row for bucket in page.data for row in bucket.results}

    assert found["gpt-new"].input_cached_tokens == 3001
    assert found["gpt-new"].input_cache_write_tokens == 3001
    assert found["gpt-new"].num_model_requests == 2
    assert found["gpt-old"].input_cached_tokens == 23 * 128
    assert found["gpt-old"].input_tokens == 6002
    assert found["gpt-old"].input_cache_write_tokens is None
    assert found["gpt-old"].project_id == "project"


def test_a_model_that_is_not_served_is_not_found(box):
    with pytest.raises(openai.NotFoundError):
        respond(box.gpt(), model="gpt-none")
    assert {m.id for m in box.gpt().models.list()} == {"gpt-new", GPT_OLD.id}
