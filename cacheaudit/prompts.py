"""The team's own request bodies, out of JSONL: one request a line, as it was sent to the provider.

A line is a body of Anthropic's Messages, OpenAI's Responses or Chat Completions, or a line of a
batch file of either (`body`, `params`), whose body is taken. It must begin with text, because a
repetition begins with a nonce of its own there. Bodies of another API than the candidates' are left
out and counted. The budget sets aside what a body's bytes would cost, so whatever can cost more is
refused: images and files, content or state that the provider keeps, its own tools, another tier.
What is wrong with a line is said by its number; no text of it is ever repeated.
"""

import inspect
import json
import random
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .errors import SourceError
from .probing.ask import Ask

STARTS = ("tools", "system", "instructions", "messages", "input")  # as ask.own_body looks for it
NOT_A_BODY = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}
ONLY_CHAT = {"max_completion_tokens", "response_format", "n", "logprobs", "frequency_penalty",
             "presence_penalty", "seed", "logit_bias", "reasoning_effort"}  # fmt: skip
ONLY_MESSAGES = {"system", "stop_sequences", "thinking", "top_k", "cache_control"}
SAMPLING = {"temperature", "top_p", "top_k"}  # they change no prefix, and not every SDK sends them
UNBOUND = ("previous_response_id", "conversation", "prompt", "container", "context_management",
           "background", "prediction", "audio", "web_search_options", "functions")  # fmt: skip
STANDARD = {  # as the price list has it, and by what else that is called
    "service_tier": ("auto", "default", "standard", "standard_only"),
    "inference_geo": ("global",),
    "speed": ("standard",),
}
HELD = {"message", "text", "input_text", "output_text", "refusal", "thinking", "redacted_thinking",
        "reasoning", "tool_use", "tool_result", "function_call", "function_call_output",
        "custom_tool_call", "custom_tool_call_output", "search_result", "document",
        "content"}  # fmt: skip
ELSEWHERE = ("url", "image_url", "file_url", "file_id", "audio")  # of a block: where it lies
CHAT_ROLES = {"system", "developer", "tool", "function"}


def read_prompts(
    path: str | Path, api: str, *, most: int | None = None, seed: str = ""
) -> tuple[tuple[Ask, ...], tuple[str, ...]]:
    """(bodies to ask with, what the reader must know of them).

    api    messages, responses or chat
    most   of more bodies than this, so many are drawn at random by *seed*

    Raises SourceError for a file or a line that cannot be used, with the line's number.
    """
    file = Path(path)
    if not file.is_file():
        raise SourceError(f"no prompts at {file.name}; expected JSONL, one request body a line.")
    fitting, others, sampled = [], 0, 0
    for number, body in _bodies(file):
        if api not in _apis(body):
            others += 1
            continue
        if unsent := (SAMPLING & set(body)) - _fields(api):
            sampled += 1
            body = {name: value for name, value in body.items() if name not in unsent}
        _check(body, api, f"{file.name} line {number}")
        fitting.append(body)
    if not fitting:
        raise SourceError(
            f"{file.name} holds no body of the {api} API, and {others} of another; expected bodies"
            " as the candidates take them."
        )
    drawn = fitting
    if most is not None and len(fitting) > most:
        drawn = random.Random(f"prompts {seed}").sample(fitting, most)
    notes = [f"Own prompts: {len(drawn)} of {len(fitting)} request bodies in {file.name}."]
    if others:
        notes.append(f"{others} bodies of another API than {api} were left out.")
    if sampled:
        notes.append(
            f"{sampled} bodies set how output is drawn (temperature and the like) in a way that the"
            " SDK does not send; it changes nothing of what is cached."
        )
    return tuple(Ask(candidate="", nonce="", body=body) for body in drawn), tuple(notes)


def _bodies(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, body) of every line that is not empty."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except ValueError:
                value = None
            for name in ("body", "params"):  # of a batch file
                if isinstance(value, dict) and isinstance(value.get(name), dict):
                    value = value[name]
            if not isinstance(value, dict) or not {"messages", "input", "instructions"} & set(
                value
            ):
                raise SourceError(
                    f"{file.name} line {number} is no request body; expected a JSON object with"
                    " messages or input on one line."
                )
            yield number, value


def _apis(body: Mapping[str, Any]) -> set[str]:
    """The APIs that *body* may be of; messages and chat can look alike."""
    if "messages" not in body:
        return {"responses"}
    said = body["messages"] if isinstance(body["messages"], list) else []
    roles = {str(one.get("role")) for one in said if isinstance(one, dict)}
    tools = [one for one in _listed(body.get("tools")) if isinstance(one, dict)]
    if ONLY_CHAT & set(body) or CHAT_ROLES & roles or any("function" in one for one in tools):
        return {"chat"}
    if ONLY_MESSAGES & set(body) or tools or _marked(said):
        return {"messages"}
    return {"messages", "chat"}


def _marked(said: list[Any]) -> bool:
    """Whether a message holds blocks that Anthropic alone has."""
    blocks = [
        block
        for one in said
        if isinstance(one, dict) and isinstance(one.get("content"), list)
        for block in one["content"]
        if isinstance(block, dict)
    ]
    kinds = {"tool_use", "tool_result", "document", "image", "thinking"}
    return any("cache_control" in block or str(block.get("type")) in kinds for block in blocks)


def _check(body: Mapping[str, Any], api: str, where: str) -> None:
    """Raise SourceError unless *body* begins with text, the SDK can send all of it, and its bytes
    bound what a call may cost."""
    if unknown := sorted(set(body) - _fields(api)):
        said = ", ".join(name for name in unknown[:3] if name.isidentifier()) or "a field"
        raise SourceError(
            f"{where} has {said}, which a request body of the {api} API does not hold; expected"
            " the body alone, without headers, keys or options of a client."
        )
    if (name := next(_unbound(body), None)) is not None:
        raise SourceError(
            f"{where} has {_named(name)}, and then its bytes do not say what a call may cost;"
            " expected a body that holds all it sends, as text, with functions of your own as its"
            " only tools. Leave it out."
        )
    if dear := [name for name, usual in STANDARD.items() if body.get(name) not in (None, *usual)]:
        raise SourceError(
            f"{where} has {dear[0]}, which is priced otherwise; expected the standard. Remove it."
        )
    if not _begins_with_text(body):
        raise SourceError(
            f"{where} does not begin with text; expected text at the start of its tools, system,"
            " instructions, messages or input, where a repetition puts its nonce. Leave it out."
        )
    thinks = isinstance(body.get("thinking"), dict) and body["thinking"].get("type") == "enabled"
    if thinks and not isinstance(body.get("max_tokens"), int):
        raise SourceError(f"{where} thinks and has no max_tokens; expected a whole number.")


def _unbound(body: Mapping[str, Any]) -> Iterator[str]:
    """What of *body* brings more than its bytes: state, media, tools that the provider runs."""
    yield from (name for name in UNBOUND if body.get(name))
    if "audio" in _listed(body.get("modalities")):
        yield "audio"
    for tool in _listed(body.get("tools")):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in (None, "function", "custom"):
            yield str(kind)
    for name in ("system", "instructions", "messages", "input"):
        yield from _elsewhere(body.get(name))


def _elsewhere(value: Any) -> Iterator[str]:
    """Blocks in *value* whose content is not in them, or may be more tokens than bytes (an image).

    Arguments of calls are not looked into: what they name is text to the model.
    """
    if isinstance(value, list):
        for one in value:
            yield from _elsewhere(one)
    elif isinstance(value, dict):
        kind = str(value.get("type") or ("message" if "role" in value else "item_reference"))
        kept = kind == "reasoning" and not value.get("encrypted_content")
        if kind not in HELD or kept:
            yield kind
        yield from (name for name in ELSEWHERE if value.get(name))
        for name in ("content", "output", "source"):
            yield from _elsewhere(value.get(name))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(name: str) -> str:
    """*name*, where it is one: what stands in a body's place for a kind may be anything."""
    return name if name.isidentifier() and len(name) <= 40 else "a kind of content without a name"


def _begins_with_text(body: Mapping[str, Any]) -> bool:
    """Whether the nonce, which goes where ask.own_body puts it, lands in a text."""
    start = next((body[name] for name in STARTS if body.get(name)), None)
    while not isinstance(start, str):
        if isinstance(start, list):
            start = start[0] if start else None
        elif isinstance(start, dict):
            if _is_tool(start):
                return start.get("type") in (None, "custom", "function")
            start = next((start[k] for k in ("content", "text") if start.get(k)), None)
        else:
            return False
    return True


def _is_tool(value: Mapping[str, Any]) -> bool:
    """Whether *value* is a tool and no message: its description takes the nonce, unless it is a
    tool of the provider's own, which has none."""
    return "role" not in value and ("name" in value or "function" in value or "type" in value) and (
        "text" not in value and "content" not in value
    )  # fmt: skip


@cache
def _fields(api: str) -> frozenset[str]:
    """What the SDK's method for *api* takes of a body."""
    from anthropic.resources.messages import Messages  # both SDKs take a second to import
    from openai.resources.chat.completions import Completions
    from openai.resources.responses import Responses

    makers: dict[str, Any] = {"messages": Messages, "responses": Responses, "chat": Completions}
    return frozenset(inspect.signature(makers[api].create).parameters) - NOT_A_BODY
