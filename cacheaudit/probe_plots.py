"""Pictures of a probe: axes in, axes out."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from .plots import BLUE, GREY, INK, VERMILION, name_row
from .words import share

RATES = ["name", "note", "value", "low", "high", "incumbent", "hot"]
SURVIVAL = ["label", "value", "low", "high", "warm", "asked"]


def plot_hit_rates(rows: pd.DataFrame, *, ax: Axes) -> Axes:
    """Hit rates with their intervals, a candidate each, named above it; columns RATES.

    The incumbent's interval is a grey band through all rows; the hot ones stand out.
    """
    for place, (name, note, value, low, high, incumbent, hot) in enumerate(
        rows[RATES].to_numpy().tolist()
    ):
        color = INK if incumbent else VERMILION if hot else BLUE
        if incumbent:
            ax.axvspan(low, high, color=GREY, alpha=0.15, lw=0)
        ax.plot([low, high], [place, place], color=color, lw=2, solid_capstyle="butt")
        ax.plot(value, place, "D" if incumbent else "o", color=color, ms=7)
        name_row(name, note, place, color, ax, above=12)
        words = f"{share(value)}  ({share(low)} to {share(high)})"
        side, shift = ("right", -8) if low > 0.5 else ("left", 8)
        ax.annotate(
            words, (low if side == "right" else high, place), xytext=(shift, 0),
            textcoords="offset points", va="center", ha=side, fontsize=9, color=color,
        )  # fmt: skip
    ax.set(xlim=(-0.02, 1.02), ylim=(len(rows) - 0.5, -0.75), xlabel="", ylabel="", yticks=[])
    ax.grid(visible=False, axis="y")
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return ax


def plot_survival(
    rows: pd.DataFrame, name: str, note: str, lives_before: int | None, *, ax: Axes
) -> Axes:
    """Share still warm by idle time, with whiskers, of one candidate; columns SURVIVAL.

    A place on the axis is one idle time, in order, not to scale. *lives_before*: the row before
    which the documented lifetime ends, drawn dashed; None draws none.
    """
    places = list(range(len(rows)))
    ax.plot(places, rows["value"], color=BLUE, lw=1.2, alpha=0.6)
    ax.errorbar(
        places, rows["value"], yerr=_whiskers(rows), fmt="o", markersize=6, linewidth=1.6,
        capsize=0, color=BLUE,
    )  # fmt: skip
    for place, warm, asked in zip(places, rows["warm"], rows["asked"], strict=True):
        ax.annotate(
            f"{warm} of {asked}", (place, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3),
            textcoords="offset points", ha="center", fontsize=8.5, color=GREY,
        )  # fmt: skip
    if lives_before is not None:
        ax.axvline(lives_before - 0.5, color=INK, lw=1, ls=(0, (4, 3)))
    ax.set_xticks(places, list(rows["label"]))
    ax.set(ylim=(-0.06, 1.1), xlim=(-0.6, len(rows) - 0.4), xlabel="", ylabel="")
    ax.set_yticks([0, 0.5, 1])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(visible=False, axis="x")
    ax.set_title(f"{name}{f' ({note})' if note else ''}", pad=17, fontweight="bold")
    return ax


def _whiskers(rows: pd.DataFrame) -> list[Sequence[float]]:
    down, up = rows["value"] - rows["low"], rows["high"] - rows["value"]
    return [[max(0.0, float(x)) for x in down], [max(0.0, float(x)) for x in up]]
