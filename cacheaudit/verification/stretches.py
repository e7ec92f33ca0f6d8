"""A group after the repair, held against its bar: all hours since, and the last day of them.

All hours together have the traffic, the last day knows the end. Back is what clears the bar with
its whole interval over all hours and is not surely past it in the last day; not back is what is
surely past it in the last day. Nothing is back of which less than half of the usual traffic was
seen (volume.py), over all hours or in the last day, or a part of which was silent. Intervals are
those of rollout/usual.py at 95 % for all looks together (Bonferroni over groups and the two
stretches). The last LATE_H hours are a third look, which decides nothing: what would be back and
is surely past its bar in them, by the same limits, is slipping, and is looked at again.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..rollout.usual import LEAST_BASELINE_H, Seen, seen
from .groups import Sides

LEAST_H = 24.0  # one daily cycle, or its hours with traffic: less is not called closed
LEAST_SEEN = 0.5  # of the usual traffic: the rest may be elsewhere, and not back
LONGEST_H = 14 * 24.0  # farther ahead nothing is promised
DAY_H = 24.0
LATE_H = 2.0  # a relapse of so long is hardly seen in the last day
LOOKS = 2  # all hours, and the last day

Standing = Literal["back", "not_back", "back_later", "unclear", "too_short", "no_traffic",
                   "no_baseline", "unseen", "silent", "slipping"]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A group against its bar; in the unit of the measure, None where it cannot be had.

    hours       with traffic of a known rate, from one lifetime after the repair to the end
    least_h     of them, before it may be called back
    seen        known traffic over the usual of those hours; seen_last: in the last day; NaN where
                none is usual
    more_hours  of such traffic that would decide; None where none would, or none is needed
    was_back    whether the day before the repair cleared the bar with its whole interval
    silent      members without a known rate after the repair
    """

    about: str
    usual: float | None
    rate: float | None
    low: float | None
    high: float | None
    bar: float | None
    hours: float
    least_h: float
    seen: float
    seen_last: float
    standing: Standing
    more_hours: float | None
    was_back: bool
    silent: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For verification.json."""
        names = ("about", "usual", "rate", "low", "high", "bar", "hours", "standing")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Against:
    """What a stretch is held against. falls: whether low is what hurts."""

    sides: Sides
    tests: int
    falls: bool

    def seen(self, stretch: pd.DataFrame, hours: float) -> tuple[Seen, float] | None:
        """(*stretch*, its bar), both scaled; None where it has no rate or no baseline."""
        found = seen(stretch, self.sides.baseline, hours, self.tests * LOOKS)
        if found is None:
            return None
        known = stretch[(stretch["tokens"] > 0) & stretch["usual"].notna()]
        would = known["tokens"] * known["usual"]
        return found, float((would * known["bar"]).sum() / would.sum()) * found.usual

    def surely(self, found: tuple[Seen, float]) -> Literal["good", "bad"] | None:
        one, bar = found
        low, high = (one.low, one.high) if self.falls else (-one.high, -one.low)
        edge = bar if self.falls else -bar
        return "good" if low >= edge else "bad" if high < edge else None


def held(
    sides: Sides, *, until: pd.Timestamp, since: pd.Timestamp, tests: int, falls: bool
) -> Held:
    """*sides* from *since* to *until*, the end of the data; *tests*: groups that are judged."""
    elapsed_h = max(0.0, (until - since) / pd.Timedelta("1h"))
    against = _Against(sides=sides, tests=tests, falls=falls)
    earlier = against.seen(sides.earlier, DAY_H)
    volume = sides.volume
    least_h = LEAST_H * volume.usual_hours / DAY_H
    lacking_h = max(least_h - volume.hours, LEAST_H - elapsed_h, 0.0)
    whole = against.seen(sides.after, elapsed_h)
    found = Held(
        about=sides.label, usual=None, rate=None, low=None, high=None, bar=None,
        hours=volume.hours, least_h=least_h, seen=volume.seen, seen_last=volume.seen_last,
        standing=_missing(sides, elapsed_h), more_hours=lacking_h or None,
        was_back=earlier is not None and against.surely(earlier) == "good", silent=sides.silent,
    )  # fmt: skip
    if whole is None:
        return found
    day, late = (
        against.seen(sides.after[sides.after["end"] > until - pd.Timedelta(hours=last)], last)
        for last in (DAY_H, LATE_H)
    )
    standing = _standing(against, whole, day, elapsed_h, least_h)
    if standing == "back" and late is not None and against.surely(late) == "bad":
        standing = "slipping"
    more = None
    if standing == "too_short":
        more = lacking_h
    elif standing == "unclear":
        more = _more_hours(against, sides.after, elapsed_h)
    one, bar = whole
    values = (float(x) / sides.times for x in (one.usual, one.rate, one.low, one.high, bar))
    usual, rate, low, high, edge = values
    return replace(
        found, usual=usual, rate=rate, low=low, high=high, bar=edge, standing=standing,
        more_hours=more,
    )  # fmt: skip


def beyond(sides: Sides, *, falls: bool) -> bool:
    """Whether *sides* lies past its bar as it was seen, sure or not, or has traffic and no bar."""
    seen_since = sides.after[sides.after["tokens"] > 0]
    known = seen_since[seen_since["usual"].notna()]
    if known.empty:
        return not seen_since.empty
    edge = float((known["tokens"] * known["usual"] * known["bar"]).sum())
    read = float(known["read"].sum())
    return read < edge if falls else read > edge


def _standing(
    against: _Against,
    whole: tuple[Seen, float],
    day: tuple[Seen, float] | None,
    elapsed_h: float,
    least_h: float,
) -> Standing:
    """From what is sure of all hours and of the last day, and from what was seen of them."""
    volume, over_all = against.sides.volume, against.surely(whole)
    if day is not None:
        last = against.surely(day)
    else:  # none is usual then, or it is not seen
        last = over_all if np.isnan(volume.seen_last) else None
    if last == "bad":
        return "not_back"
    if over_all == "bad":
        return "back_later" if last == "good" else "unclear"
    if elapsed_h < LEAST_H:
        return "too_short"
    if against.sides.silent:
        return "silent"
    if volume.seen < LEAST_SEEN or volume.seen_last < LEAST_SEEN:
        return "unseen"
    if volume.hours < least_h:
        return "too_short"
    return "back" if over_all == "good" else "unclear"


def _missing(sides: Sides, elapsed_h: float) -> Standing:
    """Why there is no rate to judge."""
    span = sides.baseline[["at", "end"]].drop_duplicates()
    covered_h = float((span["end"] - span["at"]).dt.total_seconds().sum()) / 3600
    if covered_h < LEAST_BASELINE_H:
        return "no_baseline"
    if elapsed_h < LEAST_H or (sides.after["tokens"] > 0).any():
        return "too_short"
    return "no_traffic"


def _more_hours(against: _Against, after: pd.DataFrame, hours: float) -> float | None:
    """How many more hours of traffic like that since the repair would decide; None: none soon."""
    days = pd.Timedelta(days=int(np.ceil(hours / DAY_H)))
    longer = after
    for times in range(2, int(LONGEST_H / hours) + 1):
        step = days * (times - 1)
        again = after.assign(at=after["at"] + step, end=after["end"] + step)
        longer = pd.concat([longer, again], ignore_index=True)
        found = against.seen(longer, hours * times)
        if found is not None and against.surely(found) is not None:
            return hours * (times - 1)
    return None
