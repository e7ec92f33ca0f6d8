"""Both gates after a cutover, cohort by cohort, beside the frozen baseline."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..events import lifetimes_in_use
from ..gates import GateBars, recovery, rollout_window, telemetry
from ..metrics import headline_rate, rollup
from ..rules import LIFETIME_S, rule
from ..schema import TOKENS
from ..words import share
from .hours import before_and_after, hours_between
from .moves import Move, cohort_rows, moves
from .result import Group, Rollout
from .stretches import Judged, judged, recovered_at
from .usual import Seen, seen

LARGE = 0.05  # of the moved tokens: a cohort that is judged by itself; smaller ones are together
DAY_H = 24.0


def watch(
    usage: pd.DataFrame,
    *,
    cutover: pd.Timestamp | None = None,
    full_cutover: pd.Timestamp | None = None,
    bars: GateBars | None = None,
    unfit: str = "",
) -> Rollout:
    """Judge the traffic that moved at *cutover*; None takes the newest cutover in *usage*.

    usage         settled usage frame (schema.py) from before the baseline to now
    full_cutover  when all traffic had moved; None reads it from what served
    unfit         why this data cannot be judged (quality.py); then both gates are unknown

    The baseline is the old version's traffic of the same cohorts in the `baseline_days` before the
    first of them moved; it does not roll. Pure: *usage* is not changed, and now is its last bucket.
    """
    bars = GateBars() if bars is None else bars
    coarse = rollup(usage, pd.Timedelta("1h"))
    found = moves(usage, cutover=cutover, full_cutover=full_cutover)
    rows = _moved_rows(coarse, found) if found else coarse
    grouped = _grouped(coarse, found)
    first = min((move.start for move in found), default=None)
    base = None if first is None else (first - pd.Timedelta(days=bars.baseline_days), first)
    scene = _Scene(
        usage=coarse, base=base, until=coarse["bucket_end"].max(),
        measure=headline_rate(coarse), ttl_s=_ttl_s(rows, found), bars=bars, tests=len(grouped),
        unfit=unfit,
    )  # fmt: skip
    whole = [move.full for move in found if move.full is not None]
    return Rollout(
        cutover=first if cutover is None else cutover,
        full_cutover=max(whole) if found and len(whole) == len(found) else full_cutover,
        baseline_window=base,
        until=scene.until,
        measure=scene.measure,
        ttl_s=scene.ttl_s,
        groups=tuple(_group(scene, group) for group in grouped),
        telemetry=telemetry(_reporting(rows), bars=bars),
        bars=bars,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What all groups share."""

    usage: pd.DataFrame
    base: tuple[pd.Timestamp, pd.Timestamp] | None
    until: pd.Timestamp
    measure: str
    ttl_s: float | None
    bars: GateBars
    tests: int
    unfit: str


def _group(scene: _Scene, group: tuple[Move, ...]) -> Group:
    assert scene.base is not None  # a group has moved
    baseline, hours = before_and_after(scene.usage, group, scene.base, scene.measure)
    bars, label = scene.bars, _label(group)
    left = hours_between(hours["end"], scene.until)
    window = judged(
        hours, baseline, origin="start", until=hours["since_start"] + left,
        limit_hours=bars.rollout_window_hours, at_share=bars.rollout_window_share,
        tests=scene.tests,
    )  # fmt: skip
    day = hours[left < DAY_H]
    now = seen(day, baseline, DAY_H, scene.tests)
    back = _recovery(scene, group, hours, baseline, now)
    if scene.unfit:
        window = back = Judged(stretch=None, ended=False, missing=f"fit data: {scene.unfit}")
    lost = _lost(scene, hours)
    tokens = float(day["tokens"].sum())
    rated = scene.measure == "hit_rate" and tokens > 0
    requests = hours["requests"].sum(min_count=1)
    at = recovered_at(hours, bars.recovered_at_share)
    return Group(
        label=label,
        moves=group,
        window=rollout_window(**_values(window), bars=bars, about=label),
        recovery=recovery(**_values(back), bars=bars, about=label),
        hours=_curve(hours),
        now=now,
        recent=seen(
            hours[left < bars.rollout_window_hours], baseline, bars.rollout_window_hours,
            scene.tests,
        ),
        write_share=float(day["written"].sum()) / tokens if rated else None,
        uncached_share=float(day["uncached"].sum()) / tokens if rated else None,
        requests=None if pd.isna(requests) else float(requests),
        recovered_at=None if at is None else max(at, min(move.start for move in group)),
        lost_in_ttl_tokens=lost[0],
        lost_later_tokens=lost[1],
        outlasts_ttl=_outlasts(scene, hours, baseline),
    )  # fmt: skip


def _recovery(
    scene: _Scene, group: tuple[Move, ...], hours: pd.DataFrame, baseline: pd.DataFrame,
    now: Seen | None,
) -> Judged:  # fmt: skip
    """Counted from the full cutover; before there is one, only being back already is a result."""
    if all(move.full is not None for move in group):
        return judged(
            hours, baseline, origin="full",
            until=hours["since_full"] + hours_between(hours["end"], scene.until),
            limit_hours=scene.bars.recovery_hours, at_share=scene.bars.recovered_at_share,
            tests=scene.tests,
        )  # fmt: skip
    most = max(move.old_share for move in group)
    missing = (
        f"the full cutover: the old version still serves {share(most)}, and the time to recover"
        " counts from when it does not. Where the split is to stay, state full_cutover"
    )
    return Judged(stretch=now, ended=False, missing=missing)


def _values(found: Judged) -> dict[str, Any]:
    """What a gate of rates is given."""
    one = found.stretch
    return {
        "low": None if one is None else one.low,
        "value": None if one is None else one.rate,
        "high": None if one is None else one.high,
        "baseline": None if one is None else one.usual,
        "ended": found.ended,
        "missing": found.missing,
    }


def _lost(scene: _Scene, hours: pd.DataFrame) -> tuple[float | None, float | None]:
    """Tokens that were not read and usually would have been: (in the first lifetime, later)."""
    lost = hours["usual"] * hours["tokens"] - hours["read"]
    if scene.ttl_s is None or hours["since_full"].isna().any() or lost.isna().all():
        return None, None
    later = _begins_h(hours) >= scene.ttl_s / 3600
    return float(lost[~later].sum()), float(lost[later].sum())


def _outlasts(scene: _Scene, hours: pd.DataFrame, baseline: pd.DataFrame) -> bool | None:
    """Whether the time to recover, less one lifetime, was below the bar as a whole."""
    if scene.ttl_s is None or hours["since_full"].isna().any():
        return None
    begins, limit = _begins_h(hours), scene.bars.recovery_hours
    inside = (begins >= scene.ttl_s / 3600) & (hours["since_full"] <= limit)
    found = seen(hours[inside], baseline, DAY_H, scene.tests)
    if found is None:
        return None
    bar = scene.bars.recovered_at_share * found.usual
    return None if found.low < bar <= found.high else found.high < bar


def _begins_h(hours: pd.DataFrame) -> pd.Series:
    """Hours from the full cutover to the start of each bucket."""
    return hours["since_full"] - hours_between(hours["at"], hours["end"])


def _curve(hours: pd.DataFrame) -> pd.DataFrame:
    """By hour: rate and usual rate of sums."""
    known = hours.assign(would=hours["usual"] * hours["tokens"])
    sums = known.groupby("at")[["read", "would", "tokens"]].sum(min_count=1).reset_index()
    over = sums["tokens"].where(sums["tokens"] > 0)
    return pd.DataFrame({
        "at": sums["at"], "rate": sums["read"] / over, "usual": sums["would"] / over,
        "tokens": sums["tokens"],
    })  # fmt: skip


def _label(group: tuple[Move, ...]) -> str:
    return group[0].label if len(group) == 1 else f"{len(group)} smaller cohorts"


def _grouped(usage: pd.DataFrame, found: tuple[Move, ...]) -> tuple[tuple[Move, ...], ...]:
    """Large cohorts each for itself, the largest first; the small ones together."""
    if not found:
        return ()
    tokens = usage[TOKENS].to_numpy("float64", na_value=0.0).sum(axis=1)
    late = {m: tokens[cohort_rows(usage, m, m.to_model) & (usage["bucket_end"] > m.start)].sum()
            for m in found}  # fmt: skip
    total = sum(late.values())
    ordered = sorted(found, key=lambda m: -late[m])
    small = tuple(m for m in ordered if late[m] < LARGE * total)
    large = tuple((m,) for m in ordered if m not in small)
    return (*large, small) if small else large


def _moved_rows(usage: pd.DataFrame, found: tuple[Move, ...]) -> pd.DataFrame:
    """What the new versions served of what moved."""
    inside = pd.Series(data=False, index=usage.index)
    for move in found:
        inside |= cohort_rows(usage, move, move.to_model) & (usage["bucket_end"] > move.start)
    return usage[inside]


def _reporting(rows: pd.DataFrame) -> float | None:
    """Share of requests in buckets that report reads; of tokens, where requests are not counted."""
    weight = rows["requests"].to_numpy("float64", na_value=float("nan"))
    if pd.isna(weight).all():
        weight = rows[TOKENS].to_numpy("float64", na_value=0.0).sum(axis=1)
    told = rows["cache_read_tokens"].notna().to_numpy()
    total = float(pd.Series(weight).sum())
    return float(pd.Series(weight)[told].sum()) / total if total > 0 else None


def _ttl_s(rows: pd.DataFrame, found: tuple[Move, ...]) -> float | None:
    """The longest lifetime that is written; where writes are not reported, that of the rules."""
    written = [LIFETIME_S[life] for life in lifetimes_in_use(rows) if life in LIFETIME_S]
    stated = [r.ttl_s for m in found if (r := rule(m.provider, m.to_model)) and r.ttl_s]
    return float(max(written or stated)) if written or stated else None
