"""Anthropic's older usage and cost reports -> usage frame and cost table.

Legacy but supported; for organizations without the analytics API, and for what lies before
2026-01-01.

**Where.** GET /v1/organizations/usage_report/messages and /v1/organizations/cost_report, with the
header `anthropic-version: 2023-06-01`. No SDK has a method for them, hence `client.get`.
**Key.** An Admin API key in ANTHROPIC_ADMIN_KEY, else in ANTHROPIC_API_KEY.

**How tokens map** (disjoint at the provider too)

    ours                    result
    uncached_input_tokens   uncached_input_tokens
    cache_read_tokens       cache_read_input_tokens
    cache_write_5m_tokens   cache_creation.ephemeral_5m_input_tokens (nested: the flat
    cache_write_1h_tokens   cache_creation.ephemeral_1h_input_tokens  name does not exist here)
    output_tokens           output_tokens
    model, context_window   model, context_window
    service_tier, region    service_tier, inference_geo
    scope                   workspace_id; null is the default workspace: "default"
    route                   api_key_id; null is the Console and its playground: "console"

Cost: `amount` is a decimal text in *cents*, charged; there is no list price. Daily, of finished
days only, without the Priority Tier, by workspace and not by key.

**What it cannot tell.** Requests: `requests` is NA throughout. `speed` needs a beta. Users report
that a range is filled only for the calendar month of its end, so each month is asked by itself,
and that a default workspace can be left out with HTTP 200; a month that comes back empty between
months that do not is said in the notes.

Source: platform.claude.com/docs, Admin API, state of 2026-08-14; anthropic 2.12.0.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import anthropic
import pandas as pd

from .. import clock
from ..params import PostmortemParams
from ..store.report import Read, Report, live
from .anthropic import ACCESS as ANALYTICS
from .anthropic import borrowed, token_counts, token_type
from .pages import Access, Page, read_pages
from .pull import Pull, demand_a_day, demand_window
from .rows import (
    Row,
    bucket_results,
    demand_rows,
    dig,
    dollars,
    report,
    saved_pull,
    some,
)

PATHS = {
    "usage": "/v1/organizations/usage_report/messages",
    "cost": "/v1/organizations/cost_report",
}
GROUPS = {
    "usage": [
        "model", "workspace_id", "api_key_id", "context_window", "service_tier", "inference_geo",
    ],
    "cost": ["workspace_id", "description"],
}  # fmt: skip
VERSION = {"anthropic-version": "2023-06-01"}  # the version these two are documented for
PAGE_BUCKETS = {"1d": 31, "1h": 168, "1m": 1440}  # the API's maxima
NOTES = (
    "Anthropic's legacy report counts no requests.",
    "Anthropic's legacy cost report leaves out the Priority Tier.",
)
ACCESS = replace(ANALYTICS, permission="an Admin API key (sk-ant-admin01-…)")


def fetch(
    params: PostmortemParams,
    *,
    now: pd.Timestamp | None = None,
    client: anthropic.Anthropic | None = None,
    read: Read = live,
) -> Pull:
    """Usage and cost of the window, or the usage pages saved at `params.path`.

    *read* is how reports are read: `live`, or through a store.
    """
    if params.path:
        return saved_pull(params, usage_rows, NOTES[:1])
    now = now or clock.now()
    start, end = demand_window(params.window, now)
    start = start.floor(params.width)
    with borrowed(client, params, ACCESS) as api:
        usage = read(
            _report(api, ACCESS.named(params.key_variable), "usage", params.bucket), start, end
        ).frame
        hint = "Check the window; reports of a default workspace are known to come back empty."
        demand_rows(usage, "Anthropic", (start, end), hint)
        first, last = start.floor("D"), min(end.ceil("D"), now.floor("D"))
        cost = some(
            read(_report(api, ACCESS.named(params.key_variable), "cost", "1d"), first, last).frame
        )
    empty = () if cost is not None else ("Anthropic's cost report has no finished day here.",)
    return Pull(
        usage=usage,
        source="Anthropic usage_report/messages and cost_report (legacy)",
        start=start,
        end=end,
        cost=cost,
        notes=(*NOTES, *empty, *_empty_months(usage, start, end)),
    )


def fetch_minutes(
    params: PostmortemParams,
    start: pd.Timestamp,
    end: pd.Timestamp,
    *,
    client: anthropic.Anthropic | None = None,
    read: Read = live,
) -> pd.DataFrame:
    """Usage by the minute in [start, end), at most 24 h; without rows if nothing was used."""
    start = start.floor("min")
    demand_a_day(start, end)
    with borrowed(client, params, ACCESS) as api:
        return read(
            _report(api, ACCESS.named(params.key_variable), "usage", "1m"), start, end
        ).frame


def usage_rows(pages: list[Page]) -> list[Row]:
    """Pages of the usage report -> rows of a usage frame; empty buckets have none."""
    return [_usage_row(bucket, result) for bucket, result in bucket_results(pages)]


def cost_rows(pages: list[Page]) -> list[Row]:
    """Pages of the cost report -> rows of a cost table."""
    return [_cost_row(bucket, result) for bucket, result in bucket_results(pages)]


def months(start: pd.Timestamp, end: pd.Timestamp) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    """Cut [start, end) at the first of each month, half-open."""
    while start < end:
        following = start.floor("D") + pd.offsets.MonthBegin(1)
        yield start, min(following, end)
        start = following


def _usage_row(bucket: object, result: object) -> Row:
    return {
        "bucket_start": dig(bucket, "starting_at"),
        "bucket_end": dig(bucket, "ending_at"),
        "provider": "anthropic",
        "model": dig(result, "model"),
        "scope": _named(result, "workspace_id", "default"),
        "route": _named(result, "api_key_id", "console"),
        "service_tier": dig(result, "service_tier"),
        "context_window": dig(result, "context_window"),
        "region": dig(result, "inference_geo"),
        **token_counts(result),
    }


def _named(result: object, field: str, null: str) -> str | None:
    """The id in *field*; *null* where it is null, None where the field is absent."""
    absent = not isinstance(result, dict) or field not in result
    return None if absent else dig(result, field) or null


def _cost_row(bucket: object, result: object) -> Row:
    amount, currency = dig(result, "amount"), dig(result, "currency")
    return {
        "day": dig(bucket, "starting_at"),
        "provider": "anthropic",
        "model": dig(result, "model"),
        "scope": _named(result, "workspace_id", "default"),
        "token_type": token_type(dig(result, "token_type")),
        "cost_type": dig(result, "cost_type"),
        "amount_usd": dollars(amount, currency, per_dollar=100),
    }


def _report(api: anthropic.Anthropic, access: Access, name: str, bucket: str) -> Report:
    """The usage or the cost report. It is known to leave things out, so empty is not settled."""
    return report(
        name,
        {"usage": usage_rows, "cost": cost_rows}[name],
        endpoint=str(api.base_url),
        bucket=bucket,
        ask=partial(_pages, api, access, name, bucket),
        doubt_empty=True,
    )


def _pages(
    api: anthropic.Anthropic,
    access: Access,
    name: str,
    bucket: str,
    start: pd.Timestamp,
    end: pd.Timestamp,
) -> list[Page]:
    query = {"bucket_width": bucket, "limit": PAGE_BUCKETS[bucket], "group_by": GROUPS[name]}
    asks = (
        partial(_body, api, PATHS[name], query | _window(low, high))
        for low, high in months(start, end)
    )
    return read_pages(access, f"{name} report", asks)


def _window(start: pd.Timestamp, end: pd.Timestamp) -> dict[str, str]:
    return {"starting_at": start.isoformat(), "ending_at": end.isoformat()}


def _body(api: anthropic.Anthropic, path: str, query: dict[str, Any], token: str | None) -> object:
    turn = {"page": token} if token else {}
    options: Any = {"params": query | turn, "headers": VERSION}
    return api.get(path, cast_to=object, options=options)


def _empty_months(usage: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> Iterator[str]:
    for low, high in months(start, end):
        if not usage["bucket_start"].between(low, high, inclusive="left").any():
            yield (
                f"Anthropic returned no usage from {low:%Y-%m-%d} to {high:%Y-%m-%d}; this report"
                " is known to leave months out. Compare with the Console before trusting it."
            )
