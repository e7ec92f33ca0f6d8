"""The bridge between what two windows cost: factors that need no order and leave nothing over."""

from .bill import Billed
from .explain import Bridge, explain_cost
from .limits import LeftOut
from .tokenizers import TokenizerRatio, measured
from .windows import comparable

__all__ = [
    "Billed",
    "Bridge",
    "LeftOut",
    "TokenizerRatio",
    "comparable",
    "explain_cost",
    "measured",
]
