"""Who is judged after a repair: the cohorts that fell, and for contrast those that were spared.

A cohort is a (scope, route), as everywhere in this package: whichever version or provider serves
it now, it is the same traffic. One that sends nothing any more is judged by what its baseline was
of, because moving traffic back where it came from is a repair.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..causes.facts import rows_of
from ..incidents import RATES
from ..rollout.usual import with_usual
from ..schema import TOKENS, Cohort
from .scale import Scale
from .volume import Frames, Volume, volume_of

LARGE = 0.05  # of the tokens of the baseline: judged by itself; smaller ones are together
AFTER = 1  # place of what came after the repair in a triple of sides
SCALED = 0.01  # what the usual cost of a unit is counted as: usual.py takes shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One cohort; baseline_of: whose traffic its baseline is; level: share of usual that is back.

    level is above 1 for a cost, which is back when it is low enough. part is what it took over of
    the traffic of its baseline, which others may have come of as well.
    """

    cohort: Cohort | None  # None: all traffic
    baseline_of: tuple[Cohort, ...]
    level: float
    part: float = 1.0

    @property
    def label(self) -> str:
        """Who it is, in words."""
        parts = () if self.cohort is None else self.cohort
        return " via ".join(part for part in parts if part) or "all traffic"

    def rows(self, usage: pd.DataFrame) -> pd.DataFrame:
        """Its rows of *usage*; of what its baseline is of, where it has none."""
        if self.cohort is None:
            return usage
        own = usage[rows_of(usage, self.cohort)]
        return usage[rows_of(usage, *self.baseline_of)] if own.empty else own

    def before(self, usage: pd.DataFrame) -> pd.DataFrame:
        """The rows of *usage* that its baseline is of."""
        return usage if self.cohort is None else usage[rows_of(usage, *self.baseline_of)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """A group hour by hour, in the columns of rollout/usual.py, with `usual`, and `bar` (of it).

    baseline, after   in its frozen window; from the repair and one lifetime on
    earlier           the day before the repair
    times             what `read` was multiplied by, so that a cost is counted as a share
    silent            members without a known rate after the repair
    volume            how much of its usual traffic was seen since
    """

    label: str
    baseline: pd.DataFrame
    after: pd.DataFrame
    earlier: pd.DataFrame
    times: float
    silent: tuple[str, ...]
    volume: Volume


def members(
    one: Mapping[str, Any], at_share: float, *, affected: bool
) -> tuple[Member, ...]:  # fmt: skip
    """The cohorts of *one* (an incident of findings.json) that fell, or that were spared.

    at_share   what counts as back, as a share of the baseline. A shallow fall never left that, so
               the middle between the two levels counts where it is nearer to the baseline.
    """
    incident = one["incident"]
    whole = _level(incident["measure"], incident["before"], incident["after"], at_share)
    if affected and not any(c["affected"] for c in one["cohorts"]):
        return (Member(cohort=None, baseline_of=(), level=whole),)
    found = []
    for c in one["cohorts"]:
        if c["affected"] != affected:
            continue
        level = whole
        if not affected:
            level = at_share if incident["measure"] in RATES else 1 / at_share
        elif incident["measure"] in RATES and c["before"] and c["after"] is not None:
            level = _level(incident["measure"], c["before"], c["after"], at_share)
        found.append(
            Member(
                cohort=(c["scope"], c["route"]),
                baseline_of=_heirs(c),
                level=level,
                part=_part(c, one["cohorts"]),
            )
        )
    return tuple(found)


def _part(one: Mapping[str, Any], cohorts: Sequence[Mapping[str, Any]]) -> float:
    """By requests in the incident, of all with the baseline of cohort *one*; else equal parts."""
    own = _heirs(one)
    counts = [c.get("requests_during") or 0.0 for c in cohorts if set(own) & set(_heirs(c))]
    if len(counts) < 2:
        return 1.0
    return float(one["requests_during"] / sum(counts)) if all(counts) else 1 / len(counts)


def _heirs(one: Mapping[str, Any]) -> tuple[Cohort, ...]:
    return tuple((h["scope"], h["route"]) for h in one["baseline_of"])


def grouped(found: Sequence[Member], baseline: pd.DataFrame) -> tuple[tuple[Member, ...], ...]:
    """Large members each for itself, the largest first; the small ones together."""
    tokens = {m: float(m.before(baseline)[TOKENS].sum().sum()) for m in found}
    ordered = sorted(found, key=lambda m: -tokens[m])
    small = tuple(m for m in ordered if tokens[m] < LARGE * sum(tokens.values()))
    large = tuple((m,) for m in ordered if m not in small)
    return (*large, small) if small else large


def sides_of(group: Sequence[Member], frames: Frames, scale: Scale) -> Sides:
    """*group* before and after."""
    parts: list[list[pd.DataFrame]] = [[], [], []]
    silent = []
    for number, member in enumerate(group):
        own = scale.alike(
            member.before(frames.baseline), member.rows(frames.after), member.rows(frames.earlier)
        )
        for place, rows in enumerate(own):
            hours = scale.hours(rows)
            if place == AFTER and not (hours["tokens"] > 0).any():
                silent.append(member.label)
            parts[place].append(hours.assign(move=number, bar=member.level))
    baseline, after, earlier = (pd.concat(part, ignore_index=True) for part in parts)
    baseline = baseline[baseline["tokens"] > 0].reset_index(drop=True)
    times = 1.0
    if scale.costs and (spent := float(baseline["read"].sum())) > 0:
        times = SCALED * float(baseline["tokens"].sum()) / spent
    told = [side.assign(read=side["read"] * times) for side in (baseline, after, earlier)]
    known = [side.assign(usual=with_usual(side, told[0])) for side in told]
    return Sides(
        label=group[0].label if len(group) == 1 else f"{len(group)} smaller cohorts",
        baseline=known[0],
        after=known[1],
        earlier=known[2],
        times=times,
        silent=tuple(silent),
        volume=volume_of(baseline, after, pd.Series([member.part for member in group]), frames),
    )


def _level(measure: str, before: float, after: float, at_share: float) -> float:
    middle = (1 + after / before) / 2
    return max(at_share, middle) if measure in RATES else min(1 / at_share, middle)
