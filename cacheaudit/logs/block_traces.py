"""Block traces: each call's prompt as prefix-chained block ids, line by line, as a frame.

| ours | here | Mooncake's traces |
|---|---|---|
| `ts` | `ts`, ISO 8601 with a zone | `timestamp`, ms since it began: shown as of 1970 |
| `model` | `model` | none: the name that is given |
| `block_ids` | `block_ids`, a list | `hash_ids` |
| `prompt_tokens` | `prompt_tokens`, may be left out | `input_length` |
| `session_id`, `scope` | the same, may be left out | none |

Mooncake's: https://github.com/kvcache-ai/Mooncake, FAST25-release/traces, read 2026-11: blocks of
512 tokens. A trace is taken whole or not at all: a call left out would leave others cold.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import SchemaError
from .lines import log_files, records
from .record import Record, Skip
from .values import NotUnderstood, moment, text, whole

MOONCAKE_BLOCK = 512
UNNAMED = "trace"  # the version of a trace that names none


def is_trace(where: str | Path) -> bool:
    """Whether the first record at *where* has block ids. Raises SourceError without a log there."""
    if "://" in str(where) or str(where).startswith("$"):
        return False  # an object store or a database: read as a log
    rows = records(log_files(where)[0])
    first: Any = next((one.value for one in rows if isinstance(one, Record)), None)
    return isinstance(first, Mapping) and ("block_ids" in first or "hash_ids" in first)


def read_trace(where: str | Path, *, model: str = "") -> tuple[pd.DataFrame, int | None]:
    """The trace at *where* as a frame for cacheaudit.replay, and the tokens of its blocks, where
    its form says so; *model* names a version that it lacks.

    Raises SchemaError for a line that cannot be read.
    """
    rows = [_call(file.name, one, model) for file in log_files(where) for one in records(file)]
    frame = pd.DataFrame(rows)
    ts = pd.to_datetime(frame["ts"], unit="us", utc=True).astype("datetime64[us, UTC]")
    mooncake = bool(frame.pop("hashed").all())
    return frame.assign(ts=ts).dropna(axis=1, how="all"), MOONCAKE_BLOCK if mooncake else None


def _call(name: str, one: Record | Skip, model: str) -> dict[str, Any]:
    try:
        if isinstance(one, Skip) or not isinstance(one.value, Mapping):
            raise NotUnderstood(one.why if isinstance(one, Skip) else "no object")
        return _read(one.value, model)
    except NotUnderstood as error:
        raise SchemaError(
            f"{name} line {one.line} is no call of a block trace: {error}. Mend or drop it: a trace"
            " is replayed whole."
        ) from error


def _read(row: Mapping[str, Any], model: str) -> dict[str, Any]:
    begun = row.get("timestamp")
    if "ts" not in row and not isinstance(begun, int | float):
        raise NotUnderstood("no ts and no timestamp in milliseconds")
    ids = row.get("block_ids", row.get("hash_ids"))
    if not isinstance(ids, list):
        raise NotUnderstood("block_ids is no list")
    return {
        "ts": moment(row["ts"], "ts") if "ts" in row else round(1000 * float(begun or 0)),
        "provider": text(row.get("provider")) or "self-hosted",
        "model": text(row.get("model")) or model or UNNAMED,
        "prompt_tokens": whole(row.get("prompt_tokens", row.get("input_length")), "prompt_tokens"),
        "session_id": text(row.get("session_id")),
        "scope": text(row.get("scope")),
        "block_ids": ids,
        "hashed": "block_ids" not in row,
    }
