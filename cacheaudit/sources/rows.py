"""What stands in a provider's pages -> usage frame, cost table, pull.

What a page leaves out is NA, never 0: every value is taken out with `dig`.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import EmptyWindow, IncompletePull, SourceError
from ..params import PostmortemParams
from ..schema import COST, check_cost, check_usage, empty_usage
from ..store.report import Report
from .pages import Page, read_saved
from .pull import Pull

Row = dict[str, Any]


def dig(row: object, *names: str) -> Any:
    """The value under *names*, or None as soon as one is absent."""
    for name in names:
        row = row.get(name) if isinstance(row, dict) else None
    return row


def bucket_results(pages: list[Page]) -> Iterator[tuple[object, object]]:
    """Each result of pages made of buckets, with its bucket; a bucket may have none."""
    for page in pages:
        for bucket in page["data"]:
            results = dig(bucket, "results")
            if not isinstance(results, list):
                raise IncompletePull(
                    "a bucket has no list named 'results'; expected one, even if empty."
                    " Nothing was kept. Run again."
                )
            for result in results:
                yield bucket, result


def usage_frame(rows: list[Row]) -> pd.DataFrame:
    """Rows with times as ISO text or Unix seconds -> usage frame."""
    if not rows:
        return empty_usage()
    frame = pd.DataFrame(rows, dtype=object)  # object: a count beside None must stay whole
    return check_usage(
        frame.assign(
            bucket_start=_times(frame["bucket_start"]), bucket_end=_times(frame["bucket_end"])
        )
    )


def cost_frame(rows: list[Row]) -> pd.DataFrame | None:
    """Rows -> cost table; None where the report had none."""
    if not rows:
        return None
    frame = pd.DataFrame(rows, dtype=object)
    return check_cost(frame.assign(day=_times(frame["day"]).dt.floor("D")))


def report(
    name: str,
    rows_of: Callable[[list[Page]], list[Row]],
    *,
    endpoint: str,
    bucket: str,
    ask: Callable[[pd.Timestamp, pd.Timestamp], list[Page]],
    doubt_empty: bool = False,
) -> Report:
    """The report called *name* ("usage" or "cost"), whose pages *rows_of* can read."""
    return Report(
        name=name,
        endpoint=endpoint,
        bucket=bucket,
        ask=ask,
        frame=partial(report_frame, name, rows_of),
        refreshed=oldest_refresh,
        doubt_empty=doubt_empty,
    )


def report_frame(
    name: str, rows_of: Callable[[list[Page]], list[Row]], pages: list[Page]
) -> pd.DataFrame:
    """Pages of the report called *name* -> usage frame or cost table, perhaps without rows."""
    if name == "usage":
        return usage_frame(rows_of(pages))
    cost = cost_frame(rows_of(pages))
    return check_cost(pd.DataFrame(columns=COST)) if cost is None else cost


def some(frame: pd.DataFrame) -> pd.DataFrame | None:
    """*frame*, or None if it has no rows."""
    return frame if len(frame) else None


def _times(values: pd.Series) -> pd.Series:
    if values.isna().any():
        raise SourceError(
            f"{int(values.isna().sum())} rows have no time; expected a start and an end for each."
        )
    unix = values.map(lambda value: isinstance(value, int)).all()
    try:
        how: dict[str, Any] = {"unit": "s"} if unix else {"format": "ISO8601"}
        return pd.to_datetime(values.astype("int64") if unix else values, utc=True, **how)
    except (TypeError, ValueError) as error:
        raise SourceError("rows hold times that cannot be read; expected ISO 8601.") from error


def dollars(amount: object, currency: object, per_dollar: int) -> float | None:
    """*amount* (text or number, *per_dollar* to the dollar) in USD; None if not reported."""
    if amount is None:
        return None
    if currency is not None and str(currency).lower() != "usd":
        raise SourceError(f"a cost is in {currency}; expected USD, the only currency supported.")
    try:
        return float(Decimal(str(amount)) / per_dollar)
    except InvalidOperation as error:
        raise SourceError("a cost amount is not a decimal number; expected one.") from error


def oldest_refresh(pages: list[Page]) -> pd.Timestamp | None:
    """Until when all of *pages* are complete, as far as the provider says."""
    said = [page["data_refreshed_at"] for page in pages if page.get("data_refreshed_at")]
    return min(pd.to_datetime(said, utc=True, format="ISO8601"), default=None)


def oldest(*times: pd.Timestamp | None) -> pd.Timestamp | None:
    """The earliest of *times* that are known."""
    return min((at for at in times if at is not None), default=None)


def demand_rows(usage: pd.DataFrame, who: str, window: tuple[object, object], hint: str) -> None:
    """EmptyWindow if *usage* has no row."""
    if usage.empty:
        start, end = (
            f"{at:%Y-%m-%d %H:%M}" if isinstance(at, pd.Timestamp) else at for at in window
        )
        raise EmptyWindow(f"{who} has no usage from {start} to {end} UTC; expected some. {hint}")


def saved_pull(
    params: PostmortemParams, rows_of: Callable[[list[Page]], list[Row]], notes: tuple[str, ...]
) -> Pull:
    """The pull of saved usage pages: the buckets that start in the window, and no cost."""
    pages = read_saved(params.path)
    usage = usage_frame(rows_of(pages))
    low, high = params.window
    wanted = usage["bucket_start"].notna()
    if low is not None:
        wanted &= usage["bucket_start"] >= low
    if high is not None:
        wanted &= usage["bucket_start"] < high
    usage = usage[wanted].reset_index(drop=True)
    window = (low or "its beginning", high or "its end")
    demand_rows(usage, params.path, window, "Widen the window or save other pages.")
    return Pull(
        usage=usage,
        source=f"usage pages saved in {Path(params.path).name}",
        start=low or usage["bucket_start"].min(),
        end=high or usage["bucket_end"].max(),
        refreshed_at=oldest_refresh(pages),
        notes=notes,
    )
