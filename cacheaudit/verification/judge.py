"""What came after a repair against the frozen baseline of a postmortem: one verdict. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from ..causes.timeline import longest_ttl
from ..incidents import RATES
from ..metrics import rollup
from ..price_table import PriceTable
from ..rules import rule
from .groups import JUDGED, Member, grouped, members, sides_of
from .stretches import Held, held

HOUR, DAY = pd.Timedelta("1h"), pd.Timedelta("1D")
EXIT_CODES = {"closed": 0, "still_open": 3, "not_yet_known": 4}

Verdict = Literal["closed", "still_open", "not_yet_known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is known after a repair.

    verdict         closed, still_open or not_yet_known
    start           of the incident; measure: what moved
    fixed_at        when it was repaired, as was stated
    since, until    what was judged: one lifetime after the repair to the end of the data
    groups          those that fell; controls: those that were spared
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
    groups: tuple[Held, ...]
    controls: tuple[Held, ...]
    ttl_s: float
    healed_at: pd.Timestamp | None
    healed_before: bool
    unfit: str
    excess_a_day_usd: Mapping[str, Any] | None

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
) -> Verification:
    """Hold *usage* after *fixed_at* against the baseline of *one*.

    one       an incident of findings.json, with its cohorts
    past      the usage frame that its postmortem judged; the baseline is cut from it
    usage     settled usage frame from about a day before the repair to now
    at_share  share of the baseline that counts as back
    prices    rows that go before the price list's, for a measure in money
    unfit     why *usage* cannot be judged (quality.py); then nothing is closed

    A measure that is watched by the day or the bill (volume, charged_ratio) is not judged here.
    """
    incident = one["incident"]
    measure, coarse = str(incident["measure"]), rollup(usage, HOUR)
    before = _window(rollup(past, HOUR), *(pd.Timestamp(t) for t in incident["baseline"]))
    known = {side: members(one, at_share, affected=side) for side in (True, False)}
    ttl_s = _ttl_s(coarse, known[True])
    since = fixed_at + pd.Timedelta(seconds=ttl_s)
    until = max(since, coarse["bucket_end"].max())
    earlier = _window(_joined(rollup(past, HOUR), coarse), fixed_at - DAY, fixed_at)
    frames = (before, _window(coarse, since, until), earlier)

    def judged(who: tuple[Member, ...]) -> tuple[Held, ...]:
        if measure not in JUDGED:
            return ()
        sets = grouped(who, before)
        return tuple(
            held(
                sides_of(group, measure, frames, prices, as_served=one["pattern"] == "dearer"),
                until=until, since=since, tests=len(sets), falls=measure in RATES,
            )
            for group in sets
        )  # fmt: skip

    fell, spared = judged(known[True]), judged(known[False])
    healed_at = _healed_at(one, fixed_at)
    return Verification(
        verdict="not_yet_known" if unfit else _verdict(fell, spared),
        start=pd.Timestamp(incident["start"]),
        measure=measure,
        fixed_at=fixed_at,
        since=since,
        until=until,
        groups=fell,
        controls=spared,
        ttl_s=ttl_s,
        healed_at=healed_at,
        healed_before=healed_at is not None or (bool(fell) and all(g.was_back for g in fell)),
        unfit=unfit,
        excess_a_day_usd=None if one["run_rate"] is None else one["run_rate"]["per_day_usd"],
    )


def _verdict(fell: tuple[Held, ...], spared: tuple[Held, ...]) -> Verdict:
    """Closed: all that fell is back, and nothing that was spared has fallen since."""
    standings = {group.standing for group in fell}
    if "not_back" in standings or any(one.standing == "not_back" for one in spared):
        return "still_open"
    return "closed" if standings == {"back"} else "not_yet_known"


def _window(usage: pd.DataFrame, low: pd.Timestamp, high: pd.Timestamp) -> pd.DataFrame:
    return usage[(usage["bucket_start"] >= low) & (usage["bucket_end"] <= high)]


def _joined(past: pd.DataFrame, usage: pd.DataFrame) -> pd.DataFrame:
    """Both, each hour once: what was pulled later goes first."""
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
