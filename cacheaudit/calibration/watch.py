"""The detection of the diagnosis, on what was known at a time.

Series are watched and alarms raised by `incidents`, with what `diagnosis` gives it: nothing here
decides what an alarm is. Of a fall planted in one cohort only the series of that cohort and of all
traffic can tell; the others keep their place in the count that alpha is shared over.
"""

from dataclasses import dataclass, replace

import pandas as pd

from ..bars import Bars
from ..causes.facts import moved_by, rows_of
from ..cost import cost_of
from ..events import client_releases, version_changes
from ..incidents import Incident, Series, find_incidents, watched_series
from ..metrics import usual_width
from ..price_table import PriceTable
from ..schema import COHORT, Cohort

DAY = pd.Timedelta("1D")
DAILY = ("volume", "charged_ratio")
LEAST = {False: 4, True: 8}  # values of a series that is watched; of one by the day
NEAR = DAY  # an alarm that begins so near a planted fall is its own
Span = tuple[pd.Timestamp, pd.Timestamp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How one history is watched; as in diagnosis.diagnose, but for the bill, which is left out.

    width     of a bucket
    rollouts  [start, end] in which traffic moved between versions
    moments   when something is known to have changed
    """

    width: pd.Timedelta
    bars: Bars
    prices: PriceTable | None = None
    rollouts: tuple[Span, ...] = ()
    moments: tuple[pd.Timestamp, ...] = ()

    def series(self, usage: pd.DataFrame) -> tuple[Series, ...]:
        """All series of *usage*, in buckets of `width`."""
        usd = cost_of(usage, self.prices).usd
        bars = self.bars
        return watched_series(usage, usd, min_drop=bars.min_drop, min_rise=bars.min_rise)

    def incidents(self, series: tuple[Series, ...]) -> tuple[Incident, ...]:
        """What the diagnosis would find in *series*."""
        return find_incidents(series, self.width, self.bars.alpha, self.rollouts, self.moments)

    def replanted(
        self, series: tuple[Series, ...], usage: pd.DataFrame, cohort: Cohort
    ) -> tuple[Series, ...]:
        """*series* as `series(usage)` would be, where *usage* differs in the reads, writes and
        uncached tokens of *cohort* alone, and not in their sum."""
        whole = self.series(usage.assign(**{c: pd.Series(pd.NA, usage.index, "str")
                                            for c in COHORT}))  # fmt: skip
        fresh = [s for s in whole if s.measure not in DAILY]
        if any(s.cohort is not None for s in series):
            own = self.series(usage[rows_of(usage, cohort)])  # one cohort: it is all traffic
            fresh += [replace(s, cohort=cohort) for s in own if s.measure not in DAILY]
        kept = [s for s in series if s.measure in DAILY or s.cohort not in (None, cohort)]
        return (*fresh, *kept)

    def known_at(self, series: tuple[Series, ...], end: pd.Timestamp) -> tuple[Series, ...]:
        """*series* as they would be if the data ended at *end*, where a bucket ends.

        Equal to watching the shorter frame, unless a column is reported from some day on only.
        """
        known = []
        for one in series:
            daily = one.measure in DAILY
            index = pd.DatetimeIndex(one.values.index)
            kept = index + (DAY if daily else self.width) <= end
            if one.values[kept].count() >= LEAST[daily]:
                known.append(replace(one, values=one.values[kept], weight=one.weight[kept]))
        return tuple(known)

    def finds(self, series: tuple[Series, ...], cohort: Cohort, at: pd.Timestamp) -> bool:
        """Whether *series* raise an alarm that tells of a fall in *cohort* at *at*."""
        asked = tuple(s if _tells(s, cohort) else _muted(s) for s in series)
        return any(_begins(incident, at, self.width) for incident in self.incidents(asked))


def watch_of(
    usage: pd.DataFrame,
    events: pd.DataFrame | None = None,
    *,
    bars: Bars | None = None,
    prices: PriceTable | None = None,
) -> Watch:
    """How the diagnosis would watch *usage* (a usage frame), given *events*."""
    changes = version_changes(usage)
    first = usage.groupby("scope")["bucket_start"].min()
    arrived = first[first >= usage["bucket_start"].min() + DAY]
    given = [] if events is None else list(events["at"])
    last = usage["bucket_end"].max()
    return Watch(
        width=usual_width(usage),
        bars=Bars() if bars is None else bars,
        prices=prices,
        rollouts=tuple((c.start, moved_by(c) or last) for c in changes),
        moments=(*(c.start for c in changes), *given, *client_releases(usage)["at"], *arrived),
    )


def _tells(series: Series, cohort: Cohort) -> bool:
    return series.cohort in (None, cohort) and series.measure not in DAILY


def _muted(series: Series) -> Series:
    """*series* with its first bucket alone: too short for an alarm, and still counted."""
    return replace(series, values=series.values.iloc[:1], weight=series.weight.iloc[:1])


def _begins(incident: Incident, at: pd.Timestamp, width: pd.Timedelta) -> bool:
    """Whether an alarm may have begun at *at*, or did NEAR it."""
    return any(
        alarm.start_low - width < at < alarm.start_high + width or abs(alarm.start - at) <= NEAR
        for alarm in incident.alarms
        if not alarm.began_before
    )
