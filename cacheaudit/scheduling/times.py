"""When: days and a time of day in a zone."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import ParamError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
NAMED = {"daily": DAYS, "weekdays": DAYS[:5]}
FORM = re.compile(r"(?:(?P<days>[A-Za-z, ]+?)\s+)?(?P<hour>\d{1,2}):(?P<minute>\d{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """*days* (of DAYS, in their order) at *hour*:*minute* in *zone* (IANA)."""

    days: tuple[str, ...]
    hour: int
    minute: int
    zone: str

    @property
    def words(self) -> str:
        """For people."""
        return f"{', '.join(self.days)} {self.hour:02}:{self.minute:02} {self.zone}"

    @property
    def numbers(self) -> list[int]:
        """ISO weekdays, Monday is 1."""
        return [1 + DAYS.index(day) for day in self.days]

    @property
    def cron(self) -> str:
        """The five fields, for a scheduler that knows the zone; Sunday is 0."""
        days = "*" if self.days == DAYS else ",".join(str(n % 7) for n in self.numbers)
        return f"{self.minute} {self.hour} * * {days}"

    def utc_times(self, year: int) -> list[tuple[int, int, int]]:
        """(ISO weekday, hour, minute) in UTC at which it comes in *year*, each once."""
        zone, found = ZoneInfo(self.zone), set()
        day = date(year, 1, 1)
        while day.year == year:
            if 1 + day.weekday() in self.numbers:
                local = datetime.combine(day, time(self.hour, self.minute), zone)
                at = local.astimezone(UTC)
                found.add((1 + at.weekday(), at.hour, at.minute))
            day += timedelta(days=1)
        return sorted(found)


def every(text: str, zone: str) -> Every:
    """Read "Mon 07:00", "Mon,Thu 07:00", "weekdays 07:00", "daily 07:00" or "07:00" in *zone*.

    >>> every("Mon 07:00", "Europe/Berlin").cron
    '0 7 * * 1'

    Raises ParamError for anything else, or an unknown zone.
    """
    found = FORM.fullmatch(text.strip())
    days = _days(found["days"] or "daily") if found else None
    if not found or days is None or int(found["hour"]) > 23 or int(found["minute"]) > 59:
        raise ParamError(
            f"--every is {text!r}; expected days and a time, such as 'Mon 07:00', 'Mon,Thu 07:00',"
            " 'weekdays 07:00' or 'daily 07:00'."
        )
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ParamError(
            f"no time zone is called {zone!r}; expected an IANA name such as Europe/Berlin."
        ) from None
    return Every(days=days, hour=int(found["hour"]), minute=int(found["minute"]), zone=zone)


def _days(text: str) -> tuple[str, ...] | None:
    if text.strip().lower() in NAMED:
        return NAMED[text.strip().lower()]
    named = {name.strip().capitalize()[:3] for name in text.split(",")}
    return tuple(day for day in DAYS if day in named) if named <= set(DAYS) else None
