"""Which time the data covers: empty, cut and provisional buckets."""

from collections.abc import Iterator

import pandas as pd

from .. import words
from ..schema import INPUT
from .note import QualityNote

TAIL = 6  # buckets that may be late
TWO_WEEKS = pd.Timedelta("14D")


def coverage(
    usage: pd.DataFrame,
    slot: pd.Series,
    width: pd.Timedelta,
    window: tuple[pd.Timestamp, pd.Timestamp] | None,
) -> Iterator[QualityNote]:
    """Buckets without rows, windows that are short or not covered; *slot*: starts at *width*."""
    first, last = usage["bucket_start"].min(), usage["bucket_end"].max()
    slots = pd.date_range(first.floor(width), last, freq=width, inclusive="left")
    present = pd.DatetimeIndex(slot.unique())
    empty = slots.difference(present)
    if len(empty):
        yield QualityNote(
            id="empty_buckets",
            severity="note",
            text=f"{len(empty)} of {len(slots)} buckets of {_width(width)} have no rows"
            f" ({_some(empty, width)}). No traffic and no data look the same here;"
            " they are left out, not counted as 0.",
        )
    if last - first < TWO_WEEKS:
        yield QualityNote(
            id="short_window",
            severity="note",
            text=f"{(last - first) / pd.Timedelta('1D'):.1f} days of data: a weekly rhythm needs"
            " 14, so a weekend can pass for an incident here.",
        )
    if window is not None and (window[0] < first.floor(width) or window[1] > last.ceil(width)):
        yield QualityNote(
            id="window_not_covered",
            severity="note",
            text=f"Asked for {window[0]:%Y-%m-%d %H:%M} to {window[1]:%Y-%m-%d %H:%M} UTC;"
            f" there are rows from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}.",
        )


def partial(usage: pd.DataFrame, slot: pd.Series, width: pd.Timedelta) -> Iterator[QualityNote]:
    """First and last buckets that the window cuts into."""
    spans = []
    for edge in {slot.min(): None, slot.max(): None}:
        rows = usage.loc[slot == edge, ["bucket_start", "bucket_end"]]
        spans.append((rows["bucket_start"].min(), rows["bucket_end"].max()))
    edges = [(start, end) for start, end in spans if end - start < width]
    if edges:
        days = ", ".join(f"{s:%Y-%m-%d %H:%M} to {e:%H:%M}" for s, e in edges)
        yield QualityNote(
            id="partial_buckets",
            severity="note",
            text=f"The window cuts into a bucket of {_width(width)}: {days} UTC is partial and is"
            " left out of shifts in volume.",
        )


def tail(usage: pd.DataFrame, refreshed_at: pd.Timestamp | None) -> Iterator[QualityNote]:
    """Buckets that the provider had not finished when it was asked."""
    if refreshed_at is None:
        return
    late = usage["bucket_end"] > refreshed_at
    if late.any():
        yield QualityNote(
            id="provisional_tail",
            severity="note",
            text=f"The provider's data was complete to {refreshed_at:%Y-%m-%d %H:%M} UTC;"
            f" {usage.loc[late, 'bucket_start'].nunique()} later buckets are provisional and"
            " left out.",
        )


def thin_tail(usage: pd.DataFrame, slot: pd.Series, width: pd.Timedelta) -> Iterator[QualityNote]:
    """Last buckets with far less traffic than their hours have: they may not have arrived yet.

    The last 1 to TAIL buckets are held against the mean of the same hours in the week before; it
    is odd if they have less than half, and less than any run of as many buckets had that week.
    """
    total = usage[INPUT].astype("float64").sum(axis=1).groupby(slot).sum()
    week = int(pd.Timedelta("7D") / width)
    if width > pd.Timedelta("1h") or len(total) < week + 24:
        return
    hour = pd.DatetimeIndex(total.index).hour
    usual = total.iloc[-week - TAIL : -TAIL].groupby(hour[-week - TAIL : -TAIL]).mean()
    share = total / pd.Series(hour, index=total.index).map(usual)
    for run in range(TAIL, 0, -1):
        runs = share.rolling(run).mean().iloc[-week:]
        last, least = float(runs.iloc[-1]), float(runs.iloc[:-run].min())
        if last < min(0.5, least):
            yield QualityNote(
                id="thin_tail",
                severity="note",
                text=f"The last {run} buckets have {words.share(last)} of the input that their"
                " hours usually have, less than any as many in the week before: they may not have"
                " arrived in full. Pull again before trusting them.",
            )
            return


def settled(usage: pd.DataFrame, refreshed_at: pd.Timestamp | None) -> pd.DataFrame:
    """*usage* without the buckets that the provider had not finished when it was asked."""
    if refreshed_at is None:
        return usage
    return usage[usage["bucket_end"] <= refreshed_at]


def _width(width: pd.Timedelta) -> str:
    for name, size in (("a day", "1D"), ("an hour", "1h"), ("a minute", "1min")):
        if width == pd.Timedelta(size):
            return name
    return str(width)


def _some(slots: pd.DatetimeIndex, width: pd.Timedelta) -> str:
    form = "%Y-%m-%d" if width >= pd.Timedelta("1D") else "%Y-%m-%d %H:%M"
    shown = ", ".join(s.strftime(form) for s in slots[:6])
    return shown + (f" and {len(slots) - 6} more" if len(slots) > 6 else "")
