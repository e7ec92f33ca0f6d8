"""Causes that lie with the caller: client, SDK, prompt, gateway."""

from . import given, logged, reuse
from . import traffic as t
from .hypothesis import Hypothesis, Test
from .pattern import Pattern
from .reasons import provider_says
from .reuse import lost_with

RELEASE: tuple[Test, ...] = (given.event_of("client", "gateway"), given.no_release_given)
PROMPT: tuple[Test, ...] = (given.event_of("client", "gateway", "prompt"), given.no_release_given)


def _rewriting(name: str, says: str, needs: str, tests: tuple[Test, ...] = PROMPT) -> Hypothesis:
    """A client cause of class C (docs/METHODS.md): what was read is written again, lastingly."""
    patterns: frozenset[Pattern] = frozenset({"rewriting"})
    cause = f"client.{name}"
    every = (*tests, reuse.reuse_kept, provider_says(cause))
    return Hypothesis(id=cause, says=says, patterns=patterns, needs=needs, tests=every)


HYPOTHESES = (
    Hypothesis(
        id="client.markers_dropped",
        says="The client or gateway no longer sends its cache markers.",
        patterns=frozenset({"gone", "uncached"}),
        needs="one request body as it reaches the provider: does it carry cache markers?",
        tests=(
            t.same_route_caches,
            t.other_routes_cache,
            t.stopped_on_the_same_version,
            logged.markers_sent,
            *RELEASE,
        ),
    ),
    Hypothesis(
        id="client.prefix_changed",
        says="A release edited the prompt or the tools: every live prefix is written once more.",
        patterns=frozenset({"rewritten_once", "longer_prompts"}),
        needs="hashes of the prefixes before and after, or the times of prompt and client releases",
        tests=(
            *PROMPT,
            lost_with("head"),
            logged.prefixes_are_new,
            reuse.head_changed_with_version,
            provider_says("client.prefix_changed"),
        ),
    ),
    Hypothesis(
        id="client.isolation_moved",
        says="Traffic moved to another workspace or project, and the cache did not follow.",
        patterns=frozenset({"rewritten_once"}),
        needs="usage grouped by workspace on both sides of the move",
        tests=(t.scopes_stayed, lost_with("scope")),
    ),
    Hypothesis(
        id="client.ttl_shortened",
        says="The client stopped asking for a long lifetime, so entries expire between uses.",
        patterns=frozenset({"rewriting"}),
        needs="usage with write lifetimes, or a request log: hits by the gap since the last use",
        tests=(
            t.lifetimes_moved,
            *RELEASE,
            reuse.lost_after_same_gap,
            reuse.reuse_kept,
            provider_says("client.ttl_shortened"),
        ),
    ),
    _rewriting(
        "history_rewritten",
        "The client or gateway rewrites earlier messages, so conversations lose their cache.",
        "a request log with turn numbers, and hashes of the messages",
        tests=(*PROMPT, reuse.lost_without_a_mark, reuse.head_survives),
    ),
    _rewriting(
        "prefix_volatile",
        "A clock, an id or other variable text sits inside the prefix.",
        "two request bodies of one conversation: the first byte at which they differ",
        tests=(*PROMPT, lost_with("head"), logged.prefixes_scatter, reuse.missed_every_time),
    ),
    _rewriting(
        "tools_churn",
        "The tool list, which comes first in the prefix, keeps changing.",
        "a hash of the tools per request, or the provider's own miss reason",
        tests=(*PROMPT, lost_with("tools")),
    ),
    _rewriting(
        "parameter_changed",
        "Effort, thinking, tool choice or another parameter in the cache key keeps changing.",
        "the parameters per request, or the provider's own miss reason",
        tests=(
            given.event_of("client", "gateway", "config"),
            given.no_release_given,
            reuse.lost_without_a_mark,
        ),
    ),
    _rewriting(
        "resume",
        "Resumed sessions rebuild their blocks, so each process starts cold.",
        "a request log with process starts",
        tests=(*PROMPT, lost_with("process")),
    ),
    _rewriting(
        "lookback_overflow",
        "More blocks are added between two breakpoints than the cache looks back over.",
        "a request log with the blocks added per turn",
        tests=(*PROMPT, reuse.lost_without_a_mark, reuse.head_survives),
    ),
    _rewriting(
        "affinity_lost",
        "Requests rotate over keys, regions or endpoints, each with a cache of its own.",
        "usage grouped by key and region",
        tests=(
            t.same_route_caches,
            given.event_of("client", "gateway", "config"),
            given.no_release_given,
            lost_with("place"),
        ),
    ),
    _rewriting(
        "fan_out",
        "Requests run in parallel before the first one's entry can be read.",
        "a request log with start times: hits by the number in flight",
        tests=(*PROMPT, lost_with("overlap")),
    ),
)
