"""How much of the usual traffic was seen: what is neither there nor known cannot be judged.

Usual is the mean of the baseline in the same hour of the day, weekends apart where the baseline
has them, over the hours in which anything at all was reported then.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..metrics import usual_width
from ..noise import week_hour

HOUR, DAY = pd.Timedelta("1h"), pd.Timedelta("1D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """What is judged: usage frames in buckets of an hour or more.

    baseline, after, earlier   in its frozen window; in [since, until); the day before the repair
    """

    baseline: pd.DataFrame
    after: pd.DataFrame
    earlier: pd.DataFrame
    since: pd.Timestamp
    until: pd.Timestamp

    @property
    def slots(self) -> pd.DatetimeIndex:
        """Hours of the baseline in which anything was reported."""
        spans = self.baseline[["bucket_start", "bucket_end"]].drop_duplicates()
        return _hours_in(spans).unique()

    def asked(self, last: pd.Timedelta | None = None) -> pd.DatetimeIndex:
        """Hours that whole buckets could show: all, or those of the *last*."""
        width = HOUR if self.after.empty else usual_width(self.after)
        low = self.since.ceil("D" if width >= DAY else "h")
        if last is not None:
            low = max(low, self.until - last)
        return pd.date_range(low, max(low, self.until), freq="h", inclusive="left")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """Known traffic after the repair over the usual of those hours; NaN where none is usual.

    seen, seen_last   of all hours; of the last day
    hours             that had any;  usual_hours: how many of a day have any, in the baseline
    """

    seen: float
    seen_last: float
    hours: float
    usual_hours: float


def volume_of(
    baseline: pd.DataFrame, after: pd.DataFrame, shares: pd.Series, frames: Frames
) -> Volume:
    """Of a group, hour by hour: `at`, `end`, `tokens` (NaN: not known), `move` (whose).

    shares   of the traffic of its baseline that each `move` has taken over, (0, 1]
    """
    known = after[after["tokens"] > 0]
    before = baseline[baseline["tokens"] > 0]
    slots = frames.slots
    usual = _by_hour(before.assign(tokens=before["tokens"] * before["move"].map(shares)))
    usual = usual.reindex(slots, fill_value=0.0)
    late = known[known["end"] > frames.until - DAY]
    return Volume(
        seen=_over(known, usual, frames.asked()),
        seen_last=_over(late, usual, frames.asked(DAY)),
        hours=float(len(_hours_in(_spans(known)).unique())),
        usual_hours=24.0 * float((usual > 0).mean()) if len(usual) else 24.0,
    )


def _over(known: pd.DataFrame, usual: pd.Series, asked: pd.DatetimeIndex) -> float:
    expected = _expected(usual, asked)
    return float(known["tokens"].sum()) / expected if expected > 0 else float("nan")


def _expected(usual: pd.Series, asked: pd.DatetimeIndex) -> float:
    """What *usual* (by hour) amounts to in the hours *asked*; 0 where it knows none of them."""
    found = np.full(len(asked), np.nan)
    for cells in (week_hour, _hour):
        mean = usual.groupby(cells(pd.DatetimeIndex(usual.index))).mean()
        found = np.where(np.isnan(found), mean.reindex(cells(asked)).to_numpy(float), found)
    return float(np.nansum(found))


def _by_hour(rows: pd.DataFrame) -> pd.Series:
    """Tokens by hour; those of a longer bucket in equal parts."""
    long = _lengths(rows["at"], rows["end"])
    each = np.repeat(rows["tokens"].to_numpy(float) / long, long)
    return pd.Series(each, index=_hours_in(rows)).groupby(level=0).sum()


def _spans(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["at", "end"]].drop_duplicates()


def _hours_in(spans: pd.DataFrame) -> pd.DatetimeIndex:
    """The hours that each row (its start, its end) covers, one after the other."""
    start, end = (spans[c] for c in spans.columns[:2])
    long = _lengths(start, end)
    first = pd.DatetimeIndex(start.dt.floor("h")).repeat(long)
    step = np.arange(len(first)) - np.repeat(np.cumsum(long) - long, long)
    return pd.DatetimeIndex(first + pd.to_timedelta(step, unit="h"))


def _lengths(start: pd.Series, end: pd.Series) -> npt.NDArray[np.int64]:
    """In hours, one at least."""
    hours = (end - start).dt.total_seconds().to_numpy(float) / 3600
    return np.asarray(np.maximum(1, np.round(hours)), dtype=np.int64)


def _hour(index: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    return week_hour(index) % 24
