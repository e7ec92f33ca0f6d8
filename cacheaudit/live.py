"""What a probe measured on the live API, as a diagnosis and its report use it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from .errors import SchemaError
from .model_ids import base_id
from .rules import ModelRule, rule

MEASURED = "measured"  # evidence of a rule that nobody's page states


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Answers of one probe.

    day       it was made on
    own_prompts   whether the team's own request bodies were sent
    models    label -> (provider, model) of each candidate
    answers   as in findings.json (`probe[]`)
    minimums  (provider, base id) -> tokens of the smallest prefix that was cached
    """

    day: date
    own_prompts: bool
    models: Mapping[str, tuple[str, str]]
    answers: tuple[Mapping[str, Any], ...]
    minimums: Mapping[tuple[str, str], int]

    @property
    def prompts(self) -> str:
        """Whose prompts were sent."""
        return "the team's own" if self.own_prompts else "synthetic"

    def rule(self, provider: str, model: str) -> ModelRule | None:
        """What is documented of *model*, with its minimum as it was measured, if it was."""
        documented = rule(provider, model)
        tokens = self.minimums.get((provider, base_id(provider, model)))
        if tokens is None:
            return documented
        known = documented or ModelRule(
            provider=provider, model=base_id(provider, model), minimum_tokens=None, ttl_s=None,
            writes_billed=None, tokenizer=None, valid_from=None, source_url="",
            checked_on=self.day, evidence=MEASURED,
        )  # fmt: skip
        return replace(known, minimum_tokens=tokens, checked_on=self.day, evidence=MEASURED)

    def about(self, *models: str) -> list[Mapping[str, Any]]:
        """The answers about any of *models*, under any of their spellings."""
        asked = {base_id("", model) for model in models}
        return [
            one
            for one in self.answers
            if base_id("", self.models.get(str(one["candidate"]), ("", ""))[1]) in asked
        ]


def live_of(document: Mapping[str, Any]) -> Live:
    """The answers in the findings of a probe that was executed. Raises SchemaError for others."""
    if document.get("kind") != "probe" or not document.get("executed"):
        raise SchemaError(
            f"found the findings of a {document.get('kind') or 'file that names no kind'}; expected"
            " findings.json of a probe that was executed (cacheaudit probe --execute)."
        )
    models = {
        str(one["name"]): (str(one["provider"]), str(one["model"]))
        for one in document["candidates"]
    }
    answers = tuple(document["probe"])
    minimums = {}
    for one in answers:
        if one["question"] == "smallest" and one["value"] is not None:
            provider, model = models[str(one["candidate"])]
            minimums[provider, base_id(provider, model)] = int(one["value"])
    return Live(
        day=date.fromisoformat(str(document["provenance"]["fetched_at"])[:10]),
        own_prompts=bool(document["provenance"]["params"].get("prompts_path")),
        models=models,
        answers=answers,
        minimums=minimums,
    )
