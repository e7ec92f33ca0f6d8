"""The time of making: a page made again says the same."""

import pandas as pd
import pytest

from cacheaudit import clock
from cacheaudit.errors import ParamError


@pytest.mark.parametrize("text", ["2026-03-17T14:20", "2026-03-17T15:20+01:00"])
def test_a_set_clock_stands_still_in_utc(monkeypatch, text):
    monkeypatch.setenv(clock.VARIABLE, text)

    assert clock.now() == pd.Timestamp("2026-03-17T14:20", tz="UTC")
    assert str(clock.now().tz) == "UTC"


@pytest.mark.parametrize("text", [None, ""])
def test_without_one_it_goes_on(monkeypatch, text):
    monkeypatch.delenv(clock.VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(clock.VARIABLE, text)

    assert clock.now() <= clock.now()
    assert clock.now().year >= 2026


def test_what_is_no_time_is_refused(monkeypatch):
    monkeypatch.setenv(clock.VARIABLE, "yesterday-ish")

    with pytest.raises(ParamError, match="CACHEAUDIT_NOW is 'yesterday-ish'"):
        clock.now()
