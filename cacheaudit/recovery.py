"""Is it over: when the hit rate came back, and whether that met the objective."""

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from .incidents import RATES, Incident
from .metrics import cache_metrics

ENOUGH = 4  # buckets of an hour of the day, before it has a baseline of its own
Objective = Literal["met", "missed", "pending", "not_applicable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The way back of an incident in a hit rate.

    baseline, now  headline rate in the baseline, and in the last day of the data
    recovered_at   first bucket from which two in a row were at `at_share` of the baseline of
                   their hour or above; None while it lasts
    objective      met, missed, pending (not back yet, and the time is not up), or not_applicable
                   (back in time, counted from the window's edge, but it began before)
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
    incident: Incident,
    rows: pd.DataFrame,
    *,
    at_share: float,
    within_hours: float,
    moved_by: pd.Timestamp | None = None,
) -> Recovery | None:
    """Recovery of the affected traffic *rows*; None for an incident that is not in a rate.

    A bucket is held against the baseline of its own hour of the day, and against the middle
    between the two levels where that is higher: a shallow fall would never leave the bar.
    moved_by  end of the cutover that the objective counts from; None: the start of the incident
    """
    if incident.measure not in RATES:
        return None
    rate = cache_metrics(rows, ["bucket_start"])[incident.measure].dropna()
    bar = _bar(rate, incident, at_share)
    later = rate.index > incident.start_high
    inside = rate.index >= incident.start
    good = (rate >= bar)[inside if incident.began_before else inside & later]
    back = good & good.shift(-1, fill_value=True)
    at = None
    if incident.end is not None:
        at = back.index[int(back.to_numpy().argmax())] if back.any() else incident.end
    return Recovery(
        baseline=incident.before,
        now=_last_day(rows, incident.measure),
        recovered_at=at,
        at_share=at_share,
        within_hours=within_hours,
        objective=_objective(incident, at, rows["bucket_end"].max(), within_hours, moved_by),
    )


def _bar(rate: pd.Series, incident: Incident, at_share: float) -> pd.Series:
    """What counts as back, by bucket of *rate*."""
    hour = pd.DatetimeIndex(rate.index).hour
    low, high = incident.baseline
    usual = rate[(rate.index >= low) & (rate.index < high)]
    known = usual.groupby(pd.DatetimeIndex(usual.index).hour).agg(["median", "size"])
    typical = known.loc[known["size"] >= ENOUGH, "median"].reindex(hour).to_numpy()
    base = pd.Series(typical, index=rate.index).fillna(incident.before)
    return base * max(at_share, (1 + incident.after / incident.before) / 2)


def _last_day(rows: pd.DataFrame, measure: str) -> float:
    day = rows[rows["bucket_start"] >= rows["bucket_end"].max() - pd.Timedelta("1D")]
    return float(cache_metrics(day.assign(provider="all"), ["provider"])[measure].iloc[0])


def _objective(
    incident: Incident,
    at: pd.Timestamp | None,
    last: pd.Timestamp,
    within_hours: float,
    moved_by: pd.Timestamp | None,
) -> Objective:
    """Against the time limit; a start that is not known decides only what took too long."""
    since = incident.start if moved_by is None else max(incident.start, moved_by)
    limit = since + pd.Timedelta(hours=within_hours)
    if (last if at is None else at) > limit:
        return "missed"
    if incident.began_before:
        return "not_applicable"
    return "pending" if at is None else "met"
