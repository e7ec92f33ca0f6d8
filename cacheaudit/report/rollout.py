"""What the weekly page says of a cutover: key numbers, hours since, gates, what is missing."""

import matplotlib.pyplot as plt
import pandas as pd

from .. import plots
from ..rollout import Group
from ..rollout_plots import plot_since
from ..show import Column, Definitions, Figure, KeyNumbers, Piece, Prose, Table
from ..weekly import Weekly
from ..words import UNKNOWN, count, moment, share, span
from .gates import GRAVEST, gate_pieces
from .panel import NARROW
from .rollout_summary import RATES, cold_start, headline

MOST_PANELS = 4


def key_numbers(weekly: Weekly) -> KeyNumbers:
    """The figures that a reader looks for first."""
    rollout = weekly.rollout
    name = RATES[rollout.measure].capitalize()
    back = sum(group.recovery.standing == "pass" for group in rollout.groups)
    still = "" if rollout.recovered_at is None else f"the last at {moment(rollout.recovered_at)}"
    return KeyNumbers(
        [
            (f"{name} before", share(rollout.baseline), "same hours, frozen baseline"),
            (f"{name} now", share(rollout.now), "last day of what moved"),
            ("Back in time", f"{count(back)} of {count(len(rollout.groups))}", still),
            ("Requests that moved", count(rollout.requests), "since the cutover"),
        ]
    )


def header(weekly: Weekly) -> Definitions:
    """What was looked at."""
    rollout, pull = weekly.rollout, weekly.pull
    base = rollout.baseline_window
    return Definitions(
        [
            ("Cutover", moment(rollout.cutover) if rollout.cutover else "none seen"),
            ("Full cutover", moment(rollout.full_cutover) if rollout.full_cutover else "not yet"),
            ("Baseline", "none" if base is None else f"{moment(base[0])} to {moment(base[1])}"),
            ("Data to", moment(rollout.until)),
            ("Lifetime in use", UNKNOWN if rollout.ttl_s is None else span(rollout.ttl_s)),
            ("Source", pull.source),
        ]
    )


def since_cutover(weekly: Weekly) -> Figure | Prose:
    """By hour since the cutover, beside the baseline of the same hours, a panel a group."""
    rollout = weekly.rollout
    known = [g for g in rollout.groups if g.hours["rate"].notna().any()]
    drawn = sorted(known, key=lambda g: GRAVEST.index(_worst(g)))[:MOST_PANELS]
    if not drawn:
        return Prose(["There is no hour with a rate on a new version to draw."])
    bars = (rollout.bars.rollout_window_share, rollout.bars.recovered_at_share)
    with plots.theme():
        figure, grid = plt.subplots(
            len(drawn), 1, figsize=(NARROW, 0.6 + 2.0 * len(drawn)), sharex=True, squeeze=False
        )
        for ax, group in zip(grid[:, 0], drawn, strict=True):
            plot_since(group.hours, bars, _limits(group, weekly), ax=ax)
            ax.set_title(f"{group.label} [{_worst(group)}]", pad=8, fontsize=9.5)
        plots.time_axis(grid[-1, 0])
        figure.tight_layout()
    caption = (
        f"{RATES[rollout.measure].capitalize()} by hour since the cutover, UTC, beside the baseline"
        f" of the same hours. Dashed: {share(bars[0])} and {share(bars[1])} of it. Dotted: the ends"
        " of the rollout window and of the time to recover."
    )
    return Figure(figure, f"{headline(weekly)}. {caption}", caption)


def _limits(group: Group, weekly: Weekly) -> dict[str, pd.Timestamp]:
    bars = weekly.rollout.bars
    ends = {"window": group.start + pd.Timedelta(hours=bars.rollout_window_hours)}
    if group.full is not None:
        ends["recovery"] = group.full + pd.Timedelta(hours=bars.recovery_hours)
    return ends


def _worst(group: Group) -> str:
    standings = {gate.standing for gate in group.gates}
    return next(one for one in GRAVEST if one in standings)


def groups_table(weekly: Weekly) -> Table:
    """Each group with its rates, shares and when it was back."""
    rows = [
        [
            group.label,
            UNKNOWN if group.now is None else share(group.now.usual),
            UNKNOWN if group.now is None else share(group.now.rate),
            share(group.write_share),
            share(group.uncached_share),
            count(group.requests),
            "not back" if group.recovered_at is None else moment(group.recovered_at),
        ]
        for group in weekly.rollout.groups
    ]
    columns = [
        Column("who moved"), Column("before", "right"), Column("last day", "right"),
        Column("written", "right"), Column("uncached", "right"), Column("requests", "right"),
        Column("back at"),
    ]  # fmt: skip
    return Table(columns, rows, f"{RATES[weekly.rollout.measure].capitalize()} of what moved")


def gates(weekly: Weekly) -> list[Piece]:
    """Every gate, what would decide the open ones, and what a cold start cannot explain."""
    pieces = gate_pieces(weekly.rollout.gates, "Gates after the cutover, the gravest first")
    cold = cold_start(weekly)
    return [*pieces, Prose([cold])] if cold else pieces
