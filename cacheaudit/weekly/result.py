"""Everything the weekly page is made of, and its verdict."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ..diagnosis import Diagnosis
from ..quality import QualityNote
from ..rollout import Rollout
from ..rollout_params import WeeklyParams
from ..schema import Cohort
from ..sources import Pull
from .ahead import Ahead
from .doubts import Doubt
from .known import Calibration, LastReport
from .news import News
from .parts import Comparison, Part
from .told import Incidents, Told
from .winnable import Win

Verdict = Literal["quiet", "moved", "on_time", "late", "not_yet_known"]
FAILED, UNDECIDED = 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """The page's values; report/ only reads them.

    week          the week beside its baseline
    diagnosis     of the whole pull
    incidents     the same, as a reader of the last report sees them
    ahead         names in use that end or move
    wins          what could still be won, the largest first
    rollout       what became of the traffic that moved
    last          the last report; None without one
    calibration   how sure all this is on the team's own usage; None where nobody has measured it
    doubts        why the week is not known, whatever the comparison says; empty where it is
    notes         sentences about what could not be read of earlier runs
    fetched_at    when this was made
    """

    params: WeeklyParams
    pull: Pull
    week: Comparison
    diagnosis: Diagnosis
    incidents: Incidents
    news: News
    ahead: tuple[Ahead, ...]
    wins: tuple[Win, ...]
    rollout: Rollout
    last: LastReport | None
    calibration: Calibration | None
    doubts: tuple[Doubt, ...]
    notes: tuple[str, ...]
    fetched_at: pd.Timestamp

    @property
    def usage(self) -> pd.DataFrame:
        """The usage frame that was judged, its provisional tail included."""
        return self.pull.usage

    @property
    def quality(self) -> tuple[QualityNote, ...]:
        """Notes on the data; one about usage that is unfit leaves every verdict open."""
        return self.diagnosis.quality

    @property
    def unfit(self) -> str:
        """Why this usage cannot be judged; "" where it can."""
        return next((n.text for n in self.quality if n.severity == "unfit" and n.about == "usage"),
                    "")  # fmt: skip

    @property
    def worse(self) -> bool:
        """Whether something moved for the worse, or an incident is open as far as is known."""
        known = self.incidents
        return bool(known.open or known.out_of_sight or self.week.worse)

    @property
    def open_elsewhere(self) -> tuple[Told, ...]:
        """Open incidents of more than what moved to another version."""
        return tuple(
            one for one in self.incidents.open
            if self._elsewhere({c.cohort for c in one.found.case.affected})
        )  # fmt: skip

    @property
    def parts_elsewhere(self) -> tuple[Part, ...]:
        """Cohorts that got worse and did not move to another version."""
        return tuple(p for p in self.week.parts if p.worse and self._elsewhere({*p.members}))

    @property
    def worse_elsewhere(self) -> bool:
        """Whether something got worse that a cutover does not explain."""
        lost = any(self._elsewhere({*one.cohorts}) for one in self.incidents.out_of_sight)
        return bool(lost or self.open_elsewhere or self.parts_elsewhere)

    def _elsewhere(self, cohorts: set[Cohort]) -> bool:
        """Whether *cohorts* (none: all traffic) are not all among those that moved."""
        moved = {(m.scope, m.route) for group in self.rollout.groups for m in group.moves}
        return not cohorts or not cohorts <= moved

    @property
    def verdict(self) -> Verdict:
        """late before all; then what got worse, apart from what moved to another version and has
        its own bar; then what cannot be told. on_time and quiet need all of it.

        Of a week with doubts only what got worse is told.
        """
        of_cutover = self.rollout.verdict
        if of_cutover == "late":
            return "late"
        if self.unfit:
            return "not_yet_known"
        pending = of_cutover == "not_yet_known"
        if self.worse_elsewhere if pending else self.worse:
            return "moved"
        if pending or self.doubts:
            return "not_yet_known"
        if of_cutover == "on_time":
            return "on_time"
        return "quiet" if self.week.judged else "not_yet_known"

    @property
    def exit_code(self) -> int:
        """3 where a gate failed (a cutover is late, cache fields are missing), 4 where something
        could not be judged, else 0.

        Something that moved is what the page is for, and no failure of the run: 0.
        """
        if self.rollout.exit_code == FAILED:
            return FAILED
        undecided = self.verdict == "not_yet_known" or bool(self.doubts or self.rollout.exit_code)
        return UNDECIDED if undecided or self.diagnosis.costed.book.unpriced else 0
