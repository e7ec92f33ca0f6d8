"""What is known after a repair, in one value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from ..schema import Cohort
from .arrivals import Arrival
from .stretches import Held

SWOLLEN = 1.5  # times its usual traffic, while other traffic is gone: it may hold that of others
EXIT_CODES = {"closed": 0, "still_open": 3, "not_yet_known": 4}

Verdict = Literal["closed", "still_open", "not_yet_known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is known after a repair.

    verdict         closed, still_open or not_yet_known
    start           of the incident; measure: what moved
    fixed_at        when it was repaired, as was stated
    since, until    what was judged: one lifetime after the repair to the end of the data
    about           what fell, in words; cohorts: by their names, () for all traffic
    groups          what fell: large cohorts, the smaller ones together, and then those of the
                    smaller ones that lie past the bar by themselves; controls: what was spared
    arrivals        traffic that came since, and may be what fell
    ttl_s           longest lifetime of an entry, which is left out after the repair
    healed_at       when it was back already, where that was before the repair; None otherwise
    healed_before   whether it was: told by the postmortem, or by the day before the repair
    unfit           why the data after the repair cannot be judged; "" where it can
    run_rate        of the postmortem, as findings.json has it: excess a day in its last days; None
                    where it has none
    """

    verdict: Verdict
    start: pd.Timestamp
    measure: str
    fixed_at: pd.Timestamp
    since: pd.Timestamp
    until: pd.Timestamp
    about: str
    cohorts: tuple[Cohort, ...]
    groups: tuple[Held, ...]
    controls: tuple[Held, ...]
    arrivals: tuple[Arrival, ...]
    ttl_s: float
    healed_at: pd.Timestamp | None
    healed_before: bool
    unfit: str
    run_rate: Mapping[str, Any] | None

    @property
    def lost(self) -> tuple[str, ...]:
        """Spared traffic that is not there any more."""
        gone = [(c.about,) if c.standing == "no_traffic" else c.silent for c in self.controls]
        return tuple(name for names in gone for name in names)

    @property
    def swollen(self) -> tuple[Held, ...]:
        """What carries so much more than usual, while other traffic is gone, that it may be it."""
        return tuple(g for g in self.groups if self.lost and g.seen > SWOLLEN)

    @property
    def slipping(self) -> tuple[Held, ...]:
        """What was spared, and lies surely past its bar in the last hours."""
        return tuple(c for c in self.controls if c.standing == "slipping")

    @property
    def exit_code(self) -> int:
        """0 closed, 3 still open, 4 not yet known."""
        return EXIT_CODES[self.verdict]
