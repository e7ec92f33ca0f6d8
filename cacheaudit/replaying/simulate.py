"""`cacheaudit.replay`: a log, rules and a cutover in; hits, tokens and cost out."""

from typing import TypeAlias

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from ..errors import ParamError
from .blocks import Versions, always_hits, hits, served_by
from .cutover import Cutover
from .held import Held
from .held_hits import held_sums
from .lanes import Lanes, bucket_sums, lanes_of
from .outcome import Outcome, Sent, outcome_of
from .rules import Rules, RulesOf, rules_for
from .split import Whole
from .trace import Trace, trace_of

Replayed: TypeAlias = pd.DataFrame | ir.Table | Trace | Lanes | Held


def replay(
    requests: Replayed,
    rules: RulesOf | None = None,
    cutover: Cutover | None = None,
    *,
    bucket_s: int = 60,
) -> Outcome:
    """What caches of *rules* read of *requests*, with and without a *cutover*.

    requests  a request table (request_table.py) or a frame in its columns; a frame with
              `block_ids` is replayed block by block. A log that is replayed often is prepared once,
              with lanes_of or trace_of
    rules     of all versions, or by version; None: five minutes, no minimum
    bucket_s  width of the rows of by_bucket, in seconds

    Exact for a cache whose entries live a fixed time after their last use and are never evicted.
    Real caches also forget early, and calls that failed are left out.

    Raises ParamError for a version without rules, SchemaError for a table that cannot be read.
    """
    if bucket_s < 1 or int(bucket_s) != bucket_s:
        raise ParamError(f"bucket_s is {bucket_s!r}; expected whole seconds, 1 or more.")
    given = Rules() if rules is None else rules
    if cutover is not None:
        rules_for(given, cutover.to)  # known to be there, though no call may come to need it
    prepared = prepare(requests)
    if isinstance(prepared, Trace):
        sums, sent = _block_sums(prepared, given, cutover, bucket_s)
    elif isinstance(prepared, Held):
        sums, sent = held_sums(prepared, given, cutover, bucket_s)
    else:
        sums, sent = bucket_sums(prepared, given, cutover, bucket_s)
    return outcome_of(sums, bucket_s, given, cutover, sent)


def prepare(requests: Replayed) -> Trace | Lanes | Held:
    """*requests* as what is replayed: made once, it serves many cutovers."""
    if isinstance(requests, Trace | Lanes | Held):
        return requests
    blocked = isinstance(requests, pd.DataFrame) and "block_ids" in requests.columns
    return trace_of(requests) if blocked else lanes_of(requests)


def _by_bucket(calls: dict[str, Whole], bucket: Whole, served: Versions) -> pd.DataFrame:
    """Sums of *calls* by bucket and version; by one whole number, which is sooner than by text."""
    which, names = pd.factorize(served)
    key = bucket * len(names) + which
    order = np.argsort(key, kind="stable")
    keys = key[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    sums = {name: np.add.reduceat(counts[order], starts) for name, counts in calls.items()}
    first = order[starts]
    return pd.DataFrame({"bucket_start": bucket[first], "model": served[first], **sums})


def _block_sums(
    trace: Trace, rules: RulesOf, cutover: Cutover | None, bucket_s: int
) -> tuple[pd.DataFrame, Sent]:
    served = served_by(trace, cutover)
    found = hits(trace, served, rules, cutover)
    always = found if cutover is None else always_hits(trace, served, rules, cutover)
    calls = {
        "requests": np.ones_like(trace.at_ms),
        "prompt_tokens": found.prompt,
        "hit_tokens": found.read,
        "written_tokens": found.cached - found.read,
        "uncached_tokens": found.prompt - found.cached,
        "steady_hit_tokens": always.read,
        "steady_written_tokens": found.cached - always.read,
        "steady_uncached_tokens": found.prompt - found.cached,
        "cold_requests": (found.read < always.read).astype(np.int64),
        "unmeasured_requests": np.zeros_like(trace.at_ms),
        "blocks": trace.lengths,
        "hit_blocks": found.blocks,
    }
    sums = _by_bucket(calls, trace.at_ms // (1000 * bucket_s), served)
    sums["bucket_start"] *= bucket_s
    read, written, uncached = (round(tokens) for tokens in found.rounds.sum(axis=0))
    return sums, Sent(
        calls=len(found.rounds),
        read_tokens=read,
        written_tokens=written,
        uncached_tokens=uncached,
    )
