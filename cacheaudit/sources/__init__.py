"""Origins of usage, one module each. Adding one is a module, a row here and a payload test.

A source is imported when it is asked: the providers' SDKs take seconds, and a file needs neither.
"""

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from typing import Protocol, cast

import pandas as pd

from ..errors import ParamError
from ..events import version_changes
from ..params import PostmortemParams
from ..schema import COUNTS, KEY, TOKENS, check_usage
from .pull import Pull

__all__ = ["SOURCES", "Pull", "fetch", "fetch_usage"]


class Fetch(Protocol):
    """What a source offers: parameters in, a whole pull out, or an error."""

    def __call__(self, params: PostmortemParams, *, now: pd.Timestamp | None = None) -> Pull: ...


Minutes = Callable[[PostmortemParams, pd.Timestamp, pd.Timestamp], pd.DataFrame]


class Source(Protocol):
    """A module of this room; `fetch_minutes` only where its origin offers minutes."""

    fetch: Fetch


SOURCES = ("sample", "frame", "console", "anthropic", "anthropic_legacy", "openai")

A_DAY = pd.Timedelta("1D")
MOST_CUTOVERS = 3  # each costs a few pages more; later ones are told from hours
TOLERANCE = 0.001  # of tokens: minutes that disagree with their hour by more are not used


def fetch_usage(params: PostmortemParams) -> pd.DataFrame:
    """Usage frame of *params*: `fetch(params).usage`."""
    return fetch(params).usage


def fetch(params: PostmortemParams, *, now: pd.Timestamp | None = None) -> Pull:
    """Pull from the source that *params* names, with minutes around cutovers, and name its ids.

    Raises ParamError for an unknown source, SourceError and its kin for what goes wrong there.
    """
    if params.source not in SOURCES:
        near = get_close_matches(params.source, SOURCES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {sorted(SOURCES)}."
        raise ParamError(f"no source is called {params.source!r}; {hint}")
    source = cast(Source, import_module(f".{params.source}", __package__))
    pull = source.fetch(params, now=now)
    offered: Minutes | None = getattr(source, "fetch_minutes", None)
    if params.minutes and offered is not None and not params.path and params.bucket != "1m":
        pull = _with_minutes(pull, params, offered)
    return _named(pull, params.names)


def _with_minutes(pull: Pull, params: PostmortemParams, offered: Minutes) -> Pull:
    """*pull* with the buckets of the 24 h around each cutover replaced by their minutes."""
    usage, notes = pull.usage, list(pull.notes)
    cutovers = sorted({c.start for c in version_changes(usage)})
    for at in cutovers[:MOST_CUTOVERS]:
        middle = at.floor(params.width)
        low = middle if params.width >= A_DAY else middle - A_DAY / 2
        low, high = max(low, pull.start.floor("min")), min(low + A_DAY, pull.end.floor("min"))
        inside = (usage["bucket_start"] >= low) & (usage["bucket_end"] <= high)
        if not inside.any() or (usage.loc[inside, "bucket_end"].max() > high):
            continue
        minutes = offered(params, low, high)
        coarse = usage.loc[inside, TOKENS].sum().sum()
        if abs(minutes[TOKENS].sum().sum() - coarse) > TOLERANCE * coarse:
            notes.append(
                f"Minutes around {at:%Y-%m-%d %H:%M} UTC do not add up to their buckets and were"
                " not used: data was still arriving."
            )
            continue
        usage = check_usage(pd.concat([usage[~inside], minutes], ignore_index=True))
    if len(cutovers) > MOST_CUTOVERS:
        notes.append(
            f"{len(cutovers)} cutovers; the first {MOST_CUTOVERS} were pulled by the minute."
        )
    return replace(pull, usage=usage, notes=tuple(notes))


def _named(pull: Pull, names: dict[str, str]) -> Pull:
    """*pull* with ids of workspaces and keys replaced by names; ids that share one are summed."""
    if not names:
        return pull
    usage = pull.usage.assign(
        scope=pull.usage["scope"].replace(names), route=pull.usage["route"].replace(names)
    )
    values = [*COUNTS, "billed_usd"]
    usage = usage.groupby(KEY, dropna=False, observed=True)[values].sum(min_count=1).reset_index()
    cost = pull.cost
    if cost is not None:
        cost = cost.assign(
            scope=cost["scope"].replace(names), api_key=cost["api_key"].replace(names)
        )
    return replace(pull, usage=check_usage(usage), cost=cost)
