"""The tables every later module reads, described once.

**Usage frame**: one row per bucket and key, buckets half-open and in UTC. The token columns
are disjoint: a token is counted in exactly one of them, whatever its provider calls it.
`NA` means *not reported*; it is never the same as 0.

    column                    dtype             meaning
    bucket_start, bucket_end  datetime64, UTC   [start, end)
    provider                  str               anthropic, openai, bedrock, ...
    model                     str or NA         the version that served (NA: the source did not say)
    model_requested           str or NA         what the caller asked for
    scope                     str or NA         workspace or project
    route                     str or NA         API key, gateway: what tells callers apart
    client_version            str or NA         release of the caller
    service_tier, context_window, region, speed   str or NA   price dimensions
    requests                  Int64 or NA       calls
    uncached_input_tokens     Int64 or NA       tokens neither read nor written
    cache_read_tokens         Int64 or NA       tokens read from the cache
    cache_write_5m_tokens     Int64 or NA       tokens kept 5 minutes (30m, 1h, 12h: likewise)
    cache_write_other_tokens  Int64 or NA       tokens written, lifetime not reported
    output_tokens             Int64 or NA       tokens
    billed_usd                Float64 or NA     charged, where billed by this very bucket and key

Required are `bucket_start`, `bucket_end`, `provider`, `model` and one token column; any other
column that is absent is NA throughout. No column is called `input_tokens`: providers mean
opposite things by it.

**Cost table**: `day`, `provider`, `model`, `scope`, `api_key`, `token_type`, `cost_type`,
`amount_usd` (charged), `list_usd` (before discount). Rows are never deduplicated: real exports
repeat complete keys.

**Events**: `at`, `kind` (see EVENT_KINDS), `what`, `scope`, `source`.

**Signals**: `at`, `name`, `value`, `unit`; drawn beside the hit rate.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from .errors import SchemaError

LIFETIMES = ["5m", "30m", "1h", "12h", "other"]
CACHE_WRITE = [f"cache_write_{life}_tokens" for life in LIFETIMES]
INPUT = ["uncached_input_tokens", "cache_read_tokens", *CACHE_WRITE]
TOKENS = [*INPUT, "output_tokens"]
COUNTS = ["requests", *TOKENS]
BUCKET = ["bucket_start", "bucket_end"]
COHORT = ["scope", "route"]
Cohort = tuple[str | None, str | None]  # values of COHORT; None stands for NA
PRICE_DIMENSIONS = ["service_tier", "context_window", "region", "speed"]
LABELS = ["provider", "model", "model_requested", *COHORT, "client_version", *PRICE_DIMENSIONS]
KEY = [*BUCKET, *LABELS]
USAGE = [*KEY, *COUNTS, "billed_usd"]
USAGE_REQUIRED = [*BUCKET, "provider", "model"]

COST_LABELS = ["provider", "model", "scope", "api_key", "token_type", "cost_type"]
COST = ["day", *COST_LABELS, "amount_usd", "list_usd"]
TOKEN_TYPES = ["uncached_input", "cache_read", *(f"cache_write_{x}" for x in LIFETIMES), "output"]

EVENT_KINDS = ["model", "client", "gateway", "prompt", "config", "price", "provider"]
EVENTS = ["at", "kind", "what", "scope", "source"]
SIGNALS = ["at", "name", "value", "unit"]


def label(value: Any) -> str | None:
    """A label out of a frame: text, or None for NA."""
    return None if pd.isna(value) else str(value)


def cohorts_of(rows: pd.DataFrame) -> list[Cohort]:
    """(scope, route) of each of *rows*, in their order."""
    return [(label(s), label(r)) for s, r in zip(rows["scope"], rows["route"], strict=True)]


def check_usage(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a new usage frame: all columns, their dtypes, sorted by key.

    Absent optional columns become NA. Raises SchemaError when a required column or every token
    column is missing, a time is not UTC, a count is negative or not whole, a bucket ends before
    it starts, a key repeats, or two buckets of one key overlap (an hour beside its minutes).
    """
    _demand(frame, USAGE_REQUIRED, "a usage frame")
    if not set(TOKENS) & set(frame.columns):
        raise SchemaError(f"the usage frame has no token column; expected one of {TOKENS}.")
    if unknown := [c for c in frame.columns if c not in USAGE]:
        raise SchemaError(
            f"the usage frame has unknown columns {unknown}; expected only {USAGE}."
            " Rename or drop them."
        )
    usage = pd.DataFrame({c: _column(frame, c) for c in USAGE})
    if (backwards := ~(usage["bucket_end"] > usage["bucket_start"])).any():
        first = usage.loc[backwards, "bucket_start"].iloc[0]
        raise SchemaError(
            f"{int(backwards.sum())} buckets do not end after they start (first: {first});"
            " expected half-open [bucket_start, bucket_end)."
        )
    for count in COUNTS:
        if (usage[count] < 0).any():
            raise SchemaError(
                f"{count} is below zero in {int((usage[count] < 0).sum())} rows; expected counts."
                " An inclusive total was probably read as the uncached rest."
            )
    usage = usage.sort_values(KEY, ignore_index=True, na_position="first")
    return _without_overlaps(usage)


def empty_usage() -> pd.DataFrame:
    """A usage frame without rows: what a cost export alone amounts to."""
    return check_usage(
        pd.DataFrame({c: pd.Series(dtype=_dtype(c)) for c in [*USAGE_REQUIRED, *COUNTS]})
    )


def empty_events() -> pd.DataFrame:
    """An events frame without rows: nothing was given."""
    return check_events(pd.DataFrame({c: pd.Series(dtype=_dtype(c)) for c in EVENTS}))


def empty_signals() -> pd.DataFrame:
    """A signals frame without rows: nothing was given."""
    return check_signals(pd.DataFrame({c: pd.Series(dtype=_dtype(c)) for c in SIGNALS}))


def check_cost(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a new cost table, sorted by day; repeated keys are kept, they are real."""
    _demand(frame, ["day", "provider", "amount_usd"], "a cost table")
    cost = pd.DataFrame({c: _column(frame, c) for c in COST})
    return cost.sort_values(["day", *COST_LABELS], ignore_index=True, na_position="first")


def check_events(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a new events frame, sorted by time; refuses kinds outside EVENT_KINDS."""
    _demand(frame, ["at", "kind", "what"], "an events table")
    events = pd.DataFrame({c: _column(frame, c) for c in EVENTS})
    if unknown := sorted(set(events["kind"]) - set(EVENT_KINDS)):
        raise SchemaError(f"unknown event kinds {unknown}; expected one of {EVENT_KINDS}.")
    return events.sort_values(["at", "kind", "what"], ignore_index=True)


def check_signals(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a new signals frame, sorted by name and time."""
    _demand(frame, ["at", "name", "value"], "a signals table")
    signals = pd.DataFrame({c: _column(frame, c) for c in SIGNALS})
    return signals.sort_values(["name", "at"], ignore_index=True)


def _demand(frame: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    if missing := [c for c in columns if c not in frame.columns]:
        raise SchemaError(
            f"{what} needs the columns {missing}; found {list(frame.columns)}."
            " Rename yours, or see docs/SOURCES.md."
        )


def _dtype(column: str) -> str:
    if column in {*BUCKET, "day", "at"}:
        return "datetime64[us, UTC]"
    if column in COUNTS:
        return "Int64"
    if column in {"billed_usd", "amount_usd", "list_usd", "value"}:
        return "Float64"
    return "str"


def _column(frame: pd.DataFrame, column: str) -> pd.Series:
    """*column* of *frame* in its dtype; NA throughout where it is absent."""
    if column not in frame.columns:
        return pd.Series(pd.NA, index=range(len(frame)), dtype=_dtype(column), name=column)
    values = frame[column]
    if _dtype(column).startswith("datetime64") and len(frame):
        zone = getattr(values.dtype, "tz", None)
        if str(zone) != "UTC":
            raise SchemaError(
                f"{column} is {values.dtype}; expected datetimes in UTC."
                " Use pd.to_datetime(..., utc=True)."
            )
    try:
        typed: pd.Series = values.astype(_dtype(column))  # type: ignore[call-overload]
    except (TypeError, ValueError) as error:
        raise SchemaError(
            f"{column} is {values.dtype} and holds values that are not {_dtype(column)};"
            " expected whole counts, numbers or text, with empty for not reported."
        ) from error
    return typed.reset_index(drop=True)


def _without_overlaps(usage: pd.DataFrame) -> pd.DataFrame:
    """*usage* (sorted by key), or an error if a token would be counted twice."""
    if (repeated := usage.duplicated(KEY)).any():
        first = usage.loc[repeated, KEY].iloc[0].dropna().astype(str).to_dict()
        raise SchemaError(
            f"{int(repeated.sum())} keys repeat (first: {first}); expected one row per bucket"
            " and key. Sum them, or add the column that tells them apart."
        )
    before = usage.groupby(LABELS, dropna=False, sort=False)["bucket_end"].shift()
    overlaps = usage["bucket_start"] < before
    if overlaps.any():
        first = usage.loc[overlaps, "bucket_start"].iloc[0]
        raise SchemaError(
            f"{int(overlaps.sum())} buckets overlap the one before them (first: {first});"
            " expected disjoint buckets, else tokens count twice."
        )
    return usage
