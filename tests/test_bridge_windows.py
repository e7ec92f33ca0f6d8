"""Which two windows are held against each other."""

import pandas as pd
import pytest

from cacheaudit.bridge.windows import comparable
from tests.planted import at


def days(spans: tuple[tuple[pd.Timestamp, ...], ...] | None) -> list[float]:
    """The four ends in days of the planted clock (day 0 is a Monday)."""
    return [(t - at(0)) / pd.Timedelta("1D") for span in spans or () for t in span]


@pytest.mark.parametrize(
    ("baseline", "start", "end", "expected"),
    [
        # three days of an incident against the same days of the week before
        ((0, 14), 15.4, 19.2, [9, 12, 16, 19]),
        # so long that whole weeks can be compared
        ((0, 14), 14, 40, [0, 14, 14, 28]),
        ((0, 10), 11, 40, [3, 10, 11, 18]),
        # the baseline has no such day of the week: its last days
        ((0, 3), 4, 6, [1, 3, 4, 6]),
        # within a day: the same hours, a week before or the day before
        ((0, 14), 14.25, 14.5, [7.25, 7.5, 14.25, 14.5]),
        ((10, 14), 14.25, 14.5, [13.25, 13.5, 14.25, 14.5]),
        # over midnight, no whole day
        ((0, 14), 14.75, 15.25, [7.75, 8.25, 14.75, 15.25]),
    ],
)
def test_windows_are_of_equal_length_and_alike_in_time(baseline, start, end, expected):
    found = comparable((at(baseline[0]), at(baseline[1])), at(start), at(end))

    assert days(found) == pytest.approx(expected)


def test_a_baseline_of_hours_has_no_equal_of_an_hour_of_another_day():
    assert comparable((at(13.9), at(14)), at(14.25), at(14.5)) is None


def test_before_never_reaches_out_of_the_baseline():
    for start in range(15, 40):
        found = comparable((at(1.3), at(14.6)), at(start + 0.1), at(start + 9.7))
        before, after = found or ((), ())
        assert at(1.3) <= before[0] < before[1] <= at(14.6)
        assert before[1] - before[0] == after[1] - after[0]
