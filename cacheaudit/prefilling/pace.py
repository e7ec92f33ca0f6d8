"""A bounded rate: how soon the next call may be sent. Pure; times are seconds on any one clock.

Calls are spread evenly, because a provider may enforce a minute's limit by the second. Input tokens
are those of the last minute. At Anthropic, reads do not count towards the limit, writes and
uncached input do (platform.claude.com/docs, rate-limits, 2026-08); at OpenAI all input counts, and
above 15 requests a minute for one beginning of a prompt and one key a request may be routed to a
machine whose cache is cold (prompt-caching guide, 2026-10).
"""

from collections import deque
from dataclasses import dataclass

from ..probing.candidate import PROVIDERS, Candidate
from ..probing.questions import OLD_OPENAI_S

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is allowed.

    requests_per_minute, input_tokens_per_minute   0 is no limit, of the latter
    reads_count   whether tokens that are read count towards the latter
    apart_s       least time between calls of one head
    """

    requests_per_minute: float
    input_tokens_per_minute: float = 0.0
    reads_count: bool = True
    apart_s: float = 0.0

    @property
    def spacing_s(self) -> float:
        """Least time between any two calls."""
        return MINUTE_S / self.requests_per_minute


def limits_of(
    candidate: Candidate, requests_per_minute: float, input_tokens_per_minute: float
) -> Limits:
    """The limits that were given, and how *candidate*'s provider counts."""
    anthropic = PROVIDERS[candidate.api] == "anthropic"
    return Limits(
        requests_per_minute=requests_per_minute,
        input_tokens_per_minute=input_tokens_per_minute,
        reads_count=not anthropic,
        apart_s=0.0 if anthropic else OLD_OPENAI_S,
    )


@dataclass(slots=True)
class Entry:
    """Input tokens that count towards the limit, from at_s on for a minute."""

    at_s: float
    tokens: int


class Pace:
    """What was sent, and when the next may be."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._last_s = float("-inf")
        self._by_head: dict[str, float] = {}
        self._entries: deque[Entry] = deque()

    def free_s(self, head: str, tokens: int, now_s: float) -> float:
        """When a call of *head* that counts for *tokens* may be sent, *now_s* at the soonest."""
        apart_s = self._by_head.get(head, float("-inf")) + self._limits.apart_s
        at_s = max(now_s, self._last_s + self._limits.spacing_s, apart_s)
        limit = self._limits.input_tokens_per_minute
        if not limit:
            return at_s
        held = sum(entry.tokens for entry in self._entries if entry.at_s > at_s - MINUTE_S)
        for entry in self._entries:
            if held + tokens <= limit:
                break
            if entry.at_s > at_s - MINUTE_S:
                at_s, held = entry.at_s + MINUTE_S, held - entry.tokens
        return at_s

    def enter(self, head: str, tokens: int, at_s: float) -> Entry:
        """Enter a call; what it counted for may be mended in what is returned."""
        while self._entries and self._entries[0].at_s <= at_s - MINUTE_S:
            self._entries.popleft()
        self._last_s = max(self._last_s, at_s)
        self._by_head[head] = at_s
        self._entries.append(Entry(at_s, tokens))
        return self._entries[-1]
