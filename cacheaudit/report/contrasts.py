"""What the picture of the decisive contrast shows: who fell beside who did not, and what it says.

A finding is only claimed where every cohort that is compared bears it out. Cohorts that are in
neither group (new ones, and those that changed too little to tell) are counted, never drawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ..causes.case import Case
from ..causes.facts import CohortFacts, Side
from ..causes.losses import COLUMN, RISE, Losses, Mark
from ..causes.reuse import MOST, SAID, part_of
from ..diagnosis import IncidentDiagnosis
from ..plots import ROWS
from ..schema import COHORT
from ..traffic.calls import GAPS
from ..words import count, listing, share, times

ALIKE = 0.2  # drops that differ by less than this part of the largest are alike
LOST = "what was lost beyond the baseline"
FEWEST_LOST = 0.02  # of a rate: a gap that lost less kept it


def finding(case: Case) -> str:
    """What sets the cohorts that fell apart from those that did not, in one line."""
    fell, kept = case.affected, case.spared
    if not fell:
        return "Each cohort kept its rate; their shares of the traffic moved"
    if not kept:
        return _all_fell(fell)
    if len(case.moved) == len(fell):
        return _moved_fell(fell, kept)
    if case.moved:
        return "Traffic fell whether or not its version changed"
    return _unmoved_fell(fell, kept)


def cohort_rows(top: IncidentDiagnosis) -> pd.DataFrame:
    """One row per cohort, the largest drop first, in the columns of plots.ROWS."""
    case = top.case
    standing = {c.id: c.standing for c in top.causes}
    lengths = standing.get("model.below_minimum", "ruled_out") != "ruled_out"
    held = _weights(case) if not case.affected else {}
    rows = [
        (c.name, "; ".join(_notes(c, case, lengths=lengths, held=held)), c.rate_before,
         c.rate_after, c in case.affected)
        for c in sorted((*case.affected, *case.spared), key=lambda c: -c.drop)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=ROWS)


def without_a_place(case: Case, usage: pd.DataFrame) -> int:
    """Cohorts with traffic in the incident that are neither affected nor spared."""
    end = case.incident.deeper_at or case.incident.end or usage["bucket_end"].max()
    at = usage["bucket_start"]
    during = usage[(at >= case.incident.start) & (at < end)]
    seen = len(during[COHORT].drop_duplicates())
    return max(0, seen - len(case.affected) - len(case.spared))


def missing_contrast(case: Case) -> str:
    """Why there is nothing to hold the incident against, and which data would give it."""
    who = "no cohort has traffic on both sides of its start"
    if case.affected or case.spared:
        who = "all traffic is one cohort"
    return (
        f"There is no contrast to draw: {who}, and there is no request log that tells."
        " Usage grouped by workspace and key would show who kept the rate in the same hours;"
        " a request log would show which calls stopped finding what the one before them had"
        " cached (requests_path)."
    )


def gap_rows(losses: Losses) -> pd.DataFrame:
    """One row per gap since the last use, in the columns of plots.ROWS: what was read again."""
    rows = []
    for gap in GAPS:
        here = losses.pairs["gap"].eq(gap)
        before, after = (1 - losses.rate(here, period) for period in ("before", "after"))
        held = f"{share(losses.share(here, 'after'))} of re-use"
        if not (math.isnan(before) and math.isnan(after)):
            rows.append((gap, held, before, after, before - after >= FEWEST_LOST))
    return pd.DataFrame(rows, columns=ROWS)


def gap_finding(losses: Losses) -> str:
    """How much of what the last call held was read again, before and after."""
    before, after = share(1 - losses.before), share(1 - losses.after)
    if losses.rise < RISE:
        return f"Request log: calls read again as much as before ({before}, {after})"
    return f"Request log: {before} of what the last call held was read again, then {after}"


def marked_loss(losses: Losses) -> str:
    """The mark (or the gap) that most of the added loss carries, or that none does."""
    if losses.rise < RISE:
        return "By the request log, re-use did not get worse: the fall is not in re-use."
    parts: dict[Mark, float] = {m: losses.of(m) for m in COLUMN if losses.logged(m)}
    most = max(parts, key=lambda m: parts[m], default=None)
    if most is not None and parts[most] >= MOST:
        return f"{part_of(parts[most])} of {LOST} was in {SAID[most]}."
    for gap in GAPS:
        if (part := losses.of_gaps((gap,))) >= MOST:
            return f"{part_of(part)} of {LOST} is worse re-use after a gap of {gap}."
    if (part := losses.of_longer_gaps()) >= MOST:
        return f"{part_of(part)} of {LOST} comes of longer gaps between uses."
    if most is None:
        return "The request log has no column that would mark the calls that lost."
    return f"No one mark carries {LOST}; the most, {part_of(parts[most])}, was in {SAID[most]}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that a request is made of: its ratio to the baseline, and the amounts."""

    name: str
    ratio: float
    amounts: str
    names_it: bool


def parts_of(case: Case) -> list[Part]:
    """What may have made the money move, each as a ratio to the baseline; what is known of it."""
    before, after = ([getattr(c, side) for c in case.affected] for side in ("before", "after"))
    incident, parts = case.incident, list[Part]()
    named = {
        "longer_prompts": "Input a request", "more_output": "Output a request",
        "dearer": "List price of the same tokens", "more_requests": "Requests",
    }.get(case.pattern)  # fmt: skip
    if incident.measure == "charged_ratio":
        named = "Bill over list price"
        parts.append(_ratio("Bill over list price", incident.after, "", named))
    for name, column in (("Input", "input_tokens"), ("Output", "output_tokens")):
        unit = "requests" if _sum(before, "requests") > 0 else "input_tokens"
        if column == unit:
            continue
        each = "a request" if unit == "requests" else "an input token"
        was, now = _per(before, column, unit), _per(after, column, unit)
        amounts = f"{count(was)} → {count(now)} tokens" if unit == "requests" else ""
        parts.append(_ratio(f"{name} {each}", now / was if was > 0 else math.nan, amounts, named))
    parts.append(_ratio("List price of the same tokens", case.list_price_ratio, "", named))
    if incident.measure == "volume":
        parts.insert(0, _ratio("Input volume", incident.after, "", named or ""))
    elif incident.measure != "charged_ratio":
        unit = "request" if incident.measure == "usd_per_request" else "million input tokens"
        parts.insert(0, _ratio(f"Cost of a {unit}", incident.after, "", named or ""))
    return [p for p in parts if not math.isnan(p.ratio)]


def money_finding(case: Case) -> str:
    """Which part of a request moved with the money."""
    rise = times(case.incident.after)
    if case.incident.measure == "charged_ratio":
        return f"The bill rose to {rise} of its baseline for the same tokens at list prices"
    known = {p.name: times(p.ratio) for p in parts_of(case) if p.names_it}
    for name, ratio in known.items():
        return f"{name} rose to {ratio}, the {_money_name(case)} to {rise}"
    if case.incident.measure == "volume":
        return f"Input volume rose to {rise}"
    return f"No single part of a request accounts for a {_money_name(case)} of {rise}"


def _money_name(case: Case) -> str:
    return {"usd_per_request": "cost per request", "usd_per_mtok": "cost per input token",
            "volume": "volume"}.get(case.incident.measure, "cost")  # fmt: skip


def _ratio(name: str, ratio: float, amounts: str, named: str | None) -> Part:
    return Part(name=name, ratio=ratio, amounts=amounts, names_it=name == named)


def _sum(sides: Sequence[Side], column: str) -> float:
    return float(sum(getattr(s, column) for s in sides))


def _per(sides: Sequence[Side], column: str, unit: str) -> float:
    units = _sum(sides, unit)
    return _sum(sides, column) / units if units > 0 else math.nan


def _all_fell(fell: tuple[CohortFacts, ...]) -> str:
    if len(fell) == 1:
        return f"{fell[0].name} fell, and there is no other traffic to compare"
    moved = [c for c in fell if c.change is not None]
    if moved and len(moved) < len(fell):
        return "Traffic fell whether or not its version changed"
    least, most = min(c.drop for c in fell), max(c.drop for c in fell)
    how = "alike" if most - least <= ALIKE * most else f"by {share(least)} to {share(most)}"
    also = f", and all moved to {_target(moved)}" if moved else ""
    every = "Both" if len(fell) == 2 else f"All {len(fell)}"
    return f"{every} cohorts fell {how}{also}"


def _moved_fell(fell: tuple[CohortFacts, ...], kept: tuple[CohortFacts, ...]) -> str:
    target, also = _target(fell), [c for c in kept if c.change is not None]
    if not also:
        return f"Only traffic that moved to {target} fell"
    floors = {_minimum(c) for c in (*fell, *also)}
    floor = floors.pop() if len(floors) == 1 else None
    if floor is not None:
        below = [c.before.cached_tokens_per_request < floor for c in (*fell, *also)]
        if all(below[: len(fell)]) and not any(below[len(fell) :]):
            return f"Of what moved to {target}, only prefixes below {count(floor)} tokens fell"
    return f"Of what moved to {target}, only {listing([c.name for c in fell], 3)} fell"


def _unmoved_fell(fell: tuple[CohortFacts, ...], kept: tuple[CohortFacts, ...]) -> str:
    if all(c.change is not None for c in kept):
        return f"Only traffic that did not move to {_target(kept)} fell"
    if len(fell) == 1:
        return f"Only {fell[0].name} fell{_alone_on_its_route(fell[0], kept)}"
    for column, words in (("route", "through"), ("scope", "of")):
        own = {getattr(c, column) for c in fell}
        apart = own.isdisjoint(getattr(c, column) for c in kept)
        if len(own) == 1 and None not in own and apart:
            return f"All traffic {words} {own.pop()} fell, and no other"
    return f"{len(fell)} of {len(fell) + len(kept)} cohorts fell; no version moved with them"


def _alone_on_its_route(one: CohortFacts, kept: tuple[CohortFacts, ...]) -> str:
    routes = {c.route for c in kept}
    apart = one.route is not None and len(routes) < len(kept) and one.route not in routes
    return f", the only traffic through {one.route}" if apart and one.route != one.name else ""


def _target(cohorts: Sequence[CohortFacts]) -> str:
    names = {c.change.to_model for c in cohorts if c.change is not None}
    return names.pop() if len(names) == 1 else "another version"


def _minimum(cohort: CohortFacts) -> int | None:
    return None if cohort.floor is None else cohort.floor.minimum_tokens


def _notes(c: CohortFacts, case: Case, *, lengths: bool, held: dict[str, str]) -> list[str]:
    """Whether it moved and whither; its cached length, where that matters; its weight."""
    notes = []
    if c.change is not None:
        part = "" if c.moved_share > 0.995 else f", {share(c.moved_share)} of it"
        notes.append(f"moved to {c.change.to_model}{part}")
    elif case.versions_named:
        notes.append("same version")
    if lengths and not math.isnan(c.before.cached_tokens_per_request):
        length, floor = count(c.before.cached_tokens_per_request), _minimum(c)
        least = "" if floor is None else f", minimum {count(floor)}"
        notes.append(f"cached {length} tokens{least}")
    if c.name in held:
        notes.append(held[c.name])
    return notes


def _weights(case: Case) -> dict[str, str]:
    """Share of the input before and during, by cohort: what a mix is made of."""
    total = [sum(getattr(c, s).input_tokens for c in case.spared) for s in ("before", "after")]
    if not all(t > 0 for t in total):
        return {}
    return {
        c.name: f"{share(c.before.input_tokens / total[0])} of the input,"
        f" then {share(c.after.input_tokens / total[1])}"
        for c in case.spared
    }
