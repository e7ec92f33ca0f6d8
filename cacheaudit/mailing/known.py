"""Incidents of a report, as a mail judges them: what is new in them, and which are known. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from ..mail_params import Known

STEP = 2.0  # an excess that has doubled is another order of trouble
LEAST_USD = 1.0  # below it, a multiple says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An incident.

    start      its minute, UTC
    says       what a reader would act on: measure, whether it is over, verdict, leading causes
    excess_usd what it cost more; None where that is not known
    known      whether it is acknowledged on the day
    """

    start: str
    says: tuple[str, ...]
    excess_usd: float | None
    known: bool

    def to_dict(self) -> dict[str, Any]:
        """For the ledger."""
        return asdict(self) | {"says": list(self.says)}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Seen":
        """From the ledger. Raises KeyError or TypeError for what is none."""
        return cls(
            start=row["start"], says=tuple(row["says"]), excess_usd=row["excess_usd"],
            known=row["known"],
        )  # fmt: skip

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        """What makes it the same as one that was told before."""
        return self.start, self.says


def seen(
    findings: Mapping[str, Any], acknowledged: Sequence[Known], day: date
) -> tuple[tuple[Seen, ...], tuple[str, ...]]:
    """The incidents of *findings* in order of time, and a sentence for each that is known."""
    incidents = list(findings.get("incidents") or ())
    starts = [_start(one) for one in incidents]
    found, lines = [], []
    for one, start in zip(incidents, starts, strict=True):
        leading = _leading(one)
        alone = starts.count(start) == 1
        held = next((k for k in acknowledged if _is(k, findings, start, leading, alone, day)), None)
        ended = "open" if one["incident"]["end"] is None else "over"
        says = (str(one["incident"].get("measure")), ended, str(one.get("verdict")), *leading)
        usd = (one.get("excess_usd") or {}).get("value")
        found.append(Seen(start=start, says=says, excess_usd=usd, known=held is not None))
        if held is not None:
            said = f": {held.note}" if held.note else ""
            lines.append(f"Known until {held.until}: the incident since {start} UTC{said}.")
    return tuple(sorted(found, key=lambda one: one.key)), tuple(lines)


def grown(before: Sequence[Seen], now: Sequence[Seen]) -> bool:
    """Whether an excess has doubled or halved, or is known where it was not, or the other way
    round, since *before*; both of the same incidents."""
    return any(_far(a.excess_usd, b.excess_usd) for a, b in zip(before, now, strict=True))


def run_out(before: Sequence[Seen], now: Sequence[Seen]) -> bool:
    """Whether something that was told as known is known no more."""
    was = {one.start for one in before if one.known}
    return any(one.start in was and not one.known for one in now)


def _is(
    known: Known, findings: Mapping[str, Any], start: str, leading: Sequence[str], alone: bool,
    day: date,
) -> bool:  # fmt: skip
    """A report alone does not tell two incidents of one minute apart; a cause does."""
    return (
        known.start == start
        and day <= known.until
        and known.report in ("", str(findings["name"]))
        and (known.cause in leading if known.cause else alone)
    )


def _far(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return (before is None) != (now is None)
    low, high = sorted(max(one, LEAST_USD) for one in (before, now))
    return high >= STEP * low


def _start(one: Mapping[str, Any]) -> str:
    return str(one["incident"]["start"]).replace("T", " ")[:16]


def _leading(one: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(c["id"] for c in one["causes"] if c["standing"] == "leading"))
