"""The team's own request bodies: taken as they are, refused by line number, never quoted."""

import json

import pytest

from cacheaudit.errors import SourceError
from cacheaudit.prompts import read_prompts

TEXT = "our confidential prompt"
SAID = [{"role": "user", "content": TEXT}]
MESSAGES = {"max_tokens": 50, "system": TEXT, "messages": SAID}
CHAT = {"messages": [{"role": "system", "content": TEXT}, *SAID], "max_completion_tokens": 5}
RESPONSES = {"input": TEXT, "instructions": TEXT}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
TOOL = {"name": "look", "description": TEXT, "input_schema": {"type": "object"}}


def file_of(folder, *bodies):
    path = folder / "prompts.jsonl"
    lines = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("api", "body"), [("messages", MESSAGES), ("chat", CHAT), ("responses", RESPONSES)]
)
def test_a_body_is_taken_whole_and_the_other_apis_are_counted(tmp_path, api, body):
    path = file_of(tmp_path, MESSAGES, "", CHAT, RESPONSES, {"custom_id": "1", "body": body})
    prompts, notes = read_prompts(path, api)

    assert [dict(one.body) for one in prompts] == [body, body]
    assert notes == (
        "Own prompts: 2 of 2 request bodies in prompts.jsonl.",
        f"2 bodies of another API than {api} were left out.",
    )


def test_a_plain_conversation_is_good_for_both_apis_that_look_alike(tmp_path):
    path = file_of(tmp_path, {"messages": SAID, "max_tokens": 5})

    assert len(read_prompts(path, "chat")[0]) == len(read_prompts(path, "messages")[0]) == 1


def test_the_nonce_lands_at_the_start_of_what_is_taken(tmp_path):
    bodies = [MESSAGES, MESSAGES | {"tools": [TOOL]}, {"max_tokens": 5, "messages": SAID}]
    for one in read_prompts(file_of(tmp_path, *bodies), "messages")[0]:
        before, after = json.dumps(one.body), json.dumps(one.own_body())

        assert len(after) > len(before)
        assert after.count(TEXT) == before.count(TEXT)
        assert '"description": "' not in after or f" {TEXT}" in after


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("{not json", "is no request body"),
        ("[1]", "is no request body"),
        ({"prompt": TEXT}, "is no request body"),
        ({"max_tokens": 5, "messages": [{"role": "user", "content": []}]}, "begin with text"),
        (MESSAGES | {"system": [{"type": "text", "text": ""}]}, "does not begin with text"),
        (MESSAGES | {"extra_headers": {"x-api-key": TEXT}}, "has extra_headers, which"),
        (MESSAGES | {"api_key": TEXT}, "has api_key, which"),
        (MESSAGES | {"thinking": {"type": "enabled"}, "max_tokens": "5"}, "has no max_tokens"),
    ],
)
def test_a_line_that_cannot_be_asked_is_named_by_its_number_alone(tmp_path, body, why):
    with pytest.raises(SourceError, match=f"prompts.jsonl line 2 .*{why}") as caught:
        read_prompts(file_of(tmp_path, MESSAGES, body), "messages")

    assert TEXT not in str(caught.value)


def refused(folder, api, body):
    with pytest.raises(SourceError) as caught:
        read_prompts(file_of(folder, body), api)
    message = str(caught.value)
    assert message.startswith("prompts.jsonl line 1 ")
    assert TEXT not in message
    return message


def said_with(*blocks, text="text"):
    """Messages that begin with text, and go on with *blocks*."""
    return [{"role": "user", "content": [{"type": text, "text": TEXT}, *blocks]}]


BY_URL = {"type": "url", "url": "https://files.example/a"}
NESTED = {"type": "tool_result", "tool_use_id": "t", "content": [IMAGE]}


@pytest.mark.parametrize(
    ("block", "name"),
    [
        (IMAGE, "image"),
        (NESTED, "image"),
        ({"type": "image", "source": BY_URL}, "image"),
        ({"type": "document", "source": BY_URL}, "url"),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}}, "file"),
        ({"type": "document", "source": {"type": "base64", "data": "AA=="}}, "base64"),
        ({"type": "document", "source": {"type": "content", "content": [IMAGE]}}, "image"),
        ({"type": "text", "text": "", "file_id": "f"}, "file_id"),
        ({"type": "container_upload", "file_id": "f"}, "container_upload"),
        ({"type": "server_tool_use", "id": "s", "name": "web_search"}, "server_tool_use"),
        ({"type": TEXT}, "a kind of content without a name"),
        ({"type": ["text"]}, "a kind of content without a name"),
    ],
)
def test_content_that_is_not_text_in_the_body_is_refused_wherever_it_stands(tmp_path, block, name):
    body = {"max_tokens": 5, "messages": said_with(block)}

    assert f"has {name}, and then its bytes do not say" in refused(tmp_path, "messages", body)
    if block is not NESTED:
        body = {"max_tokens": 5, "system": said_with(block)[0]["content"], "messages": SAID}
        assert f"has {name}, and" in refused(tmp_path, "messages", body)


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ({"type": "input_image", "image_url": "https://files.example/a.png"}, "input_image"),
        ({"type": "input_file", "file_url": "https://files.example/a.pdf"}, "input_file"),
        ({"type": "input_file", "file_id": "file_1"}, "input_file"),
        ({"type": "input_audio", "input_audio": {"data": "AA=="}}, "input_audio"),
    ],
)
def test_so_are_files_of_responses_and_what_the_provider_keeps(tmp_path, item, name):
    output = {"type": "function_call_output", "call_id": "c", "output": [item]}
    for given in (said_with(item, text="input_text"), [*SAID, output]):
        assert f"has {name}, and" in refused(tmp_path, "responses", {"input": given})
    for kept, kind in (
        ({"id": "msg_1"}, "item_reference"),
        ({"type": "item_reference", "id": "msg_1"}, "item_reference"),
        ({"type": "reasoning", "id": "rs_1", "summary": []}, "reasoning"),
        ({"type": "web_search_call", "id": "ws_1"}, "web_search_call"),
    ):
        assert f"has {kind}, and" in refused(tmp_path, "responses", {"input": [*SAID, kept]})


def test_so_is_what_chat_completions_take_besides_text(tmp_path):
    picture = {"type": "image_url", "image_url": {"url": "https://files.example/a.png"}}
    spoken = {"role": "assistant", "audio": {"id": "audio_1"}}

    def why(**given):
        return refused(tmp_path, "chat", CHAT | given)

    assert "has image_url, and" in why(messages=said_with(picture))
    assert "has audio, and" in why(messages=[*SAID, spoken])


@pytest.mark.parametrize(
    ("api", "given"),
    [
        ("responses", {"previous_response_id": "resp_1"}),
        ("responses", {"conversation": "conv_1"}),
        ("responses", {"prompt": {"id": "pmpt_1"}}),
        ("responses", {"background": True}),
        ("responses", {"context_management": [{"type": "compaction"}]}),
        ("messages", {"container": {"skills": []}}),
        ("chat", {"prediction": {"type": "content", "content": TEXT}}),
        ("chat", {"audio": {"voice": "a", "format": "mp3"}}),
        ("chat", {"web_search_options": {"search_context_size": "low"}}),
        ("chat", {"functions": [{"name": "f"}]}),
    ],
)
def test_state_and_output_that_the_bytes_do_not_hold_are_refused_by_name(tmp_path, api, given):
    whole = {"messages": MESSAGES, "chat": CHAT, "responses": RESPONSES}[api]
    (name,) = given

    assert f"has {name}, and then its bytes do not say" in refused(tmp_path, api, whole | given)
    assert len(read_prompts(file_of(tmp_path, whole | {name: None}), api)[0]) == 1


def test_modalities_of_text_are_taken_and_of_audio_are_not(tmp_path):
    text, both = CHAT | {"modalities": ["text"]}, CHAT | {"modalities": ["text", "audio"]}

    assert len(read_prompts(file_of(tmp_path, text), "chat")[0]) == 1
    assert "has audio, and" in refused(tmp_path, "chat", both)


@pytest.mark.parametrize(
    ("api", "kind"),
    [(api, kind) for api, kinds in {
        "messages": ("web_search_20260318", "web_fetch_20260318", "code_execution_20260521",
                     "bash_20250124", "computer_toolset_20260801", "memory_20250818"),
        "responses": ("web_search", "file_search", "code_interpreter", "computer_use_preview",
                      "mcp", "image_generation", "shell", "tool_search"),
    }.items() for kind in kinds],
)  # fmt: skip
def test_a_tool_that_is_not_the_teams_own_is_refused_even_behind_others(tmp_path, api, kind):
    own = TOOL if api == "messages" else {"type": "function", "name": "f", "description": TEXT}
    whole = MESSAGES if api == "messages" else RESPONSES
    body = whole | {"tools": [own, {"type": kind, "name": "t"}]}

    assert f"has {kind}, and" in refused(tmp_path, api, body)


@pytest.mark.parametrize(
    ("api", "given"),
    [
        ("responses", {"service_tier": "priority"}),
        ("responses", {"service_tier": "flex"}),
        ("chat", {"service_tier": "fast"}),
        ("messages", {"inference_geo": "us"}),
        ("messages", {"speed": "fast"}),
    ],
)
def test_a_tier_with_prices_of_its_own_is_refused(tmp_path, api, given):
    whole = {"messages": MESSAGES, "chat": CHAT, "responses": RESPONSES}[api]
    (name,) = given

    assert f"has {name}, which is priced otherwise" in refused(tmp_path, api, whole | given)


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("messages", MESSAGES | {"service_tier": "standard_only", "inference_geo": "global"}),
        ("messages", MESSAGES | {"service_tier": "auto", "speed": "standard"}),
        ("responses", RESPONSES | {"service_tier": "default", "background": False}),
        ("chat", CHAT | {"service_tier": "auto", "messages": [
            *SAID, {"role": "assistant", "tool_calls": [{"type": "function", "id": "c", "function":
                {"name": "open", "arguments": '{"url": "https://files.example"}'}}]},
            {"role": "tool", "tool_call_id": "c", "content": TEXT},
        ]}),
        ("messages", {"max_tokens": 5, "tools": [TOOL | {"type": "custom", "input_schema": {
            "type": "object", "properties": {"url": {"type": "string"}, "file_id": {}}}}],
            "messages": [
                {"role": "user", "content": TEXT},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": TEXT, "signature": "s"},
                    {"type": "tool_use", "id": "t", "name": "look",
                     "input": {"url": "https://files.example", "type": "image"}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": TEXT},
                    {"type": "document", "source": {"type": "text", "data": TEXT}},
                    {"type": "search_result", "source": "https://files.example", "title": "t",
                     "content": [{"type": "text", "text": TEXT}]}]},
            ]}),
        ("responses", {"input": [
            {"role": "user", "content": [{"type": "input_text", "text": TEXT}]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": TEXT},
            {"type": "message", "role": "assistant", "id": "msg_1",
             "content": [{"type": "output_text", "text": TEXT, "annotations": []}]},
        ]}),
    ],
)  # fmt: skip
def test_what_is_text_in_the_body_is_taken_whatever_it_speaks_of(tmp_path, api, body):
    (taken,), _ = read_prompts(file_of(tmp_path, body), api)

    assert taken.body == body


def test_a_file_of_another_api_and_no_file_are_said_so(tmp_path):
    with pytest.raises(SourceError, match="no body of the chat API, and 1 of another"):
        read_prompts(file_of(tmp_path, RESPONSES), "chat")
    with pytest.raises(SourceError, match=r"no prompts at none.jsonl; expected JSONL"):
        read_prompts(tmp_path / "none.jsonl", "chat")


def test_of_many_bodies_some_are_drawn_by_the_seed(tmp_path):
    path = file_of(tmp_path, *[{"input": f"prompt {i}"} for i in range(50)])
    drawn = [
        [one.body["input"] for one in read_prompts(path, "responses", most=5, seed=seed)[0]]
        for seed in ("a", "a", "b")
    ]

    assert len(set(drawn[0])) == 5
    assert drawn[0] == drawn[1] != drawn[2]


def test_how_output_is_drawn_is_left_out_where_the_sdk_does_not_send_it(tmp_path):
    prompts, notes = read_prompts(file_of(tmp_path, MESSAGES | {"top_k": 5}), "messages")

    assert prompts[0].body == MESSAGES
    assert "1 bodies set how output is drawn" in notes[-1]
