"""Does the bill agree with the price list? By model and UTC day, charged against priced.

The priced usage is given, so this module knows no price. Compared are charges for tokens; web
searches, containers and fees have no tokens beside them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..words import listing, share, times, usd
from .bill import cost_table, for_tokens, whole_days
from .daily import UNNAMED, Level, days_listed, level_of
from .entries import credits_of, repeats_note, without_repeats
from .note import QualityNote, Severity
from .reconciled import PENNY, TOLERANCE
from .totals import Floats

FAR = 1.5  # charged over priced, or the other way round: not the same tokens


def reconcile_cost(
    usage: pd.DataFrame,
    priced: pd.Series,
    cost: pd.DataFrame,
    *,
    tolerance: float = TOLERANCE,
) -> tuple[QualityNote, ...]:
    """Notes on what was charged against *priced*, USD of each row of *usage*.

    Days that *usage* covers in part are left out, and so is what has no price. Where rows that
    repeat others are all that keeps the bill from agreeing, that is told instead.
    """
    if usage.empty or not for_tokens(cost).any():
        return ()
    once = without_repeats(usage, priced, cost, tolerance)
    if once is not None:
        rest = reconcile_cost(usage, priced, once, tolerance=tolerance)
        return (repeats_note(cost, once), *rest)
    table = cost_table(usage, priced, cost)
    table = table[table["day"].isin(whole_days(usage))]
    known = table.dropna(subset=["charged_usd", "priced_usd"])
    known = known[(known["priced_usd"] > 0) & (known["charged_usd"] > 0)]
    steady: list[_Steady] = []
    notes: list[QualityNote] = []
    for model, rows in known.groupby("model"):
        found = _judge(str(model), rows, tolerance)
        if isinstance(found, _Steady):
            steady.append(found)
        elif found is not None:
            notes.append(found)
    return (
        *credits_of(cost),
        *_steady_notes(steady, tolerance),
        *notes,
        *_one_sided(table, tolerance),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steady:
    """A model whose charges stand in one ratio to its price; of_list: list over priced, or NaN."""

    model: str
    ratio: float
    of_list: float
    days: int
    step: pd.Timestamp | None = None
    before: float = 1.0


def _judge(model: str, rows: pd.DataFrame, tolerance: float) -> _Steady | QualityNote | None:
    charged, ours = rows["charged_usd"].to_numpy(float), rows["priced_usd"].to_numpy(float)
    off = np.abs(charged - ours)
    if (off <= np.maximum(tolerance * ours, PENNY)).all():
        return None
    level = level_of(charged, ours)
    listed = level_of(rows["list_usd"].to_numpy(float), ours)
    of_list = listed.ratio if listed.stray <= tolerance / 2 else float("nan")
    if len(rows) >= 3 and level.stray <= tolerance / 2:
        if abs(level.ratio - 1) <= tolerance:
            return None
        return _Steady(model=model, ratio=level.ratio, of_list=of_list, days=len(rows))
    split = _step(charged, ours, tolerance)
    if split is not None:
        at, before, after = split
        return _Steady(
            model=model,
            ratio=after.ratio,
            of_list=of_list,
            days=len(rows),
            step=rows["day"].iloc[at],
            before=before.ratio,
        )
    if off.sum() <= tolerance * ours.sum():
        return None
    worst = rows.assign(off=off).nlargest(3, "off")
    days = [
        f"{day:%Y-%m-%d} charged {usd(was)}, priced {usd(asked)}"
        for day, was, asked in zip(
            worst["day"], worst["charged_usd"], worst["priced_usd"], strict=True
        )
    ]
    far = level.ratio > FAR or level.ratio < 1 / (2 * FAR - 1)
    return _note(
        "cost_differs",
        "unfit" if far else "note",
        f"{_of(model)} was charged {usd(float(charged.sum()))} for tokens priced at"
        f" {usd(float(ours.sum()))} ({times(level.ratio)}), in no constant ratio: {listing(days)}."
        " Tokens are missing on one side, or billed at another tier: compare the largest day"
        " by token type.",
    )


def _step(charged: Floats, ours: Floats, tolerance: float) -> tuple[int, Level, Level] | None:
    """(first day after, level before, level after) where two constant ratios explain all days."""
    for at in range(2, len(ours) - 1):
        before, after = level_of(charged[:at], ours[:at]), level_of(charged[at:], ours[at:])
        flat = max(before.stray, after.stray) <= tolerance / 2
        if flat and abs(np.log(after.ratio / before.ratio)) > tolerance:
            return at, before, after
    return None


def _steady_notes(found: list[_Steady], tolerance: float) -> Iterator[QualityNote]:
    """Constant ratios, those that are alike in one sentence."""
    flat = sorted((s for s in found if s.step is None), key=lambda s: s.ratio)
    while flat:
        alike = [s for s in flat if abs(s.ratio / flat[0].ratio - 1) <= tolerance]
        flat = [s for s in flat if s not in alike]
        first = alike[len(alike) // 2]
        names = listing(sorted(_of(s.model) for s in alike), 4)
        yield _note(
            "price_differs",
            "note",
            f"{names}: charged is {first.ratio:.2f} of what the price list asks, on every one of"
            f" {max(s.days for s in alike)} days. {_why(alike, tolerance)}",
        )
    for s in found:
        if s.step is not None:
            yield _note(
                "price_differs",
                "note",
                f"{_of(s.model)}: charged is {s.before:.2f} of what the price list asks before"
                f" {s.step:%Y-%m-%d} and {s.ratio:.2f} from that day on. A price, a discount or a"
                " service tier changed there: read the contract and the price list of that day.",
            )


def _why(alike: list[_Steady], tolerance: float) -> str:
    lists = [s.of_list for s in alike if s.of_list > 0]
    ratio = alike[0].ratio
    if not lists:
        return (
            "A discount, or a price list that is out of date (measurement.stale_price); the bill"
            " gives no list price to tell them apart. Read the contract."
        )
    listed = float(np.median(lists))
    if abs(listed - 1) <= tolerance:
        return (
            f"The bill's own list price agrees with ours, so it is a discount of"
            f" {share(1 - ratio)}: multiply costs by {ratio:.2f}."
            if ratio < 1
            else "The bill's own list price agrees with ours, so it is a surcharge or a tax."
        )
    return (
        f"The bill's own list price is {listed:.2f} of ours: our price list is out of date"
        " (measurement.stale_price), or the tokens are of another tier."
        + (
            f" Charged is {ratio / listed:.2f} of the bill's list."
            if abs(ratio / listed - 1) > tolerance
            else ""
        )
    )


def _one_sided(table: pd.DataFrame, tolerance: float) -> Iterator[QualityNote]:
    """Charges without tokens beside them, and tokens without a charge."""
    charged, ours = table["charged_usd"].fillna(0.0), table["priced_usd"]
    silent = (charged > PENNY) & (ours.isna() | (ours == 0))
    free = (ours > PENNY) & (charged == 0)
    for where, column, name, what, todo in (
        (
            silent,
            "charged_usd",
            "cost_without_usage",
            "was charged for models and days without priced usage",
            "Usage is missing there, or its model has no price.",
        ),
        (
            free,
            "priced_usd",
            "usage_without_cost",
            "of priced usage has no charge beside it",
            "The bill may be late, or these calls are on another account or a free tier.",
        ),
    ):
        amount, total = float(table.loc[where, column].sum()), float(table[column].sum())
        if not where.any() or amount <= tolerance * total:
            continue
        models = listing([_of(m) for m in sorted(table.loc[where, "model"].unique())], 4)
        days = days_listed(pd.DatetimeIndex(table.loc[where, "day"]))
        yield _note(
            name,
            "note",
            f"{usd(amount)} ({share(amount / total)}) {what}: {models} {days}. {todo}",
        )


def _of(model: str) -> str:
    return "All models" if model == UNNAMED else model


def _note(name: str, severity: Severity, text: str) -> QualityNote:
    return QualityNote(id=name, severity=severity, text=text, about="cost")
