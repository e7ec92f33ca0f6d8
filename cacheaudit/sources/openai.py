"""OpenAI's organization usage and cost reports -> usage frame and cost table.

**Where.** GET /v1/organization/usage/completions and /v1/organization/costs, through
`client.admin.organization.usage.completions` and `.costs` (openai 2.34 and later). They do not
paginate by themselves.
**Key.** An admin key with the permission `api.usage.read`, in OPENAI_ADMIN_KEY.

**How tokens map.** Their `input_tokens` T is a *total*: read R + written W + uncached U. Ours are
disjoint.

    ours                     result
    requests                 num_model_requests
    cache_read_tokens        input_cached_tokens R
    cache_write_30m_tokens   input_cache_write_30m_tokens
    cache_write_12h_tokens   input_cache_write_12h_tokens
    cache_write_other_tokens input_cache_write_tokens W minus the two above; 0 if they explain it
                             (an older W counted 30-minute writes only, so W may be the smaller)
    uncached_input_tokens    input_uncached_tokens U
    output_tokens            output_tokens
    model, scope, route      model, project_id, api_key_id
    service_tier             service_tier; "batch" for batch jobs, whose tier is null or default

Audio and image tokens are inside these totals already and are not added.

What follows from what when a count is absent is said in `openai_rows`.

Cost: `amount.value` is in *dollars*, after discounts; no list price. A `line_item` is free text
such as "gpt-5.6-luna, cached input": what follows the last ", " is the token type, what precedes
it the model; an item without one has no model. Plain "cache writes" are the 30-minute ones, since
those of 12 hours have an item of their own.

**What it cannot tell.** The alias asked for, the region, the context window. The first and the
last bucket can be partial: their own bounds are kept. No time of last refresh; costs are said to
lag by hours.

Source: github.com/openai/openai-openapi at f85dbe2 (2026-08-21); types of openai 3.54.0
(November 2026).
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import httpx2
import openai
import pandas as pd

from .. import clock
from ..params import PostmortemParams
from ..schema import CACHE_WRITE
from ..store.report import Read, Report, live
from .openai_rows import cost_rows, usage_rows
from .pages import Access, Page, read_pages, windowed
from .pull import Pull, demand_a_day, demand_window
from .rows import demand_rows, report, saved_pull, some

PAGE_BUCKETS = {"1d": 31, "1h": 168, "1m": 1440}  # the API's maxima
PAGE_COST_DAYS = 180
USAGE_GROUPS = ["model", "project_id", "api_key_id", "service_tier", "batch"]
COST_GROUPS = ["line_item", "project_id", "api_key_id"]
ACCESS = Access(
    provider="OpenAI",
    keys=("OPENAI_ADMIN_KEY",),
    permission="an admin key with the permission api.usage.read",
    refused=openai.APIStatusError,
    unreachable=openai.APIConnectionError,
)


def fetch(
    params: PostmortemParams,
    *,
    now: pd.Timestamp | None = None,
    client: openai.OpenAI | None = None,
    read: Read = live,
) -> Pull:
    """Usage and cost of the window, or the usage pages saved at `params.path`.

    *read* is how reports are read: `live`, or through a store.
    """
    if params.path:
        pull = saved_pull(params, usage_rows, ())
        return replace(pull, notes=_notes(pull.usage))
    now = now or clock.now()
    start, end = demand_window(params.window, now)
    start = start.floor(params.width)
    with borrowed(client, params) as api:
        usage = read(
            _report(api, ACCESS.named(params.key_variable), "usage", params.bucket), start, end
        ).frame
        demand_rows(usage, "OpenAI", (start, end), "Check the window, and whose key it is.")
        paid = read(
            _report(api, ACCESS.named(params.key_variable), "cost", "1d"),
            start.floor("D"),
            min(end.ceil("D"), now),
        )
    cost = some(paid.frame)
    empty = () if cost is not None else ("OpenAI's cost report was empty.",)
    return Pull(
        usage=usage,
        source="OpenAI organization usage and costs",
        start=start,
        end=end,
        cost=cost,
        notes=(*_notes(usage), *empty),
    )


def fetch_minutes(
    params: PostmortemParams,
    start: pd.Timestamp,
    end: pd.Timestamp,
    *,
    client: openai.OpenAI | None = None,
    read: Read = live,
) -> pd.DataFrame:
    """Usage by the minute in [start, end), at most 24 h; without rows if nothing was used."""
    start = start.floor("min")
    demand_a_day(start, end)
    with borrowed(client, params) as api:
        return read(
            _report(api, ACCESS.named(params.key_variable), "usage", "1m"), start, end
        ).frame


def connect(
    params: PostmortemParams, *, http_client: httpx2.Client | None = None, max_retries: int = 2
) -> openai.OpenAI:
    """A client with the key of the environment; AccessDenied before any call without one."""
    return openai.OpenAI(
        admin_api_key=ACCESS.named(params.key_variable).key(),
        base_url=params.base_url or None,
        http_client=http_client,
        max_retries=max_retries,
    )


def borrowed(
    client: openai.OpenAI | None, params: PostmortemParams
) -> AbstractContextManager[openai.OpenAI]:
    """*client* left open afterwards, or a new one that is closed."""
    return nullcontext(client) if client is not None else connect(params)


def _notes(usage: pd.DataFrame) -> tuple[str, ...]:
    """What this data leaves open, counted in rows of *usage*."""
    blind = int(usage[["uncached_input_tokens", "cache_read_tokens"]].isna().all(axis=1).sum())
    unwritten = int(usage[CACHE_WRITE].isna().all(axis=1).sum())
    notes = {
        f"{blind} of {len(usage)} rows report no cached tokens: their input is unknown.": blind,
        f"{unwritten} of {len(usage)} rows report no cache writes:"
        " what was written, if anything, counts as uncached there.": unwritten,
    }
    return tuple(text for text, rows in notes.items() if rows)


def _report(api: openai.OpenAI, access: Access, name: str, bucket: str) -> Report:
    """The usage or the cost report, in buckets of *bucket*."""
    rows_of = {"usage": usage_rows, "cost": cost_rows}[name]
    pages = {
        "usage": partial(_usage_pages, api, access, bucket),
        "cost": partial(_cost_pages, api, access),
    }[name]
    whose = f"?organization={api.organization}" if api.organization else ""
    return report(name, rows_of, endpoint=f"{api.base_url}{whose}", bucket=bucket, ask=pages)


def _usage_pages(
    api: openai.OpenAI, access: Access, bucket: str, start: pd.Timestamp, end: pd.Timestamp
) -> list[Page]:
    call = api.admin.organization.usage.with_raw_response.completions
    query: dict[str, Any] = {"bucket_width": bucket, "group_by": USAGE_GROUPS}
    asks = windowed(call, [_window(start, end)], limit=PAGE_BUCKETS[bucket], **query)
    return read_pages(access, "usage report", asks)


def _cost_pages(
    api: openai.OpenAI, access: Access, start: pd.Timestamp, end: pd.Timestamp
) -> list[Page]:
    call = api.admin.organization.usage.with_raw_response.costs
    query: dict[str, Any] = {"bucket_width": "1d", "group_by": COST_GROUPS}
    asks = windowed(call, [_window(start, end)], limit=PAGE_COST_DAYS, **query)
    return read_pages(access, "cost report", asks)


def _window(start: pd.Timestamp, end: pd.Timestamp) -> dict[str, int]:
    """Unix seconds; the end is exclusive, and a part of a second counts as a whole one."""
    return {"start_time": int(start.timestamp()), "end_time": int(end.ceil("s").timestamp())}
