"""The request table: one row per call, described once.

    column                    type              meaning
    ts                        timestamp, UTC    start of the request
    provider, model           string            who served, and the version that did
    model_requested           string            what the caller asked for
    scope, route              string            workspace or project; key or gateway
    request_id, session_id    string            of this call; of the conversation it belongs to
    prefix_id                 string            hash of the part meant to be shared (system, tools)
    prefix_tokens             int64             length of that part
    prompt_tokens             int64             all input, where its classes are not known
    uncached_input_tokens, cache_read_tokens, cache_write_*_tokens, output_tokens   int64, disjoint
    client_version, prompt_version, region, endpoint, process_id, service_tier, speed   string
    turn_index                int64             0 for the first turn of a conversation
    latency_ms, first_token_ms  float64         from ts on
    status                    int64             HTTP status
    marker_sent               boolean           whether the request carried a cache marker
    system_hash, tools_hash   string            of what was sent
    cache_miss_reason         string            the provider's own diagnosis, in its words
    billed_usd                float64           charged for this call

Required are `ts`, `provider`, `model` and one of the token columns or `prompt_tokens`; any other
column that is absent is null throughout. Null means *not logged*; it is never the same as 0.
"""

import ibis
import ibis.expr.types as ir

from .schema import CACHE_WRITE, TOKENS

LABELS = [
    *("provider", "model", "model_requested", "scope", "route", "request_id", "session_id"),
    *("prefix_id", "client_version", "prompt_version", "region", "endpoint", "process_id"),
    *("service_tier", "speed", "system_hash", "tools_hash", "cache_miss_reason"),
]
WHOLE = ["prefix_tokens", "prompt_tokens", *TOKENS, "turn_index", "status"]
MEASURED = ["latency_ms", "first_token_ms", "billed_usd"]

TYPES: dict[str, str] = {
    "ts": "timestamp('UTC')",
    **dict.fromkeys(LABELS, "string"),
    **dict.fromkeys(WHOLE, "int64"),
    **dict.fromkeys(MEASURED, "float64"),
    "marker_sent": "boolean",
}
REQUIRED = ["ts", "provider", "model"]


def answered(table: ir.Table) -> ir.Table:
    """*table* without the calls that failed (status 400 and above): providers do not bill them."""
    return table.filter(table.status.isnull() | (table.status < 400))


def written_tokens(table: ir.Table) -> ir.Value:
    """Tokens written to the cache by each call, of any lifetime; 0 where none is reported."""
    first, *rest = (ibis.coalesce(table[c], 0) for c in CACHE_WRITE)
    return sum(rest, first)
