"""`cacheaudit.replay`: a log, rules and a cutover in; hits, tokens and cost out."""

from typing import TypeAlias

import ibis.expr.types as ir
import pandas as pd

from ..errors import ParamError
from .blocks import always_hits, hits, served_by
from .cutover import Cutover
from .held import Held
from .held_hits import held_sums
from .lanes import Lanes, bucket_sums, lanes_of
from .outcome import COUNTS, Outcome, Sent, outcome_of
from .rules import Rules, RulesOf, rules_for
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


def _block_sums(
    trace: Trace, rules: RulesOf, cutover: Cutover | None, bucket_s: int
) -> tuple[pd.DataFrame, Sent]:
    served = served_by(trace, cutover)
    found = hits(trace, served, rules, cutover)
    always = found if cutover is None else always_hits(trace, served, rules, cutover)
    calls = pd.DataFrame(
        {
            "bucket_start": trace.at_ms // (1000 * bucket_s) * bucket_s,
            "model": served,
            "requests": 1,
            "prompt_tokens": found.prompt,
            "hit_tokens": found.read,
            "written_tokens": found.cached - found.read,
            "uncached_tokens": found.prompt - found.cached,
            "steady_hit_tokens": always.read,
            "steady_written_tokens": found.cached - always.read,
            "steady_uncached_tokens": found.prompt - found.cached,
            "cold_requests": found.read < always.read,
            "unmeasured_requests": 0,
            "blocks": trace.lengths,
            "hit_blocks": found.blocks,
        }
    )
    sums = calls.groupby(["bucket_start", "model"], as_index=False)[COUNTS].sum()
    read, written = found.rounds.sum(axis=0) if len(found.rounds) else (0.0, 0.0)
    sent = Sent(calls=len(found.rounds), read_tokens=round(read), written_tokens=round(written))
    return sums, sent
