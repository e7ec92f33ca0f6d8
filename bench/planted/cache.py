"""The honest cache: which tokens each request reads, writes, or sends in full.

An entry is keyed by everything that a provider hashes (version, workspace, backend, text of the
prefix, tools, parameters); it is readable from the first token of the response that wrote it,
lives `ttl_s` after its last touch, and every use refreshes it. Two levels: the conversation up to
the former turn, else the shared prefix. Prefixes under the floor are neither written nor read.
Reality adds eviction under load and refreshes that fail; these are planted as causes, not assumed.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .arrivals import phase_at, values_of
from .world import Cohort, Version

MANY_BLOCKS = 20  # an entry further back than this is not found
PROCESS_P = 0.12  # chance per turn that the client has been restarted since the last one


@dataclass(frozen=True, slots=True)
class Sent:
    """Each request as sent: arrays of equal length, by time."""

    version: np.ndarray  # number in `versions`
    versions: tuple[Version, ...]
    shared_tokens: np.ndarray
    cacheable_tokens: np.ndarray  # 0 without a marker or under the floor
    prompt_tokens: np.ndarray
    tail_marked: np.ndarray  # the conversation itself is marked
    tools: np.ndarray  # number of the tool list
    parameter: np.ndarray
    process: np.ndarray  # restarts of the client within the session so far
    endpoint: np.ndarray
    text: np.ndarray  # number of the text of the shared prefix
    stable: np.ndarray  # the same without the clock in it


def served(log: pd.DataFrame, cohort: Cohort, *, as_before: bool = False) -> pd.DataFrame:
    """*log* with what was served: tokens by class, ids, times and the provider's reason of a miss.

    as_before    every version caches and counts as the first one, and entries survive a change of
                 version or workspace: pass `cohort.as_before()`
    """
    at_s = log["at_s"].to_numpy()
    field = {
        k: values_of(cohort, k, at_s)
        for k in ("ttl_s", "rewrite_every", "resume_breaks", "lookback", "stable_tokens", "clock_s")
    }
    sent = _sent(log, cohort, as_before)
    rule = _rules(sent, as_before)
    turn = log["turn"].to_numpy()
    first_token_s = log["first_token_s"].to_numpy()

    scope = values_of(cohort, "scope", at_s).astype(str)
    one = np.zeros(len(log), int)
    where = _code(one if as_before else sent.version, one if as_before else scope, sent.endpoint)
    present = log["miss_u"].to_numpy() >= rule["missed"]
    cached = (sent.cacheable_tokens > 0) & present & rule["writes"]

    has_shared = cached & (sent.shared_tokens >= rule["floor_tokens"])
    shared_key = _code(where, sent.text, sent.tools)
    warm, _ = _found(shared_key, at_s, field["ttl_s"], first_token_s, has_shared)
    has_talk = cached & sent.tail_marked
    talk_key = _code(_code(where, sent.text, sent.tools), log["session"], sent.parameter)
    known, former = _found(talk_key, at_s, field["ttl_s"], first_token_s, has_talk)
    every = field["rewrite_every"]
    rewritten = (every > 0) & (turn > 0) & (turn % np.maximum(every, 1) == np.maximum(every, 1) - 1)
    restarted = field["resume_breaks"] & (turn > 0) & (log["process_u"].to_numpy() < PROCESS_P)
    wide = field["lookback"] & (log["blocks"].to_numpy() > MANY_BLOCKS)
    evicted = log["leaf_u"].to_numpy() < rule["leaf_missed"]
    known &= ~(rewritten | restarted | wide | evicted)

    read = np.where(warm, sent.shared_tokens, 0)
    read = np.maximum(read, np.where(known, sent.cacheable_tokens[former], 0))
    stable = field["stable_tokens"]
    if (stable > 0).any():
        has_stable = cached & (field["clock_s"] > 0) & (stable >= rule["floor_tokens"])
        still, _ = _found(
            _code(where, sent.stable), at_s, field["ttl_s"], first_token_s, has_stable
        )
        read = np.maximum(read, np.where(still, stable, 0))
    cacheable = np.where(rule["writes"], sent.cacheable_tokens, 0)
    read = np.where(rule["reads"], np.minimum(read, cacheable), 0)
    quantum = np.maximum(rule["quantum_tokens"], 1)
    read, cacheable = read // quantum * quantum, cacheable // quantum * quantum
    written = cacheable - read
    if cohort.provider == "openai":
        written = np.zeros_like(written)
    long_lived = field["ttl_s"] > 300
    uncached = sent.prompt_tokens - read - written
    output_tokens = log["output_tokens"].to_numpy() * values_of(cohort, "output", at_s)
    reply = np.maximum(1, np.round(output_tokens * rule["output"])).astype(int)
    quicker_s = np.minimum(4e-5 * read, 0.7 * first_token_s)
    first_token_ms = np.round(1000 * (first_token_s - quicker_s)).astype(int)
    ids = np.array([v.id for v in sent.versions])
    requested = values_of(cohort, "requested", at_s)
    return log.assign(
        model=ids[sent.version],
        model_requested=np.where(pd.isna(requested), ids[sent.version], requested),
        scope=np.where(scope == "None", cohort.scope, scope),
        client_version=values_of(cohort, "client_version", at_s),
        uncached_input_tokens=uncached,
        cache_read_tokens=read,
        cache_write_5m_tokens=np.where(long_lived, 0, written),
        cache_write_1h_tokens=np.where(long_lived, written, 0),
        output_tokens=reply,
        marker_sent=_marked(sent, values_of(cohort, "markers", at_s)),
        prefix_tokens=sent.shared_tokens,
        endpoint=sent.endpoint,
        process=sent.process,
        text=sent.text,
        tools=sent.tools,
        first_token_ms=first_token_ms,
        latency_ms=first_token_ms + np.round(15 * reply).astype(int),
        cache_miss_reason=_reason(log, sent, scope, read, rewritten | restarted),
    )


def _sent(log: pd.DataFrame, cohort: Cohort, as_before: bool) -> Sent:
    at_s, n = log["at_s"].to_numpy(), len(log)
    turn, session = log["turn"].to_numpy(), log["session"].to_numpy()
    phase = phase_at(cohort, at_s)
    versions = tuple(
        dict.fromkeys(v for _, p in cohort.phases for v in (p.version, p.canary) if v is not None)
    )
    main = np.array([versions.index(p.version) for _, p in cohort.phases])[phase]
    aside = np.array([versions.index(p.canary or p.version) for _, p in cohort.phases])[phase]
    by_session = np.array([p.canary_by == "session" for _, p in cohort.phases])[phase]
    die = np.where(by_session, log["session_u"], log["side_u"])
    version = np.where(die < values_of(cohort, "canary_share", at_s), aside, main)

    factors = np.array([versions[0].tokenizer if as_before else v.tokenizer for v in versions])
    factor = factors[version]
    length = np.array(cohort.prefixes_tokens)[log["prefix"].to_numpy()]
    shared = np.round((length + values_of(cohort, "edit_tokens", at_s)) * factor).astype(int)
    history = np.round(log["history_tokens"].to_numpy() * factor).astype(int)
    tail = np.round(log["tail_tokens"].to_numpy() * factor).astype(int)
    markers = values_of(cohort, "markers", at_s)
    known_id = np.array([v.markers for v in (versions[:1] * len(versions))]) if as_before else (
        np.array([v.markers for v in versions])
    )  # fmt: skip
    tail_marked = (markers == "all") & ~log["single"].to_numpy()
    cacheable = np.where(tail_marked, shared + history, shared)
    floors = np.array([(versions[0] if as_before else v).floor_tokens for v in versions])
    sent_any = (markers != "none") & known_id[version]
    cacheable = np.where(sent_any & (cacheable >= floors[version]), cacheable, 0)

    clock_s = values_of(cohort, "clock_s", at_s)
    tick = np.where(clock_s > 0, 1 + at_s // np.maximum(clock_s, 1e-3), 0)
    stable = _code(log["prefix"], values_of(cohort, "edition", at_s))
    churned = _within(session, turn, (turn > 0) & (log["tools_u"] < _of(cohort, "tools_p", at_s)))
    toggled = _within(session, turn, log["parameter_u"] < _of(cohort, "parameter_p", at_s))
    endpoints = values_of(cohort, "endpoints", at_s)
    return Sent(
        version=version,
        versions=versions,
        shared_tokens=shared,
        cacheable_tokens=cacheable,
        prompt_tokens=shared + history + tail,
        tail_marked=tail_marked,
        tools=np.where(churned > 0, 1 + _code(session, churned), 0),
        parameter=toggled % 2,
        process=_within(session, turn, (turn > 0) & (log["process_u"] < PROCESS_P)),
        endpoint=np.floor(log["endpoint_u"].to_numpy() * endpoints).astype(int) + np.zeros(n, int),
        text=_code(stable, tick),
        stable=stable,
    )


def _of(cohort: Cohort, name: str, at_s: np.ndarray) -> np.ndarray:
    return values_of(cohort, name, at_s)


def _rules(sent: Sent, as_before: bool) -> dict[str, np.ndarray]:
    """The serving version's rules by request (as before: the first version's)."""
    names = ("floor_tokens", "missed", "leaf_missed", "quantum_tokens", "writes", "reads", "output")
    rules = [sent.versions[0] if as_before else v for v in sent.versions]
    return {k: np.array([getattr(v, k) for v in rules])[sent.version] for k in names}


def _code(*columns: object) -> np.ndarray:
    """One number per distinct row of *columns*."""
    code = np.zeros(len(columns[0]), np.int64)  # type: ignore[arg-type]
    for column in columns:
        part, values = pd.factorize(np.asarray(column))
        code = pd.factorize(code * (len(values) + 1) + part)[0]
    return code


def _within(session: np.ndarray, turn: np.ndarray, happens: object) -> np.ndarray:
    """How often *happens* was true in the session up to and including each turn."""
    order = np.lexsort((turn, session))
    total = np.cumsum(np.asarray(happens)[order])
    opens = np.r_[True, session[order][1:] != session[order][:-1]]
    start = np.maximum.accumulate(np.where(opens, np.arange(len(order)), 0))
    before = (total - np.asarray(happens)[order])[start]
    counted = np.empty(len(order), int)
    counted[order] = total - before
    return counted


def _found(
    key: np.ndarray,
    at_s: np.ndarray,
    ttl_s: np.ndarray,
    first_token_s: np.ndarray,
    takes_part: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Which requests find a living, readable entry of their key, and who touched it last.

    A run is a chain of touches none of which is more than a lifetime after the one before; its
    first request writes, and the entry is readable from that response's first token.
    """
    found, former = np.zeros(len(key), bool), np.zeros(len(key), int)
    rows = np.flatnonzero(takes_part)
    if not len(rows):
        return found, former
    rows = rows[np.lexsort((at_s[rows], key[rows]))]
    gap_s = np.r_[np.inf, np.diff(at_s[rows])]
    other = np.r_[True, key[rows][1:] != key[rows][:-1]]
    opens = other | (gap_s > np.r_[0.0, ttl_s[rows][:-1]])
    start = rows[np.maximum.accumulate(np.where(opens, np.arange(len(rows)), 0))]
    found[rows] = ~opens & (at_s[rows] >= at_s[start] + first_token_s[start])
    former[rows[1:]] = rows[:-1]
    return found, former


def _marked(sent: Sent, markers: np.ndarray) -> np.ndarray:
    known = np.array([v.markers for v in sent.versions])[sent.version]
    return (markers != "none") & known


def _reason(
    log: pd.DataFrame, sent: Sent, scope: np.ndarray, read: np.ndarray, rewritten: np.ndarray
) -> np.ndarray:
    """What a provider that compares with the former turn would say of a miss; None: no miss."""
    session, turn = log["session"].to_numpy(), log["turn"].to_numpy()
    order = np.lexsort((turn, session))
    former = np.zeros(len(order), int)
    former[order[1:]] = order[:-1]
    missed = (turn > 0) & sent.tail_marked & (read < sent.cacheable_tokens[former])
    at_s = log["at_s"].to_numpy()
    text = np.full(len(order), None, object)

    def say(word: str, where: np.ndarray) -> None:
        text[missed & where & (text == None)] = word  # noqa: E711

    say("previous_message_not_found", (scope != scope[former]) | (at_s - at_s[former] > 3600))
    say("model_changed", sent.version != sent.version[former])
    say("tools_changed", sent.tools != sent.tools[former])
    say("system_changed", sent.text != sent.text[former])
    say("messages_changed", rewritten)
    say("unavailable", np.ones(len(order), bool))
    return text
