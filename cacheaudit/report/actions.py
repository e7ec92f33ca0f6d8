"""What to do next, proposed by rule: (action, because)."""

from ..diagnosis import IncidentDiagnosis
from ..postmortem import Postmortem

BY_CAUSE = {
    "model.below_minimum": (
        "Lengthen these prefixes above the new minimum, or keep this cohort on a model with a"
        " lower one",
        "below the minimum nothing is cached, and nothing warns",
    ),
    "model.cold_start": (
        "Nothing to repair; warm the top prefixes before the next cutover",
        "a cold cache heals within one lifetime",
    ),
    "model.unrecognised_id": (
        "Check that the framework sends cache markers to the new model id",
        "some decide by a part of the name",
    ),
    "client.markers_dropped": (
        "Roll the client or gateway back, or place the markers again",
        "without markers nothing is cached",
    ),
    "client.ttl_shortened": (
        "Ask for the long lifetime again where gaps between uses need it",
        "writes moved to the short lifetime",
    ),
    "rollout.split_traffic": (
        "Finish the ramp, or split by session instead of by request",
        "two caches share the traffic while it lasts",
    ),
    "workload.volume": (
        "Check the budget, not the cache",
        "the cost of a request stayed where it was",
    ),
}


def action_items(postmortem: Postmortem) -> list[tuple[str, str]]:
    """Actions in the order in which they pay."""
    found = postmortem.diagnosis
    items: list[tuple[str, str]] = []
    if found.costliest is not None:
        items += _for_incident(found.costliest)
    for note in found.quality:
        if note.id == "no_cache_reads" or note.id == "no_usage":
            items.append(("Pull a source that reports cache tokens", note.text))
        if note.id == "no_model":
            items.append(("Group the usage report by model", "without it there is no price"))
        if note.id == "no_uncached":
            items.append(("Add uncached input to the table", "the hit rate is not known without"))
    if found.costed.book.unpriced and not any(n.id == "no_model" for n in found.quality):
        items.append(("Give prices for the unpriced models", "their tokens are in no sum"))
    if not items:
        items.append(("Watch the hit rate weekly", "a quiet window does not stay quiet by itself"))
    return items


def _for_incident(top: IncidentDiagnosis) -> list[tuple[str, str]]:
    leading = [c for c in top.causes if c.standing == "leading"]
    if len(leading) == 1:
        known = BY_CAUSE.get(leading[0].id)
        items = [known] if known else [("Repair the cause", leading[0].says)]
    else:
        needs = dict.fromkeys(c.needs for c in leading if c.needs)
        items = [(f"Get {need}", "it would tell the leading causes apart") for need in needs][:4]
    if top.incident.end is None:
        items.append(
            ("Run this report again after the repair", "recovery is shown, not assumed"),
        )
    if top.case.moved:
        items.append(
            (
                "Measure the hit rate on the candidate before the next migration",
                "minimum and lifetime differ by model",
            )
        )
    return items
