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
from ..cost import cost_of
from ..incidents import RATES
from ..metrics import cache_metrics
from ..price_table import PriceTable
from ..rollout.usual import with_usual
from ..schema import TOKENS, Cohort
from .volume import Frames, Volume, volume_of

LARGE = 0.05  # of the tokens of the baseline: judged by itself; smaller ones are together
RATED = {"hit_rate": "input_tokens", "read_share_of_cached": "cached_tokens"}
COSTS = {"usd_per_request": "requests", "usd_per_mtok": "input_tokens"}
JUDGED = (*RATED, *COSTS)
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
    scale             what `read` was multiplied by, so that a cost is counted as a share
    silent            members without a known rate after the repair
    volume            how much of its usual traffic was seen since
    """

    label: str
    baseline: pd.DataFrame
    after: pd.DataFrame
    earlier: pd.DataFrame
    scale: float
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


def sides_of(
    group: Sequence[Member],
    measure: str,
    frames: Frames,
    prices: PriceTable | None,
    *,
    as_served: bool = False,
) -> Sides:
    """*group* before and after.

    as_served   a cost is at the prices of what served; else, because a dearer list price of a
                version that was chosen is no loss, at those of the baseline's largest model
    """
    parts: list[list[pd.DataFrame]] = [[], [], []]
    silent = []
    for number, member in enumerate(group):
        own = (
            member.before(frames.baseline), member.rows(frames.after), member.rows(frames.earlier),
        )  # fmt: skip
        if measure in COSTS and not as_served:
            own = at_one_price(*own)
        for place, rows in enumerate(own):
            hours = hours_of(rows, measure, prices)
            if place == AFTER and not (hours["tokens"] > 0).any():
                silent.append(member.label)
            parts[place].append(hours.assign(move=number, bar=member.level))
    baseline, after, earlier = (pd.concat(part, ignore_index=True) for part in parts)
    baseline = baseline[baseline["tokens"] > 0].reset_index(drop=True)
    scale = 1.0
    if measure in COSTS and (spent := float(baseline["read"].sum())) > 0:
        scale = SCALED * float(baseline["tokens"].sum()) / spent
    told = [side.assign(read=side["read"] * scale) for side in (baseline, after, earlier)]
    known = [side.assign(usual=with_usual(side, told[0])) for side in told]
    return Sides(
        label=group[0].label if len(group) == 1 else f"{len(group)} smaller cohorts",
        baseline=known[0],
        after=known[1],
        earlier=known[2],
        scale=scale,
        silent=tuple(silent),
        volume=volume_of(baseline, after, pd.Series([member.part for member in group]), frames),
    )


def at_one_price(
    baseline: pd.DataFrame, *others: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """All sides as if the model with the most tokens in *baseline* had served them."""
    tokens = baseline[TOKENS].sum(axis=1).groupby([baseline["provider"], baseline["model"]]).sum()
    if tokens.empty:
        return baseline, others[0], others[1]
    served = tokens.reset_index(name="tokens").sort_values("tokens").iloc[-1]
    named = {"provider": served["provider"], "model": served["model"]}
    return baseline.assign(**named), others[0].assign(**named), others[1].assign(**named)


def _level(measure: str, before: float, after: float, at_share: float) -> float:
    middle = (1 + after / before) / 2
    return max(at_share, middle) if measure in RATES else min(1 / at_share, middle)


def hours_of(rows: pd.DataFrame, measure: str, prices: PriceTable | None) -> pd.DataFrame:
    """`at`, `end`, `read`, `tokens` by bucket, so that read / tokens is the measure."""
    by = ["bucket_start", "bucket_end"]
    sums = cache_metrics(rows, by)
    if measure in RATED:
        tokens = sums[RATED[measure]].where(sums[measure].notna())
        read = sums[measure] * tokens
    else:
        usd = cost_of(rows, prices).usd
        read = usd.groupby([rows[c] for c in by]).sum(skipna=False).reindex(sums.index)
        tokens = sums[COSTS[measure]].where(read.notna())
    return pd.DataFrame({
        "at": sums.index.get_level_values(0), "end": sums.index.get_level_values(1),
        "read": read.to_numpy(float), "tokens": tokens.to_numpy(float),
    })  # fmt: skip
