"""Pictures of plans: axes in, axes out."""

import matplotlib.dates as mdates
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .plots import BLUE, GREY, INK, VERMILION, plot_rates
from .words import usd

EXCESS = ["name", "value", "low", "high", "hot"]


def plot_excess(rows: pd.DataFrame, *, ax: Axes) -> Axes:
    """What each plan costs (columns EXCESS, top row first), with whiskers where they are known.

    The amount stands at the right; a plan that is hot lies outside the floor or the limit.
    """
    most = max([*rows["value"], *rows["high"].dropna(), 0.0])
    least = min([*rows["value"], *rows["low"].dropna(), 0.0])
    for place, (_, value, low, high, hot) in enumerate(rows[EXCESS].to_numpy().tolist()):
        color = VERMILION if hot else BLUE
        if not pd.isna(low):
            ax.plot([low, high], [place, place], color=color, lw=2.2, alpha=0.45)
        ax.plot(value, place, "o", color=color, ms=6)
        ax.annotate(
            usd(value), (1.02, place), xycoords=("axes fraction", "data"), va="center",
            fontsize=9, color=color, annotation_clip=False,
        )  # fmt: skip
    ax.axvline(0.0, color=INK, lw=1, ls=(0, (4, 3)))
    ax.set_yticks(range(len(rows)), list(rows["name"]))
    ax.set(ylim=(len(rows) - 0.5, -0.5), xlim=(least - 0.02 * most, 1.03 * most or 1.0))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: usd(value)))
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.set(xlabel="above versions that had always served", ylabel="")
    ax.grid(visible=False, axis="y")
    return ax


def plot_cutover(rates: pd.DataFrame, hot: set[str], at: pd.Timestamp, *, ax: Axes) -> Axes:
    """Hit rates by bucket (index) around a cutover (columns: plans, and the steady rate), named at
    the line's end; a line where all traffic has moved."""
    plot_rates(rates, hot, ax=ax)
    place = float(mdates.date2num(at))  # type: ignore[no-untyped-call]
    ax.axvline(place, color=GREY, lw=1, ls=(0, (1, 2)))
    ax.annotate(
        "all has moved", (place, 0.04), xycoords=("data", "axes fraction"), xytext=(-4, 0),
        textcoords="offset points", ha="right", fontsize=8.5, color=GREY,
    )  # fmt: skip
    return ax
