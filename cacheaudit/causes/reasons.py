"""What the provider itself said of the misses, where a request log has it."""

import pandas as pd

from ..words import share
from .case import Case
from .hypothesis import Evidence, Test
from .logged import ENOUGH
from .reuse import DIRECT, MOST

# Anthropic's cache_miss_reason and OpenAI's prompt_cache_diagnostics: what each speaks for.
# platform.claude.com cache diagnostics and developers.openai.com prompt caching, 2026-10.
# `previous_message_not_found` names no mechanism, and is left out.
REASONS: dict[str, frozenset[str]] = {
    "model_changed": frozenset(
        {"model.cold_start", "rollout.split_traffic", "rollout.cold_rollback",
         "provider.alias_moved", "client.parameter_changed"}
    ),
    "system_changed": frozenset({"client.prefix_changed", "client.prefix_volatile"}),
    "tools_changed": frozenset({"client.tools_churn", "client.prefix_changed"}),
    "messages_changed": frozenset({"client.history_rewritten", "client.prefix_volatile"}),
    "input_changed": frozenset({"client.history_rewritten", "client.prefix_volatile",
                                "client.prefix_changed"}),
    "context_compacted": frozenset({"client.history_rewritten"}),
    "prompt_cache_key_changed": frozenset({"client.affinity_lost"}),
    "text_format_changed": frozenset({"client.parameter_changed"}),
    "reasoning_effort_changed": frozenset({"client.parameter_changed"}),
    "verbosity_changed": frozenset({"client.parameter_changed"}),
    "service_tier_changed": frozenset({"client.parameter_changed"}),
}  # fmt: skip


# Anthropic answers `unavailable` when it compared and found none of these changed: effort,
# thinking, tool choice and beta headers are left, and what is no change at all.
COMPARED = frozenset().union(*REASONS.values()) - {"client.parameter_changed"}


def provider_says(cause: str) -> Test:
    """The provider's own reason for the misses: direct evidence, for *cause* or against it."""

    def reason_given(case: Case) -> Evidence | None:
        more = _reasons_gained(case)
        if more is None:
            return None
        top = str(more.idxmax())
        said = f"The provider's own reason for {share(more[top])} of the added misses is {top}"
        if more[top] >= MOST and top == "unavailable" and cause in COMPARED:
            return Evidence(
                text=f"{said}: it found neither model, system, tools nor messages changed.",
                against=True,
                decisive=True,
            )
        if more[top] < MOST or top not in REASONS:
            return None
        if cause in REASONS[top]:
            return Evidence(text=f"{said}.", weight=DIRECT + 1)
        return Evidence(text=f"{said}, which is another mechanism.", against=True, decisive=True)

    return reason_given


def _reasons_gained(case: Case) -> pd.Series | None:
    """Each reason's share of what all reasons gained per call; None where too few are given."""
    log = case.log
    if log is None or log.reasons.empty:
        return None
    calls = log.counts.set_index("period")["calls"].astype("float64")
    by = log.reasons.pivot_table(index="reason", columns="period", values="calls", aggfunc="sum")
    by = by.reindex(columns=["before", "after"]).fillna(0.0)
    if by["after"].sum() < ENOUGH or not {"before", "after"} <= set(calls.index):
        return None
    gained = (by["after"] / calls["after"] - by["before"] / calls["before"]).clip(lower=0.0)
    return gained / gained.sum() if gained.sum() > 0 else None
