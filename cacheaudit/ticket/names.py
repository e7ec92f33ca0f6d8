"""Whose names a reader may see. A provider knows ids; a team's own names become labels.

A label stands for the same name throughout a run folder, whichever incident is told. Ids that the
provider gave out stay: of models, workspaces, projects and keys (an id of a key opens nothing).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..words import listing
from .markdown import plain

OF_PROVIDER = re.compile(r"(wrkspc|proj|apikey|key|org)_\w+")
ITS_CALL = re.compile(
    r"(req|msg|resp|chatcmpl|cmpl|gen)[-_][\w-]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
MOST_IDS = 12  # of one label
PATHS = ("path", "cost_path", "events_path", "owners_path", "requests_path", "prices_path",
         "signals_path", "probe_path")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How names are told.

    shown   name -> what stands for it in a sentence; empty: every name is told as it is
    ids     name -> ids that the provider knows it by
    scopes, routes   name -> its label
    """

    shown: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scopes: Mapping[str, str] = field(default_factory=dict)
    routes: Mapping[str, str] = field(default_factory=dict)
    open: bool = True

    def sentence(self, text: str) -> str:
        """*text* with its names as they are told, as Markdown."""
        if self.shown:
            longest = sorted(self.shown, key=len, reverse=True)
            any_of = "|".join(re.escape(name) for name in longest)
            text = re.sub(rf"(?<!\w)(?:{any_of})(?!\w)", lambda m: self.shown[m[0]], text)
        return plain(text)

    def cohort(self, scope: str | None, route: str | None) -> str:
        """A cohort in a sentence, as Markdown."""
        parts = [self.scopes.get(scope or "", scope), self.routes.get(route or "", route)]
        return plain(" via ".join(part for part in parts if part) or "all traffic")

    def scope(self, scope: str | None) -> str:
        """A workspace or project, as Markdown; nothing for none."""
        return plain(self.scopes.get(scope or "", scope or ""))

    def legend(self) -> list[str]:
        """Which ids of the provider a label stands for, as Markdown; empty where none is known."""
        known = {**self.scopes, **self.routes}
        return [
            f"{plain(label)}: {listing([_code(one) for one in self.ids[name]], MOST_IDS)}"
            for name, label in known.items()
            if name in self.ids
        ]

    def model(self, model: str | None) -> str:
        """A model id, as Markdown."""
        return plain("not named" if model is None else self.shown.get(model, model))

    def call(self, request_id: str) -> str | None:
        """A request id, as Markdown; None where the provider would not know it."""
        known = self.open or ITS_CALL.fullmatch(request_id) is not None
        return _code(request_id) if known else None


def neutral_names(findings: Mapping[str, Any], usage: pd.DataFrame) -> Names:
    """Labels for every name in *findings* and *usage* that a provider does not know.

    findings  findings.json of a postmortem; usage: the frame beside it, which has all names
    """
    params = findings["provenance"]["params"]
    ids: dict[str, tuple[str, ...]] = {}
    for one, name in params.get("names", {}).items():
        ids[name] = (*ids.get(name, ()), one)
    told = [row.get("scope") for row in findings["events"]]
    scopes = _labelled([*_values(usage, "scope"), *(s for s in told if s)], _letter)
    routes = _labelled(_values(usage, "route"), lambda n: f"route {n + 1}")
    models = {*_values(usage, "model")}
    asked = [name for name in _values(usage, "model_requested") if name not in models]
    others = {
        **_labelled(_values(usage, "client_version"), lambda n: f"client version {n + 1}"),
        **_labelled(asked, lambda n: f"requested name {n + 1}"),
        **{name: " or ".join(ids[name]) for name in models if name in ids},
        **{str(row["what"]): f"a {row['kind']} change" for row in given_events(findings)},
        **{_file(params[name]): "the file" for name in PATHS if _file(params.get(name) or "")},
    }
    return Names(
        shown={**others, **routes, **scopes}, ids=ids, scopes=scopes, routes=routes, open=False
    )


def given_events(findings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Events in a team's own words: all but version changes, which usage shows."""
    return [row for row in findings["events"] if row["kind"] != "model" or row["source"] != SEEN]


SEEN = "seen in usage"


def _code(one: str) -> str:
    """An id, to be copied; as plain text where it is none."""
    return f"`{one}`" if re.fullmatch(r"[\w.-]+", one) else plain(one)


def _labelled(names: Iterable[str], label: Any) -> dict[str, str]:
    """A label by name, in order of the alphabet; ids of a provider's own need none."""
    own = sorted({name for name in names if not OF_PROVIDER.fullmatch(name)})
    return {name: label(number) for number, name in enumerate(own)}


def _letter(number: int) -> str:
    """workspace A, ..., workspace Z, workspace AA, ..."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return f"workspace {text}"


def _values(usage: pd.DataFrame, column: str) -> list[str]:
    return [str(name) for name in usage[column].dropna().unique()]


def _file(path: str) -> str:
    """The last part of a path or URL."""
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]
