"""Contrasts about what a request costs: tokens, prices, volume.

Each is a Test (hypothesis.py): a Case in, one sentence or None out.
"""

import math

from ..rules import tokenizer_ratio
from ..words import times
from .case import Case
from .hypothesis import Evidence


def tokenizers_differ(case: Case) -> Evidence | None:
    """Two models with one tokenizer make the same number of tokens of a text."""
    for cohort in case.moved:
        change = cohort.change
        if change is None:
            continue
        ratio = tokenizer_ratio(change.from_model or "", change.to_model)
        if ratio is None:
            continue
        grew = cohort.after.input_tokens_per_request / cohort.before.input_tokens_per_request
        text = (
            f"Input per request of {cohort.name} is {times(grew)} of what it was; the tokenizers of"
            f" {change.from_model} and {change.to_model} account for {times(ratio[0])} to"
            f" {times(ratio[1])}"
        )
        if grew > 1.05 * ratio[1]:
            return Evidence(text=f"{text}: less.", against=True, decisive=True)
        return Evidence(text=f"{text}.", weight=1)
    return None


def list_price_explains(case: Case) -> Evidence | None:
    """What the same tokens cost at the new model's list price."""
    if math.isnan(case.list_price_ratio):
        return None
    text = (
        f"The same tokens cost {times(case.list_price_ratio)} at the prices that held after, of a"
        f" rise to {times(case.incident.after)}."
    )
    if case.list_price_ratio - 1 <= (case.incident.after - 1) / 3:
        return Evidence(text=text, against=True, decisive=True)
    return Evidence(text=text, weight=2)


def charged_otherwise(case: Case) -> Evidence | None:
    """The bill left the price list, while the tokens and their list price stayed."""
    rose = [a for a in case.incident.alarms if a.measure == "charged_ratio"]
    if not rose:
        return None
    return Evidence(
        text=f"What was charged rose to {times(rose[0].after)} of what the same tokens are priced"
        " at.",
        weight=2,
    )


def cost_per_request_kept(case: Case) -> Evidence | None:
    """Volume alone leaves the cost of a request where it was."""
    dearer = [a for a in case.incident.alarms if a.measure in ("usd_per_request", "usd_per_mtok")]
    if dearer:
        return Evidence(
            text=f"The cost per request rose to {times(dearer[0].after)} as well.",
            against=True,
            decisive=True,
        )
    if "longer_prompts" in case.shapes:
        return Evidence(
            text=f"Input rose to {times(case.incident.after)} a day; requests are not counted, so"
            " more of them and longer ones look the same."
        )
    return Evidence(
        text=f"Input rose to {times(case.incident.after)} a day, and no rate or unit cost that is"
        " watched moved with it.",
        weight=2,
    )
