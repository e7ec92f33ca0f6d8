"""What a hypothesis is, and how its evidence becomes a standing.

A hypothesis names the shapes it can produce and a list of tests. A test reads a Case and answers
with evidence or with None (it has nothing to say on this data). Evidence against that is
*decisive* rules the hypothesis out; anything else is weighed by rank.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .case import Case
from .pattern import Pattern

Standing = Literal["leading", "possible", "ruled_out", "not_tested"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One sentence for or against; `decisive` is only ever said of evidence against.

    weight  how much it tells this hypothesis from its rivals: 0 says no more than "it fits"
    """

    text: str
    against: bool = False
    decisive: bool = False
    weight: int = 0


Test = Callable[[Case], Evidence | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A cause from the catalogue.

    id        family.name, stable: findings and METHODS.md use it
    says      the mechanism in one sentence
    patterns  shapes that it can produce in bucketed usage
    needs     the data that would decide, when this data cannot
    tests     tried in order
    """

    id: str
    says: str
    patterns: frozenset[Pattern]
    needs: str
    tests: tuple[Test, ...] = ()

    @property
    def family(self) -> str:
        """model, client, rollout, provider, workload or measurement."""
        return self.id.split(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A hypothesis after its tests.

    standing         leading: nothing on this data is better; possible: neither cleared nor
                     supported as well; ruled_out; not_tested: the data has nothing to say
    share_of_excess  share of the excess cost that it explains; None where causes share the lead
    needs            data that would decide; "" once it is ruled out
    """

    id: str
    says: str
    standing: Standing
    share_of_excess: float | None
    evidence_for: tuple[str, ...]
    evidence_against: tuple[str, ...]
    needs: str

    @property
    def family(self) -> str:
        """model, client, rollout, provider, workload or measurement."""
        return self.id.split(".")[0]

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {
            "id": self.id,
            "says": self.says,
            "standing": self.standing,
            "share_of_excess": self.share_of_excess,
            "evidence_for": list(self.evidence_for),
            "evidence_against": list(self.evidence_against),
            "needs": self.needs,
        }


def weigh(hypothesis: Hypothesis, case: Case) -> tuple[bool, int, list[Evidence]]:
    """(stands, score, evidence): whether nothing decisive speaks against it, and how well."""
    evidence: list[Evidence] = []
    if case.pattern != "unclear" and case.pattern not in hypothesis.patterns:
        evidence.append(Evidence(text=_other_shape(hypothesis, case), against=True, decisive=True))
    for test in hypothesis.tests:
        found = test(case)
        if found is not None:
            evidence.append(found)
    stands = not any(e.decisive for e in evidence)
    score = sum(-e.weight if e.against else e.weight for e in evidence)
    return stands, score, evidence


SHAPES: dict[Pattern, str] = {
    "gone": "nothing was read and nothing was written any more",
    "uncached": "what was read before came uncached, and writes did not rise",
    "rewritten_once": "what was read before was written again, once",
    "rewriting": "what was read before was written again, for longer than a cache entry lives",
    "longer_prompts": "requests carried more input in the same shares",
    "more_output": "requests drew more output",
    "dearer": "the same tokens cost more",
    "more_requests": "there was more traffic at about the same cost per request",
    "unclear": "no single shape explains the change",
}


def _other_shape(hypothesis: Hypothesis, case: Case) -> str:
    would = "; or ".join(text for shape, text in SHAPES.items() if shape in hypothesis.patterns)
    return f"Seen: {SHAPES[case.pattern]}. Expected of this cause: {would}."
