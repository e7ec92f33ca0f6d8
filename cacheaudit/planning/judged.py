"""What one plan does on one past day."""

from dataclasses import dataclass, fields, replace

import pandas as pd

from ..replaying import Cutover, Outcome, replay
from .migration import Migration
from .stretch import Log, Stretch, day_on_candidate

MINUTE_S = 60
MINUTE = pd.Timedelta(minutes=1)
HOUR = pd.Timedelta(hours=1)
AT_ONCE = 5  # the first of so many parts of a lifetime after going back


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Money is None without prices, a rate where there was no input.

    excess_usd       above the same calls on versions that had always served; with the prefill
    prefill_usd      of it, what the prefill costs
    hit_rate         from the first step until one lifetime after the last; steady_hit_rate: of
                     versions that had always served
    first_hour_hit_rate   in the hour after all has moved
    against_incumbent     the same, as a share of what the incumbent would have read in that hour,
                     had nothing moved: this one shows a candidate that caches less, whose own
                     steady state it is that lowest_share is held against
    lowest_share     of what the serving versions would read in their steady state, in the worst
                     `floor_s`, minute by minute; until a rollback, but for an hour at least
    cold_requests    calls that read less than they would have
    mixed_s          how long both versions serve, from the first step until the last call that the
                     old one serves; of a plan that keeps calls there, as far as what is replayed
                     goes (Migration.after_s)
    exposed_requests calls on the new version within `notice_s` of the first step
    rollback_usd     what going back costs on top, `rollback_after_s` after all has moved
    rollback_share   of the steady hit rate, in the lifetime after going back; it rises through it
    rollback_first_share  the same in the first fifth of that lifetime, by whole minutes
    peak_tokens      in the dearest minute of the new version, that count towards a rate limit: of
                     the plan, and of the whole day (UTC) if the new version had always served it
    """

    excess_usd: float | None
    prefill_usd: float | None
    hit_rate: float | None
    steady_hit_rate: float | None
    first_hour_hit_rate: float | None
    against_incumbent: float | None
    lowest_share: float | None
    cold_requests: float
    mixed_s: float
    exposed_requests: float
    rollback_usd: float | None
    rollback_share: float | None
    rollback_first_share: float | None
    peak_tokens: float


MEASURES = [one.name for one in fields(Judged)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """A day without a migration.

    hit_rate      the incumbent's, in the hour after the time of the cutover; None without input
    peak_tokens   in the dearest minute of that day, had the new version always served it
    """

    hit_rate: float | None = None
    peak_tokens: float = 0.0


def usual_of(log: Log, part: Stretch, migration: Migration) -> Usual:
    """The day of *part*, a stretch of *log*."""
    rows = ours(replay(part.log, migration.rules, bucket_s=MINUTE_S).by_bucket, migration)
    hit_rate, _ = rates(between(rows, part.at, part.at + HOUR))
    peak = _peak(day_on_candidate(log, migration, part.at), migration)
    return Usual(hit_rate=hit_rate, peak_tokens=peak)


def judged(log: Log, migration: Migration, cutover: Cutover, usual: Usual | None = None) -> Judged:
    """*cutover* on *log*, which holds the hours around it, beside the *usual* day (None: not
    known)."""
    usual = usual or Usual()
    ttl = pd.Timedelta(seconds=migration.longest_ttl_s)
    outcome = replay(log, migration.rules, cutover, bucket_s=MINUTE_S)
    back_at = cutover.at + pd.Timedelta(seconds=migration.rollback_after_s)
    back = replay(log, migration.rules, replace(cutover, rollback_at=back_at), bucket_s=MINUTE_S)
    rows = ours(outcome.by_bucket, migration)
    hit_rate, steady = rates(between(rows, cutover.begins, cutover.at + ttl))
    first_hour, _ = rates(between(rows, cutover.at, cutover.at + HOUR))
    told_until = cutover.at + pd.Timedelta(seconds=migration.judged_s)
    noticed = cutover.begins + pd.Timedelta(seconds=migration.notice_s)
    new = rows[rows["model"] == migration.to_model]
    returned = between(ours(back.by_bucket, migration), back_at, back_at + ttl)
    at_once = back_at.floor("min") + max(MINUTE, (ttl / AT_ONCE).floor("min"))
    return Judged(
        excess_usd=_excess(outcome),
        prefill_usd=None if outcome.cost is None else outcome.cost.prefill_usd,
        hit_rate=hit_rate,
        steady_hit_rate=steady,
        first_hour_hit_rate=first_hour,
        against_incumbent=_over(first_hour, usual.hit_rate),
        lowest_share=_lowest(between(rows, cutover.begins, told_until), migration),
        cold_requests=float(rows["cold_requests"].sum()),
        mixed_s=_mixed_s(rows, cutover, migration),
        exposed_requests=float(between(new, cutover.begins, noticed)["requests"].sum()),
        rollback_usd=_more(_excess(back), _excess(outcome)),
        rollback_share=_share(returned),
        rollback_first_share=_share(between(returned, back_at, at_once)),
        peak_tokens=max(_peak(new, migration), usual.peak_tokens),
    )


def ours(by_bucket: pd.DataFrame, migration: Migration) -> pd.DataFrame:
    """Rows of the two versions; other models do not move."""
    return by_bucket[by_bucket["model"].isin([migration.from_model, migration.to_model])]


def between(rows: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Rows whose bucket begins in [start, end)."""
    at = rows["bucket_start"]
    return rows[(at >= start.floor("min")) & (at < end)]


def rates(rows: pd.DataFrame) -> tuple[float | None, float | None]:
    """Hit rate and steady hit rate of *rows*; None without input."""
    whole = float(rows["prompt_tokens"].sum())
    if not whole:
        return None, None
    return float(rows["hit_tokens"].sum()) / whole, float(rows["steady_hit_tokens"].sum()) / whole


def _share(rows: pd.DataFrame) -> float | None:
    """What is read, of what versions that had always served would."""
    steady = float(rows["steady_hit_tokens"].sum())
    return float(rows["hit_tokens"].sum()) / steady if steady else None


def _lowest(rows: pd.DataFrame, migration: Migration) -> float | None:
    """The least share over windows of `floor_s`, one from each minute on; of less, over all."""
    if rows.empty:
        return None
    read = rows.groupby("bucket_start")[["hit_tokens", "steady_hit_tokens"]].sum()
    read = read.astype("float64").asfreq("min", fill_value=0.0)
    minutes = min(len(read), max(1, round(migration.floor_s / MINUTE_S)))
    sums = read.rolling(minutes).sum().iloc[minutes - 1 :].round()
    known = sums[sums["steady_hit_tokens"] > 0]
    shares = known["hit_tokens"] / known["steady_hit_tokens"]
    return float(shares.min()) if len(shares) else None


def _mixed_s(rows: pd.DataFrame, cutover: Cutover, migration: Migration) -> float:
    """From the first step until all has moved, or until the last minute of the old version."""
    old = rows["model"] == migration.from_model
    late = rows.loc[old & (rows["bucket_start"] >= cutover.at.ceil("min")), "bucket_start"]
    end = cutover.at if late.empty else late.max() + MINUTE
    return float((end - cutover.begins).total_seconds())


def _over(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def _excess(outcome: Outcome) -> float | None:
    return None if outcome.cost is None else outcome.cost.excess_usd


def _more(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _peak(new: pd.DataFrame, migration: Migration) -> float:
    """Tokens of the dearest minute on the new version; a prefill is sent apart, at its own rate."""
    counted = new["written_tokens"] + new["uncached_tokens"]
    if migration.reads_count:
        counted = counted + new["hit_tokens"]
    return float(counted.max()) if len(counted) else 0.0
