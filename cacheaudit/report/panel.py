"""One drawing under one title, as wide as a phone can show."""

from collections.abc import Callable
from textwrap import fill

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from .. import plots

NARROW = 5.6  # inches: of text that a phone must show
TITLE = 64  # characters of a title that fit it


def panel(title: str, height: float, draw: Callable[[Axes], object]) -> Drawing:
    """What *draw* draws, *height* inches of it."""
    with plots.theme():
        figure, ax = plt.subplots(figsize=(NARROW, height))
        draw(ax)
        ax.set_title(fill(title, TITLE), pad=10)
        figure.tight_layout()
    return figure
