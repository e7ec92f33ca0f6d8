"""Lanes held in memory: numbers and orders that serve any number of cutovers."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from .blocks import Marks, Versions
from .lanes import Lanes
from .split import Whole

NONE = -1


@dataclass(frozen=True, eq=False)
class Held:
    """Lanes as columns, in order of time; numbers are NONE where the log has nothing.

    absent   columns that the log does not have; name: (calls,) of the shared prefix, as logged

    prefix, session   (calls,) number of the entry; scopes are told apart
    prefix_place, session_place   (calls,) its number among all of the log, in order of first use:
                      what a split goes by
    """

    absent: frozenset[str]
    name: npt.NDArray[np.object_]
    at_ms: Whole
    model: Versions
    prefix: Whole
    session: Whole
    prefix_place: Whole
    session_place: Whole
    head: Whole
    cached: Whole
    prompt: Whole
    measured: Marks

    def between(self, low_ms: int, high_ms: int) -> Self:
        """The calls in [low_ms, high_ms)."""
        part = slice(*np.searchsorted(self.at_ms, [low_ms, high_ms]))
        columns = [one.name for one in fields(self) if one.name != "absent"]
        return replace(self, **{name: getattr(self, name)[part] for name in columns})

    @property
    def session_began_ms(self) -> Whole:
        """(calls,) when each conversation began; a call outside of any, itself."""
        first = pd.Series(self.at_ms).groupby(self.session).transform("min").to_numpy(np.int64)
        return np.where(self.session == NONE, self.at_ms, first)

    @cached_property
    def by_prefix(self) -> Whole:
        """Calls with a prefix, prefix after prefix, each in order of time."""
        return _ordered(self.prefix)

    @cached_property
    def by_session(self) -> Whole:
        """The same of conversations."""
        return _ordered(self.session)


def held_of(lanes: Lanes) -> Held:
    """Read *lanes* into memory."""
    frame = lanes.table.to_pandas()
    frame = frame.sort_values(["at_ms", "turn", "request_id"], kind="stable", ignore_index=True)
    at_ms = frame["at_ms"].to_numpy(np.int64)
    return Held(
        absent=lanes.absent,
        name=frame["prefix_id"].astype("object").to_numpy(),
        at_ms=at_ms,
        model=frame["model"].to_numpy(object),
        prefix=_entries(frame, "prefix_id"),
        session=_entries(frame, "session_id"),
        prefix_place=_places(frame["prefix_id"], at_ms),
        session_place=_places(frame["session_id"], at_ms),
        head=frame["head"].astype("Float64").fillna(NONE).to_numpy().astype(np.int64),
        cached=frame["cached"].to_numpy(np.int64),
        prompt=frame["prompt"].to_numpy(np.int64),
        measured=frame["measured"].to_numpy(bool),
    )


def _entries(frame: pd.DataFrame, key: str) -> Whole:
    """A number per scope and key; NONE without a key."""
    codes = frame.groupby(["scope", key], dropna=False, sort=False).ngroup()
    known = frame[key].notna().to_numpy()
    return np.where(known, codes.to_numpy().astype(np.int64), NONE)


def _places(names: pd.Series, at_ms: Whole) -> Whole:
    """lanes' numbers for a split: of names in order of first use, else of the call itself."""
    known = names.notna().to_numpy()
    uses = pd.DataFrame({"name": names[known].to_numpy(object), "first": at_ms[known]})
    ordered = uses.sort_values(["first", "name"], kind="stable")["name"].drop_duplicates()
    place = pd.Series(np.arange(len(ordered)), index=ordered.to_numpy())
    numbers = np.arange(len(names), dtype=np.int64)
    numbers[known] = place.reindex(uses["name"]).to_numpy().astype(np.int64)
    return numbers


def _ordered(numbers: Whole) -> Whole:
    known = np.flatnonzero(numbers != NONE)
    return known[np.argsort(numbers[known], kind="stable")]
