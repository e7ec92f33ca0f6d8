"""When: days and a time of day in a zone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import ParamError

FULL = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS = tuple(name[:3] for name in FULL)
WRITTEN = {
    "daily": DAYS,
    "weekdays": DAYS[:5],
    **{written.lower(): (name[:3],) for name in FULL for written in (name[:3], name, f"{name}s")},
}
FORM = re.compile(r"(?:(?P<days>\D*)\s)?(?P<hour>\d{1,2}):(?P<minute>\d{2})")
EXPECTED = (
    "expected days and a time, such as 'Mon 07:00', 'Mon,Thu 07:00', 'weekdays 07:00' or"
    " 'daily 07:00'."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """*days* (of DAYS, in their order) at *hour*:*minute* in *zone* (IANA)."""

    days: tuple[str, ...]
    hour: int
    minute: int
    zone: str

    @property
    def clock(self) -> str:
        """The time of day."""
        return f"{self.hour:02}:{self.minute:02}"

    @property
    def words(self) -> str:
        """For people."""
        return f"{', '.join(self.days)} {self.clock} {self.zone}"

    @property
    def numbers(self) -> list[int]:
        """ISO weekdays, Monday is 1."""
        return [1 + DAYS.index(day) for day in self.days]

    @property
    def cron(self) -> str:
        """The five fields, for a scheduler that knows the zone; Sunday is 0."""
        days = "*" if self.days == DAYS else ",".join(str(n % 7) for n in self.numbers)
        return f"{self.minute} {self.hour} * * {days}"

    def local_times(self, year: int) -> Iterator[datetime]:
        """It in *year*, in the zone."""
        day, zone = date(year, 1, 1), ZoneInfo(self.zone)
        while day.year == year:
            if 1 + day.weekday() in self.numbers:
                yield datetime.combine(day, time(self.hour, self.minute), zone)
            day += timedelta(days=1)

    def utc_times(self, year: int) -> list[tuple[int, int, int]]:
        """(ISO weekday, hour, minute) in UTC at which it comes in *year*, each once."""
        times = (local.astimezone(UTC) for local in self.local_times(year))
        return sorted({(1 + at.weekday(), at.hour, at.minute) for at in times})


def every(text: str, zone: str) -> Every:
    """Read "Mon 07:00", "Mon,Thu 07:00", "Mondays and Thursdays 07:00", "weekdays 07:00",
    "daily 07:00" or "07:00" in *zone*.

    >>> every("Mon 07:00", "Europe/Berlin").cron
    '0 7 * * 1'

    Raises ParamError for anything else, or an unknown zone.
    """
    found = FORM.fullmatch(text.strip())
    if not found or int(found["hour"]) > 23 or int(found["minute"]) > 59:
        raise ParamError(f"--every is {text!r}; {EXPECTED}")
    days = DAYS if found["days"] is None else _days(found["days"], text)
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ParamError(
            f"no time zone is called {zone!r}; expected an IANA name such as Europe/Berlin."
        ) from None
    return Every(days=days, hour=int(found["hour"]), minute=int(found["minute"]), zone=zone)


def _days(said: str, text: str) -> tuple[str, ...]:
    words = [word for word in re.split(r"[,\s]+", said) if word and word.lower() != "and"]
    for word in words:
        if word.lower() not in WRITTEN:
            raise ParamError(f"--every is {text!r}, and {word!r} is no day; {EXPECTED}")
    if not words:
        raise ParamError(f"--every is {text!r}, without a day; {EXPECTED}")
    named = {day for word in words for day in WRITTEN[word.lower()]}
    return tuple(day for day in DAYS if day in named)


def check_once(when: Every, year: int) -> None:
    """Refuse a time that the zone's clock skips or shows twice, on one of its days in *year* or
    the next: schedulers differ in whether they then run never, once or twice.

    Raises ParamError, with the nearest time that comes once.
    """
    odd = _odd(when, year)
    if odd is None:
        return
    # PEP 495: the offset before the change is the larger one where the clock goes back
    twice = (odd.utcoffset() or timedelta()) > (odd.replace(fold=1).utcoffset() or timedelta())
    shown = "twice" if twice else "not at all"
    clear = _nearest(when, year)
    raise ParamError(
        f"--every is {when.words}, and on {odd:%Y-%m-%d} the clock there shows {when.clock}"
        f" {shown}; expected a time that comes once on each of its days. Take"
        f" {f'{clear.clock}, or ' if clear else ''}--zone UTC."
    )


def _odd(when: Every, year: int) -> datetime | None:
    """The first time in *year* or the next that does not come once."""
    both = (local for one in (year, year + 1) for local in when.local_times(one))
    return next((at for at in both if at.utcoffset() != at.replace(fold=1).utcoffset()), None)


def _nearest(when: Every, year: int) -> Every | None:
    hours = sorted(range(24), key=lambda hour: (abs(hour - when.hour), -hour))
    tried = (replace(when, hour=hour) for hour in hours)
    return next((one for one in tried if _odd(one, year) is None), None)
