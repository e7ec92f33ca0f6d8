"""What a reader of a plan or a probe would not expect, one sentence each."""

import os
from collections.abc import Sequence

from ..words import listing, usd
from .candidate import ADDRESSES, PROVIDERS, Candidate
from .plan import Plan
from .questions import HELLO
from .run import Done


def notes_before(candidates: Sequence[Candidate], plan: Plan, budget_usd: float) -> list[str]:
    """Before anything is sent: addresses in the environment, and a budget below the allowance."""
    return [*_addresses(candidates), *_allowance(plan, budget_usd)]


def _addresses(candidates: Sequence[Candidate]) -> list[str]:
    """An SDK would go where the environment says; what is measured must stand in the parameters."""
    notes = []
    for provider, variable in ADDRESSES.items():
        own = [
            one.label for one in candidates
            if PROVIDERS[one.api] == provider and not one.base_url
        ]  # fmt: skip
        if own and os.environ.get(variable):
            notes.append(
                f"{variable} is set and not used: without a base_url, {listing(own)} is asked at"
                " the provider's own address. Set base_url to go elsewhere."
            )
    return notes


def _allowance(plan: Plan, budget_usd: float) -> list[str]:
    small = [one for one in plan.steps if one.held_usd > budget_usd]
    if not small:
        return []
    names = dict.fromkeys(one.candidate for one in small)
    most = max(one.held_usd for one in small)
    return [
        f"The budget of {usd(budget_usd)} is below {usd(most)}, which the first call to"
        f" {listing(list(names))} would set aside in case its endpoint ignores the limit on its"
        " output. What is left is set aside instead: the budget holds wherever the limit is kept."
    ]


def notes_of(done: Sequence[Done], budget_usd: float) -> list[str]:
    """After it: candidates that were not greeted, because the budget did not hold that."""
    return [
        f"{one.unit.candidate} was not asked: its first call sets aside {usd(one.needs_usd)}, in"
        f" case its endpoint ignores the limit on its output, and {usd(one.left_usd)} is left of"
        f" the budget of {usd(budget_usd)}. Raise budget_usd."
        for one in done
        if one.unit.question == HELLO and one.why == "budget"
    ]
