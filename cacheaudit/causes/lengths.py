"""Contrasts from a request log about lengths: of what is cached, of reads, of prompts.

Each is a Test (hypothesis.py): a Case in, one sentence or None out.
"""

import numpy as np
import pandas as pd

from ..live import MEASURED
from ..rules import tokenizer_ratio
from ..words import count, listing, share, times
from .case import Case
from .floors import DOUBT
from .hypothesis import Evidence
from .logged import ENOUGH, HARDLY_ANY, NEARLY_ALL, on_new
from .reuse import DIRECT

SEVERAL = 20  # distinct lengths
BLOCK = 256  # tokens; smaller steps are how providers round (OpenAI: 128)
STEADY = 0.1  # quantiles of length that grew alike to within this grew by one factor
GREW = 1.05


def floor_in_the_log(case: Case) -> Evidence | None:
    """Which lengths the new model caches, against its minimum, call by call."""
    change = case.moved[0].change if case.moved else None
    floor = case.moved[0].floor if case.moved else None
    if case.log is None or change is None or floor is None or floor.minimum_tokens is None:
        return None
    ratio = tokenizer_ratio(change.from_model or "", change.to_model) or (1.0, 1.35)
    cached = case.log.cached
    old = cached[(cached["period"] == "before") & (cached["model"] == change.from_model)]
    new = cached[(cached["period"] == "after") & (cached["model"] == change.to_model)]
    lengths = case.log.lengths
    own = lengths[(lengths["period"] == "after") & (lengths["model"] == change.to_model)]
    calls, was = float(own["calls"].sum()), float(old["calls"].sum())
    if calls < ENOUGH or was < ENOUGH:
        return None
    sure = (1 if floor.evidence == MEASURED else DOUBT) * floor.minimum_tokens
    long = float(old.loc[old["length"] * ratio[0] >= sure, "calls"].sum()) / was
    short = float(old.loc[old["length"] * ratio[1] < floor.minimum_tokens, "calls"].sum()) / was
    under = float(new.loc[new["length"] + 64 <= floor.minimum_tokens, "calls"].sum()) / calls
    none = 1 - float(own["cached"].sum()) / calls
    said = (
        f"Request log: {share(short)} of the calls cached less than {count(floor.minimum_tokens)}"
        f" tokens before, the minimum of {change.to_model}; {share(none)} cache nothing now"
    )
    if under > HARDLY_ANY:
        return Evidence(
            text=f"{said}, and {share(under)} still cache less than that.",
            against=True,
            decisive=True,
        )
    if none > 1 - long + HARDLY_ANY:
        return Evidence(
            text=f"{said}, though {share(long)} had at least {count(sure)} tokens.",
            against=True,
            decisive=True,
        )
    if abs(none - short) <= 2 * HARDLY_ANY and HARDLY_ANY < short < NEARLY_ALL:
        return Evidence(
            text=f"{said}: those below it stopped, those above it go on.", weight=DIRECT
        )
    return None


def reads_in_blocks(case: Case) -> Evidence | None:
    """A model that is served in blocks reads only whole ones."""
    if case.log is None:
        return None
    reads = case.log.reads
    after = on_new(case, reads[reads["period"] == "after"])
    before = reads[reads["period"] == "before"]
    values = after["read"].to_numpy(np.int64)
    if min(len(values), len(before)) < SEVERAL:
        return None  # a few prefixes of fixed length are multiples of something by chance
    block, was = _common_step(values), _common_step(before["read"].to_numpy(np.int64))
    if block >= BLOCK and was < BLOCK:
        return Evidence(
            text=f"Request log: every read is a multiple of {count(block)} tokens.", weight=DIRECT
        )
    if block < BLOCK:
        return Evidence(
            text="Request log: reads take any length, not multiples of a block.",
            against=True,
            decisive=True,
        )
    return None


def _common_step(values: np.ndarray) -> int:
    return int(np.gcd.reduce(values)) if len(values) else 0


def one_factor(case: Case) -> Evidence | None:
    """Another tokenizer multiplies every length by about one factor."""
    grew = _growth_of_quantiles(case)
    if grew is None:
        return None
    text = _said(grew)
    if _by_one_factor(grew):
        return Evidence(text=f"Request log: {text}: one factor on all lengths.", weight=DIRECT)
    if grew.max() >= GREW:
        return Evidence(text=f"Request log: {text}: not one factor.", against=True, decisive=True)
    return None


def tail_grew(case: Case) -> Evidence | None:
    """Longer conversations or documents stretch the long end, not every request alike."""
    grew = _growth_of_quantiles(case)
    if grew is None:
        return None
    text = _said(grew)
    if _by_one_factor(grew):
        return Evidence(
            text=f"Request log: {text}: one factor on all lengths.", against=True, decisive=True
        )
    if grew["p90"] >= GREW and grew["p90"] > grew["p25"] * (1 + STEADY):
        return Evidence(text=f"Request log: {text}: the long ones grew.", weight=DIRECT)
    return None


def _by_one_factor(grew: pd.Series) -> bool:
    return bool(grew.min() >= GREW and grew.max() / grew.min() <= 1 + STEADY)


def _growth_of_quantiles(case: Case) -> pd.Series | None:
    """Each quantile of prompt length over its value before; None without enough calls."""
    if case.log is None:
        return None
    lengths = case.log.lengths.astype({"calls": "float64"})
    after = on_new(case, lengths[lengths["period"] == "after"])
    before = lengths[lengths["period"] == "before"]
    if after["calls"].sum() < 10 * ENOUGH or before["calls"].sum() < 10 * ENOUGH:
        return None
    names = ["p25", "p50", "p75", "p90"]
    now, was = (
        side[names].mul(side["calls"], axis=0).sum() / side["calls"].sum()
        for side in (after, before)
    )
    return pd.Series(now / was) if float(was.min()) > 0 else None


def _said(grew: pd.Series) -> str:
    parts = [f"{str(name)[1:]} % quantile {times(float(value))}" for name, value in grew.items()]
    return f"prompt length over its baseline, {listing(parts)}"
