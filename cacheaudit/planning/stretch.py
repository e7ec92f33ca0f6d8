"""The hours of a log around a past cutover."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pandas as pd

from ..errors import ParamError, UnfitData
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
    """When all traffic would have moved, on each day that *log* covers and on which the old version
    was called after it; the latest, in order.

    Raises UnfitData for a log without a call on the old version.
    """
    _check_called(log, migration)
    found: list[pd.Timestamp] = []
    for at in reversed(_covered(log, migration)):
        if len(found) == migration.most_days:
            break
        found += [at] if _called_after(log, migration, at) else []
    return found[::-1]


def without_calls(log: Log, migration: Migration) -> list[pd.Timestamp]:
    """Days that *log* covers and that were passed over, because nothing came that could move."""
    days = days_of(log, migration)
    since = days[0] if len(days) == migration.most_days else None
    return [at for at in _covered(log, migration)
            if at not in days and (since is None or at > since)]  # fmt: skip


def _check_called(log: Log, migration: Migration) -> None:
    named = log.models if isinstance(log, Lanes) else sorted(map(str, pd.unique(log.model)))
    if len(named) and migration.from_model not in named:
        raise UnfitData(
            f"the log has no call on {migration.from_model}, only on {', '.join(named)}; expected"
            " calls on the version that traffic moves from. Look at from_model."
        )


def _called_after(log: Log, migration: Migration, at: pd.Timestamp) -> bool:
    """Whether the old version was called between the cutover and the end of what is replayed."""
    low, high = _ms(at), _ms(at + pd.Timedelta(seconds=migration.after_s))
    if isinstance(log, Lanes):
        table = log.table
        there = table.filter(
            table.at_ms >= low, table.at_ms < high, table.model == migration.from_model
        )
        return bool(there.count().execute())
    a, b = np.searchsorted(log.at_ms, [low, high])
    return bool((log.model[a:b] == migration.from_model).any())


def _covered(log: Log, migration: Migration) -> list[pd.Timestamp]:
    """Every time in the past that *log* holds enough around of, in order."""
    first, last = edges(log)
    if first is None or last is None:
        return []
    earliest = first + pd.Timedelta(seconds=migration.before_s)
    latest = last - pd.Timedelta(seconds=migration.after_s)
    if migration.at:
        return sorted(at for at in migration.at if earliest <= at <= latest)
    at = _clock(migration.clock, first, last)
    days = []
    while at <= latest:
        days += [at] if at >= earliest else []
        at += DAY
    return days


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
    return Stretch(at, _cut(log, start, at + pd.Timedelta(seconds=migration.after_s)))


def day_on_candidate(log: Log, migration: Migration, at: pd.Timestamp) -> pd.DataFrame:
    """The day (UTC) of *at* as if the new version had always served it: by_bucket of its minutes.

    The first lifetime of the log is left out: it is cold whatever serves.
    """
    first, _ = edges(log)
    ttl = pd.Timedelta(seconds=migration.longest_ttl_s)
    start, end = at.floor("D"), at.floor("D") + DAY
    day = _cut(log, start - ttl, end)
    moved = Cutover(at=start - ttl, to=migration.to_model, from_model=migration.from_model)
    rows = replay(day, migration.rules, moved, bucket_s=60).by_bucket
    warm = start if first is None else max(start, first + ttl)
    return rows[(rows["model"] == migration.to_model) & (rows["bucket_start"] >= warm)]


def _ms(when: pd.Timestamp) -> int:
    return round(when.timestamp() * 1000)


def _cut(log: Log, start: pd.Timestamp, end: pd.Timestamp) -> Log:
    """What of *log* lies in [start, end), read into memory where it fits."""
    low, high = _ms(start), _ms(end)
    if isinstance(log, Lanes):
        table = log.table
        kept = replace(log, table=table.filter(table.at_ms >= low, table.at_ms < high).cache())
        calls = int(kept.table.count().execute())
        return held_of(kept) if calls <= MOST_HELD else kept
    if isinstance(log, Held):
        return log.between(low, high)
    a, b = np.searchsorted(log.at_ms, [low, high])
    part = slice(int(a), int(b))
    blocks = slice(int(log.lengths[:a].sum()), int(log.lengths[:b].sum()))
    return Trace(
        at_ms=log.at_ms[part],
        model=log.model[part],
        prompt_tokens=log.prompt_tokens[part],
        lengths=log.lengths[part],
        blocks=log.blocks[blocks],
        session=log.session[part],
        talks=log.talks,
    )


def names_talks(log: Log) -> bool:
    """Whether *log* tells which conversation a call is of."""
    return log.talks if isinstance(log, Trace) else "session_id" not in log.absent
