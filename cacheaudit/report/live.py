"""What a probe measured of the versions in question, beside what usage says."""

from ..postmortem import Postmortem
from ..probing.answers import Answer
from ..show import Details, Piece
from .answer_table import every_answer


def live_pieces(postmortem: Postmortem) -> list[Piece]:
    """The answers of the probe that was given; nothing without one."""
    live = postmortem.live
    if live is None:
        return []
    answers = [Answer(**one) for one in live.answers]
    caption = f"Live, on {live.day:%Y-%m-%d}, with {live.prompts} prompts"
    return [Details("Measured by a probe", every_answer(answers, caption))]
