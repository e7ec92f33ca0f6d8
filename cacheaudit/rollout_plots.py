"""Pictures of a week and of a cutover: axes in, axes out."""

import matplotlib.dates as mdates
import pandas as pd
from matplotlib.axes import Axes

from .plots import BLUE, GREY, plot_rates

STEPPED = ["new version", "baseline"]
WEEK = ["this week", "usual"]


def plot_since(
    hours: pd.DataFrame, bars: tuple[float, float], limits: dict[str, pd.Timestamp], *, ax: Axes
) -> Axes:  # fmt: skip
    """The rate since the cutover beside the frozen baseline, its bars, and the time limits.

    hours    `at`, `rate`, `usual` by hour
    bars     shares of the baseline that the two gates ask for
    limits   what ends when: a dotted line each, where it lies within the hours
    """
    rates = _stepped(hours, STEPPED)
    index = pd.DatetimeIndex(rates.index)
    plot_rates(rates, {"new version"}, ax=ax)
    for share in bars:
        ax.plot(rates.index, rates["baseline"] * share, color=BLUE, lw=0.8, ls=(0, (2, 2)))
    for name, at in limits.items():
        if len(index) and index.min() <= at <= index.max():
            place = float(mdates.date2num(at))  # type: ignore[no-untyped-call]
            ax.axvline(place, color=GREY, lw=1, ls=(0, (1, 2)))
            ax.annotate(
                name, (place, 0.24), xycoords=("data", "axes fraction"), xytext=(3, 0),
                textcoords="offset points", fontsize=8.5, color=GREY,
            )  # fmt: skip
    return ax


def plot_week(hours: pd.DataFrame, stands: bool, *, ax: Axes) -> Axes:
    """The rate of the week beside the usual one of the same hours.

    hours    `at`, `rate`, `usual` by bucket
    stands   whether something is worse: then its line is the hot one
    """
    rates = _stepped(hours, WEEK)
    known = rates[WEEK[::-1]].dropna(axis=1, how="all")  # what is usual is blue, hot or not
    plot_rates(known, {WEEK[0]} if stands else set(), ax=ax)
    low, high = float(known.min().min()), float(known.max().max())
    room = max(0.05, 0.3 * (high - low))  # a rate near 100 % would be a line at the edge
    ax.set_ylim(max(-0.03, low - room), min(1.05, high + room))
    return ax


def _stepped(hours: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Rate and usual rate under *names*; an hour without traffic is a gap, not a line across it."""
    rates = hours.set_index("at")[["rate", "usual"]].set_axis(names, axis=1)
    index = pd.DatetimeIndex(rates.index)
    if len(index) < 2:
        return rates
    return rates.reindex(pd.date_range(index.min(), index.max(), freq=_step(index)))


def _step(index: pd.DatetimeIndex) -> pd.Timedelta:
    return pd.Timedelta(min(index[1:] - index[:-1]))
