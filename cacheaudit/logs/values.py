"""Values out of a log: whole counts and moments in time, or the reason why one is neither."""

from datetime import UTC, datetime
from typing import Any

MOST = 10**15  # the request table holds no larger count, and no call has one
EXACT = 2**53  # above it a JSON number is not exact
EARLIEST, LATEST = 1_262_304_000, 4_102_444_800  # 2010 and 2100, s: outside, the unit is wrong
_PER_S = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


class NotUnderstood(Exception):
    """One record cannot be read; the message says why, and holds numbers and field names alone.

    Readers turn it into a Skip. It never leaves this room.
    """


def whole(value: Any, name: str) -> int | None:
    """A count: None stays None; text of digits and 12.0 are counts, too, for exports write both.

    >>> whole(12, "x"), whole("12", "x"), whole(12.0, "x"), whole(None, "x"), whole("", "x")
    (12, 12, 12, None, None)
    """
    if value is None or value == "":
        return None
    spelled = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20
    if type(value) is int or spelled or (isinstance(value, float) and value.is_integer()):
        count = int(value)
    else:
        raise NotUnderstood(f"{name} is {_shown(value)}; expected a whole count")
    if not 0 <= count < MOST:
        raise NotUnderstood(f"{name} is {count if abs(count) < MOST else 'beyond 10^15'}")
    return count


def number(value: Any, name: str) -> float | None:
    """A finite number of at least 0, or None: seconds, milliseconds, USD."""
    if value is None or value == "":
        return None
    try:
        given = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError, OverflowError):
        given = -1.0
    if not 0 <= given < MOST:
        raise NotUnderstood(f"{name} is {_shown(value)}; expected a number of at least 0")
    return given


def text(value: Any) -> str | None:
    """A label: text that is not empty, a number as text; None for everything else."""
    if isinstance(value, str):
        return value or None
    return str(value) if type(value) is int else None


def moment(value: Any, name: str = "time", *, zone: str = "", unit: str = "") -> int:
    """Microseconds since 1970 of a time (ISO 8601 or a datetime), or of a number in *unit*.

    A unit is s, ms, us or ns. A time without a zone is refused, unless the format itself fixes
    one: *zone* is "UTC" then.

    >>> moment("2026-02-11T20:36:47.925Z"), moment(1730419200, unit="s")
    (1770842207925000, 1730419200000000)
    """
    if unit:
        given = _numeric(value)
        if given is not None:
            return _within(int(given * 1_000_000 // _PER_S[unit]), name)
    at = value if isinstance(value, datetime) else _spelled(value, name)
    if at.tzinfo is None:
        if zone != "UTC":
            raise NotUnderstood(f"{name} has no zone; expected one, such as 2026-03-01T00:00Z")
        at = at.replace(tzinfo=UTC)
    try:
        since = at - _EPOCH
    except OverflowError:
        raise NotUnderstood(f"{name} is not between 2010 and 2100") from None
    return _within((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds, name)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _spelled(value: Any, name: str) -> datetime:
    if not isinstance(value, str) or not value:
        raise NotUnderstood(f"{name} is {_shown(value)}; expected a time")
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        raise NotUnderstood(f"{name} is {_shown(value)}; expected an ISO 8601 time") from None


def _numeric(value: Any) -> int | float | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)  # OTLP writes 64-bit numbers as text
    if type(value) is int or (isinstance(value, float) and abs(value) < EXACT):
        return value
    return None


def _within(at_us: int, name: str) -> int:
    if not EARLIEST <= at_us // 1_000_000 < LATEST:
        raise NotUnderstood(f"{name} is not between 2010 and 2100; its unit may be another")
    return at_us


def _shown(value: Any) -> str:
    """*value* where it is a number; else its kind alone, because text may be anything."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST:
        return str(value)
    return type(value).__name__
