"""Parameters in, a probe out: what it is given is read here; clock and network end here."""

import secrets
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from .clock import now as clock_at
from .engine import rollup
from .habits import EDGES_S, lengths_of, paces_of
from .logs.opening import open_log
from .pricing import UnitPrice, unit_price
from .probe_params import LEAST_WORDS, ProbeParams
from .probing.ask import Ask
from .probing.measure import Probe, probe
from .probing.questions import Design
from .probing.run import Clock
from .probing.send import Sender
from .prompts import read_prompts
from .sources.frame import read_usage
from .sources.tables import read_prices
from .traffic.gaps import gaps
from .words import count, listing, share, span

FALLBACK_S = (5.0,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A probe with what it was given: all that a report or a findings file is made from.

    prices   of each candidate on the day
    notes    where prompts, lengths and paces come from, and what was left out
    made_at  when the probe began
    """

    params: ProbeParams
    probe: Probe
    design: Design
    prices: tuple[UnitPrice, ...]
    notes: tuple[str, ...]
    made_at: pd.Timestamp


def measure(
    params: ProbeParams,
    *,
    now: pd.Timestamp | None = None,
    clock: Clock | None = None,
    sender: Sender | None = None,
) -> Measurement:
    """Plan the probe of *params*, and with `execute` do it.

    Receipts go to receipts_path, where there is none into a file of their own beside the command.
    Raises as probe() does, and SourceError, SchemaError or UnfitData for what it is given.
    """
    at = clock_at() if now is None else now
    prices = read_prices(params.prices_path) if params.prices_path else None
    design, notes = _designed(params)
    kept = params.receipts_path or f"probe-{params.name}-{at:%Y%m%dT%H%M%SZ}.receipts.jsonl"
    found = probe(
        params.asked,
        design.prompts,
        budget_usd=params.budget_usd,
        execute=params.execute,
        design=design,
        prices=prices,
        receipts_path=Path(kept) if params.execute else None,
        pace_s=params.pace_s,
        clock=clock,
        sender=sender or (Sender(timeout_s=params.timeout_s) if params.execute else None),
    )
    priced = [unit_price(one.sold_by, one.model, at.date(), prices=prices) for one in params.asked]
    return Measurement(
        params=params,
        probe=found,
        design=design,
        prices=tuple(one for one in priced if isinstance(one, UnitPrice)),
        notes=(*notes, *found.notes),
        made_at=at,
    )


def planned(params: ProbeParams) -> Measurement:
    """The plan alone: nothing is sent, whatever *params* say."""
    return measure(replace(params, execute=False))


def _designed(params: ProbeParams) -> tuple[Design, list[str]]:
    """What is to be measured, with what of it comes from the team's data; and notes on that."""
    seed = params.seed or secrets.token_hex(8)
    lengths, paces, notes = _habits(params)
    prompts: tuple[Ask, ...] = ()
    if params.prompts_path:
        (api,) = {one.api for one in params.asked}
        prompts, said = read_prompts(params.prompts_path, api, most=params.repeats, seed=seed)
        notes += said
    elif len(lengths) > 1:
        prompts = tuple(Ask(candidate="", nonce="", words=words) for words in lengths)
    design = Design(
        prompts=prompts,
        words=params.words or (lengths[0] if lengths else Design().words),
        questions=tuple(params.questions),
        pairs=params.pairs,
        repeats=params.repeats,
        follow_ups=params.follow_ups,
        paces_s=tuple(params.paces_s) or paces or FALLBACK_S,
        idle_s=tuple(params.idle_s),
        idle_repeats=params.idle_repeats,
        together=params.together,
        seed=seed,
    )
    return design, notes


def _habits(params: ProbeParams) -> tuple[tuple[int, ...], tuple[float, ...], list[str]]:
    """(lengths, paces, notes) from the usage and the log; empty where they are given or absent."""
    lengths: tuple[int, ...] = ()
    paces: tuple[float, ...] = ()
    notes: list[str] = []
    log = open_log(params.requests_path) if params.requests_path else None
    if log is not None:
        notes += log.notes
    if not params.words and (params.usage_path or log is not None):
        named = params.usage_path or params.requests_path
        if params.usage_path:
            usage = read_usage(params.usage_path)
        else:
            assert log is not None
            usage = rollup(log.table)
        lengths = tuple(max(words, LEAST_WORDS) for words in lengths_of(usage))
        each = listing([count(words) for words in lengths])
        notes.append(f"Prompts of {each} words: tokens cached per request in {Path(named).name}.")
    if not params.paces_s and log is not None:
        paces, within, above = paces_of(gaps(log.table, EDGES_S), params.longest_pace_s)
        notes.append(_paced(paces, within, above, params.longest_pace_s))
    if not lengths and not params.words and not params.prompts_path:
        notes.append(f"Prompts are synthetic, {count(Design().words)} words long.")
    return lengths, paces, notes


def _paced(paces: tuple[float, ...], within: int, above: int, longest_s: float) -> str:
    middle = sorted(paces)[len(paces) // 2]
    text = (
        f"The pace is that of {count(within)} re-uses in the log, half of them within"
        f" {span(middle)}."
    )
    if above:
        text += (
            f" {share(above / (within + above))} of the re-uses came after more than"
            f" {span(longest_s)} and are left out: the hit rate is of the others."
        )
    return text


def sure_of(measurement: Measurement) -> tuple[list[str], list[str]]:
    """Questions whose worst case the budget covers, in the order of the plan; and the others.

    What is held for an endpoint that ignores its limit has to be there, and is free again after.
    """
    left = measurement.params.budget_usd
    sure: list[str] = []
    rest: list[str] = []
    worst: dict[str, float] = {}
    held: dict[str, float] = {}
    for step in measurement.probe.plan.steps:
        spent_usd = step.worst_usd - step.held_usd
        worst[step.question] = worst.get(step.question, 0.0) + spent_usd
        held[step.question] = max(held.get(step.question, 0.0), step.held_usd)
    for question, usd in worst.items():
        fits = usd + held[question] <= left
        left -= usd if fits else 0.0
        (sure if fits else rest).append(question)
    return sure, rest
