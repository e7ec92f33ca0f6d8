"""The models that the sandbox serves, and the cache rules of each.

By default those of rules.py with the documented rules; where nobody has said a minimum, the one of
the generation before. A test or a rehearsal may add versions with a truth of its own choosing.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ..rules import all_rules

GENERATION = {"anthropic": 512, "openai": 1024}  # tokens, where a model's minimum is not known
TOKENS_PER_WORD = {"claude-2": 1.3}  # of the newer tokenizer; of any other 1
LIVES = {"anthropic": {"5m": 300.0, "1h": 3600.0}, "openai": {"30m": 1800.0, "12h": 43_200.0}}
IN_MEMORY = {"in_memory": 300.0, "24h": 86_400.0}  # OpenAI before GPT-5.6: idle time, s
BLOCK_TOKENS = 128  # OpenAI before GPT-5.6 caches whole blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One version and its cache.

    minimum_tokens      shortest prefix that is cached
    lives               lifetimes that can be asked for, in s; the first is the default
    writes_billed       whether entries end at marks and their writing is reported (Anthropic, and
                        OpenAI from GPT-5.6 on), or anywhere, in blocks, for nothing
    tokens_per_word     of its tokenizer
    prewarm             whether a request that generates nothing is served
    alias_of            the version that answers under this name, where it is another
    replicas, stray     machines with a cache of their own, and how often a request goes astray
    overflow_per_min    requests of one prefix and key above which they go astray as well
    output_tokens       that it says, unless a request allows fewer
    ignores_limit       whether it says them all whatever a request allows, as some gateways do
    cold_s_per_token, warm_s  time to the first token: what is not read takes longer
    """

    id: str
    provider: Literal["anthropic", "openai"]
    minimum_tokens: int
    lives: dict[str, float]
    writes_billed: bool = True
    tokens_per_word: float = 1.0
    prewarm: bool = True
    alias_of: str = ""
    replicas: int = 1
    stray: float = 0.0
    overflow_per_min: int | None = None
    output_tokens: int = 1
    ignores_limit: bool = False
    cold_s_per_token: float = 2e-6
    warm_s: float = 0.002
    created: date = date(2026, 1, 1)
    lifecycle: Literal["active", "deprecated", "retired"] = "active"
    retires: date | None = None

    def tokens(self, words: int) -> int:
        """Tokens of a prefix of so many words; never fewer than those of a shorter one."""
        return math.ceil(words * self.tokens_per_word - 1e-9)

    def says(self, most_tokens: int | None) -> int:
        """Tokens of an answer of at most *most_tokens*; None sets no limit."""
        if most_tokens is None or self.ignores_limit:
            return self.output_tokens
        return min(self.output_tokens, most_tokens)


class Catalogue:
    """Served versions by name."""

    def __init__(self, served: Iterable[Served]) -> None:
        self._served: dict[str, Served] = {}
        for one in served:
            self.add(one)

    def add(self, one: Served) -> None:
        """Serve *one*, in place of what had its name."""
        self._served[one.id] = one

    def get(self, name: str) -> Served | None:
        """What answers to *name*: the version itself, not its alias. None where nothing does."""
        found = self._served.get(name)
        return self._served.get(found.alias_of, found) if found and found.alias_of else found

    def of(self, provider: str) -> Iterator[Served]:
        """All names of *provider*, newest first."""
        mine = [one for one in self._served.values() if one.provider == provider]
        yield from sorted(mine, key=lambda one: (one.created, one.id), reverse=True)


def documented() -> Catalogue:
    """Every model of rules.py that Anthropic or OpenAI serves under one name."""
    served = {}
    for rule in all_rules():
        if rule.provider not in LIVES or rule.model.endswith("*"):
            continue
        billed = rule.writes_billed is not False
        served[rule.model] = Served(
            id=rule.model,
            provider="anthropic" if rule.provider == "anthropic" else "openai",
            minimum_tokens=rule.minimum_tokens or GENERATION[rule.provider],
            lives=LIVES[rule.provider] if billed else IN_MEMORY,
            writes_billed=billed,
            tokens_per_word=TOKENS_PER_WORD.get(rule.tokenizer or "", 1.0),
            overflow_per_min=15 if rule.provider == "openai" else None,
        )
    for name in ("gpt-5.6-sol", "gpt-6.1-sol"):
        served[name] = Served(
            id=name, provider="openai", minimum_tokens=1024, lives=LIVES["openai"],
            overflow_per_min=15,
        )  # fmt: skip
    return Catalogue(served.values())
