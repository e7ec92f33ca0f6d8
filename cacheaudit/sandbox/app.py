"""The sandbox: providers' reports on loopback, over a history whose truth is known.

`create_app` makes a Starlette app that the unmodified SDKs can talk to:

    Anthropic (base_url = the server's)        GET /v1/organizations/analytics/usage, .../cost
                                               GET /v1/organizations/usage_report/messages
                                               GET /v1/organizations/cost_report
                                               POST /v1/messages, .../count_tokens
    OpenAI (base_url = the server's + "/v1")   GET /v1/organization/usage/completions
                                               GET /v1/organization/costs
                                               POST /v1/responses, /v1/chat/completions
    both                                       GET /v1/models
    controls                                   /sandbox/clock     GET, POST {"now"}, {"advance_s"},
                                                                  {"speed"}: see clock.py
                                               /sandbox/history   GET, POST a usage frame as Parquet
                                               /sandbox/faults    GET, POST (faults.py), DELETE

Any key that is not empty is good; one that contains "noscope" lacks the permission, `SCOPE/ROUTE`
names a workspace and a key in it. The reports are of one history with buckets of a minute, and of
what was served since; nothing after the clock is in them. The prompt cache is honest (cache.py);
the models say one word.
"""

import io
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import pandas as pd
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import SchemaError
from . import anthropic_messages, anthropic_reports, legacy_reports, openai_answers, openai_reports
from .answering import answered, model_named
from .catalogue import Catalogue, documented
from .clock import Clock
from .faults import Faults
from .guard import Answer, Shape, anthropic_error, error, guarded, openai_error
from .ledger import Ledger
from .query import Refused
from .rows import Price
from .serving import Serving

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
    usage: pd.DataFrame | None = None,
    *,
    now: pd.Timestamp,
    price_usd_per_mtok: Price = free,
    catalogue: Catalogue | None = None,
    speed: float = 0.0,
    seed: int = 0,
) -> Starlette:
    """An app over *usage* (None: no history) whose clock stands at *now*, or runs on at *speed*.

    *price_usd_per_mtok* gets provider, model, token type (schema.TOKEN_TYPES) and day. *catalogue*
    is what it serves; the documented models by default. *seed* decides what goes astray. The app's
    state holds `serving` and `faults`, for a test that shares its process.
    """
    ledger, faults = Ledger(usage, Clock(now, speed=speed)), Faults()
    serving = Serving(documented() if catalogue is None else catalogue, ledger, seed)
    routes = [
        *_reports(ANTHROPIC, anthropic_error, ledger, faults, price_usd_per_mtok),
        *_reports(OPENAI, openai_error, ledger, faults, price_usd_per_mtok),
        *_models(serving, faults),
        Route("/sandbox/clock", partial(_clock, ledger), methods=["GET", "POST"]),
        Route("/sandbox/history", partial(_history, ledger), methods=["GET", "POST"]),
        Route("/sandbox/faults", partial(_faults, faults), methods=["GET", "POST", "DELETE"]),
    ]
    app = Starlette(routes=routes)
    app.state.serving, app.state.ledger, app.state.faults = serving, ledger, faults
    return app


def _models(serving: Serving, faults: Faults) -> list[Route]:
    """What is asked of a model; `/v1/models` is both providers', told by Anthropic's header."""
    messages, responses = anthropic_messages.Messages(), openai_answers.Responses()
    anthropic = partial(answered, provider="anthropic", shape=anthropic_error)
    openai = partial(answered, provider="openai", shape=openai_error)
    posts: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/v1/messages": anthropic(messages.create, serving=serving, faults=faults),
        "/v1/messages/count_tokens": partial(_count_tokens, serving),
        "/v1/responses": openai(responses.create, serving=serving, faults=faults),
        "/v1/chat/completions": openai(openai_answers.chat, serving=serving, faults=faults),
    }

    def listed(request: Request) -> dict[str, Any]:
        if "anthropic-version" in request.headers:
            return anthropic_messages.models(serving, request.query_params)
        return openai_answers.models(serving)

    def named(request: Request) -> dict[str, Any]:
        return anthropic_messages.model(serving, request.path_params["name"])

    return [
        *(Route(path, endpoint, methods=["POST"]) for path, endpoint in posts.items()),
        Route("/v1/models", guarded(listed, anthropic_error, faults)),
        Route("/v1/models/{name}", guarded(named, anthropic_error, faults)),
    ]


async def _count_tokens(serving: Serving, request: Request) -> Response:
    try:
        body = await request.json()
        model = model_named(body.get("model"), "anthropic", serving)
        return JSONResponse(anthropic_messages.count_tokens(body, model))
    except Refused as refused:
        return error(anthropic_error, refused)


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
            now = ledger.now
            if "now" in given:
                now = pd.Timestamp(given["now"]).tz_convert("UTC")
            now += pd.Timedelta(seconds=float(given.get("advance_s", 0)))
            if not {"now", "advance_s", "speed"} & set(given):
                raise ValueError("nothing of it was given")
            ledger.move(now, float(given["speed"]) if "speed" in given else None)
        except (KeyError, TypeError, ValueError) as wrong:
            shape = '{"now": ISO time with zone}, {"advance_s": n} or {"speed": n}'
            return _bad(f"expected {shape}: {wrong}")
    return JSONResponse({"now": ledger.now.isoformat(), "speed": ledger.clock.speed})


async def _history(ledger: Ledger, request: Request) -> Response:
    if request.method == "POST":
        try:
            ledger.load(pd.read_parquet(io.BytesIO(await request.body())))
        except (SchemaError, ValueError, OSError) as wrong:
            return _bad(f"expected a usage frame as Parquet: {wrong}")
    return JSONResponse(ledger.summary())


async def _faults(faults: Faults, request: Request) -> Response:
    if request.method == "DELETE":
        faults.clear()
    if request.method == "POST":
        try:
            return JSONResponse(asdict(faults.add(await request.json())))
        except (TypeError, ValueError) as wrong:
            return _bad(str(wrong))
    return JSONResponse(faults.to_list())


def _bad(message: str) -> Response:
    return JSONResponse({"error": message}, status_code=400)
