"""Histories in which nothing happens, made of a team's own quiet days."""

import numpy as np
import pandas as pd

from ..noise import is_weekend
from .quiet import Quiet
from .watch import Watch


def resampled(quiet: Quiet, rng: np.random.Generator) -> pd.DataFrame:
    """The days of *quiet* with data, each drawn from its own of the same class (weekday, weekend).

    A block bootstrap with whole days of all cohorts together as blocks (Künsch 1989, Ann. Stat.
    17(3)). Assumed: days of a class are exchangeable. What lasts longer than a day, a drift or a
    mood of several days, is torn apart. A day without rows stays so: it is no day of no alarm.
    """
    days = quiet.days
    of_day = quiet.usage["bucket_start"].dt.floor("D")
    rows = [np.flatnonzero((of_day == day).to_numpy()) for day in days]
    weekend = is_weekend(np.asarray(days.as_unit("s").asi8 // 3600, dtype=np.int64))
    classes = {kind: np.flatnonzero(weekend == kind) for kind in (0, 1)}
    drawn = [int(rng.choice(classes[int(kind)])) for kind in weekend]
    places = np.concatenate([rows[source] for source in drawn])
    moved = np.asarray(days - days[drawn], dtype="timedelta64[us]")
    shift = pd.TimedeltaIndex(np.repeat(moved, [len(rows[s]) for s in drawn]))
    usage = quiet.usage.iloc[places].reset_index(drop=True)
    return usage.assign(
        bucket_start=usage["bucket_start"] + shift, bucket_end=usage["bucket_end"] + shift
    )


def false_alarms(quiet: Quiet, watch: Watch, windows: int, rng: np.random.Generator) -> int:
    """Of *windows* resampled histories, how many raise any alarm, of any series.

    Nothing is known to have changed in them, so a brief dip is none.
    """
    calm = Watch(width=watch.width, bars=watch.bars, prices=watch.prices)
    return sum(bool(calm.incidents(calm.series(resampled(quiet, rng)))) for _ in range(windows))
