"""A request to Anthropic's Messages API as a prompt, or the refusal that the API would give.

Rules as documented in August to November 2026 (platform.claude.com/docs, prompt-caching): tools,
then system, then messages; at most four breakpoints, the longer lifetime first; from each, entries
are looked for at up to 20 blocks; a top-level `cache_control` is a breakpoint on the last block.
What invalidates a part although no text changed (tool choice, thinking, effort, speed) is its salt.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .prompt import Block, Prompt, as_text
from .query import Refused

LOOKBACK, BREAKPOINTS = 20, 4
GONE = ("temperature", "top_p", "top_k")  # API version 2026-10-21
REQUIRED = ("model", "max_tokens", "messages")
Body = Mapping[str, Any]


def prompt_of(body: Body) -> Prompt:
    """The prompt of a request whose fields have been checked."""
    blocks = list(_blocks(body))
    control = body.get("cache_control")
    if control is not None:
        blocks = _automatic(blocks, _life(control))
    lives = [block.life for block in blocks if block.life]
    if len(lives) > BREAKPOINTS:
        raise Refused(f"cache_control: at most 4 breakpoints, found {len(lives)}.")
    if "5m" in lives and "1h" in lives[lives.index("5m") :]:
        raise Refused("a ttl='1h' cache_control block must not come after a ttl='5m' one.")
    salts = {
        "system": _said(body, "speed"),
        "messages": _said(body, "speed", "tool_choice", "thinking", "output_config"),
    }
    return Prompt(
        blocks=tuple(blocks),
        salts=tuple((part, said) for part, said in salts.items() if said),
        lookback=LOOKBACK,
    )


def check(body: Body, version: str) -> None:
    """Refuse what the API refuses before it looks at a model; *version* is of the API."""
    for name in REQUIRED:
        if name not in body:
            raise Refused(f"{name}: Field required")
    if gone := [name for name in GONE if name in body and version >= "2026-10-21"]:
        raise Refused(f"{gone[0]}: Extra inputs are not permitted")
    if not isinstance(body["messages"], list) or not body["messages"]:
        raise Refused("messages: at least one message is required")
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 0:
        raise Refused("max_tokens: Input should be greater than or equal to 0")
    if body["max_tokens"] == 0 and (why := _not_to_prewarm(body)):
        raise Refused(f"max_tokens: 0 is not allowed with {why}")
    if body["max_tokens"] <= _thought_tokens(body):
        raise Refused("max_tokens: must be greater than thinking.budget_tokens")


def _not_to_prewarm(body: Body) -> str:
    """What a request that is to generate nothing may not ask for."""
    thinking, choice = body.get("thinking") or {}, body.get("tool_choice") or {}
    if body.get("stream"):
        return "stream"
    if thinking.get("type") == "enabled":
        return "thinking"
    if (body.get("output_config") or {}).get("format"):
        return "output_config.format"
    return "a forced tool_choice" if choice.get("type") in ("any", "tool") else ""


def _thought_tokens(body: Body) -> int:
    """That the model may think before it answers; -1 where it does not."""
    thinking = body.get("thinking") or {}
    return int(thinking.get("budget_tokens") or 0) if thinking.get("type") == "enabled" else -1


def _blocks(body: Body) -> Iterator[Block]:
    for tool in body.get("tools") or []:
        yield _block("tools", "tool", tool)
    for part in _listed(body.get("system") or []):
        yield _block("system", "system", part)
    for message in body["messages"]:
        for part in _listed(message.get("content") or ""):
            yield _block("messages", str(message.get("role")), part)


def _listed(content: Any) -> list[Any]:
    return [content] if isinstance(content, str) else list(content)


def _block(part: str, role: str, value: Any) -> Block:
    control = value.get("cache_control") if isinstance(value, dict) else None
    if control is not None and value.get("type") == "text" and not value.get("text"):
        raise Refused("cache_control: cannot be set for empty text blocks")
    life = "" if control is None else _life(control)
    return Block(part=part, role=role, text=as_text(value), life=life)


def _life(control: Any) -> str:
    if not isinstance(control, dict) or control.get("type") != "ephemeral":
        raise Refused("cache_control.type: Input should be 'ephemeral'")
    life = control.get("ttl", "5m")
    if life not in ("5m", "1h"):
        raise Refused("cache_control.ttl: Input should be '5m' or '1h'")
    return str(life)


def _automatic(blocks: list[Block], life: str) -> list[Block]:
    last = blocks[-1]
    if last.life and last.life != life:
        raise Refused("cache_control: the last block has another ttl.")
    if not last.life and sum(bool(block.life) for block in blocks) >= BREAKPOINTS:
        raise Refused("cache_control: no breakpoint is left for automatic caching.")
    return [*blocks[:-1], replace(last, life=life)]


def _said(body: Body, *names: str) -> str:
    """The settings *names* that are given, as one text; an explicit standard speed is none."""
    given = {n: body[n] for n in names if body.get(n) not in (None, "standard", {})}
    return json.dumps(given, sort_keys=True) if given else ""
