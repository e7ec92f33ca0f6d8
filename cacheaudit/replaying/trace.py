"""Block traces: each call's prompt as a list of prefix-chained block ids.

A block id names the path from the start of the prompt to the end of the block, so a block is shared
when its id is.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import SchemaError
from .split import Whole

NEEDED = ("ts", "model", "block_ids")
LISTS = (list, tuple, np.ndarray)


@dataclass(frozen=True, eq=False)
class Trace:
    """Calls in order of time.

    at_ms   (calls,) milliseconds since 1970; ties keep the order of the frame
    model   (calls,) the version that served
    prompt_tokens   (calls,) all input; -1 where not logged: its blocks then are all of it
    lengths (calls,) blocks of each
    blocks  (blocks,) numbers of the blocks, call after call; another one in another scope
    session (calls,) number of the conversation, in order of first use
    talks   whether the log names conversations; else each call is its own
    """

    at_ms: Whole
    model: npt.NDArray[np.object_]
    prompt_tokens: Whole
    lengths: Whole
    blocks: Whole
    session: Whole
    talks: bool = True

    def each(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(blocks,) for every block the one of *values* (calls,) that is its call's."""
        return np.repeat(values, self.lengths)

    @cached_property
    def starts(self) -> Whole:
        """(calls,) where each call's blocks begin."""
        starts: Whole = np.cumsum(self.lengths) - self.lengths
        return starts

    @cached_property
    def order(self) -> Whole:
        """(blocks,) by block, then by call."""
        return np.argsort(self.blocks, kind="stable")

    @cached_property
    def ordered_blocks(self) -> Whole:
        """(blocks,) their numbers in that order."""
        return self.blocks[self.order]

    @cached_property
    def ordered_ms(self) -> Whole:
        """(blocks,) when they were used, in that order."""
        return self.each(self.at_ms)[self.order]

    @cached_property
    def within(self) -> npt.NDArray[np.int32]:
        """(blocks,) place of each within its call, from 0; short numbers, for half the memory."""
        place = np.arange(len(self.blocks), dtype=np.int32)
        place -= self.each(self.starts.astype(np.int32))
        return place

    @cached_property
    def first_block(self) -> Whole:
        """(calls,) number of its first block, in order of first use; one for none."""
        firsts = np.full(len(self.lengths), -1)
        full = self.lengths > 0
        firsts[full] = self.blocks[self.starts[full]]
        return _numbered(firsts)


def trace_of(requests: pd.DataFrame) -> Trace:
    """*requests*, with `ts`, `model` and `block_ids`, as a trace.

    Raises SchemaError where a column is missing, a call has no list of ids, or a time has no zone.
    """
    if missing := [name for name in NEEDED if name not in requests.columns]:
        raise SchemaError(
            f"the block trace lacks {', '.join(missing)}; expected {', '.join(NEEDED)} (a list of"
            " prefix-chained ids per call)."
        )
    if not isinstance(requests["ts"].dtype, pd.DatetimeTZDtype):
        raise SchemaError(f"ts is {requests['ts'].dtype}; expected times with a zone.")
    ids = requests["block_ids"]
    if wrong := {kind for kind in set(map(type, ids)) if not issubclass(kind, LISTS)}:
        bad = sum(type(one) in wrong for one in ids)
        raise SchemaError(
            f"{bad:,} of {len(ids):,} calls have no list in block_ids; expected one for each call"
            " (an empty one for a prompt below a block). Leave the others out."
        )
    at_ms = requests["ts"].dt.tz_convert("UTC").dt.as_unit("ms").astype("int64").to_numpy()
    if (np.diff(at_ms) < 0).any():
        order = np.argsort(at_ms, kind="stable")
        return trace_of(requests.iloc[order])
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    return Trace(
        at_ms=at_ms,
        model=requests["model"].to_numpy(object),
        prompt_tokens=_prompts(requests),
        lengths=lengths,
        blocks=_scoped(requests, _ids(list(ids), int(lengths.sum())), lengths),
        session=_sessions(requests),
        talks="session_id" in requests.columns and bool(requests["session_id"].notna().any()),
    )


def _prompts(requests: pd.DataFrame) -> Whole:
    if "prompt_tokens" not in requests.columns:
        return np.full(len(requests), -1, np.int64)
    known = pd.to_numeric(requests["prompt_tokens"]).astype("Int64").fillna(-1)
    tokens: Whole = known.to_numpy().astype(np.int64)
    return tokens


def _ids(lists: list[Any], total: int) -> Whole:
    """All ids, one after another, as whole numbers."""
    try:
        return np.fromiter(chain.from_iterable(lists), np.int64, total)
    except (TypeError, ValueError):  # hashes written as text
        codes, _ = pd.factorize(np.array(list(chain.from_iterable(lists)), dtype=object))
        return codes.astype(np.int64)


def _scoped(requests: pd.DataFrame, blocks: Whole, lengths: Whole) -> Whole:
    """*blocks*, told apart by scope: caches are not shared between workspaces."""
    if "scope" not in requests.columns or requests["scope"].nunique(dropna=False) < 2:
        return blocks
    place, _ = pd.factorize(requests["scope"], use_na_sentinel=False)
    codes, names = pd.factorize(blocks)
    return codes.astype(np.int64) + np.repeat(place, lengths) * len(names)


def _sessions(requests: pd.DataFrame) -> Whole:
    """A number per conversation; a call without one is its own."""
    if "session_id" not in requests.columns:
        return np.arange(len(requests))
    named = requests["session_id"].reset_index(drop=True)
    alone = pd.Series(range(len(named))).map("call {}".format)
    return _numbered(named.astype("str").where(named.notna(), alone))


def _numbered(names: Any) -> Whole:
    """Numbers in order of first use."""
    codes, _ = pd.factorize(names)
    numbers: Whole = codes.astype(np.int64)
    return numbers
