"""Two windows that can be held against each other: of equal length, and alike in time."""

import pandas as pd

from .bill import DAY, Span

WEEK = 7


def comparable(baseline: Span, start: pd.Timestamp, end: pd.Timestamp) -> tuple[Span, Span] | None:
    """(before, after): as much of the incident [start, end) as the *baseline* has an equal of.

    Whole UTC days where both have one, from the incident's first on, since a bill is by the day:
    whole weeks if there are so many, else the same days of the week if the baseline has them, else
    its last days. Of an incident without a whole day the very hours, against the same hours of an
    earlier day, a week before where the baseline reaches there. None where it has no equal.
    """
    first, last = start.ceil("D"), end.floor("D")
    low, high = baseline[0].ceil("D"), baseline[1].floor("D")
    days = min((last - first).days, (high - low).days)
    if days < 1:
        return _same_hours(baseline, start, end)
    if days >= WEEK:
        days -= days % WEEK
    after = (first, first + days * DAY)
    weeks = -(-(after[1] - high).days // WEEK)
    back = max(1, weeks) * WEEK * DAY
    if after[0] - back >= low:
        return (after[0] - back, after[1] - back), after
    return (high - days * DAY, high), after


def _same_hours(baseline: Span, start: pd.Timestamp, end: pd.Timestamp) -> tuple[Span, Span] | None:
    nearest = max(1, -(-(end - baseline[1]) // DAY))
    furthest = (start - baseline[0]) // DAY
    if nearest > furthest:
        return None
    days = [d for d in range(nearest, furthest + 1) if d % WEEK == 0] or [nearest]
    return (start - days[0] * DAY, end - days[0] * DAY), (start, end)
