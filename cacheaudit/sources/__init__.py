"""Origins of usage, one module each. Adding one is a module, a row here and a payload test.

A source is imported when it is asked: the providers' SDKs take seconds, and a file needs neither.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import pandas as pd

from .. import clock
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


SOURCES = (
    "sample", "frame", "log", "litellm_daily", "console", "anthropic", "anthropic_legacy", "openai",
    "several",
)  # fmt: skip

LOOPBACK = ("127.0.0.1", "localhost", "::1")
NAMED = ("scope", "route", "model")  # labels that are ids at some providers
A_DAY = pd.Timedelta("1D")
MOST_CUTOVERS = 3  # each costs a few pages more; later ones are told from hours
TOLERANCE = 0.001  # of tokens: minutes that disagree with their hour by more are not used


def fetch_usage(params: PostmortemParams) -> pd.DataFrame:
    """Usage frame of *params*: `fetch(params).usage`."""
    return fetch(params).usage


def fetch(params: PostmortemParams, *, now: pd.Timestamp | None = None) -> Pull:
    """Pull from the source that *params* names, with minutes around cutovers, and name its ids.

    What a provider answers is kept in the store at `store_path` (store/__init__.py says how), its
    minutes too; "" keeps nothing. Files are read as they are, whatever `store_path` says.
    `store_label` names the account there; "" tells accounts apart by a salted hash of the key.

    Raises ParamError for an unknown source, SourceError and its kin for what goes wrong there.
    """
    if params.source not in SOURCES:
        near = get_close_matches(params.source, SOURCES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {sorted(SOURCES)}."
        raise ParamError(f"no source is called {params.source!r}; {hint}")
    source = cast(Source, import_module(f".{params.source}", __package__))
    offered: Minutes | None = getattr(source, "fetch_minutes", None)
    with _reading(params, getattr(source, "ACCESS", None), now) as how:
        pull = source.fetch(params, now=now, **how)
        if params.minutes and offered is not None and not params.path and params.bucket != "1m":
            pull = _with_minutes(pull, params, partial(offered, **how))
    return _named(_here(pull, params.base_url), params.names)


def _here(pull: Pull, base_url: str) -> Pull:
    """*pull*, which says so where this machine answered, as a sandbox does."""
    host = urlsplit(base_url).hostname or ""
    if host not in LOOPBACK:
        return pull
    note = f"Answered by {host}, this machine, not by the provider: a sandbox's history is made up."
    return replace(pull, notes=(*pull.notes, note))


def rebuild_store(store_path: str) -> int:
    """Make the store at *store_path*, which is gone or was moved away, from the pages beside it.

    Returns how many answers it holds. Raises SourceError where a file is there already, or the
    pages are missing, cut or of two stores.
    """
    from ..store.rebuild import rebuild
    from .rows import report_frame

    def frame_of(source: str, name: str) -> Any:
        module = import_module(f".{source}", __package__)
        rows_of = {"usage": module.usage_rows, "cost": module.cost_rows}[name]
        return partial(report_frame, name, rows_of)

    return rebuild(Path(store_path), frame_of)


@contextmanager
def _reading(
    params: PostmortemParams, access: Any, now: pd.Timestamp | None
) -> Iterator[dict[str, Any]]:
    """The argument that makes a source read through the store; none for files.

    Between the first question and the last no other process can use the store.
    """
    if access is None or params.path or not params.store_path:
        yield {}
        return
    from ..store.keep import open_store

    key = access.named(params.key_variable).key()
    with open_store(Path(params.store_path), now=now or clock.now()) as store:
        yield {"read": store.reader(source=params.source, key=key, label=params.store_label)}


def _with_minutes(pull: Pull, params: PostmortemParams, offered: Minutes) -> Pull:
    """*pull* with the buckets of the 24 h around each cutover replaced by their minutes."""
    usage, notes = pull.usage, list(pull.notes)
    cutovers = sorted({c.start for c in version_changes(usage)})
    for at in cutovers[:MOST_CUTOVERS]:
        middle = at.floor(params.width)
        low = middle if params.width >= A_DAY else middle - A_DAY / 2
        # whole buckets alone: minutes of one that is not finished have none to replace
        start, end = pull.start.ceil(params.width), pull.end.floor(params.width)
        low, high = max(low, start), min(low + A_DAY, end)
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
    """*pull* with ids of workspaces, keys and models replaced by names; the same name is summed."""
    if not names:
        return pull
    usage = pull.usage.assign(**{c: pull.usage[c].replace(names) for c in NAMED})
    values = [*COUNTS, "billed_usd"]
    usage = usage.groupby(KEY, dropna=False, observed=True)[values].sum(min_count=1).reset_index()
    cost = pull.cost
    if cost is not None:
        cost = cost.assign(**{c: cost[c].replace(names) for c in ("scope", "api_key", "model")})
    return replace(pull, usage=check_usage(usage), cost=cost)
