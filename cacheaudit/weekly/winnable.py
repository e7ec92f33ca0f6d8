"""What a week could still save, in USD, each with its assumption; no traffic is counted twice.

In this order, and traffic that one of them has taken is left out of the next:

    incident         the run rate of one that is open, for a week. More traffic is no loss, and of
                     two in the same cohorts the dearer counts, unless one lies inside the other:
                     there each has its own money
    below_baseline   reads that a cohort lost against its baseline, at this week's own prices
    hardly_read      what caching cost a cohort on a version above what it saved: the premium of all
                     writes over plain input, less the saving of all reads. Billing tells it exactly

A cohort of which an incident closed is in neither of the last two: what it lost is back, and its
week is none like the next. Input that was not cached looks the same in billing whether it could
have been or not. It is no part of this: a request log would tell.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..excess import Estimate, RunRate
from ..pricing import RATES
from ..schema import CACHE_WRITE, COHORT, TOKENS, Cohort, cohorts_of, label
from .parts import Comparison, Part, cohort_name
from .told import Told

DAYS, DAY = 7.0, pd.Timedelta("1D")
LEAST_SHARE = 0.01  # of the week's cost: less is not worth a line
Kind = Literal["incident", "below_baseline", "hardly_read"]
WRITES = [TOKENS.index(name) for name in CACHE_WRITE]
UNCACHED, READ = TOKENS.index("uncached_input_tokens"), TOKENS.index("cache_read_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Win:
    """Something to win: USD a week, and what that takes for granted."""

    kind: Kind
    about: str
    usd_per_week: Estimate
    assumes: str

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {"kind": self.kind, "about": self.about, "assumes": self.assumes,
                "usd_per_week": self.usd_per_week.to_dict()}  # fmt: skip


def winnable(
    open_: Sequence[Told],
    closed: Sequence[Told],
    found: Comparison,
    week: pd.DataFrame,
    rates: pd.DataFrame,
    usd: pd.Series,
) -> tuple[Win, ...]:
    """What could be won, the largest first.

    open_, closed   incidents (told.py)
    week     usage rows of the week;  rates, usd: their prices (pricing.RATES) and costs
    """
    wins = _of_incidents(open_)
    taken, times = _cohorts_of((*open_, *closed)), DAYS * DAY / (found.week[1] - found.week[0])
    if all(one.found.case.affected for one in (*open_, *closed)):  # else it is all traffic
        keys = _keys(week)
        least = LEAST_SHARE * float(usd.sum()) * times
        for part in found.parts or (found.total,):
            members = set(part.members) if found.parts else set(keys)
            if part.rate.way == "down" and not members & taken:
                win = _of_part(part, week[keys.isin(members)], rates, times)
                if win is not None and win.usd_per_week.value >= least:
                    wins.append(win)
                    taken |= members
        wins += _hardly_read(week[~keys.isin(taken)], rates, times, least)
    return tuple(sorted(wins, key=lambda win: -win.usd_per_week.value))


def _cohorts_of(told: Sequence[Told]) -> set[Cohort]:
    return {c.cohort for one in told for c in one.found.case.affected}


def _keys(rows: pd.DataFrame) -> pd.Series:
    return pd.Series(cohorts_of(rows), index=rows.index, dtype=object)


def _of_incidents(open_: Sequence[Told]) -> list[Win]:
    found = [(one, win) for one in open_ if (win := _of_incident(one)) is not None]
    found.sort(key=lambda pair: -pair[1].usd_per_week.value)
    alone = [pair for pair in found if pair[0].found.incident.inside is None]
    wins: list[Win] = []
    counted: list[set[Cohort]] = []
    for one, win in alone:
        own = {c.cohort for c in one.found.case.affected}
        if not any(not own or not other or own & other for other in counted):
            wins.append(win)
            counted.append(own)
    return wins + [win for one, win in found if one.found.incident.inside is not None]


def _of_incident(one: Told) -> Win | None:
    rate = one.found.run_rate
    if rate is None or one.found.incident.measure == "volume":
        return None
    if pd.isna(rate.per_day.value) or rate.per_day.value <= 0:
        return None
    who = [c.cohort for c in one.found.case.affected]
    return Win(
        kind="incident",
        about=", ".join(map(cohort_name, who)) or "all traffic",
        usd_per_week=a_week_of(rate),
        assumes="it goes on as in its last days, and a fix brings the baseline back",
    )


def a_week_of(rate: RunRate) -> Estimate:
    """The next seven days of *rate*; what is unsure of the past days stays in the interval."""
    value, ahead = rate.per_day.value * DAYS, rate.projected(rate.until + pd.Timedelta(days=DAYS))
    return Estimate(
        value=value,
        low=value - (ahead.value - ahead.low),
        high=value + (ahead.high - ahead.value),
        reason=ahead.reason,
    )


def _of_part(part: Part, rows: pd.DataFrame, rates: pd.DataFrame, times: float) -> Win | None:
    """Lost reads at what the rest of this input cost above a read."""
    if part.lost_tokens is None:
        return None
    tokens, price = _matrices(rows, rates)
    apart = [UNCACHED, *WRITES]
    rest, paid = tokens[:, apart].sum(), (tokens[:, apart] * price[:, apart]).sum()
    read = np.average(price[:, READ], weights=tokens[:, [READ, *apart]].sum(axis=1))
    if not rest > 0 or np.isnan(paid) or np.isnan(read):
        return None
    most, low, high = (lost * (paid / rest - read) / 1e6 * times for lost in part.lost_tokens)
    if not most > 0:  # what costs nothing saves nothing
        return None
    return Win(
        kind="below_baseline",
        about=part.label,
        usd_per_week=Estimate(value=float(most), low=float(low), high=float(high)),
        assumes="its hit rate is back at its baseline, at this week's prices and volume",
    )


def _hardly_read(
    rows: pd.DataFrame, rates: pd.DataFrame, times: float, least: float
) -> Iterator[Win]:
    """Cohorts on a version whose writes cost more than their reads saved."""
    for (scope, route, model), own in rows.groupby([*COHORT, "model"], dropna=False):
        tokens, price = _matrices(own, rates)
        premium = (tokens[:, WRITES] * (price[:, WRITES] - price[:, [UNCACHED]])).sum()
        saved = (tokens[:, READ] * (price[:, UNCACHED] - price[:, READ])).sum()
        lost = (premium - saved) / 1e6 * times
        if not np.isnan(lost) and lost > 0 and lost >= least:
            yield Win(
                kind="hardly_read",
                about=f"{cohort_name((label(scope), label(route)))} on {label(model)}",
                usd_per_week=Estimate(
                    value=float(lost), low=float("nan"), high=float("nan"),
                    reason="counted from billing, no estimate",
                ),
                assumes="the same input is sent without cache markers",
            )  # fmt: skip


def _matrices(
    rows: pd.DataFrame, rates: pd.DataFrame
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(tokens, USD per million of each class), (n, classes); a price of no tokens is 0."""
    tokens = rows[TOKENS].to_numpy("float64", na_value=0.0)
    price = rates.loc[rows.index, RATES].to_numpy("float64", na_value=np.nan)
    used = tokens > 0
    used[:, [UNCACHED, READ]] = True  # both are compared with, whether or not they were used
    return tokens, np.where(used, price, 0.0)
