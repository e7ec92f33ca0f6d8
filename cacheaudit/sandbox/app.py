"""The sandbox: providers' reports on loopback, over a history whose truth is known.

`create_app` makes a Starlette app that the unmodified SDKs can talk to:

    Anthropic (base_url = the server's)        GET /v1/organizations/analytics/usage, .../cost
                                               GET /v1/organizations/usage_report/messages
                                               GET /v1/organizations/cost_report
    OpenAI (base_url = the server's + "/v1")   GET /v1/organization/usage/completions
                                               GET /v1/organization/costs
    controls                                   /sandbox/clock     GET, POST {"now"} or {"advance_s"}
                                               /sandbox/history   GET, POST a usage frame as Parquet
                                               /sandbox/faults    GET, POST (faults.py), DELETE

Any key that is not empty is good; one that contains "noscope" lacks the permission. Both
providers' rows come from one usage frame with buckets of a minute; nothing after the clock is
served. It is no cache and no model: it repeats a history.
"""

import io
from dataclasses import asdict
from functools import partial
from typing import Any

import pandas as pd
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import SchemaError
from . import anthropic_reports, legacy_reports, openai_reports
from .faults import Faults
from .guard import Answer, Shape, anthropic_error, guarded, openai_error
from .ledger import Ledger
from .rows import Price

ANTHROPIC = {
    "/v1/organizations/analytics/usage": anthropic_reports.usage,
    "/v1/organizations/analytics/cost": anthropic_reports.cost,
    "/v1/organizations/usage_report/messages": legacy_reports.usage,
    "/v1/organizations/cost_report": legacy_reports.cost,
}
OPENAI = {
    "/v1/organization/usage/completions": openai_reports.completions,
    "/v1/organization/costs": openai_reports.costs,
}


def free(provider: str, model: str, token_type: str, day: pd.Timestamp) -> float | None:
    """The price function of a sandbox that was given none: nothing has a price, so no cost rows."""
    return None


def create_app(
    usage: pd.DataFrame, *, now: pd.Timestamp, price_usd_per_mtok: Price = free
) -> Starlette:
    """An app over *usage* whose clock stands at *now*.

    *price_usd_per_mtok* gets provider, model, token type (schema.TOKEN_TYPES) and day. The app's
    state holds `ledger` and `faults`, for a test that shares its process.
    """
    ledger, faults = Ledger(usage, now), Faults()
    routes = [
        *_reports(ANTHROPIC, anthropic_error, ledger, faults, price_usd_per_mtok),
        *_reports(OPENAI, openai_error, ledger, faults, price_usd_per_mtok),
        Route("/sandbox/clock", partial(_clock, ledger), methods=["GET", "POST"]),
        Route("/sandbox/history", partial(_history, ledger), methods=["GET", "POST"]),
        Route("/sandbox/faults", partial(_faults, faults), methods=["GET", "POST", "DELETE"]),
    ]
    app = Starlette(routes=routes)
    app.state.ledger, app.state.faults = ledger, faults
    return app


def _reports(
    reports: dict[str, Any], shape: Shape, ledger: Ledger, faults: Faults, price: Price
) -> list[Route]:
    def answer(report: Any) -> Answer:
        return lambda request: dict(report(ledger, request.query_params, price))

    return [Route(p, guarded(answer(r), shape, faults)) for p, r in reports.items()]


async def _clock(ledger: Ledger, request: Request) -> Response:
    if request.method == "POST":
        try:
            given = await request.json()
            if "advance_s" in given:
                ledger.move(ledger.now + pd.Timedelta(seconds=float(given["advance_s"])))
            else:
                ledger.move(pd.Timestamp(given["now"]).tz_convert("UTC"))
        except (KeyError, TypeError, ValueError) as error:
            return _bad(f'expected {{"now": ISO time with zone}} or {{"advance_s": n}}: {error}')
    return JSONResponse({"now": ledger.now.isoformat()})


async def _history(ledger: Ledger, request: Request) -> Response:
    if request.method == "POST":
        try:
            ledger.load(pd.read_parquet(io.BytesIO(await request.body())))
        except (SchemaError, ValueError, OSError) as error:
            return _bad(f"expected a usage frame as Parquet: {error}")
    return JSONResponse(ledger.summary())


async def _faults(faults: Faults, request: Request) -> Response:
    if request.method == "DELETE":
        faults.clear()
    if request.method == "POST":
        try:
            return JSONResponse(asdict(faults.add(await request.json())))
        except (TypeError, ValueError) as error:
            return _bad(str(error))
    return JSONResponse(faults.to_list())


def _bad(message: str) -> Response:
    return JSONResponse({"error": message}, status_code=400)
