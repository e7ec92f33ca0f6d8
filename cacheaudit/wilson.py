"""Wilson's score interval for a share (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927). Pure."""

from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

NORMAL_95 = NormalDist().inv_cdf(0.975)


def wilson(
    share: float | pd.Series, calls: float | pd.Series, quantile: float = NORMAL_95
) -> tuple[Any, Any]:
    """(low, high) of *share* among *calls* that are independent, shaped as they are; in [0, 1].

    *quantile* is the reference distribution's, to one side: the normal one's, or Student's where
    the number of calls is itself estimated.
    """
    squared = quantile**2
    middle = (share + squared / (2 * calls)) / (1 + squared / calls)
    spread = (share * (1 - share) / calls + squared / (4 * calls**2)) ** 0.5
    half = quantile / (1 + squared / calls) * spread
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
