"""How a prefix is asked for with as little output as it can be: the ways, the least first. Pure.

Anthropic's `max_tokens=0` generates nothing; it is refused with enabled thinking, an output format
and a forced tool choice. What forbids it stays, because it may be part of what the entry is named
by: a format and a tool choice cost one token, enabled thinking all that it may think. OpenAI's
Responses have `prewarm` from GPT-5.6 on, else at least 16 tokens; Chat Completions takes one, and
some models want room for more. A way that is refused is followed by the next.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..probing.ask import LEAST_OUTPUT_TOKENS

ROOMS = (1, 16, 256)  # tokens, Chat Completions: reasoning models refuse too few


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way.

    kind           prewarm (nothing is generated), short (as little as there is), thinks (as much
                   as production's thinking may take)
    fields         of the body, over the prefix's own
    options        of prompt_cache_options, over the prefix's own
    output_tokens  that may be generated, and are set aside
    """

    kind: Literal["prewarm", "short", "thinks"]
    fields: Mapping[str, Any]
    options: Mapping[str, Any] | None = None
    output_tokens: int

    def body(self, shared: Mapping[str, Any], model: str) -> dict[str, Any]:
        """What is sent to *model*."""
        made = {**shared, **self.fields, "model": model}
        if self.options is not None:
            made["prompt_cache_options"] = {
                **(shared.get("prompt_cache_options") or {}), **self.options
            }  # fmt: skip
        return made


def ways(shared: Mapping[str, Any], api: str, *, in_blocks: bool) -> tuple[Way, ...]:
    """The ways for *shared*, to be tried in this order.

    in_blocks  whether the version is OpenAI's from before GPT-5.6, which has no `prewarm`
    """
    if api == "messages":
        return _messages(shared)
    if api == "chat":
        return tuple(
            Way(kind="short", fields={"max_completion_tokens": room}, output_tokens=room)
            for room in ROOMS
        )
    least = {"max_output_tokens": LEAST_OUTPUT_TOKENS}
    short = Way(kind="short", fields=least, output_tokens=LEAST_OUTPUT_TOKENS)
    if in_blocks:
        return (short,)
    prewarm = Way(
        kind="prewarm", fields=least, options={"prewarm": True}, output_tokens=LEAST_OUTPUT_TOKENS
    )
    return prewarm, short


def _messages(shared: Mapping[str, Any]) -> tuple[Way, ...]:
    thinking = shared.get("thinking") or {}
    if thinking.get("type") == "enabled":
        most = int(thinking.get("budget_tokens") or 0) + 1
        return (Way(kind="thinks", fields={"max_tokens": most}, output_tokens=most),)
    short = Way(kind="short", fields={"max_tokens": 1}, output_tokens=1)
    forced = (shared.get("tool_choice") or {}).get("type") in ("any", "tool")
    if forced or (shared.get("output_config") or {}).get("format"):
        return (short,)
    return Way(kind="prewarm", fields={"max_tokens": 0}, output_tokens=1), short
