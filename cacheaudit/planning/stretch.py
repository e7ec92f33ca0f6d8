"""The hours of a log around a past cutover."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pandas as pd

from ..errors import ParamError
from ..replaying import Cutover, replay
from ..replaying.held import Held, held_of
from ..replaying.lanes import Lanes
from ..replaying.trace import Trace
from .migration import Migration

DAY = pd.Timedelta(days=1)
MOST_HELD = 3_000_000  # calls of a stretch that are read into memory: a third of a gigabyte

Log: TypeAlias = Trace | Lanes | Held


@dataclass(frozen=True, eq=False)
class Stretch:
    """The *log* around *at*."""

    at: pd.Timestamp
    log: Log

    def excess_usd(self, migration: Migration, cutover: Cutover) -> float | None:
        """What *cutover* costs here."""
        cost = replay(self.log, migration.rules, cutover, bucket_s=3600).cost
        return None if cost is None else cost.excess_usd


def days_of(log: Log, migration: Migration) -> list[pd.Timestamp]:
    """When all traffic would have moved, on each day that *log* covers; the latest, in order."""
    first, last = edges(log)
    if first is None or last is None:
        return []
    earliest = first + pd.Timedelta(seconds=migration.before_s)
    latest = last - pd.Timedelta(seconds=migration.after_s)
    if migration.at:
        return sorted(at for at in migration.at if earliest <= at <= latest)[-migration.most_days :]
    at = _clock(migration.clock, first, last)
    days = []
    while at <= latest:
        days += [at] if at >= earliest else []
        at += DAY
    return days[-migration.most_days :]


def _clock(clock: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.Timestamp:
    """The first time that the clock shows this; without one, that of the middle of the log."""
    if not clock:
        middle = (first + (last - first) / 2).floor("min")
        return first.normalize() + (middle - middle.normalize())
    try:
        hours = pd.Timedelta(f"{clock}:00")
    except ValueError as error:
        raise ParamError(f"clock is {clock!r}; expected a time like 07:00 (UTC).") from error
    return first.normalize() + hours


def edges(log: Log) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """Time of the first and of the last call; None of an empty log."""
    if isinstance(log, Trace | Held):
        ends = pd.Series(log.at_ms).agg(["min", "max"])
    else:
        table = log.table
        ends = table.aggregate(first=table.at_ms.min(), last=table.at_ms.max()).to_pandas().iloc[0]
    first, last = (
        None if pd.isna(one) else pd.Timestamp(int(one), unit="ms", tz="UTC") for one in ends
    )
    return first, last


def stretch(log: Log, migration: Migration, at: pd.Timestamp) -> Stretch:
    """What of *log* a cutover at *at* depends on, held ready for many replays."""
    start = at - pd.Timedelta(seconds=migration.before_s)
    end = at + pd.Timedelta(seconds=migration.after_s)
    low, high = (round(when.timestamp() * 1000) for when in (start, end))
    if isinstance(log, Lanes):
        table = log.table
        kept = replace(log, table=table.filter(table.at_ms >= low, table.at_ms < high).cache())
        calls = int(kept.table.count().execute())
        return Stretch(at, held_of(kept) if calls <= MOST_HELD else kept)
    if isinstance(log, Held):
        return Stretch(at, log.between(low, high))
    a, b = np.searchsorted(log.at_ms, [low, high])
    part = slice(int(a), int(b))
    blocks = slice(int(log.lengths[:a].sum()), int(log.lengths[:b].sum()))
    return Stretch(
        at,
        Trace(
            at_ms=log.at_ms[part],
            model=log.model[part],
            prompt_tokens=log.prompt_tokens[part],
            lengths=log.lengths[part],
            blocks=log.blocks[blocks],
            session=log.session[part],
        ),
    )
