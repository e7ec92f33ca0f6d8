"""What the providers list now: `models.list()` of both SDKs. The network ends here.

    Anthropic   id, lifecycle, deprecated_at, retires_at; retired models are asked for, too
    OpenAI      id, shutdown_date; what is shut down is no longer listed

Read to the last page, or an error (sources/pages.py). A field that is absent, as behind some
gateways, is *not told*, and the table's date holds; one that is null says that there is no date.
"""

import os
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import anthropic
import httpx2
import openai

from ..errors import AccessDenied, IncompletePull
from ..sources.pages import Access, Page, read_pages
from .ends import Live
from .lifecycle import Fact, Stage

STAGES: dict[str, Stage] = {
    "active": "active", "deprecated": "deprecated", "retired": "retired",
}  # fmt: skip
HOMES = {"api.anthropic.com", "api.openai.com"}
MOST = 1000  # of a page, at Anthropic
ACCESS = {
    "anthropic": Access(
        provider="Anthropic",
        keys=("ANTHROPIC_API_KEY",),
        permission="a key that may list models",
        refused=anthropic.APIStatusError,
        unreachable=anthropic.APIConnectionError,
    ),
    "openai": Access(
        provider="OpenAI",
        keys=("OPENAI_API_KEY",),
        permission="a key that may list models",
        refused=openai.APIStatusError,
        unreachable=openai.APIConnectionError,
    ),
}


def live_facts(day: date) -> Live:
    """What every provider whose key is in the environment lists; *day* is today's.

    Endpoints are the SDKs' own, or those of ANTHROPIC_BASE_URL and OPENAI_BASE_URL. Raises
    AccessDenied without any key, AccessDenied, SourceError or IncompletePull as read_pages does.
    """
    asked = [name for name, one in ACCESS.items() if any(os.environ.get(k) for k in one.keys)]
    if not asked:
        keys = " or ".join(one.keys[0] for one in ACCESS.values())
        raise AccessDenied(
            f"no key to list models with; expected {keys} in the environment. Set one, or drop"
            " --live and take the dates of the table."
        )
    facts = (one for name in asked for one in LISTS[name](ACCESS[name], day))
    return {(one.provider, one.model): one for one in facts}


def _anthropic(access: Access, day: date) -> Iterator[Fact]:
    with anthropic.Anthropic(api_key=access.key()) as api:

        def ask(after: str | None) -> object:
            turn: Any = {"after_id": after} if after else {}
            listed = api.models.with_raw_response.list(
                limit=MOST, lifecycle=list(STAGES.values()), **turn
            )
            return _turned(listed.http_response.json())

        for row in _rows(access, ask):
            stage = row.get("lifecycle")
            yield Fact(
                provider="anthropic",
                model=str(row["id"]),
                deprecated_on=_day(row, "deprecated_at"),
                retires_on=_day(row, "retires_at"),
                stage=STAGES.get(str(stage)),
                dates_told="retires_at" in row and stage in STAGES,
                source=_named(access, api.base_url),
                checked_on=day,
                evidence="live",
            )


def _openai(access: Access, day: date) -> Iterator[Fact]:
    with openai.OpenAI(api_key=access.key()) as api:

        def ask(_: str | None) -> object:
            return api.models.with_raw_response.list().http_response.json()

        for row in _rows(access, ask):
            yield Fact(
                provider="openai",
                model=str(row["id"]),
                retires_on=_day(row, "shutdown_date"),
                dates_told="shutdown_date" in row,
                source=_named(access, api.base_url),
                checked_on=day,
                evidence="live",
            )


LISTS: dict[str, Callable[[Access, date], Iterator[Fact]]] = {
    "anthropic": _anthropic, "openai": _openai,
}  # fmt: skip


def _named(access: Access, address: httpx2.URL) -> str:
    """What was asked: the provider, or whoever answers in its place."""
    other = "" if address.host in HOMES else f" as {address.host} tells it"
    return f"{access.provider}'s list of models{other}"


def _turned(body: Any) -> object:
    """Anthropic's cursor is the last id of a page; pages.py knows it as the next page."""
    if isinstance(body, dict) and body.get("has_more"):
        return {**body, "next_page": body.get("last_id")}
    return body


def _rows(access: Access, ask: Callable[[str | None], object]) -> Iterator[Page]:
    where = f"list of models at {access.provider}"
    for page in read_pages(access, where, [ask]):
        for row in page["data"]:
            if not isinstance(row, dict) or not row.get("id"):
                raise IncompletePull(
                    f"the {where} holds a row without an id; expected one per model. Nothing was"
                    " kept. Check the base URL."
                )
            yield row


def _day(row: Page, name: str) -> date | None:
    """The day in *name*: a date, or a time in UTC; None where it is null or absent."""
    if row.get(name) is None:
        return None
    try:
        return date.fromisoformat(str(row[name])[:10])
    except ValueError as error:
        raise IncompletePull(
            f"{name} of {row['id']} is no date; expected YYYY-MM-DD. Nothing was kept."
        ) from error
