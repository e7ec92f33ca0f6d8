"""Two tables of the same days: which model and day both cover, and in what ratio."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..metrics import usual_width
from ..model_ids import base_id
from ..schema import label
from ..words import listing
from .totals import DAY, Floats, numbers

CLASSES = {
    "requests": "requests",
    "read": "cache reads",
    "written": "cache writes",
    "uncached": "uncached input",
    "output": "output",
}
UNNAMED = "no model"


def daily(log: pd.DataFrame, usage: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sums by (day, model) of each over the time that both cover in whole days or buckets.

    NaN where no row reports a class. Days are UTC, or the provider's where its buckets are days
    that begin at another hour.
    """
    frames = (log, usage)
    widest = max(usual_width(f) for f in frames)
    coarse = max(frames, key=usual_width)
    offset = 0 * DAY
    if widest >= DAY:
        first = coarse["bucket_start"].min()
        offset = first - first.floor("D")
    unit = max(widest, pd.Timedelta("1h"))
    low = max(_up(f["bucket_start"].min() - offset, unit) for f in frames) + offset
    high = min((f["bucket_end"].max() - offset).floor(unit) for f in frames) + offset
    log_sums, usage_sums = (_sums(f, low, high, offset) for f in frames)
    return log_sums, usage_sums


def model_names(frame: pd.DataFrame) -> pd.Series:
    """Model of each row without snapshot date and vendor's decorations; NA reads UNNAMED."""
    pairs = frame[["provider", "model"]].drop_duplicates()
    name = {
        (p, label(m)): UNNAMED if pd.isna(m) else base_id(str(p), str(m))
        for p, m in pairs.itertuples(index=False)
    }
    keys = zip(frame["provider"], frame["model"], strict=True)
    return pd.Series([name[p, label(m)] for p, m in keys], index=frame.index, dtype="str")


def _sums(
    frame: pd.DataFrame, low: pd.Timestamp, high: pd.Timestamp, offset: pd.Timedelta
) -> pd.DataFrame:
    rows = frame[(frame["bucket_start"] >= low) & (frame["bucket_end"] <= high)]
    counted = numbers(rows)
    table = pd.DataFrame({c: getattr(counted, c) for c in CLASSES}, index=rows.index)
    day = (rows["bucket_start"] - offset).dt.floor("D").rename("day")
    sums = table.groupby([day, model_names(rows).rename("model")]).sum(min_count=1)
    return sums[(sums > 0).any(axis=1)]


def _up(at: pd.Timestamp, unit: pd.Timedelta) -> pd.Timestamp:
    return at.ceil(unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Ratios by day on one level: the ratio of sums, and how far the days stray, as a share."""

    ratio: float
    stray: float


def level_of(ours: Floats, theirs: Floats) -> Level:
    """Level of *ours* / *theirs* by day; days in which either has nothing are left out."""
    both = (ours > 0) & (theirs > 0)
    if not both.any():
        return Level(ratio=float("nan"), stray=float("nan"))
    logs = np.log(ours[both] / theirs[both])
    return Level(ratio=float(ours[both].sum() / theirs[both].sum()), stray=float(logs.std()))


def days_listed(days: pd.DatetimeIndex) -> str:
    """Days in a sentence: a run as `from .. to ..`, others one by one."""
    days = pd.DatetimeIndex(days.unique()).sort_values()
    if len(days) == 1:
        return f"on {days[0]:%Y-%m-%d}"
    if (days[1:] - days[:-1] == DAY).all():
        return f"from {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}"
    return f"on {len(days)} days ({listing([f'{d:%Y-%m-%d}' for d in days], 4)})"
