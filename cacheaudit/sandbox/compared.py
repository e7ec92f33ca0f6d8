"""Two requests compared: why the second could not read what the first left in the cache.

Only hashes and counts are kept, as the providers say of themselves. The order of the reasons is
that of the prompt: what comes first hides what comes after.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .prompt import Prompt
from .serving import Call

Digest = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What is remembered of a request. *cached_tokens* is what it left readable, *read_tokens* what
    it found."""

    model: str
    speed: str
    tools: Digest
    system: Digest
    messages: Digest
    settings: Mapping[str, Any]
    cached_tokens: int
    read_tokens: int

    @classmethod
    def of(cls, prompt: Prompt, body: Mapping[str, Any], call: Call) -> "Sent":
        """Of a request whose prompt is *prompt*."""
        return cls(
            model=call.model.id,
            speed=str(body.get("speed") or "standard"),
            tools=prompt.digest("tools"),
            system=prompt.digest("system"),
            messages=prompt.digest("messages"),
            settings={name: body[name] for name in SETTINGS if body.get(name) is not None},
            cached_tokens=call.split.input_tokens - call.split.uncached_tokens,
            read_tokens=call.split.read_tokens,
        )


SETTINGS = {
    "prompt_cache_key": "prompt_cache_key_changed",
    "text": "text_format_changed",
    "reasoning": "reasoning_effort_changed",
    "service_tier": "service_tier_changed",
}


class Seen:
    """Requests by scope and the id of their response."""

    def __init__(self) -> None:
        self._sent: dict[tuple[str, str], Sent] = {}

    def keep(self, scope: str, id: str, sent: Sent) -> None:
        """Remember *sent*."""
        self._sent[scope, id] = sent

    def get(self, scope: str, id: str | None) -> Sent | None:
        """What was remembered under *id*; None where nothing was."""
        return None if id is None else self._sent.get((scope, id))


def anthropic_diagnostics(before: Sent | None, now: Sent) -> dict[str, Any] | None:
    """Anthropic's `diagnostics` of *now* after *before*; None is "no divergence"."""
    if before is None:
        return {"cache_miss_reason": {"type": "previous_message_not_found"}}
    reason = _reason(before, now)
    if reason is None:
        return None
    missed = before.cached_tokens
    return {"cache_miss_reason": {"type": reason, "cache_missed_input_tokens": missed}}


def openai_diagnostics(before: Sent | None, now: Sent) -> dict[str, Any]:
    """OpenAI's `prompt_cache_diagnostics` of *now* after *before*.

    Where nothing differs and nothing was read, an entry has expired or was never written: OpenAI
    has no word for that, so it is "unavailable" here.
    """
    if before is None:
        return {"type": "comparison_response_not_found"}
    changed = next(
        (why for s, why in SETTINGS.items() if before.settings.get(s) != now.settings.get(s)), None
    )
    reason = _reason(before, now)
    told = {"system_changed": "input_changed", "messages_changed": "input_changed"}
    first = reason if reason in ("model_changed", "tools_changed") else changed or reason
    if first is None:
        return {"type": "cache_hit" if now.read_tokens else "unavailable"}
    return {
        "type": "cache_miss",
        "reason": told.get(first, first),
        "cache_missed_tokens": before.cached_tokens,
        "comparison_reusable_tokens": before.cached_tokens,
    }


def _reason(before: Sent, now: Sent) -> str | None:
    """The first part that differs; messages may go on where they ended."""
    if (before.model, before.speed) != (now.model, now.speed):
        return "model_changed"
    if before.tools != now.tools:
        return "tools_changed"
    if before.system != now.system:
        return "system_changed"
    kept = now.messages[: len(before.messages)]
    return None if kept == before.messages else "messages_changed"
