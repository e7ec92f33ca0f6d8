"""The time, where a run ends in a clock. CACHEAUDIT_NOW stands in for it, for a page made anew."""

import os
from datetime import UTC, datetime

import pandas as pd

from .errors import ParamError
from .moments import utc

VARIABLE = "CACHEAUDIT_NOW"


def now() -> pd.Timestamp:
    """Now, in UTC; or what CACHEAUDIT_NOW says, ISO 8601, taken for UTC where it names no zone.

    A page says when it was made, so the same inputs give the same bytes only at the same time; a
    notebook's kernel inherits the variable. Raises ParamError for what is no time.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return pd.Timestamp(datetime.now(UTC))
    try:
        return utc(text)
    except ValueError as error:
        raise ParamError(
            f"{VARIABLE} is {text!r}; expected a time such as 2026-03-17T14:20, or nothing."
        ) from error
