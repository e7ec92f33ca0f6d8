"""Suspects and gates as cards."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .markup import NONE_FOUND, as_texts, each, escaped, filled

_TONE = {
    "leading": "alert",
    "fail": "alert",
    "possible": "warn",
    "unknown": "warn",
    "pass": "good",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A suspect: its standing, the evidence on both sides, and what would decide.

    badge   leading, possible, ruled out (or ruled_out), not tested; pass, fail and unknown for a
            gate; any other word is shown without a colour
    lead    what the suspect is; no evidence for or against it
    footer  a whole sentence, or empty
    """

    title: str
    badge: str
    lines_for: Sequence[str] = ()
    lines_against: Sequence[str] = ()
    lead: str = ""
    footer: str = ""

    @property
    def standing(self) -> str:
        """The badge as people read it."""
        return self.badge.replace("_", " ")

    def _repr_html_(self) -> str:
        tone = _TONE.get(self.standing.lower(), "calm")
        sides = _side_by_side(self.lines_for, self.lines_against)
        lead = f"<p>{escaped(self.lead)}</p>" if self.lead else ""
        footer = f'<p class="ca-footer">{escaped(self.footer)}</p>' if self.footer else ""
        head = (
            f'<div class="ca-head"><h3>{escaped(self.title)}</h3>'
            f'<span class="ca-badge">{escaped(self.standing)}</span></div>'
        )
        return f'<article class="ca-card ca-{tone}">{head}{lead}{sides}{footer}</article>'

    def to_text(self) -> str:
        return "\n".join(
            [
                filled(f"{self.title} [{self.standing}]"),
                *([filled(self.lead, lead="  ", hang="  ")] if self.lead else []),
                *(filled(x, lead="  + ", hang="    ") for x in as_texts(self.lines_for)),
                *(filled(x, lead="  - ", hang="    ") for x in as_texts(self.lines_against)),
                *([filled(self.footer, lead="  ", hang="  ")] if self.footer else []),
            ]
        )


@dataclass(frozen=True, slots=True)
class Cards:
    """Causes or gates, in the order in which they should be read."""

    items: Sequence[Card]

    def _repr_html_(self) -> str:
        return f'<div class="ca-cards">{"".join(card._repr_html_() for card in self.items)}</div>'

    def to_text(self) -> str:
        return "\n\n".join(card.to_text() for card in self.items)


def _side_by_side(lines_for: Iterable[str], lines_against: Iterable[str]) -> str:
    """Both lists, so that an empty side is seen to be empty; nothing if nothing was looked at."""
    pro, contra = as_texts(lines_for), as_texts(lines_against)
    if not (pro or contra):
        return ""
    left, right = (
        f"<ul>{each('li', side)}</ul>" if side else f"<p>{NONE_FOUND}</p>" for side in (pro, contra)
    )
    return (
        f'<div class="ca-sides"><div class="ca-for"><h4>For</h4>{left}</div>'
        f'<div class="ca-against"><h4>Against</h4>{right}</div></div>'
    )
