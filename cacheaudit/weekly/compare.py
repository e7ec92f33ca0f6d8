"""Hit rate, cost and volume of the week beside what was usual, by cohort and in total.

Each is held against the same hours of its baseline (rollout/usual.py), with an interval at 95 % for
all comparisons of the page together. It moved only where the whole interval lies beyond a bar: what
a reader would act on, not what can just be told from chance. The bar of hit rate and cost is a
twentieth by default: at the prices of the large providers the input of a rate of 90 % that falls by
so much costs about a fifth more, and less is seldom worth a morning. A volume moves by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ..metrics import headline_rate
from ..price_table import PriceTable
from ..rollout.usual import LEAST_BASELINE_H, LEAST_BUCKETS, Seen, seen, with_usual
from ..schema import COHORT, Cohort, cohorts_of
from .baseline import DAY, Baseline, Span
from .covered import Coverage, covered, rhythm_of
from .list_price import Sums, at_list_prices, in_all, ratio_of
from .parts import Change, Comparison, Part, Unjudged, cohort_name
from .series import HOUR, MTOK, Which, by_hour, scale_of, stretch, together, unknown_share
from .volume import UNREPORTED as FEW_UNKNOWN
from .volume import by_day, usual_volume

LARGE = 0.05  # of the prompt tokens of the week or its baseline: a cohort that is judged by itself
UNREPORTED = 0.1  # of a cohort's input: what is known of the rest is not its rate
LEAST_BEFORE = 7 * DAY  # of the same pull: else a frozen baseline says which hours carry traffic
EVERYONE: tuple[Cohort, ...] = ((None, None),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """Both stretches by cohort, when they end, the number of comparisons, the bars."""

    week: pd.DataFrame
    base: pd.DataFrame
    ends: tuple[pd.Timestamp, pd.Timestamp | None]
    tests: int
    hours: float
    moved_share: float
    moved_volume_share: float
    priced: Sums
    covered: bool


def compare(
    usage: pd.DataFrame,
    usd: pd.Series,
    week: Span,
    baseline: Baseline,
    base_usd: pd.Series,
    *,
    moved_share: float,
    moved_volume_share: float,
    prices: PriceTable | None = None,
) -> Comparison:
    """The rows of *usage* in *week* beside *baseline*.

    usage          settled usage; usd, base_usd: cost of each of its rows and of the baseline's
    moved_share    the bar of hit rate and cost; moved_volume_share: that of the volume
    prices         rows that go before the price list's
    """
    inside = (usage["bucket_end"] > week[0]) & (usage["bucket_start"] < week[1])
    measure = headline_rate(usage[inside])
    now, base = by_hour(usage[inside], usd[inside], measure), _before(baseline, base_usd, measure)
    earlier = usage[usage["bucket_end"] <= week[0]]
    groups = _groups(now, _lately(base, baseline, earlier))
    coverage = _coverage(usage[inside], week, baseline, earlier)
    scene = _Scene(
        week=now, base=base, tests=3 * (len(groups) + 1), hours=(week[1] - week[0]) / HOUR,
        ends=(week[1], _end(baseline, week)), moved_share=moved_share,
        moved_volume_share=moved_volume_share,
        priced=at_list_prices(
            baseline.usage, base_usd.loc[baseline.usage.index], usage[inside], prices
        ),
        covered=coverage.enough,
    )  # fmt: skip
    every = dict.fromkeys(EVERYONE, in_all(scene.priced))
    whole = replace(scene, week=together(now), base=together(base), priced=every)
    total = _part(whole, EVERYONE, "all traffic")
    return Comparison(
        week=week,
        measure=measure,
        baseline=baseline,
        total=total,
        parts=tuple(_part(scene, members, name) for members, name in groups),
        curve=_curve(whole),
        coverage=coverage,
        unreported=unknown_share(now),
        known_share=_known_share(now, base),
        base_hours=_hours(whole.base),
        base_buckets=len(_rated(whole.base)),
        unjudged=_unjudged(whole, total),
    )


def _before(baseline: Baseline, usd: pd.Series, measure: str) -> pd.DataFrame:
    return by_hour(baseline.usage, usd.loc[baseline.usage.index], measure)


def _end(baseline: Baseline, week: Span) -> pd.Timestamp | None:
    """Where the days of the baseline are counted from; those that roll, from the week."""
    if baseline.window is None:
        return None
    return baseline.window[1] if baseline.frozen else week[0]


def _lately(base: pd.DataFrame, baseline: Baseline, earlier: pd.DataFrame) -> pd.DataFrame:
    """*base* without the cohorts that went long ago: a frozen baseline would tell of them anew
    each week."""
    if not baseline.frozen or earlier.empty:
        return base
    there = set(cohorts_of(earlier[COHORT].drop_duplicates()))
    return base[[cohort in there for cohort in base["cohort"]]]


def _coverage(
    inside: pd.DataFrame, week: Span, baseline: Baseline, earlier: pd.DataFrame
) -> Coverage:
    """What of the hours that carried traffic in the days before, or in the baseline, is there."""
    short = earlier.empty or week[0] - earlier["bucket_start"].min() < LEAST_BEFORE
    before = baseline.usage if baseline.frozen and short else earlier
    hours = round((week[1] - week[0]) / HOUR)
    return covered(inside, hours, rhythm_of(before, week[1], hours))


def _known_share(now: pd.DataFrame, base: pd.DataFrame) -> float:
    there = set(base.loc[base["prompt"] > 0, "cohort"])
    known = [cohort in there for cohort in now["cohort"]]
    whole = float(now["prompt"].sum())
    return float(now.loc[known, "prompt"].sum()) / whole if whole > 0 else 1.0


def _hours(base: pd.DataFrame) -> float:
    """Hours of *base* with a rate."""
    rated = _rated(base)
    return float((rated["end"] - rated["at"]).dt.total_seconds().sum() / HOUR.total_seconds())


def _rated(base: pd.DataFrame) -> pd.DataFrame:
    return base.loc[base["tokens"] > 0, ["at", "end"]].drop_duplicates()


def _unjudged(whole: _Scene, total: Part) -> Unjudged:
    """Why *total* has no usual rate."""
    if total.rate.way != "unknown":
        return ""
    base, now = whole.base, whole.week
    if not (base["prompt"] > 0).any():
        return "no_baseline"
    if not (base["tokens"] > 0).any() or unknown_share(now) > UNREPORTED:
        return "not_reported"
    if not (now["tokens"] > 0).any():
        return "no_traffic" if not (now["prompt"] > 0).any() else "not_reported"
    if _hours(base) < LEAST_BASELINE_H or len(_rated(base)) < LEAST_BUCKETS:
        return "short_baseline"
    return "reads_nothing"


def _groups(now: pd.DataFrame, base: pd.DataFrame) -> list[tuple[tuple[Cohort, ...], str]]:
    """Large cohorts each, the largest first; the small ones together. None for a single one.

    A cohort is as large as its share of the week, or of the baseline where that is larger: one
    that shrank, or went, is no small one.
    """
    size: dict[Cohort, float] = {}
    for hours in (now, base):
        whole = float(hours["prompt"].sum() + hours["unknown"].sum())
        tokens: dict[Cohort, float] = {}
        sums = hours["prompt"].fillna(0.0) + hours["unknown"]
        for cohort, prompt in zip(hours["cohort"], sums, strict=True):
            tokens[cohort] = tokens.get(cohort, 0.0) + prompt
        for cohort, own in tokens.items():
            size[cohort] = max(size.get(cohort, 0.0), own / whole if whole > 0 else 1.0)
    if len(size) < 2:
        return []
    ordered = sorted(size, key=lambda c: (-size[c], c[0] or "", c[1] or ""))
    small = tuple(c for c in ordered if size[c] < LARGE)
    found: list[tuple[tuple[Cohort, ...], str]] = [
        ((c,), cohort_name(c)) for c in ordered if c not in small
    ]
    if len(small) == 1:
        return [*found, (small, cohort_name(small[0]))]
    return [*found, (small, f"{len(small)} smaller cohorts")] if small else found


def _part(scene: _Scene, members: tuple[Cohort, ...], name: str) -> Part:
    own = scene.week[scene.week["cohort"].isin(members)]
    rate, lost = _rate(scene, members, own)
    usd, prompt = own["usd"].sum(skipna=False), own["prompt"].sum()
    dear = float(usd) / (prompt / MTOK) if prompt > 0 and not pd.isna(usd) else None
    unknown = unknown_share(own)
    requests = own["requests"].sum(min_count=1)
    return Part(
        label=name,
        members=members,
        rate=rate,
        cost=_cost(scene, members, dear),
        volume=_volume(scene, members, float(prompt) if unknown <= FEW_UNKNOWN else None),
        usd=None if pd.isna(usd) else float(usd),
        requests=None if pd.isna(requests) else float(requests),
        list_price=ratio_of(scene.priced, members),
        lost_tokens=lost,
        is_new=not scene.base.empty and not scene.base["cohort"].isin(members).any(),
        is_gone=own.empty and scene.covered,
    )


def _rate(
    scene: _Scene, members: Sequence[Cohort], own: pd.DataFrame
) -> tuple[Change, tuple[float, float, float] | None]:
    tokens = own["tokens"].sum()
    now = float(own["read"].sum() / tokens) if tokens > 0 else None
    found = _judged(scene, members, "rate", 1.0)
    bar = scene.moved_share
    if found is None or unknown_share(own) > UNREPORTED:
        return Change(now=now, bar_share=bar), None
    lost = tuple((found.usual - x) * found.tokens for x in (found.rate, found.high, found.low))
    change = Change(
        now=found.rate, usual=found.usual, low=found.low, high=found.high, bar_share=bar
    )
    return change, (lost[0], lost[1], lost[2])


def _cost(scene: _Scene, members: Sequence[Cohort], now: float | None) -> Change:
    scale = scale_of([scene.week, scene.base], "cost")
    found = None if now is None else _judged(scene, members, "cost", scale)
    bar = scene.moved_share
    if found is None:
        return Change(now=now, bar_share=bar)
    return Change(
        now=found.rate * scale, usual=found.usual * scale, low=found.low * scale,
        high=found.high * scale, bar_share=bar,
    )  # fmt: skip


def _volume(scene: _Scene, members: Sequence[Cohort], now: float | None) -> Change:
    bar, ends = scene.moved_volume_share, scene.ends
    found = None
    if ends[1] is not None and scene.covered and now is not None:
        now_days, base_days = (
            by_day(hours, members, end)
            for hours, end in ((scene.week, ends[0]), (scene.base, ends[1]))
        )
        found = usual_volume(now, now_days, base_days, scene.tests)
    if found is None:
        return Change(now=now, bar_share=bar)
    return Change(now=now, usual=found[0], low=found[1], high=found[2], bar_share=bar)


def _judged(
    scene: _Scene, members: Sequence[Cohort], which: Which, scale: float
) -> Seen | None:  # fmt: skip
    base = stretch(scene.base, members, which, scale)
    base = base[base["tokens"] > 0].reset_index(drop=True)
    if base.empty:
        return None
    base = base.assign(usual=with_usual(base, base))
    now = stretch(scene.week, members, which, scale)
    return seen(now.assign(usual=with_usual(now, base)), base, scene.hours, scene.tests)


def _curve(whole: _Scene) -> pd.DataFrame:
    """By hour: rate of all traffic, and the usual one."""
    now = stretch(whole.week, EVERYONE, "rate", 1.0)
    base = stretch(whole.base, EVERYONE, "rate", 1.0)
    base = base[base["tokens"] > 0]
    usual = with_usual(now, base) if len(base) else float("nan")
    rate = now["read"] / now["tokens"].where(now["tokens"] > 0)
    return pd.DataFrame({"at": now["at"], "rate": rate, "usual": usual, "tokens": now["tokens"]})
