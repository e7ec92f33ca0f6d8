"""What came after a repair against the frozen baseline of a postmortem: one verdict. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from ..causes.timeline import longest_ttl
from ..incidents import RATES
from ..metrics import rollup
from ..price_table import PriceTable
from ..rules import rule
from ..schema import Cohort
from .arrivals import Arrival, arrivals
from .groups import JUDGED, Member, grouped, members, sides_of
from .stretches import Held, beyond, held
from .volume import DAY, HOUR, Frames

SWOLLEN = 1.5  # times its usual traffic, while other traffic is gone: it may hold that of others
EXIT_CODES = {"closed": 0, "still_open": 3, "not_yet_known": 4}

Verdict = Literal["closed", "still_open", "not_yet_known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is known after a repair.

    verdict         closed, still_open or not_yet_known
    start           of the incident; measure: what moved
    fixed_at        when it was repaired, as was stated
    since, until    what was judged: one lifetime after the repair to the end of the data
    about           what fell, in words; cohorts: by their names, () for all traffic
    groups          what fell: large cohorts, the smaller ones together, and then those of the
                    smaller ones that lie past the bar by themselves; controls: what was spared
    arrivals        traffic that came since, and may be what fell
    ttl_s           longest lifetime of an entry, which is left out after the repair
    healed_at       when it was back already, where that was before the repair; None otherwise
    healed_before   whether it was: told by the postmortem, or by the day before the repair
    unfit           why the data after the repair cannot be judged; "" where it can
    """

    verdict: Verdict
    start: pd.Timestamp
    measure: str
    fixed_at: pd.Timestamp
    since: pd.Timestamp
    until: pd.Timestamp
    about: str
    cohorts: tuple[Cohort, ...]
    groups: tuple[Held, ...]
    controls: tuple[Held, ...]
    arrivals: tuple[Arrival, ...]
    ttl_s: float
    healed_at: pd.Timestamp | None
    healed_before: bool
    unfit: str
    excess_a_day_usd: Mapping[str, Any] | None

    @property
    def lost(self) -> tuple[str, ...]:
        """Spared traffic that is not there any more."""
        gone = [(c.about,) if c.standing == "no_traffic" else c.silent for c in self.controls]
        return tuple(name for names in gone for name in names)

    @property
    def swollen(self) -> tuple[Held, ...]:
        """What carries so much more than usual, while other traffic is gone, that it may be it."""
        return tuple(g for g in self.groups if self.lost and g.seen > SWOLLEN)

    @property
    def exit_code(self) -> int:
        """0 closed, 3 still open, 4 not yet known."""
        return EXIT_CODES[self.verdict]


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
    measure, coarse = str(incident["measure"]), rollup(usage, HOUR)
    if now is not None:
        coarse = coarse[coarse["bucket_end"] <= now]
    low, high = (pd.Timestamp(t) for t in incident["baseline"])
    known = {side: members(one, at_share, affected=side) for side in (True, False)}
    ttl_s = _ttl_s(usage, known[True])
    since = fixed_at + pd.Timedelta(seconds=ttl_s)
    until = since if coarse.empty else max(since, coarse["bucket_end"].max())
    old = rollup(past, HOUR)
    frames = Frames(
        baseline=_window(old, low, high),
        after=_window(coarse, since, until),
        earlier=_window(_joined(old, coarse), fixed_at - DAY, fixed_at),
        since=since,
        until=until,
    )
    as_served, falls = one["pattern"] == "dearer", measure in RATES

    def judged(who: tuple[Member, ...], *, singly: bool) -> tuple[list[Held], list[Held]]:
        if measure not in JUDGED:
            return [], []
        sets = grouped(who, frames.baseline)
        small = sets[-1] if singly and sets and len(sets[-1]) > 1 else ()
        tests = len(sets) + len(small)

        def one_held(group: tuple[Member, ...], *, always: bool = True) -> Held | None:
            sides = sides_of(group, measure, frames, prices, as_served=as_served)
            found = held(sides, until=until, since=since, tests=tests, falls=falls)
            telling = found.standing in ("not_back", "back_later") or beyond(sides, falls=falls)
            return found if always or telling else None

        groups = [one_held(group) for group in sets]
        apart = [one_held((member,), always=False) for member in small]
        return [g for g in groups if g is not None], [g for g in apart if g is not None]

    fell, apart = judged(known[True], singly=True)
    spared, _ = judged(known[False], singly=False)
    named = [m.cohort for side in known.values() for m in side if m.cohort is not None]
    came = arrivals(
        known[True], fell, named, frames, _window(old, pd.Timestamp(incident["start"]), fixed_at),
        measure, prices, as_served=as_served,
    )  # fmt: skip
    healed_at = _healed_at(one, fixed_at)
    found = Verification(
        verdict="not_yet_known",
        start=pd.Timestamp(incident["start"]),
        measure=measure,
        fixed_at=fixed_at,
        since=since,
        until=until,
        about=", ".join(g.about for g in fell) or "all traffic",
        cohorts=tuple(m.cohort for m in known[True] if m.cohort is not None),
        groups=(*fell, *apart),
        controls=tuple(spared),
        arrivals=came,
        ttl_s=ttl_s,
        healed_at=healed_at,
        healed_before=healed_at is not None or (bool(fell) and all(g.was_back for g in fell)),
        unfit=unfit,
        excess_a_day_usd=None if one["run_rate"] is None else one["run_rate"]["per_day_usd"],
    )
    return found if unfit else replace(found, verdict=_verdict(found))


def _verdict(found: Verification) -> Verdict:
    """Closed: all that fell is back, nothing that was spared has fallen since, and none of it may
    be elsewhere, or under another name."""
    standings = {group.standing for group in found.groups}
    if "not_back" in standings or any(one.standing == "not_back" for one in found.controls):
        return "still_open"
    if found.arrivals or found.swollen:
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
