"""Several organisations, or several providers, in one report.

`pulls` maps a name to a parameter file; each is pulled by its own source, with its own key
(`key_variable`), and its scopes are prefixed by the name: `acme/support-chat`, or `acme` where the
provider names no scope. So the same workspace name in two organisations stays two cohorts. Window
and bucket are this run's where it sets them, else each file's own; the rest is each file's. A pull
that fails fails the whole: a report on half of the organisations would pass for the whole.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from ..errors import AuditError, ParamError
from ..params import PostmortemParams, read_params_file
from ..schema import check_cost, check_usage
from .pull import Pull


def fetch(params: PostmortemParams, *, now: pd.Timestamp | None = None) -> Pull:
    """The pulls of `params.pulls`, one after the other, as one."""
    from . import fetch as fetch_one  # this module is one of its sources

    if not params.pulls:
        raise ParamError("source is several and pulls is empty; expected name: parameter file.")
    found = {}
    for name, file in params.pulls.items():
        own = _own_params(name, file, params)
        try:
            found[name] = fetch_one(own, now=now)
        except AuditError as error:
            raise type(error)(f"{name}: {error}") from error
    return _together(found)


def _own_params(name: str, file: str, params: PostmortemParams) -> PostmortemParams:
    """Of the file, with this run's window and bucket over it where they are set."""
    if "/" in name or not name:
        raise ParamError(f"pulls names {name!r}; expected a name without a slash.")
    given = {"start": params.start, "end": params.end}
    chosen = {key: value for key, value in given.items() if value}
    own = read_params_file(PostmortemParams, Path(file), chosen | {"bucket": params.bucket})
    own = replace(
        own,
        store_path=own.store_path or params.store_path,
        store_label=own.store_label or name,
    )
    if own.source in ("several", "sample"):
        raise ParamError(f"{file} of {name} has source {own.source}; expected one that pulls.")
    return own


def _together(found: dict[str, Pull]) -> Pull:
    prefixed = {name: _prefixed(name, pull) for name, pull in found.items()}
    costs = [p.cost for p in prefixed.values() if p.cost is not None]
    refreshed = [p.refreshed_at for p in prefixed.values() if p.refreshed_at is not None]
    without = [name for name, p in prefixed.items() if p.cost is None]
    notes = [f"{name}: {note}" for name, p in prefixed.items() for note in p.notes]
    if costs and without:
        notes.append(f"No cost report for {', '.join(without)}: charges are the others' alone.")
    return Pull(
        usage=check_usage(pd.concat([p.usage for p in prefixed.values()], ignore_index=True)),
        source="; ".join(f"{name}: {p.source}" for name, p in prefixed.items()),
        start=min(p.start for p in prefixed.values()),
        end=max(p.end for p in prefixed.values()),
        cost=check_cost(pd.concat(costs, ignore_index=True)) if costs else None,
        refreshed_at=min(refreshed, default=None),
        notes=tuple(notes),
    )


def _prefixed(name: str, pull: Pull) -> Pull:
    """*pull* with *name* before each scope."""

    def inside(scope: pd.Series) -> pd.Series:
        return (name + "/" + scope).where(scope.notna(), name)

    usage = pull.usage.assign(scope=inside(pull.usage["scope"]))
    cost = None if pull.cost is None else pull.cost.assign(scope=inside(pull.cost["scope"]))
    return replace(pull, usage=usage, cost=cost)
