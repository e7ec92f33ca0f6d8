"""Each factor as it was and as it became, for every offer: what the bridge walks between.

cost of an offer = units * share * [size * tokenizer * (split, lifetimes) . prices
                                    + output * tokenizer * output price]

An offer that one window lacks has no numbers of its own there. It stands in for those that it took
over from (a new offer), or is stood in for by those that took over (an offer that left), weighted
by the share that they lost or won: with them, moving between models is a change of mix alone
where prompts and cache stay as they were. Its price is its own, from the window that has it.
"""

from dataclasses import dataclass, fields

import numpy as np

from ..cost import MTOK
from ..schema import CACHE_WRITE
from .offers import Bought, Floats, Mask, Offers, Places, summed

UNCACHED, READ, WRITES, OUTPUT = 0, 1, slice(2, 2 + len(CACHE_WRITE)), 2 + len(CACHE_WRITE)
SAME = 1e-12  # relative: what sums in another order differ by
# factor of the bridge: what it is called here
PARTS = {
    "volume": "units",
    "model_mix": "share",
    "prompt_size": "size",
    "tokenizer": "tokenizer",
    "cache_split": "split",
    "write_lifetime": "lifetimes",
    "price": "rate",
    "output_size": "output",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All factors of n offers in one window. Tokens are in tokens of the reference tokenizer.

    units      (n,) requests of the offer's cell, or its input tokens where they are not counted
    share      (n,) of the cell's units that the offer serves
    size       (n,) input tokens per unit
    tokenizer  (n,) tokens per reference token
    split      (n, 3) share of input uncached, read and written
    lifetimes  (n, lifetimes) share of what is written
    rate       (n, classes) USD per million tokens
    output     (n,) output tokens per unit
    """

    units: Floats
    share: Floats
    size: Floats
    tokenizer: Floats
    split: Floats
    lifetimes: Floats
    rate: Floats
    output: Floats


def usd_of(was: State, is_now: State, changed: frozenset[str]) -> Floats:
    """USD of each offer, (n,), with the factors *changed* as they became, the rest as they were."""

    def of(factor: str) -> Floats:
        part: Floats = getattr(is_now if factor in changed else was, PARTS[factor])
        return part

    units, split = of("volume") * of("model_mix"), of("cache_split")
    size = of("prompt_size") * of("tokenizer")
    written = split[:, 2:] * of("write_lifetime")
    by_class = np.column_stack([split[:, :2], written]) * size[:, None]
    tokens = np.column_stack([by_class, of("output_size") * of("tokenizer")]) * units[:, None]
    return np.asarray(np.where(tokens > 0, tokens * of("price"), 0.0).sum(axis=1) / MTOK)


def states_of(offers: Offers, counted: Mask, per_token: Floats) -> tuple[State, State]:
    """The two states, what differs by rounding alone made equal.

    counted    (cells,) whether both windows count the requests of a cell
    per_token  (n,) tokens of each offer per reference token, for the same text
    """
    own, other = (
        _Side.of(side, offers, counted, per_token) for side in (offers.before, offers.after)
    )
    cells = len(offers.cells)
    was = _state(own, other, offers.cell, cells, per_token)
    now = _state(other, own, offers.cell, cells, per_token)
    filled = _filled(was, now)
    return filled, _levelled(filled, _filled(now, was))


def _filled(state: State, other: State) -> State:
    """*state* with what it lacks from *other*."""

    def of(part: str) -> Floats:
        mine, theirs = getattr(state, part), getattr(other, part)
        values = np.where(np.isnan(mine), theirs, mine)
        if part != "rate":  # a rate that nobody has stays unknown
            values = np.nan_to_num(values)
        return np.asarray(values)

    return State(**{f.name: of(f.name) for f in fields(State)})


def _levelled(was: State, now: State) -> State:
    """*now*, equal to *was* wherever only rounding differs: what did not change adds just 0."""
    pairs = {f.name: (getattr(was, f.name), getattr(now, f.name)) for f in fields(State)}
    same = {name: np.isclose(a, b, rtol=SAME, atol=0.0) for name, (a, b) in pairs.items()}
    return State(**{name: np.where(same[name], a, b) for name, (a, b) in pairs.items()})


def touched(was: State, now: State) -> list[str]:
    """The factors that differ anywhere."""
    return [
        factor
        for factor, part in PARTS.items()
        if not np.array_equal(getattr(was, part), getattr(now, part), equal_nan=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One window: units, reference tokens and rates by offer; units by cell."""

    units: Floats
    of_cell: Floats
    tokens: Floats
    rate: Floats

    @classmethod
    def of(cls, side: Bought, offers: Offers, counted: Mask, per_token: Floats) -> "_Side":
        tokens = side.tokens / per_token[:, None]
        units = np.where(counted[offers.cell], side.requests, tokens[:, :OUTPUT].sum(axis=1))
        whole = summed(offers.cell, units, len(offers.cells))
        rate = _with_stand_ins(side)
        return cls(units=units, of_cell=whole[offers.cell], tokens=tokens, rate=rate)

    @property
    def share(self) -> Floats:
        return _over(self.units, self.of_cell)


def _with_stand_ins(side: Bought) -> Floats:
    """Rates, none missing where another token class can speak: only tokens that were never bought
    of an offer meet a stand-in (writes of a lifetime that it does not sell)."""
    rate = side.rate.copy()
    writes, spent = rate[:, WRITES], side.tokens[:, WRITES]
    known = np.where(np.isnan(writes), 0.0, writes)
    weight = np.where(np.isnan(writes), 0.0, spent)
    usual = _over((known * weight).sum(axis=1), weight.sum(axis=1))
    plain = _over(known.sum(axis=1), (~np.isnan(writes)).sum(axis=1).astype(float))
    usual = np.where(np.isnan(usual), plain, usual)
    usual = np.where(np.isnan(usual), rate[:, UNCACHED], usual)
    rate[:, WRITES] = np.where(np.isnan(writes), usual[:, None], writes)
    rate[:, READ] = np.where(np.isnan(rate[:, READ]), rate[:, UNCACHED], rate[:, READ])
    return rate


def _state(own: _Side, other: _Side, cell: Places, cells: int, per_token: Floats) -> State:
    """The state of *own*; where an offer or a class is missing, of its donors, then of *other*."""
    missing = own.units <= 0
    given = np.maximum(0.0, np.nan_to_num(own.share) - np.nan_to_num(other.share))
    part = np.where(missing, 0.0, _over(given, own.share, empty=0.0))  # of each donor's traffic

    def donated(values: Floats) -> Floats:
        return summed(cell, values * part, cells)[cell]

    units = np.where(missing, donated(own.units), own.units)
    tokens = np.column_stack([np.where(missing, donated(t), t) for t in own.tokens.T])
    text = donated(own.tokens.sum(axis=1))
    spoken = donated(own.tokens.sum(axis=1) * per_token)
    tokenizer = np.where(missing, _over(spoken, text), per_token)
    inputs, written = tokens[:, :OUTPUT].sum(axis=1), tokens[:, WRITES].sum(axis=1)
    split = np.column_stack([tokens[:, UNCACHED], tokens[:, READ], written])
    return State(
        units=own.of_cell,
        share=own.share,
        size=_over(inputs, units),
        tokenizer=tokenizer,
        split=_over(split, inputs[:, None]),
        lifetimes=_over(tokens[:, WRITES], written[:, None]),
        rate=np.where(missing[:, None], np.nan, own.rate),
        output=_over(tokens[:, OUTPUT], units),
    )


def _over(part: Floats, whole: Floats, empty: float = np.nan) -> Floats:
    """part / whole, *empty* where there is nothing to divide by."""
    usable = np.broadcast_to(whole > 0, part.shape)
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, empty), where=usable))
