"""From evidence to standings, and from standings to a verdict."""

from typing import Literal

from . import client, model, other
from .case import RELEASES, Case
from .hypothesis import Cause, Hypothesis, Standing, Weighed, weigh

Verdict = Literal["no_incident", "identified", "narrowed", "not_identifiable", "unfit_data"]

CATALOGUE: tuple[Hypothesis, ...] = (*model.HYPOTHESES, *client.HYPOTHESES, *other.HYPOTHESES)

# A lead of one piece of evidence is too little to call two causes apart: a release that changes
# the model often changes more. Measured on planted incidents, see docs/METHODS.md.
CLEAR_LEAD = 2
ORDER: tuple[Standing, ...] = ("leading", "possible", "not_tested", "ruled_out")


def rank_causes(case: Case) -> tuple[Cause, ...]:
    """Every hypothesis with its standing, leaders first."""
    weighed = [weigh(h, case) for h in CATALOGUE]
    best = max((w.score for w in weighed if w.stands and not w.blind), default=0)
    standings = [_standing(w, best) for w in weighed]
    alone = standings.count("leading") == 1
    ranked = sorted(
        zip(standings, weighed, strict=True),
        key=lambda pair: (ORDER.index(pair[0]), -pair[1].score),
    )
    return tuple(_cause(w, standing, alone=alone) for standing, w in ranked)


def _standing(weighed: Weighed, best: int) -> Standing:
    if not weighed.stands:
        return "ruled_out"
    if weighed.blind:
        return "not_tested"
    return "leading" if weighed.score > best - CLEAR_LEAD else "possible"


def _cause(weighed: Weighed, standing: Standing, *, alone: bool) -> Cause:
    hypothesis = weighed.hypothesis
    decided = standing == "ruled_out" or (alone and standing == "leading" and weighed.score > 0)
    share = {"ruled_out": 0.0, "leading": 1.0 if alone else None}.get(standing)
    return Cause(
        id=hypothesis.id,
        says=hypothesis.says,
        standing=standing,
        share_of_excess=share,
        evidence_for=tuple(e.text for e in weighed.evidence if not e.against),
        evidence_against=tuple(e.text for e in weighed.evidence if e.against),
        needs="" if decided else hypothesis.needs,
        score=weighed.score,
        ruled_out_by=next((e.text for e in weighed.evidence if e.decisive), ""),
    )


def verdict_of(causes: tuple[Cause, ...], case: Case) -> Verdict:
    """What the standings amount to.

    - Two changes that coincide, and that both lead, are not identifiable: no analysis of this
      data separates them. Nor is a change without any one shape that many causes could make.
    - One leader is identified if something speaks for it and nothing was left untested; a leader
      by elimination alone is narrowed down to.
    """
    leading = [c for c in causes if c.standing == "leading"]
    families = {c.family for c in leading}
    given = {_family(kind) for kind in case.coinciding["kind"]}
    coincide = "model" in families and bool(case.moved) and bool((families - {"model"}) & given)
    shapeless = case.pattern == "unclear" and len(leading) > 1
    if not leading or coincide or shapeless or len(families & given) > 1:
        return "not_identifiable"
    untested = any(c.standing == "not_tested" for c in causes)
    certain = len(leading) == 1 and leading[0].score > 0 and not untested
    return "identified" if certain else "narrowed"


def _family(kind: str) -> str:
    """The family of causes that an event of *kind* points to."""
    return "client" if kind in RELEASES else {"price": "model"}.get(kind, kind)
