"""A figure in USD with its interval, and the excess of a cohort by bucket."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
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
        return Estimate(
            value=value,
            low=value - float(np.hypot(self.value - self.low, part.high - part.value)),
            high=value + float(np.hypot(self.high - self.value, part.value - part.low)),
            reason=self.reason or part.reason,
        )

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
    """Excess of one cohort by bucket, beside what its baseline strays by.

    starts    when each bucket of the incident starts, in hours since 1970, (n,)
    usd       its excess, (n,)
    stray     what the same traffic would have cost off the baseline's profile if it had strayed
              as on each day of the baseline, USD, (days, n); NaN where that day has no data
    days      of baseline
    weekends  days of weekend among them, where these have a level of their own; else 0
    """

    starts: Floats
    usd: Floats
    stray: Floats
    days: int
    weekends: int = 0
    reason: str = ""


def refused(reason: str) -> Gap:
    """No excess, for *reason*."""
    nothing = np.zeros(0)
    return Gap(starts=nothing, usd=nothing, stray=np.zeros((0, 0)), days=0, reason=reason)


def together(gaps: list[Gap]) -> Gap:
    """The sum of *gaps* over one incident: days that are odd for all of them add up."""
    if reason := next((g.reason for g in gaps if g.reason), ""):
        return refused(reason)
    if len(gaps) == 1:
        return gaps[0]
    starts = np.unique(np.concatenate([g.starts for g in gaps]))
    usd, stray = np.zeros(len(starts)), np.zeros((len(gaps[0].stray), len(starts)))
    seen = np.zeros(stray.shape, dtype=bool)
    for gap in gaps:
        place = np.searchsorted(starts, gap.starts)
        usd[place] += gap.usd
        stray[:, place] += np.nan_to_num(gap.stray)
        seen[:, place] |= ~np.isnan(gap.stray)
    return Gap(
        starts=starts,
        usd=usd,
        stray=np.where(seen, stray, NAN),
        days=min(g.days for g in gaps),
        weekends=min(g.weekends for g in gaps),
    )


def exact(value: float, reason: str) -> Estimate:
    """A figure without an interval, for *reason*."""
    return Estimate(value=value, low=NAN, high=NAN, reason=reason)


def total(gaps: list[Gap]) -> Estimate:
    """The excess of *gaps* as one figure, without its interval (curve.py has that)."""
    whole = together(gaps) if gaps else refused("")
    if whole.reason:
        return exact(NAN, whole.reason)
    return exact(float(whole.usd.sum()), "")


def null(value: float) -> float | None:
    """None for NaN, which JSON does not know."""
    return None if np.isnan(value) else float(value)
