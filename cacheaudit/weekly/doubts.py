"""Why a week is not known, each with what would tell: such a week is never called quiet."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ..gates import Gate
from ..quality import QualityNote
from ..words import count, moment, share, span
from .covered import Rhythm
from .parts import Comparison, Part

Kind = Literal[
    "stale",
    "future",
    "missing",
    "unreported",
    "blind",
    "other_traffic",
    "baseline",
    "unpriced",
    "telemetry",
]
DAY = pd.Timedelta("1D")
HALF_A_DAY = 0.5  # of a mean day's traffic: what is not there yet of a quiet weekend is less
UNREPORTED = 0.1  # of the week's tokens: above it, what is known speaks for itself alone
SAME_TRAFFIC = 0.5  # of the week's tokens: so many must be of cohorts that the baseline has


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One reason. says: without a full stop, for a headline; needs: a sentence or two."""

    kind: Kind
    says: str
    needs: str

    def to_dict(self) -> dict[str, str]:
        """For findings.json."""
        return {"kind": self.kind, "says": self.says, "needs": self.needs}


def timely(
    until: pd.Timestamp,
    now: pd.Timestamp,
    asked: pd.Timestamp | None,
    width: pd.Timedelta,
    rhythm: Rhythm,
    refreshed_at: pd.Timestamp | None = None,
) -> Iterator[Doubt]:
    """Whether data that ends at *until* is of the week that was asked for.

    asked   end that was asked for; None: *now*. A day and a bucket's *width* before it may be
            missing, and longer where *rhythm* knows of no traffic then
    """
    if until > now + width:
        yield Doubt(
            kind="future",
            says=f"this data ends at {moment(until)}, which has not come yet",
            needs=f"It is {moment(now)}. Set right the clock that wrote it, or the dates.",
        )
    wanted = now if asked is None else min(asked, now)
    late = wanted - until
    days = rhythm.days_until(wanted) if late > DAY + width else 0.0
    if late > DAY + width and (days is None or days > HALF_A_DAY):
        complete = "" if refreshed_at is None else " The provider has nothing complete after it."
        yield Doubt(
            kind="stale",
            says=f"this data ends {span(late.total_seconds())} before"
            f" {'now' if wanted == now else 'the end that was asked for'}",
            needs=f"Its last hour ends at {moment(until)}; expected data until about"
            f" {moment(wanted)}.{complete} Pull or export it again; for a report on that"
            " week, set end to the end of the data.",
        )


def doubts_of(
    found: Comparison, quality: tuple[QualityNote, ...], baseline: tuple[QualityNote, ...]
) -> Iterator[Doubt]:
    """Of the week's hours and counts, and of what it is held against.

    quality    notes on the week's usage;  baseline: on a frozen one
    """
    if not found.coverage.enough:
        yield _missing(found)
    if found.unreported > UNREPORTED:
        yield Doubt(
            kind="unreported",
            says=f"about {share(found.unreported)} of the week's input is not reported",
            needs="What is not reported is not 0. Bring usage whose every row has its cache reads"
            " and uncached input.",
        )
    for note in quality:
        if note.severity == "blind" and note.about == "usage" and found.unreported <= UNREPORTED:
            yield Doubt(kind="blind", says="this data may hide an incident", needs=note.text)
    if found.baseline.window is not None and found.known_share < SAME_TRAFFIC:
        which = f" {found.baseline.name}" if found.baseline.frozen else ""
        yield Doubt(
            kind="other_traffic",
            says=f"the baseline{which} is of other traffic",
            needs=f"Only {share(found.known_share)} of the week's tokens are of workspaces and"
            " routes that it has. Bring a baseline of this traffic (baseline_path), or days before"
            " the week under the same names.",
        )
    for note in baseline:
        if note.severity != "note" and note.about == "usage":
            yield Doubt(
                kind="baseline",
                says=f"the frozen baseline {found.baseline.name} cannot be trusted",
                needs=f"{note.text} Take another window of it (baseline_start, baseline_end), or"
                " another run.",
            )
            break
    yield from _unpriced(found)


def of_telemetry(gate: Gate) -> Iterator[Doubt]:
    """Of the gate on cache fields: where it fails, nothing can be quiet."""
    if gate.standing == "fail":
        yield Doubt(
            kind="telemetry",
            says=f"only {share(gate.value)} of the requests report cache fields",
            needs=gate.needs or f"The bar is {share(gate.bar)} (telemetry_share).",
        )


def _missing(found: Comparison) -> Doubt:
    there, hours = found.coverage.hours
    gap = found.coverage.gap
    where = (
        "" if gap is None else f", and nothing is there from {moment(gap[0])} to {moment(gap[1])}"
    )
    return Doubt(
        kind="missing",
        says=f"{count(hours - there)} of the week's {count(hours)} hours have no data",
        needs=f"{count(there)} of its {count(hours)} hours have rows: those that usually have"
        f" {share(found.coverage.share)} of the tokens{where}. No traffic and no data look the"
        " same here. Pull those hours again; where nothing ran, rows of 0 would say so.",
    )


def _unpriced(found: Comparison) -> Iterator[Doubt]:
    """A cost that rose, where the price list may explain it."""
    dear = [part.label for part in found.every if _unexplained(part)]
    if dear:
        yield Doubt(
            kind="unpriced",
            says=f"the cost of {dear[0]} rose, and part of its tokens has no price",
            needs="Whether the models that were chosen explain it would be told by a price for each"
            " of them (prices_path).",
        )


def _unexplained(part: Part) -> bool:
    return part.cost.way == "up" and part.list_price is None
