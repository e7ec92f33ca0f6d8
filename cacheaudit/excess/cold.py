"""The most that a cold cache can have cost, what was seen of it, and what outlasted it."""

from dataclasses import dataclass

import pandas as pd

from ..causes.case import Case
from ..causes.facts import moved_by, rows_of
from ..cost import MTOK, Costed
from ..pricing import RATES, PriceBook
from ..rules import tokenizer_ratio
from ..schema import BUCKET, CACHE_WRITE, COHORT, INPUT
from .estimate import NAN, null, total
from .total import gap, windows


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
            "ceiling_usd": null(self.ceiling_usd),
            "observed_usd": null(self.observed_usd),
            "persisted_after_ttl_usd": null(self.persisted_usd),
            "ttl_s": self.ttl_s,
        }


def cold_start(case: Case, usage: pd.DataFrame, priced: Costed) -> ColdStart | None:
    """The cold-start ceiling of the cohorts that moved and fell; None if none moved.

    Every prefix live at the cutover T was touched within one lifetime before T, so the tokens
    that were read or written in the buckets that cover [T - TTL, T) are at least those that were
    live: an upper bound, tight when buckets are short against the lifetime. Of the bucket of the
    cutover, and of a ramp, what the old version served counts.
    """
    if not case.moved or not case.in_a_rate:
        return None
    base, inside = windows(case, usage)
    ttl = pd.Timedelta(seconds=case.longest_ttl_s)
    moves = [c.change.start for c in case.moved if c.change is not None]
    since_all = usage["bucket_end"] > min(moves, default=case.incident.start) - ttl
    usage = usage.loc[since_all, [*BUCKET, *COHORT, "model", *INPUT]]
    ceiling = observed = 0.0
    settled = case.incident.start
    for cohort in case.moved:
        change = cohort.change
        if change is None:
            continue
        own = usage[rows_of(usage, cohort.cohort, *cohort.heirs_of)]
        stop = moved_by(change) or change.start_high
        on_new = own["model"] == change.to_model
        near = (own["bucket_end"] > change.start - ttl) & (own["bucket_start"] < stop)
        touched = own[near & ~(on_new & (own["bucket_start"] >= change.start))]
        since = own["bucket_start"] >= change.start
        new = own[on_new & since & (own["bucket_start"] < stop + ttl)]
        premium = _write_premium(new, touched, priced.book)
        longer = (tokenizer_ratio(change.from_model or "", change.to_model) or (1.0, 1.0))[1]
        live = _sum(touched[["cache_read_tokens", *CACHE_WRITE]]) * longer
        ceiling += live * premium / MTOK
        usual = cohort.before.write_share * _sum(new[INPUT])
        observed += max(0.0, _sum(new[CACHE_WRITE]) - usual) * premium / MTOK
        settled = max(settled, stop + ttl)
    late = inside[inside["bucket_start"] >= settled]
    gaps = [gap(c, case, base, late, priced) for c in case.affected]
    return ColdStart(
        ceiling_usd=ceiling,
        observed_usd=observed,
        persisted_usd=total(gaps).value,
        ttl_s=case.longest_ttl_s,
    )


def _write_premium(new: pd.DataFrame, old: pd.DataFrame, book: PriceBook) -> float:
    """The most that writing a million tokens costs over reading them, at the prices of *new*.

    Of the lifetimes that were written before; where writes are free or not reported, what is not
    read is plain input.
    """
    rate = book.rates.loc[new.index, RATES[:-1]].astype("float64")
    used = [c for c in CACHE_WRITE if old[c].fillna(0).sum() > 0]
    paid = rate[[RATES[INPUT.index(c)] for c in used] or [RATES[0]]]
    return float(paid.max(axis=None) - rate[RATES[1]].min()) if len(rate) else NAN


def _sum(frame: pd.DataFrame) -> float:
    return float(frame.astype("float64").sum().sum())
