"""Parameters in, a prefill out: a plan, and with `execute` prefixes that are warm at the cutover.

The clock and the network end here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ..errors import ParamError
from ..prefill_params import PrefillParams
from ..price_table import PriceTable
from ..pricing import UnitPrice, unit_price
from ..probing.candidate import Candidate
from ..probing.measure import WallClock
from ..probing.money import Budget, rates_of, rates_of_served
from ..probing.receipt import Receipt, Receipts
from ..probing.run import Clock
from ..sources.tables import read_prices
from .fit import check_rate, fitting
from .given import given_prefixes
from .keep import keep_warm
from .pace import Limits, limits_of
from .plan import PrefillPlan, Terms, plan_of
from .prefix import Prefix
from .send import Toucher
from .setup import BUDGET, Kept, Setup
from .warmth import WarmShare, Warmth, warm_share, warmths


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefill:
    """A plan and, where it was executed, what is warm.

    prefixes   each at the cutover; empty where nothing was sent
    warm       their sum
    receipts   one per call; spent_usd: what they cost, calls of unknown cost at what was set aside
    stopped    "stopped" or "budget" where not all that was planned was done, else ""
    prices     of the candidate on the day; notes: what the reader must know of the input
    """

    params: PrefillParams
    candidate: Candidate
    limits: Limits
    plan: PrefillPlan
    made_at: pd.Timestamp
    prices: tuple[UnitPrice, ...] = ()
    notes: tuple[str, ...] = ()
    executed: bool = False
    prefixes: tuple[Warmth, ...] = ()
    warm: WarmShare | None = None
    receipts: tuple[Receipt, ...] = ()
    spent_usd: float = 0.0
    stopped: str = ""

    @property
    def cutover(self) -> pd.Timestamp:
        """When traffic moves."""
        return pd.Timestamp(self.plan.until_s, unit="s", tz="UTC")


def prefill(
    params: PrefillParams, *, clock: Clock | None = None, toucher: Toucher | None = None
) -> Prefill:
    """Plan what *params* ask for, and with `execute` keep the prefixes warm until the cutover.

    Receipts go to receipts_path, and a run that was stopped goes on from there; where there is none
    they go into a file of their own beside the command. Raises ParamError for what cannot work,
    AccessDenied without a key, SourceError for files that cannot be used, or receipts that another
    run is under way with.
    """
    clock = clock or WallClock()
    at = pd.Timestamp(clock.now(), unit="s", tz="UTC")
    candidate = params.asked
    prices = read_prices(params.prices_path) if params.prices_path else None
    found, notes = given_prefixes(params)
    limits = limits_of(candidate, params.requests_per_minute, params.input_tokens_per_minute)
    kept, left_out = fitting(found, candidate, limits, top=params.top)
    check_rate(kept, limits, params.refresh_share)
    until = params.until(at)
    terms = Terms(
        candidate=candidate,
        rates=rates_of(candidate, at.date(), prices),
        limits=limits,
        begin_s=max(at.timestamp(), until.timestamp() - params.lead_s),
        until_s=until.timestamp(),
        refresh_share=params.refresh_share,
        budget_usd=params.budget_usd,
    )
    price = unit_price(candidate.sold_by, candidate.model, at.date(), prices=prices)
    planned = Prefill(
        params=params,
        candidate=candidate,
        limits=limits,
        plan=plan_of(kept, left_out, terms),
        made_at=at,
        prices=(price,) if isinstance(price, UnitPrice) else (),
        notes=tuple(notes),
    )
    if not params.execute:
        return planned
    return _executed(planned, kept, terms, prices, clock, toucher)


def planned(params: PrefillParams, *, clock: Clock | None = None) -> Prefill:
    """The plan alone: nothing is sent, whatever *params* say."""
    return prefill(replace(params, execute=False), clock=clock)


def _executed(
    planned: Prefill, prefixes: Sequence[Prefix], terms: Terms, prices: PriceTable | None,
    clock: Clock, toucher: Toucher | None,
) -> Prefill:  # fmt: skip
    params, candidate = planned.params, planned.candidate
    if not params.prompts_path:
        raise ParamError(
            "prompts_path is empty, so there is nothing of yours to warm; expected JSONL, one"
            " request body a line."
        )
    candidate.key()
    candidate.sent_headers()
    name = f"prefill-{params.name}-{planned.made_at:%Y%m%dT%H%M%SZ}.receipts.jsonl"
    receipts = Receipts(Path(params.receipts_path or name))
    day = planned.made_at.date()
    stop = Path(params.stop_path) if params.stop_path else None
    try:
        with toucher or Toucher(timeout_s=params.timeout_s) as sends:
            kept = keep_warm(
                prefixes,
                Setup(
                    candidate=candidate,
                    rates=terms.rates,
                    limits=terms.limits,
                    touch=sends.touch,
                    clock=clock,
                    receipts=receipts,
                    budget=Budget(params.budget_usd, sum(r.spent_usd for r in receipts.all)),
                    begin_s=terms.begin_s,
                    until_s=terms.until_s,
                    refresh_share=terms.refresh_share,
                    together=params.together,
                    stop=lambda: stop is not None and stop.exists(),
                    rates_of=lambda served: rates_of_served(candidate, served, day, prices),
                ),
            )
    finally:
        receipts.close()
    sent = [one for one in receipts.all if one.outcome != "unsent"]
    return _ended(planned, prefixes, kept, sent)


def _ended(
    planned: Prefill, prefixes: Sequence[Prefix], kept: Kept, receipts: Sequence[Receipt]
) -> Prefill:
    params, until_s = planned.params, planned.plan.until_s
    found = warmths(prefixes, planned.candidate, receipts, until_s, kept.why, kept.stopped)
    return replace(
        planned,
        executed=True,
        prefixes=tuple(found),
        warm=warm_share(found, params.warm_share),
        receipts=tuple(receipts),
        spent_usd=sum(one.spent_usd for one in receipts),
        stopped=kept.stopped or (BUDGET if BUDGET in kept.why.values() else ""),
    )
