"""Query parameters of a report request -> what to sum up, or the refusal a provider would give."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from starlette.datastructures import QueryParams

WIDTHS = {"1m": pd.Timedelta("1min"), "1h": pd.Timedelta("1h"), "1d": pd.Timedelta("1D")}


class Refused(Exception):
    """A request that a provider answers with an error of *status*."""

    def __init__(self, message: str, status: int = 400, kind: str = "invalid_request_error"):
        super().__init__(message)
        self.status = status
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A report request, read.

    window   [start, end) in UTC
    width    of a bucket; None for one bucket over the window
    by       dimensions, as the provider calls them
    only     dimension -> values to keep, as the provider calls them
    limit    size of a page
    offset   where the page begins
    digest   names the request without its page; page tokens carry it
    """

    window: tuple[pd.Timestamp, pd.Timestamp]
    width: pd.Timedelta | None
    by: list[str]
    only: dict[str, list[str]]
    limit: int
    offset: int
    digest: str

    def page(self, units: Sequence[list[Any]]) -> dict[str, Any]:
        """The page of *units* (lists of rows that stay together) asked for."""
        until = self.offset + self.limit
        rows = [row for unit in units[self.offset : until] for row in unit]
        token = _token(self.digest, until) if until < len(units) else None
        return {"data": rows, "has_more": token is not None, "next_page": token}


def refuse_unknown(params: QueryParams, known: set[str]) -> None:
    """Refuse parameters that the sandbox would otherwise silently ignore."""
    if unknown := sorted({name.removesuffix("[]") for name in params} - known):
        raise Refused(f"{', '.join(unknown)}: unknown parameter.")


def many(params: QueryParams, name: str) -> list[str]:
    """A list parameter, spelled as both SDKs do."""
    return params.getlist(f"{name}[]") or params.getlist(name)


def filters(params: QueryParams, names: dict[str, str]) -> dict[str, list[str]]:
    """Dimension -> values, for the filter parameters in *names* that were given."""
    return {dimension: many(params, n) for n, dimension in names.items() if many(params, n)}


def groups(params: QueryParams, known: Sequence[str], most: int | None = None) -> list[str]:
    """The dimensions asked for."""
    by = many(params, "group_by")
    if unknown := [name for name in by if name not in known]:
        raise Refused(f"group_by: {unknown[0]!r} is not one of {sorted(known)}.")
    if most is not None and len(by) > most:
        raise Refused(f"group_by: at most {most} dimensions, found {len(by)}.")
    return list(dict.fromkeys(by))


def choice(params: QueryParams, name: str, known: Sequence[str], default: str) -> str:
    """One of *known*."""
    if (value := params.get(name, default)) not in known:
        raise Refused(f"{name}: {value!r} is not one of {list(known)}.")
    return value


def limit(params: QueryParams, default: int, most: int) -> int:
    """Size of a page, from 1 to *most*."""
    size = whole(params, "limit", default)
    if not 1 <= size <= most:
        raise Refused(f"limit: {size} is not between 1 and {most}.")
    return size


def whole(params: QueryParams, name: str, default: int) -> int:
    """A whole number."""
    text = params.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise Refused(f"{name}: {text!r} is not a whole number.")
    return int(text)


def moment(params: QueryParams, name: str) -> pd.Timestamp | None:
    """An RFC 3339 time with a time zone, in UTC; None if it was not given."""
    text = params.get(name)
    if not text:
        return None
    try:
        at = pd.Timestamp(text)
    except ValueError as error:
        raise Refused(f"{name}: {text!r} is not an RFC 3339 time.") from error
    if at.tzinfo is None:
        raise Refused(f"{name}: {text!r} has no time zone.")
    return at.tz_convert("UTC")


def position(path: str, params: QueryParams) -> tuple[int, str]:
    """Offset of the page asked for, and the digest of the request without its page."""
    rest = sorted((k, v) for k, v in params.multi_items() if k != "page")
    digest = hashlib.sha256(json.dumps([path, rest]).encode()).hexdigest()[:16]
    token = params.get("page")
    if not token:
        return 0, digest
    try:
        of, offset = json.loads(base64.urlsafe_b64decode(token.removeprefix("page_")))
    except (binascii.Error, ValueError, TypeError) as error:
        raise Refused("page: not a page token.") from error
    if of != digest:
        raise Refused("page: this token belongs to another request.")
    return int(offset), digest


def _token(digest: str, offset: int) -> str:
    return "page_" + base64.urlsafe_b64encode(json.dumps([digest, offset]).encode()).decode()
