"""Which versions answered to a name: what an alias, a deployment or a group was, and when.

From usage (`model_requested` beside `model`, to the width of a bucket) or from a request table,
where it is a group-by that runs where the log lies. Versions are told apart by their own id, so
that one version under the names of two sellers is no move. A row without `model_requested` is
*not reported*.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..engine.rollup import times
from ..engine.table import as_table
from ..request_table import answered as succeeded
from .forms import version_id

BY = ["provider", "model_requested", "model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version that answered.

    first, last   start of the first call or bucket, and of the last
    requests      None where they are not reported
    """

    model: str
    first: pd.Timestamp
    last: pd.Timestamp
    requests: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One name, answered by another version than before.

    since   when the new version first answered
    until   when the old one last did; after `since` while both do
    """

    before: str
    after: str
    since: pd.Timestamp
    until: pd.Timestamp

    @property
    def both(self) -> bool:
        """Whether both answered for a while."""
        return self.until > self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A name that was asked for, and the versions that answered, by their first answer."""

    provider: str
    requested: str
    versions: tuple[Version, ...]

    @property
    def moves(self) -> tuple[Move, ...]:
        """From each version to the one that came after it."""
        return tuple(
            Move(before=old.model, after=new.model, since=new.first, until=old.last)
            for old, new in zip(self.versions, self.versions[1:], strict=False)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a log or usage tells of names.

    asked      names that were answered by another, or by several; by provider and name
    reported   whether any row says what was asked for
    """

    asked: tuple[Answered, ...]
    reported: bool

    @property
    def moved(self) -> tuple[Answered, ...]:
        """Those that more than one version answered to."""
        return tuple(one for one in self.asked if one.moves)


def answered_by(calls: pd.DataFrame | ir.Table) -> Answers:
    """The versions behind each name in *calls*: a usage frame, or a request table (also a frame).

    Failed calls are left out. Does not change its input; SchemaError as engine.as_table raises.
    """
    if isinstance(calls, pd.DataFrame) and "bucket_start" in calls:
        sums = _of_usage(calls)
    else:
        sums = _of_requests(as_table(calls))
    found = tuple(_names(sums))
    aliases = (one for one in found if one.moves or one.versions[0].model != _own(one))
    return Answers(asked=tuple(aliases), reported=bool(found))


def _own(one: Answered) -> str:
    return version_id(one.provider, one.requested)


def _of_usage(usage: pd.DataFrame) -> pd.DataFrame:
    requested = usage.get("model_requested")
    if requested is None:
        return pd.DataFrame(columns=[*BY, "first", "last", "requests"])
    asked = usage[requested.notna() & usage["model"].notna()]
    counted = asked.get("requests", pd.Series(pd.NA, asked.index, dtype="Int64"))
    return (
        asked.assign(requests=counted.astype("Int64"))
        .groupby(BY, as_index=False, observed=True)
        .agg(
            first=("bucket_start", "min"),
            last=("bucket_start", "max"),
            requests=("requests", lambda column: column.sum(min_count=1)),
        )
    )


def _of_requests(table: ir.Table) -> pd.DataFrame:
    named = succeeded(table)
    named = named.filter(named.model_requested.notnull() & named.model.notnull())
    seconds = named.ts.epoch_seconds()
    sums = named.group_by(BY).aggregate(
        first=seconds.min(), last=seconds.max(), requests=ibis._.count()
    )
    frame: pd.DataFrame = sums.to_pandas()
    return frame.assign(first=times(frame["first"]), last=times(frame["last"]))


def _names(sums: pd.DataFrame) -> Iterator[Answered]:
    for (provider, requested), rows in sums.groupby(["provider", "model_requested"], observed=True):
        merged: dict[str, Version] = {}
        for row in rows.to_dict("records"):
            one = _version(str(provider), row)
            merged[one.model] = _together(merged[one.model], one) if one.model in merged else one
        ordered = sorted(merged.values(), key=lambda v: (v.first, v.last, v.model))
        yield Answered(provider=str(provider), requested=str(requested), versions=tuple(ordered))


def _version(provider: str, row: dict[Any, Any]) -> Version:
    requests = row["requests"]
    return Version(
        model=version_id(provider, str(row["model"])),
        first=pd.Timestamp(row["first"]),
        last=pd.Timestamp(row["last"]),
        requests=None if pd.isna(requests) else int(requests),
    )


def _together(one: Version, other: Version) -> Version:
    known = [v.requests for v in (one, other) if v.requests is not None]
    return Version(
        model=one.model,
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        requests=sum(known) if known else None,
    )
