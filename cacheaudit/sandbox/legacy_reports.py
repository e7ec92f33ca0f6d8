"""Anthropic's legacy usage and cost reports over the ledger.

Limits and defaults as documented in August 2026 (platform.claude.com/docs, Admin API). Buckets
come oldest first, empty ones included.
"""

from typing import Any

import pandas as pd
from starlette.datastructures import QueryParams

from . import query
from .anthropic_reports import FILTERS, LABEL, SHARED, labels, sums, text
from .ledger import Ledger
from .query import WIDTHS, Query, Refused
from .rows import ANTHROPIC_TOKEN_TYPES, Price, Row, anthropic_counts, buckets, cents, plain, priced

LIMITS = {"1d": (7, 31), "1h": (24, 168), "1m": (60, 1440)}  # default, maximum
GROUPS = [*LABEL, "account_id", "service_account_id"]


def usage(ledger: Ledger, params: QueryParams, price: Price) -> dict[str, Any]:
    """GET /v1/organizations/usage_report/messages."""
    width = query.choice(params, "bucket_width", list(WIDTHS), "1d")
    asked = _legacy(ledger, params, "usage_report", GROUPS, width)

    def units() -> list[list[Row]]:
        found = sums(ledger, asked, asked.width, asked.by)
        return _in_buckets(asked, [_legacy_result(row, asked) for row in plain(found)])

    return asked.page(ledger.keep(asked.digest, units))


def cost(ledger: Ledger, params: QueryParams, price: Price) -> dict[str, Any]:
    """GET /v1/organizations/cost_report: finished days only."""
    asked = _legacy(ledger, params, "cost_report", ["description", "workspace_id"], "1d")
    if asked.window[1] > ledger.now:
        raise Refused("ending_at: costs are there for finished days only.")
    detail = ["model", "context_window", "service_tier", "inference_geo"]
    by = [*detail, *asked.by] if "description" in asked.by else asked.by

    def units() -> list[list[Row]]:
        found = sums(ledger, asked, asked.width, ["model", *by])
        costs = priced(found, "anthropic", ANTHROPIC_TOKEN_TYPES, price)
        keys = ["bucket_start", *labels(by), *(["kind"] if "description" in by else [])]
        totals = costs.groupby(keys, observed=True, dropna=False)["usd"].sum().reset_index()
        return _in_buckets(asked, [_legacy_cost_result(row) for row in plain(totals)])

    return asked.page(ledger.keep(asked.digest, units))


def _legacy(ledger: Ledger, params: QueryParams, path: str, known: list[str], width: str) -> Query:
    query.refuse_unknown(params, SHARED | {"bucket_width", *FILTERS})
    start = query.moment(params, "starting_at")
    end = query.moment(params, "ending_at") or ledger.now
    if start is None:
        raise Refused("starting_at: field required.")
    if start >= end:
        raise Refused("ending_at: must be after starting_at.")
    offset, digest = query.position(path, params)
    return Query(
        window=(start.floor(WIDTHS[width]), end),
        width=WIDTHS[width],
        by=query.groups(params, known),
        only=query.filters(params, FILTERS),
        limit=query.limit(params, *LIMITS[width]),
        offset=offset,
        digest=digest,
    )


def _in_buckets(asked: Query, results: list[Row]) -> list[list[Row]]:
    """One unit per bucket, oldest first, empty ones included; a page counts buckets."""
    assert asked.width is not None
    found: dict[pd.Timestamp, list[Row]] = {}
    for result in results:
        found.setdefault(result.pop("bucket_start"), []).append(result)
    return [
        [{"starting_at": text(at), "ending_at": text(at + asked.width),
          "results": found.get(at, [])}]
        for at in buckets(*asked.window, asked.width)
    ]  # fmt: skip


def _legacy_result(row: Row, asked: Query) -> Row:
    dimensions = {name: row[LABEL[name]] if name in asked.by and name in LABEL else None
                  for name in GROUPS}  # fmt: skip
    return {"bucket_start": row["bucket_start"], **dimensions, **anthropic_counts(row)}


def _legacy_cost_result(row: Row) -> Row:
    dimensions = {name: row.get(label) for name, label in LABEL.items() if name != "speed"}
    kind = row.get("kind")
    return {
        "bucket_start": row["bucket_start"],
        **dimensions,
        "token_type": kind,
        "cost_type": "tokens" if kind else None,
        "description": f"{row['model']} Usage - {kind}" if kind else None,
        "amount": cents(row["usd"]),
        "currency": "USD",
    }
