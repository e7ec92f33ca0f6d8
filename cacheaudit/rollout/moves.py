"""Which traffic moved to another model version, when it began to, and when all of it had."""

from dataclasses import dataclass

import pandas as pd

from ..events import PRESENCE, VersionChange, version_changes
from ..metrics import usual_width
from ..schema import TOKENS

DAY = pd.Timedelta("1D")
ONE_ROLLOUT = pd.Timedelta("72h")  # changes within it are steps of one cutover


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A cohort (scope, route) that moved from one version to another.

    start      its cutover; full: from when on the old version had less than PRESENCE of the tokens
               that the two served in the next day; None while it serves on
    old_share  of those tokens in the last day of the data that are still on the old version
    """

    provider: str
    scope: str | None
    route: str | None
    from_model: str
    to_model: str
    start: pd.Timestamp
    full: pd.Timestamp | None
    old_share: float

    @property
    def label(self) -> str:
        """Who it is, in words."""
        who = " via ".join(one for one in (self.scope, self.route) if one) or "all traffic"
        return f"{who} on {self.to_model}"


def moves(
    usage: pd.DataFrame,
    *,
    cutover: pd.Timestamp | None = None,
    full_cutover: pd.Timestamp | None = None,
) -> tuple[Move, ...]:
    """The moves of the cutover at *cutover*; None takes the newest in *usage*.

    Those that begin within ONE_ROLLOUT of it (or by *full_cutover*, where that is later) belong to
    it. A cohort that nothing served before has moved from nowhere and is left out.

    full_cutover   stated by the team: counts for every cohort, whatever the old version serves
    """
    changes = [c for c in version_changes(usage) if c.from_model is not None]
    if not changes:
        return ()
    width = usual_width(usage)
    if cutover is None:
        newest = max(c.start for c in changes)
        cutover = min(c.start for c in changes if c.start >= newest - ONE_ROLLOUT)
    until = max(cutover + ONE_ROLLOUT, full_cutover or cutover)
    chosen: dict[tuple[str | None, str | None, str], VersionChange] = {}
    for change in changes:  # by time: a second try of one cohort replaces the first
        if cutover - width < change.start <= until:
            chosen[change.scope, change.route, change.to_model] = change
    return tuple(_move(usage, c, max(cutover, c.start), full_cutover) for c in chosen.values())


def cohort_rows(usage: pd.DataFrame, move: Move, model: str) -> pd.Series:
    """Which rows of *usage* are the cohort of *move*, served by *model*."""
    inside = usage["model"] == model
    for column, value in (("scope", move.scope), ("route", move.route)):
        inside &= usage[column].isna() if value is None else usage[column] == value
    return inside.fillna(value=False).astype(bool)


def _move(
    usage: pd.DataFrame,
    change: VersionChange,
    start: pd.Timestamp,
    stated: pd.Timestamp | None,
) -> Move:
    move = Move(
        provider=change.provider, scope=change.scope, route=change.route,
        from_model=str(change.from_model), to_model=change.to_model, start=start, full=stated,
        old_share=0.0,
    )  # fmt: skip
    both = _by_hour(usage, move)
    last = both.tail(1).index
    recent = both[both.index > last[0] - DAY].sum() if len(last) else both.sum()
    served = recent.sum()
    found = {"old_share": float(recent["old"] / served) if served > 0 else 0.0}
    full = stated if stated is not None else _full(both, start)
    return Move(**{**{k: getattr(move, k) for k in move.__slots__}, "full": full, **found})


def _by_hour(usage: pd.DataFrame, move: Move) -> pd.DataFrame:
    """Tokens on the old and the new version by hour, from the hour of the start on."""
    late = usage[usage["bucket_end"] > move.start]
    hour = late["bucket_start"].dt.floor("h")
    tokens = late[TOKENS].to_numpy("float64", na_value=0.0).sum(axis=1)
    sums = pd.DataFrame({
        "old": tokens * cohort_rows(late, move, move.from_model),
        "new": tokens * cohort_rows(late, move, move.to_model),
    }).groupby(hour).sum()  # fmt: skip
    return sums[sums.sum(axis=1) > 0]


def _full(both: pd.DataFrame, start: pd.Timestamp) -> pd.Timestamp | None:
    """The first hour after which the old version never again had PRESENCE of a day."""
    sums = both.cumsum()
    index = pd.DatetimeIndex(both.index)
    ahead = index.searchsorted(index + DAY) - 1
    day = sums.iloc[ahead].to_numpy() - sums.to_numpy() + both.to_numpy()
    holds = day[:, 0] >= PRESENCE * day.sum(axis=1)
    if not len(holds):
        return None
    if not holds.any():
        return start
    last = int(holds.nonzero()[0][-1])
    return None if last == len(holds) - 1 else max(start, index[last + 1])
