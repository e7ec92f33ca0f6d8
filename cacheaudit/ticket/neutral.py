"""What a provider may be told of a run folder. It knows its ids; a team's own names become labels.

A label stands for the same name throughout a run folder, whichever incident is told. Ids that the
provider gave out stay: of models, workspaces, projects and keys (an id of a key opens nothing).
What is another provider's is left out.
"""

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from ..schema import COHORT, Cohort
from ..schema import label as label_of
from .known import its_id, public_model
from .names import Names
from .vocabulary import foreign, kit_words

SEEN = "seen in usage"
PATHS = ("path", "cost_path", "events_path", "owners_path", "requests_path", "prices_path",
         "signals_path", "probe_path")  # fmt: skip
SHORTEST = 3  # characters of a name that can be told from a part of something else
ELSEWHERE = "a model that you do not serve"


def neutral_names(
    findings: Mapping[str, Any], usage: pd.DataFrame, one: Mapping[str, Any], *, keep: bool = False
) -> Names:
    """How *findings* and *usage* are told to the provider that serves most of the incident *one*.

    findings  findings.json of a postmortem; usage: the frame beside it, which has all names
    keep      tell the names of workspaces, keys and releases as they are
    """
    to, mixed = _addressee(usage, one)
    theirs = usage[usage["provider"] == to]
    ids = _given_ids(findings, to)
    places = [*findings["events"], *findings["log"].get("request_ids", [])]
    places += [c for each in findings["incidents"] for c in each["cohorts"]]
    places += [heir for c in list(places) for heir in c.get("baseline_of") or ()]
    labels = _kept if keep else partial(_labelled, to)
    scopes = labels([*_values(usage, "scope"), *_told(places, "scope")], "workspace")
    routes = labels([*_values(usage, "route"), *_told(places, "route")], "route")
    models, others = _models(usage, theirs, findings, to)
    asked = [name for name in _values(usage, "model_requested") if name not in models]
    public = {name for name in asked if public_model(to, name)}
    shown = {
        **labels(_values(usage, "client_version"), "client version"),
        **labels([name for name in asked if name not in public], "requested name"),
        **models,
        **{str(row["what"]): str(row["what"]) if keep else "one of ours"
           for row in given_events(findings)},
        **routes,
        **scopes,
    }  # fmt: skip
    told = [*public, *(part for one in models.values() for part in one.split(" or "))]
    words = kit_words() | {one.lower() for one in told}
    elsewhere = {*others, *(name for name in _values(usage, "provider") if name != to)}
    elsewhere |= {
        n for c in ("scope", "route") for n in {*_values(usage, c)} - {*_values(theirs, c)}
    }
    elsewhere |= _unsaid(findings)
    silent = elsewhere | {name for name, label in shown.items()
                          if name != label and _may_be_a_word(name, words)}  # fmt: skip
    return Names(
        to=to,
        shown={n: label for n, label in shown.items() if n.strip() and n not in silent},
        silent=frozenset(name for name in silent if name.strip()),
        words=words,
        ids=ids,
        scopes=scopes,
        routes=routes,
        models={**models, **dict.fromkeys(others, ELSEWHERE)},
        theirs=_cohorts(theirs),
        other_models=frozenset(others),
        mixed=mixed,
        events=keep,
        log_format=findings["log"].get("format"),
    )


def given_events(findings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Events in a team's own words: all but version changes, which usage shows."""
    return [row for row in findings["events"] if row["kind"] != "model" or row["source"] != SEEN]


def _unsaid(findings: Mapping[str, Any]) -> set[str]:
    """Teams, services, files and organisations: no sentence needs them."""
    params = findings["provenance"]["params"]
    cohorts = [c for one in findings["incidents"] for c in one["cohorts"]]
    paths = [*(params.get(name) or "" for name in PATHS), *params.get("pulls", {}).values()]
    files = {re.split(r"[/\\]", path.rstrip("/\\"))[-1] for path in paths}
    return {*files, *params.get("pulls", {}), *_told(cohorts, "team"), *_told(cohorts, "service")}


def _addressee(usage: pd.DataFrame, one: Mapping[str, Any]) -> tuple[str, bool]:
    """The provider with most requests, else rows, of what fell; whether there are others."""
    low, high = pd.Timestamp(one["incident"]["start"]), one["incident"]["end"]
    rows = usage[usage["bucket_start"] >= low]
    if high is not None:
        rows = rows[rows["bucket_start"] < pd.Timestamp(high)]
    fell = {(c["scope"], c["route"]) for c in one["cohorts"] if c["affected"]}
    if fell:
        pairs = zip(rows["scope"], rows["route"], strict=True)
        rows = rows[[(label_of(scope), label_of(route)) in fell for scope, route in pairs]]
    rows = usage if rows.empty else rows
    size = rows["requests"].astype("Float64").fillna(1).groupby(rows["provider"]).sum()
    return str(size.idxmax()), len(size) > 1


def _given_ids(findings: Mapping[str, Any], to: str) -> dict[str, tuple[str, ...]]:
    """Name -> ids as the provider *to* makes them, by the names that the postmortem was given."""
    ids: dict[str, tuple[str, ...]] = {}
    for one, name in findings["provenance"]["params"].get("names", {}).items():
        if its_id(to, one):
            ids[name] = (*ids.get(name, ()), one)
    return ids


def _models(
    usage: pd.DataFrame,
    theirs: pd.DataFrame,
    findings: Mapping[str, Any],
    to: str,
) -> tuple[dict[str, str], set[str]]:
    """Models that served: what is told of each, and those that only other providers serve."""
    others = {*_values(usage, "model")} - {*_values(theirs, "model")}
    cohorts = [c for one in findings["incidents"] for c in one["cohorts"]]
    named = [*_told(findings["log"].get("request_ids", []), "model"),
             *_told(cohorts, "moved_from"), *_told(cohorts, "moved_to")]  # fmt: skip
    own = [*_values(theirs, "model"), *(name for name in named if name not in others)]
    given: dict[str, list[str]] = {}
    for one, name in findings["provenance"]["params"].get("names", {}).items():
        if public_model(to, one):
            given.setdefault(name, []).append(one)
    told = {name: " or ".join(given[name]) if name in given else public_model(to, name)
            for name in own}  # fmt: skip
    unknown = [name for name, known in told.items() if known is None]
    models = {name: known for name, known in told.items() if known is not None}
    return {**models, **_labelled(to, unknown, "model")}, others


def _may_be_a_word(name: str, words: frozenset[str]) -> bool:
    """Whether a sentence could hold *name* and not mean it."""
    return len(name.strip()) < SHORTEST or not foreign(name, words)


def _labelled(to: str, names: Iterable[str], kind: str) -> dict[str, str]:
    """A label by name, in order of the alphabet; ids that the provider *to* made need none."""
    every = sorted(set(names))
    own = [name for name in every if not its_id(to, name)]
    labels = {name: f"{kind} {_letters(number)}" for number, name in enumerate(own)}
    return {name: labels.get(name, name) for name in every}


def _kept(names: Iterable[str], _: str) -> dict[str, str]:
    return {name: name for name in sorted(set(names))}


def _letters(number: int) -> str:
    """A, ..., Z, AA, ..."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def _values(usage: pd.DataFrame, column: str) -> list[str]:
    return [str(name) for name in usage[column].dropna().unique()]


def _told(rows: Iterable[Mapping[str, Any]], key: str) -> list[str]:
    return [str(row[key]) for row in rows if row.get(key)]


def _cohorts(usage: pd.DataFrame) -> frozenset[Cohort]:
    pairs = usage[COHORT].drop_duplicates().itertuples(index=False)
    return frozenset((label_of(scope), label_of(route)) for scope, route in pairs)
