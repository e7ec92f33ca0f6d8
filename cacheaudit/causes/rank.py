"""From evidence to standings, and from standings to a verdict."""

from typing import Literal

from . import client, model, other
from .case import Case
from .hypothesis import Cause, Hypothesis, Standing, weigh

Verdict = Literal["no_incident", "identified", "narrowed", "not_identifiable", "unfit_data"]

CATALOGUE: tuple[Hypothesis, ...] = (*model.HYPOTHESES, *client.HYPOTHESES, *other.HYPOTHESES)

# A lead of one piece of evidence is too little to call two causes apart: a release that changes
# the model often changes more. Measured on planted incidents, see docs/METHODS.md.
CLEAR_LEAD = 2


def rank_causes(case: Case) -> tuple[Cause, ...]:
    """Every hypothesis with its standing, leaders first."""
    weighed = [(h, *weigh(h, case)) for h in CATALOGUE]
    best = max((score for _, stands, score, _ in weighed if stands), default=0)
    leaders = sum(stands and score > best - CLEAR_LEAD for _, stands, score, _ in weighed)
    causes = []
    for hypothesis, stands, score, evidence in weighed:
        leads = stands and score > best - CLEAR_LEAD
        standing: Standing = "leading" if leads else "possible" if stands else "ruled_out"
        cause = Cause(
            id=hypothesis.id,
            says=hypothesis.says,
            standing=standing,
            share_of_excess=1.0 if leads and leaders == 1 else None if stands else 0.0,
            evidence_for=tuple(e.text for e in evidence if not e.against),
            evidence_against=tuple(e.text for e in evidence if e.against),
            needs=hypothesis.needs if stands and (leaders > 1 or not leads) else "",
        )
        rank = ["leading", "possible", "ruled_out"].index(standing)
        causes.append((rank, -score, -len(cause.evidence_for), cause))
    return tuple(c for *_, c in sorted(causes, key=lambda row: row[:3]))


def verdict_of(causes: tuple[Cause, ...], case: Case) -> Verdict:
    """What the standings amount to.

    Two changes that coincide, and that both lead, are not identifiable: no analysis of this
    data separates them.
    """
    leading = [c for c in causes if c.standing == "leading"]
    families = {c.family for c in leading}
    given = {_family(kind) for kind in case.coinciding["kind"]}
    coincide = "model" in families and bool(case.moved) and bool(families & given)
    if not leading or coincide or len(families & given) > 1:
        return "not_identifiable"
    return "identified" if len(leading) == 1 else "narrowed"


def _family(kind: str) -> str:
    """The family of causes that an event of *kind* points to."""
    if kind in ("client", "gateway", "prompt", "config"):
        return "client"
    return {"price": "model"}.get(kind, kind)
