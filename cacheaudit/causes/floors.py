"""Contrasts about the shortest prefix that a model caches.

Documented minimums have been wrong by a factor of two in practice (rules.py), so a length above
one clears the minimum only from twice its figure on. A minimum that was measured is taken as it is.
"""

import math
from typing import Literal

from ..live import MEASURED
from ..rules import tokenizer_ratio
from ..words import count, listing
from .case import Case
from .facts import CohortFacts
from .hypothesis import Evidence
from .words import rates

NARROW = 0.1  # spread of lengths below which a mean speaks for every request
DOUBT = 2.0  # how far a documented minimum can be trusted

Floor = Literal["below", "above", "far_above", "unknown"]


def below_floor(case: Case) -> Evidence | None:
    """Cached length on the old version against the new model's documented minimum."""
    for cohort in case.moved:
        verdict, text = floor_verdict(cohort)
        if verdict == "below":
            return Evidence(text=text)  # it fits; so do rivals that cache nothing either
        if verdict != "unknown":
            far = verdict == "far_above"
            return Evidence(text=text, against=True, decisive=far, weight=1)
    return None


def long_prefixes_kept(case: Case) -> Evidence | None:
    """Moved traffic above the floor that still caches; moved traffic below it that does, too."""
    for cohort in case.spared:
        verdict, text = floor_verdict(cohort)
        if verdict in ("above", "far_above"):
            return Evidence(text=f"{text} It is still cached: {rates((cohort,))}.", weight=1)
        if verdict == "below":
            return Evidence(
                text=f"{text} It is cached all the same: {rates((cohort,))}.",
                against=True,
                weight=1,
            )
    return None


def shorter_still_cached(case: Case) -> Evidence | None:
    """A minimum spares the longer prefixes: it cannot take these and leave shorter ones."""
    if case.pattern != "gone" or not case.moved:
        return None
    least = min(c.before.cached_tokens_per_request for c in case.moved)
    targets = {c.change.to_model for c in case.moved if c.change is not None}
    shorter = tuple(
        c
        for c in case.spared
        if c.change is not None
        and c.change.to_model in targets
        and c.before.cached_tokens_per_request <= least
    )
    if not shorter:
        return None
    lengths = [f"{c.name} {count(c.before.cached_tokens_per_request)}" for c in shorter]
    return Evidence(
        text=f"Traffic that cached no longer a prefix, {listing(lengths)} tokens a request against"
        f" {count(least)}, moved as well and is still cached: {rates(shorter)}.",
        against=True,
        decisive=True,
    )


def floor_verdict(cohort: CohortFacts) -> tuple[Floor, str]:
    """Where the cached lengths of a cohort that moved lie, and the sentence that says so."""
    floor, length = cohort.floor, cohort.before.cached_tokens_per_request
    if cohort.change is None or floor is None or floor.minimum_tokens is None:
        return "unknown", f"The minimum of the model that {cohort.name} moved to is not known."
    ratio = tokenizer_ratio(cohort.change.from_model or "", cohort.change.to_model)
    if math.isnan(length) or math.isnan(cohort.length_spread) or ratio is None:
        return "unknown", f"The cached length of {cohort.name} is not known."
    spread = cohort.length_spread * length
    low, high = (length - 2 * spread) * ratio[0], (length + 2 * spread) * ratio[1]
    said = (
        f"{cohort.name} cached {count(length)} tokens a request before"
        f" (spread {count(spread)}); {cohort.change.to_model} caches from"
        f" {count(floor.minimum_tokens)} on ({floor.evidence}, checked {floor.checked_on})."
    )
    if cohort.length_spread > NARROW:
        return "unknown", said + " The lengths are too mixed to speak for every request."
    if high < floor.minimum_tokens:
        return "below", said
    doubt = 1.0 if floor.evidence == MEASURED else DOUBT
    if low >= doubt * floor.minimum_tokens:
        return "far_above", said
    return ("above", said) if low >= floor.minimum_tokens else ("unknown", said)
