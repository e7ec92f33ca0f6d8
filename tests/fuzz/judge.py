"""What was read of a damaged log, held against what its lines say by definition.

A line is a call with the tokens and the time that it says, a skip under its number, or part of a
file that is refused with a line; it is never silently less. `json` reads the lines here, and the
definitions of formats.py judge them: whatever the damage was, the same question decides.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from cacheaudit.errors import AuditError
from cacheaudit.logs.formats import FORMATS
from cacheaudit.logs.lines import UNFINISHED, log_files, records
from cacheaudit.logs.loss import Loss
from cacheaudit.logs.reading import calls, reader_for
from cacheaudit.logs.record import Skip

from .damage import PLANTED
from .kind import CANARY, START_US, Kind, Log
from .values import COLUMNS, EARLIEST, LATEST, MOST, Bad, NoCall, Told, Unknowable

T = TypeVar("T")
LIMITS = EARLIEST.timestamp() * 10**6, LATEST.timestamp() * 10**6


class Outcome(NamedTuple):
    """What became of one log: `how` is read, skipped (some of it), refused or left out."""

    how: str
    calls: int = 0
    skips: int = 0


LEFT_OUT, REFUSED = Outcome("left out"), Outcome("refused")


@dataclass(slots=True)
class Verdict:
    """What the definition says of the lines of a damaged file.

    sound   times of the calls whose line is as it was
    may     line -> columns of a call that may be read from it, {} where any
    must    lines that must be skipped
    free    lines of which nothing is asked: parsers differ about NaN, and what is too deep
    """

    sound: set[int] = field(default_factory=set)
    may: dict[int, Told] = field(default_factory=dict)
    must: set[int] = field(default_factory=set)
    free: set[int] = field(default_factory=set)

    def judge(self, kind: Kind, line: int, value: Any) -> None:
        """Add what *value*, which stands in *line*, is by definition. Raises Unknowable."""
        try:
            self.may[line] = kind.means(value)
        except Bad:
            self.must.add(line)
        except NoCall:
            return


@dataclass(slots=True)
class Read:
    """What was read of a file: calls, lines that were skipped, and whether its end was missing."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    skipped: Counter[int] = field(default_factory=Counter)
    whys: list[str] = field(default_factory=list)
    unfinished: bool = False

    def skip(self, one: Skip) -> None:
        if one.why == UNFINISHED:
            self.unfinished = True
        else:
            self.skipped[one.line] += 1
            self.whys.append(one.why)


def asked(call: Callable[[], T]) -> T | AuditError:
    """What *call* gives, or the error with which it refuses, which holds nothing of the log."""
    try:
        return call()
    except AuditError as error:
        secret(str(error))
        return error


def secret(message: str) -> None:
    """No text of a prompt, and nothing that stood in its place, is in *message*."""
    assert CANARY not in message, message
    assert PLANTED not in message, message


def placed(error: AuditError) -> Outcome:
    """Refused, and the message says where."""
    assert re.search(r"(line|row) \d+", str(error)), f"no line: {error}"
    return REFUSED


def read(path: Path, name: str) -> Read | AuditError:
    """The file at *path* by the reader called *name*, with the line of every skip."""
    reader, found = FORMATS[name], Read()

    def kept() -> Iterator[Any]:
        for one in records(path, reader):
            if isinstance(one, Skip):
                found.skip(one)
            else:
                yield one

    def whole() -> Read:
        for one in reader.read(kept()):
            if isinstance(one, Skip):
                found.skip(one)
            else:
                usable(one)
                found.calls.append(one)
        secret("\n".join(found.whys))
        return found

    return asked(whole)


def usable(call: dict[str, Any]) -> None:
    """*call* is one that the request table can hold, whatever it was read from."""
    labels = [value for value in call.values() if isinstance(value, str)]
    assert not any(CANARY in label and "\n" not in label for label in labels), "a prompt in a call"
    # (a stray quote in CSV makes one label of cells over several lines)
    assert type(call["ts"]) is int, call
    assert LIMITS[0] <= call["ts"] < LIMITS[1], call
    for name in ("provider", "model"):
        assert isinstance(call[name], str), call
        assert call[name], call
    for name, value in call.items():
        if name.endswith("_tokens") and value is not None:
            assert type(value) is int, call
            assert 0 <= value < MOST, call


def told(call: dict[str, Any]) -> Told:
    """The time and the counts of *call*, in the columns of which the definitions speak."""
    return {name: call[name] for name in ("ts", *COLUMNS) if call.get(name) is not None}


def key(columns: Told) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(columns.items()))


def check(log: Log, data: bytes, path: Path) -> Outcome:
    """Hold what is read of *path*, which has *data* in lines, to the claim."""
    try:
        said = verdict(log, data)
    except Unknowable:
        return LEFT_OUT
    found = read(path, log.kind.reader)
    if isinstance(found, AuditError):
        return placed(found)
    return agreed(log, said, found, path, by_lines=not re.search(rb"\r(?!\n)", data))


def verdict(log: Log, data: bytes) -> Verdict:
    """Of every line of *data*. Raises Unknowable."""
    first = len(log.head)
    as_it_was = {
        line: START_US + (number - first + 1) * 10**6 if number >= first else 0
        for separators in ((",", ":"), (", ", ": "))
        for number, line in enumerate(log.lines(separators))
    }
    said = Verdict()
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        lone_returns = b"\r" in line.strip() and parsed(line) in (BROKEN, TOO_DEEP)
        parts = line.split(b"\r") if lone_returns else [line.rstrip(b"\r")]
        for place, part in enumerate(parts, number * 10**6 if lone_returns else number):
            if part in as_it_was:
                said.sound.add(as_it_was[part])
            elif part.strip():
                _judge(said, log.kind, place, part)
    said.sound.discard(0)
    return said


BROKEN, TOO_DEEP = object(), object()


def parsed(line: bytes) -> Any:
    """*line* as JSON, or BROKEN, or TOO_DEEP."""
    try:
        return json.loads(line.decode("utf-8", "replace"))
    except ValueError:
        return BROKEN
    except RecursionError:
        return TOO_DEEP


def _judge(said: Verdict, kind: Kind, number: int, line: bytes) -> None:
    values = parsed(line)
    if values is BROKEN:
        said.must.add(number)
        return
    if odd(line):
        said.free.add(number)
    if values is not TOO_DEEP:
        for value in records_of(values):
            said.judge(kind, number, value)


def records_of(value: Any) -> list[Any]:
    """*value*, or what is in a list, and in the lists in it."""
    if not isinstance(value, list):
        return [value]
    return [one for inside in value for one in records_of(inside)]


def odd(line: bytes) -> bool:
    """Whether parsers differ about *line*; what is read of it is at most what is in it."""
    return bool(re.search(rb"NaN|Infinity|\[{100}", line))


def agreed(log: Log, said: Verdict, found: Read, path: Path, *, by_lines: bool) -> Outcome:
    """*found* is what was *said*; how it went.

    by_lines   whether lines here and there have the same numbers
    """
    due = {ts: log.truth[ts] for ts in said.sound}
    others = []
    for call in found.calls:
        if due.get(call["ts"]) == told(call):
            assert (call["provider"], call["model"]) == log.kind.served, call
            del due[call["ts"]]
        else:
            others.append(call)
    assert not due, f"sound calls are lost, or have other tokens: {due}; read {others}"
    _held(said, others)
    _counted(said, found, len(others), by_lines)
    return strict(path, log.kind.reader, found, deep=bool(said.free))


def _held(said: Verdict, others: list[dict[str, Any]]) -> None:
    """Calls whose line is not as it was have the tokens and the time that a line holds."""
    free = len(said.free) + sum(not columns for columns in said.may.values())
    held = Counter(key(columns) for columns in said.may.values() if columns)
    strange = list((Counter(key(told(call)) for call in others) - held).elements())
    assert len(strange) <= free, f"calls that no line holds: {strange}; the lines hold {list(held)}"


def _counted(said: Verdict, found: Read, others: int, by_lines: bool) -> None:
    """Every line that had to be skipped was, and every other is a call or a skip."""
    spare = int(found.unfinished)
    must = said.must - said.free
    if by_lines:
        missing = must - set(found.skipped)
        assert len(missing) <= spare, f"lines {missing} are silently less"
        left = set(said.may) - said.free - set(found.skipped)
    else:
        spare += sum(found.skipped.values())
        assert len(must) <= spare, "silently less"
        left = set(said.may) - said.free
    empty = sum(not said.may[line] for line in left)  # may be none
    assert others + spare + empty >= len(left), f"of lines {left}, {others} were read, none skipped"


def strict(path: Path, name: str, found: Read, *, deep: bool = False) -> Outcome:
    """With no loss allowed, a file that lost something is refused by name and line.

    deep   nested so deeply that it depends on who asks whether it is read
    """
    loss = Loss()
    again = sum(1 for _ in calls([path], FORMATS[name], loss))
    assert deep or (again, loss.skipped) == (len(found.calls), sum(found.skipped.values()))
    refusal = asked(lambda: loss.demand(path.name, 0.0))
    secret(" ".join(loss.notes(path.name)))
    if refusal is None:
        assert loss.calls, "nothing was read, and nothing said"
        assert not loss.skipped, "a loss is within a bound of 0"
        return Outcome("read", len(found.calls))
    assert path.name in str(refusal)
    assert not loss.skipped or "line" in str(refusal), refusal
    assert loss.skipped or not loss.calls, f"refused, and nothing was lost: {refusal}"
    return Outcome("skipped", len(found.calls), loss.skipped)


def recognised(path: Path) -> None:
    """Whatever the damage, the file is taken for some format, or refused."""
    found = asked(lambda: reader_for(log_files(path)))
    assert isinstance(found, AuditError) or found.name in FORMATS
