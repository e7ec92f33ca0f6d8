"""Anthropic's Usage and Cost Analytics API (beta) -> usage frame and cost table.

**Where.** GET /v1/organizations/analytics/usage and /cost, through
`client.beta.organization.analytics.usage.list` and `.cost.list` (anthropic 2.2 and later).
**Key.** An Admin API key, or a key with the scope `read:analytics`, in ANTHROPIC_ADMIN_KEY, else
in ANTHROPIC_API_KEY.

**How tokens map** (disjoint at the provider too)

    ours                    row
    requests                usage.requests; NA where model is null (see below)
    uncached_input_tokens   usage.uncached_input_tokens
    cache_read_tokens       usage.cache_read_input_tokens
    cache_write_5m_tokens   usage.cache_creation.ephemeral_5m_input_tokens
    cache_write_1h_tokens   usage.cache_creation.ephemeral_1h_input_tokens
    output_tokens           usage.output_tokens
    model, scope, route     group.model, group.workspace_id, group.api_key_id
    service_tier, context_window   group.service_tier, group.context_window

Cost: `amount` (after discount, before credit) and `list_amount` are decimal texts in *cents*;
both become dollars. Cost rows are never deduplicated. Buckets of cost are whole UTC days, so the
first and the last may reach beyond the window.

**What it cannot tell.** A request takes at most 5 dimensions, and those above are 5: `region`
(inference_geo) and `speed` are NA here, and so is `model_requested`. A null workspace means usage
of Claude Enterprise, a null key usage without a key. Rows without a model are code execution;
their `requests` count execution spans, so they are not requests to us. Nothing before
2026-01-01, nor more than 365 days back: source `anthropic_legacy` reaches further.

The start is moved back to the beginning of its bucket. The last bucket may be unfinished:
`refreshed_at` says until when the provider calls its data complete.

Source: platform.claude.com/docs, manage-claude/usage-cost-analytics-api, October to November
2026; types of anthropic 2.12.0.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import anthropic
import httpx2
import pandas as pd

from .. import clock
from ..errors import ParamError
from ..params import PostmortemParams
from ..store.report import Read, Report, live
from .pages import Access, Page, read_pages, windowed
from .pull import Pull, demand_a_day, demand_window, split_window
from .rows import (
    Row,
    demand_rows,
    dig,
    dollars,
    oldest,
    report,
    saved_pull,
    some,
)

EARLIEST = pd.Timestamp("2026-01-01", tz="UTC")  # of the API, not of an organization
LONGEST = {"1m": pd.Timedelta("24h"), "1h": pd.Timedelta("31D"), "1d": pd.Timedelta("31D")}
PAGE_ROWS = 1000  # the API's maximum
USAGE_GROUPS = ["model", "workspace_id", "api_key_id", "context_window", "service_tier"]
COST_GROUPS = ["model", "workspace_id", "api_key_id", "token_type", "cost_type"]
TOKEN_TYPES = {
    "uncached_input_tokens": "uncached_input",
    "cache_read_input_tokens": "cache_read",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write_5m",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write_1h",
    "output_tokens": "output",
}
NOTES = ("Anthropic's analytics takes 5 dimensions: region and speed are not known here.",)
ACCESS = Access(
    provider="Anthropic",
    keys=("ANTHROPIC_ADMIN_KEY", "ANTHROPIC_API_KEY"),
    permission="an Admin API key, or a key with the scope read:analytics",
    refused=anthropic.APIStatusError,
    unreachable=anthropic.APIConnectionError,
)


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
        return saved_pull(params, usage_rows, NOTES)
    now = now or clock.now()
    start, end = demand_window(params.window, now)
    start = start.floor(params.width)
    _demand_reach(start)
    with borrowed(client, params) as api:
        usage = read(
            _report(api, ACCESS.named(params.key_variable), "usage", params.bucket), start, end
        )
        hint = "Check the window, and whose key it is."
        demand_rows(usage.frame, "Anthropic", (start, end), hint)
        paid = read(
            _report(api, ACCESS.named(params.key_variable), "cost", "1d"),
            start.floor("D"),
            min(end.ceil("D"), now),
        )
    cost = some(paid.frame)
    return Pull(
        usage=usage.frame,
        source="Anthropic Usage and Cost Analytics API",
        start=start,
        end=end,
        cost=cost,
        refreshed_at=oldest(usage.refreshed_at, paid.refreshed_at),
        notes=NOTES if cost is not None else (*NOTES, "Anthropic's cost report was empty."),
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
    _demand_reach(start)
    with borrowed(client, params) as api:
        return read(
            _report(api, ACCESS.named(params.key_variable), "usage", "1m"), start, end
        ).frame


def connect(
    params: PostmortemParams,
    *,
    access: Access = ACCESS,
    http_client: httpx2.Client | None = None,
    max_retries: int = 2,
) -> anthropic.Anthropic:
    """A client with the key of the environment; AccessDenied before any call without one."""
    return anthropic.Anthropic(
        api_key=access.named(params.key_variable).key(),
        base_url=params.base_url or None,
        http_client=http_client,
        max_retries=max_retries,
    )


def borrowed(
    client: anthropic.Anthropic | None, params: PostmortemParams, access: Access = ACCESS
) -> AbstractContextManager[anthropic.Anthropic]:
    """*client* left open afterwards, or a new one that is closed."""
    return nullcontext(client) if client is not None else connect(params, access=access)


def usage_rows(pages: list[Page]) -> list[Row]:
    """Pages of the usage report -> rows of a usage frame."""
    return [_usage_row(row) for page in pages for row in page["data"]]


def cost_rows(pages: list[Page]) -> list[Row]:
    """Pages of the cost report -> rows of a cost table."""
    return [_cost_row(row) for page in pages for row in page["data"]]


def token_counts(counts: object) -> Row:
    """Anthropic's token counts by our names; both of its reports spell them alike."""
    return {
        "uncached_input_tokens": dig(counts, "uncached_input_tokens"),
        "cache_read_tokens": dig(counts, "cache_read_input_tokens"),
        "cache_write_5m_tokens": dig(counts, "cache_creation", "ephemeral_5m_input_tokens"),
        "cache_write_1h_tokens": dig(counts, "cache_creation", "ephemeral_1h_input_tokens"),
        "output_tokens": dig(counts, "output_tokens"),
    }


def token_type(theirs: str | None) -> str | None:
    """Our name of a token type; the provider's own where we have none."""
    return None if theirs is None else TOKEN_TYPES.get(theirs, theirs)


def _usage_row(row: object) -> Row:
    model = dig(row, "group", "model")
    return {
        "bucket_start": dig(row, "starting_at"),
        "bucket_end": dig(row, "ending_at"),
        "provider": "anthropic",
        "model": model,
        "scope": dig(row, "group", "workspace_id"),
        "route": dig(row, "group", "api_key_id"),
        "service_tier": dig(row, "group", "service_tier"),
        "context_window": dig(row, "group", "context_window"),
        "requests": None if model is None else dig(row, "usage", "requests"),
        **token_counts(dig(row, "usage")),
    }


def _cost_row(row: object) -> Row:
    currency = dig(row, "cost", "currency")
    return {
        "day": dig(row, "starting_at"),
        "provider": "anthropic",
        "model": dig(row, "group", "model"),
        "scope": dig(row, "group", "workspace_id"),
        "api_key": dig(row, "group", "api_key_id"),
        "token_type": token_type(dig(row, "group", "token_type")),
        "cost_type": dig(row, "group", "cost_type"),
        "amount_usd": dollars(dig(row, "cost", "amount"), currency, per_dollar=100),
        "list_usd": dollars(dig(row, "cost", "list_amount"), currency, per_dollar=100),
    }


def _report(api: anthropic.Anthropic, access: Access, name: str, bucket: str) -> Report:
    """The usage or the cost report, in buckets of *bucket*."""
    rows_of = {"usage": usage_rows, "cost": cost_rows}[name]
    ask = partial(_pages, api, access, name, bucket)
    return report(name, rows_of, endpoint=str(api.base_url), bucket=bucket, ask=ask)


def _pages(
    api: anthropic.Anthropic,
    access: Access,
    name: str,
    bucket: str,
    start: pd.Timestamp,
    end: pd.Timestamp,
) -> list[Page]:
    """All pages of the usage or the cost report."""
    analytics = api.beta.organization.analytics.with_raw_response
    call, groups = {
        "usage": (analytics.usage.list, USAGE_GROUPS),
        "cost": (analytics.cost.list, COST_GROUPS),
    }[name]
    query: dict[str, Any] = {"group_by": groups, "order_by": "time", "order": "asc"}
    asks = windowed(call, _windows(start, end, bucket), limit=PAGE_ROWS, **query)
    return read_pages(access, f"{name} report", asks)


def _windows(start: pd.Timestamp, end: pd.Timestamp, bucket: str) -> Iterator[dict[str, Any]]:
    """The API's windows: at most 31 days, 24 h by the minute; the end is exclusive."""
    for low, high in split_window(start, end, LONGEST[bucket]):
        yield {
            "starting_at": low.isoformat(),
            "ending_at": high.isoformat(),
            "time_bucket_width": bucket,
        }


def _demand_reach(start: pd.Timestamp) -> None:
    if start < EARLIEST:
        raise ParamError(
            f"start is {start:%Y-%m-%d}; Anthropic's analytics begins {EARLIEST:%Y-%m-%d}."
            " Start later, or set source to anthropic_legacy, which reaches further back."
        )
