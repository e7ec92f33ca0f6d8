"""Sums of the ledger -> rows as the providers write them. Pure."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pandas as pd

from ..schema import COUNTS

Price = Callable[[str, str, str, pd.Timestamp], float | None]
Row = dict[str, Any]

ANTHROPIC_TOKEN_TYPES = {  # count column -> its token type in Anthropic's cost reports
    "uncached_input_tokens": "uncached_input_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_5m_tokens": "cache_creation.ephemeral_5m_input_tokens",
    "cache_write_1h_tokens": "cache_creation.ephemeral_1h_input_tokens",
    "output_tokens": "output_tokens",
}
OPENAI_LINE_ITEMS = {  # count column -> what follows the model in OpenAI's line items
    "uncached_input_tokens": "input",
    "cache_read_tokens": "cached input",
    "cache_write_30m_tokens": "cache writes",
    "cache_write_other_tokens": "cache writes",
    "cache_write_12h_tokens": "cache writes - 12hr",
    "output_tokens": "output",
}


def plain(sums: pd.DataFrame) -> list[Row]:
    """One dict per row of *sums*, with None where a value is NA."""
    columns = {name: _plain(sums[name]) for name in sums.columns}
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _plain(column: pd.Series) -> list[Any]:
    values = column.astype(object)
    return values.where(values.notna(), None).tolist()


def anthropic_counts(row: Row) -> Row:
    """The counts that Anthropic's two usage reports share."""
    return {
        "uncached_input_tokens": row["uncached_input_tokens"],
        "cache_read_input_tokens": row["cache_read_tokens"],
        "cache_creation": {
            "ephemeral_5m_input_tokens": row["cache_write_5m_tokens"],
            "ephemeral_1h_input_tokens": row["cache_write_1h_tokens"],
        },
        "output_tokens": row["output_tokens"],
        "server_tool_use": {"web_search_requests": 0},
    }


def total_tokens(row: Row) -> int:
    """All tokens of *row* that are reported."""
    return sum(row[name] or 0 for name in COUNTS if name != "requests")


def openai_counts(row: Row) -> Row:
    """Counts of OpenAI's usage report, where input is a total."""
    by_30m, by_12h = row["cache_write_30m_tokens"], row["cache_write_12h_tokens"]
    writes = [by_30m, by_12h, row["cache_write_other_tokens"]]
    known = [value for value in writes if value is not None]
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": total_tokens(row) - (row["output_tokens"] or 0),
        "input_cached_tokens": row["cache_read_tokens"],
        "input_uncached_tokens": row["uncached_input_tokens"],
        "input_cache_write_tokens": sum(known) if known else None,
        "input_cache_write_30m_tokens": by_30m,
        "input_cache_write_12h_tokens": by_12h,
        "output_tokens": row["output_tokens"],
        "num_model_requests": row["requests"],
    }


def priced(sums: pd.DataFrame, provider: str, kinds: dict[str, str], price: Price) -> pd.DataFrame:
    """*sums* (by model, in buckets of at most a day) -> one row per kind of token, with `usd`.

    Tokens without a price, and kinds without tokens, have no row. Price asks for the schema's
    token types (uncached_input, cache_read, cache_write_5m, ...).
    """
    labels = [name for name in sums.columns if name not in COUNTS]
    long = sums.melt(labels, list(kinds), "column", "tokens").dropna(subset="tokens")
    long = long[(long["tokens"] > 0) & long["model"].notna()]
    days = long["bucket_start"].dt.floor("D")
    keys = list(zip(long["model"], long["column"], days, strict=True))
    rate = {k: price(provider, k[0], k[1].removesuffix("_tokens"), k[2]) for k in set(keys)}
    per_mtok = pd.Series([rate[key] for key in keys], index=long.index, dtype="float64")
    costs = long.assign(usd=long["tokens"].astype("float64") * per_mtok / 1e6)
    return costs.assign(kind=costs["column"].map(kinds)).dropna(subset="usd")


def cents(usd: float) -> str:
    """A decimal text in cents, as in Anthropic's cost reports.

    >>> cents(1.2378912)
    '123.78912'
    """
    return format((Decimal(repr(usd)) * 100).normalize(), "f")


def buckets(start: pd.Timestamp, end: pd.Timestamp, width: pd.Timedelta) -> Iterator[pd.Timestamp]:
    """Starts of the buckets that [start, end) touches."""
    yield from pd.date_range(start.floor(width), end, freq=width, inclusive="left")
