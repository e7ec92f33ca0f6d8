"""Why one window cost more than the other: the waterfall, its table, and what it cannot hold."""

import pandas as pd

from ..bridge import Bridge
from ..money_plots import STEPS, plot_waterfall
from ..schema import label
from ..show import Bullets, Column, Details, Figure, Piece, Prose, Table
from ..words import cents, listing, moment, share, signed_usd, usd
from .panel import panel

SMALL = 0.005  # of the largest figure: less is drawn as one row with its like
MOST_CELLS = 12
MEANS = {
    "volume": "more or fewer requests",
    "input_volume": "more or fewer input tokens; requests are not counted",
    "model_mix": "another model, provider or tier, at their list prices",
    "prompt_size": "input tokens per request",
    "tokenizer": "the same text in more or fewer tokens",
    "cache_split": "input read from the cache, written to it, or neither",
    "write_lifetime": "how long a write is paid to last",
    "price": "the same model at another list price",
    "output_size": "output tokens per request",
}


def bridge_pieces(bridge: Bridge | None) -> list[Piece]:
    """Waterfall, factors to the cent, cells behind a line, and notes."""
    if bridge is None:
        return [Prose(["The baseline has no window to hold the incident's cost against."])]
    notes: list[Piece] = [Bullets(list(bridge.notes))] if bridge.notes else []
    if not bridge.by_cell.shape[0]:
        return [Prose(["No part of the change of cost can be split into factors."]), *notes]
    cells = Details("The same by cell", _cells(bridge))
    apart = Prose(
        [
            "What two factors do together is shared evenly between them, so a factor here is not"
            " the excess: that is all that the lost cache cost at the prices of the model that"
            " served, over the whole incident."
        ]
    )
    pieces: list[Piece] = [_picture(bridge), _table(bridge), apart]
    return [*pieces, *([cells] if len(bridge.by_cell) > 1 else []), *notes]


def bridge_words(bridge: Bridge) -> str:
    """The finding in one line: what most of the change is."""
    change = bridge.change_usd
    way = "more" if change >= 0 else "less"
    head = f"{usd(abs(change))} {way} than before"
    named = [(f, v) for f, v in bridge.factors.items() if v * change > 0]
    largest = sorted(named, key=lambda x: -abs(x[1]))[:2]
    parts = [f"{named_of(f)} {signed_usd(v)}" for f, v in largest]
    return f"{head}: {listing(parts)}" if parts else head


def named_of(factor: str) -> str:
    """A factor as a reader's word."""
    return factor.replace("_", " ")


def _steps(bridge: Bridge) -> pd.DataFrame:
    """Rows of the waterfall; factors that nobody could see are one row."""
    least = SMALL * max(bridge.before_usd, bridge.after_usd)
    seen = {f: v for f, v in bridge.factors.items() if abs(v) >= least}
    rest = [v for f, v in bridge.factors.items() if f not in seen and v != 0]
    rows = [("before", _days(bridge.before), bridge.before_usd, True)]
    rows += [(named_of(f), MEANS[f], v, False) for f, v in seen.items()]
    if rest:
        rows.append(("all else", "each under half a percent", sum(rest), False))
    rows.append(("after", _days(bridge.after), bridge.after_usd, True))
    return pd.DataFrame(rows, columns=STEPS)


def _picture(bridge: Bridge) -> Figure:
    rows = _steps(bridge)
    title = bridge_words(bridge)
    figure = panel(title, 0.7 + 0.52 * len(rows), lambda ax: plot_waterfall(rows, ax=ax))
    steps = rows[["name", "usd"]].to_numpy().tolist()
    told = listing([f"{name} {usd(value)}" for name, value in steps], len(rows))
    caption = f"Cost at list prices, {_days(bridge.before)} against {_days(bridge.after)}."
    return Figure(figure, f"{title}. {told}. {caption}", caption)


def _table(bridge: Bridge) -> Table:
    """Every factor, to the cent, with the two totals and the bill."""
    change = bridge.change_usd
    rows = [["Before", cents(bridge.before_usd), "", _days(bridge.before)]]
    factors = to_the_cent(bridge)
    for factor, value in factors.items():
        if value:
            part = share(value / change) if change else ""
            rows.append([named_of(factor), _plus(value), part, MEANS[factor]])
    if still := [named_of(f) for f, value in factors.items() if not value]:
        rows.append(["unchanged", cents(0.0), "", listing(still, len(still))])
    rows.append(["After", cents(bridge.after_usd), "", _days(bridge.after)])
    if bridge.billed is not None:
        billed = bridge.billed
        charged = billed.after_usd - billed.before_usd
        rows.append(["Charged, after less before", _plus(charged), "", "cost report, tokens"])
        if billed.discounts_usd is not None:
            rows.append(["of it discounts", _plus(billed.discounts_usd), "", "list less charged"])
        rows.append(["of it unexplained", _plus(billed.unexplained_usd), "", "by neither"])
        if billed.other_usd:
            rows.append(["Other charges", _plus(billed.other_usd), "", "not for tokens"])
    columns = [
        Column("factor"), Column("USD", "right"), Column("of the change", "right"),
        Column("what it is"),
    ]  # fmt: skip
    return Table(columns, rows, "Shapley values: they need no order and leave nothing over")


def _cells(bridge: Bridge) -> Table:
    """Scope and route, the largest change first; what is not shown is one row."""
    table = bridge.by_cell
    largest = table[list(bridge.factors)].abs().idxmax(axis=1)
    shown = table.assign(largest=largest)[:MOST_CELLS].to_dict("records")
    rows = [
        [
            label(cell["scope"]) or "default",
            label(cell["route"]) or "default",
            cents(cell["before_usd"]),
            cents(cell["after_usd"]),
            f"{named_of(cell['largest'])} {signed_usd(cell[cell['largest']])}",
        ]
        for cell in shown
    ]
    rest = table[MOST_CELLS:]
    if len(rest):
        sums = rest[["before_usd", "after_usd"]].sum()
        rows.append(
            [f"{len(rest)} more", "", cents(sums["before_usd"]), cents(sums["after_usd"]), ""]
        )
    columns = [
        Column("scope"), Column("route"), Column("before, USD", "right"),
        Column("after, USD", "right"), Column("largest factor"),
    ]  # fmt: skip
    return Table(columns, rows, "Cost by cell")


def to_the_cent(bridge: Bridge) -> dict[str, float]:
    """The factors rounded so that they still add up to the rounded totals."""
    rounded = {f: round(v, 2) for f, v in bridge.factors.items()}
    change = round(bridge.after_usd, 2) - round(bridge.before_usd, 2)
    largest = max(rounded, key=lambda f: abs(rounded[f]))
    rounded[largest] = round(rounded[largest] + change - sum(rounded.values()), 2)
    return rounded


def _plus(value: float) -> str:
    return f"+{cents(value)}" if round(value, 2) > 0 else cents(value)


def _days(span: tuple[pd.Timestamp, pd.Timestamp]) -> str:
    """A window in words: its days, or its hours."""
    start, end = span
    if start == start.floor("D") and end == end.floor("D"):
        last = end - pd.Timedelta("1D")
        return f"{start:%Y-%m-%d}" if last == start else f"{start:%Y-%m-%d} to {last:%Y-%m-%d}"
    return f"{moment(start)} to {moment(end)}"
