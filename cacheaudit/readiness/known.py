"""What is known of a migration's two versions, and how: given, measured or documented. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from ..aliases import standing
from ..aliases.lifecycle import fact
from ..aliases.standing import Standing
from ..errors import ParamError
from ..gates.readiness import Retirement
from ..live import Live
from ..model_ids import base_id
from ..price_table import PriceTable
from ..readiness_params import ReadinessParams
from ..replaying import Rules, rules_of
from ..rules import rule, tokenizer_ratio

Interval = tuple[float | None, float | None, float | None]  # low, value, high
UNKNOWN: Interval = (None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a migration's two versions.

    minimum_tokens   shortest prefix that the candidate caches; None where nobody has said
    minimum_from     "given", "measured" or the page that states it; "" where not known
    ratio            tokens on the candidate per token on the incumbent, lowest to highest
    ratio_from       likewise
    candidate_rate, incumbent_rate   hit rates of one probe, as (low, value, high)
    rules            of both versions, for a replay; None where a lifetime is not known, and then
    rules_why        says so
    standings        candidate's and incumbent's ids on the day of the cutover
    """

    minimum_tokens: int | None
    minimum_from: str
    ratio: tuple[float, float] | None
    ratio_from: str
    candidate_rate: Interval
    incumbent_rate: Interval
    rules: Mapping[str, Rules] | None
    rules_why: str
    standings: tuple[Standing, Standing]
    rollback_ends: date | None

    @property
    def retirements(self) -> tuple[Retirement, Retirement]:
        """Candidate's and incumbent's: a day, "none announced", or None where nobody has looked."""
        candidate, incumbent = self.standings
        return _retires(candidate), _retires(incumbent)


def known_of(
    params: ReadinessParams,
    live: Live | None,
    day: date,
    *,
    prices: PriceTable | None = None,
    ready_s: float = 0.0,
) -> Known:
    """What *params* give, else what a probe (*live*) measured, else what is documented on *day*."""
    minimum, minimum_from = _minimum(params, live, day)
    ratio, ratio_from = _ratio(params, live)
    rules, why = _rules(params, day, minimum, ratio, prices, ready_s)
    ends = params.at
    return Known(
        minimum_tokens=minimum,
        minimum_from=minimum_from,
        ratio=ratio,
        ratio_from=ratio_from,
        candidate_rate=_answer(live, params.candidate, "hit_rate"),
        incumbent_rate=_answer(live, params.incumbent, "hit_rate"),
        rules=rules,
        rules_why=why,
        standings=(
            standing(params.provider, params.candidate, day),
            standing(params.provider, params.incumbent, day),
        ),
        rollback_ends=ends.date() + timedelta(days=params.rollback_days) if ends else None,
    )


def _minimum(params: ReadinessParams, live: Live | None, day: date) -> tuple[int | None, str]:
    if params.minimum_tokens:
        return params.minimum_tokens, "given"
    name = base_id(params.provider, params.candidate)
    if live is not None and (tokens := live.minimums.get((params.provider, name))):
        return tokens, f"measured on {live.day}"
    found = rule(params.provider, params.candidate, day)
    if found is None or found.minimum_tokens is None:
        return None, ""
    return found.minimum_tokens, found.source_url


def _ratio(params: ReadinessParams, live: Live | None) -> tuple[tuple[float, float] | None, str]:
    if params.tokenizer_ratio:
        return (params.tokenizer_ratio, params.tokenizer_ratio), "given"
    low, value, high = _answer(live, params.candidate, "tokens")
    if value is not None and live is not None:
        return (low or value, high or value), f"measured on {live.day}"
    found = tokenizer_ratio(params.incumbent, params.candidate)
    return found, "documented" if found else ""


def _answer(live: Live | None, model: str, question: str) -> Interval:
    """A probe's answer about *model*; a rate that it calls not known has none."""
    for one in live.about(model) if live else ():
        if one["question"] == question and one["value"] is not None:
            return _number(one["low"]), _number(one["value"]), _number(one["high"])
    return UNKNOWN


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _rules(
    params: ReadinessParams,
    day: date,
    minimum: int | None,
    ratio: tuple[float, float] | None,
    prices: PriceTable | None,
    ready_s: float,
) -> tuple[dict[str, Rules] | None, str]:
    """Rules of both versions: an unknown minimum is taken for none, an unknown ratio for 1."""
    middle = sum(ratio) / 2 if ratio else 1.0
    wait = params.ready_s or ready_s
    try:
        given: dict[str, Any] = {"ttl": params.ttl, "prices": prices, "ready_s": wait}
        old = rules_of(params.provider, params.incumbent, day, **given)
        new = rules_of(
            params.provider, params.candidate, day, **given,
            min_tokens=minimum or 0, token_ratio=middle,
        )  # fmt: skip
    except ParamError as error:
        return None, str(error)
    return {params.incumbent: old, params.candidate: new}, ""


def _retires(one: Standing) -> Retirement:
    if one.retires_on is not None:
        return one.retires_on
    return "none announced" if fact(one.provider, one.name) else None


def cohort_lengths(lengths: pd.DataFrame, model: str) -> pd.DataFrame:
    """Rows of cached_lengths() for *model*."""
    return lengths[lengths["model"] == model].reset_index(drop=True)
