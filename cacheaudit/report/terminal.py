"""The verdict for a terminal: what an on-call engineer needs before the page is rendered."""

from ..measurement import Measurement
from ..postmortem import Postmortem
from ..show import Bullets, Prose
from ..words import listing
from . import front, incident
from .owned import affected_owners
from .probe_spend import plan_table
from .probe_summary import planned_words
from .summary import data_notes, quality_lines


def triage(postmortem: Postmortem) -> str:
    """Headline, summary, the causes that stand, what would decide, and the data's limits."""
    found = postmortem.diagnosis
    parts = [front.banner(postmortem).to_text(), front.key_numbers(postmortem).to_text()]
    if postmortem.params.source == "sample":
        parts.insert(0, Prose(["Made-up data: give a file, or --source, for yours."]).to_text())
    if names := affected_owners(postmortem):
        parts.append(Prose([f"Owned by {listing(list(names))}."]).to_text())
    if found.costliest is not None:
        parts.append(incident.root_causes(postmortem)[0].to_text())
    notes = quality_lines(found.quality) + data_notes(postmortem)
    if notes:
        parts.append(Bullets(notes).to_text())
    return "\n\n".join(parts)


def plan_words(measurement: Measurement) -> str:
    """What a probe would do and what it can cost at most, before anything is sent."""
    parts = [plan_table(measurement).to_text(), Prose([planned_words(measurement)]).to_text()]
    if measurement.notes:
        parts.append(Bullets(measurement.notes).to_text())
    return "\n\n".join(parts)
