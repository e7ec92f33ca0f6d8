"""What a cache could have read on this traffic, beside what it did."""

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..engine.rollup import WIDTHS_S, bucket_s, times
from ..errors import ParamError
from .again import calls_again

COUNTS = [
    *("calls", "judged_calls", "input_tokens", "read_tokens"),
    *("eligible_tokens", "read_of_eligible_tokens", "possible_tokens"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """ttl_s: an entry lives so long after its last use; min_tokens: shorter ones are not kept."""

    ttl_s: float
    min_tokens: int = 0


def eligible(
    requests: pd.DataFrame | ir.Table, rules: Mapping[str, Lifetime], bucket: str = "1h"
) -> pd.DataFrame:
    """Tokens by bucket, provider and model that an ideal cache of these *rules* could have read.

    calls         answered calls; judged_calls: those that report all input and what was read.
                  The columns below are sums over them, NA where there are none
    input_tokens, read_tokens
    eligible_tokens  what a call shares with one on the same version within ttl_s: the last prompt
                     of its conversation, or its prefix; none of it below min_tokens
    read_of_eligible_tokens   the smaller of both, call by call
    possible_tokens  the larger of both: where a call read more, more was possible

    eligible_hit_rate is read_of_eligible / eligible, best_possible_hit_rate possible / input; both
    are ratios of sums. A prefix is as long as prefix_tokens says, else as what its last call held.
    A model without a rule has NA in the last three. Calls that overlap count as one after another.
    """
    if bucket not in WIDTHS_S:
        raise ParamError(f"bucket is {bucket!r}; expected one of {list(WIDTHS_S)}.")
    seen = _shared(calls_again(requests), rules)
    judged = seen.prompt.notnull() & seen["read"].notnull()
    nothing = ibis.null("int64")
    read = ibis.ifelse(judged, ibis.least(seen["read"], seen.prompt), nothing)
    could = ibis.ifelse(judged, seen.could, nothing)
    known = could.notnull()
    start = bucket_s(seen.ts, bucket).name("bucket_start")
    sums: pd.DataFrame = (
        seen.group_by([start, seen.provider, seen.model])
        .aggregate(
            calls=seen.count(),
            judged_calls=ibis.ifelse(judged, 1, 0).sum(),
            input_tokens=ibis.ifelse(judged, seen.prompt, nothing).sum(),
            read_tokens=read.sum(),
            eligible_tokens=could.sum(),
            read_of_eligible_tokens=ibis.ifelse(known, ibis.least(read, could), nothing).sum(),
            possible_tokens=ibis.ifelse(known, ibis.greatest(read, could), nothing).sum(),
        )
        .to_pandas()
    )
    sums["bucket_start"] = times(sums["bucket_start"])
    typed = sums.astype(dict.fromkeys(COUNTS, "Int64"))
    return typed.sort_values(["bucket_start", "provider", "model"], ignore_index=True)


def _shared(every: ir.Table, rules: Mapping[str, Lifetime]) -> ir.Table:
    """*every* with `could`: tokens that an ideal cache reads; null for a model without a rule."""
    ttl, least = _by_model(every, rules)
    own = every.since_s <= ttl
    talk = ibis.ifelse(own & every.lane.startswith("s"), every.prompt_before, 0)
    head = ibis.ifelse(own & every.lane.startswith("p"), every.held_before, 0)
    prefix = ibis.ifelse(every.prefix_since_s <= ttl, every.prefix_tokens, 0)
    length = ibis.greatest(*(ibis.coalesce(one, 0) for one in (talk, head, prefix)))
    length = ibis.least(length, every.prompt)
    kept = ibis.ifelse(length >= least, length, 0)
    return every.mutate(could=ibis.ifelse(ttl.isnull(), ibis.null("int64"), kept))


def _by_model(every: ir.Table, rules: Mapping[str, Lifetime]) -> tuple[ir.Value, ir.Value]:
    ttl, least = ibis.null("float64"), ibis.null("int64")
    for model, one in rules.items():
        ttl = ibis.ifelse(every.model == model, float(one.ttl_s), ttl)
        least = ibis.ifelse(every.model == model, one.min_tokens, least)
    return ttl, least
