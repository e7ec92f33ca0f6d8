"""Version changes seen in the usage itself, and events that people or tools supply.

A version change is read per cohort (scope and route), from which models served it: a model that
was not there before, or that takes over as the largest. Its start and end are known to the
width of the buckets around it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .changes import level_shifts
from .metrics import usual_width
from .schema import BUCKET, COHORT, INPUT, TOKENS, check_events, empty_events, label

PRESENCE = 0.05  # least share of a cohort's day that makes a model more than a stray call
TAKEOVER = 0.3  # step in share that makes a model which served all along a version change
CHANCE = 0.01  # of a silence; what is likelier than this is no absence
ABSENCE = pd.Timedelta("1D")  # a model that comes back after this long has returned


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChange:
    """A cohort that began to be served by another version.

    scope, route   the cohort; None where the source does not tell
    from_model     the model that lost the most share; None if nothing served before
    to_model       the model that gained it
    start          start of the first bucket with the new model; start_high: that bucket's end
    end            end of the last bucket with the old model; None while both serve
    share          share of the cohort's tokens on the new model after `end` (or to the last bucket)
    returned       the new model had served this cohort before: a rollback
    """

    provider: str
    scope: str | None
    route: str | None
    from_model: str | None
    to_model: str
    start: pd.Timestamp
    start_high: pd.Timestamp
    end: pd.Timestamp | None
    share: float
    returned: bool

    @property
    def is_ramp(self) -> bool:
        """Whether both versions served for longer than the bucket of the change."""
        return self.end is None or self.end > self.start_high


def version_changes(usage: pd.DataFrame) -> tuple[VersionChange, ...]:
    """All version changes in *usage*, by time. Rows that name no model are left out."""
    tokens = usage[TOKENS].to_numpy("float64", na_value=0.0).sum(axis=1)
    served = usage[[*BUCKET, *COHORT, "provider", "model"]].assign(tokens=tokens)
    named = served[served["model"].notna() & (served["tokens"] > 0)]
    named = named.astype({"model": "category"})  # compared and grouped by over and over
    found: list[VersionChange] = []
    for (scope, route), rows in named.groupby(COHORT, dropna=False, observed=True):
        found.extend(_of_cohort(label(scope), label(route), rows))
    return tuple(sorted(found, key=lambda c: (c.start, c.scope or "", c.to_model)))


def _of_cohort(scope: str | None, route: str | None, rows: pd.DataFrame) -> Iterator[VersionChange]:
    tokens = rows.groupby(["bucket_start", "model"], observed=True)["tokens"].sum().unstack()
    ends = pd.DatetimeIndex(rows.groupby("bucket_start")["bucket_end"].max())
    daily = tokens.groupby(pd.DatetimeIndex(tokens.index).floor("D")).sum()
    share = daily.div(daily.sum(axis=1), axis=0)
    first = tokens.index[0]
    for model in map(str, share.columns[(share >= PRESENCE).any()]):
        stays = _stays(tokens[model].notna(), ends)
        for was, stay in zip([None, *stays], stays, strict=False):
            if stay.start > first:
                found = _change(scope, route, rows, model, stay, was)
                yield from [found] if found else []
        all_along = len(stays) == 1 and stays[0].start == first
        if all_along and share[model].max() - share[model].min() >= TAKEOVER:
            yield from _takeovers(scope, route, rows, model, stays[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stay:
    """Buckets [start, stop) in which a model served without leaving; the first ends at `high`."""

    start: pd.Timestamp
    high: pd.Timestamp
    stop: pd.Timestamp


def _stays(served: pd.Series, ends: pd.DatetimeIndex) -> list[_Stay]:
    """When a model *served*, split where it was away for longer than it ever is by chance.

    That is a day; or two buckets, if it had been in every bucket of the week before. A model
    that is missing from the window's first buckets by chance has been there all along.

    served   by bucket of the cohort, in order of time; ends: when each bucket ends
    """
    starts = pd.DatetimeIndex(served.index)
    if served.all():
        return [_Stay(start=starts[0], high=ends[0], stop=ends[-1])]
    on = np.flatnonzero(served)
    away = starts[on[1:]] - ends[on[:-1]]
    left = np.diff(on) > 1
    for gap in np.flatnonzero(left):
        left[gap] = _has_left(
            served.iloc[on[0] : on[gap + 1]], int(on[gap] - on[0]), away[int(gap)]
        )
    first = on[np.concatenate([[True], left])]
    last = on[np.concatenate([left, [True]])]
    seldom = not served.iloc[first[0] : last[0] + 1].all()
    if seldom and starts[first[0]] - starts[0] < ABSENCE:
        first[0] = 0
    spans = zip(first, last, strict=True)
    return [_Stay(start=starts[i], high=ends[i], stop=ends[j]) for i, j in spans]


def _has_left(served: pd.Series, place: int, away: pd.Timedelta) -> bool:
    """Whether a model that was last in the bucket at *place* stayed out of the rest on purpose.

    Its presence in the week before says how odd the silence of the cohort's later buckets is.
    """
    week = served.loc[served.index[place] - 7 * ABSENCE : served.index[place]]
    presence, skipped = float(week.mean()), len(served) - place - 1
    if (1 - min(presence, 0.99)) ** skipped > CHANCE:
        return False
    return away > ABSENCE or (presence == 1 and len(week) >= 24 and skipped >= 2)


def _takeovers(
    scope: str | None, route: str | None, rows: pd.DataFrame, model: str, stay: _Stay
) -> Iterator[VersionChange]:
    """Changes of a model that served all along and then took over."""
    width = usual_width(rows)  # minutes around a cutover would outvote the weeks beside them
    bucket = rows["bucket_start"].dt.floor(width)
    total = rows.groupby(bucket)["tokens"].sum()
    own = rows[rows["model"] == model].groupby(bucket)["tokens"].sum()
    share = (own.reindex(total.index) / total).fillna(0.0)
    for shift in level_shifts(share, total, min_step=TAKEOVER).shifts:
        if shift.after > shift.before and shift.at > stay.start + width:
            step = _Stay(start=shift.at, high=shift.at + width, stop=stay.stop)
            found = _change(scope, route, rows, model, step, None)
            yield from [found] if found else []


def _change(
    scope: str | None,
    route: str | None,
    rows: pd.DataFrame,
    model: str,
    stay: _Stay,
    was: _Stay | None,
) -> VersionChange | None:
    """The change that begins with *stay*; None if the model gains no share by it.

    was   the stay before, if the model had served and left
    """
    since = stay.start - 7 * ABSENCE if was is None else max(was.stop, stay.start - 7 * ABSENCE)
    earlier = rows[rows["bucket_end"] <= stay.start]
    during = rows[(rows["bucket_start"] >= stay.start) & (rows["bucket_start"] < stay.stop)]
    recent = earlier[earlier["bucket_start"] >= since]
    before = _shares(recent if len(recent) else earlier)
    lost = before.drop(model, errors="ignore").sub(_shares(during), fill_value=0.0)
    from_model = str(lost.idxmax()) if len(lost) and lost.max() > 0 else None
    end = _last_of(during, from_model, stay.high)
    settled = during if end is None else during[during["bucket_start"] >= end]
    share = float(_shares(settled if len(settled) else during).get(model, 0.0))
    brief = stay.stop - stay.start < ABSENCE and stay.stop < rows["bucket_end"].max()
    stray = brief and (share < 0.5 or during["bucket_start"].nunique() < 2)
    if stray or share - float(before.get(model, 0.0)) < PRESENCE:
        return None
    return VersionChange(
        provider=str(rows.loc[rows["model"] == model, "provider"].iloc[0]),
        scope=scope,
        route=route,
        from_model=from_model,
        to_model=model,
        start=stay.start,
        start_high=stay.high,
        end=end,
        share=share,
        returned=was is not None,
    )


def _last_of(
    after: pd.DataFrame, from_model: str | None, start_high: pd.Timestamp
) -> pd.Timestamp | None:
    """End of the last bucket with *from_model*; None while it serves on."""
    last_old = after.loc[after["model"] == from_model, "bucket_end"].max()
    if pd.isna(last_old):
        return start_high
    gone = after["bucket_start"].max() >= last_old
    return max(pd.Timestamp(last_old), start_high) if gone else None


def _shares(rows: pd.DataFrame) -> pd.Series:
    sums = rows.groupby("model", observed=True)["tokens"].sum()
    return sums / sums.sum() if sums.sum() > 0 else sums


def client_releases(usage: pd.DataFrame) -> pd.DataFrame:
    """Releases of the caller that *usage* shows by `client_version`, as an events frame.

    They are read as versions of a model are: a release that was not there before, or took over.
    """
    if usage["client_version"].isna().all():
        return empty_events()
    changes = version_changes(usage.assign(model=usage["client_version"]))
    known = tuple(c for c in changes if c.from_model is not None)
    return events_of(known).assign(kind="client", scope=pd.array([c.scope for c in known], "str"))


def events_of(changes: tuple[VersionChange, ...]) -> pd.DataFrame:
    """The same changes as an events frame (kind `model`, source `seen in usage`)."""
    rows = [
        {
            "at": c.start,
            "kind": "model",
            "what": f"{c.from_model or 'nothing'} -> {c.to_model}",
            "scope": c.scope,
            "source": "seen in usage",
        }
        for c in changes
    ]
    frame = pd.DataFrame(rows, columns=["at", "kind", "what", "scope", "source"])
    return check_events(frame.astype({"at": "datetime64[us, UTC]"}))


def lifetimes_in_use(usage: pd.DataFrame) -> list[str]:
    """Write lifetimes that hold at least 1 % of what was written, shortest first."""
    writes = {c: float(usage[c].sum()) for c in INPUT if c.startswith("cache_write")}
    total = sum(writes.values())
    return [
        c.removeprefix("cache_write_").removesuffix("_tokens")
        for c, tokens in writes.items()
        if total > 0 and tokens / total >= 0.01
    ]
