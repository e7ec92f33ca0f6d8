"""Is it over: when the hit rate came back, and whether that met the objective."""

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from .incidents import Incident
from .metrics import cache_metrics

Objective = Literal["met", "missed", "pending", "not_applicable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The way back of an incident in a hit rate.

    baseline, now  headline rate in the baseline, and in the last day of the data
    recovered_at   first bucket from which two in a row were at `at_share` of the baseline or
                   above; None while it lasts
    objective      met, missed, or pending (not back yet, and the time is not up)
    """

    baseline: float
    now: float
    recovered_at: pd.Timestamp | None
    at_share: float
    within_hours: float
    objective: Objective

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        at = self.recovered_at
        return {
            "baseline": self.baseline,
            "now": None if pd.isna(self.now) else self.now,
            "recovered_at": None if at is None else at.isoformat(),
            "slo": {
                "at_share_of_baseline": self.at_share,
                "within_hours": self.within_hours,
                "verdict": self.objective,
            },
        }


def recovery_of(
    incident: Incident, rows: pd.DataFrame, *, at_share: float, within_hours: float
) -> Recovery | None:
    """Recovery of the affected traffic *rows*; None for an incident that is not in a rate."""
    if incident.measure not in ("hit_rate", "read_share_of_cached"):
        return None
    rate = cache_metrics(rows, ["bucket_start"])[incident.measure]
    bar = at_share * incident.before
    after = rate[rate.index >= incident.start].dropna()
    back = (after >= bar) & (after.shift(-1, fill_value=bar) >= bar)
    after_start = back[back.index > incident.start_high] if not incident.began_before else back
    at = None
    if incident.end is not None and after_start.any():
        at = after_start.index[int(after_start.to_numpy().argmax())]
    last = rows["bucket_end"].max()
    day = rows[rows["bucket_start"] >= last - pd.Timedelta("1D")]
    now = cache_metrics(day.assign(provider="all"), ["provider"])[incident.measure].iloc[0]
    limit = incident.start + pd.Timedelta(hours=within_hours)
    objective: Objective = "pending" if last < limit else "missed"
    if at is not None:
        objective = "met" if at <= limit else "missed"
    return Recovery(
        baseline=incident.before,
        now=float(now),
        recovered_at=at,
        at_share=at_share,
        within_hours=within_hours,
        objective=objective,
    )
