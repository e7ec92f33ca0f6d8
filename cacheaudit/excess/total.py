"""The excess of an incident, over all cohorts that it is in."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ..causes.case import Case
from ..causes.facts import CohortFacts, rows_of
from ..causes.pattern import LOST_READS
from ..cost import Costed
from ..incidents import RATES, Incident
from ..schema import BUCKET, COHORT, COUNTS
from .curve import DAY_HOURS, ExcessCurve, curve_of, hours, without_interval
from .estimate import NAN, Estimate, Floats, Gap, Ints, exact, together
from .gaps import Days, days_of
from .splits import split_gap
from .units import unit_gap, volume_gap
from .usual import HOUR, hours_since_epoch, whole

LONGEST_TAIL_S = 3600.0  # of a dip: how long after its end entries may still be missing
MOST_BEFORE = pd.Timedelta("3D")  # how far before its start an incident is looked for


def excess(case: Case, usage: pd.DataFrame, priced: Costed) -> Estimate:
    """Actual cost minus that of the same requests with the moved factor back at its baseline."""
    return excess_curve(case, usage, priced).total


def excess_curve(case: Case, usage: pd.DataFrame, priced: Costed) -> ExcessCurve:
    """The excess of *case* by bucket.

    An incident in a hit rate: the split over reads, writes and uncached input, hour of the day by
    hour of the day, at the prices that held. Others: output or input per request, cost of an
    hour. A dearer list price that came with a chosen version is no excess.
    """
    low, high = _span(case)
    base, near = windows(case, usage, low, high)
    start, end = hours(case.incident.start), _end(case, near)
    if case.pattern == "dearer":
        return _dearer(case, near, priced, start, end)
    days = replace(days_of(base, near), by_day=end - start > DAY_HOURS)
    gaps = [_gap(c, case, base, near, priced, days) for c in case.affected or (None,)]
    interval = (hours(case.incident.start_low), hours(case.incident.start_high))
    return curve_of(together(gaps), start, end, *interval)


def charge_curve(incident: Incident, charged: pd.DataFrame) -> ExcessCurve:
    """What was charged in the incident beyond the ratio to the price list that held before.

    charged   `charged_usd`, `priced_usd` by day (quality.charged_by_day)
    """
    low, high = incident.baseline
    days = pd.DatetimeIndex(charged.index)
    base = charged[(days >= low) & (days < high)].sum()
    inside = days >= incident.start
    if incident.end is not None:
        inside &= days < incident.end
    rows = charged[inside]
    usual = float(base["charged_usd"] / base["priced_usd"])
    usd = (rows["charged_usd"] - usual * rows["priced_usd"]).to_numpy("float64")
    at = hours_since_epoch(pd.Series(days[inside]))
    return without_interval(exact(float(usd.sum()), "a price has no spread"), _plain(at, usd))


def gap(
    cohort: CohortFacts | None, case: Case, base: pd.DataFrame, inside: pd.DataFrame, priced: Costed
) -> Gap:
    """Excess of *cohort*, or of all traffic where no cohort is singled out, in rows of *inside*."""
    return _gap(cohort, case, base, inside, priced, days_of(base, inside))


def _gap(
    cohort: CohortFacts | None,
    case: Case,
    base: pd.DataFrame,
    inside: pd.DataFrame,
    priced: Costed,
    days: Days,
) -> Gap:
    own, later = base, inside
    if cohort is not None:
        own = base[rows_of(base, *cohort.heirs_of)]
        later = inside[rows_of(inside, cohort.cohort)]
    if case.in_a_rate or case.pattern in LOST_READS:
        return split_gap(own, later, priced.book, days)
    if case.pattern == "more_requests":
        opens = [_open_hours(rows, case.width) for rows in (base, inside)]
        return volume_gap(own, later, priced, days, *opens)
    return unit_gap(case, own, later, priced, days)


def windows(
    case: Case,
    usage: pd.DataFrame,
    first: pd.Timestamp | None = None,
    last: pd.Timestamp | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the frozen baseline and of the whole incident: buckets, cohorts and counts.

    first, last   where to look for it instead, [first, last); None: its start, its end
    """
    usage = usage[[*BUCKET, *COHORT, *COUNTS]]  # other labels take long to copy
    low, high = case.incident.baseline
    base = usage[(usage["bucket_start"] >= low) & (usage["bucket_end"] <= high)]
    inside = usage["bucket_start"] >= (case.incident.start if first is None else first)
    until = case.incident.end if last is None else last
    if until is not None:
        inside &= usage["bucket_start"] < until
    return base, usage[inside]


def _span(case: Case) -> tuple[pd.Timestamp, pd.Timestamp | None]:
    """Where the incident may lie: a bucket more on either side, a ramp that led to it, and after
    its end as long as entries that were lost may take to come back."""
    one, at = case.incident, case.incident.start
    if one.measure not in RATES:
        return at, one.end
    moves = [c.change.start for c in case.moved if c.change is not None]
    low = max(min([one.start_low, at - case.width, *moves]), at - MOST_BEFORE)
    if one.end is None:
        return low, None
    tail = pd.Timedelta(seconds=min(case.longest_ttl_s, LONGEST_TAIL_S))
    return low, one.end + max(case.width, tail)


def _end(case: Case, inside: pd.DataFrame) -> float:
    if case.incident.end is not None:
        return hours(case.incident.end)
    if inside.empty:
        return hours(case.incident.start)
    return hours(inside["bucket_end"].max())


def _dearer(
    case: Case, inside: pd.DataFrame, priced: Costed, start: float, end: float
) -> ExcessCurve:
    """A dearer list price of the same version; nothing where a version was chosen."""
    rows = case.affected_rows(inside)
    at = hours_since_epoch(rows["bucket_start"])
    share = 0.0 if case.changes else 1 - 1 / case.list_price_ratio
    usd = priced.usd.loc[rows.index].to_numpy("float64") * share
    kept = (at >= start) & (at < end)
    if case.changes:
        nothing = Estimate(value=0.0, low=0.0, high=0.0, reason="a dearer price that was chosen")
        return without_interval(nothing, _plain(at[kept], np.zeros(int(kept.sum()))))
    value = float(usd[kept].sum())
    return without_interval(exact(value, "a price has no spread"), _plain(at[kept], usd[kept]))


def _plain(at: Floats, usd: Floats) -> Gap:
    """A gap that strays by nothing."""
    starts, place = np.unique(at, return_inverse=True)
    sums = np.bincount(place, weights=usd, minlength=len(starts))
    return Gap(
        starts=starts,
        usd=np.asarray(sums, dtype=np.float64),
        stray=np.full((1, len(starts)), NAN),
        days=0,
    )


def _open_hours(rows: pd.DataFrame, width: pd.Timedelta) -> Ints:
    """Hours since 1970 in which a bucket of *width* may start, on the days that *rows* have."""
    if rows.empty:
        return np.zeros(0, dtype=np.int64)
    starts = hours_since_epoch(rows["bucket_start"])
    step = max(1, int(width / HOUR))
    every = np.arange(whole(starts).min(), int(np.ceil(starts.max())) + 1, step)
    return every[np.isin(every // 24, np.unique(whole(starts) // 24))]
