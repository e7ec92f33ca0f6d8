"""The shape of an incident in (read, written, uncached), length, output and price."""

from typing import Literal

from ..incidents import Incident
from .facts import CohortFacts

Pattern = Literal[
    "gone",  # nothing read, nothing written: all input became uncached
    "uncached",  # reads fell and uncached input took them; some caching is left
    "rewritten_once",  # writes took the reads, and it healed within one lifetime
    "rewriting",  # writes took the reads, and that lasts
    "longer_prompts",  # more input per request in the same shares
    "more_output",  # more output per request
    "dearer",  # the same tokens cost more
    "more_requests",  # the same cost per request, more of them
    "unclear",
]

GONE = 0.02  # a read or write share at or below this is "nothing", up to stray requests
NAMED_SHARE = 0.6  # least part of the lost reads that a class must take to name the pattern


def pattern_of(
    incident: Incident,
    affected: tuple[CohortFacts, ...],
    *,
    persists: bool,
    list_price_ratio: float,
) -> Pattern:
    """Where the lost reads went, or what made a request dearer."""
    if incident.measure == "volume":
        return "more_requests"
    if incident.measure in ("usd_per_request", "usd_per_mtok"):
        return _cost_pattern(incident.after, affected, list_price_ratio)
    if incident.measure == "read_share_of_cached":
        return "rewriting" if persists else "rewritten_once"
    lost = sum((c.rate_before - c.rate_after) * c.after.input_tokens for c in affected)
    if not lost > 0:
        return "unclear"
    if all(c.rate_after <= GONE and c.after.write_share <= GONE for c in affected):
        return "gone"
    to_writes = sum(
        (c.after.write_share - c.before.write_share) * c.after.input_tokens for c in affected
    )
    if to_writes >= NAMED_SHARE * lost:
        return "rewriting" if persists else "rewritten_once"
    return "uncached" if lost - to_writes >= NAMED_SHARE * lost else "unclear"


def _cost_pattern(
    rise: float, affected: tuple[CohortFacts, ...], list_price_ratio: float
) -> Pattern:
    """Which single change accounts for most of a *rise* (a ratio) in cost per request."""
    weight = sum(c.after.requests for c in affected)

    def growth(name: str) -> float:
        ratios = [getattr(c.after, name) / getattr(c.before, name) for c in affected]
        counts = [c.after.requests for c in affected]
        total = sum(r * n for r, n in zip(ratios, counts, strict=True))
        return total / weight if weight > 0 else float("nan")

    longer = growth("input_tokens_per_request")
    output = growth("output_tokens_per_request")
    need = 1 + NAMED_SHARE * (rise - 1)
    if list_price_ratio >= need:
        return "dearer"
    if output >= need and not longer >= output:
        return "more_output"
    return "longer_prompts" if longer >= 1 + (rise - 1) / 3 else "unclear"
