"""The week and its baseline by cohort and hour, in the form that rollout/usual.py judges.

Both measures are sums over sums, and the form wants a share: what has no upper end is divided by a
scale far above all of its hours, and multiplied again when it has been judged.

    rate     tokens read from the cache, of all input (or of all that was cached)
    cost     USD of the list prices, of a million prompt tokens
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..metrics import cache_metrics, floats
from ..rollout.hours import RATED
from ..schema import CACHE_WRITE, COHORT, Cohort, cohorts_of

Which = Literal["rate", "cost"]
HOUR = pd.Timedelta("1h")
MTOK = 1e6
FAR = 10.0  # a scale is so many times the largest hour
SUMS = ["read", "tokens", "prompt", "usd", "requests", "written", "uncached", "unknown"]
PARTLY = 0.1  # of an hour's input: with more of it unknown, what is known is no rate of the hour


def by_hour(usage: pd.DataFrame, usd: pd.Series, measure: str) -> pd.DataFrame:
    """Sums of *usage* by cohort and hour; wider buckets are kept.

    usd      cost of each row, NaN where it cannot be had
    measure  the headline rate: a key of rollout.hours.RATED

    Returns `cohort` (scope, route), `at`, `end`, and SUMS: `read` of `tokens` as the rate has it,
    `prompt` tokens, `usd` (NaN if a row of the hour has no cost), `requests`, `unknown` (about how
    many tokens of input are not reported). An hour that is not reported in part has no rate.
    """
    fine = (usage["bucket_end"] - usage["bucket_start"]) < HOUR
    at = usage["bucket_start"].where(~fine, usage["bucket_start"].dt.floor("h"))
    rows = usage.assign(bucket_start=at, bucket_end=usage["bucket_end"].where(~fine, at + HOUR))
    by = [*COHORT, "bucket_start", "bucket_end"]
    sums = cache_metrics(rows, by)
    money = usd.groupby([rows[c] for c in by], dropna=False, observed=True).sum(skipna=False)
    silent = pd.Series(unreported(usage, measure), index=usage.index)
    lost = silent.groupby([rows[c] for c in by], dropna=False, observed=True).sum()
    sums = sums.assign(usd=money.to_numpy(), unknown=lost.to_numpy()).reset_index()
    tokens = sums[RATED[measure]].where(sums[measure].notna())
    return _rated(pd.DataFrame({
        "cohort": cohorts_of(sums),
        "at": sums["bucket_start"],
        "end": sums["bucket_end"],
        "read": sums[measure] * tokens,
        "tokens": tokens,
        "prompt": sums["input_tokens"].fillna(sums["cached_tokens"]),
        "usd": sums["usd"],
        "requests": sums["requests"],
        "written": sums["write_share"] * tokens,
        "uncached": sums["uncached_share"] * tokens,
        "unknown": sums["unknown"],
    }))  # fmt: skip


def unreported(usage: pd.DataFrame, measure: str) -> npt.NDArray[np.float64]:
    """About how many tokens of input each row has and does not report; 0 where it does.

    By the tokens per request of its cohort's other rows, or their mean; where a cohort reports
    none, by those of all. Rows without requests have nothing to report.
    """
    read, uncached = (floats(usage, c) for c in ("cache_read_tokens", "uncached_input_tokens"))
    writes = np.column_stack([floats(usage, c) for c in CACHE_WRITE])
    written = np.isfinite(writes).any(axis=1)
    known = np.isfinite(read) & (np.isfinite(uncached) if measure == "hit_rate" else written)
    if known.all():
        return np.zeros(len(usage))
    requests = floats(usage, "requests")
    input_ = np.where(known, read + np.nan_to_num(uncached) + np.nansum(writes, axis=1), np.nan)
    both = known & np.isfinite(requests)
    parts = pd.DataFrame({
        "tokens": input_, "n": known, "counted": np.where(both, input_, 0.0),
        "requests": np.where(both, requests, 0.0),
    }).astype(float)  # fmt: skip
    by = usage.groupby(COHORT, dropna=False, observed=True).ngroup().to_numpy()
    own = parts.groupby(by).transform("sum")
    every = parts.sum()

    def mean(whole: str, number: str) -> npt.NDArray[np.float64]:
        of_all = every[whole] / every[number] if every[number] > 0 else 1.0
        return (own[whole] / own[number].where(own[number] > 0)).fillna(of_all).to_numpy(float)

    by_request = mean("counted", "requests") * requests
    guess = np.where(
        np.isfinite(requests) & (every["requests"] > 0), by_request, mean("tokens", "n")
    )
    return np.where(known, 0.0, np.nan_to_num(guess))


def _rated(hours: pd.DataFrame) -> pd.DataFrame:
    """*hours* without the rates of those of which too little is reported."""
    partly = hours["unknown"] > PARTLY * (hours["unknown"] + hours["prompt"].fillna(0.0))
    return hours.assign(read=hours["read"].mask(partly), tokens=hours["tokens"].mask(partly))


def unknown_share(hours: pd.DataFrame) -> float:
    """Share of the input of *hours* that is not reported, about."""
    lost, whole = float(hours["unknown"].sum()), float(hours["prompt"].sum())
    return lost / (lost + whole) if lost > 0 else 0.0


def together(hours: pd.DataFrame) -> pd.DataFrame:
    """All cohorts of *hours* as one, of no name; an hour that has no cost in part has none."""
    by = hours.groupby(["at", "end"])
    sums = by[[name for name in SUMS if name != "usd"]].sum(min_count=1)
    sums["usd"] = by["usd"].sum(skipna=False)
    nobody = pd.Series([(None, None)] * len(sums), dtype=object)
    return _rated(sums.reset_index().assign(cohort=nobody))


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
