"""Contrasts from a request log about what was sent, how long it was, and what the provider said.

Each is a Test (hypothesis.py): a Case in, one sentence or None out.
"""

import numpy as np
import pandas as pd

from ..rules import rule, tokenizer_ratio
from ..words import count, listing, share, times
from .case import Case
from .hypothesis import Evidence, Test
from .losses import heavier, rates_of, rise_of
from .reuse import DIRECT, FEW, MOST

ENOUGH = 30  # calls on which a share can be judged
NEARLY_ALL, HARDLY_ANY = 0.95, 0.05
SEVERAL = 20  # distinct lengths
BLOCK = 256  # tokens; smaller steps are how providers round (OpenAI: 128)
STEADY = 0.1  # quantiles of length that grew alike to within this grew by one factor
GREW = 1.05
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


def markers_sent(case: Case) -> Evidence | None:
    """Whether the calls that no longer cache carry a cache marker at all."""
    sent = _markers(case)
    if sent is None or case.pattern != "gone":
        return None
    if sent <= HARDLY_ANY:
        return Evidence(
            text=f"Request log: {share(sent)} of the calls carry a cache marker.", weight=DIRECT
        )
    if sent >= NEARLY_ALL:
        return Evidence(
            text=f"Request log: {share(sent)} of the calls carry a cache marker.",
            against=True,
            decisive=True,
        )
    return None


def markers_missing(case: Case) -> Evidence | None:
    """What is never asked to be cached tells nothing of how a model caches."""
    sent = _markers(case)
    if sent is None or sent > HARDLY_ANY or case.pattern != "gone":
        return None
    return Evidence(
        text=f"Request log: only {share(sent)} of the calls carry a cache marker.",
        against=True,
        decisive=True,
    )


def _markers(case: Case) -> float | None:
    """Share of the incident's calls, on the new version where it moved, that carry a marker."""
    if case.log is None:
        return None
    later = case.log.served[case.log.served["period"] == "after"]
    later = _on_new(case, later).dropna(subset=["marker_sent"])
    calls = later["calls"].astype("float64")
    if calls.sum() < ENOUGH:
        return None
    return float(calls[later["marker_sent"].astype(bool)].sum() / calls.sum())


def _on_new(case: Case, rows: pd.DataFrame) -> pd.DataFrame:
    moved = {c.change.to_model for c in case.moved if c.change is not None}
    return rows[rows["model"].isin(moved)] if moved else rows


def floor_in_the_log(case: Case) -> Evidence | None:
    """Which lengths the new model caches, against its minimum, call by call."""
    change = case.moved[0].change if case.moved else None
    floor = None if change is None else rule(change.provider, change.to_model)
    if case.log is None or change is None or floor is None or floor.minimum_tokens is None:
        return None
    ratio = tokenizer_ratio(change.from_model or "", change.to_model) or (1.0, 1.35)
    cached = case.log.cached
    old = cached[(cached["period"] == "before") & (cached["model"] == change.from_model)]
    new = cached[(cached["period"] == "after") & (cached["model"] == change.to_model)]
    lengths = case.log.lengths
    own = lengths[(lengths["period"] == "after") & (lengths["model"] == change.to_model)]
    calls, was = float(own["calls"].sum()), float(old["calls"].sum())
    if calls < ENOUGH or was < ENOUGH:
        return None
    long = float(old.loc[old["length"] * ratio[0] >= 2 * floor.minimum_tokens, "calls"].sum()) / was
    short = float(old.loc[old["length"] * ratio[1] < floor.minimum_tokens, "calls"].sum()) / was
    under = float(new.loc[new["length"] + 64 <= floor.minimum_tokens, "calls"].sum()) / calls
    none = 1 - float(own["cached"].sum()) / calls
    said = (
        f"Request log: {share(short)} of the calls cached less than {count(floor.minimum_tokens)}"
        f" tokens before, the minimum of {change.to_model}; {share(none)} cache nothing now"
    )
    if under > HARDLY_ANY:
        return Evidence(
            text=f"{said}, and {share(under)} still cache less than that.",
            against=True,
            decisive=True,
        )
    if none > 1 - long + HARDLY_ANY:
        return Evidence(
            text=f"{said}, though {share(long)} had at least twice that length.",
            against=True,
            decisive=True,
        )
    if abs(none - short) <= 2 * HARDLY_ANY and HARDLY_ANY < short < NEARLY_ALL:
        return Evidence(
            text=f"{said}: those below it stopped, those above it go on.", weight=DIRECT
        )
    return None


def reads_in_blocks(case: Case) -> Evidence | None:
    """A model that is served in blocks reads only whole ones."""
    if case.log is None:
        return None
    reads = case.log.reads
    after = _on_new(case, reads[reads["period"] == "after"])
    before = reads[reads["period"] == "before"]
    values = after["read"].to_numpy(np.int64)
    if min(len(values), len(before)) < SEVERAL:
        return None  # a few prefixes of fixed length are multiples of something by chance
    block, was = _common_step(values), _common_step(before["read"].to_numpy(np.int64))
    if block >= BLOCK and was < BLOCK:
        return Evidence(
            text=f"Request log: every read is a multiple of {count(block)} tokens.", weight=DIRECT
        )
    if block < BLOCK:
        return Evidence(
            text="Request log: reads take any length, not multiples of a block.",
            against=True,
            decisive=True,
        )
    return None


def _common_step(values: np.ndarray) -> int:
    return int(np.gcd.reduce(values)) if len(values) else 0


def turns_got_earlier(case: Case) -> Evidence | None:
    """Shorter conversations: each turn as warm as before, and more of the first ones."""
    bands = _by_turn(case)
    if bands is None or not case.in_a_rate:
        return None
    rise = rise_of(bands)
    if rise < case.min_drop / 2:
        return None
    part = heavier(bands) / rise
    first = [share(float(bands["share"][p].iloc[0])) for p in ("before", "after")]
    if part >= MOST:
        return Evidence(
            text=f"Request log: turn for turn as much was read as before; first turns went from"
            f" {first[0]} to {first[1]} of all input.",
            weight=DIRECT,
        )
    if part <= FEW:
        return Evidence(
            text="Request log: the rate fell at equal turns of a conversation (first turns:"
            f" {first[0]} → {first[1]} of all input).",
            against=True,
            decisive=True,
        )
    return None


def _by_turn(case: Case) -> pd.DataFrame | None:
    """Weights by input and miss rates, by turn; None without conversations in both periods."""
    return None if case.log is None else _misses_by(case.log.turns, "turn")


def prefixes_reweighted(case: Case) -> Evidence | None:
    """A mix that moved between prefixes: each as warm as before, and more of the cold ones."""
    bands = None if case.log is None else _misses_by(case.log.prefixes, "prefix")
    if bands is None or not case.in_a_rate:
        return None
    rise = rise_of(bands)
    if rise < case.min_drop / 2:
        return None
    part = heavier(bands) / rise
    common = np.minimum(bands["share"]["before"], bands["share"]["after"]).sum()
    if part >= MOST and common >= FEW:
        return Evidence(
            text="Request log: prefix for prefix as much was read as before; those with lower"
            " rates gained weight.",
            weight=DIRECT,
        )
    if part <= FEW:
        return Evidence(
            text="Request log: the rate fell within prefixes; their weights account for"
            f" {share(max(0.0, part))} of it.",
            against=True,
            weight=3,
        )
    return None


def _misses_by(table: pd.DataFrame, band: str) -> pd.DataFrame | None:
    """Weights by input and miss rates, by *band*; None where either period has too few calls."""
    if table.empty:
        return None
    rows = table.set_index(["period", band]).astype("float64").sort_index()
    calls = rows["calls"].groupby("period").sum()
    if not {"before", "after"} <= set(calls.index) or (calls < ENOUGH).any():
        return None
    if rows.index.get_level_values(band).nunique() < 2:
        return None
    return rates_of(rows["prompt"], rows["prompt"] - rows["read"])


def one_factor(case: Case) -> Evidence | None:
    """Another tokenizer multiplies every length by about one factor."""
    grew = _growth_of_quantiles(case)
    if grew is None:
        return None
    text = _said(grew)
    if grew.min() >= GREW and grew.max() / grew.min() <= 1 + STEADY:
        return Evidence(text=f"Request log: {text}: one factor on all lengths.", weight=DIRECT)
    if grew.max() >= GREW:
        return Evidence(text=f"Request log: {text}: not one factor.", against=True, decisive=True)
    return None


def tail_grew(case: Case) -> Evidence | None:
    """Longer conversations or documents stretch the long end, not every request alike."""
    grew = _growth_of_quantiles(case)
    if grew is None:
        return None
    text = _said(grew)
    if grew.min() >= GREW and grew.max() / grew.min() <= 1 + STEADY:
        return Evidence(
            text=f"Request log: {text}: one factor on all lengths.", against=True, decisive=True
        )
    if grew["p90"] >= GREW and grew["p90"] > grew["p25"] * (1 + STEADY):
        return Evidence(text=f"Request log: {text}: the long ones grew.", weight=DIRECT)
    return None


def _growth_of_quantiles(case: Case) -> pd.Series | None:
    """Each quantile of prompt length over its value before; None without enough calls."""
    if case.log is None:
        return None
    lengths = case.log.lengths.astype({"calls": "float64"})
    after = _on_new(case, lengths[lengths["period"] == "after"])
    before = lengths[lengths["period"] == "before"]
    if after["calls"].sum() < 10 * ENOUGH or before["calls"].sum() < 10 * ENOUGH:
        return None
    names = ["p25", "p50", "p75", "p90"]
    now, was = (
        side[names].mul(side["calls"], axis=0).sum() / side["calls"].sum()
        for side in (after, before)
    )
    return pd.Series(now / was) if float(was.min()) > 0 else None


def _said(grew: pd.Series) -> str:
    parts = [f"{str(name)[1:]} % quantile {times(float(value))}" for name, value in grew.items()]
    return f"prompt length over its baseline, {listing(parts)}"


def prefixes_are_new(case: Case) -> Evidence | None:
    """An edited prompt has a new hash, and is used as often as the one before it."""
    found = _counts(case, "with_prefix")
    if found is None:
        return None
    before, after = found
    new, was_new = (c["new_prefix"] / c["with_prefix"] for c in (after, before))
    if new >= MOST > was_new and _uses(after) >= _uses(before) / 2:
        return Evidence(
            text=f"Request log: {share(new)} of the calls carry a prefix that had not been used"
            " before.",
            weight=DIRECT,
        )
    return None


def prefixes_scatter(case: Case) -> Evidence | None:
    """A variable text gives nearly every call a prefix of its own."""
    found = _counts(case, "with_prefix")
    if found is None:
        return None
    before, after = (_uses(c) for c in found)
    if after <= 2 < 5 <= before:
        return Evidence(
            text=f"Request log: a prefix was used {count(before)} times before and"
            f" {after:.1f} times now.",
            weight=DIRECT,
        )
    return None


def _uses(counts: dict[str, float]) -> float:
    return counts["with_prefix"] / counts["prefixes"]


def calls_repeated(case: Case) -> Evidence | None:
    """Lines that are counted twice carry the same request id."""
    found = _counts(case, "with_id")
    if found is None:
        return None
    repeat = 1 - found[1]["request_ids"] / found[1]["with_id"]
    if repeat >= 2 * HARDLY_ANY:
        return Evidence(
            text=f"Request log: {share(repeat)} of the lines repeat a request id.", weight=DIRECT
        )
    return Evidence(
        text=f"Request log: request ids are distinct ({share(repeat)} repeat).",
        against=True,
        decisive=True,
    )


def turns_per_task(case: Case) -> Evidence | None:
    """More calls for the same work: conversations stay as many, and become longer."""
    found = _counts(case, "conversations")
    if found is None or case.pattern != "more_requests":
        return None
    was, now = (c["calls"] / c["conversations"] for c in found)
    text = f"Request log: a conversation takes {times(now / was)} as many calls as before."
    if now / was >= 1 + MOST * (case.incident.after - 1):
        return Evidence(text=text, weight=DIRECT)
    if now / was <= 1 + FEW * (case.incident.after - 1):
        return Evidence(text=text, against=True, weight=DIRECT)
    return None


def _counts(case: Case, least: str) -> tuple[dict[str, float], dict[str, float]] | None:
    """The log's counts before and after; None where *least* is too few to judge in either."""
    if case.log is None:
        return None
    rows = case.log.counts.set_index("period").astype("float64").T
    if not {"before", "after"} <= set(rows.columns):
        return None
    before, after = ({str(k): float(v) for k, v in rows[p].items()} for p in ("before", "after"))
    return (before, after) if min(before[least], after[least]) >= ENOUGH else None
