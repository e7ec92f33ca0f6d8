"""What is known of a migration's two versions, and how: given, measured or documented. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

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
from ..words import listing
from .probed import Interval, Probed, probed_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a migration's two versions.

    minimum_tokens   shortest prefix that the candidate caches; None where nobody has said
    minimum_from     "given", "measured" or the page that states it; "" where not known
    ratio            tokens on the candidate per token on the incumbent, lowest to highest
    ratio_from       likewise
    probed           hit rates of one probe, and whether they count
    rules            of both versions, for a replay; None where a lifetime is not known, and then
    rules_why        says what it takes
    standings        candidate's and incumbent's ids on the day of the cutover
    """

    minimum_tokens: int | None
    minimum_from: str
    ratio: tuple[float, float] | None
    ratio_from: str
    probed: Probed
    rules: Mapping[str, Rules] | None
    rules_why: str
    standings: tuple[Standing, Standing]
    rollback_ends: date | None

    @property
    def retirements(self) -> tuple[Retirement, Retirement]:
        """Candidate's and incumbent's: a day, "none announced", or None where nobody has looked."""
        candidate, incumbent = self.standings
        return _retires(candidate), _retires(incumbent)

    @property
    def candidate_rate(self) -> Interval:
        """As the probe measured it."""
        return self.probed.candidate

    @property
    def incumbent_rate(self) -> Interval:
        """In the same probe."""
        return self.probed.incumbent

    @property
    def unpriced(self) -> list[str]:
        """The versions whose input has no price; none where there are no rules to price by."""
        return [name for name, rules in (self.rules or {}).items() if rules.rates is None]


def known_of(
    params: ReadinessParams,
    live: Live | None,
    day: date,
    *,
    prices: PriceTable | None = None,
    ready_s: float = 0.0,
) -> Known:
    """What *params* give, else what a probe (*live*) measured, else what is documented on *day*."""
    probed = probed_of(live, params.provider, params.candidate, params.incumbent, day)
    minimum, minimum_from = _minimum(params, live, day)
    ratio, ratio_from = _ratio(params, probed, live)
    rules, why = _rules(params, day, minimum, ratio, prices, ready_s)
    ends = params.at
    return Known(
        minimum_tokens=minimum,
        minimum_from=minimum_from,
        ratio=ratio,
        ratio_from=ratio_from,
        probed=probed,
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


def _ratio(
    params: ReadinessParams, probed: Probed, live: Live | None
) -> tuple[tuple[float, float] | None, str]:
    if params.tokenizer_ratio:
        return (params.tokenizer_ratio, params.tokenizer_ratio), "given"
    low, value, high = probed.ratio
    if value is not None and live is not None:
        return (low or value, high or value), f"measured on {live.day}"
    found = tokenizer_ratio(params.incumbent, params.candidate)
    return found, "documented" if found else ""


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
    except ParamError:
        return None, _lifeless(params, day)
    return {params.incumbent: old, params.candidate: new}, ""


def _lifeless(params: ReadinessParams, day: date) -> str:
    """What it takes to know how long entries live."""
    both = (params.incumbent, params.candidate)
    found = {name: rule(params.provider, name, day) for name in both}
    lacking = [name for name, one in found.items() if one is None or one.ttl_s is None]
    return f"the lifetime that is asked for (ttl): none is documented for {listing(lacking)}"


def _retires(one: Standing) -> Retirement:
    if one.retires_on is not None:
        return one.retires_on
    return "none announced" if fact(one.provider, one.name) else None
