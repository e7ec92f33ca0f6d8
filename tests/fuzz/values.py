"""What a value in a log means by definition: a count, a label, a time. No code under test is asked.

A record's tokens are told in the request table's disjoint columns, with `ts` in microseconds since
1970, as `Told`; an empty one stands for any call.
"""

import re
from datetime import UTC, datetime
from typing import Any

COLUMNS = (
    *("uncached_input_tokens", "cache_read_tokens", "output_tokens", "prompt_tokens"),
    *(f"cache_write_{life}_tokens" for life in ("5m", "30m", "1h", "12h", "other")),
)
EARLIEST, LATEST = datetime(2010, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST = 10**15  # no request table holds more tokens in a call
Told = dict[str, int]


class Bad(Exception):
    """This cannot be read as a call, and was meant as one."""


class NoCall(Exception):
    """This is no call."""


class Unknowable(Exception):
    """This changes what other lines mean: nothing is claimed of them."""


def count(value: Any) -> int | None:
    """A whole count, None where nothing is reported. Raises Bad."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and re.fullmatch("[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise Bad
    if not 0 <= value < MOST or value != int(value):
        raise Bad
    return int(value)


def at(value: Any, *path: str) -> Any:
    """What *path* leads to; None where it is absent, Bad where something else is in the way."""
    for name in path:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Bad
        value = value.get(name)
    return value


def named(value: Any, *path: str) -> bool:
    """Whether there is a label, which a number may be."""
    told = at(value, *path)
    return bool(isinstance(told, str) and told) or (type(told) is int)


def zoned(value: Any) -> int:
    """An ISO 8601 time with a zone. Raises Bad."""
    return _instant(value, None)


def in_utc(value: Any) -> int:
    """An ISO 8601 time; without a zone it is UTC, where the format itself says so. Raises Bad."""
    return _instant(value, UTC)


def stamped(value: Any) -> int:
    """A time with a zone, or a number since 1970; its size tells the unit. Raises Bad."""
    if isinstance(value, str) and re.fullmatch("[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return zoned(value)
    for per_s in (1, 10**3, 10**6, 10**9):
        if EARLIEST.timestamp() * per_s <= value < LATEST.timestamp() * per_s:
            return int(value * 10**6 // per_s)
    raise Bad


def _instant(value: Any, zone: Any) -> int:
    if isinstance(value, datetime):
        value = value.isoformat()
    try:
        read = datetime.fromisoformat(str(value).strip())
        read = read if read.tzinfo else read.replace(tzinfo=zone)
        if not isinstance(value, str) or read.tzinfo is None or not EARLIEST <= read < LATEST:
            raise Bad
    except (ValueError, OverflowError):
        raise Bad from None
    since = read - EPOCH
    return (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds


def inclusive(total: Any, read: Any, wrote: dict[str, int | None], output: Any) -> Told:
    """Disjoint columns where the input is a total. Raises Bad where its parts exceed it."""
    cached = (read or 0) + sum(w or 0 for w in wrote.values())
    if total is not None and cached > total:
        raise Bad
    rest = None if total is None or read is None else total - cached
    whole = total if rest is None else None
    return reported(
        uncached_input=rest, cache_read=read, output=output, prompt=whole, **_writes(wrote)
    )


def exclusive(rest: Any, read: Any, wrote: dict[str, int | None], output: Any) -> Told:
    """Disjoint columns where the input is the uncached rest."""
    return reported(uncached_input=rest, cache_read=read, output=output, **_writes(wrote))


def reported(**columns: int | None) -> Told:
    """The columns that are reported; 0 is, None is not."""
    return {f"{name}_tokens": told for name, told in columns.items() if told is not None}


def some(told: Told) -> Told:
    """*told*, which must tell anything. Raises Bad."""
    if not told:
        raise Bad
    return told


def _writes(wrote: dict[str, int | None]) -> dict[str, int | None]:
    return {f"cache_write_{life}": told for life, told in wrote.items()}
