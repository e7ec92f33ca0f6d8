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
    blind   the data lacks what the test would look at; the sentence says what
    """

    text: str
    against: bool = False
    decisive: bool = False
    weight: int = 0
    blind: bool = False


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
    needs            data that would decide; "" once it is decided
    score            sum of the weights of its evidence, those against negative
    ruled_out_by     the first sentence that decides against it; "" where none does
    """

    id: str
    says: str
    standing: Standing
    share_of_excess: float | None
    evidence_for: tuple[str, ...]
    evidence_against: tuple[str, ...]
    needs: str
    score: int = 0
    ruled_out_by: str = ""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A hypothesis with its evidence; the score is the sum of weights, those against negative."""

    hypothesis: Hypothesis
    evidence: tuple[Evidence, ...]

    @property
    def stands(self) -> bool:
        """Whether nothing decisive speaks against it."""
        return not any(e.decisive for e in self.evidence)

    @property
    def blind(self) -> bool:
        """Whether the data lacks what one of its tests would look at."""
        return any(e.blind for e in self.evidence)

    @property
    def score(self) -> int:
        """How well it fits, over its rivals."""
        return sum(-e.weight if e.against else e.weight for e in self.evidence)


def weigh(hypothesis: Hypothesis, case: Case) -> Weighed:
    """Try every test of *hypothesis* on *case*.

    A hypothesis of another shape is out; what else is decisive against it is said as well.
    """
    found = tuple(e for test in hypothesis.tests if (e := test(case)) is not None)
    if case.shapes != {"unclear"} and not case.shapes & hypothesis.patterns:
        other = Evidence(text=_other_shape(hypothesis, case), against=True, decisive=True)
        found = (*(e for e in found if e.decisive), other)
    return Weighed(hypothesis=hypothesis, evidence=found)


SHAPES: dict[Pattern, str] = {
    "gone": "nothing read and nothing written any more",
    "uncached": "what was read before now uncached, without more writes",
    "rewritten_once": "what was read before written again, once",
    "rewriting": "what was read before written again, for longer than an entry lives",
    "mixed": "every cohort at its old rate, with other weights",
    "longer_prompts": "more input per request in the same shares",
    "more_output": "more output per request",
    "dearer": "the same tokens at a higher price",
    "more_requests": "more traffic at about the same cost per request",
    "unclear": "no single shape",
}


def _other_shape(hypothesis: Hypothesis, case: Case) -> str:
    would = ", or ".join(text for shape, text in SHAPES.items() if shape in hypothesis.patterns)
    return f"The data shows {SHAPES[case.pattern]}; this cause would show {would}."
