"""Fields that vanish: a count that is missing looks like a count of 0, and 0 looks like news."""

import numpy as np
import pandas as pd

from ..words import count, moment, share
from .note import QualityNote
from .totals import LARGE, REACHES, Floats, Gap, Mask, Numbers, Traffic, known, longest_gap

OFF = 0.15  # of the reads: how well the tokens that are missing must match them
SAME = 0.25  # of the uncached input per request: no more than it moves by itself
CONTINUES = 2.0  # writes go on: by no more than this factor more or fewer
REAL_READS = 0.2  # of the input: below it, nobody can tell what is missing
REAL_WRITES = 0.01  # of the input of a bucket
STRAY = 0.001  # of the tokens: impossible rows below this are rounding at a bucket's edge
LONGEST = 2_000_000  # input tokens of one request; context windows end at 2 million (2026-08)


def reads_lost(traffic: Traffic) -> QualityNote | None:
    """Reads exactly 0 or NA from some bucket on, and the input shorter by just the reads."""
    rows = traffic.rows
    gap = longest_gap(traffic, traffic.by_slot(rows.read) > 0)
    if gap is None or np.isnan(rows.uncached).all():
        return None  # without uncached input: caching_vanished
    inside = (traffic.slot >= gap.start) & (traffic.slot < gap.end)
    if np.isnan(rows.read[inside]).all():
        return QualityNote(
            id="reads_vanished",
            severity="blind",
            text=f"No row of {traffic.provider} reports cache reads {_when(traffic, gap)}; other"
            " days do. Not reported is not 0: there is no hit rate there, so an incident would"
            " not be seen. Find which release of the exporter stopped reporting them.",
        )
    lost = None
    for days in REACHES:
        gap = longest_gap(traffic, traffic.by_slot(rows.read) > 0, days)
        if gap is not None and (lost := _input_lost(traffic, gap, days)) is not None:
            break
    if gap is None or lost is None:
        return None
    writes_too = not traffic.by_slot(rows.written)[gap.start : gap.end].any()
    before, after, missing, cohorts, sure = lost
    return QualityNote(
        id="fields_lost" if writes_too else "reads_vanished",
        severity="unfit" if sure else "note",
        text=f"{'Reads and writes are' if writes_too else 'Cache reads are'} exactly 0"
        f" {_when(traffic, gap)} in all cohorts of {traffic.provider}, and input per"
        f" {_per(traffic, gap)} is {_size(after)} there instead of {_size(before)}: the"
        f" {_size(missing)} that were cached are missing,"
        f" not billed as uncached ({cohorts} large cohort{'s' * (cohorts != 1)})."
        " A cache that stops turns reads into uncached input; this is a field that was lost or"
        " renamed. Read the raw response of one request, and export those days again.",
    )


def _input_lost(
    traffic: Traffic, gap: Gap, days: float
) -> tuple[float, float, float, int, bool] | None:
    """(input per request before, after, what is missing, large cohorts, surely), or None."""
    rows = traffic.rows
    reference, lost = (gap.low, gap.high), _beside(traffic, gap, days)
    unit = traffic.unit(reference, lost)
    before, after = _Means(traffic, unit, reference), _Means(traffic, unit, lost)
    large = (before.units >= LARGE * before.units.sum()) & (after.units > 0)
    large &= before.read >= REAL_READS * before.input
    if not large.any() or (before.units * large).sum() < before.units.sum() / 2:
        return None
    writes_too = not traffic.by_slot(rows.written)[gap.start : gap.end].any()
    missing = before.read + before.written if writes_too else before.read
    fits = np.abs(before.input - after.input - missing) <= OFF * missing
    moved = np.abs(after.uncached - before.uncached)
    fits &= moved <= np.maximum(SAME * before.uncached, OFF / 3 * missing)
    if not writes_too:
        ratio = after.written / np.where(before.written > 0, before.written, np.nan)
        fits &= (ratio <= CONTINUES) & (ratio >= 1 / CONTINUES)
    if not fits[large].all():
        return None
    whole = before.units * large

    def mean(values: Floats) -> float:
        return float(np.nansum(values * whole) / whole.sum())

    sure = not writes_too or int(large.sum()) >= 2
    return mean(before.input), mean(after.input), mean(missing), int(large.sum()), sure


class _Means:
    """Per cohort and stretch: tokens per *unit*, (cohorts,)."""

    def __init__(self, traffic: Traffic, unit: Floats, stretch: tuple[int, int]) -> None:
        rows = traffic.rows
        self.units = traffic.by_cohort(unit, *stretch)
        per = np.where(self.units > 0, self.units, np.nan)
        self.read = traffic.by_cohort(rows.read, *stretch) / per
        self.written = traffic.by_cohort(rows.written, *stretch) / per
        self.uncached = traffic.by_cohort(rows.uncached, *stretch) / per
        self.input = self.read + self.written + self.uncached


def writes_lost(traffic: Traffic) -> QualityNote | None:
    """Writes exactly 0 or NA for a day or more while reads go on."""
    rows = traffic.rows
    written, read = traffic.by_slot(rows.written), traffic.by_slot(rows.read)
    gap = longest_gap(traffic, written > 0)
    if gap is None or not (read[gap.start : gap.end] > 0).mean() > REAL_READS:
        return None
    total = traffic.by_slot(rows.input)
    real = written[gap.low : gap.high] >= REAL_WRITES * total[gap.low : gap.high]
    if real.mean() < 0.9:
        return None
    was = float(written[gap.low : gap.high].sum() / total[gap.low : gap.high].sum())
    return QualityNote(
        id="writes_vanished",
        severity="blind",
        text=f"Cache writes are exactly 0 or not reported {_when(traffic, gap)} while"
        f" {traffic.provider} went on reading; they were {share(was)} of its input."
        " Entries of a finite lifetime have to be written again, so a field was lost or renamed,"
        " or the traffic moved to a model that reports no writes: cost is understated there."
        " Look for the field in one raw response.",
    )


def requests_lost(traffic: Traffic) -> QualityNote | None:
    """Requests 0 or NA for a day or more while tokens go on."""
    gap = longest_gap(traffic, traffic.by_slot(traffic.rows.requests) > 0)
    if gap is None:
        return None
    tokens = traffic.by_slot(traffic.rows.input)[gap.start : gap.end].sum()
    return QualityNote(
        id="requests_lost",
        severity="note",
        text=f"{traffic.provider} has {count(float(tokens))} input tokens and no requests"
        f" {_when(traffic, gap)}; other days count them. Lengths per request and volume are not"
        " known there. Look for the field that held the count.",
    )


def impossible(rows: Numbers) -> QualityNote | None:
    """Counts that no traffic can have."""
    tokens = rows.input + known(rows.output)
    total, asked = tokens.sum(), rows.requests
    per = np.divide(rows.input, asked, out=np.zeros(len(asked)), where=asked > 0)
    silent = (rows.input == 0) & ~np.isnan(rows.uncached) & ~np.isnan(rows.read)
    kinds: dict[str, Mask] = {
        "have tokens and 0 requests": (asked == 0) & (tokens > 0),
        f"have more than {count(LONGEST)} input tokens per request": per > LONGEST,
        "have output without any input": silent & (rows.output > 0),
    }
    found = [
        f"{count(int(where.sum()))} rows ({share(float(tokens[where].sum() / total))} of the"
        f" tokens) {what}"
        for what, where in kinds.items()
        if where.any() and tokens[where].sum() > STRAY * total
    ]
    if not found:
        return None
    return QualityNote(
        id="impossible_values",
        severity="note",
        text=f"{'; '.join(found)}. No traffic does that: a count was lost, or a total was read"
        " where an increment is meant. Rates per request are wrong in these rows; compare one"
        " with the raw report.",
    )


def _beside(traffic: Traffic, gap: Gap, days: float) -> tuple[int, int]:
    """The days of *gap* next to what it is compared with."""
    if gap.low < gap.start:
        return gap.start, min(gap.end, traffic.nearest(gap.start, back=False, days=days)[1])
    return max(gap.start, traffic.nearest(gap.end, back=True, days=days)[0]), gap.end


def _when(traffic: Traffic, gap: Gap) -> str:
    since = moment(traffic.times[gap.start])
    if gap.end == len(traffic.times):
        return f"from {since} on"
    return f"from {since} to {moment(pd.Timestamp(traffic.times[gap.end - 1]) + traffic.width)}"


def _per(traffic: Traffic, gap: Gap) -> str:
    inside = (gap.start, gap.end)
    unit = traffic.unit((gap.low, gap.high), inside)
    return "request" if unit is traffic.rows.requests else "output token"


def _size(tokens: float) -> str:
    return f"{tokens:.2g} tokens" if tokens < 10 else f"{count(tokens)} tokens"
