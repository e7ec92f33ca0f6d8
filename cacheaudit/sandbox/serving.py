"""Requests served: a prompt goes through the cache of its version, and into the books.

A call is begun and then finished. What it reads is settled when it begins; what it writes can be
read by others once it is finished, which is when its response begins. So requests at the same time
all miss.
"""

import hashlib
import random
from collections import deque
from dataclasses import dataclass
from itertools import count, islice

from .cache import Mark, Place, PromptCache, Split, split
from .catalogue import Catalogue, Served
from .ledger import Ledger
from .prompt import Prompt, words_of

KEY_WORDS = 256  # what routing looks at
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose request it is: the workspace or project, and the key's id. Caches end at the scope."""

    scope: str
    route: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that has begun.

    id          of the response
    model       the version that serves it
    split       how its input is had
    wait_s      until its response begins
    """

    id: str
    model: Served
    caller: Caller
    split: Split
    wait_s: float
    start_s: float
    place: Place
    written: tuple[Mark, ...]


class Serving:
    """The cache, the versions and the books of one sandbox."""

    def __init__(self, catalogue: Catalogue, ledger: Ledger, seed: int = 0) -> None:
        self.catalogue, self.ledger, self.cache = catalogue, ledger, PromptCache()
        self._chance = random.Random(seed)
        self._ids = count(1)
        self._recent: dict[Place, deque[float]] = {}

    def begin(self, prompt: Prompt, model: Served, caller: Caller, *, apart: str = "") -> Call:
        """Start serving *prompt*; *apart* separates caches of one scope (OpenAI's cache key)."""
        at_s = self.ledger.clock.now.timestamp()
        marks = prompt.marks(model)
        shared = (caller.scope, model.id, apart if model.writes_billed else "")
        place = (*shared, self._machine(prompt, model, (shared, apart), at_s))
        hit = self.cache.read(place, marks, at_s)
        total = model.tokens(prompt.words())
        written = tuple(m for m in marks if m.life and (hit is None or m.tokens > hit.tokens))
        billed = split(total, hit, written if model.writes_billed else ())
        return Call(
            id=f"{next(self._ids):024x}",
            model=model,
            caller=caller,
            split=billed,
            wait_s=model.warm_s + model.cold_s_per_token * (total - billed.read_tokens),
            start_s=at_s,
            place=place,
            written=written,
        )

    def finish(self, call: Call, output_tokens: int) -> None:
        """The response begins: what *call* wrote can be read, and it stands in the books."""
        for mark in call.written:
            self.cache.write(call.place, [mark], call.start_s, call.model.lives[mark.life])
        labels = {
            "provider": call.model.provider,
            "model": call.model.id,
            "scope": call.caller.scope,
            "route": call.caller.route,
        }
        self.ledger.add(labels, counts_of(call, output_tokens), call.start_s)

    def _machine(self, prompt: Prompt, model: Served, key: Place, at_s: float) -> int:
        """Which machine serves it: the one of its prefix, unless it goes astray."""
        busy = False
        if model.overflow_per_min is not None:
            recent = self._recent.setdefault((key, _head(prompt)), deque())
            while recent and recent[0] <= at_s - MINUTE_S:
                recent.popleft()
            recent.append(at_s)
            busy = len(recent) > model.overflow_per_min
        others = max(model.replicas, 2 if busy else 1) - 1
        astray = busy or (others and self._chance.random() < model.stray)
        return self._chance.randint(1, others) if astray else 0


def counts_of(call: Call, output_tokens: int) -> dict[str, int]:
    """The counts of *call* as the usage frame has them; what is not reported is absent."""
    wrote = {
        f"cache_write_{life}_tokens": call.split.written_tokens.get(life, 0)
        for life in (call.model.lives if call.model.writes_billed else ())
    }
    return {
        "requests": 1,
        "uncached_input_tokens": call.split.uncached_tokens,
        "cache_read_tokens": call.split.read_tokens,
        **wrote,
        "output_tokens": output_tokens,
    }


def _head(prompt: Prompt) -> str:
    words = (w for b in prompt.blocks for w in (b.role, *words_of(b.text)))
    return hashlib.sha256(" ".join(islice(words, KEY_WORDS)).encode()).hexdigest()
