"""Is it over: when the hit rate came back or will, and whether that met the objective."""

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from .incidents import RATES, Incident
from .metrics import cache_metrics, overall_metrics
from .noise import week_hour
from .warming import Shape, Warming, warming_of

ENOUGH = 4  # buckets of an hour of the day, before it has a baseline of its own
Objective = Literal["met", "missed", "pending", "not_applicable"]
CURVE = ["rate", "baseline", "share_of_baseline"]
NOT_BY_ITSELF = (
    "A cache is as warm as it will be one lifetime after the last traffic moved. A rate that climbs"
    " for longer means that traffic or its prefixes still move, or that another cause is fading."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The way back of an incident in a hit rate.

    baseline, now  headline rate in the baseline, and in the last day of the data
    recovered_at   first bucket from which two in a row were at `at_share` of the baseline of
                   their hour or above; None while it lasts
    objective      met, missed, pending (not back yet, and the time is not up), or not_applicable
                   (back in time, counted from the window's edge, but it began before)
    curve          by bucket since the start: the rate, the baseline of that hour, their ratio
    shape          recovered, warming (the gap shrinks), lasting (it does not), or unclear: judged
                   from one lifetime after traffic stopped moving
    half_life_days, projected_at, projected_low, projected_high
                   of a warming: the gap halves in so many days, and reaches the bar then, with a
                   95 % interval, if it goes on as it did; None: not within warming.LONGEST_DAYS
    note           what a warming can and cannot be; empty otherwise
    """

    baseline: float
    now: float
    recovered_at: pd.Timestamp | None
    at_share: float
    within_hours: float
    objective: Objective
    curve: pd.DataFrame
    shape: Shape
    half_life_days: float | None
    projected_at: pd.Timestamp | None
    projected_low: pd.Timestamp | None
    projected_high: pd.Timestamp | None
    note: str

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {
            "baseline": self.baseline,
            "now": None if pd.isna(self.now) else self.now,
            "recovered_at": _iso(self.recovered_at),
            "slo": {
                "at_share_of_baseline": self.at_share,
                "within_hours": self.within_hours,
                "verdict": self.objective,
            },
            "shape": self.shape,
            "half_life_days": self.half_life_days,
            "projected": {
                "at": _iso(self.projected_at),
                "low": _iso(self.projected_low),
                "high": _iso(self.projected_high),
            },
            "note": self.note,
            "curve": {
                "at": [at.isoformat() for at in pd.DatetimeIndex(self.curve.index)],
                **{c: [_rounded(x) for x in self.curve[c]] for c in CURVE},
            },
        }


def recovery_of(
    incident: Incident,
    rows: pd.DataFrame,
    *,
    at_share: float,
    within_hours: float,
    moved_by: pd.Timestamp | None = None,
    ttl_s: float = 0.0,
) -> Recovery | None:
    """Recovery of the affected traffic *rows*; None for an incident that is not in a rate.

    A bucket is held against the baseline of its own hour of the day, and against the middle
    between the two levels where that is higher: a shallow fall would never leave the bar.
    moved_by  end of the cutover that the objective counts from; None: the start of the incident
    ttl_s     longest lifetime of an entry: until then a cache may be warming up
    """
    if incident.measure not in RATES:
        return None
    weight = "input_tokens" if incident.measure == "hit_rate" else "cached_tokens"
    known = cache_metrics(rows, ["bucket_start"]).dropna(subset=incident.measure)
    rate = known[incident.measure]
    level = _level(incident, at_share)
    seen = pd.DataFrame({"rate": rate, "baseline": _usual(rate, incident), "weight": known[weight]})
    bar = seen["baseline"] * level
    later = rate.index > incident.start_high
    inside = rate.index >= incident.start
    good = (rate >= bar)[inside if incident.began_before else inside & later]
    back = good & good.shift(-1, fill_value=True)
    at = None
    if incident.end is not None:
        at = back.index[int(back.to_numpy().argmax())] if back.any() else incident.end
    curve, usual = seen[inside], seen[_in_baseline(rate, incident)]
    settled = max(incident.start_high, moved_by or incident.start) + pd.Timedelta(seconds=ttl_s)
    fading = Warming(shape="recovered")
    if at is None:
        fading = warming_of(curve, usual, since=settled, target=level)
    return Recovery(
        baseline=incident.before,
        now=_last_day(rows, incident.measure),
        recovered_at=at,
        at_share=at_share,
        within_hours=within_hours,
        objective=_objective(incident, at, rows["bucket_end"].max(), within_hours, moved_by),
        curve=curve.assign(share_of_baseline=curve["rate"] / curve["baseline"])[CURVE],
        shape=fading.shape,
        half_life_days=fading.half_life_days,
        projected_at=fading.projected_at,
        projected_low=fading.projected_low,
        projected_high=fading.projected_high,
        note=NOT_BY_ITSELF if fading.shape == "warming" else "",
    )


def _level(incident: Incident, at_share: float) -> float:
    """What share of its baseline counts as back."""
    return max(at_share, (1 + incident.after / incident.before) / 2)


def _usual(rate: pd.Series, incident: Incident) -> pd.Series:
    """Baseline of each bucket of *rate*: of its hour, weekends apart where there is enough."""
    base = pd.Series(float("nan"), index=rate.index)
    usual = rate[_in_baseline(rate, incident)]
    for cells in (_week_hours, _hours):
        known = usual.groupby(cells(usual)).agg(["median", "size"])
        typical = known.loc[known["size"] >= ENOUGH, "median"].reindex(cells(rate))
        base = base.fillna(pd.Series(typical.to_numpy(), index=rate.index))
    return base.fillna(incident.before)


def _in_baseline(rate: pd.Series, incident: Incident) -> pd.Series:
    low, high = incident.baseline
    return pd.Series((rate.index >= low) & (rate.index < high), index=rate.index)


def _hours(rate: pd.Series) -> pd.Index:
    return pd.Index(pd.DatetimeIndex(rate.index).hour)


def _week_hours(rate: pd.Series) -> pd.Index:
    return pd.Index(week_hour(pd.DatetimeIndex(rate.index)))


def _iso(at: pd.Timestamp | None) -> str | None:
    return None if at is None else at.isoformat()


def _rounded(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 6)


def _last_day(rows: pd.DataFrame, measure: str) -> float:
    day = rows[rows["bucket_start"] >= rows["bucket_end"].max() - pd.Timedelta("1D")]
    return float(overall_metrics(day)[measure])


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
