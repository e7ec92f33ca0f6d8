"""OpenAI's usage and cost reports over the ledger.

Limits and defaults as in OpenAI's specification of 2026-08-21 and the types of openai 3.54.0. The
first and the last bucket end where the window does, as in real answers.
"""

from typing import Any

import pandas as pd
from starlette.datastructures import QueryParams

from . import query
from .ledger import Ledger
from .query import WIDTHS, Query, Refused
from .rows import OPENAI_LINE_ITEMS, Price, Row, buckets, openai_counts, plain, priced

LABEL = {
    "model": "model",
    "project_id": "scope",
    "api_key_id": "route",
    "service_tier": "service_tier",
    "batch": "batch",
}
USAGE_GROUPS = [*LABEL, "user_id", "api_source"]
COST_GROUPS = ["project_id", "line_item", "api_key_id", "user_id", "api_source"]
FILTERS = {"models": "model", "project_ids": "project_id", "api_key_ids": "api_key_id"}
LIMITS = {"1d": (7, 31), "1h": (24, 168), "1m": (60, 1440)}  # default, maximum
COST_LIMITS = (7, 180)


def completions(ledger: Ledger, params: QueryParams, price: Price) -> dict[str, Any]:
    """GET /v1/organization/usage/completions."""
    width = query.choice(params, "bucket_width", list(WIDTHS), "1d")
    asked = _asked(ledger, params, "completions", USAGE_GROUPS, width, LIMITS[width])

    def units() -> list[list[Row]]:
        rows = plain(_sums(ledger, asked, asked.by))
        return _in_buckets(asked, [_usage_result(row, asked) for row in rows])

    return {"object": "page", **asked.page(ledger.keep(asked.digest, units))}


def costs(ledger: Ledger, params: QueryParams, price: Price) -> dict[str, Any]:
    """GET /v1/organization/costs."""
    query.choice(params, "bucket_width", ["1d"], "1d")
    asked = _asked(ledger, params, "costs", COST_GROUPS, "1d", COST_LIMITS)

    def units() -> list[list[Row]]:
        paid = priced(
            _sums(ledger, asked, ["model", *asked.by]), "openai", OPENAI_LINE_ITEMS, price
        )
        by_item = ["model", "kind"] if "line_item" in asked.by else []
        keys = ["bucket_start", *by_item, *_labels(asked.by)]
        totals = paid.groupby(keys, observed=True, dropna=False)[["usd", "tokens"]].sum()
        return _in_buckets(asked, [_cost_result(row) for row in plain(totals.reset_index())])

    return {"object": "page", **asked.page(ledger.keep(asked.digest, units))}


def _asked(
    ledger: Ledger,
    params: QueryParams,
    path: str,
    known: list[str],
    width: str,
    limits: tuple[int, int],
) -> Query:
    own = {"start_time", "end_time", "bucket_width", "group_by", "limit", "page", "batch"}
    query.refuse_unknown(params, own | set(FILTERS))
    if "start_time" not in params:
        raise Refused("Missing required parameter: 'start_time'.")
    now = int(ledger.now.timestamp())
    start = query.whole(params, "start_time", now)
    end = min(query.whole(params, "end_time", now), now)
    if "end_time" in params and start >= query.whole(params, "end_time", now):
        raise Refused("'end_time' must be after 'start_time'.")
    only = query.filters(params, FILTERS)
    if "batch" in params:
        only["batch"] = [query.choice(params, "batch", ["true", "false"], "")]
    offset, digest = query.position(path, params)
    return Query(
        window=(pd.Timestamp(start, unit="s", tz="UTC"), pd.Timestamp(end, unit="s", tz="UTC")),
        width=WIDTHS[width],
        by=query.groups(params, known),
        only=only,
        limit=query.limit(params, *limits),
        offset=offset,
        digest=digest,
    )


def _labels(by: list[str]) -> list[str]:
    return list(dict.fromkeys(LABEL[name] for name in by if name in LABEL))


def _sums(ledger: Ledger, asked: Query, by: list[str]) -> pd.DataFrame:
    only: dict[str, list[Any]] = {LABEL[name]: values for name, values in asked.only.items()}
    if "batch" in only:
        only["batch"] = [value == "true" for value in only["batch"]]
    return ledger.sums("openai", asked.window, asked.width, _labels(by), only)


def _in_buckets(asked: Query, results: list[Row]) -> list[list[Row]]:
    """One unit per bucket, oldest first, empty ones included; the window clips the outer two."""
    assert asked.width is not None
    start, end = asked.window
    found: dict[pd.Timestamp, list[Row]] = {}
    for result in results:
        found.setdefault(result.pop("bucket_start"), []).append(result)
    return [
        [
            {
                "object": "bucket",
                "start_time": int(max(at, start).timestamp()),
                "end_time": int(min(at + asked.width, end).timestamp()),
                "results": found.get(at, []),
            }
        ]
        for at in buckets(start, end, asked.width)
    ]


def _usage_result(row: Row, asked: Query) -> Row:
    """A batch job is told by `batch`; its tier is null."""
    tier = row.get("service_tier")
    return {
        "bucket_start": row["bucket_start"],
        **openai_counts(row),
        **dict.fromkeys(USAGE_GROUPS),
        **{name: row[LABEL[name]] for name in asked.by if name in LABEL},
        **({"service_tier": None if tier == "batch" else tier}),
    }


def _cost_result(row: Row) -> Row:
    item = f"{row['model']}, {row['kind']}" if "kind" in row else None
    return {
        "bucket_start": row["bucket_start"],
        "object": "organization.costs.result",
        "amount": {"value": row["usd"], "currency": "usd"},
        "line_item": item,
        "project_id": row.get("scope"),
        "api_key_id": row.get("route"),
        "quantity": row["tokens"] if item else None,
        "quantity_unit": "tokens" if item else None,
    }
