"""What a log held and could not be read, counted: a part that is missing is named or refused."""

from dataclasses import dataclass, field

from ..errors import SourceError
from .lines import UNFINISHED
from .record import Skip

MAX_LOSS = 0.01  # share of the calls
MOST_REASONS = 5


@dataclass(slots=True)
class Loss:
    """Calls that were read, lines that were not and why; filled while reading.

    calls      calls that were read, repeated ones included
    records    lines, items or rows that were looked at
    reasons    why -> [count, first place]
    unfinished files whose last line was still being written: no loss, but said
    """

    calls: int = 0
    records: int = 0
    reasons: dict[str, tuple[int, str]] = field(default_factory=dict)
    unfinished: int = 0

    def skip(self, file: str, skip: Skip) -> None:
        """Count one."""
        if skip.why == UNFINISHED:
            self.unfinished += 1
            return
        why = " ".join(skip.why.split())
        count, first = self.reasons.get(why, (0, f"{file} line {skip.line}"))
        if why not in self.reasons and len(self.reasons) >= 100 * MOST_REASONS:
            why = "other reasons"
            count, first = self.reasons.get(why, (0, first))
        self.reasons[why] = (count + 1, first)

    @property
    def skipped(self) -> int:
        """Records that were meant as calls, or may have been, and were not read."""
        return sum(count for count, _ in self.reasons.values())

    def demand(self, what: str, max_loss: float) -> None:
        """Raise SourceError where nothing was understood, or more than *max_loss* was not.

        max_loss   share of what was meant as a call
        """
        if not self.calls:
            raise SourceError(
                f"{what}: of {self.records} records none was read as a call{self._why(': ')}."
                " Expected calls with token counts; set requests_format if the format was told"
                " wrong (docs/SOURCES.md)."
            )
        if self.skipped > max_loss * (self.calls + self.skipped):
            raise SourceError(
                f"{what}: {self.skipped} of {self.calls + self.skipped} calls could not be read"
                f"{self._why(': ')}; expected at most {max_loss:.2%}. Mend the log, or raise"
                " max_loss if you can live without them."
            )

    def notes(self, what: str) -> tuple[str, ...]:
        """Sentences for the reader of the report."""
        told = []
        if self.skipped:
            told.append(
                f"{what}: {self.skipped} of {self.calls + self.skipped} calls could not be read and"
                f" are missing here{self._why(': ')}."
            )
        if self.unfinished:
            told.append(f"{what}: {self.unfinished} files end in a line that was being written.")
        return tuple(told)

    def _why(self, before: str) -> str:
        ordered = sorted(self.reasons.items(), key=lambda item: -item[1][0])
        told = [
            f"{why} ({count} times, first at {first})"
            for why, (count, first) in ordered[:MOST_REASONS]
        ]
        more = len(ordered) - len(told)
        if more > 0:
            told.append(f"{more} more reasons")
        return before + "; ".join(told) if told else ""
