"""How long after a planted fall the alarm is raised."""

import pandas as pd

from ..incidents import Series
from .plant import Site
from .watch import Watch

LADDER_H = (1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 168)


def delay_h(
    watch: Watch, series: tuple[Series, ...], ends: pd.DatetimeIndex, site: Site
) -> int | None:
    """The first of LADDER_H hours after the fall at which the data known by then raises its alarm.

    series  of the whole history with the fall; ends: where its buckets end, in order
    None where none does within the last of them. Each rung is a look of its own: an alarm that a
    later look would take back counts, as it would have been mailed.
    """
    before: pd.Timestamp | None = None
    for hours in LADDER_H:
        over = int(ends.searchsorted(site.at + pd.Timedelta(hours=hours), side="right"))
        end = ends[over - 1]
        if end == before or end <= site.at:
            continue  # no bucket has ended since the last look
        before = end
        if watch.finds(watch.known_at(series, end), site.plot.cohort, site.at):
            return hours
    return None
