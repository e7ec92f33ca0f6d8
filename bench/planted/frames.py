"""Requests as served -> the frames that a team would have."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cacheaudit.schema import check_events, check_usage

from .prices import LIST_USD_PER_M
from .world import START

COUNTS = [
    "requests",
    "uncached_input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
]
WRITES = ["cache_write_5m_tokens", "cache_write_1h_tokens"]
LABELS = ["provider", "model", "scope", "route"]
EVENT_DTYPES = {"at": "datetime64[us, UTC]", "scope": "str", "source": "str"}


def stamp(at_s: object) -> pd.Series:
    """Seconds since START as UTC times, to the millisecond."""
    ms = np.round(np.asarray(at_s, float) * 1000).astype("int64")
    return pd.Series(START + pd.to_timedelta(ms, unit="ms")).astype("datetime64[us, UTC]")


def at_day(day: float) -> pd.Timestamp:
    """A day of the planted clock as a time, to the second."""
    return START + pd.Timedelta(seconds=round(day * 86400))


def usage_frame(
    requests: pd.DataFrame, width: str, more_labels: Sequence[str] = ()
) -> pd.DataFrame:
    """The usage frame of *requests* (with `at_s`) in buckets of *width*.

    more_labels   further labels that this provider's report tells apart
    """
    step_s = pd.Timedelta(width).total_seconds()
    labels = [*LABELS, *more_labels]
    sums = (
        requests.assign(requests=1, bucket=(requests["at_s"] // step_s).astype(int))
        .groupby(["bucket", *labels], observed=True, sort=False)[COUNTS]
        .sum()
        .reset_index()
    )
    start = stamp(sums["bucket"] * step_s)
    frame = sums.drop(columns="bucket").assign(
        bucket_start=start, bucket_end=start + pd.Timedelta(width)
    )
    frame[COUNTS] = frame[COUNTS].astype("Int64")
    frame.loc[frame["provider"] == "openai", WRITES] = pd.NA
    return check_usage(frame)


def events_frame(given: Sequence[tuple[float, str, str, str | None]]) -> pd.DataFrame:
    """Events frame of (day, kind, what, scope)."""
    rows = [(at_day(day), kind, what, scope, "given") for day, kind, what, scope in given]
    frame = pd.DataFrame(rows, columns=["at", "kind", "what", "scope", "source"])
    return check_events(frame.astype(EVENT_DTYPES))


def cost_frame(requests: pd.DataFrame, since_s: float, factor: float) -> pd.DataFrame:
    """The provider's cost report by day and token type; from *since_s* on all prices x *factor*."""
    parts = []
    dear = np.where(requests["at_s"].to_numpy() >= since_s, factor, 1.0)
    day = stamp(requests["at_s"]).dt.floor("D")
    for i, column in enumerate(COUNTS[1:]):
        price = requests["model"].map({m: p[i] for m, p in LIST_USD_PER_M.items()}).to_numpy(float)
        usd = pd.Series(requests[column].to_numpy(float) * price * dear / 1e6)
        keys = {k: requests[k].to_numpy() for k in ("provider", "model", "scope")}
        frame = pd.DataFrame({"day": day, **keys, "amount_usd": usd})
        total = frame.groupby(["day", *keys], as_index=False)["amount_usd"].sum()
        parts.append(total.assign(token_type=column.removesuffix("_tokens"), cost_type="tokens"))
    cost = pd.concat(parts, ignore_index=True)
    return cost.assign(list_usd=cost["amount_usd"])
