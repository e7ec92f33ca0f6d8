"""Does the request log agree with the provider? By model and day, in each class of tokens.

All notes are about the log: `unfit` means that rates and gaps must not be taken from it. The
provider bills what it counts, so where the two differ the log is the one to explain.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..words import count, listing, share, times
from .daily import CLASSES, daily, days_listed, level_of
from .note import QualityNote, Severity
from .totals import Floats

TOLERANCE = 0.02  # of a count: less is rounding, and requests at the edge of a day
TOO_MUCH = 0.2  # of the requests missing or repeated: rates of what is left are another mix
CONSTANT = 0.05  # sd of the logarithm of daily ratios
MATERIAL = 0.01  # of the provider's tokens on those days: a class that must show
INPUTS = ["uncached", "read", "written"]


def reconcile(log: pd.DataFrame, usage: pd.DataFrame) -> tuple[QualityNote, ...]:
    """Notes on *log*, a usage frame rolled up from requests, against *usage* of the provider.

    Only days and models that both have are compared; NA is not compared with a number.
    """
    if log.empty or usage.empty:
        empty = "The log has" if log.empty else "The provider's usage has"
        return (_note("log_no_overlap", "unfit", f"{empty} no rows, so nothing was compared."),)
    ours, theirs = daily(log, usage)
    common = ours.index.intersection(theirs.index)
    if common.empty:
        return (
            _note(
                "log_no_overlap",
                "unfit",
                "The log and the provider's usage have no model and day in common."
                f" Log: {_covers(ours)}; provider: {_covers(theirs)}."
                " Ask both for the same days, and see which model names the log writes.",
            ),
        )
    notes = [*_one_sided(ours, theirs)]
    days = common.get_level_values("day")
    left = ours.loc[common].groupby(days).sum(min_count=1)
    right = theirs.loc[common].groupby(days).sum(min_count=1)
    lost = list(_lost_classes(left, right))
    notes += [note for _, note in lost]
    scale = _completeness(left, right, [name for name, _ in lost])
    if scale is not None:
        held = _inclusive(left, right, scale)
        notes += [held] if held is not None else []
        notes += _amount(left, right, scale)
        skip = {name for name, _ in lost} | ({"uncached", "read"} if held is not None else set())
        notes += _other_classes(left, right, scale, skip)
    return tuple(notes)


def _one_sided(ours: pd.DataFrame, theirs: pd.DataFrame) -> Iterator[QualityNote]:
    """Models and days that only one of the two has."""
    for own, other, who, whom in (
        (theirs, ours, "the provider's usage", "the log"),
        (ours, theirs, "the log", "the provider's usage"),
    ):
        alone = own.loc[own.index.difference(other.index)]
        total = float(own[[*INPUTS, "output"]].sum().sum())
        tokens = float(alone[[*INPUTS, "output"]].sum().sum())
        if alone.empty or tokens <= MATERIAL * total:
            continue
        models = sorted(alone.index.get_level_values("model").unique())
        days = pd.DatetimeIndex(alone.index.get_level_values("day"))
        yield _note(
            "log_coverage",
            "note",
            f"{share(tokens / total)} of the tokens in {who} are of models and days that {whom}"
            f" does not have: {listing(models, 4)} {days_listed(days)}. They were not compared:"
            " look for callers outside the log, or another name of the model.",
        )


def _lost_classes(left: pd.DataFrame, right: pd.DataFrame) -> Iterator[tuple[str, QualityNote]]:
    """Classes that the provider has and the log has not, throughout or on some days."""
    total = right[[*INPUTS, "output"]].sum(axis=1)
    for name, words in CLASSES.items():
        there = right[name] > 0
        if name != "requests":
            there &= right[name] >= MATERIAL * total
        if not there.any():
            continue
        zero, absent = there & (left[name] == 0), there & left[name].isna()
        silent = zero | absent
        if not silent.any():
            continue
        theirs = f"the provider counted {count(float(right.loc[silent, name].sum()))}"
        if (silent == there).all():
            yield (
                name,
                _note(
                    "log_field_renamed",
                    "note" if absent.all() or name in ("requests", "output") else "unfit",
                    f"The log has {'no' if absent[there].all() else 'exactly 0'} {words} on all"
                    f" {int(there.sum())} days compared; {theirs}. The field is read under a name"
                    " that it does not have: compare with one raw response.",
                ),
            )
        else:
            yield (
                name,
                _note(
                    "log_fields_lost",
                    "note" if name in ("requests", "output") else "unfit",
                    f"The log has no {words} {days_listed(pd.DatetimeIndex(left.index[silent]))}"
                    f" and has them on other days; {theirs}. What fell there is the field, not the"
                    " cache: find the release of the logger of that day.",
                ),
            )


def _completeness(left: pd.DataFrame, right: pd.DataFrame, lost: list[str]) -> pd.DataFrame | None:
    """Columns `ours`, `theirs` by day of the count that says best how much the log holds."""
    for name in ("requests", "output", "read", "written", "uncached"):
        both = (left[name] > 0) & (right[name] > 0)
        if name not in lost and both.any():
            pair = {"ours": left[name], "theirs": right[name]}
            return pd.DataFrame(pair)[both].assign(name=name)
    return None


def _inclusive(left: pd.DataFrame, right: pd.DataFrame, scale: pd.DataFrame) -> QualityNote | None:
    """Uncached input in the log that holds the provider's reads, or reads and writes."""
    rows = scale.index
    ratio = scale["ours"] / scale["theirs"]
    ours = (left.loc[rows, "uncached"] / ratio).to_numpy(float)
    theirs = right.loc[rows, INPUTS].fillna(0.0)
    plain = theirs["uncached"].to_numpy(float)
    for extra, words in ((["read"], "reads"), (["read", "written"], "reads and writes")):
        whole = plain + theirs[extra].sum(axis=1).to_numpy(float)
        tells = (whole > 1.1 * plain) & (whole > 0) & ~np.isnan(ours)
        fits = tells & (np.abs(ours - whole) <= TOLERANCE * whole)
        if not fits.any():
            continue
        if fits.sum() < 0.5 * tells.sum() and not _tail_fits(fits, tells):
            continue
        days = pd.DatetimeIndex(rows[fits])
        return _note(
            "log_inclusive",
            "unfit",
            f"Uncached input in the log is {count(float(ours[fits].sum()))}"
            f" {days_listed(days)}; the provider has {count(float(plain[fits].sum()))}, and"
            f" {count(float(whole[fits].sum()))} with cache {words}. The log's total is inclusive"
            f" and was read as the uncached rest: subtract the {words}.",
        )
    return None


def _tail_fits(fits: Floats, tells: Floats) -> bool:
    """Whether all days from the first that fits on do."""
    first = int(np.argmax(fits))
    return bool((fits[first:] == tells[first:]).all())


def _amount(left: pd.DataFrame, right: pd.DataFrame, scale: pd.DataFrame) -> Iterator[QualityNote]:
    """How much of the traffic the log holds."""
    ours, theirs = scale["ours"].to_numpy(float), scale["theirs"].to_numpy(float)
    level, what = level_of(ours, theirs), CLASSES[str(scale["name"].iloc[0])]
    daily_ratio = ours / theirs
    apart = np.abs(daily_ratio - 1) >= TOLERANCE
    worst = days_listed(pd.DatetimeIndex(scale.index[apart])) if apart.any() else ""
    numbers = f"{count(float(ours.sum()))} {what} in the log, {count(float(theirs.sum()))}"
    if level.ratio <= 1 - TOLERANCE:
        missing = 1 - level.ratio
        unfit = missing > TOO_MUCH
        yield _note(
            "log_unfit" if unfit else "log_incomplete",
            "unfit" if unfit else "note",
            f"{numbers} at the provider: the log misses {share(missing)}, {worst}."
            + (
                " Rates of what is left are those of another mix; find the callers that are"
                " not logged before using it."
                if unfit
                else " Read its rates as those of the part that is logged."
            ),
        )
    elif level.ratio >= 1 + TOLERANCE:
        factor = round(level.ratio)
        whole = factor >= 2 and abs(level.ratio / factor - 1) <= 0.03
        steady = level.stray <= CONSTANT
        yield _note(
            "log_doubled",
            "unfit" if level.ratio > 1 + TOO_MUCH else "note",
            f"{numbers} at the provider: the log has {times(level.ratio)} as many, {worst}"
            f" ({'the same every day' if steady else 'not the same every day'})."
            + (f" Each row counts {factor} times." if whole and steady else " Rows are repeated.")
            + " Keep one row per response id.",
        )
    elif apart.any():
        far = int(np.argmax(np.abs(daily_ratio - 1)))
        yield _note(
            "log_incomplete",
            "note",
            f"{numbers} at the provider, and yet single days differ, {worst}:"
            f" {scale.index[far]:%Y-%m-%d}"
            f" has {times(float(daily_ratio[far]))}. Rows are missing or repeated there, or the"
            " log's days are not in UTC.",
        )


def _other_classes(
    left: pd.DataFrame, right: pd.DataFrame, scale: pd.DataFrame, skip: set[str]
) -> Iterator[QualityNote]:
    """Classes in another ratio than the requests."""
    base = level_of(scale["ours"].to_numpy(float), scale["theirs"].to_numpy(float)).ratio
    total = right.loc[scale.index, [*INPUTS, "output"]].sum(axis=1).sum()
    found = []
    for name, words in CLASSES.items():
        ours, theirs = left.loc[scale.index, name], right.loc[scale.index, name]
        if name in skip or theirs.sum() < (0 if name == "requests" else MATERIAL * total):
            continue
        ratio = level_of(ours.to_numpy(float), theirs.to_numpy(float)).ratio
        if abs(ratio / base - 1) > TOLERANCE:  # NaN is not
            found.append(f"{words} {times(ratio)}")
    if found:
        what = CLASSES[str(scale["name"].iloc[0])]
        yield _note(
            "log_class_differs",
            "note",
            f"Log over provider is {times(base)} in {what}, but {listing(found)}. Classes should"
            " agree when rows are missing or repeated at random: calls of one kind are missing,"
            " or a field holds something else.",
        )


def _covers(table: pd.DataFrame) -> str:
    if table.empty:
        return "nothing in the time that both cover"
    models = sorted(table.index.get_level_values("model").unique())
    return (
        f"{listing(models, 3)} {days_listed(pd.DatetimeIndex(table.index.get_level_values('day')))}"
    )


def _note(name: str, severity: Severity, text: str) -> QualityNote:
    return QualityNote(id=name, severity=severity, text=text, about="log")
