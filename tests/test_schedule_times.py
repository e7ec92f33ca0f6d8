"""When: read as people write it, refused where nobody could tell, or no clock shows it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheaudit.errors import ParamError
from cacheaudit.scheduling import KINDS, every, unit
from cacheaudit.scheduling.times import DAYS, check_once


@pytest.mark.parametrize(
    ("text", "days", "cron"),
    [
        ("Mon 07:00", ("Mon",), "0 7 * * 1"),
        ("Thu,Mon 7:05", ("Mon", "Thu"), "5 7 * * 1,4"),
        ("weekdays 23:59", DAYS[:5], "59 23 * * 1,2,3,4,5"),
        ("daily 00:00", DAYS, "0 0 * * *"),
        ("07:30", DAYS, "30 7 * * *"),
        ("sunday 07:00", ("Sun",), "0 7 * * 0"),
        ("Mon Thu 07:00", ("Mon", "Thu"), "0 7 * * 1,4"),
        ("Sunday and Monday 07:00", ("Mon", "Sun"), "0 7 * * 1,0"),
        ("Mondays, Thursdays and Sat 07:00", ("Mon", "Thu", "Sat"), "0 7 * * 1,4,6"),
        ("WEEKDAYS and Sat 07:00", DAYS[:6], "0 7 * * 1,2,3,4,5,6"),
    ],
)
def test_times_are_read_as_people_write_them(text, days, cron):
    found = every(text, "UTC")

    assert (found.days, found.cron) == (days, cron)


@pytest.mark.parametrize(
    "text",
    ["", "Mon", "24:00", "Funday 07:00", "Mon 7", "07:60", "Mon,Xyz 1:00", "Monkey 07:00",
     "Mon Thursty 07:00", "Mo 07:00", "Mon-Fri 07:00", "Mon/Thu 07:00", "and 07:00", ", 07:00",
     "Mon at 07:00", "MonThu 07:00", "Mon07:00", "Mon 07:00 Thu", "Mon 07:00:00", "weekends 07:00"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ParamError, match=r"--every is .* expected days and a time"):
        every(text, "UTC")


def test_the_word_that_is_no_day_is_named():
    with pytest.raises(ParamError, match="'Thursty' is no day"):
        every("Mon Thursty 07:00", "UTC")


@pytest.mark.parametrize("zone", ["Berlin", "", "../etc/passwd", "Europe/Berlin; rm"])
def test_what_is_no_zone_is_refused(zone):
    with pytest.raises(ParamError, match="no time zone"):
        every("07:00", zone)


ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham", "UTC"]


@settings(deadline=None, max_examples=50)
@given(
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    days=st.sets(st.sampled_from(DAYS), min_size=1),
    zone=st.sampled_from(ZONES),
)
def test_the_times_in_utc_are_those_of_every_week_of_the_year(hour, minute, days, zone):
    found = every(f"{','.join(days)} {hour}:{minute:02}", zone)
    times = set(found.utc_times(2026))
    for month in range(1, 13):
        for day in range(1, 8):
            local = datetime(2026, month, day, hour, minute, tzinfo=ZoneInfo(zone))
            at = local.astimezone(ZoneInfo("UTC"))
            due = (1 + at.weekday(), at.hour, at.minute) in times

            assert due or DAYS[local.weekday()] not in days


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        ("Sun 02:30", "Europe/Berlin", r"on 2026-03-29 .* shows 02:30 not at all; .* Take 03:30"),
        ("daily 02:00", "Europe/Berlin", "on 2026-03-29 .* not at all; .* Take 03:00"),
        ("Sun 01:30", "America/New_York", "on 2026-11-01 .* twice; .* Take 00:30"),
        ("Sun 01:45", "Australia/Lord_Howe", "on 2026-04-05 .* twice; .* Take 02:45"),
        ("Thu 23:00", "Africa/Cairo", "on 2026-10-29 .* twice; .* Take 22:00"),
    ],
)
def test_a_time_that_does_not_come_once_is_refused_with_one_that_does(kind, text, zone, said):
    with pytest.raises(ParamError, match=said):
        unit(kind, every(text, zone), ("weekly",), folder="/srv/clone", year=2026)


def test_the_year_that_comes_counts():
    """A unit of December is at work in March. Kazakhstan's clocks went back once, in 2024."""
    when = every("Thu 23:30", "Asia/Almaty")
    for year in (2023, 2024):
        with pytest.raises(ParamError, match=r"on 2024-02-29 .* shows 23:30 twice"):
            check_once(when, year)
    check_once(when, 2025)


@pytest.mark.parametrize(
    ("text", "zone"),
    [("Sun 03:00", "Europe/Berlin"), ("Sun 01:59", "Europe/Berlin"),
     ("weekdays 02:30", "Europe/Berlin"), ("daily 02:30", "UTC"), ("daily 02:30", "Asia/Kolkata"),
     ("Sun 03:00", "America/New_York")],
)  # fmt: skip
def test_a_time_that_comes_once_is_let_pass(text, zone):
    check_once(every(text, zone), 2026)


CHANGES = [datetime(2026, *day, tzinfo=UTC) for day in ((3, 7), (3, 28), (4, 4), (9, 26), (10, 24),
                                                        (10, 31))]  # fmt: skip


def shown(zone: str, days: set[str], hour: int, minute: int) -> set[int]:
    """How often the clock shows it on a day of *days* at whose side clocks of ZONES change: counted
    in steps of 15 minutes, which no change cuts."""
    counts: dict[object, int] = {}
    for start in CHANGES:
        clock = [(start + timedelta(minutes=15 * n)).astimezone(ZoneInfo(zone)) for n in range(384)]
        whole = [clock[0].date() + timedelta(days=n) for n in (1, 2)]  # of four days
        for day in whole:
            if DAYS[day.weekday()] in days:
                counts[day] = sum(
                    (at.date(), at.hour, at.minute) == (day, hour, minute - minute % 15)
                    for at in clock
                )
    return set(counts.values())


@settings(deadline=None, max_examples=60)
@given(
    hour=st.integers(0, 4) | st.integers(0, 23), minute=st.integers(0, 59),
    zone=st.sampled_from(ZONES), days=st.sets(st.sampled_from(DAYS), min_size=1),
)  # fmt: skip
def test_refused_is_what_the_clock_does_not_show_once(hour, minute, zone, days):
    when = every(f"{','.join(days)} {hour}:{minute:02}", zone)
    try:
        check_once(when, 2026)
        refused = False
    except ParamError:
        refused = True

    assert refused == bool(shown(zone, days, hour, minute) - {1})
