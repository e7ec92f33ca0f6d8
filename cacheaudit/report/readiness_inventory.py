"""What is cached today, held against the candidate's minimum: one row a prefix, or a cohort."""

from typing import Any

import pandas as pd

from ..gates import CachedLength, above_minimum_billed
from ..readiness import Readiness
from ..schema import label
from ..show import Column, Details, Piece, Prose, Table
from ..words import UNKNOWN, count, listing, share, times_range

SIDES = {True: "above", False: "below", None: "not told"}
MOST, OPEN = 20, 10


def inventory_rows(readiness: Readiness) -> list[dict[str, Any]]:
    """A row a prefix of the log; without one, a row a cohort of billing.

    who              number of the prefix, or the cohort; no hash leaves the log
    scope            workspace or project; None where not named
    counted_in       "prefix" (length as logged), "calls" (mean of what its calls had cached) or
                     "billing" (mean of a cohort's requests)
    tokens           on the incumbent; spread_high: upper bound of sd over mean, from billing
    candidate_low, candidate_high   tokens on the candidate; None where the ratio is not known
    above            whether the candidate caches it; None where that is not told
    requests, stake_tokens   calls, and tokens read and written
    """
    rows = _of_log(readiness) or _of_billing(readiness)
    return [{**row, **_on_candidate(readiness, row)} for row in rows]


def _of_log(readiness: Readiness) -> list[dict[str, Any]]:
    found = readiness.inventory
    if found is None:
        return []
    named = found[found["prefix_id"].notna()]
    rows = []
    for number, row in enumerate(named.to_dict("records"), 1):
        logged, stake = _number(row["prefix_tokens"]), _number(row["stake_tokens"])
        mean = stake / row["requests"] if stake is not None and row["requests"] else None
        rows.append(
            {
                "who": f"prefix {number}", "scope": label(row["scope"]),
                "counted_in": "calls" if logged is None else "prefix",
                "tokens": mean if logged is None else logged, "spread_high": None,
                "requests": _number(row["requests"]), "stake_tokens": stake,
            }
        )  # fmt: skip
    return rows


def _of_billing(readiness: Readiness) -> list[dict[str, Any]]:
    cached = readiness.lengths[readiness.lengths["cached_tokens"] > 0].head(MOST)
    return [
        {
            "who": label(row["route"]) or label(row["scope"]) or "all traffic",
            "scope": label(row["scope"]), "counted_in": "billing",
            "tokens": _number(row["mean_tokens"]), "spread_high": _number(row["spread_high"]),
            "requests": _number(row["requests"]), "stake_tokens": _number(row["cached_tokens"]),
        }
        for row in cached.to_dict("records")
    ]  # fmt: skip


def _on_candidate(readiness: Readiness, row: dict[str, Any]) -> dict[str, Any]:
    ratio, minimum, tokens = readiness.known.ratio, readiness.known.minimum_tokens, row["tokens"]
    if ratio is None or tokens is None:
        return {"candidate_low": None, "candidate_high": None, "above": None}
    low, high = (tokens * k for k in ratio)
    above: bool | None = None
    if row["counted_in"] == "billing":
        above = _billed(readiness, row)
    elif minimum is not None and (low >= minimum or high < minimum):
        above = low >= minimum
    return {"candidate_low": low, "candidate_high": high, "above": above}


def _billed(readiness: Readiness, row: dict[str, Any]) -> bool | None:
    """A cohort is above or below where all but the gate's slack of its tokens surely are."""
    bars = readiness.params.bars
    one = CachedLength(
        cached_tokens=row["stake_tokens"], mean_tokens=row["tokens"], spread_high=row["spread_high"]
    )
    gate = above_minimum_billed(
        [one], minimum_tokens=readiness.known.minimum_tokens, ratio=readiness.known.ratio, bars=bars
    )
    if gate.low is None or gate.high is None:
        return None
    if gate.low >= bars.above_minimum_share:
        return True
    return False if gate.high <= 1 - bars.above_minimum_share else None


def inventory(readiness: Readiness) -> list[Piece]:
    """The candidate's minimum in a sentence, and what is cached today beside it."""
    rows = inventory_rows(readiness)
    if not rows:
        return [Prose(["Nothing was cached on the incumbent, or nobody counted it."])]
    pieces: list[Piece] = [
        Prose([f"{minimum_words(readiness)} {_tally(rows)}"]), _table(rows[:OPEN], _caption(rows)),
    ]  # fmt: skip
    if rest := rows[OPEN:]:
        pieces.append(Details(f"The next {count(len(rest))}", _table(rest, _caption(rows))))
    return pieces


def _tally(rows: list[dict[str, Any]]) -> str:
    """How many of the rows are on which side."""
    sides = [row["above"] for row in rows]
    above, below, open_ = (count(sides.count(side)) for side in (True, False, None))
    return f"Shown here: {above} above it, {below} below it, {open_} not told."


def _table(rows: list[dict[str, Any]], caption: str) -> Table:
    billed = rows[0]["counted_in"] == "billing"
    columns = [
        Column("cohort" if billed else "prefix"), Column("scope"),
        Column("tokens now", "right"), *([Column("spread at most", "right")] if billed else []),
        Column("on the candidate", "right"), Column("its minimum"), Column("calls", "right"),
        Column("tokens at stake", "right"),
    ]  # fmt: skip
    cells = [
        [
            row["who"],
            row["scope"] or "default",
            count(row["tokens"]),
            *([share(row["spread_high"])] if billed else []),
            _between(row["candidate_low"], row["candidate_high"]),
            SIDES[row["above"]],
            count(row["requests"]),
            count(row["stake_tokens"]),
        ]
        for row in rows
    ]
    return Table(columns, cells, caption)


def minimum_words(readiness: Readiness) -> str:
    """The minimum and the ratio, and how both are known."""
    known = readiness.known
    least = (
        f"{readiness.params.candidate} caches prefixes from {count(known.minimum_tokens)} tokens on"
        f" ({_how(known.minimum_from)})"
        if known.minimum_tokens is not None
        else f"The shortest prefix that {readiness.params.candidate} caches is not known"
    )
    if known.ratio is None:
        return f"{least}. How many tokens it makes of the same text is not known."
    low, high = known.ratio
    ratio = times_range(low, high)
    return f"{least}; the same text has {ratio} the tokens there ({_how(known.ratio_from)})."


def _how(source: str) -> str:
    return "documented" if source.startswith("http") else source


def _caption(rows: list[dict[str, Any]]) -> str:
    """How the lengths were counted."""
    told = {
        "prefix": "length as logged", "calls": "mean of what its calls read and wrote",
        "billing": "mean of what a request read and wrote, from billing",
    }  # fmt: skip
    ways = [told[way] for way in dict.fromkeys(row["counted_in"] for row in rows)]
    return f"What is cached on the incumbent, the most tokens at stake first: {listing(ways)}"


def _between(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return UNKNOWN
    return count(low) if count(low) == count(high) else f"{count(low)} to {count(high)}"


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
