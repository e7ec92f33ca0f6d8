"""Anthropic's Usage and Cost Analytics API over the ledger.

Limits and defaults as documented in August to November 2026 (platform.claude.com/docs,
usage-cost-analytics-api; types of anthropic 2.12.0): pages come back largest first unless asked
otherwise.
"""

from collections.abc import Callable
from itertools import groupby
from typing import Any

import pandas as pd
from starlette.datastructures import QueryParams

from . import query
from .ledger import Ledger
from .query import WIDTHS, Query, Refused
from .rows import (
    ANTHROPIC_TOKEN_TYPES,
    Price,
    Row,
    anthropic_counts,
    cents,
    plain,
    priced,
    total_tokens,
)

LABEL = {  # dimension -> our label; any other known dimension is null here
    "model": "model",
    "workspace_id": "scope",
    "api_key_id": "route",
    "context_window": "context_window",
    "service_tier": "service_tier",
    "inference_geo": "region",
    "speed": "speed",
}
OTHER = [
    "actor", "actor_type", "agent_id", "claude_tag_category", "claude_tag_user_id",
    "deployment_id", "environment_id", "organization_id", "product", "rbac_group_id",
    "session_id", "slack_channel_id", "user_profile_id",
]  # fmt: skip
FILTERS = {
    "models": "model",
    "workspace_ids": "workspace_id",
    "api_key_ids": "api_key_id",
    "service_tiers": "service_tier",
    "context_windows": "context_window",
}
COST_ONLY = ["cost_type", "token_type"]
EARLIEST = pd.Timestamp("2026-01-01", tz="UTC")
REACH = pd.Timedelta("365D")
LONGEST = {"1m": pd.Timedelta("24h")}  # any other width: 31 days
SHARED = {"starting_at", "ending_at", "group_by", "limit", "page", "beta"}


def usage(ledger: Ledger, params: QueryParams, price: Price) -> dict[str, Any]:
    """GET /v1/organizations/analytics/usage."""
    orders = ["total_tokens", "output_tokens", "requests", "time", "uncached_input_tokens"]
    return _analytics(ledger, params, "analytics/usage", [*LABEL, *OTHER], orders, _usage_units)


def cost(ledger: Ledger, params: QueryParams, price: Price) -> dict[str, Any]:
    """GET /v1/organizations/analytics/cost."""

    def units(ledger: Ledger, asked: Query) -> list[list[Row]]:
        return _cost_units(ledger, asked, price)

    known = [*LABEL, *OTHER, *COST_ONLY]
    orders = ["amount", "list_amount", "time"]
    return _analytics(ledger, params, "analytics/cost", known, orders, units)


def _analytics(
    ledger: Ledger,
    params: QueryParams,
    path: str,
    known: list[str],
    orders: list[str],
    units: Callable[[Ledger, Query], list[list[Row]]],
) -> dict[str, Any]:
    names = {"time_bucket_width", "order", "order_by", *FILTERS}
    query.refuse_unknown(params, SHARED | names)
    order = query.choice(params, "order", ["asc", "desc"], "desc")
    order_by = query.choice(params, "order_by", orders, orders[0])
    width = query.choice(params, "time_bucket_width", ["", *WIDTHS], "")
    offset, digest = query.position(path, params)
    asked = Query(
        window=_window(ledger, params, width),
        width=WIDTHS.get(width),
        by=query.groups(params, known, most=5),
        only=query.filters(params, FILTERS),
        limit=query.limit(params, 20, 1000),
        offset=offset,
        digest=digest,
    )

    def make() -> list[list[Row]]:
        return _ordered(units(ledger, asked), order_by, order == "desc")

    page = asked.page(ledger.keep(digest, make))
    data = [{k: v for k, v in row.items() if k != "sort"} for row in page["data"]]
    return {**page, "data": data, "data_refreshed_at": ledger.now.isoformat()}


def _window(ledger: Ledger, params: QueryParams, width: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    start, end = query.moment(params, "starting_at"), query.moment(params, "ending_at")
    if start is None:
        raise Refused("starting_at: field required.")
    if width and end is None:
        raise Refused("ending_at: required with time_bucket_width.")
    longest = LONGEST.get(width, pd.Timedelta("31D"))
    end = min(ledger.now, start + longest) if end is None else end
    if start < EARLIEST or start < ledger.now - REACH:
        raise Refused("starting_at: must be within 365 days and not before 2026-01-01.")
    if not start < end <= start + longest:
        raise Refused(f"ending_at: must be after starting_at by at most {longest}.")
    return (start, end) if width else (start.floor("h"), end.floor("h"))


def _usage_units(ledger: Ledger, asked: Query) -> list[list[Row]]:
    units = []
    for row in plain(sums(ledger, asked, asked.width, asked.by)):
        total = total_tokens(row)
        usage = {**anthropic_counts(row), "requests": row["requests"], "total_tokens": total}
        ranks = {**usage, "time": row["bucket_start"]}
        units.append([{**_bounds(asked, row), "group": _group(asked, row), "usage": usage,
                       "sort": (ranks, total)}])  # fmt: skip
    return units


def _cost_units(ledger: Ledger, asked: Query, price: Price) -> list[list[Row]]:
    """Rows of one bucket and group stay together: cost and token types do not count for limit."""
    by = [name for name in asked.by if name not in COST_ONLY]
    width = asked.width or pd.Timedelta("1D")
    costs = priced(
        sums(ledger, asked, width, ["model", *by]), "anthropic", ANTHROPIC_TOKEN_TYPES, price
    )
    if asked.width is None:
        costs = costs.assign(bucket_start=asked.window[0])
    base = ["bucket_start", *labels(by)]
    keys = [*base, *(["kind"] if "token_type" in asked.by else [])]
    totals = costs.groupby(keys, observed=True, dropna=False)["usd"].sum().reset_index()
    units = []
    for _, together in groupby(plain(totals), key=lambda row: [row[name] for name in base]):
        rows = list(together)
        usd = sum(row["usd"] for row in rows)
        units.append([_cost_row(asked, row, usd) for row in rows])
    return units


def _cost_row(asked: Query, row: Row, unit_usd: float) -> Row:
    group = _group(asked, row)
    if "token_type" in asked.by:
        group |= {"token_type": row["kind"]}
    if set(COST_ONLY) & set(asked.by):
        group |= {"cost_type": "tokens"}
    amount = cents(row["usd"])
    cost = {"amount": amount, "list_amount": amount, "currency": "USD", "requests": None}
    ranks = {"amount": unit_usd, "list_amount": unit_usd, "time": row["bucket_start"]}
    return {**_bounds(asked, row), "group": group, "cost": cost, "sort": (ranks, unit_usd)}


def _ordered(units: list[list[Row]], order_by: str, newest_first: bool) -> list[list[Row]]:
    """By the metric; by time, then the largest first within a bucket."""
    largest_first = sorted(units, key=lambda unit: unit[0]["sort"][1], reverse=True)

    def metric(unit: list[Row]) -> Any:
        value = unit[0]["sort"][0][order_by]
        return 0 if value is None else value

    return sorted(largest_first, key=metric, reverse=newest_first)


def _group(asked: Query, row: Row) -> Row:
    dimensions = [*LABEL, "product", "actor"]
    return {name: row[LABEL[name]] if name in asked.by and name in LABEL else None
            for name in dimensions}  # fmt: skip


def _bounds(asked: Query, row: Row) -> Row:
    start, end = asked.window
    if asked.width is not None:
        start, end = row["bucket_start"], row["bucket_start"] + asked.width
    return {"starting_at": text(start), "ending_at": text(end)}


def text(at: pd.Timestamp) -> str:
    """RFC 3339, as Anthropic writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def labels(by: list[str]) -> list[str]:
    """Our labels for the dimensions *by*; those that are always null have none."""
    return list(dict.fromkeys(LABEL[name] for name in by if name in LABEL))


def sums(ledger: Ledger, asked: Query, width: pd.Timedelta | None, by: list[str]) -> pd.DataFrame:
    """The sums that a report asks for."""
    only = {LABEL[name]: values for name, values in asked.only.items()}
    return ledger.sums("anthropic", asked.window, width, labels(by), only)
