"""What moved, hour by hour: before the cutover on the old version, after it on the new."""

from collections.abc import Sequence

import pandas as pd

from ..metrics import cache_metrics
from .moves import Move, cohort_rows
from .usual import with_usual

RATED = {"hit_rate": "input_tokens", "read_share_of_cached": "cached_tokens"}
COLUMNS = ["move", "at", "end", "read", "tokens", "written", "uncached", "requests", "usual"]


def before_and_after(
    usage: pd.DataFrame, group: Sequence[Move], window: tuple[pd.Timestamp, pd.Timestamp],
    measure: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """(baseline, hours since): COLUMNS, and `since_start`, `since_full` in hours for the latter.

    usage    in buckets of an hour or more
    window   of the baseline, [start, end)
    measure  the rate: a key of RATED
    A bucket without a rate has NaN for `read` and `tokens`: missing is never zero. since_full is
    NaN where the move is not whole yet.
    """
    old, new = [], []
    inside = (usage["bucket_start"] >= window[0]) & (usage["bucket_end"] <= window[1])
    for number, move in enumerate(group):
        before = usage[inside & cohort_rows(usage, move, move.from_model)]
        after = usage[(usage["bucket_end"] > move.start) & cohort_rows(usage, move, move.to_model)]
        old.append(_hours(before, number, measure))
        found = _hours(after, number, measure)
        since_full = float("nan") if move.full is None else hours_between(move.full, found["end"])
        new.append(
            found.assign(since_start=hours_between(move.start, found["end"]), since_full=since_full)
        )
    baseline, late = pd.concat(old, ignore_index=True), pd.concat(new, ignore_index=True)
    baseline = baseline[baseline["tokens"] > 0].reset_index(drop=True)
    return (
        baseline.assign(usual=with_usual(baseline, baseline)),
        late.assign(usual=with_usual(late, baseline)),
    )


def hours_between(
    early: pd.Timestamp | pd.Series, late: pd.Timestamp | pd.Series
) -> pd.Series:  # fmt: skip
    """From *early* to *late*, one of which is a series."""
    passed: pd.Series = (late - early).dt.total_seconds() / 3600  # type: ignore[union-attr]
    return passed


def _hours(rows: pd.DataFrame, number: int, measure: str) -> pd.DataFrame:
    by = ["bucket_start", "bucket_end"]
    sums = cache_metrics(rows, by).reset_index()
    tokens = sums[RATED[measure]].where(sums[measure].notna())
    return pd.DataFrame({
        "move": number,
        "at": sums["bucket_start"],
        "end": sums["bucket_end"],
        "read": sums[measure] * tokens,
        "tokens": tokens,
        "written": sums["write_share"] * tokens,
        "uncached": sums["uncached_share"] * tokens,
        "requests": sums["requests"],
        "usual": float("nan"),
    })  # fmt: skip
