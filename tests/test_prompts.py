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
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
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
        ({"max_tokens": 5, "messages": [{"role": "user", "content": [IMAGE]}]}, "begin with text"),
        (MESSAGES | {"tools": [SEARCH]}, "does not begin with text"),
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
