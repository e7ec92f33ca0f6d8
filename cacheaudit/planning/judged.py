"""What one plan does on one past day."""

from dataclasses import dataclass, fields, replace

import pandas as pd

from ..replaying import Cutover, Outcome, replay
from .migration import Migration
from .stretch import Log

MINUTE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Money is None without prices, a rate where there was no input.

    excess_usd       above the same calls on versions that had always served; with the prefill
    prefill_usd      of it, what the prefill costs
    hit_rate         from the first step until one lifetime after the last; steady_hit_rate: of
                     versions that had always served
    first_hour_hit_rate   in the hour after all has moved
    lowest_share     of the steady hit rate, in the worst `floor_s`
    cold_requests    calls that read less than they would have
    mixed_s          how long both versions serve on purpose
    exposed_requests calls on the new version within `notice_s` of the first step
    rollback_usd     what going back costs on top, `rollback_after_s` after all has moved
    rollback_share   of the steady hit rate, in the lifetime after going back
    peak_tokens      in the dearest minute of the new version, that count towards a rate limit
    """

    excess_usd: float | None
    prefill_usd: float | None
    hit_rate: float | None
    steady_hit_rate: float | None
    first_hour_hit_rate: float | None
    lowest_share: float | None
    cold_requests: float
    mixed_s: float
    exposed_requests: float
    rollback_usd: float | None
    rollback_share: float | None
    peak_tokens: float


MEASURES = [one.name for one in fields(Judged)]


def judged(log: Log, migration: Migration, cutover: Cutover) -> Judged:
    """*cutover* on *log*, which holds the hours around it."""
    ttl = pd.Timedelta(seconds=migration.longest_ttl_s)
    outcome = replay(log, migration.rules, cutover, bucket_s=MINUTE_S)
    back_at = cutover.at + pd.Timedelta(seconds=migration.rollback_after_s)
    back = replay(log, migration.rules, replace(cutover, rollback_at=back_at), bucket_s=MINUTE_S)
    rows = ours(outcome.by_bucket, migration)
    hit_rate, steady = rates(between(rows, cutover.begins, cutover.at + ttl))
    first_hour, _ = rates(between(rows, cutover.at, cutover.at + pd.Timedelta(hours=1)))
    noticed = cutover.begins + pd.Timedelta(seconds=migration.notice_s)
    new = rows[rows["model"] == migration.to_model]
    returned = between(ours(back.by_bucket, migration), back_at, back_at + ttl)
    return Judged(
        excess_usd=_excess(outcome),
        prefill_usd=None if outcome.cost is None else outcome.cost.prefill_usd,
        hit_rate=hit_rate,
        steady_hit_rate=steady,
        first_hour_hit_rate=first_hour,
        lowest_share=_lowest(between(rows, cutover.begins, back_at), cutover, migration),
        cold_requests=float(rows["cold_requests"].sum()),
        mixed_s=(cutover.at - cutover.begins).total_seconds(),
        exposed_requests=float(between(new, cutover.begins, noticed)["requests"].sum()),
        rollback_usd=_more(_excess(back), _excess(outcome)),
        rollback_share=_share(returned),
        peak_tokens=_peak(outcome, new, migration),
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


def _lowest(rows: pd.DataFrame, cutover: Cutover, migration: Migration) -> float | None:
    """The least share over windows of `floor_s`, counted from the first step."""
    passed = (rows["bucket_start"] - cutover.begins.floor("min")).dt.total_seconds()
    shares = [_share(part) for _, part in rows.groupby(passed // migration.floor_s)]
    return min((share for share in shares if share is not None), default=None)


def _excess(outcome: Outcome) -> float | None:
    return None if outcome.cost is None else outcome.cost.excess_usd


def _more(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _peak(outcome: Outcome, new: pd.DataFrame, migration: Migration) -> float:
    """Tokens of the dearest minute on the new version; a prefill is sent apart, at its own rate."""
    counted = new["written_tokens"] + new["uncached_tokens"]
    if migration.reads_count:
        counted = counted + new["hit_tokens"]
    return float(counted.max()) if len(counted) else 0.0
