"""A drawing as a picture in the page."""

import base64
import io
import struct
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.figure import Figure as Drawing

from .markup import escaped, filled


@dataclass(frozen=True, slots=True)
class Figure:
    """A matplotlib drawing as a PNG in the page; *alt* states the finding, not the chart type.

    pyplot forgets the drawing at once, so that Jupyter does not show it a second time.
    """

    figure: Drawing
    alt: str
    caption: str

    def __post_init__(self) -> None:
        plt.close(self.figure)

    def _repr_html_(self) -> str:
        image = io.BytesIO()
        self.figure.savefig(
            image,
            format="png",
            dpi=160,
            bbox_inches="tight",
            facecolor="white",
            metadata={"Software": None},  # else the bytes change with matplotlib's version
        )
        width, height = struct.unpack(">II", image.getvalue()[16:24])
        data = base64.b64encode(image.getvalue()).decode("ascii")
        return (
            f'<figure class="ca-figure"><img src="data:image/png;base64,{data}" width="{width}"'
            f' height="{height}" alt="{escaped(self.alt)}">'
            f"<figcaption>{escaped(self.caption)}</figcaption>"
            "</figure>"
        )

    def to_text(self) -> str:
        return filled(f"[Figure: {self.alt}] {self.caption}")
