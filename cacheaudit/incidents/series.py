"""The series that are watched."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ..metrics import cache_metrics
from ..schema import COHORT, Cohort, label

Measure = Literal[
    "hit_rate", "read_share_of_cached", "usd_per_request", "usd_per_mtok", "charged_ratio", "volume"
]


RATES = ("hit_rate", "read_share_of_cached")  # what falls; all other measures rise


ENOUGH_DAYS = 8
CHARGE_RISE = 0.05  # a bill follows its price list closely; rounding and late rows do less
VOLUME_RISE = 0.5  # volume moves by itself; less than half as much again is no incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One watched series: values and weights by bucket start; +1 if a fall is what hurts."""

    measure: Measure
    cohort: Cohort | None  # None: all traffic
    values: pd.Series
    weight: pd.Series
    falls_hurt: bool
    min_step: float


def watched_series(
    usage: pd.DataFrame,
    usd: pd.Series,
    *,
    min_drop: float,
    min_rise: float,
    charged: pd.DataFrame | None = None,
) -> tuple[Series, ...]:
    """All series of *usage*; *usd* is the cost of each row, NaN where unpriced.

    charged   what the bill says beside it (quality.charged_by_day); None without a bill
    """
    sums = _sums(usage, usd, ["bucket_start"])
    first, last = usage["bucket_start"].min(), usage["bucket_end"].max()
    found = [*_rates(sums, None, min_drop, min_rise), *_volume(sums, None, first, last)]
    if charged is not None:
        found.extend(_charged(charged))
    cohorts = _sums(usage, usd, [*COHORT, "bucket_start"]).groupby(level=[*COHORT], dropna=False)
    if cohorts.ngroups > 1:
        for (scope, route), own in cohorts:
            cohort = (label(scope), label(route))
            by_bucket = own.droplevel([*COHORT])
            found.extend(_rates(by_bucket, cohort, min_drop, min_rise))
            found.extend(_volume(by_bucket, cohort, first, last))
    return tuple(found)


def _sums(usage: pd.DataFrame, usd: pd.Series, by: list[str]) -> pd.DataFrame:
    """cache_metrics with `usd`, NaN where any row is unpriced."""
    cost = usd.groupby([usage[c] for c in by], dropna=False, observed=True).sum(skipna=False)
    return cache_metrics(usage, by).assign(usd=cost.to_numpy())


def _rates(
    sums: pd.DataFrame, cohort: Cohort | None, min_drop: float, min_rise: float
) -> Iterator[Series]:
    """Hit rate and unit cost of *sums* by bucket; only what some row reports is watched."""
    rate = "hit_rate" if sums["input_tokens"].notna().any() else "read_share_of_cached"
    weight = sums["input_tokens"] if rate == "hit_rate" else sums["cached_tokens"]
    if sums[rate].count() >= 4:
        yield Series(
            measure="hit_rate" if rate == "hit_rate" else "read_share_of_cached",
            cohort=cohort,
            values=sums[rate],
            weight=weight,
            falls_hurt=True,
            min_step=min_drop,
        )
    counted = sums["requests"].notna().any()
    units = sums["requests"] if counted else sums["input_tokens"] / 1e6
    cost = (sums["usd"] / units.where(units > 0)).where(lambda s: s > 0)
    if cost.count() >= 4:
        yield Series(
            measure="usd_per_request" if counted else "usd_per_mtok",
            cohort=cohort,
            values=cost.map(np.log),
            weight=units,
            falls_hurt=False,
            min_step=float(np.log1p(min_rise)),
        )


def _charged(charged: pd.DataFrame) -> Iterator[Series]:
    """What was charged for a day over what its tokens are priced at."""
    known = charged[(charged > 0).all(axis=1)]
    if len(known) >= ENOUGH_DAYS:
        yield Series(
            measure="charged_ratio",
            cohort=None,
            values=(known["charged_usd"] / known["priced_usd"]).map(np.log),
            weight=known["priced_usd"],
            falls_hurt=False,
            min_step=float(np.log1p(CHARGE_RISE)),
        )


def _volume(
    sums: pd.DataFrame, cohort: Cohort | None, first: pd.Timestamp, last: pd.Timestamp
) -> Iterator[Series]:
    """Input tokens by whole UTC day; days that the data cuts into are left out."""
    day = pd.DatetimeIndex(sums.index).floor("D")
    whole = (day >= first.ceil("D")) & (day + pd.Timedelta("1D") <= last)
    tokens = sums["input_tokens"].fillna(sums["cached_tokens"])
    daily = tokens[whole].groupby(day[whole]).sum().where(lambda s: s > 0)
    if daily.count() >= ENOUGH_DAYS:
        yield Series(
            measure="volume",
            cohort=cohort,
            values=daily.map(np.log),
            weight=pd.Series(1.0, index=daily.index),
            falls_hurt=False,
            min_step=float(np.log1p(VOLUME_RISE)),
        )
