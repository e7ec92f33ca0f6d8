"""Whom to ask: a version of a model behind an endpoint, and what it turned out to offer."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from ..errors import AccessDenied, ParamError
from ..model_ids import base_id
from ..params import VARIABLE
from ..rules import ModelRule, rule

Api = Literal["messages", "responses", "chat"]
PROVIDERS: dict[str, str] = {"messages": "anthropic", "responses": "openai", "chat": "openai"}
KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
ADDRESSES = {"anthropic": "ANTHROPIC_BASE_URL", "openai": "OPENAI_BASE_URL"}  # not ours: see notes
FIELDS = (
    "model", "name", "api", "incumbent", "base_url", "key_variable", "headers", "provider",
    "served_as",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One version to be measured.

    model         as it is asked for
    name          in the report; the model's own where it is ""
    api           messages (Anthropic), responses or chat (OpenAI)
    incumbent     whether production runs on it today
    base_url      endpoint; "" is the provider's own. A gateway, Bedrock's compatible endpoint or
                  a server of one's own
    key_variable  environment variable with the key; "" is the provider's usual one. The key must
                  be of production's own workspace or project, because caches end there
    headers       further headers; a value `$NAME` is taken from the environment
    provider      whose prices and cache rules apply; "" is the one whose API it is
    served_as     further names that the endpoint may answer with, exactly as it writes them: a
                  deployment at Azure, a group of LiteLLM, a prefix as in `anthropic/NAME`, what
                  `NAME-latest` stands for. An answer by one of them is the model's, at its price
    """

    model: str
    name: str = ""
    api: Api = "messages"
    incumbent: bool = False
    base_url: str = ""
    key_variable: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    provider: str = ""
    served_as: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.model:
            raise ParamError("a candidate has no model; expected its id.")
        if self.api not in PROVIDERS:
            raise ParamError(f"api is {self.api!r}; expected one of {sorted(PROVIDERS)}.")
        if self.key_variable and not VARIABLE.fullmatch(self.key_variable):
            raise ParamError(
                f"key_variable of {self.model} is no name of an environment variable. The key"
                " itself belongs into the environment, never here."
            )
        if not isinstance(self.served_as, list | tuple) or not all(
            isinstance(one, str) and one for one in self.served_as
        ):
            raise ParamError(
                f"served_as of {self.model} is no list of names; expected those that the endpoint"
                " answers with, exactly as it writes them."
            )
        address = urlsplit(self.base_url)
        if address.query or "@" in address.netloc:
            raise ParamError(
                f"base_url of {self.model} holds a user, a password or a query, and parameters are"
                " written into the report; expected the endpoint alone, and the key in the"
                " environment."
            )
        for name, value in self.headers.items():
            may_hold = any(word in name.lower() for word in SECRETS)
            if value[:1] != "$" and (may_hold or value.lower().startswith(("bearer ", "basic "))):
                raise ParamError(
                    f"the header {name} of {self.model} may hold a secret, and parameters are"
                    " written into the report; expected $NAME, and the value in the environment."
                )

    @property
    def label(self) -> str:
        """What it is called in receipts and reports."""
        return self.name or self.model

    @property
    def sold_by(self) -> str:
        """Whose prices and rules apply."""
        return self.provider or PROVIDERS[self.api]

    @property
    def rule(self) -> ModelRule | None:
        """What is documented of its cache."""
        return rule(self.sold_by, self.model)

    def key(self) -> str:
        """The key, from the environment. Raises AccessDenied where it is not there."""
        name = self.key_variable or KEYS[PROVIDERS[self.api]]
        key = os.environ.get(name, "")
        if not key:
            raise AccessDenied(
                f"{name} is not set; expected the key for {self.label}, of the workspace or project"
                " that production runs in."
            )
        if not key.isascii() or not key.isprintable() or key != key.strip():
            raise AccessDenied(
                f"{name} holds a line break, a blank at its end or letters that no key has;"
                " expected the key alone. Set it again."
            )
        return key

    def sent_headers(self) -> dict[str, str]:
        """The headers, with each $NAME from the environment. Raises AccessDenied."""
        found = {}
        for name, value in self.headers.items():
            if value.startswith("$") and value[1:] not in os.environ:
                raise AccessDenied(f"{value} is not set; the header {name} needs it.")
            found[name] = os.environ[value[1:]] if value.startswith("$") else value
        return found

    def answers(self, served: str) -> bool:
        """Whether *served*, the model of a response, is what was asked for: it, one of served_as,
        or a snapshot of a name without a date. What is not said is believed."""
        if not served or served in self.served_as:
            return True
        days = [DAY.findall(name)[-1:] for name in (self.model, served)]
        if all(days) and days[0] != days[1]:
            return False
        asked, told = (base_id(self.sold_by, name) for name in (self.model, served))
        return told == asked or (asked, told) in ALIASES


DAY = re.compile(r"20\d\d-?\d\d-?\d\d")
ALIASES = {("gpt-5.6", "gpt-5.6-sol")}  # seen in recorded responses, 2026-11
SECRETS = ("auth", "key", "token", "secret", "cookie", "pass", "credential", "signature")


def candidates_of(given: list[dict[str, Any]]) -> tuple[Candidate, ...]:
    """Candidates as a parameter file writes them. Raises ParamError, also for two of one name."""
    found = []
    for number, one in enumerate(given, 1):
        if unknown := sorted(set(one) - set(FIELDS)):
            raise ParamError(f"candidate {number} has {unknown}; expected some of {list(FIELDS)}.")
        if not one.get("model"):
            raise ParamError(f"candidate {number} has no model; expected its id.")
        names = one.get("served_as", ())
        found.append(
            Candidate(**one | {"served_as": tuple(names) if isinstance(names, list) else names})
        )
    labels = [one.label for one in found]
    if twice := {label for label in labels if labels.count(label) > 1}:
        raise ParamError(f"two candidates are called {sorted(twice)[0]!r}; give each a name.")
    if sum(one.incumbent for one in found) > 1:
        raise ParamError("two candidates are the incumbent; expected one at most.")
    return tuple(found)
