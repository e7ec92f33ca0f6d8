"""A request to OpenAI's Responses or Chat Completions API as a prompt, or its refusal.

Rules as documented in October 2026 (developers.openai.com, prompt-caching): from GPT-5.6 on an
entry ends at the last message (implicit) and at up to three marked blocks, or with `explicit` at up
to four marked blocks alone, which an implicit entry does not serve; before, whole blocks of tokens
are kept. What is part of the key although no text changed is the salt of its part.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .catalogue import Served
from .prompt import Block, Prompt, as_text
from .query import Refused

BREAKPOINTS, EXPLICIT = 4, "!"
Body = Mapping[str, Any]
SETTINGS = ("parallel_tool_calls", "text", "reasoning", "reasoning_effort", "verbosity",
            "response_format", "context_management")  # fmt: skip


def prompt_of(body: Body, model: Served, *, responses: bool) -> Prompt:
    """The prompt of *body* on *model*; *responses* tells the API."""
    options = body.get("prompt_cache_options") or {}
    if options and not model.writes_billed:
        raise Refused(f"prompt_cache_options is not supported with {model.id}.")
    life = _life(body, options, model, responses)
    explicit = options.get("mode") == "explicit"
    blocks = list(_input(body) if responses else _messages(body))
    marked = [place for place, block in enumerate(blocks) if block.kind]
    kept = marked[-BREAKPOINTS:] if explicit else marked[-(BREAKPOINTS - 1) :]
    for place, block in enumerate(blocks):
        lives = (block.life or life) if place in kept else ""
        blocks[place] = replace(block, life=lives, sought=place in marked or block.sought)
        if explicit and place not in marked:
            blocks[place] = replace(blocks[place], sought=False)
    if not explicit:
        last = max((i for i, block in enumerate(blocks) if block.sought), default=len(blocks) - 1)
        blocks[last] = replace(blocks[last], life=blocks[last].life or life)
    return Prompt(blocks=tuple(blocks), salts=((blocks[0].part, _said(body)),), life=life)


def _life(body: Body, options: Mapping[str, Any], model: Served, responses: bool) -> str:
    """The lifetime asked for; before GPT-5.6 it is `prompt_cache_retention`'s, which is ignored
    from then on."""
    given = options.get("ttl") if model.writes_billed else body.get("prompt_cache_retention")
    life = given or next(iter(model.lives))
    if life not in model.lives or (life == "12h" and not responses):
        raise Refused(f"Unsupported value: the cache's lifetime is {life!r}.")
    return str(life)


def _input(body: Body) -> Iterator[Block]:
    """Tools, instructions, then what was put in."""
    yield from _tools(body)
    if instructions := body.get("instructions"):
        yield Block(part="system", role="developer", text=str(instructions))
    given = body.get("input") or ""
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    for item in items:
        yield from _item(item)


def _messages(body: Body) -> Iterator[Block]:
    yield from _tools(body)
    if not body.get("messages"):
        raise Refused("Missing required parameter: 'messages'.")
    for message in body["messages"]:
        yield from _item(message)


def _tools(body: Body) -> Iterator[Block]:
    for tool in body.get("tools") or []:
        yield Block(part="tools", role="tool", text=as_text(tool))


def _item(item: Mapping[str, Any]) -> Iterator[Block]:
    """A message; its end is where an entry may end, unless the assistant said it."""
    role, content = str(item.get("role", item.get("type"))), item.get("content")
    parts: list[Any] = [content] if isinstance(content, str) else list(content or [item])
    for number, part in enumerate(parts, 1):
        mark = part.get("prompt_cache_breakpoint") if isinstance(part, dict) else None
        yield Block(
            part="system" if role in ("system", "developer") else "messages",
            role=role,
            text=as_text(part if isinstance(part, str) else _plain(part)),
            life="" if mark is None else str(mark.get("ttl") or ""),
            sought=number == len(parts) and role != "assistant",
            kind="" if mark is None else EXPLICIT,
        )


def _plain(part: Any) -> Any:
    """A part of text under any of its names."""
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return part["text"]
    return part


def _said(body: Body) -> str:
    given = {name: body[name] for name in SETTINGS if body.get(name) is not None}
    return json.dumps(given, sort_keys=True) if given else ""
