"""A figure in USD with its interval, and how the figures of several cohorts become one."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

Floats = npt.NDArray[np.float64]
NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure in USD with a 95 % interval; NaN where it cannot be had, with the reason."""

    value: float
    low: float
    high: float
    reason: str = ""

    def without(self, part: "Estimate") -> "Estimate":
        """This figure less *part* of it; the two intervals are taken as independent."""
        value = self.value - part.value
        reach = float(np.hypot(self.high - self.value, part.high - part.value))
        reason = self.reason or part.reason
        return Estimate(value=value, low=value - reach, high=value + reach, reason=reason)

    def to_dict(self) -> dict[str, float | str | None]:
        """For findings.json: NaN becomes null."""
        return {
            "value": null(self.value),
            "low": null(self.low),
            "high": null(self.high),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Excess of one cohort: its value, its variance, the days of its baseline, what is missing."""

    value: float
    variance: float
    days: int
    reason: str = ""


def exact(value: float, reason: str) -> Estimate:
    return Estimate(value=value, low=NAN, high=NAN, reason=reason)


def total(gaps: list[Gap]) -> Estimate:
    if reason := next((g.reason for g in gaps if g.reason), ""):
        return Estimate(value=NAN, low=NAN, high=NAN, reason=reason)
    value, days = sum(g.value for g in gaps), min(g.days for g in gaps)
    if np.isnan(value):
        return Estimate(value=NAN, low=NAN, high=NAN, reason="tokens without a price")
    if days < 3:
        return exact(value, "a baseline under three days")
    reach = float(stdtrit(days - 1, 0.975)) * sum(g.variance for g in gaps) ** 0.5
    return Estimate(value=value, low=value - reach, high=value + reach)


def variance(spread: float, units: float, days: int, inside: pd.DataFrame) -> float:
    """Of the mean of the baseline's days, and of the days of the incident around it."""
    later = max(1, inside["bucket_start"].dt.floor("D").nunique())
    return float((spread * units) ** 2 * (1 / max(1, days) + 1 / later))


def null(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
