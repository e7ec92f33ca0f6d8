"""The excess of an incident, over all cohorts that it is in."""

import pandas as pd

from ..causes.case import Case
from ..causes.facts import CohortFacts, rows_of
from ..causes.pattern import LOST_READS
from ..cost import Costed
from ..incidents import Incident
from ..schema import BUCKET, COHORT, COUNTS
from .estimate import Estimate, Gap, exact, total
from .splits import split_gap
from .units import unit_gap


def excess(case: Case, usage: pd.DataFrame, priced: Costed) -> Estimate:
    """Actual cost minus that of the same requests with the moved factor back at its baseline.

    An incident in a hit rate: the split over reads, writes and uncached input, hour of the day by
    hour of the day, at the prices that held. Others: output or input per request, requests per
    day. A dearer list price that came with a chosen version is no excess. The interval comes from
    how the baseline's days differ (Student's t; days taken as independent).
    """
    base, inside = windows(case, usage)
    if case.pattern == "dearer":
        if case.changes:
            return Estimate(value=0.0, low=0.0, high=0.0, reason="a dearer price that was chosen")
        actual = _usd(inside, priced, case)
        return exact(actual * (1 - 1 / case.list_price_ratio), "a price has no spread")
    gaps = [gap(c, case, base, inside, priced) for c in case.affected or (None,)]
    return total(gaps)


def charge_excess(incident: Incident, charged: pd.DataFrame) -> Estimate:
    """What was charged in the incident beyond the ratio to the price list that held before.

    charged   `charged_usd`, `priced_usd` by day (quality.charged_by_day)
    """
    low, high = incident.baseline
    days = pd.DatetimeIndex(charged.index)
    base = charged[(days >= low) & (days < high)].sum()
    inside = days >= incident.start
    if incident.end is not None:
        inside &= days < incident.end
    rows = charged[inside].sum()
    usual = float(base["charged_usd"] / base["priced_usd"])
    value = float(rows["charged_usd"] - usual * rows["priced_usd"])
    return exact(value, "a price has no spread")


def gap(
    cohort: CohortFacts | None, case: Case, base: pd.DataFrame, inside: pd.DataFrame, priced: Costed
) -> Gap:
    """Excess of *cohort*, or of all traffic where no cohort is singled out."""
    if cohort is not None:
        base = base[rows_of(base, *cohort.heirs_of)]
        inside = inside[rows_of(inside, cohort.cohort)]
    if case.in_a_rate or case.pattern in LOST_READS:
        return split_gap(base, inside, priced.book)
    return unit_gap(case, base, inside, priced)


def windows(case: Case, usage: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the frozen baseline and of the whole incident: buckets, cohorts and counts."""
    usage = usage[[*BUCKET, *COHORT, *COUNTS]]  # other labels take long to copy
    low, high = case.incident.baseline
    base = usage[(usage["bucket_start"] >= low) & (usage["bucket_end"] <= high)]
    inside = usage["bucket_start"] >= case.incident.start
    if case.incident.end is not None:
        inside &= usage["bucket_start"] < case.incident.end
    return base, usage[inside]


def _usd(rows: pd.DataFrame, priced: Costed, case: Case) -> float:
    return float(priced.usd.loc[case.affected_rows(rows).index].sum(skipna=False))
