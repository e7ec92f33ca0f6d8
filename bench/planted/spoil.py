"""What goes wrong between the provider and the log. Each takes requests as served and `since_s`."""

import numpy as np
import pandas as pd

CACHED = ["cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"]


def cache_fields_lost(log: pd.DataFrame, since_s: float) -> pd.DataFrame:
    """The exporter drops the cache fields: reads and writes are 0, the prompt collapses."""
    kept = log.copy()
    kept.loc[kept["at_s"] >= since_s, CACHED] = 0
    return kept


def read_field_lost_inclusive(log: pd.DataFrame, since_s: float) -> pd.DataFrame:
    """Input is inclusive and the cached part unknown: all of the prompt looks uncached."""
    kept = log.copy()
    late = kept["at_s"] >= since_s
    kept.loc[late, "uncached_input_tokens"] += kept.loc[late, CACHED].sum(axis=1)
    kept.loc[late, CACHED] = 0
    return kept


def write_field_renamed(log: pd.DataFrame, since_s: float) -> pd.DataFrame:
    """Writes moved to another field; the parser reads the missing key as 0."""
    kept = log.copy()
    kept.loc[kept["at_s"] >= since_s, ["cache_write_5m_tokens", "cache_write_1h_tokens"]] = 0
    return kept


def read_field_renamed(log: pd.DataFrame, since_s: float) -> pd.DataFrame:
    """Reads moved to another field; the parser reads the missing key as 0."""
    kept = log.copy()
    kept.loc[kept["at_s"] >= since_s, "cache_read_tokens"] = 0
    return kept


def inclusive_read_as_exclusive(log: pd.DataFrame, since_s: float) -> pd.DataFrame:
    """The total of the input is stored as its uncached part: cached tokens count twice."""
    kept = log.copy()
    late = kept["at_s"] >= since_s
    kept.loc[late, "uncached_input_tokens"] += kept.loc[late, CACHED].sum(axis=1)
    return kept


def lines_repeated(log: pd.DataFrame, since_s: float) -> pd.DataFrame:
    """Most lines are logged twice (one per content block), with the same response id."""
    twice = log[(log["at_s"] >= since_s) & (log["side_u"] < 0.9)]
    return pd.concat([log, twice]).sort_values("at_s", kind="stable", ignore_index=True)


def last_hours_late(log: pd.DataFrame, since_s: float) -> pd.DataFrame:
    """Since *since_s* rows have arrived ever more thinly: two thirds, a third, a tenth."""
    late_h = (log["at_s"] - since_s) / 3600
    arrived = np.select([late_h < 0, late_h < 1, late_h < 2], [1.0, 0.65, 0.35], 0.1)
    return log[log["miss_u"] < arrived].reset_index(drop=True)
