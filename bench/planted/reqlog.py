"""Requests as served -> the request table of a team that logs."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from .frames import stamp

ALWAYS = [
    "ts", "provider", "model", "scope", "route", "request_id", "uncached_input_tokens",
    "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens",
    "status",
]  # fmt: skip
OPTIONAL = [
    "model_requested", "session_id", "prefix_id", "prefix_tokens", "client_version", "latency_ms",
    "first_token_ms", "region", "endpoint", "process_id", "turn_index", "marker_sent",
    "system_hash", "tools_hash", "cache_miss_reason",
]  # fmt: skip
COLUMNS = [*ALWAYS, *OPTIONAL]
TEXT = [
    "provider", "model", "model_requested", "scope", "route", "request_id", "session_id",
    "prefix_id", "client_version", "region", "endpoint", "process_id", "system_hash",
    "tools_hash", "cache_miss_reason",
]  # fmt: skip


def request_table(requests: pd.DataFrame, optional: Sequence[str]) -> pd.DataFrame:
    """The request table, by time, with the columns *optional* of OPTIONAL beside ALWAYS."""
    cohort = requests["cohort"].astype(str).to_numpy()
    session = cohort + "-" + requests["session"].astype(str).to_numpy()
    system = _hashes("system", requests, "text")
    tools = _hashes("tools", requests, "tools")
    endpoint = np.char.add("ep-", requests["endpoint"].to_numpy().astype(str))
    made = {
        "ts": stamp(requests["at_s"]).to_numpy(),
        "request_id": [f"req_{i:07d}" for i in requests["row"]],
        "session_id": session,
        "prefix_id": system + tools,
        "system_hash": system,
        "tools_hash": tools,
        "region": np.full(len(requests), "us-east-1"),
        "endpoint": endpoint,
        "process_id": session + "-p" + requests["process"].astype(str).to_numpy(),
        "turn_index": requests["turn"].to_numpy(),
        "status": 200,
    }
    table = pd.DataFrame(
        {c: made[c] if c in made else requests[c].to_numpy() for c in [*ALWAYS, *optional]}
    )
    table["ts"] = pd.to_datetime(table["ts"], utc=True).astype("datetime64[us, UTC]")
    for column in [c for c in TEXT if c in table]:
        table[column] = table[column].astype("str")
    for column in [c for c in table if c.endswith("_tokens")]:
        table[column] = table[column].astype("Int64")
    if (table["provider"] == "openai").all():
        table = table.drop(columns=["cache_write_5m_tokens", "cache_write_1h_tokens"])
    return table


def _hashes(what: str, requests: pd.DataFrame, column: str) -> np.ndarray:
    """A short hash per cohort and number in *column*; hashes nothing but numbers."""
    pairs = requests["cohort"].astype(str) + ":" + requests[column].astype(str)
    code, names = pd.factorize(pairs)
    short = [hashlib.blake2b(f"{what}:{n}".encode(), digest_size=5).hexdigest() for n in names]
    return np.array(short, object)[code]
