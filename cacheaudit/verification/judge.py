"""What came after a repair against the frozen baseline of a postmortem: one verdict. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ..causes.timeline import longest_ttl
from ..metrics import rollup
from ..price_table import PriceTable
from ..rules import rule
from .arrivals import arrivals
from .groups import Member, grouped, members, sides_of
from .result import Verdict, Verification
from .scale import Scale
from .stretches import Held, beyond, held
from .volume import DAY, HOUR, Frames


def judge(
    one: Mapping[str, Any],
    past: pd.DataFrame,
    usage: pd.DataFrame,
    *,
    fixed_at: pd.Timestamp,
    at_share: float,
    prices: PriceTable | None = None,
    unfit: str = "",
    now: pd.Timestamp | None = None,
) -> Verification:
    """Hold *usage* after *fixed_at* against the baseline of *one*.

    one       an incident of findings.json, with its cohorts
    past      the usage frame that its postmortem judged; the baseline is cut from it
    usage     settled usage frame from about a day before the repair to now
    at_share  share of the baseline that counts as back
    prices    rows that go before the price list's, for a measure in money
    unfit     why *usage* cannot be judged (quality.py); then nothing is closed
    now       what ends later has not happened in full, and is left out

    A measure that is watched by the day or the bill (volume, charged_ratio) is not judged here.
    """
    incident = one["incident"]
    start = pd.Timestamp(incident["start"])
    who, others = (members(one, at_share, affected=side) for side in (True, False))
    scale = Scale(
        measure=str(incident["measure"]), prices=prices, as_served=one["pattern"] == "dearer"
    )
    ttl_s = _ttl_s(usage, who)
    old, new = rollup(past, HOUR), rollup(usage, HOUR)
    if now is not None:
        new = new[new["bucket_end"] <= now]
    frames = _frames(old, new, incident["baseline"], fixed_at, pd.Timedelta(seconds=ttl_s))
    fell, apart = _held(who, frames, scale, singly=True)
    spared, _ = _held(others, frames, scale, singly=False)
    named = [m.cohort for m in (*who, *others) if m.cohort is not None]
    during = _window(old, start, fixed_at)
    healed_at = _healed_at(one, fixed_at)
    found = Verification(
        verdict="not_yet_known",
        start=start,
        measure=scale.measure,
        fixed_at=fixed_at,
        since=frames.since,
        until=frames.until,
        about=", ".join(g.about for g in fell) or "all traffic",
        cohorts=tuple(m.cohort for m in who if m.cohort is not None),
        groups=(*fell, *apart),
        controls=tuple(spared),
        arrivals=arrivals(who, fell, named, frames, during, scale),
        ttl_s=ttl_s,
        healed_at=healed_at,
        healed_before=healed_at is not None or (bool(fell) and all(g.was_back for g in fell)),
        unfit=unfit,
        run_rate=one["run_rate"],
    )
    return found if unfit else replace(found, verdict=_verdict(found))


def _held(
    who: tuple[Member, ...], frames: Frames, scale: Scale, *, singly: bool
) -> tuple[list[Held], list[Held]]:
    """Groups of *who* against their bars; and, *singly*, those of the smaller cohorts that lie
    past the bar by themselves."""
    if not scale.judged:
        return [], []
    sets = grouped(who, frames.baseline)
    small = sets[-1] if singly and sets and len(sets[-1]) > 1 else ()
    tests = len(sets) + len(small)
    sides = [sides_of(group, frames, scale) for group in (*sets, *((one,) for one in small))]
    every = [
        held(side, until=frames.until, since=frames.since, tests=tests, falls=scale.falls)
        for side in sides
    ]
    apart = [
        one
        for one, side in zip(every[len(sets) :], sides[len(sets) :], strict=True)
        if one.standing in ("not_back", "back_later") or beyond(side, falls=scale.falls)
    ]
    return every[: len(sets)], apart


def _frames(
    old: pd.DataFrame,
    new: pd.DataFrame,
    baseline: Sequence[str],
    fixed_at: pd.Timestamp,
    ttl: pd.Timedelta,
) -> Frames:
    """What is judged: from one lifetime after the repair to the end of the data."""
    since = fixed_at + ttl
    until = since if new.empty else max(since, new["bucket_end"].max())
    low, high = (pd.Timestamp(t) for t in baseline)
    return Frames(
        baseline=_window(old, low, high),
        after=_window(new, since, until),
        earlier=_window(_joined(old, new), fixed_at - DAY, fixed_at),
        since=since,
        until=until,
    )


def _verdict(found: Verification) -> Verdict:
    """Closed: all that fell is back, nothing that was spared has fallen since or is falling, and
    none of it may be elsewhere, or under another name."""
    standings = {group.standing for group in found.groups}
    if "not_back" in standings or any(one.standing == "not_back" for one in found.controls):
        return "still_open"
    if found.arrivals or found.swollen or found.slipping:
        return "not_yet_known"
    return "closed" if standings == {"back"} else "not_yet_known"


def _window(usage: pd.DataFrame, low: pd.Timestamp, high: pd.Timestamp) -> pd.DataFrame:
    return usage[(usage["bucket_start"] >= low) & (usage["bucket_end"] <= high)]


def _joined(past: pd.DataFrame, usage: pd.DataFrame) -> pd.DataFrame:
    """Both, each hour once: what was pulled later goes first."""
    if usage.empty:
        return past
    earlier = past[past["bucket_end"] <= usage["bucket_start"].min()]
    both: pd.DataFrame = pd.concat([earlier, usage], ignore_index=True)
    return both


def _healed_at(one: Mapping[str, Any], fixed_at: pd.Timestamp) -> pd.Timestamp | None:
    """When the postmortem saw it back, where that was before the repair."""
    recovery = one["recovery"] or {}
    told = recovery.get("recovered_at") or one["incident"]["end"]
    at = None if told is None else pd.Timestamp(told)
    return at if at is not None and at <= fixed_at else None


def _ttl_s(usage: pd.DataFrame, who: tuple[Member, ...]) -> float:
    """The longest lifetime that is written; else that of the rules; else the longest on offer."""
    rows = pd.concat([member.rows(usage) for member in who])
    longest, reported = longest_ttl(rows)
    if reported:
        return longest
    pairs = rows[["provider", "model"]].dropna().drop_duplicates().itertuples(index=False)
    found = [rule(str(provider), str(model)) for provider, model in pairs]
    stated = [float(r.ttl_s) for r in found if r is not None and r.ttl_s]
    return max(stated) if stated and len(stated) == len(found) else longest
