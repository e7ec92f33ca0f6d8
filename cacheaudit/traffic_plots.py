"""Pictures of a request log's traffic: axes in, axes out."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from .plots import GREY, PALETTE

GAPS = ["band", "series", "calls", "hit_share", "hit_low", "hit_high"]
APART = 0.22  # rows between the series of one band


def plot_gaps(rows: pd.DataFrame, *, ax: Axes) -> Axes:
    """Shares of re-uses that hit, by gap (from the top), with whiskers; columns GAPS.

    The number of calls stands at the right: a dot without many is a guess.
    """
    bands, series = list(dict.fromkeys(rows["band"])), list(dict.fromkeys(rows["series"]))
    for number, name in enumerate(series):
        own = rows[rows["series"] == name]
        shift = (number - (len(series) - 1) / 2) * APART
        at = [bands.index(band) + shift for band in own["band"]]
        ax.errorbar(
            own["hit_share"],
            at,
            xerr=[own["hit_share"] - own["hit_low"], own["hit_high"] - own["hit_share"]],
            fmt="o",
            markersize=4.5,
            linewidth=1.2,
            capsize=0,
            color=PALETTE[number % len(PALETTE)],
            label=name,
        )
    for place, band in enumerate(bands):
        calls = int(rows.loc[rows["band"] == band, "calls"].sum())
        ax.text(1.03, place, f"{calls:,}", va="center", color=GREY, fontsize=8.5)
    ax.text(1.03, -0.85, "calls", va="center", color=GREY, fontsize=8.5)
    ax.set_yticks(range(len(bands)), bands)
    ax.set_ylim(len(bands) - 0.4, -0.6)
    ax.set_xlim(-0.02, 1.02)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_xlabel("re-uses that read anything, 95 %")
    if len(series) > 1:
        ax.legend(loc="lower left", frameon=False, fontsize=8.5)
    return ax
