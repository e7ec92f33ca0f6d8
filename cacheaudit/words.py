"""Numbers as a reader wants them. Percent, money and times are formatted here and nowhere else."""

import math

import pandas as pd

UNKNOWN = "not known"
NBSP = "\u00a0"  # keeps a number and its unit on one line
LEAST_USD = 1e-9  # less than a token of anything costs: what sums of floats leave over


def share(value: float | None) -> str:
    """A share as per cent.

    >>> share(0.8812), share(1.0), share(0.0004), share(None)
    ('88.1\\xa0%', '100\\xa0%', '0.04\\xa0%', 'not known')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    if value in (0.0, 1.0):
        return f"{value * 100:.0f}{NBSP}%"
    digits = 2 if abs(value) < 0.001 else 1
    return f"{value * 100:.{digits}f}{NBSP}%"


def usd(value: float | None) -> str:
    """Money, with cents where they matter.

    >>> usd(1234.567), usd(0.7234), usd(-1e-16), usd(0.00412), usd(-3.2)
    ('1,235\\xa0USD', '0.72\\xa0USD', '0\\xa0USD', '0.0041\\xa0USD', '-3.20\\xa0USD')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    size = abs(value)
    if size < LEAST_USD:
        return f"0{NBSP}USD"
    if size >= 1000:
        return f"{value:,.0f}{NBSP}USD"
    return f"{value:,.2f}{NBSP}USD" if size >= 0.01 else f"{value:.2g}{NBSP}USD"


def signed_usd(value: float) -> str:
    """A step of money: a rise has its sign as well.

    >>> signed_usd(12.5), signed_usd(-3.2), signed_usd(0.0)
    ('+12.50\\xa0USD', '-3.20\\xa0USD', '0\\xa0USD')
    """
    return f"+{usd(value)}" if value > 0 else usd(value)


def cents(value: float | None) -> str:
    """Money to the cent, for sums that a reader adds up.

    >>> cents(1234.567), cents(-0.004), cents(None)
    ('1,234.57', '0.00', 'not known')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    return f"{round(value, 2) + 0.0:,.2f}"


def times(value: float | None) -> str:
    """A ratio.

    >>> times(1.6667), times(4.001)
    ('1.67x', '4.00x')
    """
    return UNKNOWN if value is None or math.isnan(value) else f"{value:.2f}x"


def times_range(low: float | None, high: float | None) -> str:
    """Ratios from *low* to *high*; one where they read alike.

    >>> times_range(1.301, 1.304), times_range(1.0, 1.35)
    ('1.30x', '1.00x to 1.35x')
    """
    first, last = times(low), times(high)
    return first if first == last else f"{first} to {last}"


def count(value: float | None) -> str:
    """A whole number with thousands apart.

    >>> count(16951009), count(2599.999)
    ('16,951,009', '2,600')
    """
    return UNKNOWN if value is None or math.isnan(value) else f"{value:,.0f}"


def moment(at: pd.Timestamp | None) -> str:
    """A time in UTC, to the minute.

    >>> moment(pd.Timestamp("2026-03-17 14:20", tz="UTC"))
    '2026-03-17 14:20 UTC'
    """
    return UNKNOWN if at is None or pd.isna(at) else f"{at:%Y-%m-%d %H:%M} UTC"


def local(at: pd.Timestamp | None, zone: str) -> str:
    """A time where the reader is, to the minute; the zone is named by the column or the sentence.

    >>> local(pd.Timestamp("2026-03-17 14:20", tz="UTC"), "Asia/Kolkata")
    '2026-03-17 19:50'
    """
    return UNKNOWN if at is None or pd.isna(at) else f"{at.tz_convert(zone):%Y-%m-%d %H:%M}"


def span(seconds: float) -> str:
    """A duration, to about two digits.

    >>> span(300), span(14400), span(1242000), span(5400)
    ('5 minutes', '4 hours', '14.4 days', '1.5 hours')
    """
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= (2 * size if size == 86400 else size):
            value = f"{seconds / size:.1f}".removesuffix(".0")
            return f"{value} {name}" if value == "1" else f"{value} {name}s"
    return f"{seconds:.0f} seconds"


def ended(text: str) -> str:
    """*text* with a full stop, unless it ends a sentence already.

    >>> ended("a log"), ended("does it carry markers?")
    ('a log.', 'does it carry markers?')
    """
    return text if text.endswith((".", "?")) else f"{text}."


def listing(items: list[str], limit: int = 6) -> str:
    """Items in a sentence.

    >>> listing(["a", "b", "c"]), listing(["a"]), listing([])
    ('a, b and c', 'a', 'none')
    """
    if not items:
        return "none"
    shown = items[:limit]
    if len(items) > limit:
        return f"{', '.join(shown)} and {len(items) - limit} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
