"""What of the cost was excess, and the most that a cold start can explain of it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from .causes.case import Case
from .causes.facts import rows_of
from .cost import MTOK, Costed
from .pricing import RATES, PriceBook, UnitPrice, unit_price
from .schema import CACHE_WRITE, INPUT

Floats = npt.NDArray[np.float64]

CACHE_PATTERNS = {"gone", "uncached", "rewriting", "rewritten_once"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure in USD with a 95 % interval; NaN where it cannot be had, with the reason."""

    value: float
    low: float
    high: float
    reason: str = ""

    def to_dict(self) -> dict[str, float | str | None]:
        """For findings.json: NaN becomes null."""
        return {
            "value": _null(self.value),
            "low": _null(self.low),
            "high": _null(self.high),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """What a cold cache can have cost at most, and what was seen.

    ceiling_usd    one write instead of one read for all that was live at the cutover
    observed_usd   writes above the baseline within one lifetime of the cutover, at that premium
    persisted_usd  excess that accrued later than one lifetime after traffic stopped moving
    ttl_s          the lifetime
    """

    ceiling_usd: float
    observed_usd: float
    persisted_usd: float
    ttl_s: float

    def to_dict(self) -> dict[str, float | None]:
        """For findings.json."""
        return {
            "ceiling_usd": _null(self.ceiling_usd),
            "observed_usd": _null(self.observed_usd),
            "persisted_after_ttl_usd": _null(self.persisted_usd),
            "ttl_s": self.ttl_s,
        }


def excess(case: Case, usage: pd.DataFrame, priced: Costed) -> Estimate:
    """Actual cost minus that of the same requests with the moved factor back at its baseline.

    Cache patterns: the split over reads, writes and uncached input, at the prices that held.
    Other patterns: output, length or volume likewise. A dearer list price that came with a
    chosen version is no excess. The interval comes from how the counterfactual cost of a token
    varied between the days of the baseline (Student's t; days taken as independent).
    """
    if case.pattern in CACHE_PATTERNS:
        return _split_excess(case, *_windows(case, usage), priced.book)
    if case.pattern == "dearer" and case.changes:
        return Estimate(value=0.0, low=0.0, high=0.0, reason="a dearer price that was chosen")
    rise = case.incident.after
    inside = _windows(case, usage)[1]
    own = [inside.index[rows_of(inside, c.cohort)] for c in case.affected] or [inside.index]
    actual = float(sum(priced.usd[index].sum(skipna=False) for index in own))
    if np.isnan(actual):
        return _unknown("tokens without a price")
    value = actual * (1 - 1 / rise) if rise > 0 else float("nan")
    return Estimate(value=value, low=float("nan"), high=float("nan"), reason="no interval yet")


def cold_start(case: Case, usage: pd.DataFrame, priced: Costed) -> ColdStart | None:
    """The cold-start ceiling of the cohorts that moved and fell; None if none moved.

    Every prefix live at the cutover T was touched within one lifetime before T, so the tokens
    read or written in the buckets that cover [T - TTL, T) are at least those that were live:
    an upper bound, tight when buckets are short against the lifetime.
    """
    if not case.moved or case.pattern not in CACHE_PATTERNS:
        return None
    ttl = pd.Timedelta(seconds=case.longest_ttl_s)
    ceiling = observed = 0.0
    settled = case.incident.start
    for cohort in case.moved:
        change = cohort.change
        if change is None:
            continue
        own = usage[rows_of(usage, cohort.cohort)]
        card = unit_price(change.provider, change.to_model, change.start.date())
        if not isinstance(card, UnitPrice):
            return None
        premium = _write_premium(card, case.longest_ttl_s)
        touched = (own["bucket_end"] > change.start - ttl) & (own["bucket_start"] < change.start)
        ceiling += _sum(own.loc[touched, ["cache_read_tokens", *CACHE_WRITE]]) * premium / MTOK
        stop = change.start_high if change.end is None else change.end
        warming = (own["bucket_start"] >= change.start) & (own["bucket_start"] < stop + ttl)
        new = own[warming & (own["model"] == change.to_model)]
        usual = cohort.before.write_share * _sum(new[INPUT])
        observed += max(0.0, _sum(new[CACHE_WRITE]) - usual) * premium / MTOK
        settled = max(settled, stop + ttl)
    base, inside = _windows(case, usage)
    persisted = _split_excess(case, base, inside[inside["bucket_start"] >= settled], priced.book)
    return ColdStart(
        ceiling_usd=ceiling,
        observed_usd=observed,
        persisted_usd=persisted.value,
        ttl_s=case.longest_ttl_s,
    )


def _split_excess(
    case: Case, base: pd.DataFrame, inside: pd.DataFrame, book: PriceBook
) -> Estimate:
    """Input cost of *inside* minus the same input at the split of *base*, cohort by cohort."""
    value = variance = 0.0
    units: list[int] = []
    for cohort in case.affected:
        before, during = base[rows_of(base, cohort.cohort)], inside[rows_of(inside, cohort.cohort)]
        if pd.concat([before, during])["uncached_input_tokens"].isna().any():
            return _unknown("uncached input is not reported")
        tokens = during[INPUT].astype("float64").fillna(0.0).to_numpy()
        rate = book.rates.loc[during.index, RATES[:-1]].astype("float64").to_numpy()
        mean_rate, actual = _mean_rate(tokens, rate)
        if np.isnan(actual):
            return _unknown("tokens without a price")
        mtok = float(tokens.sum()) / MTOK
        value += actual - mtok * _split_price(before, mean_rate)
        spread, days = _day_spread(before, mean_rate)
        later = max(1, during["bucket_start"].dt.floor("D").nunique())
        variance += (spread * mtok) ** 2 * (1 / days + 1 / later)
        units.append(days)
    if not units:
        return _unknown("no cohort fell")
    if min(units) < 3:
        nan = float("nan")
        return Estimate(value=value, low=nan, high=nan, reason="a baseline under three days")
    reach = float(stdtrit(min(units) - 1, 0.975)) * variance**0.5
    return Estimate(value=value, low=value - reach, high=value + reach)


def _mean_rate(tokens: Floats, rate: Floats) -> tuple[Floats, float]:
    """Rates of each input class, weighted by all input of a row, and the actual cost in USD."""
    weight = tokens.sum(axis=1, keepdims=True)
    mean = np.nansum(np.where(np.isnan(rate), 0, rate) * weight, axis=0) / max(weight.sum(), 1)
    mean = np.where(np.isnan(rate).all(axis=0), np.nan, mean)
    actual = np.where(tokens > 0, tokens * rate, 0.0).sum() / MTOK
    return mean, float(actual)


def _split_price(rows: pd.DataFrame, rate: Floats) -> float:
    """USD per million input tokens with the split of *rows* at *rate*."""
    sums = rows[INPUT].astype("float64").sum().to_numpy()
    if not sums.sum() > 0:
        return float("nan")
    return float(np.where(sums > 0, sums * rate, 0.0).sum() / sums.sum())


def _day_spread(rows: pd.DataFrame, rate: Floats) -> tuple[float, int]:
    """Standard deviation between days of the split's price, and the number of days."""
    by_day = rows.groupby(rows["bucket_start"].dt.floor("D"))
    prices = np.array([_split_price(day, rate) for _, day in by_day])
    prices = prices[~np.isnan(prices)]
    return (float(prices.std(ddof=1)) if len(prices) > 1 else float("nan")), max(1, len(prices))


def _windows(case: Case, usage: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the frozen baseline and of the whole incident."""
    low, high = case.incident.baseline
    base = usage[(usage["bucket_start"] >= low) & (usage["bucket_end"] <= high)]
    inside = usage["bucket_start"] >= case.incident.start
    if case.incident.end is not None:
        inside &= usage["bucket_start"] < case.incident.end
    return base, usage[inside]


def _write_premium(card: UnitPrice, ttl_s: float) -> float:
    """USD per million tokens that a write costs over a read; uncached where writes are free."""
    write = card.cache_write_5m_usd_per_mtok
    if ttl_s > 300 and card.cache_write_1h_usd_per_mtok is not None:
        write = card.cache_write_1h_usd_per_mtok
    write = write if write is not None else card.cache_write_other_usd_per_mtok
    write = write if write is not None else card.uncached_input_usd_per_mtok
    read = card.cache_read_usd_per_mtok
    return float("nan") if write is None or read is None else write - read


def _sum(frame: pd.DataFrame) -> float:
    return float(frame.astype("float64").sum().sum())


def _unknown(reason: str) -> Estimate:
    nan = float("nan")
    return Estimate(value=nan, low=nan, high=nan, reason=reason)


def _null(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
