"""What the incident costs a day at its recent level, and what it will have cost if it lasts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from .curve import DAY_HOURS, ExcessCurve, hours
from .estimate import NAN, Estimate, exact
from .usual import hours_since_epoch

DAY = pd.Timedelta("1D")
LAST_DAYS = 7  # a week: weekends as often as they come
ENOUGH_DAYS = 3  # for an interval
MONTH_DAYS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRate:
    """Excess by the day, over the last whole days of an incident that lasts.

    per_day, per_month   the next day, the next 30 days, if it lasts: 95 % prediction intervals
    days, until          so many days before `until`, the end of the data, were averaged
    lasted_days          from the start to `until`
    so_far               excess up to `until`
    day_sd               standard deviation between these days, USD
    """

    per_day: Estimate
    per_month: Estimate
    days: int
    lasted_days: float
    until: pd.Timestamp
    so_far: Estimate
    day_sd: float

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {
            "per_day_usd": self.per_day.to_dict(),
            "per_30_days_usd": self.per_month.to_dict(),
            "days": self.days,
            "until": self.until.isoformat(),
        }

    def projected(self, until: pd.Timestamp) -> Estimate:
        """The excess from the start to *until* if it lasts; so far, where that is no later."""
        ahead = (until - self.until) / DAY
        if ahead <= 0:
            return self.so_far
        value = self.so_far.value + self.per_day.value * ahead
        if reason := self.so_far.reason or self.per_day.reason:
            return exact(value, reason)
        strayed = _strayed(self.day_sd, self.days, ahead)
        grown = 1 + ahead / self.lasted_days  # the profile is off by the same every day
        down = np.hypot((self.so_far.value - self.so_far.low) * grown, strayed)
        up = np.hypot((self.so_far.high - self.so_far.value) * grown, strayed)
        return Estimate(value=value, low=value - float(down), high=value + float(up))


def run_rate_of(curve: ExcessCurve, until: pd.Timestamp) -> RunRate | None:
    """The run rate of *curve*, of an incident that lasts *until* the end of the data.

    None where it has no figure or not yet a whole day.
    """
    if pd.isna(curve.total.value) or curve.buckets.empty:
        return None
    back = (hours(until) - hours_since_epoch(curve.buckets["bucket_start"])) / DAY_HOURS
    days = min(LAST_DAYS, int(back.max()))
    if days < 1:
        return None
    place = np.ceil(back).astype(np.int64) - 1
    kept = place < days
    by_day = np.bincount(place[kept], weights=curve.buckets["usd"].to_numpy()[kept], minlength=days)
    mean, sd = float(by_day.mean()), float(by_day.std(ddof=1)) if days > 1 else NAN
    lasted = float(back.max())
    return RunRate(
        per_day=_ahead(mean, sd, days, 1.0, curve.total, lasted),
        per_month=_ahead(mean, sd, days, MONTH_DAYS, curve.total, lasted),
        days=days,
        lasted_days=lasted,
        until=until,
        so_far=curve.total,
        day_sd=sd,
    )


def _ahead(
    mean: float, sd: float, days: int, ahead: float, so_far: Estimate, lasted: float
) -> Estimate:
    """Sum of the next *ahead* days, of a mean and a spread over so many *days*.

    What the baseline leaves unsure of the *lasted* days *so_far* goes on in proportion.
    """
    value = mean * ahead
    if days < ENOUGH_DAYS:
        return exact(value, "under three whole days to judge by")
    if np.isnan(so_far.low):
        return exact(value, so_far.reason)
    strayed, part = _strayed(sd, days, ahead), ahead / lasted
    down = np.hypot((so_far.value - so_far.low) * part, strayed)
    up = np.hypot((so_far.high - so_far.value) * part, strayed)
    return Estimate(value=value, low=value - float(down), high=value + float(up))


def _strayed(sd: float, days: int, ahead: float) -> float:
    """95 % half-width of a sum of *ahead* days around that of as many mean ones.

    Such a sum of k like days around the mean of m strays by sd * sqrt(k + k^2 / m), Student's t
    on m - 1; a part of a day strays like its share of one.
    """
    reach = float(stdtrit(days - 1, 0.975)) * sd
    return reach * float(np.sqrt(ahead * min(1.0, ahead) + ahead**2 / days))
