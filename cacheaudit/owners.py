"""Who owns which traffic: workspaces, projects and keys to teams and services.

A table of rules: `scope`, `route`, `team`, `service`. An empty cell of the first two is any, and a
name may end in `*`. Where several rules fit, the one that names the route better wins (a key
belongs to one team, a workspace may be shared), then the one that names the scope better. What no
rule names has no owner, and is said to have none: it is never given to the nearest.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from .errors import SchemaError
from .metrics import cache_metrics, headline_rate
from .schema import label

OWNERS = ["scope", "route", "team", "service"]
NOBODY = "no owner named"


class Owner(NamedTuple):
    """A team and, where the rule names one, its service; None where no rule fits."""

    team: str | None
    service: str | None

    @property
    def name(self) -> str:
        """As a reader wants it."""
        if self.team is None:
            return NOBODY
        return self.team if self.service is None else f"{self.team}: {self.service}"


class Rule(NamedTuple):
    """One row of the table; `row` is its number in the file, from 1."""

    scope: str | None
    route: str | None
    owner: Owner
    row: int


@dataclass(frozen=True, slots=True)
class Owners:
    """Rules, and what they say of a scope and a route. Without a rule, nothing has an owner."""

    rules: tuple[Rule, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rules)

    def of(self, scope: str | None, route: str | None) -> Owner:
        """The owner of *scope* and *route*.

        Raises SchemaError where two rules fit equally well and name different owners.
        """
        fits = [
            ((_fit(rule.route, route), _fit(rule.scope, scope)), rule)
            for rule in self.rules
            if _fit(rule.scope, scope) is not None and _fit(rule.route, route) is not None
        ]
        if not fits:
            return Owner(None, None)
        best = max(fit for fit, _ in fits)
        first, *others = [rule for fit, rule in fits if fit == best]
        for other in others:
            if other.owner != first.owner:
                raise SchemaError(
                    f"rows {first.row} and {other.row} of the owners both fit scope {scope!r},"
                    f" route {route!r} and name {first.owner.name!r} and {other.owner.name!r};"
                    " expected one. Make one of them name more, or remove it."
                )
        return first.owner

    def among(self, cohorts: Iterable[tuple[str | None, str | None]]) -> tuple[str, ...]:
        """The owners of *cohorts*, each once, in order; empty without a rule."""
        if not self.rules:
            return ()
        return tuple(dict.fromkeys(self.of(*cohort).name for cohort in cohorts))


def check_owners(frame: pd.DataFrame) -> Owners:
    """The rules in *frame*: scope, route, team[, service]; names and patterns.

    Raises SchemaError for unknown columns, a row without a team, a star that is not the end, and
    a rule that stands twice. A row that names neither scope nor route owns the rest.
    """
    if unknown := [c for c in frame.columns if c not in OWNERS]:
        raise SchemaError(
            f"the owners have unknown columns {unknown}; expected only {OWNERS}."
            " Rename or drop them."
        )
    if "team" not in frame.columns or not {"scope", "route"} & set(frame.columns):
        raise SchemaError(
            f"the owners have the columns {list(frame.columns)}; expected team, and scope or route."
        )
    rules: list[Rule] = []
    seen: dict[tuple[str | None, str | None], int] = {}
    for number, row in enumerate(frame.to_dict("records"), 1):
        scope, route, team, service = (label(row.get(name)) for name in OWNERS)
        if team is None:
            raise SchemaError(f"team is empty in row {number} of the owners; expected a name.")
        for name in (scope, route):
            if name is not None and "*" in name[:-1]:
                raise SchemaError(
                    f"row {number} of the owners has {name!r}; expected a star at the end alone."
                )
        if (scope, route) in seen:
            raise SchemaError(
                f"rows {seen[scope, route]} and {number} of the owners name the same scope and"
                " route; expected each once. Remove one."
            )
        seen[scope, route] = number
        rules.append(Rule(scope, route, Owner(team, service), number))
    return Owners(tuple(rules))


def owned(frame: pd.DataFrame, owners: Owners, *, route: str = "route") -> pd.DataFrame:
    """*frame* with columns team and service, by its `scope` and its column *route*; NA where none.

    >>> table = pd.DataFrame({"scope": ["support-chat", None], "route": ["key-1", "key-1"]})
    >>> rules = check_owners(pd.DataFrame({"scope": ["support-*"], "team": ["Support"]}))
    >>> owned(table, rules)["team"].tolist()
    ['Support', nan]
    """
    pairs = [(label(a), label(b)) for a, b in zip(frame["scope"], frame[route], strict=True)]
    known = {pair: owners.of(*pair) for pair in set(pairs)}
    return frame.assign(
        team=pd.Series([known[p].team for p in pairs], index=frame.index, dtype="str"),
        service=pd.Series([known[p].service for p in pairs], index=frame.index, dtype="str"),
    )


def _fit(pattern: str | None, name: str | None) -> int | None:
    """How well *pattern* names *name*: 2 exactly, 1 by its beginning, 0 any; None: not at all."""
    if pattern is None:
        return 0
    if name is None:
        return None
    if pattern.endswith("*"):
        return 1 if name.startswith(pattern[:-1]) else None
    return 2 if pattern == name else None


def by_owner(
    usage: pd.DataFrame,
    usd: pd.Series,
    owners: Owners,
    spans: Mapping[str, tuple[pd.Timestamp, pd.Timestamp]],
) -> pd.DataFrame:
    """What each owner's traffic read from the cache, and cost, in each of *spans*; costliest first.

    usage, usd   usage frame, and the cost of each of its rows; NaN is not known
    spans        name -> [start, end); rows are counted where their bucket starts

    Columns: team, service; and per span `requests_<name>`, `rate_<name>` (headline_rate of all of
    *usage*) and `usd_per_day_<name>`. Summed over owners, cost and requests are those of *usage*.
    """
    rate = headline_rate(usage)
    rows = owned(usage, owners).assign(usd=usd)
    keys = ["team", "service"]
    found = rows[keys].drop_duplicates().set_index(keys).sort_index()
    for name, (start, end) in spans.items():
        part = rows[(rows["bucket_start"] >= start) & (rows["bucket_start"] < end)]
        sums = cache_metrics(part, keys)
        days = (end - start) / pd.Timedelta("1D")
        cost = part.groupby(keys, dropna=False)["usd"].agg(lambda s: s.sum(skipna=False)) / days
        found[f"requests_{name}"] = sums["requests"].reindex(found.index)
        found[f"rate_{name}"] = sums[rate].reindex(found.index)
        found[f"usd_per_day_{name}"] = cost.reindex(found.index)
    last = f"usd_per_day_{list(spans)[-1]}"
    return found.sort_values(last, ascending=False, kind="stable").reset_index()
