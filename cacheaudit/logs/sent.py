"""What a request says about caching, without its text: hashes of what is meant to be shared.

| request field | column |
|---|---|
| `system`, `instructions`, `systemInstruction`, first messages of the system | `system_hash` |
| `tools`, `toolConfig` | `tools_hash` |
| both of these, and `prompt_cache_key` | `prefix_id` |
| `cache_control`, `cachePoint`, `prompt_cache_breakpoint` anywhere | `marker_sent` |

Hashes keep the order of fields and tools, because providers compare the rendered text; markers are
left out of them, so that a marker that moves is no changed prompt. A request without messages is no
whole request: nothing is said about markers then.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from .values import NotUnderstood

MARKERS = ("cache_control", "cachePoint", "prompt_cache_breakpoint")
_PROMPTS = ("messages", "input", "contents")
_SYSTEMS = ("system", "instructions", "systemInstruction", "system_instruction")
_FIRST_ROLES = ("system", "developer")


def sent(request: Any) -> dict[str, Any]:
    """Columns about what *request*, a provider's request body, sent; only what it tells.

    Raises NotUnderstood where it is nested too deeply to be a request.
    """
    try:
        return _told(request) if isinstance(request, Mapping) else {}
    except RecursionError:
        raise NotUnderstood("the request is nested too deeply") from None


def _told(request: Mapping[str, Any]) -> dict[str, Any]:
    system, tools = _system(request), request.get("tools") or request.get("toolConfig")
    key = request.get("prompt_cache_key")
    found: dict[str, Any] = {}
    if system:
        found["system_hash"] = hashed(system)
    if tools:
        found["tools_hash"] = hashed(tools)
    if system or tools or key:
        found["prefix_id"] = hashed([system or None, tools or None, key])
    if any(request.get(name) for name in _PROMPTS):
        found["marker_sent"] = _marked(request)
    return found


def hashed(value: Any) -> str:
    """The first 64 bits of SHA-256 of *value* as JSON, without cache markers."""
    return hashlib.sha256(msgspec.json.encode(_unmarked(value))).hexdigest()[:16]


def _system(request: Mapping[str, Any]) -> Any:
    for name in _SYSTEMS:
        if request.get(name):
            return request[name]
    first = []
    for message in _listed(request.get("messages")) or _listed(request.get("input")):
        if not isinstance(message, Mapping) or message.get("role") not in _FIRST_ROLES:
            break
        first.append(message)
    return first


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _marked(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(value.get(m) is not None for m in MARKERS) or any(map(_marked, value.values()))
    return isinstance(value, list) and any(map(_marked, value))


def _unmarked(value: Any) -> Any:
    """*value* without markers: a block that is nothing but a marker goes whole."""
    if isinstance(value, Mapping):
        return {k: _unmarked(v) for k, v in value.items() if k not in MARKERS}
    if isinstance(value, list):
        return [kept for v in value if (kept := _unmarked(v)) != {} or v == {}]
    return value
