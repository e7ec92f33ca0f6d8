"""A calibration for a terminal."""

from ..show import Bullets, Column, Prose, Table
from ..words import count, listing, moment, share, span
from .quiet import BEFORE
from .result import (
    HOUR_S,
    SURE,
    Calibration,
    DropPower,
    cohort_words,
    points_words,
)

NEVER = "never"
LIMITS = [
    "Half of the falls are planted in cohorts drawn by their traffic, half in the smallest third of"
    f" them; each has {BEFORE.days} days or more before it.",
    "A delay is from the fall to the end of the data that raised the alarm. What the provider needs"
    " to report an hour, and the wait for the next mail, come on top.",
    "Reads turn to misses one by one. Falls in which whole conversations miss together make more"
    " noise, and are found less often than this says (docs/METHODS.md has by how much).",
    "The windows are made of days of this history, shuffled within weekdays and within weekends."
    " They share their days, so the limit is a little too low, and no slow drift is in them.",
]


def calibration_text(found: Calibration) -> str:
    """Tables by size and by cohort, the sentence, the smallest fall that is found, the limits."""
    parts = [_by_size(found).to_text()]
    if len(found.cohorts) > 1:
        parts.append(_by_cohort(found).to_text())
    parts.append(Prose([found.sentence, _smallest(found)]).to_text())
    parts.append(Bullets([*_notes(found), *LIMITS]).to_text())
    return "\n\n".join(parts)


def _by_size(found: Calibration) -> Table:
    heads = ("Planted", "Found", "95 % interval", "Half within", "90 % within")
    return Table(
        columns=[Column("Fall"), *(Column(head, "right") for head in heads)],
        rows=[_row(one) for one in found.drops],
        caption=f"Falls planted in the quiet days from {moment(found.window[0])} to"
        f" {moment(found.window[1])}",
    )


def _row(one: DropPower) -> list[str]:
    low, high = one.interval
    return [
        points_words(one.points),
        count(one.planted),
        share(one.found / one.planted),
        f"{share(low)} to {share(high)}",
        _hours(one.within_h(0.5)),
        _hours(one.within_h(SURE)),
    ]


def _by_cohort(found: Calibration) -> Table:
    sizes = [one.points for one in found.drops]
    return Table(
        columns=[
            Column("Cohort"), Column("Input", "right"), Column("Hit rate", "right"),
            *(Column(points_words(p), "right") for p in sizes),
        ],
        rows=[
            [cohort_words(one.cohort), share(one.share), share(one.rate), *_cells(one.drops, sizes)]
            for one in found.cohorts
        ],
        caption="Found, of those planted in each cohort",
    )  # fmt: skip


def _cells(drops: tuple[DropPower, ...], sizes: list[float]) -> list[str]:
    own = {one.points: f"{one.found} of {one.planted}" for one in drops}
    return [own.get(points, "-") for points in sizes]


def _smallest(found: Calibration) -> str:
    least = found.smallest_found
    told = "none of those tried" if least is None else points_words(least.points)
    return f"The smallest fall found in {share(SURE)} of its plantings: {told}."


def _notes(found: Calibration) -> list[str]:
    notes = [
        f"Left out: {what}, {moment(start)} to {moment(end)}."
        for (start, end), what in found.left_out
    ]
    if found.not_planted:
        names = listing([cohort_words(one) for one in found.not_planted])
        notes.append(f"Nothing was planted in {names}: no hit rate is watched there all along.")
    if found.too_large:
        sizes = listing([points_words(points) for points in found.too_large])
        notes.append(f"Nothing was planted of {sizes}: no cohort's hit rate is that high.")
    for one in found.drops:
        if one.clipped:
            notes.append(
                f"{one.clipped} of {one.planted + one.clipped} places for a fall of"
                f" {points_words(one.points)} are in cohorts whose hit rate is lower; none was"
                " planted there."
            )
    if found.days_without_data:
        notes.append(f"{found.days_without_data} days of the window have no data.")
    return notes


def _hours(hours: int | None) -> str:
    return NEVER if hours is None else span(hours * HOUR_S)
