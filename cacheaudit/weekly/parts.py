"""A week beside its baseline, as values: measures, cohorts, and all of it."""

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from ..schema import Cohort
from .baseline import Baseline, Span
from .covered import Coverage

Way = Literal["up", "down", "level", "unknown"]
Unjudged = Literal[
    "", "no_baseline", "not_reported", "short_baseline", "reads_nothing", "no_traffic", "missing"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A measure of the week beside its usual value.

    now          None where the data does not report it
    usual        of the same hours; low, high: interval of `now`. None where there is none
    bar_share    relative change beyond which it has moved
    """

    now: float | None
    usual: float | None = None
    low: float | None = None
    high: float | None = None
    bar_share: float

    @property
    def way(self) -> Way:
        """up or down, where the whole interval is beyond the bar; unknown without an interval."""
        if self.usual is None or self.low is None or self.high is None:
            return "unknown"
        if self.high < self.usual * (1 - self.bar_share):
            return "down"
        return "up" if self.low > self.usual * (1 + self.bar_share) else "level"

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {"now": self.now, "low": self.low, "high": self.high, "usual": self.usual,
                "bar_share": self.bar_share, "moved": self.way}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A cohort, the small ones together, or all traffic.

    rate       hit rate, or what stands in for it
    cost       USD per million prompt tokens
    volume     prompt tokens of the week
    usd        cost of the week; None where a part of it has no price
    requests   None where they are not counted
    list_price  by how much the models now in use make the baseline's traffic dearer; None where
                it cannot be told
    lost_tokens   (most likely, low, high): what the usual rate would have read and was not
    is_new     whether the baseline has traffic, and none of it
    is_gone    whether the week has none
    """

    label: str
    members: tuple[Cohort, ...]
    rate: Change
    cost: Change
    volume: Change
    usd: float | None
    requests: float | None
    list_price: float | None
    lost_tokens: tuple[float, float, float] | None
    is_new: bool
    is_gone: bool = False

    @property
    def dearer(self) -> bool:
        """Whether a token costs more than the models that were chosen explain, as far as known."""
        if self.cost.way != "up" or self.cost.usual is None or self.cost.low is None:
            return False
        if self.list_price is None:
            return False
        explained = max(1.0, self.list_price)
        return self.cost.low > self.cost.usual * explained * (1 + self.cost.bar_share)

    @property
    def worse(self) -> bool:
        """Whether it reads less from the cache, or costs more a token."""
        return self.rate.way == "down" or self.dearer

    @property
    def moved(self) -> bool:
        """Whether anything did, in whatever way."""
        ways = {self.rate.way, self.cost.way, self.volume.way}
        return bool(ways & {"up", "down"})

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {
            "about": self.label,
            "cohorts": [{"scope": s, "route": r} for s, r in self.members],
            "rate": self.rate.to_dict(), "usd_per_mtok": self.cost.to_dict(),
            "tokens": self.volume.to_dict(), "usd": self.usd, "requests": self.requests,
            "list_price_ratio": self.list_price, "is_new": self.is_new, "is_gone": self.is_gone,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The week beside its baseline.

    measure   hit_rate, or read_share_of_cached where uncached input is not reported
    parts     large cohorts, the largest first, then the small ones together; empty where there is
              one cohort, which is the total
    curve     by hour: `at`, `rate`, `usual` of all traffic
    coverage    what the week has of its hours
    unreported  share of its input that is not reported, about
    known_share share of its tokens that are of cohorts the baseline has
    base_hours, base_buckets   of the baseline, with a rate
    unjudged    why the rate of all traffic has no usual value; "" where it has one
    """

    week: Span
    measure: str
    baseline: Baseline
    total: Part
    parts: tuple[Part, ...]
    curve: pd.DataFrame
    coverage: Coverage
    unreported: float
    known_share: float
    base_hours: float
    base_buckets: int
    unjudged: Unjudged

    @property
    def every(self) -> tuple[Part, ...]:
        """The parts, then the total."""
        return (*self.parts, self.total)

    @property
    def worse(self) -> tuple[Part, ...]:
        """What got worse, cohorts before the total."""
        return tuple(part for part in self.every if part.worse)

    @property
    def gone(self) -> tuple[Part, ...]:
        """Large cohorts of the baseline that sent nothing."""
        return tuple(part for part in self.parts if part.is_gone and len(part.members) == 1)

    @property
    def judged(self) -> bool:
        """Whether the rate of all traffic could be held against a baseline."""
        return self.total.rate.way != "unknown"


def cohort_name(cohort: Cohort) -> str:
    """Who it is, in words."""
    return " via ".join(one for one in cohort if one) or "traffic without a name"
