"""Token attributes of a GenAI span, under every name in use, and what the input means there.

| count | attributes, below `gen_ai.usage.` unless written out |
|---|---|
| input | `input_tokens`, `prompt_tokens` (older) |
| output | `output_tokens`, `completion_tokens` (older); thinking is in it |
| read | `cache_read.input_tokens`, `cache_read_input_tokens`, `cache_read_tokens`, `input_tokens.cached`, `details.cache_read_tokens`, `details.cache_read_input_tokens`, `details.cached_tokens`, `ai.usage.cachedInputTokens` |
| written | `cache_creation.input_tokens`, `cache_write.input_tokens` (the newer name), `cache_creation_input_tokens`, `cache_creation_tokens`, `cache_write_tokens`, `input_tokens.cache_write`, `details.cache_write_tokens`, `details.cache_creation_input_tokens`; its lifetime is not told |

Names of one count must agree; they are never added.

**What the input is.** By convention the total, reads and writes included. Some emitters pass on
Anthropic's `input_tokens`, which is the uncached rest. A span whose reads and writes exceed its
input proves that. Once one span of a scope (name and version of the instrumentation, and provider)
proves it, all spans of that scope in the file are read so, because one emitter does not change its
mind. Where nothing proves it, the convention holds: a scope of the wrong kind that reads little of
what it sends would be taken for a right one, with too few uncached tokens. Check one day against
the provider's own report.

Sources: semantic-conventions-genai registry (2026-08); OpenLLMetry 0.5.1, pydantic-ai, Sentry and
the Vercel AI SDK as their spans were found in public code, 2026-11.
"""  # noqa: E501

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .tokens import Tokens, exclusive, inclusive
from .values import NotUnderstood, whole

_USAGE = "gen_ai.usage."
INPUT = (f"{_USAGE}input_tokens", f"{_USAGE}prompt_tokens")
OUTPUT = (f"{_USAGE}output_tokens", f"{_USAGE}completion_tokens")
READ = (
    *(f"{_USAGE}{name}" for name in (
        "cache_read.input_tokens", "cache_read_input_tokens", "cache_read_tokens",
        "input_tokens.cached", "details.cache_read_tokens", "details.cache_read_input_tokens",
        "details.cached_tokens",
    )),
    "ai.usage.cachedInputTokens",
)  # fmt: skip
WRITTEN = tuple(f"{_USAGE}{name}" for name in (
    "cache_creation.input_tokens", "cache_write.input_tokens", "cache_creation_input_tokens",
    "cache_creation_tokens", "cache_write_tokens", "input_tokens.cache_write",
    "details.cache_write_tokens", "details.cache_creation_input_tokens",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of one span as they are logged; None is *not reported*."""

    input: int | None
    read: int | None
    written: int | None
    output: int | None

    @property
    def told(self) -> bool:
        """Whether there is a count of a call; reads alone stand in outer spans, too."""
        return self.input is not None or self.output is not None

    @property
    def proves_rest(self) -> bool:
        """Whether the input cannot be the total: more was read and written than it holds."""
        return self.input is not None and (self.read or 0) + (self.written or 0) > self.input

    def tokens(self, is_rest: bool) -> Tokens:
        """Disjoint counts; *is_rest* where the input is what was neither read nor written."""
        split = exclusive if is_rest else inclusive
        return split(self.input, self.read, {"other": self.written}, self.output)


def counts_of(attributes: Mapping[str, Any]) -> Counts:
    """The counts in *attributes*. Raises NotUnderstood where two names of one disagree."""
    return Counts(*(_one(attributes, names) for names in (INPUT, READ, WRITTEN, OUTPUT)))


def _one(attributes: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    told = {c for name in names if (c := whole(attributes.get(name), name)) is not None}
    if len(told) > 1:
        raise NotUnderstood(f"two names of {names[0]} hold {sorted(told)}")
    return told.pop() if told else None
