"""Request logs by hand: a few calls of which every gap and every token is known."""

from typing import Any

import pandas as pd

from tests.planted import START

CUT = START + pd.Timedelta("10D")
END = START + pd.Timedelta("20D")


def call(at_s: float, **changes: Any) -> dict[str, Any]:
    """One call *at_s* seconds after START: a warm read of 1,000 tokens, unless told otherwise."""
    plain = {
        "ts": START + pd.Timedelta(seconds=at_s),
        "provider": "anthropic",
        "model": "claude-opus-4-6",
        "scope": "chat",
        "route": "gateway",
        "uncached_input_tokens": 100,
        "cache_read_tokens": 1000,
        "cache_write_5m_tokens": 0,
        "output_tokens": 50,
    }
    return {**plain, **changes}


def log(*calls: dict[str, Any]) -> pd.DataFrame:
    """A request table of *calls*."""
    return pd.DataFrame(list(calls))


def talk(
    at_s: float, session: str, read: int = 1000, written: int = 0, **changes: Any
) -> dict[str, Any]:
    """A call of a conversation on the prefix p, *at_s* seconds after START."""
    own = {
        "session_id": session,
        "prefix_id": "p",
        "cache_read_tokens": read,
        "cache_write_5m_tokens": written,
    }
    return call(at_s, **{**own, **changes})
