"""Traffic that no postmortem has judged: what fell may have gone there, and not be back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..schema import COHORT, TOKENS, Cohort, label
from .groups import LARGE, Member
from .scale import Scale
from .stretches import Held
from .volume import DAY, HOUR, Frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A cohort that grew since the repair; rate: in the unit of the measure, None: not known.

    grown   by how much, over the usual traffic of what fell
    """

    about: str
    rate: float | None
    grown: float

    def to_dict(self) -> dict[str, Any]:
        """For verification.json."""
        return {"about": self.about, "rate": self.rate, "grown": self.grown}


def arrivals(
    fell: Sequence[Member],
    groups: Sequence[Held],
    named: Sequence[Cohort],
    frames: Frames,
    during: pd.DataFrame,
    scale: Scale,
) -> tuple[Arrival, ...]:
    """Cohorts that are not *named*, grew since the repair and lie past a bar; the largest first.

    during   usage frame of the incident, as its postmortem judged it
    Together they are LARGE beside what fell, over all hours or in the last day; else none.
    """
    bars = [g.bar for g in groups if g.bar is not None]
    if not bars or any(m.cohort is None for m in fell):
        return ()
    bar = max(bars) if scale.falls else min(bars)
    base = pd.concat([m.before(frames.baseline) for m in fell]).drop_duplicates()
    usual = _per_hour(base, frames.baseline)
    sizes = [_sizes(side) for side in (frames.baseline, during)]
    for low in (frames.since, max(frames.since, frames.until - DAY)):
        since = frames.after[frames.after["bucket_end"] > low]
        hours = max(1.0, (frames.until - low) / HOUR)
        found = []
        for cohort, rows in _by_cohort(since):
            before = max(size.get(cohort, 0.0) for size in sizes)
            grown = float(rows[TOKENS].sum().sum()) / hours - before
            if cohort in named or grown <= 0:
                continue
            rate = scale.rate(rows, base)
            if rate is None or (rate < bar if scale.falls else rate > bar):
                name = Member(cohort=cohort, baseline_of=(), level=1.0).label
                found.append(Arrival(about=name, rate=rate, grown=grown / max(usual, 1e-9)))
        if sum(one.grown for one in found) >= LARGE:
            return tuple(sorted(found, key=lambda one: -one.grown))
    return ()


def _by_cohort(usage: pd.DataFrame) -> list[tuple[Cohort, pd.DataFrame]]:
    parts = usage.groupby(COHORT, dropna=False, observed=True)
    return [((label(key[0]), label(key[1])), rows) for key, rows in parts]


def _sizes(usage: pd.DataFrame) -> Mapping[Cohort, float]:
    return {cohort: _per_hour(rows, usage) for cohort, rows in _by_cohort(usage)}


def _per_hour(rows: pd.DataFrame, whole: pd.DataFrame) -> float:
    """Tokens of *rows* in an hour of the span of *whole*."""
    if whole.empty:
        return 0.0
    span: pd.Timedelta = whole["bucket_end"].max() - whole["bucket_start"].min()
    return float(rows[TOKENS].sum().sum()) / (span / HOUR)
