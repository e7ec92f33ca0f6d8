"""What of a request body other requests share, in the shape of its API. Pure.

An entry must be the one that production will look for, so a part is left out only where it is no
part of what the entry is named by (platform.claude.com/docs, prompt-caching, read 2026-08;
developers.openai.com/api/docs/guides/prompt-caching, read 2026-10).

Anthropic: the entry ends at the last breakpoint that the body sets in its tools or system; where it
sets none there, at the end of its system, and production finds it from its own breakpoint up to 20
blocks later. What follows is cut off, a full stop stands for the messages, and the tool choice is
left out: neither changes tools or system. Thinking, effort, speed and an output format stay,
because they may. Citations are switched on in messages and change the system, so messages with
citations stay. A body without any breakpoint is left out: production would read nothing.

OpenAI: the entry ends with the leading developer or system messages, or at the last breakpoint in
them. Nothing stands for the messages that follow, because an implicit entry ends with the last
message. Models before GPT-5.6 keep blocks of tokens, so there a full stop may stand.

A body that shares nothing by these rules is warmed whole.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
FULL_STOP = "."
UNMARKED = "unmarked"
NOT_SENT = ("model", "stream", "stream_options", "n", "max_tokens", "max_output_tokens",
            "max_completion_tokens")  # fmt: skip
ANTHROPIC = ("tools", "system", "thinking", "output_config", "speed", "service_tier",
             "inference_geo")  # fmt: skip
OPENAI = ("tools", "instructions", "text", "reasoning", "reasoning_effort", "verbosity",
          "response_format", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_options",
          "prompt_cache_retention", "service_tier", "store")  # fmt: skip
DEFAULT_LIFE = {"messages": "5m", "responses": "30m", "chat": "30m"}
FIRST = ("system", "developer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What is sent to warm it, without model and length of output.

    life   lifetime that production asks for ("5m", "1h", "30m", "12h", "24h"); "" where a version
           before GPT-5.6 is not told
    whole  whether it is the whole body
    why    "" or why it cannot be warmed: unmarked
    """

    body: Body
    life: str
    whole: bool = False
    why: str = ""


def shared(body: Mapping[str, Any], api: str, *, whole: bool, in_blocks: bool) -> Shared:
    """The part of *body* that is to be warmed.

    whole      all of it, whatever it shares
    in_blocks  whether the version keeps blocks of tokens (OpenAI before GPT-5.6)
    """
    if api == "messages":
        return _of_messages(body, whole)
    return _of_openai(body, "input" if api == "responses" else "messages", whole, in_blocks)


def _of_messages(body: Mapping[str, Any], whole: bool) -> Shared:
    tools, system = list(body.get("tools") or []), _blocks(body.get("system"))
    later = [*_controls(_said(body)), *([body["cache_control"]] if _automatic(body) else [])]
    own = [*_controls(tools), *_controls(system)]
    if not own and not later:
        return Shared(body={}, life="", why=UNMARKED)
    if whole or not (tools or system):
        return Shared(body=_without(body), life=_life((own + later)[-1]), whole=True)
    kept = {name: body[name] for name in ANTHROPIC if body.get(name)}
    if places := _marked(system):
        kept["system"] = system[: places[-1] + 1]
    elif _marked(tools):
        kept.pop("system", None)
    elif system:
        kept["system"] = _ending(system, later[0])
    else:
        kept["tools"] = _ending(tools, later[0])
    cites = '"citations"' in json.dumps(body["messages"])
    said = body["messages"] if cites else [{"role": "user", "content": FULL_STOP}]
    return Shared(body={**kept, "messages": said}, life=_life((own or later[:1])[-1]))


def _of_openai(body: Mapping[str, Any], name: str, whole: bool, in_blocks: bool) -> Shared:
    options = body.get("prompt_cache_options") or {}
    given = body.get(name)
    first = _leading(given) if isinstance(given, list) else []
    marked = _cut(first)
    if options.get("mode") == "explicit" and not marked:
        first = []  # an entry that nobody marked is not looked for
    life = str(body.get("prompt_cache_retention") or "") if in_blocks else str(
        options.get("ttl") or DEFAULT_LIFE["responses"]
    )  # fmt: skip
    kept = {field: body[field] for field in OPENAI if body.get(field) is not None}
    if not whole and first:
        return Shared(body={**kept, name: marked or first}, life=life)
    if not whole and in_blocks and (body.get("tools") or body.get("instructions")):
        stop = [{"role": "user", "content": FULL_STOP}]
        return Shared(body={**kept, name: stop}, life=life)
    return Shared(body=_without(body), life=life, whole=True)


def _leading(items: Sequence[Any]) -> list[Any]:
    """The messages that come before the first of another role."""
    found = []
    for item in items:
        if not isinstance(item, Mapping) or item.get("role") not in FIRST:
            break
        found.append(item)
    return found


def _cut(items: Sequence[Any]) -> list[Any]:
    """*items* up to the last block with a breakpoint; empty where none has one."""
    for place in range(len(items) - 1, -1, -1):
        parts = items[place].get("content")
        parts = parts if isinstance(parts, list) else []
        ends = [i for i, part in enumerate(parts) if _holds(part, "prompt_cache_breakpoint")]
        if ends:
            return [*items[:place], {**items[place], "content": parts[: ends[-1] + 1]}]
    return []


def _blocks(system: Any) -> list[Any]:
    """The blocks of a system prompt; a string is one block of text."""
    return [{"type": "text", "text": system}] if isinstance(system, str) and system else list(
        system or []
    )  # fmt: skip


def _said(body: Mapping[str, Any]) -> Iterator[Any]:
    for message in body.get("messages") or []:
        content = message.get("content") if isinstance(message, Mapping) else None
        yield from content if isinstance(content, list) else ()


def _automatic(body: Mapping[str, Any]) -> bool:
    return isinstance(body.get("cache_control"), Mapping)


def _holds(block: Any, name: str) -> bool:
    return isinstance(block, Mapping) and block.get(name) is not None


def _marked(blocks: Sequence[Any]) -> list[int]:
    return [place for place, block in enumerate(blocks) if _holds(block, "cache_control")]


def _controls(blocks: Any) -> list[Any]:
    return [block["cache_control"] for block in blocks if _holds(block, "cache_control")]


def _ending(blocks: Sequence[Any], control: Any) -> list[Any]:
    """*blocks* with a breakpoint on the last: explicit, because an automatic one would end after
    the message that stands for production's."""
    return [*blocks[:-1], {**blocks[-1], "cache_control": control}]


def _life(control: Any) -> str:
    return str(control.get("ttl") or DEFAULT_LIFE["messages"])


def _without(body: Mapping[str, Any]) -> Body:
    return {name: value for name, value in body.items() if name not in NOT_SENT}
