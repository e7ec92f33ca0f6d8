"""A fall of the hit rate, planted in a real history: reads that became writes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..causes.facts import rows_of
from ..metrics import floats, overall_metrics
from ..schema import CACHE_WRITE, COHORT, INPUT, Cohort, label
from .quiet import BEFORE, ROOM, Quiet
from .watch import DAY

UNCACHED = "uncached_input_tokens"
READ = "cache_read_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A cohort in which a fall can be planted: its share of all input, and its headline rate."""

    cohort: Cohort
    share: float
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where and when a fall begins."""

    plot: Plot
    at: pd.Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """usage with the fall; turned: share of reads that became writes; clipped: not all of the
    points fitted into the rate."""

    usage: pd.DataFrame
    turned: float
    clipped: bool


def plots_of(quiet: Quiet) -> tuple[Plot, ...]:
    """Cohorts whose hit rate is watched and that read from the first day to the last, the busiest
    first."""
    usage = quiet.usage
    rated = {s.cohort for s in quiet.series if s.measure in ("hit_rate", "read_share_of_cached")}
    alone = not any(cohort is not None for cohort in rated)
    size = usage[INPUT].sum(axis=1).astype("float64")
    found = []
    for (scope, route), rows in usage.groupby(COHORT, dropna=False):
        cohort = (label(scope), label(route))
        reading = rows[rows[READ].fillna(0) > 0]
        first, last = reading["bucket_start"].min(), reading["bucket_end"].max()
        if reading.empty or not (alone or cohort in rated):
            continue
        if first < quiet.start + DAY and last > quiet.end - DAY:
            whole = overall_metrics(rows)
            rate = whole["hit_rate"] if whole["hit_rate"] > 0 else whole["read_share_of_cached"]
            if rate > 0:
                share = float(size[rows.index].sum() / size.sum())
                found.append(Plot(cohort=cohort, share=share, rate=float(rate)))
    return tuple(sorted(found, key=lambda p: (-p.share, str(p.cohort))))


def sites(
    quiet: Quiet, plots: tuple[Plot, ...], plants: int, rng: np.random.Generator
) -> Iterator[Site]:
    """*plants* places: every other one in a cohort drawn by its traffic, the others in the
    smallest third in turn; the time is drawn evenly, to the minute."""
    weight = np.array([p.share for p in plots])
    small = plots[-max(1, len(plots) // 3) :]
    minutes = int((quiet.end - ROOM - quiet.start - BEFORE) / pd.Timedelta("1min"))
    for i in range(plants):
        drawn = plots[int(rng.choice(len(plots), p=weight / weight.sum()))]
        at = quiet.start + BEFORE + pd.Timedelta(minutes=int(rng.integers(minutes)))
        yield Site(plot=small[i // 2 % len(small)] if i % 2 else drawn, at=at)


def plant(usage: pd.DataFrame, site: Site, points: float, rng: np.random.Generator) -> Planted:
    """*usage* in which the hit rate of *site*'s cohort falls by *points* from its time on.

    Of each read from then on, a share `points / rate` finds nothing. How many of a bucket do is
    drawn from a binomial over its requests that read, so that the fall has the noise of requests
    that miss one by one beside all that the traffic had; where requests are not counted, the share
    itself is taken. Of the bucket in which it begins, only the part after it falls. Tokens are
    conserved row by row: they are written at the lifetime that the cohort writes most, and not
    cached where it reports no writes. What is not reported stays so.
    """
    turned = min(1.0, points / site.plot.rate)
    mask = rows_of(usage, site.plot.cohort) & (usage["bucket_end"] > site.at)
    rows = usage[mask]
    reads = floats(rows, READ)
    moved = np.zeros(len(rows), dtype=np.int64)
    into = _destinations(usage[rows_of(usage, site.plot.cohort)])
    free = (np.nan_to_num(reads) > 0) & rows[into].notna().any(axis=1).to_numpy()
    share = turned * _after(rows, site.at)
    moved[free] = np.rint(reads[free] * _drawn(rows[free], share[free], rng)).astype(np.int64)
    changed = usage.copy()
    changed.loc[mask, READ] = rows[READ] - moved
    for column in into:  # the first that a row reports
        here = rows[column].notna().to_numpy()
        changed.loc[mask, column] = rows[column] + np.where(here, moved, 0)
        moved = np.where(here, 0, moved)
    return Planted(usage=changed, turned=turned, clipped=points > site.plot.rate)


def _destinations(rows: pd.DataFrame) -> list[str]:
    """Columns that take what is no longer read, the first that a row reports: the lifetimes that
    are written, the most written first, then uncached, then lifetimes reported as 0."""
    sums = rows[CACHE_WRITE].sum(min_count=1).dropna().sort_values(ascending=False, kind="stable")
    written = [str(c) for c in sums.index[sums > 0]]
    return [*written, UNCACHED, *(str(c) for c in sums.index[sums == 0])]


def _after(rows: pd.DataFrame, at: pd.Timestamp) -> np.ndarray:
    """Share of each bucket that lies after *at*, (n,)."""
    width = rows["bucket_end"] - rows["bucket_start"]
    return np.asarray(((rows["bucket_end"] - at) / width).clip(upper=1.0), dtype=np.float64)


def _drawn(rows: pd.DataFrame, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Share of each row's reads that turns, (n,): drawn where requests are counted."""
    inputs = rows[INPUT].sum(axis=1).astype("float64").to_numpy()
    reading = floats(rows, "requests") * floats(rows, READ) / inputs
    counted = ~np.isnan(reading)
    calls = np.maximum(1, np.rint(np.nan_to_num(reading))).astype(np.int64)
    return np.where(counted, rng.binomial(calls, share) / calls, share)
