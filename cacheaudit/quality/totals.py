"""Counts as arrays, and their sums by bucket and by cohort: what the checks of one frame share."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..metrics import floats
from ..schema import CACHE_WRITE, COHORT

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DAY = pd.Timedelta("1D")
REACHES = (7, 2)  # days on each side of a step that are compared: an incident may lie in the week
COUNTED = ("requests", "uncached", "read", "written", "output")
STEADY = 0.9  # of the buckets: "nearly always"
LARGE = 0.05  # of the tokens: a cohort that must show what the others show


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Counts by row, float64; NaN is not reported.

    written   NaN where no lifetime is reported
    input     all input that is reported, 0 where none is
    """

    requests: Floats
    uncached: Floats
    read: Floats
    written: Floats
    output: Floats
    input: Floats

    def at(self, rows: Mask) -> "Numbers":
        """Those of *rows*."""
        if rows.all():
            return self
        return Numbers(**{name: getattr(self, name)[rows] for name in Numbers.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Rows of one provider. times: starts of its buckets that have tokens, in order; slot: index
    into them by row; cohort: number of the cohort by row."""

    provider: str
    rows: Numbers
    times: pd.DatetimeIndex
    width: pd.Timedelta
    slot: Codes
    cohort: Codes

    def by_slot(self, values: Floats) -> Floats:
        """Sums over each bucket; what is not reported adds nothing."""
        return _sums(self.slot, values, len(self.times))

    def by_cohort(self, values: Floats, low: int, high: int) -> Floats:
        """Sums over each cohort in buckets [low, high)."""
        inside = (self.slot >= low) & (self.slot < high)
        return _sums(self.cohort[inside], values[inside], int(self.cohort.max()) + 1)

    def nearest(self, at: int, *, back: bool, days: float) -> tuple[int, int]:
        """Slots [low, high) of at most *days* days before slot *at*, or from it on."""
        moment = self.times[at] if at < len(self.times) else self.times[-1] + self.width
        far = moment - days * DAY if back else moment + days * DAY
        edge = int(self.times.searchsorted(far))
        return (edge, at) if back else (at, edge)

    def span(self, low: int, high: int) -> pd.Timedelta:
        """Time from the start of slot *low* to the end of the last before *high*."""
        return self.times[high - 1] + self.width - self.times[low] if high > low else 0 * DAY

    def unit(self, *stretches: tuple[int, int]) -> Floats:
        """What tokens are counted per: requests, or output where a stretch has none of those."""
        asked = self.by_slot(self.rows.requests)
        steady = all((asked[low:high] > 0).mean() >= STEADY for low, high in stretches)
        return self.rows.requests if steady else self.rows.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Buckets [start, end) without a value that nearly all of [low, high) beside them have."""

    start: int
    end: int
    low: int
    high: int


def numbers(usage: pd.DataFrame) -> Numbers:
    """The counts of *usage*."""
    writes = [floats(usage, c) for c in CACHE_WRITE if usage[c].notna().any()]
    written = np.full(len(usage), np.nan)
    for lifetime in writes:
        both = np.isnan(written) & np.isnan(lifetime)
        written = np.where(both, np.nan, known(written) + known(lifetime))
    uncached, read = floats(usage, "uncached_input_tokens"), floats(usage, "cache_read_tokens")
    return Numbers(
        requests=floats(usage, "requests"),
        uncached=uncached,
        read=read,
        written=written,
        output=floats(usage, "output_tokens"),
        input=known(uncached) + known(read) + known(written),
    )


def known(values: Floats) -> Floats:
    """*values* with 0 where nothing is reported: for sums."""
    return np.where(np.isnan(values), 0.0, values)


def by_provider(
    usage: pd.DataFrame, rows: Numbers, labels: dict[str, Codes], width: pd.Timedelta
) -> Iterator[Traffic]:
    """The rows with tokens of each provider; buckets of less than an hour are taken by the hour."""
    width = max(width, pd.Timedelta("1h"))
    start = usage["bucket_start"].dt.floor(width).dt.tz_localize(None).to_numpy()
    cohort = mixed([labels[c] for c in COHORT])
    live = rows.input + known(rows.output) > 0
    for code in range(int(labels["provider"].max()) + 1):
        own = live & (labels["provider"] == code)
        if not own.any():
            continue
        slot, times = pd.factorize(start[own], sort=True)
        yield Traffic(
            provider=str(usage["provider"].iloc[int(np.argmax(own))]),
            rows=rows.at(own),
            times=pd.DatetimeIndex(times, tz="UTC"),
            width=width,
            slot=slot.astype(np.int64),
            cohort=pd.factorize(cohort[own])[0].astype(np.int64),
        )


def codes(column: pd.Series) -> Codes:
    """Values as numbers from 0; NA is one of them."""
    if not column.notna().any():
        return np.zeros(len(column), dtype=np.int64)
    found, _ = pd.factorize(column, use_na_sentinel=False)
    return found.astype(np.int64)


def mixed(parts: list[Codes]) -> Codes:
    """One number, not much larger than there are rows, for each combination of *parts*."""
    key = np.zeros(len(parts[0]), dtype=np.int64)
    for part in parts:
        if part.any():
            key = key * (int(part.max()) + 1) + part
            if key.max() > 16 * len(key):
                key = pd.factorize(key)[0].astype(np.int64)
    return key


def _sums(place: Codes, values: Floats, n: int) -> Floats:
    return np.asarray(np.bincount(place, known(values), n), dtype=np.float64)


def longest_gap(traffic: Traffic, present: Mask, days: float = REACHES[0]) -> Gap | None:
    """The longest run of buckets without *present*, of a day or more, beside a day nearly all with.

    Before it, or else after it: a parser that was mended shows the gap first.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[True], present, [True]]).astype(int)))
    runs = sorted(
        zip(edges[::2], edges[1::2], strict=True), key=lambda r: r[1] - r[0], reverse=True
    )
    if not runs:
        return None
    start, end = int(runs[0][0]), int(runs[0][1])
    if traffic.span(start, end) < DAY:
        return None
    for low, high in (
        traffic.nearest(start, back=True, days=days),
        traffic.nearest(end, back=False, days=days),
    ):
        if traffic.span(low, high) >= DAY and present[low:high].mean() >= STEADY:
            return Gap(start=start, end=end, low=low, high=high)
    return None
