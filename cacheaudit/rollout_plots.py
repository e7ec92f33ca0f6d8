"""Pictures of a cutover: axes in, axes out."""

import matplotlib.dates as mdates
import pandas as pd
from matplotlib.axes import Axes

from .plots import BLUE, GREY, plot_rates

STEPPED = ["new version", "baseline"]


def plot_since(
    hours: pd.DataFrame, bars: tuple[float, float], limits: dict[str, pd.Timestamp], *, ax: Axes
) -> Axes:  # fmt: skip
    """The rate since the cutover beside the frozen baseline, its bars, and the time limits.

    hours    `at`, `rate`, `usual` by hour
    bars     shares of the baseline that the two gates ask for
    limits   what ends when: a dotted line each, where it lies within the hours
    """
    rates = hours.set_index("at")[["rate", "usual"]].set_axis(STEPPED, axis=1)
    index = pd.DatetimeIndex(rates.index)
    if len(index) > 1:  # an hour without traffic is a gap, not a line across it
        rates = rates.reindex(pd.date_range(index.min(), index.max(), freq=_step(index)))
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


def _step(index: pd.DatetimeIndex) -> pd.Timedelta:
    return pd.Timedelta(min(index[1:] - index[:-1]))
