"""Money, drawn: axes in, axes out."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from .plots import BLUE, GREY, INK, VERMILION, name_row
from .words import signed_usd, usd

STEPS = ["name", "note", "usd", "level"]  # level: a total from 0, else a step from the last


def plot_waterfall(steps: pd.DataFrame, *, ax: Axes) -> Axes:
    """From one total to the other, a row each, top row first: dearer red, cheaper blue.

    steps   columns STEPS; rows that are a `level` stand on 0, the others begin where the row
            above them ended
    """
    at, edges = 0.0, [0.0]
    for place, (name, note, value, level) in enumerate(steps[STEPS].to_numpy().tolist()):
        start, end = (0.0, value) if level else (at, at + value)
        color = GREY if level else VERMILION if value > 0 else BLUE
        ax.barh(place, end - start, left=start, height=0.32, color=color, alpha=0.85, linewidth=0)
        if not level:
            ax.plot([start, start], [place - 1 + 0.16, place + 0.16], color=GREY, lw=0.8)
        name_row(name, note, place, INK if level else color, ax)
        words = usd(value) if level else signed_usd(value)
        ax.annotate(words, (max(start, end), place), xytext=(5, 0), textcoords="offset points",
                    va="center", fontsize=9, color=INK if level else color)  # fmt: skip
        at = end
        edges.append(end)
    low, high = min(edges), max(edges)
    reach = high - low or 1.0
    ax.set(xlim=(low - 0.01 * reach, high + 0.22 * reach), ylim=(len(steps) - 0.5, -0.75),
           xlabel="", ylabel="", yticks=[])  # fmt: skip
    ax.grid(visible=False, axis="y")
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="x", length=0)
    ax.xaxis.set_major_formatter(
        FuncFormatter(lambda v, _: f"{v:,.0f}" if reach >= 10 else f"{v:,.2f}")
    )
    return ax


def plot_cumulated(curve: pd.DataFrame, ceiling_usd: float | None, *, ax: Axes) -> Axes:
    """Excess added up over time with its interval, and a line at the cold-start ceiling.

    curve   bucket_start, cumulated_usd, cumulated_low, cumulated_high (excess.ExcessCurve)
    """
    at = pd.DatetimeIndex(curve["bucket_start"])
    total = curve["cumulated_usd"].to_numpy(float)
    low, high = (curve[f"cumulated_{side}"].to_numpy(float) for side in ("low", "high"))
    ax.fill_between(at, low, high, color=VERMILION, alpha=0.18, lw=0)
    ax.plot(at, total, color=VERMILION, lw=1.8)
    ax.annotate(f"excess\n{usd(float(total[-1]))}", (at[-1], total[-1]), xytext=(6, 0),
                textcoords="offset points", va="center", fontsize=9, color=VERMILION,
                annotation_clip=False)  # fmt: skip
    if ceiling_usd is not None:
        ax.axhline(ceiling_usd, color=BLUE, lw=1.3, ls=(0, (4, 3)))
        ax.annotate(f"a cold start, at most {usd(ceiling_usd)}", (0.99, ceiling_usd),
                    xycoords=("axes fraction", "data"), xytext=(0, 4), ha="right",
                    textcoords="offset points", fontsize=9, color=BLUE)  # fmt: skip
    ax.set(xlabel="", ylabel="")
    top = ax.get_ylim()[1]
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}" if top >= 10 else
                                               f"{v:,.2f}"))  # fmt: skip
    return ax
