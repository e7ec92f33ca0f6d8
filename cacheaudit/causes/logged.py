"""Contrasts from a request log about what was sent, by whom, and how often.

Each is a Test (hypothesis.py): a Case in, one sentence or None out.
"""

import numpy as np
import pandas as pd

from ..words import count, share, times
from .case import Case
from .hypothesis import Evidence
from .losses import heavier, rates_of, rise_of
from .reuse import DIRECT, FEW, MOST

ENOUGH = 30  # calls on which a share can be judged
NEARLY_ALL, HARDLY_ANY = 0.95, 0.05


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
    later = on_new(case, later).dropna(subset=["marker_sent"])
    calls = later["calls"].astype("float64")
    if calls.sum() < ENOUGH:
        return None
    return float(calls[later["marker_sent"].astype(bool)].sum() / calls.sum())


def on_new(case: Case, rows: pd.DataFrame) -> pd.DataFrame:
    """Those of *rows* that the new version served; all, where nothing moved."""
    moved = {c.change.to_model for c in case.moved if c.change is not None}
    return rows[rows["model"].isin(moved)] if moved else rows


def turns_got_earlier(case: Case) -> Evidence | None:
    """Shorter conversations: each turn as warm as before, and more of the first ones."""
    found = None if case.log is None else _part_of_weight(case, case.log.turns, "turn")
    if found is None:
        return None
    part, bands = found
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


def prefixes_reweighted(case: Case) -> Evidence | None:
    """A mix that moved between prefixes: each as warm as before, and more of the cold ones."""
    found = None if case.log is None else _part_of_weight(case, case.log.prefixes, "prefix")
    if found is None:
        return None
    part, bands = found
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


def _part_of_weight(
    case: Case, table: pd.DataFrame, band: str
) -> tuple[float, pd.DataFrame] | None:
    """Part of the fall in the rate that is bands gaining weight, and the bands; None where the
    log has too few calls, or shows no fall."""
    bands = _misses_by(table, band) if case.in_a_rate else None
    if bands is None or (rise := rise_of(bands)) < case.min_drop / 2:
        return None
    return heavier(bands) / rise, bands


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
