"""The probe: a plan first, and with `execute` the measurement.

result = cacheaudit.probe(candidates, budget_usd=1.0)                  # plans, sends nothing
result = cacheaudit.probe(candidates, budget_usd=1.0, execute=True)
"""

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import ParamError
from ..price_table import PriceTable
from .answers import Answer, answers_of
from .ask import Ask
from .candidate import Candidate
from .lengths import token_ratios
from .money import Budget, rates_of, rates_of_served
from .notes import notes_before, notes_of
from .plan import Plan, plan_of
from .prices import per_thousand
from .questions import OLD_OPENAI_S, Design, first_offers, greetings, units_of
from .receipt import Receipt, Receipts
from .run import STOPPED, Bench, Clock, Done, run
from .send import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A plan and, where it was executed, what came of it.

    answers    by question and candidate; empty where nothing was sent
    receipts   one per call
    spent_usd  what the receipts cost; calls whose cost is not known count for what was set aside
    stopped    "budget" or "stopped" where something planned was not measured, else ""
    notes      what a reader would not expect: of the environment, and of a budget that is small
    """

    candidates: tuple[Candidate, ...]
    plan: Plan
    budget_usd: float
    executed: bool
    answers: tuple[Answer, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    spent_usd: float = 0.0
    stopped: str = ""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without headers and keys."""
        return {
            "candidates": [
                {
                    "name": one.label,
                    "model": one.model,
                    "api": one.api,
                    "provider": one.sold_by,
                    "incumbent": one.incumbent,
                    "served_as": list(one.served_as),
                }
                for one in self.candidates
            ],
            "plan": self.plan.to_dict(),
            "budget_usd": self.budget_usd,
            "executed": self.executed,
            "answers": [one.to_dict() for one in self.answers],
            "calls": len(self.receipts),
            "outcomes": outcomes(self.receipts),
            "spent_usd": self.spent_usd,
            "stopped": self.stopped,
            "notes": list(self.notes),
        }


class WallClock:
    """The time of this machine."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def probe(
    candidates: Sequence[Candidate],
    prompts: Sequence[Ask] = (),
    *,
    budget_usd: float = 1.0,
    execute: bool = False,
    design: Design | None = None,
    prices: PriceTable | None = None,
    receipts_path: Path | None = None,
    pace_s: float = 0.0,
    clock: Clock | None = None,
    sender: Sender | None = None,
) -> Probe:
    """Measure what the caches of *candidates* do; without *execute*, plan it and send nothing.

    prompts        the team's own request bodies (prompts.py); none takes synthetic ones
    budget_usd     never passed: what a call could cost at most is set aside before it is sent
                   (what is trusted for that: money.py)
    receipts_path  receipts are kept there, and a run that was stopped goes on from them
    pace_s         least time between two calls to a candidate

    Raises ParamError for a candidate without a price or an unknown question, AccessDenied without
    a key, SourceError for receipts that cannot be read.
    """
    if not candidates:
        raise ParamError("no candidates; expected at least one version to measure.")
    chosen = _designed(design or Design(), candidates, prompts)
    day = datetime.now(UTC).date()
    rates = {one.label: rates_of(one, day, prices) for one in candidates}
    paces = {one.label: pace_s for one in candidates}
    plan = plan_of(chosen, candidates, rates, paces)
    outcome = Probe(
        candidates=tuple(candidates), plan=plan, budget_usd=budget_usd, executed=execute,
        notes=tuple(notes_before(candidates, plan, budget_usd)),
    )  # fmt: skip
    if not execute:
        return outcome
    for one in candidates:  # all keys are there before the first call is paid for
        one.key()
        one.sent_headers()
    receipts = Receipts(receipts_path)
    try:
        with sender or Sender() as send:
            offers = {one.label: first_offers(one) for one in candidates}
            bench = Bench(
                candidates={one.label: one for one in candidates},
                rates=rates,
                offers=offers,
                pace_s=paces,
                send=send,
                clock=clock or WallClock(),
                receipts=receipts,
                budget=Budget(budget_usd, sum(one.spent_usd for one in receipts.all)),
                seed=chosen.seed,
                served_rates=lambda one, served: rates_of_served(one, served, day, prices),
            )
            done = run(greetings(candidates, offers), bench)
            units = units_of(chosen, candidates, offers)
            silent = {one.unit.candidate: one.why for one in done if one.found is None}
            if STOPPED in silent.values():
                silent = {one.label: STOPPED for one in candidates}
            met = [unit for unit in units if unit.candidate not in silent]
            done += [
                Done(unit=unit, why=silent[unit.candidate])
                for unit in units
                if unit.candidate in silent
            ]
            done += run(met, bench)
    finally:
        receipts.close()
    answers = answers_of(done)
    answers += token_ratios(receipts.all, candidates)
    answers += per_thousand(done, answers, rates)
    return replace(
        outcome,
        answers=tuple(answers),
        receipts=tuple(receipts.all),
        spent_usd=sum(one.spent_usd for one in receipts.all),
        stopped=_stopped(done),
        notes=(*outcome.notes, *notes_of(done, budget_usd)),
    )


def outcomes(receipts: Iterable[Receipt]) -> dict[str, int]:
    """Calls by what became of them."""
    counts: dict[str, int] = {}
    for one in receipts:
        counts[one.outcome] = counts.get(one.outcome, 0) + 1
    return counts


def _stopped(done: Sequence[Done]) -> str:
    whys = {one.why for one in done}
    return next((why for why in (STOPPED, "budget") if why in whys), "")


def _designed(design: Design, candidates: Sequence[Candidate], prompts: Sequence[Ask]) -> Design:
    """*design* with prompts, a seed of its own, and the waits that a provider asks for."""
    least = {one.label: OLD_OPENAI_S for one in candidates if one.sold_by == "openai"}
    return replace(
        design,
        prompts=tuple(prompts) or design.prompts,
        seed=design.seed or secrets.token_hex(8),
        least_wait_s={**least, **design.least_wait_s},
    )
