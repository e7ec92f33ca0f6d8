"""A log that is replayed: opened, and what it says of each version in it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..errors import ParamError, UnfitData
from ..logs.block_traces import is_trace, read_trace
from ..logs.opening import open_log
from ..replaying.lanes import Lanes, lanes_of
from ..replaying.trace import Trace, trace_of
from ..request_table import answered, written_tokens


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReplayedLog:
    """A request log or a block trace.

    told    by version and provider: calls; prompt_tokens and read_tokens of those that say both
    block_tokens   of a block trace; 1 of a request log
    """

    source: ir.Table | pd.DataFrame
    told: pd.DataFrame
    block_tokens: int
    notes: tuple[str, ...]

    @property
    def models(self) -> list[str]:
        """The versions that served, by name."""
        return sorted(set(map(str, self.told["model"])))

    def of(self, *models: str) -> Lanes | Trace:
        """The calls on *models*, ready for replays.

        Raises UnfitData for a log in which nobody can tell which call re-uses which.
        """
        if isinstance(self.source, pd.DataFrame):
            return trace_of(self.source[self.source["model"].isin(models)])
        lanes = lanes_of(self.source.filter(self.source.model.isin(models)))
        if {"prefix_id", "session_id"} <= lanes.absent:
            raise UnfitData(
                "the log names no conversations (session_id) and no shared prefixes (prefix_id), so"
                " nobody can tell which call re-uses which; expected one of them. Name the log's"
                " own with --columns."
            )
        return lanes

    def version(self, name: str) -> str:
        """*name*, which must have served; without one, the only version. Raises ParamError."""
        if name in self.models or (not name and len(self.models) == 1):
            return name or self.models[0]
        near = get_close_matches(name, self.models, n=1)
        hint = f"did you mean {near[0]}?" if near else "see --from."
        raise ParamError(
            f"--from is {name!r}; expected one of the versions in the log,"
            f" {', '.join(self.models) or 'which has no call'}; {hint}"
        )

    def provider(self, model: str) -> str:
        """Who served *model*. Raises ParamError where it was more than one."""
        told = sorted(set(map(str, self.told.loc[self.told["model"] == model, "provider"])))
        if len(told) == 1:
            return told[0]
        raise ParamError(f"{model} was served by {' and '.join(told)}; expected one: --provider.")

    def read_share(self, model: str) -> float | None:
        """What the log itself says was read of all input; None where it does not."""
        mine = self.told[self.told["model"] == model]
        read, whole = mine["read_tokens"].sum(min_count=1), mine["prompt_tokens"].sum()
        return None if pd.isna(read) or not whole else float(read) / float(whole)

    def calls(self, model: str) -> int:
        """How many there are."""
        return int(self.told.loc[self.told["model"] == model, "calls"].sum())


def opened(
    where: str, *, table: str, format: str, columns: Mapping[str, str], model: str,
    block_tokens: int | None,
) -> ReplayedLog:  # fmt: skip
    """The log at *where*, parameters as of open_log; *model* names the version of a trace that
    names none, *block_tokens* its blocks' length. Raises what the readers raise."""
    if table or format or columns or not is_trace(where):
        log = open_log(where, table=table, format=format, columns=columns or None)
        return ReplayedLog(source=log.table, told=_told(log.table), block_tokens=1, notes=log.notes)
    frame, known = read_trace(where, model=model)
    if block_tokens is None and known is None:
        raise ParamError("a block trace does not say how long its blocks are; expected"
                         " --block-tokens, such as 128.")  # fmt: skip
    told = frame.groupby(["model", "provider"], as_index=False).agg(calls=("ts", "size"))
    return ReplayedLog(
        source=frame, told=told.assign(prompt_tokens=math.nan, read_tokens=math.nan),
        block_tokens=block_tokens or known or 1, notes=(),
    )  # fmt: skip


def _told(table: ir.Table) -> pd.DataFrame:
    calls = answered(table)
    read = calls.cache_read_tokens
    classes = read + written_tokens(calls) + calls.uncached_input_tokens
    prompt = ibis.coalesce(classes, calls.prompt_tokens)
    both = read.notnull() & prompt.notnull()
    sums = calls.group_by(["model", "provider"]).aggregate(
        calls=calls.count(), prompt_tokens=prompt.sum(where=both), read_tokens=read.sum(where=both)
    )
    found: pd.DataFrame = sums.to_pandas()
    return found
