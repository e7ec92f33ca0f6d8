"""Hits of block traces.

A block hits if every block before it did, its own version last used it within the lifetime, and the
call that wrote it began at least `ready_s` before. Using a path uses all of it.

Sorted by block, in the order of the calls within it, a replay is a few passes over arrays: exact,
without a tree. The order is made once per trace, and serves any number of cutovers.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from .cutover import Cutover, Prefill
from .rules import Rules, RulesOf, rules_for
from .split import Whole, calls_moved, calls_spread, keys_moved, parts_at
from .trace import Trace

Marks = npt.NDArray[np.bool_]
Versions = npt.NDArray[np.object_]


def served_by(trace: Trace, cutover: Cutover | None) -> npt.NDArray[np.object_]:
    """(calls,) the version that serves each call under *cutover*."""
    if cutover is None:
        return trace.model
    shares = cutover.shares_ms()
    parts = parts_at(trace.at_ms, shares)
    if cutover.split_by == "request":
        moved = calls_moved(np.arange(len(parts)), parts)
    elif cutover.split_by == "spread":
        moved = calls_spread(np.arange(len(parts)), parts)
    elif cutover.split_by == "prefix":
        moved = keys_moved(trace.first_block, parts)
    elif cutover.split_by == "session":
        moved = keys_moved(trace.session, parts)
    else:
        moved = keys_moved(trace.session, _at_first(trace, parts, shares))
    if cutover.from_model is not None:
        moved &= trace.model == cutover.from_model
    return np.where(moved, cutover.to, trace.model)


def _at_first(trace: Trace, parts: Whole, shares: list[tuple[int, float]]) -> Whole:
    """Parts when each conversation began; a rollback takes them all."""
    first = np.full(int(trace.session.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, trace.session, trace.at_ms)
    began = parts_at(first, shares)[trace.session]
    return np.where(parts == 0, 0, began)


@dataclass(frozen=True, eq=False)
class Hits:
    """What a replay found, call by call; tokens as the serving version counts them.

    blocks   (calls,) leading blocks that hit
    read     (calls,) tokens in them
    cached   (calls,) tokens that the version can cache; 0 below its minimum
    prompt   (calls,) all input
    rounds   (rounds, 3) of a prefill: tokens read, written and uncached by each round
    """

    blocks: Whole
    read: Whole
    cached: Whole
    prompt: Whole
    rounds: npt.NDArray[np.float64]


def hits(trace: Trace, served: Versions, rules: RulesOf, cutover: Cutover | None = None) -> Hits:
    """Replay *trace* with each call *served* by a version, and the prefill of *cutover*."""
    found = _Found(trace)
    models = [*pd.unique(served), *([cutover.to] if cutover and cutover.prefill else [])]
    for model in dict.fromkeys(models):
        rule, mine = rules_for(rules, str(model)), served == model
        warm = _prefilled(trace, cutover, rule) if cutover and cutover.to == model else None
        found.take(rule, mine, mine, warm)
    return found.hits()


def always_hits(trace: Trace, served: Versions, rules: RulesOf, cutover: Cutover) -> Hits:
    """The same, had the version of each call always served all that *cutover* moves."""
    found = _Found(trace)
    among = np.ones(len(served), bool)
    if cutover.from_model is not None:
        among = np.isin(trace.model, [cutover.from_model, cutover.to])
    alike: dict[Rules, Marks] = {}  # versions of one family and the same rules are one cache here
    for model in pd.unique(served):
        mine, rule = served == model, rules_for(rules, str(model))
        if (mine & among).any():
            alike[rule] = alike.get(rule, np.zeros(len(served), bool)) | mine
        else:
            found.take(rule, mine, mine, None)
    for rule, mine in alike.items():
        found.take(rule, mine, among, None)
    return found.hits()


class _Found:
    """Hits, filled in cache by cache."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._columns = np.zeros((4, len(trace.lengths)), np.int64)
        self._rounds = np.zeros((0, 3))

    def take(self, rule: Rules, mine: Marks, users: Marks, warm: "_Warm | None") -> None:
        """Fill in the calls *mine* of a cache of *rule*, whose entries are those of *users*."""
        trace = self._trace
        prompt = _scaled(_prompts(trace, rule), rule)
        cached = np.minimum(_scaled(trace.lengths * rule.block_tokens, rule), prompt)
        cached[cached < max(rule.min_tokens, 1)] = 0
        live, rounds = _live(trace, users & (cached > 0), rule, warm)
        blocks = _leading(trace, live)
        blocks[_scaled(blocks * rule.block_tokens, rule) < rule.min_tokens] = 0
        read = np.minimum(_scaled(blocks * rule.block_tokens, rule), cached)
        self._columns[:, mine] = np.stack([blocks, read, cached, prompt])[:, mine]
        if warm is not None:
            self._rounds = rounds * rule.block_tokens * rule.token_ratio

    def hits(self) -> Hits:
        blocks, read, cached, prompt = self._columns
        return Hits(blocks=blocks, read=read, cached=cached, prompt=prompt, rounds=self._rounds)


def _prompts(trace: Trace, rule: Rules) -> Whole:
    """(calls,) all input, as the log counts it."""
    whole = trace.lengths * rule.block_tokens
    return np.where(trace.prompt_tokens < 0, whole, trace.prompt_tokens)


def _scaled(tokens: Whole, rule: Rules) -> Whole:
    if rule.token_ratio == 1.0:
        return tokens
    scaled: Whole = np.round(tokens * rule.token_ratio).astype(np.int64)
    return scaled


@dataclass(frozen=True, eq=False)
class _Warm:
    """A prefill: *blocks* sent together at each of *at_ms*, and *uncached* blocks with them: all
    that they are sent in is below the version's minimum."""

    blocks: Whole
    at_ms: Whole
    uncached: int


def _prefilled(trace: Trace, cutover: Cutover, rule: Rules) -> _Warm | None:
    """The blocks with the most uses before the prefill begins; a block's path is used as often."""
    times = cutover.touches_ms(rule.ttl_s)
    if not times or cutover.prefill is None:
        return None
    ranked = ranked_places(trace, cutover.prefill, times[0], cutover.from_model)
    chosen = ranked[: cutover.prefill.prefixes]
    if not len(chosen):
        return None
    kept = _scaled(_reach(trace, chosen) * rule.block_tokens, rule) >= rule.min_tokens
    return _Warm(
        blocks=trace.blocks[chosen[kept]],
        at_ms=np.array(times, np.int64),
        uncached=int((~kept).sum()),
    )


def ranked_places(
    trace: Trace, prefill: Prefill, first_ms: int, from_model: str | None = None
) -> Whole:
    """Where in `trace.blocks` the blocks that *from_model* (None: any version) used in the
    look-back before *first_ms* were first used there, the most used first."""
    since = first_ms - round(1000 * prefill.lookback_s)
    seen = (trace.at_ms >= since) & (trace.at_ms < first_ms)
    if from_model is not None:
        seen &= trace.model == from_model
    used = np.flatnonzero(trace.each(seen))
    _, where, uses = np.unique(trace.blocks[used], return_index=True, return_counts=True)
    order = np.lexsort((where, -uses))  # of equal use, the one nearer to the start of its prompt
    places: Whole = used[where[order]]
    return places


def _reach(trace: Trace, chosen: Whole) -> Whole:
    """How many blocks the longest of the paths at *chosen* (places) has that runs through each; a
    block is chosen with all that come before it on its path."""
    lengths = trace.within[chosen].astype(np.int64) + 1
    reach = dict(zip(trace.blocks[chosen].tolist(), lengths.tolist(), strict=True))
    for n in np.argsort(-lengths, kind="stable"):
        own, before = trace.blocks[[chosen[n], chosen[n] - 1]].tolist()
        if lengths[n] > 1 and before in reach:
            reach[before] = max(reach[before], reach[own])
    return np.array([reach[block] for block in trace.blocks[chosen].tolist()], np.int64)


def _live(
    trace: Trace, users: Marks, rule: Rules, warm: _Warm | None
) -> tuple[Marks, npt.NDArray[np.float64]]:
    """(blocks,) whether each use by *users* found its block; and blocks that each round of *warm*
    read, wrote and sent uncached."""
    place, block, at_ms = trace.order, trace.ordered_blocks, trace.ordered_ms
    if not users.all():
        theirs = np.flatnonzero(trace.each(users)[place])  # sooner than a mask, three times over
        place, block, at_ms = place[theirs], block[theirs], at_ms[theirs]
    if warm is not None:
        block, at_ms, place = _merged(block, at_ms, place, warm)
    live = live_entries(block, at_ms, round(1000 * rule.ttl_s), round(1000 * rule.ready_s))
    rounds = np.zeros((0, 3))
    if warm is not None:
        ours = place < 0
        which = np.searchsorted(warm.at_ms, at_ms[ours])
        read = np.bincount(which, weights=live[ours], minlength=len(warm.at_ms))
        short = np.full(len(read), float(warm.uncached))
        rounds = np.stack([read, len(warm.blocks) - read, short], axis=1)
        live, place = live[~ours], place[~ours]
    hit = np.zeros(len(trace.blocks), bool)
    hit[place] = live
    return hit, rounds


def _merged(block: Whole, at_ms: Whole, place: Whole, warm: _Warm) -> tuple[Whole, Whole, Whole]:
    """The uses with those of a prefill, whose place is -1; of one time, they come first."""
    rounds = len(warm.at_ms)
    block = np.concatenate([np.repeat(warm.blocks, rounds), block])
    at_ms = np.concatenate([np.tile(warm.at_ms, len(warm.blocks)), at_ms])
    place = np.concatenate([np.full(len(warm.blocks) * rounds, -1), place])
    order = np.lexsort((at_ms, block))  # stable
    return block[order], at_ms[order], place[order]


def live_entries(block: Whole, at_ms: Whole, ttl_ms: int, ready_ms: int) -> Marks:
    """Whether each use finds its entry: sorted by block, then by time; all (uses,).

    An entry begins with a use that comes more than *ttl_ms* after the last; until *ready_ms* have
    passed since, its uses write it too.
    """
    begins = np.ones(len(block), bool)
    begins[1:] = (block[1:] != block[:-1]) | (at_ms[1:] - at_ms[:-1] > ttl_ms)
    if not ready_ms:
        return ~begins
    began = np.maximum.accumulate(np.where(begins, np.arange(len(block)), 0))
    live: Marks = ~begins & (at_ms - at_ms[began] >= ready_ms)
    return live


def _leading(trace: Trace, hit: Marks) -> Whole:
    """(calls,) how many blocks hit before the first that does not."""
    misses = np.where(hit, np.int32(len(hit)), trace.within)
    leading = np.zeros(len(trace.lengths), np.int64)
    full = trace.lengths > 0
    if full.any():
        leading[full] = np.minimum.reduceat(misses, trace.starts[full])
    return np.minimum(leading, trace.lengths)
