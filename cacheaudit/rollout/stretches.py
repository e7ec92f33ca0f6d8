"""The end of a time limit, judged by stretches of several lengths that end with it.

A short stretch knows the end, a long one has the traffic. One that clears the bar with its whole
interval is enough, unless the shortest is surely below it: the rate was there and still is. Late is
only what the end surely has not. The intervals are widened for the number of looks (Bonferroni).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .usual import Seen, seen

PARTS = {"start": (0.25, 0.5, 1.0), "full": (1 / 12, 1 / 6, 1 / 3)}  # of the time limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The stretch that decides, whether the data reaches the limit, and what is missing.

    stretch   None where no hour of it has a rate
    missing   why; "" where there is a stretch
    """

    stretch: Seen | None
    ended: bool
    missing: str = ""


def judged(
    hours: pd.DataFrame, baseline: pd.DataFrame, *, origin: str, until: pd.Series,
    limit_hours: float, at_share: float, tests: int,
) -> Judged:  # fmt: skip
    """The end of *limit_hours* after *origin* (start or full) in *hours*.

    until   hours from each row's origin to the end of the data
    tests   groups that are judged beside this one
    """
    ended = bool((until >= limit_hours).all())
    end = until.clip(upper=limit_hours)
    since = hours[f"since_{origin}"]
    tried = []
    for part in PARTS[origin]:
        length = part * limit_hours
        inside = (since > end - length) & (since <= end)
        one = seen(hours[inside], baseline, length, tests * len(PARTS[origin]))
        if one is not None:
            tried.append(one)
    if not tried:
        return Judged(stretch=None, ended=ended, missing=_missing(hours, since, end, baseline))
    return Judged(stretch=_deciding(tried, at_share), ended=ended)


def _deciding(tried: list[Seen], at_share: float) -> Seen:
    """Which of *tried*, the shortest first, stands for all.

    The shortest where it is surely below the bar: what the end has lost no earlier hour restores.
    Else the longest that clears the bar, or the surest that may have reached it.
    """
    latest = tried[0]
    if latest.high < at_share * latest.usual:
        return latest
    clear = [one for one in tried if one.low >= at_share * one.usual]
    if clear:
        return clear[-1]
    may = [one for one in tried if one.high >= at_share * one.usual]
    return min(may, key=lambda one: one.high - one.low)


def _missing(
    hours: pd.DataFrame, since: pd.Series, end: pd.Series, baseline: pd.DataFrame
) -> str:  # fmt: skip
    """What would make a stretch of it."""
    if baseline.empty:
        return "a baseline: usage of the old version in the week before the cutover"
    inside = hours[(since > 0) & (since <= end)]
    wide = bool((hours["end"] - hours["at"] > pd.Timedelta("1h")).any())
    if inside.empty:
        return "usage by the hour" if wide else "traffic on the new version by then"
    if inside["tokens"].isna().all():
        return "cache fields: the new version's requests do not report what they read"
    return "a longer baseline: at least a day of the old version's traffic"


def recovered_at(hours: pd.DataFrame, at_share: float) -> pd.Timestamp | None:
    """First hour from which two in a row, and the day from then on, were at *at_share* of usual."""
    known = hours[(hours["tokens"] > 0) & hours["usual"].notna()]
    sums = (
        known.assign(usual_read=known["usual"] * known["tokens"])
        .groupby("at")[["read", "usual_read"]]
        .sum()
    )
    if len(sums) < 2:
        return None
    at = pd.DatetimeIndex(sums.index)
    good = (sums["read"] >= at_share * sums["usual_read"]).to_numpy()
    total = np.vstack([np.zeros(2), sums.cumsum().to_numpy(float)])
    ahead = at.searchsorted(at + pd.Timedelta("1D"))
    read, usual = (total[ahead] - total[:-1]).T
    held = good[:-1] & good[1:] & (read >= at_share * usual)[:-1]
    return at[int(held.argmax())] if held.any() else None
