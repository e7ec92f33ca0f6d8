"""Several pieces as the one value that a notebook cell ends with."""

from dataclasses import dataclass
from importlib.resources import files

from ..show import Piece


@dataclass(frozen=True, slots=True)
class Together:
    """Pieces one after another."""

    pieces: tuple[Piece, ...]

    def _repr_html_(self) -> str:
        return "".join(piece._repr_html_() for piece in self.pieces)

    def to_text(self) -> str:
        """The same for the terminal."""
        return "\n\n".join(piece.to_text() for piece in self.pieces)


def show(*pieces: Piece) -> Together:
    """What a cell ends with when one piece is not enough."""
    return Together(pieces)


@dataclass(frozen=True, slots=True)
class LabStyle:
    """How pieces look in JupyterLab; the page leaves the cell out that ends with this."""

    def _repr_html_(self) -> str:
        css = files("cacheaudit").joinpath("lab.css").read_text("utf-8")
        return f"<style>{css}</style>"
