"""Names in texts: found where a program asks for them, and nowhere else."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cacheaudit.aliases import names_in
from cacheaudit.aliases.lifecycle import all_facts
from cacheaudit.aliases.names import may_name
from cacheaudit.aliases.regions import language

NAMES = [one.model for one in all_facts() if one.model not in ("o1", "o3")] + [
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5@20250929",
    "anthropic/claude-haiku-4-5", "openrouter/anthropic/claude-sonnet-4.5",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3",
    "ft:gpt-4o-mini-2024-07-18:acme::9x", "~openai/gpt-latest", "mistral-large-latest",
]  # fmt: skip


def asked(text, family="python"):
    return [p.name for p in names_in(text, family) if p.where == "code"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.py", 'client.messages.create(model="X")'),
        ("a.py", "MODEL = 'X'  # the default"),
        ("a.py", 'models = ["other", "X"]'),
        ("a.py", 'for model in ["X"]:'),
        ("a.py", 'ask("""\nnot prose\n""", "X")'),
        ("a.py", 'CONFIG = """\nmodel: X\n"""'),
        ("a.ts", "const model = fast ? `X` : other"),
        ("a.ts", "f({model: 'X'}) // why"),
        ("a.ts", 'const u = "http://a.b/c"; const m = "X";'),
        ("a.go", 'Model: "X",'),
        ("a.java", '.model("X") /* so */'),
        ("a.rb", "model: 'X'"),
        ("a.rs", 'let m: &\'static str = "X";'),
        ("a.sh", "curl --model X # now"),
        ("a.sh", 'MODEL="${MODEL:-X}"'),
        ("a.yaml", "model: X"),
        ("a.yaml", "  - X  # don't"),
        ("a.yaml", "note: don't\nmodel: X"),
        ("a.json", '{"model": "X"}'),
        ("a.json", '{"model":"X","n":1}'),
        ("a.toml", 'model = "X"'),
        (".env", "MODEL=X"),
        ("Dockerfile", "ENV MODEL=X"),
        ("main.tf", 'default = "X"  # today'),
        ("a.yaml", "args: [--model=X]"),
        ("a.py", '模型="X"，'),
    ],
)
@pytest.mark.parametrize("name", ["claude-opus-4-5", "gpt-4o", "gemini-flash-latest"])
def test_a_name_is_found_in_every_kind_of_file(file, text, name):
    assert asked(text.replace("X", name), language(file)) == [name]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("# gpt-4o was dearer", "comment"),
        ('x = 1  # not "gpt-4o"', "comment"),
        ('def f():\n    """Like gpt-4o."""', "prose"),
        ('PRICES = {"gpt-4o": 2.5}', "lookup"),
        ('PRICES["gpt-4o"]', "lookup"),
        ('if model == "gpt-4o":', "lookup"),
        ('if model in ("gpt-5", "gpt-4o"):', "lookup"),
        ('if model.startswith("gpt-4o"):', "lookup"),
        ('case "gpt-4o":', "lookup"),
        ('model = "gpt-4o"  # cacheaudit: allow', "allowed"),
        ('# cacheaudit: allow\nmodel = "gpt-4o"', "allowed"),
    ],
)
def test_a_name_that_nobody_asks_for_is_marked(text, where):
    assert {p.where for p in names_in(text, "python") if p.name == "gpt-4o"} == {where}


def test_a_pragma_reaches_one_line():
    text = (
        'a = "gpt-4o"  # cacheaudit: allow\nb = "gpt-5"\n# see cacheaudit: allow here\nc = "gpt-4"'
    )

    assert [p.where for p in names_in(text, "python")] == ["allowed", "code", "code"]


@pytest.mark.parametrize(
    "text",
    [
        "claude-code", "claude-desktop", "claude-agent-sdk", "@anthropic-ai/claude-code@1.0.3",
        "gpt-2", "gpt-oss-20b", "gpt-neo-1.3B", "gpt-3-encoder", "gpt-4-class", "gpt-4o-a.json",
        "./gpt-4o", "data/gpt-4o", "gpt-4o.yaml", "run_gpt-4o", "GPT-4o", "Claude Opus 4.5",
        "claude-sonnet-4-5-20251399", "claude-opus", "my-claude-opus-4-5", "gpt-4o-mini-based",
        "import openai, anthropic", "ubuntu-latest", "node:latest", "o1", "o3 = 5", "for o1 in os:",
        "https://platform.claude.com/docs/en/models/claude-opus-5",
        "https://huggingface.co/openai/gpt-4o", "https://openai.com/index/gpt-4o/",
        "azure/login@v2", "azure/chat-thing", "github/claude-code-action", "deployment_name: web",
        "spec.deploymentName: api", "0fgpt-4o1b9c", "sha256:0f1claude-opus-4-5ab",
        "gpt-4o/gpt-5", "claude-opus-4-5/notes.md", "--gpt-4o", "Z3B0LTRv",
    ],
)  # fmt: skip
def test_what_is_no_model_is_not_found(text):
    assert names_in(text, "") == []
    assert names_in(f'x = "{text}"', "python") == []


@pytest.mark.parametrize(
    ("text", "family", "name"),
    [
        ('AzureChatOpenAI(azure_deployment="chat-prod")', "python", "chat-prod"),
        ("AZURE_OPENAI_DEPLOYMENT_NAME=chat-prod", "hash", "chat-prod"),
        ('"azureOpenAIApiDeploymentName": "chat-prod"', "braces", "chat-prod"),
        ("url = 'https://a.openai.azure.com/openai/deployments/gpt-4o/chat'", "python", "gpt-4o"),
        ("model: azure/chat-prod", "hash", "azure/chat-prod"),
        ("- model_name: fast\n  litellm_params:\n    model: x", "hash", "fast"),
        ('model_id = "arn:aws:bedrock:eu-west-1:1:provisioned-model/x"', "terraform",
         "arn:aws:bedrock:eu-west-1:1:provisioned-model/x"),
        ('model="openrouter/auto"', "python", "openrouter/auto"),
    ],
)  # fmt: skip
def test_names_that_are_decided_elsewhere_are_found_as_such(text, family, name):
    found = names_in(text, family)

    assert [p.name for p in found] == [name]
    assert found[0].form.look


@pytest.mark.parametrize(
    "text",
    [
        "AZURE_OPENAI_DEPLOYMENT_KEY=abcdef", 'azure_deployment=os.environ["X"]',
        "AZURE_OPENAI_DEPLOYMENT=0123456789abcdef0123456789abcdef", 'azure_deployment="None"',
        "model_name: fast",
    ],
)  # fmt: skip
def test_a_key_or_a_placeholder_is_no_deployment(text):
    assert names_in(text, "hash") == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("https://api.openai.com/v1/models/gpt-4o", ["gpt-4o"]),
        ("https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.claude-opus-5/converse",
         ["anthropic.claude-opus-5"]),
        ("https://x-aiplatform.googleapis.com/v1/projects/p/publishers/anthropic/models/claude-opus-5:y",
         ["publishers/anthropic/models/claude-opus-5"]),
        ('model = "o3"', ["o3"]),
        ("--model o3", ["o3"]),
        ('"model_id": "o4-mini"', ["o4-mini"]),
        ("openai/o3", ["openai/o3"]),
    ],
)  # fmt: skip
def test_addresses_of_an_api_and_settings_hold_names(text, names):
    assert [p.name for p in names_in(text, "")] == names


WORDS = st.sampled_from([*NAMES, '"', "'", "#", "//", "`", '"""', "\n", "\r\n", " ", "é", "模型",
                         "model: ", "model=", "{", "}", ":", "/", "\\", "\x00", "cacheaudit: allow",
                         "https://api.x/models/",
                         "litellm_params", "azure_deployment="])  # fmt: skip
FAMILIES = st.sampled_from(
    ["python", "braces", "rust", "hash", "terraform", "php", "dashes", "prose", ""]
)


@given(st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=30).map("".join), FAMILIES)
@example('\n\r\n"gpt-4o', "python")
def test_line_and_column_point_at_the_name(text, family):
    for place in names_in(text, family):
        line = text.split("\n")[place.line - 1]

        assert line[place.column - 1 :].startswith(place.name)


@given(st.binary(max_size=400), FAMILIES)
def test_arbitrary_bytes_are_read_without_an_error(content, family):
    for place in names_in(content.decode("utf-8", "replace"), family):
        assert place.line >= 1


@given(st.sampled_from(NAMES), st.integers(0, 5), st.integers(0, 9), FAMILIES)
def test_a_planted_name_is_found_where_it_was_planted(name, lines, blanks, family):
    text = "\n" * lines + " " * blanks + f'"{name}"\n'
    (found,) = names_in(text, family)

    assert (found.name, found.line, found.column) == (name, lines + 1, blanks + 2)


@given(st.sampled_from(NAMES))
def test_no_file_with_a_name_is_passed_over(name):
    """What is looked for first in the bytes of a file holds every name."""
    assert may_name(f'"{name}"'.encode())


@pytest.mark.parametrize(
    "text",
    ["model: o3", "MODEL=o4-mini", 'azure_deployment="x"', "AZURE_OPENAI_DEPLOYMENT=x",
     '"azureOpenAIApiDeploymentName": "x"', 'deploymentId: "my-gpt"', "litellm_params",
     "openai/o3"],
)  # fmt: skip
def test_nor_one_with_a_setting(text):
    assert may_name(text.encode())
    assert not may_name(b"def f(o):\n    return o + 1  # kubernetes deployment of foo1")
