"""Equivalence classes of docs/METHODS.md: what looks alike in buckets.

Two cuts are made by the buckets themselves, so the classes of a story may be smaller than the
letter: where no model id is new, `model.*` cannot be it (`still`), and where write lifetimes are
reported and stay, `client.ttl_shortened` cannot be it (C is without it, C_NO_LIFETIMES with it).
"""

Ids = frozenset[str]

A: Ids = frozenset(
    {
        "model.below_minimum",
        "model.unrecognised_id",
        "model.serving",
        "model.cache_semantics",
        "client.markers_dropped",
    }
)
A_NO_WRITES: Ids = A | {"client.prefix_volatile", "client.affinity_lost"}
SWITCHED_ONCE: Ids = frozenset(
    {
        "client.prefix_changed",
        "client.parameter_changed",
        "client.tools_churn",
        "client.resume",
    }
)
B: Ids = SWITCHED_ONCE | {
    "model.cold_start",
    "client.isolation_moved",
    "rollout.cold_rollback",
    "provider.alias_moved",
}
C: Ids = frozenset(
    {
        "client.prefix_volatile",
        "client.history_rewritten",
        "client.tools_churn",
        "client.parameter_changed",
        "client.resume",
        "client.lookback_overflow",
        "client.affinity_lost",
        "client.fan_out",
        "model.cache_semantics",
        "model.serving",
        "model.worse_caching",
        "rollout.split_traffic",
        "provider.regression",
        "workload.sparser",
        "workload.shorter_sessions",
        "workload.mix",
    }
)
C_NO_LIFETIMES: Ids = C | {"client.ttl_shortened"}
D: Ids = frozenset({"client.ttl_shortened", "workload.mix"})
E: Ids = frozenset(
    {
        "model.tokenizer",
        "workload.context_growth",
        "workload.mix",
        "client.prefix_changed",
        "measurement.double_count",
    }
)
F: Ids = frozenset(
    {
        "workload.volume",
        "model.output_growth",
        "workload.mix",
        "measurement.double_count",
    }
)
G: Ids = frozenset({"model.price", "measurement.stale_price"})
H: Ids = frozenset({"model.output_growth", "workload.mix"})
MISREAD: Ids = frozenset(
    {
        "measurement.double_count",
        "measurement.field_renamed",
        "measurement.fields_lost",
    }
)
# Named by request bodies alone, or by a probe, by docs/METHODS.md: a log without either
# leaves them beside a model that caches worse.
BODY_ONLY: Ids = frozenset(
    {"client.history_rewritten", "client.lookback_overflow", "client.parameter_changed"}
)
ONLY_NEW_MODEL: Ids = frozenset({"model.cache_semantics", "model.serving", "model.worse_caching"})


def still(members: Ids) -> Ids:
    """*members* where no version changed: neither a new model nor two at once."""
    return frozenset(
        m for m in members if not m.startswith("model.") and m != "rollout.split_traffic"
    )
