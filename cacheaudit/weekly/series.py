"""The week and its baseline by cohort and hour, in the form that rollout/usual.py judges.

Both measures are sums over sums, and the form wants a share: what has no upper end is divided by a
scale far above all of its hours, and multiplied again when it has been judged.

    rate     tokens read from the cache, of all input (or of all that was cached)
    cost     USD of the list prices, of a million prompt tokens
"""

from collections.abc import Sequence
from typing import Literal

import pandas as pd

from ..metrics import cache_metrics
from ..rollout.hours import RATED
from ..schema import COHORT, Cohort, label

Which = Literal["rate", "cost"]
HOUR = pd.Timedelta("1h")
MTOK = 1e6
FAR = 10.0  # a scale is so many times the largest hour
SUMS = ["read", "tokens", "prompt", "usd", "requests", "written", "uncached"]


def by_hour(usage: pd.DataFrame, usd: pd.Series, measure: str) -> pd.DataFrame:
    """Sums of *usage* by cohort and hour; wider buckets are kept.

    usd      cost of each row, NaN where it cannot be had
    measure  the headline rate: a key of rollout.hours.RATED

    Returns `cohort` (scope, route), `at`, `end`, and SUMS: `read` of `tokens` as the rate has it,
    `prompt` tokens, `usd` (NaN if a row of the hour has no cost), `requests`.
    """
    fine = (usage["bucket_end"] - usage["bucket_start"]) < HOUR
    at = usage["bucket_start"].where(~fine, usage["bucket_start"].dt.floor("h"))
    rows = usage.assign(bucket_start=at, bucket_end=usage["bucket_end"].where(~fine, at + HOUR))
    by = [*COHORT, "bucket_start", "bucket_end"]
    sums = cache_metrics(rows, by)
    money = usd.groupby([rows[c] for c in by], dropna=False, observed=True).sum(skipna=False)
    sums = sums.assign(usd=money.to_numpy()).reset_index()
    tokens = sums[RATED[measure]].where(sums[measure].notna())
    return pd.DataFrame({
        "cohort": [(label(s), label(r)) for s, r in zip(sums["scope"], sums["route"], strict=True)],
        "at": sums["bucket_start"],
        "end": sums["bucket_end"],
        "read": sums[measure] * tokens,
        "tokens": tokens,
        "prompt": sums["input_tokens"].fillna(sums["cached_tokens"]),
        "usd": sums["usd"],
        "requests": sums["requests"],
        "written": sums["write_share"] * tokens,
        "uncached": sums["uncached_share"] * tokens,
    })  # fmt: skip


def together(hours: pd.DataFrame) -> pd.DataFrame:
    """All cohorts of *hours* as one, of no name; an hour that has no cost in part has none."""
    by = hours.groupby(["at", "end"])
    sums = by[[name for name in SUMS if name != "usd"]].sum(min_count=1)
    sums["usd"] = by["usd"].sum(skipna=False)
    nobody = pd.Series([(None, None)] * len(sums), dtype=object)
    return sums.reset_index().assign(cohort=nobody)


def stretch(
    hours: pd.DataFrame, members: Sequence[Cohort], which: Which, scale: float
) -> pd.DataFrame:
    """*which* of *members*, a row each and hour: `move`, `at`, `end`, `read`, `tokens`."""
    place = {cohort: number for number, cohort in enumerate(members)}
    own = hours[hours["cohort"].isin(place)]
    own = own.assign(move=[place[cohort] for cohort in own["cohort"]])
    if which == "cost":
        read, tokens = own["usd"] / scale, (own["prompt"] / MTOK).where(own["usd"].notna())
    else:
        read, tokens = own["read"], own["tokens"]
    return own[["move", "at", "end"]].assign(read=read, tokens=tokens)


def scale_of(frames: Sequence[pd.DataFrame], which: Which) -> float:
    """What *which* is divided by to be a share; 1 for a rate."""
    if which == "rate":
        return 1.0
    dear = [
        (hours["usd"] / (hours["prompt"] / MTOK).where(hours["prompt"] > 0)) for hours in frames
    ]
    largest = float(pd.concat(dear).max())
    return FAR * largest if largest > 0 else 1.0
