"""One diagnosis against the truth of its story.

Judged is the incident nearest the planted start, if it began within NEAR of it.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from .story import Planted, Story

NEAR = pd.Timedelta("2D")
LEAST_EXTRA_USD = 5.0  # a relative error of less money means nothing
ABSTAINING = frozenset({"narrowed", "not_identifiable", "unfit_data"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one diagnosis said, and whether it was right; None: does not apply.

    found           an incident near the start (a measurement: or the data declared unfit)
    truth_leads     the truth is among the leaders
    within          all leaders are in the class of the truth
    identified      one leader, the truth
    recognised      coinciding: not identifiable, a leader of each family
    accused         leaders model.* where no model.* is in the class
    start_buckets   how many buckets off the start is
    excess_error    |estimate - truth| / truth
    """

    story: str
    seed: int
    truth: str | None
    error: str | None = None
    verdict: str = ""
    top_verdict: str = ""
    leaders: tuple[str, ...] = ()
    quality: tuple[str, ...] = ()
    incidents: int = 0
    found: bool | None = None
    truth_leads: bool | None = None
    within: bool | None = None
    identified: bool | None = None
    recognised: bool | None = None
    accused: bool = False
    start_buckets: float | None = None
    excess_usd: float | None = None
    extra_usd: float | None = None
    excess_error: float | None = None
    covered: bool | None = None
    seconds: float = 0.0
    notes: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return asdict(self)


def failed(story: Story, seed: int, error: str) -> Run:
    """A run that ended in an exception: a failure, not a result."""
    due = True if story.alarms else None
    return Run(
        story=story.name, seed=seed, truth=story.truth, error=error,
        found=due and False, truth_leads=due and False,
        within=False if due and not story.coinciding else None,
        identified=False if due and story.identifiable else None,
        recognised=False if story.coinciding else None,
    )  # fmt: skip


def judged(story: Story, seed: int, planted: Planted, diagnosis: Any) -> Run:
    """*diagnosis* (a cacheaudit.Diagnosis) of *planted*, against *story*."""
    one = _nearest(diagnosis.incidents, planted.start) if story.truth else None
    leaders = tuple(one.leading) if one else ()
    notes = tuple(n.id for n in diagnosis.quality if n.severity != "note" or "tail" in n.id)
    allowed = story.cls | story.also
    measured = bool(story.truth and story.truth.startswith("measurement."))
    unfit = measured and diagnosis.verdict == "unfit_data" and bool(notes)
    if story.truth == "measurement.incomplete_tail":
        unfit |= any("tail" in n for n in notes)
    seen = set(leaders) - (story.also - {story.truth})
    near = [
        i for i in diagnosis.incidents
        if story.truth is None or abs(i.incident.start - planted.start) <= NEAR
    ]  # fmt: skip
    blamed = any(c.startswith("model.") and c not in story.also for i in near for c in i.leading)
    due = story.alarms
    width = pd.Timedelta(story.width)
    estimate = one.excess_usd if one else None
    value = None if estimate is None or pd.isna(estimate.value) else float(estimate.value)
    extra = planted.extra_usd
    comparable = value is not None and extra >= LEAST_EXTRA_USD
    families = {c.split(".")[0] for c in leaders}
    return Run(
        story=story.name,
        seed=seed,
        truth=story.truth,
        verdict=one.verdict if one else "",
        top_verdict=diagnosis.verdict,
        leaders=leaders,
        quality=notes,
        incidents=len(diagnosis.incidents),
        found=(one is not None or unfit) if due else None,
        truth_leads=(story.truth in leaders or unfit) if due else None,
        within=(unfit or (bool(seen) and seen <= allowed))
        if due and not story.coinciding
        else None,
        identified=(unfit or seen == {story.truth}) if due and story.identifiable else None,
        recognised=(bool(one) and one.verdict == "not_identifiable" and story.kinds <= families)
        if story.coinciding
        else None,
        accused=blamed and not any(c.startswith("model.") for c in story.cls),
        start_buckets=abs(one.incident.start - planted.start.floor(width)) / width
        if due and one
        else None,
        excess_usd=value,
        extra_usd=None if pd.isna(extra) else float(extra),
        excess_error=abs(value - extra) / extra if comparable else None,
        covered=bool(estimate.low <= extra <= estimate.high) if comparable else None,
    )


def _nearest(incidents: Any, start: pd.Timestamp) -> Any:
    """The incident that began nearest *start*, or None where none is near."""
    near = [i for i in incidents if abs(i.incident.start - start) <= NEAR]
    return min(near, key=lambda i: abs(i.incident.start - start), default=None)
