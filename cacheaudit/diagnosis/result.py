"""What a diagnosis says: each incident with its own verdict, and the whole."""

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from ..causes.case import Case
from ..causes.hypothesis import Cause
from ..causes.rank import Verdict
from ..cost import Costed
from ..events import VersionChange
from ..excess import ColdStart, Estimate, ExcessCurve, RunRate
from ..incidents import Incident
from ..quality import QualityNote, Reconciliation
from ..recovery import Recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDiagnosis:
    """One incident with its own verdict.

    excess_curve   excess_usd by bucket
    run_rate       what it costs a day; None where it is over, or younger than a day
    """

    verdict: Verdict
    incident: Incident
    case: Case
    causes: tuple[Cause, ...]
    excess_usd: Estimate
    excess_curve: ExcessCurve
    run_rate: RunRate | None
    cold_start: ColdStart | None
    recovery: Recovery | None
    material: bool | None

    @property
    def leading(self) -> tuple[str, ...]:
        """Ids of the causes that share the lead."""
        return tuple(c.id for c in self.causes if c.standing == "leading")

    @property
    def projected(self) -> Estimate | None:
        """Excess at the recent rate up to the projected end; None where no end can be projected."""
        at = None if self.recovery is None else self.recovery.projected_at
        return None if at is None or self.run_rate is None else self.run_rate.projected(at)

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {
            "verdict": self.verdict,
            "incident": incident_dict(self.incident),
            "pattern": self.case.pattern,
            "causes": [c.to_dict() for c in self.causes],
            "leading": list(self.leading),
            "excess_usd": self.excess_usd.to_dict(),
            "excess_by_bucket": self.excess_curve.buckets.to_dict("records"),
            "run_rate": None if self.run_rate is None else self.run_rate.to_dict(),
            "projected_usd": None if self.projected is None else self.projected.to_dict(),
            "cold_start": None if self.cold_start is None else self.cold_start.to_dict(),
            "recovery": None if self.recovery is None else self.recovery.to_dict(),
            "material": self.material,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All that was found; the top-level properties repeat the costliest incident.

    series_watched, alpha   the false-alarm rate alpha is shared out over that many series
    quality                 notes on the data; `unfit` ones explain the verdict unfit_data
    reconciliation          whether a bill settles the money
    """

    verdict: Verdict
    incidents: tuple[IncidentDiagnosis, ...]
    versions: tuple[VersionChange, ...]
    events: pd.DataFrame
    quality: tuple[QualityNote, ...]
    costed: Costed
    cost: pd.DataFrame | None
    reconciliation: Reconciliation
    series_watched: int
    alpha: float

    @property
    def costliest(self) -> IncidentDiagnosis | None:
        """The incident with the largest known excess; the first where none is known."""
        return max(self.incidents, key=_cost_rank, default=None)

    @property
    def incident(self) -> Incident | None:
        """Of the costliest incident."""
        return None if self.costliest is None else self.costliest.incident

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Of the costliest incident, ranked."""
        return () if self.costliest is None else self.costliest.causes

    @property
    def leading(self) -> tuple[str, ...]:
        """Of the costliest incident: ids of the causes that share the lead."""
        return () if self.costliest is None else self.costliest.leading

    @property
    def excess_usd(self) -> Estimate | None:
        """Of the costliest incident."""
        return None if self.costliest is None else self.costliest.excess_usd

    @property
    def cold_start(self) -> ColdStart | None:
        """Of the costliest incident."""
        return None if self.costliest is None else self.costliest.cold_start

    @property
    def recovery(self) -> Recovery | None:
        """Of the costliest incident."""
        return None if self.costliest is None else self.costliest.recovery

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as plain data."""
        top = self.costliest
        return {
            "verdict": self.verdict,
            "incidents": [i.to_dict() for i in self.incidents],
            "incident": None if top is None else incident_dict(top.incident),
            "causes": [c.to_dict() for c in self.causes],
            "leading": list(self.leading),
            "excess_usd": None if top is None else top.excess_usd.to_dict(),
            "quality": [asdict(n) for n in self.quality],
        }


def incident_dict(incident: Incident) -> dict[str, Any]:
    """An incident as plain data: times in ISO 8601, no alarms but their places."""
    return {
        "start": incident.start.isoformat(),
        "start_low": incident.start_low.isoformat(),
        "start_high": incident.start_high.isoformat(),
        "end": None if incident.end is None else incident.end.isoformat(),
        "measure": incident.measure,
        "before": incident.before,
        "after": incident.after,
        "baseline": [t.isoformat() for t in incident.baseline],
        "baseline_buckets": incident.baseline_buckets,
        "began_before": incident.began_before,
        "deeper_at": None if incident.deeper_at is None else incident.deeper_at.isoformat(),
        "inside": None if incident.inside is None else incident.inside.isoformat(),
    }


def _cost_rank(found: IncidentDiagnosis) -> tuple[int, float, float]:
    """A known excess before an unknown one before none; then the larger move."""
    value, incident = found.excess_usd.value, found.incident
    kind = 1 if pd.isna(value) else 2 if value > 0 else 0
    move = abs(incident.after - incident.before)
    return kind, 0.0 if pd.isna(value) else value, move
