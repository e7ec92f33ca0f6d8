"""The part of a history in which nothing happened, as far as the detection can tell."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from ..changes import level_shifts
from ..errors import UnfitData
from ..incidents import RATES, Incident, Series
from ..words import moment
from .watch import DAY, Span, Watch

BEFORE = 7 * DAY  # of baseline before a planted fall: one of each weekday
ROOM = 7 * DAY  # after it: the longest delay that is tried
WITH_DATA = 10  # days with rows: two weeks of a team that rests at weekends
LEAST = BEFORE + ROOM + DAY  # with a day in which its time is drawn
MOST = 92 * DAY  # the latest quarter: older traffic says less, and takes long


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """The longest stretch of whole UTC days without an incident or a rise of a hit rate.

    usage       its rows, in buckets of one width
    series      its watched series
    start, end  [start, end)
    left_out    what bounded it or lies outside: ([start, end), what was found)
    """

    usage: pd.DataFrame
    series: tuple[Series, ...]
    start: pd.Timestamp
    end: pd.Timestamp
    left_out: tuple[tuple[Span, str], ...]

    @property
    def days(self) -> pd.DatetimeIndex:
        """Its days that have rows, in order."""
        return _days(self.usage)


def quiet_stretch(usage: pd.DataFrame, watch: Watch) -> Quiet:
    """The quiet part of *usage* (in buckets of the watch's width).

    Incidents are cut out with their widest interval, a step up of a hit rate at its date. What is
    left is judged again, until nothing is found. Raises UnfitData below LEAST days, or where less
    than WITH_DATA of them have rows.
    """
    start, end = usage["bucket_start"].min().ceil("D"), usage["bucket_end"].max().floor("D")
    left_out: list[tuple[Span, str]] = []
    while True:
        _demand_days(start, end, left_out)
        start = max(start, end - MOST)
        rows = usage[(usage["bucket_start"] >= start) & (usage["bucket_end"] <= end)]
        series = watch.series(rows) if len(rows) else ()
        found = [
            *(_span_of(one, start, end) for one in watch.incidents(series)),
            *_rises(series, watch),
        ]
        if not found:
            _demand_data(len(_days(rows)), (end - start).days)
            return Quiet(
                usage=rows.reset_index(drop=True), series=series, start=start, end=end,
                left_out=tuple(sorted(left_out)),
            )  # fmt: skip
        left_out += found
        start, end = _longest((span for span, _ in found), start, end)


def _days(rows: pd.DataFrame) -> pd.DatetimeIndex:
    days = rows["bucket_start"].dt.floor("D").drop_duplicates().sort_values()
    return pd.DatetimeIndex(days)


def _demand_data(days: int, length: int) -> None:
    if days < WITH_DATA:
        raise UnfitData(
            f"{days} of its {length} days have data; expected {WITH_DATA} or more in the longest"
            " quiet stretch. Bring a longer window, or the days that are missing."
        )


def _span_of(incident: Incident, start: pd.Timestamp, end: pd.Timestamp) -> tuple[Span, str]:
    since = start if incident.began_before else incident.could_low
    what = f"an incident ({incident.measure.replace('_', ' ')})"
    return (since, incident.end or end), what


def _rises(series: tuple[Series, ...], watch: Watch) -> Iterator[tuple[Span, str]]:
    """Steps up of a hit rate: no incident, but the days on either side are not alike."""
    for one in series:
        if one.measure in RATES:
            levels = level_shifts(
                one.values, one.weight, min_step=one.min_step, alpha=watch.bars.alpha,
                tests=len(series),
            )  # fmt: skip
            for shift in levels.shifts:
                if shift.after - shift.before >= one.min_step:
                    yield (shift.could_low, shift.could_high), "a rise of a hit rate"


def _longest(spans: Iterable[Span], start: pd.Timestamp, end: pd.Timestamp) -> Span:
    """The longest stretch of whole days in [start, end) that no span touches; the later of two."""
    best, free = (start, start), start
    for low, high in [*sorted(spans), (end, end)]:
        whole = (free.ceil("D"), low.floor("D"))
        if whole[1] - whole[0] >= best[1] - best[0]:
            best = whole
        free = max(free, high)
    return best


def _demand_days(start: pd.Timestamp, end: pd.Timestamp, left_out: list[tuple[Span, str]]) -> None:
    if end - start >= LEAST:
        return
    cut = "; ".join(f"{what} from {moment(a)} to {moment(b)}" for (a, b), what in sorted(left_out))
    raise UnfitData(
        f"the longest quiet stretch has {max(0, (end - start).days)} whole days"
        + (f" (left out: {cut})" if cut else "")
        + f"; expected {LEAST.days}: {BEFORE.days} before a planted fall as its baseline,"
        f" {ROOM.days} after it to find it in, and one to draw its time from."
        " Bring a longer window (an earlier start)."
    )
