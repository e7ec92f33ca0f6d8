"""Axes in, axes out. No figure is made or shown here, and nothing is computed but positions."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from .events import VersionChange
from .incidents import Incident
from .words import share, times

# Okabe and Ito's palette, made for colour-blind readers (jfly.uni-koeln.de/color, 2008).
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9",
)  # fmt: skip
PALETTE = [BLUE, GREEN, PURPLE, ORANGE, SKY, VERMILION]
GREY, INK = "#6b7280", "#1f2937"
_ON_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}  # text over the grid
LONGEST, LINE = 44, 80  # characters of a name, and of all that stands above a row
ROWS = ["name", "note", "before", "after", "hot"]  # of a contrast


@contextmanager
def theme() -> Iterator[None]:
    """The one look of all figures, for as long as the block lasts."""
    look = sns.axes_style("whitegrid") | {
        "axes.edgecolor": "#d1d5db",
        "axes.labelcolor": INK,
        "grid.color": "#e5e7eb",
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "font.size": 10.0,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "text.parse_math": False,  # names are data: a $ is a dollar
    }
    with plt.rc_context(look):
        yield


def plot_rates(rates: pd.DataFrame, affected: set[str], *, ax: Axes) -> Axes:
    """Shares by bucket (index) and cohort (columns), named at the line's end; gaps stay gaps."""
    last: list[tuple[float, str, str]] = []
    for color, name in zip(_colors(rates.columns, affected), rates.columns, strict=True):
        series = rates[name]
        width = 1.8 if name in affected else 1.1
        _line(series, color, width, ax)
        known = series.dropna()
        if len(known):
            last.append((float(known.iloc[-1]), name, color))
    if len(rates.columns) > 1:
        _name_at_end(last, ax)
    ax.set(ylim=(-0.03, 1.05), xlabel="", ylabel="")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return ax


def plot_shares(written: pd.Series, uncached: pd.Series, *, ax: Axes) -> Axes:
    """Write share and uncached share by bucket."""
    for series, color in ((uncached, VERMILION), (written, ORANGE)):
        _line(series, color, 1.5, ax)
    ends = [
        (float(s.dropna().iloc[-1]), n, c)
        for s, c, n in ((uncached, VERMILION, "uncached"), (written, ORANGE, "written"))
        if s.notna().any()
    ]
    _name_at_end(ends, ax)
    ax.set(ylim=(-0.03, 1.05), xlabel="", ylabel="")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return ax


def plot_amount(values: pd.Series, *, color: str, money: bool, ax: Axes) -> Axes:
    """Amounts by bucket as an area from 0; days as bars."""
    index = pd.DatetimeIndex(values.index)
    step = index.to_series().diff().median()
    if not pd.isna(step) and step >= pd.Timedelta("20h"):
        ax.bar(index, values.to_numpy(float), width=0.8, color=color, align="edge", linewidth=0)
    else:
        ax.fill_between(index, values.to_numpy(float), step="post", color=color, alpha=0.75, lw=0)
    ax.set(xlabel="", ylabel="", ylim=(0, None))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}" if v >= 10 or v == 0
                                               else f"{v:,.2g}"))  # fmt: skip
    if not money:
        ax.locator_params(axis="y", integer=True)
    return ax


def plot_stack(table: pd.DataFrame, *, ax: Axes) -> Axes:
    """Amounts by day (index) stacked by column."""
    base = pd.Series(0.0, index=table.index)
    for color, name in zip(PALETTE, table.columns, strict=False):
        ax.bar(table.index, table[name], bottom=base, width=0.8, color=color, label=name,
               align="edge", linewidth=0)  # fmt: skip
        base = base + table[name].fillna(0)
    ax.set(xlabel="", ylabel="")
    ax.legend(frameon=False, ncols=3, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1.0))
    return ax


def plot_contrast(rows: pd.DataFrame, *, ax: Axes) -> Axes:
    """Shares before (ring) and during (dot), a row each, named above it; the hot ones stand out.

    rows   columns ROWS, top row first; a share that is not known has no mark
    """
    for place, (name, note, before, after, hot) in enumerate(rows[ROWS].to_numpy().tolist()):
        color = VERMILION if hot else BLUE
        known = [v for v in (before, after) if not pd.isna(v)]
        ax.plot([min(known), max(known)], [place, place], color=color, lw=2.5, alpha=0.45)
        ax.plot(before, place, "o", color="white", mec=color, mew=1.6, ms=7)
        ax.plot(after, place, "o", color=color, ms=7)
        name_row(name, note, place, color, ax)
        _value_row(before, after, place, color, ax)
    ax.set(xlim=(-0.02, 1.34), ylim=(len(rows) - 0.5, -0.75), xlabel="", ylabel="", yticks=[])
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    ax.grid(visible=False, axis="y")
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="x", length=0)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return ax


def plot_parts(names: list[str], ratios: list[float], notes: list[str], hot: list[bool], *,
               ax: Axes) -> Axes:  # fmt: skip
    """Ratios to the baseline as bars from 0, with a line at 1; the hot ones stand out."""
    for place, (name, ratio, note, stands) in enumerate(
        zip(names, ratios, notes, hot, strict=True)
    ):
        color = VERMILION if stands else BLUE
        ax.barh(place, ratio, height=0.3, color=color, alpha=0.85, linewidth=0)
        name_row(name, note, place, color, ax)
        ax.annotate(times(ratio), (ratio, place), xytext=(5, 0), textcoords="offset points",
                    va="center", fontsize=9, color=color)  # fmt: skip
    ax.axvline(1.0, color=INK, lw=1, ls=(0, (4, 3)))
    ax.set(xlim=(0, 1.18 * max([1.0, *ratios])), ylim=(len(names) - 0.5, -0.75), xlabel="",
           ylabel="", yticks=[])  # fmt: skip
    ax.grid(visible=False, axis="y")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: times(v)))
    return ax


def name_row(name: str, note: str, place: int, color: str, ax: Axes, above: int = 10
             ) -> None:  # fmt: skip
    """What a row is, above it: the name in its colour, the note in grey."""
    shown = _short(name, LONGEST)
    text = ax.annotate(
        shown, (0, place), xycoords=("axes fraction", "data"), xytext=(0, above),
        textcoords="offset points", fontsize=9.5, color=color, fontweight="bold", bbox=_ON_WHITE,
    )  # fmt: skip
    ax.annotate(
        _short(note, LINE - len(shown)), (1, 0), xycoords=text, xytext=(6, 1.5),
        textcoords="offset points", fontsize=9, color=GREY, annotation_clip=False, bbox=_ON_WHITE,
    )  # fmt: skip


def _value_row(before: float, after: float, place: int, color: str, ax: Axes) -> None:
    """Both shares right of the marks."""
    right = max(v for v in (before, after) if not pd.isna(v))
    words = " → ".join(share(v) for v in (before, after))
    ax.annotate(words, (right, place), xytext=(8, 0), textcoords="offset points", va="center",
                fontsize=9, color=color)  # fmt: skip


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def shade_incidents(incidents: Iterable[Incident], until: pd.Timestamp, axes: list[Axes]) -> None:
    """A band over each incident."""
    for incident in incidents:
        for ax in axes:
            ax.axvspan(
                _x(incident.start), _x(incident.end or until), color=VERMILION, alpha=0.08, lw=0
            )


def mark_versions(changes: Iterable[VersionChange], axes: list[Axes]) -> None:
    """A dashed line at each cutover, named on the first axes; a ramp is a grey band."""
    seen: set[tuple[pd.Timestamp, str]] = set()
    for change in changes:
        if (change.start, change.to_model) in seen:
            continue
        first = not any(at == change.start for at, _ in seen)
        seen.add((change.start, change.to_model))
        for ax in axes:
            ax.axvline(_x(change.start), color=INK, lw=1, ls=(0, (4, 3)))
            if change.is_ramp and change.end is not None:
                ax.axvspan(_x(change.start), _x(change.end), color=GREY, alpha=0.15, lw=0)
        if first:
            axes[0].annotate(
                change.to_model,
                (_x(change.start), 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(4, 2),
                textcoords="offset points",
                fontsize=9,
            )


def time_axis(ax: Axes) -> Axes:
    """Concise UTC dates along the bottom."""
    locator = mdates.AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    form = mdates.ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(form)
    return ax


def _line(series: pd.Series, color: str, width: float, ax: Axes) -> None:
    """A line that breaks where there is no data; points where it has nothing to join."""
    values = series.to_numpy(float)
    sparse = bool(series.isna().any()) or len(series) <= 60
    ax.plot(
        pd.DatetimeIndex(series.index), values, color=color, lw=width,
        marker="o" if sparse else None, markersize=3, markeredgewidth=0,
    )  # fmt: skip


def _x(at: pd.Timestamp) -> float:
    """A time as matplotlib's days."""
    return float(mdates.date2num(at))  # type: ignore[no-untyped-call]


def _colors(names: Iterable[str], affected: set[str]) -> list[str]:
    calm = iter([BLUE, GREEN, PURPLE, SKY] * 20)
    hot = iter([VERMILION, ORANGE] * 20)
    return [next(hot) if name in affected else next(calm) for name in names]


def _name_at_end(ends: list[tuple[float, str, str]], ax: Axes, least: float = 0.075) -> None:
    """Labels right of the last point, pushed apart so that none covers another."""
    low = -1.0
    for value, name, color in sorted(ends):
        low = max(value, low + least)
        ax.annotate(
            name, (1.0, low), xycoords=("axes fraction", "data"), xytext=(6, 0),
            textcoords="offset points", va="center", color=color, fontsize=9, annotation_clip=False,
        )  # fmt: skip
