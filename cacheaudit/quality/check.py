"""All that one usage frame tells about its own quality."""

from collections.abc import Iterator

import pandas as pd

from ..metrics import usual_width
from ..schema import LABELS
from .coverage import coverage, partial, tail, thin_tail
from .doubled import beside_parts, doubled
from .inclusive import inclusive
from .lost import impossible, reads_lost, requests_lost, writes_lost
from .note import QualityNote
from .reported import fitness, unreported
from .totals import by_provider, codes, numbers


def check_quality(
    usage: pd.DataFrame,
    window: tuple[pd.Timestamp, pd.Timestamp] | None = None,
    refreshed_at: pd.Timestamp | None = None,
) -> tuple[QualityNote, ...]:
    """All notes on *usage*; *window* is what was asked for, [start, end)."""
    if usage.empty:
        return (
            QualityNote(
                id="no_usage",
                severity="unfit",
                text="No token counts: a cost export alone shows money, not hit rates."
                " Export the tokens of the same days as well.",
            ),
        )
    width = usual_width(usage)
    slot = usage["bucket_start"].dt.floor(width)
    return (
        *fitness(usage),
        *coverage(usage, slot, width, window),
        *partial(usage, slot, width),
        *unreported(usage),
        *tail(usage, refreshed_at),
        *thin_tail(usage, slot, width),
        *_wrong(usage, width),
    )


def _wrong(usage: pd.DataFrame, width: pd.Timedelta) -> Iterator[QualityNote]:
    """What the counts say that traffic does not do."""
    rows = numbers(usage)
    labels = {name: codes(usage[name]) for name in LABELS}
    yield from beside_parts(usage, rows, labels)
    for traffic in by_provider(usage, rows, labels, width):
        for check in (reads_lost, writes_lost, requests_lost, inclusive, doubled):
            if (note := check(traffic)) is not None:
                yield note
    if (note := impossible(rows)) is not None:
        yield note
