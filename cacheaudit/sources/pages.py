"""Pages of a provider's report: read to the last one, or nothing is kept.

The providers' pages differ; what can go wrong with them does not. `read_pages` follows the page
tokens of one or more windows and turns every failure into one error that says what to do:

    no key in the environment     AccessDenied, before any call
    HTTP 401, 403                 AccessDenied, naming the variable or the permission
    HTTP 400 and its like         SourceError, quoting the provider
    HTTP 429, 5xx, no connection  SourceError on the first page, IncompletePull on a later one
    a body that is cut, no `data`, a page token that comes twice    IncompletePull

The SDKs have by then retried twice.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import anthropic
import openai

from ..errors import AccessDenied, IncompletePull, SourceError

Page = dict[str, Any]
Ask = Callable[[str | None], object]  # page token -> body of that page

NOTHING_KEPT = "nothing was kept. Run again; if it fails again, ask for a shorter window."
KEY_LIKE = re.compile(r"\bsk-[\w*.-]+")  # both providers' keys; some echo them in messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One provider, as its errors have to name it.

    provider     name for the reader
    keys         environment variables that may hold the key, first come first served
    permission   what to ask an administrator for
    refused      the SDK's error for an HTTP status
    unreachable  the SDK's error for a connection that failed
    """

    provider: str
    keys: tuple[str, ...]
    permission: str
    refused: type[anthropic.APIStatusError] | type[openai.APIStatusError]
    unreachable: type[anthropic.APIConnectionError] | type[openai.APIConnectionError]

    def named(self, variable: str) -> Self:
        """The same with its key in *variable* alone; "" leaves it as it is."""
        return replace(self, keys=(variable,)) if variable else self

    def key(self) -> str:
        """The key from the environment, or AccessDenied."""
        for name in self.keys:
            if value := os.environ.get(name):
                return value
        raise AccessDenied(
            f"no key for {self.provider}: {' and '.join(self.keys)} unset;"
            f" expected {self.permission}. Set {self.keys[0]} in the environment."
        )


def read_pages(access: Access, report: str, asks: Iterable[Ask]) -> list[Page]:
    """Every page of *report*, one *ask* per window; all of them or an error."""
    pages: list[Page] = []
    for ask in asks:
        token, seen = None, set[str]()
        while True:
            where = f"page {len(pages) + 1} of the {report}"
            page = _checked(_call(access, ask, token, where, len(pages)), where)
            pages.append(page)
            token = _next_token(page, where)
            if token is None:
                break
            if token in seen:
                raise IncompletePull(
                    f"{where} names a next page that was read before; expected a new one, or none."
                    f" The pages go in a circle: {NOTHING_KEPT}"
                )
            seen.add(token)
    return pages


def windowed(
    call: Callable[..., Any], windows: Iterable[dict[str, Any]], **query: Any
) -> Iterator[Ask]:
    """An ask per window: *call* (an SDK method with its raw response) with *query*."""
    for window in windows:
        yield partial(_body, call, {**window, **query})


def _body(call: Callable[..., Any], query: dict[str, Any], token: str | None) -> object:
    """The body as it came: the SDK's models would hide which fields were missing."""
    turn = {"page": token} if token else {}
    return call(**query, **turn).http_response.json()


def _call(access: Access, ask: Ask, token: str | None, where: str, good: int) -> object:
    after = f" after {good} pages" if good else ""
    broken = IncompletePull if good else SourceError
    try:
        return ask(token)
    except access.refused as error:
        status = error.status_code
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise _denied(access, status, where) from error
        if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS:
            raise broken(
                f"{where} was refused (HTTP {status}){after}: {_said(error.body)}"
                " Change the window or the endpoint, then run again."
            ) from error
        raise broken(f"{where} failed (HTTP {status}){after}; {NOTHING_KEPT}") from error
    except access.unreachable as error:
        raise broken(
            f"{where} failed ({access.provider} could not be reached){after}; {NOTHING_KEPT}"
        ) from error
    except ValueError as error:
        raise IncompletePull(
            f"{where} is cut or not JSON{after}; {NOTHING_KEPT} If you set base_url, check it."
        ) from error


def _denied(access: Access, status: int, where: str) -> AccessDenied:
    set_one = next((name for name in access.keys if os.environ.get(name)), access.keys[0])
    if status == HTTPStatus.UNAUTHORIZED:
        return AccessDenied(
            f"{access.provider} does not know the key in {set_one} (HTTP 401 on {where});"
            f" expected {access.permission}. Set {access.keys[0]}."
        )
    return AccessDenied(
        f"the key in {set_one} may not read {where} (HTTP 403 from {access.provider});"
        f" expected {access.permission}. Ask an administrator for one and set {access.keys[0]}."
    )


def _said(body: object) -> str:
    """What the provider said, without anything that looks like a key."""
    inner = body.get("error", body) if isinstance(body, dict) else body
    message = inner.get("message") if isinstance(inner, dict) else None
    text = str(message) if message else "no reason given"
    return KEY_LIKE.sub("sk-…", text)[:400].rstrip(". ") + "."


def _checked(body: object, where: str) -> Page:
    if isinstance(body, dict) and isinstance(body.get("data"), list):
        return body
    found = f"the fields {sorted(body)}" if isinstance(body, dict) else f"a {type(body).__name__}"
    raise IncompletePull(
        f"{where} has {found}; expected a list named 'data'. Nothing was kept. Check base_url."
    )


def _next_token(page: Page, where: str) -> str | None:
    if page.get("has_more") is False:
        return None
    if page.get("next_page"):
        return str(page["next_page"])
    if page.get("has_more"):
        raise IncompletePull(f"{where} announces more and names no next page; {NOTHING_KEPT}")
    return None


def read_saved(path: str) -> list[Page]:
    """Pages saved as JSON at *path*: one page, or a list of pages in any order."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}. Check path.") from error
    except ValueError as error:
        raise IncompletePull(f"{path} is cut or not JSON; expected saved pages.") from error
    saved = found if isinstance(found, list) else [found]
    pages = [_checked(page, f"page {n} in {path}") for n, page in enumerate(saved, 1)]
    if pages and all(page.get("has_more") for page in pages):
        raise IncompletePull(
            f"the {len(pages)} pages in {path} all announce more; expected the last one too."
            " Save the remaining pages into the same list."
        )
    return pages
