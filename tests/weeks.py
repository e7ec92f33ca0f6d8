"""Made-up weeks by the hour: shares that are known, with a little noise. All made up."""

import numpy as np
import pandas as pd

from cacheaudit.schema import check_usage

END = pd.Timestamp("2026-11-09", tz="UTC")  # a Monday
START = END - pd.Timedelta("28D")
WEEK = (END - pd.Timedelta("7D"), END)
HAIKU, SONNET = "claude-haiku-4-5-20251001", "claude-sonnet-4-6"


def hours_before(end: float) -> pd.Timestamp:
    """So many hours before the end of the data."""
    return END - pd.Timedelta(hours=end)


def cohort(
    scope: str | None = "chat",
    *,
    seed: int = 0,
    read: float = 0.8,
    then: tuple[tuple[pd.Timestamp, float], ...] = (),
    tokens: float = 1e6,
    weekend: float = 1.0,
    model: str = SONNET,
    start: pd.Timestamp = START,
    end: pd.Timestamp = END,
    output: float = 0.02,
    **labels: str,
) -> pd.DataFrame:
    """Traffic of *scope* by the hour: *read* of its input is read, the rest half written.

    then     (from when, share read) of later stretches
    tokens   prompt tokens of an hour, by day and night alike; weekend: part of it then
    """
    rng = np.random.default_rng(seed)
    at = pd.date_range(start, end, freq="1h", inclusive="left")
    share = np.full(len(at), read)
    for since, level in then:
        share[at >= since] = level
    share = np.clip(share + rng.normal(0, 0.01, len(at)), 0, 1)
    prompt = tokens * rng.normal(1, 0.03, len(at)) * np.where(at.day_of_week >= 5, weekend, 1.0)
    rest = prompt * (1 - share) / 2
    return pd.DataFrame({
        "bucket_start": at, "bucket_end": at + pd.Timedelta("1h"), "provider": "anthropic",
        "model": model, "scope": scope, "route": "gateway", "requests": 100,
        "uncached_input_tokens": rest.round().astype("int64"),
        "cache_read_tokens": (prompt * share).round().astype("int64"),
        "cache_write_5m_tokens": rest.round().astype("int64"),
        "output_tokens": (prompt * output).round().astype("int64"), **labels,
    })  # fmt: skip


def usage_of(*cohorts: pd.DataFrame) -> pd.DataFrame:
    """A usage frame of *cohorts*."""
    return check_usage(pd.concat(cohorts, ignore_index=True))
