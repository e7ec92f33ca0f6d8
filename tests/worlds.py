"""Small histories for the sandbox, and transports that answer by hand. All made up."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import numpy as np
import pandas as pd

from cacheaudit.params import PostmortemParams
from cacheaudit.schema import TOKENS, check_usage

NOW = pd.Timestamp("2026-10-16 00:00", tz="UTC")
START = pd.Timestamp("2026-09-01 00:00", tz="UTC")
WRITES = {
    "anthropic": ["cache_write_5m_tokens", "cache_write_1h_tokens"],
    "openai": ["cache_write_30m_tokens", "cache_write_12h_tokens"],
}
COHORTS = [
    ("model-1", "team-a", "key-1"),
    ("model-2", "team-a", "key-2"),
    ("model-2", "team-b", None),
]


def history(provider: str, days: int = 45, every: str = "20min", seed: int = 1) -> pd.DataFrame:
    """A usage frame of single minutes, one *every* so often, for three cohorts."""
    rng = np.random.default_rng(seed)
    starts = pd.date_range(START, START + pd.Timedelta(days=days), freq=every, inclusive="left")
    window = "0-200k" if provider == "anthropic" else None
    counts = ["requests", "uncached_input_tokens", "cache_read_tokens", "output_tokens"]
    counts += WRITES[provider]
    return check_usage(
        pd.concat(
            [
                pd.DataFrame(
                    {
                        "bucket_start": starts,
                        "bucket_end": starts + pd.Timedelta("1min"),
                        "provider": provider,
                        "model": model,
                        "scope": scope,
                        "route": route,
                        "service_tier": "standard",
                        "context_window": window,
                        **{
                            c: rng.integers(0, 10**6, len(starts))
                            for c in counts + WRITES[provider]
                        },
                    }
                )
                for model, scope, route in COHORTS
            ],
            ignore_index=True,
        )
    )


def flat_price(provider: str, model: str, token_type: str, day: pd.Timestamp) -> float:
    """2 USD per million tokens, whatever they are."""
    return 2.0


def totals(usage: pd.DataFrame, by: list[str]) -> dict[Any, dict[str, int]]:
    """Tokens by cohort, for comparison: {key: {column: sum}}."""
    sums = usage.groupby(by, dropna=False)[TOKENS].sum()
    return {str(key): row for key, row in sums.to_dict("index").items()}


def asking(base_url: str = "", **changes: Any) -> PostmortemParams:
    """Parameters for the whole history by the hour."""
    window = {"start": "2026-09-01", "end": "2026-10-16"}
    return PostmortemParams(base_url=base_url, **{**window, **changes})


def answering(
    answer: Callable[[httpx2.Request], Any], seen: list[Any] | None = None
) -> httpx2.Client:
    """An HTTP client that asks *answer* instead of the network; the requests go to *seen*."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(request)
        found = answer(request)
        if isinstance(found, httpx2.Response):
            return found
        return httpx2.Response(200, content=json.dumps(found).encode(), headers=JSON)

    return httpx2.Client(transport=httpx2.MockTransport(handle))


JSON = {"content-type": "application/json"}
NOTHING = {"data": [], "has_more": False, "next_page": None}
