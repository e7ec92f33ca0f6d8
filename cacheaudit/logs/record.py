"""What a reader of logs takes and gives."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .values import NotUnderstood

Call = dict[str, Any]  # a row of the request table; `ts` in microseconds since 1970, UTC


class Record(NamedTuple):
    """One line, item or row of a file: where it stands (1 is the first) and what it holds."""

    line: int
    value: Any


class Skip(NamedTuple):
    """A record that was meant as a call, or may have been, and could not be read."""

    line: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One format of logs.

    name        what `requests_format` calls it
    title       what the report calls it
    recognises  whether a record can be of this format; a rare field decides, never a common one
    read        the records of *one file* to calls; a record that is no call (a user's message, a
                tool's span) is passed over, one that is a call and cannot be read is a Skip
    mark        bytes without which no line is a call: whole lines that lack it are not decoded
    decode      a decoder that is faster than the general one; None is a whole line that is no call
    """

    name: str
    title: str
    recognises: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Iterable[Record]], Iterator[Call | Skip]]
    mark: bytes = b""
    decode: Callable[[bytes], Any] | None = None


def one_by_one(
    call_of: Callable[[Any], Iterable[Call]],
) -> Callable[[Iterable[Record]], Iterator[Call | Skip]]:
    """`read` of a format whose records know nothing of each other.

    call_of   a record's value to its calls, none where it is no call; may raise NotUnderstood
    """

    def read(records: Iterable[Record]) -> Iterator[Call | Skip]:
        for line, value in records:
            try:
                calls = list(call_of(value))
            except NotUnderstood as reason:
                yield Skip(line, str(reason))
            else:
                yield from calls

    return read
