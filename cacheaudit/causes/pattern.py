"""The shape of an incident in (read, written, uncached), length, output and price."""

from math import isnan, nan
from typing import Literal

from ..incidents import RATES, Incident
from .facts import CohortFacts

Pattern = Literal[
    "gone",  # nothing read, nothing written: all input became uncached
    "uncached",  # reads fell and uncached input took them; some caching is left
    "rewritten_once",  # writes took the reads, and it healed within one lifetime
    "rewriting",  # writes took the reads, and that lasts
    "mixed",  # no cohort lost anything: their weights moved
    "longer_prompts",  # more input per request in the same shares
    "more_output",  # more output per request
    "dearer",  # the same tokens cost more
    "more_requests",  # the same cost per request, more of them
    "unclear",
]

LOST_READS: frozenset[Pattern] = frozenset({"gone", "uncached", "rewritten_once", "rewriting"})
GONE = 0.02  # a read or write share at or below this is "nothing", up to stray requests
FELL = 0.02  # of a rate: cost rose with it, where nothing else accounts for the rise
NAMED_SHARE = 0.6  # least part of the lost reads that a class must take to name the pattern


def pattern_of(
    incident: Incident,
    affected: tuple[CohortFacts, ...],
    spared: tuple[CohortFacts, ...],
    *,
    persists: bool,
    list_price_ratio: float,
) -> Pattern:
    """Where the lost reads went, or what made a request dearer."""
    if incident.measure == "volume":
        return "more_requests"
    if incident.measure == "charged_ratio":
        return "dearer"
    if incident.measure not in RATES:
        found = _cost_pattern(incident.after, affected, list_price_ratio)
        fell = any(c.drop >= FELL for c in affected)
        return _rate_pattern(affected, persists=persists) if found == "unclear" and fell else found
    if not affected:
        return "mixed" if len(spared) > 1 else "unclear"
    if incident.measure == "read_share_of_cached":
        return "rewriting" if persists else "rewritten_once"
    return _rate_pattern(affected, persists=persists)


def _rate_pattern(affected: tuple[CohortFacts, ...], *, persists: bool) -> Pattern:
    """Where the lost reads of *affected* went."""
    if all(_uses_no_cache(c) for c in affected):
        return "gone"
    lost = sum(c.drop * c.after.input_tokens for c in affected)
    to_writes = sum(
        (c.after.write_share - c.before.write_share) * c.after.input_tokens for c in affected
    )
    if to_writes >= NAMED_SHARE * lost:
        return "rewriting" if persists else "rewritten_once"
    return "uncached" if lost - to_writes >= NAMED_SHARE * lost else "unclear"


def _uses_no_cache(cohort: CohortFacts) -> bool:
    """Whether nothing is read or written: of a cohort that moved, by its traffic on the new
    version, for a ramp leaves some on the old one."""
    seen = cohort.on_new or cohort.after
    return seen.rate(cohort.rate) <= GONE and seen.write_share <= GONE


def fitting(
    pattern: Pattern, affected: tuple[CohortFacts, ...], *, persists: bool, in_a_rate: bool
) -> frozenset[Pattern]:
    """The shapes that *pattern* may stand for.

    Where a source reports no writes, what is written again looks like plain uncached input; where
    it counts no requests, longer ones look like more of them.
    """
    counted = sum(c.before.requests for c in affected)
    if pattern == "more_requests" and not counted > 0:
        return frozenset({pattern, "longer_prompts"})
    written = sum(c.before.write_share * c.before.input_tokens for c in affected)
    again: Pattern = "rewriting" if persists else "rewritten_once"
    if pattern in ("gone", "uncached") and not written > 0:
        return frozenset({pattern, again})
    if pattern == "unclear" and in_a_rate:  # writes and uncached input share what was lost
        return frozenset({"uncached", again})
    return frozenset({pattern})


def _cost_pattern(
    rise: float, affected: tuple[CohortFacts, ...], list_price_ratio: float
) -> Pattern:
    """Which single change accounts for most of a *rise* (a ratio) in cost per request."""
    longer = _growth(affected, "input_tokens", "requests")
    output = _growth(affected, "output_tokens", "requests")
    if isnan(output):  # requests are not counted: cost is per input token
        output = _growth(affected, "output_tokens", "input_tokens")
    need = 1 + NAMED_SHARE * (rise - 1)
    if list_price_ratio >= need:
        return "dearer"
    if output >= need and not longer - 1 >= (output - 1) / 2:
        return "more_output"  # alone: where input grew as well, text of all kinds became longer
    return "longer_prompts" if longer >= 1 + (rise - 1) / 3 else "unclear"


def _growth(cohorts: tuple[CohortFacts, ...], count: str, unit: str) -> float:
    """Growth of *count* per *unit*, weighted by the units after; NaN where it is not known."""
    total = weight = 0.0
    for cohort in cohorts:
        before, after = (getattr(s, count) / getattr(s, unit) if getattr(s, unit) > 0 else nan
                         for s in (cohort.before, cohort.after))  # fmt: skip
        if before > 0:
            total += after / before * getattr(cohort.after, unit)
            weight += getattr(cohort.after, unit)
    return total / weight if weight > 0 else nan
