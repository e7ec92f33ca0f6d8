"""What a reader must know about the data, one thing at a time."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["note", "blind", "unfit"]
About = Literal["usage", "log", "cost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityNote:
    """One thing a reader must know about the data: a short id, how bad, and a sentence.

    about   what it speaks of: `unfit` about the log means that the log must not be used, and
            leaves the provider's usage as good as it was
    """

    id: str
    severity: Severity
    text: str
    about: About = "usage"
