"""What a planted world is made of: versions, phases of behaviour, cohorts of traffic.

Days are days of the planted clock: 0 is START, 14.5 is noon of the fifteenth day.
"""

from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

START = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday
BEFORE = -1e9  # the first phase holds from here


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A served model id and how it counts and caches.

    floor_tokens    shortest prefix that is cached
    tokenizer       its tokens per token of the text (prompts and history)
    output          its output tokens per former output token
    missed          share of requests that land where nothing is cached (they read 0, write all)
    leaf_missed     share of requests whose conversation is evicted, the shared prefix kept
    quantum_tokens  reads come in whole blocks of this many tokens; 0: any count
    writes, reads   False: this model does not write, or not read, what the client marks
    markers         False: the client does not recognise the id and sends no markers
    """

    id: str
    floor_tokens: int = 1024
    tokenizer: float = 1.0
    output: float = 1.0
    missed: float = 0.0
    leaf_missed: float = 0.0
    quantum_tokens: int = 0
    writes: bool = True
    reads: bool = True
    markers: bool = True


SONNET_45 = Version(id="claude-sonnet-4-5-20250929", floor_tokens=1024)
OPUS_46 = Version(id="claude-opus-4-6", floor_tokens=4096)
OPUS_47 = Version(id="claude-opus-4-7", floor_tokens=2048, tokenizer=1.3)
HAIKU_45 = Version(id="claude-haiku-4-5-20251001", floor_tokens=4096)
GPT_51 = Version(id="gpt-5.1", quantum_tokens=128)
GPT_52 = Version(id="gpt-5.2", quantum_tokens=128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """How a cohort behaves for a while.

    version, canary, canary_share, canary_by   who serves; the canary takes a random share
    markers         all: shared prefix and conversation; head: shared prefix only; none
    edition         of the text of the shared prefix; `edit_tokens` is its change in length
    clock_s         a clock of this grain stands in the shared prefix after `stable_tokens`; 0: none
    rewrite_every   every n-th turn the client sends the history with other bytes; 0: never
    tools_p         chance per turn that the session's tool list changes (and stays so)
    parameter_p     chance per turn that a parameter in the key is switched (effort up, effort down)
    resume_breaks   the first request of a new process has rebuilt its history
    lookback        breakpoints are so far apart that turns of more than 20 blocks are not found
    endpoints       caches among which requests rotate at random
    parallel        jobs send all requests at once, not after the first response began
    scope           workspace; None: the cohort's own
    requested       what the caller asks for; None: the id that serves
    client_version  release of the caller
    volume, turns, gap, context, weights, single   workload: factors on sessions per hour, turns
                    per session, gaps between turns, tokens; weights of the prefixes; share of
                    single-shot requests
    """

    version: Version = SONNET_45
    canary: Version | None = None
    canary_share: float = 0.0
    canary_by: Literal["request", "session"] = "request"
    markers: Literal["all", "head", "none"] = "all"
    ttl_s: float = 300.0
    edition: int = 0
    edit_tokens: int = 0
    clock_s: float = 0.0
    stable_tokens: int = 0
    rewrite_every: int = 0
    tools_p: float = 0.0
    parameter_p: float = 0.0
    resume_breaks: bool = False
    lookback: bool = False
    endpoints: int = 1
    parallel: bool = False
    scope: str | None = None
    requested: str | None = None
    client_version: str = "2.4.0"
    volume: float = 1.0
    turns: float = 1.0
    gap: float = 1.0
    context: float = 1.0
    output: float = 1.0
    single: float | None = None


WORKLOAD = ("volume", "turns", "gap", "context", "output", "single")
NAMING = ("version", "canary", "canary_share", "canary_by", "scope", "requested", "client_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Traffic of one workspace through one route.

    kind              chat: conversations and single shots; jobs: parallel requests on one document
    prefixes_tokens   length of each shared system+tools prefix, the first the most used
    sessions_per_hour mean at the busiest hour of a weekday
    turns             mean requests of a session (jobs: exactly)
    gap_s, gap_sigma  median and spread (lognormal) of the pause between turns
    turn_tokens       median tokens that a turn adds; opening_tokens: that the first one brings
    tail_tokens       median tokens after the last marker
    single            share of sessions that are one shot on the shared prefix: their text is
                      after the marker, so uncached by design
    rhythm            depth of the day's season, 0 to 1
    """

    scope: str
    route: str = "edge"
    provider: str = "anthropic"
    kind: Literal["chat", "jobs"] = "chat"
    prefixes_tokens: tuple[int, ...] = (6000, 9000, 12000)
    sessions_per_hour: float = 40.0
    turns: float = 7.0
    gap_s: float = 25.0
    gap_sigma: float = 1.3
    turn_tokens: float = 700.0
    opening_tokens: float = 1500.0
    tail_tokens: float = 120.0
    output_tokens: float = 350.0
    single: float = 0.3
    rhythm: float = 0.6
    weekend: float = 0.5
    phases: tuple[tuple[float, Phase], ...] = ((BEFORE, Phase()),)

    def then(self, day: float, **changes: object) -> "Cohort":
        """This cohort, whose behaviour changes further on *day*."""
        last = self.phases[-1][1]
        return replace(self, phases=(*self.phases, (day, replace(last, **changes))))  # type: ignore[arg-type]

    def first(self, **changes: object) -> "Cohort":
        """This cohort with another first phase."""
        head = replace(self.phases[0][1], **changes)  # type: ignore[arg-type]
        return replace(self, phases=((BEFORE, head), *self.phases[1:]))

    def as_before(self) -> "Cohort":
        """The same traffic, sent and cached as in the first phase; who serves stays as it is.

        The world without the cause: see `cache.served(..., as_before=True)`, which also gives
        every version the caching rules of the first one.
        """
        head = self.phases[0][1]
        kept = [
            (day, replace(head, **{k: getattr(p, k) for k in (*WORKLOAD, *NAMING)}))
            for day, p in self.phases
        ]
        return replace(self, phases=tuple(kept))
