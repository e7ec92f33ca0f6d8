"""Damage to a valid log: to a value, a line, its bytes, or the whole file."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

from .formats import KINDS
from .kind import DEEP, Log, Spent, dumped

PLANTED = "PLANTED-by-damage"  # stands where something else belongs: in no message
ONES: tuple[Any, ...] = (
    None, True, False, "", PLANTED, "12", "007", -1, 12.5, 12.0, 0, 7, 10**15 - 1, 10**15 + 1,
    2**53, 2**63, 2**64, -(2**63), 10**400, 1e308, float("nan"), float("inf"), -0.0, "NaN", "-2",
    "1e3", "12.5", "\u0661\u0662", "\u00b2", "9" * 400, "\ud800", "\x00", "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-03-01T12:00:00", "2026-03-01",
    "2026-02-30T00:00:00Z", "2026-03-01T12:00:00+05:30", 1772366400, 1772366400000, "1772366401",
    [], {}, [1], {"a": 1}, [PLANTED], {"text": PLANTED},
)  # fmt: skip
NASTY = (*ONES, [1772366400, 5], [1, 2, 3], [None, None], DEEP, DEEP)
ATOMS = (
    b"\x00", b"\xff", b"\xe9", b"\r", b"\n", b'"', b"\\", b"{", b"}", b"[", b",", b"NaN", b"-",
    b"\xef\xbb\xbf", b"\xff\xfe", b"1", b"e", b"\xed\xa0\x80", b"}{", b"}\n{",
)  # fmt: skip


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to every value inside *value*."""
    inside = value.items() if isinstance(value, dict) else ()
    inside = enumerate(value) if isinstance(value, list) else inside
    for key, one in inside:
        yield (*before, key)
        yield from paths(one, (*before, key))


def put(record: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of *record* with *value* at *place*."""
    copy = json.loads(json.dumps(record))
    above = copy
    for key in place[:-1]:
        above = above[key]
    above[place[-1]] = value
    return copy


def changed(record: Any, rng: random.Random) -> Any:
    """A copy of *record* with one thing done to it somewhere."""
    copy = json.loads(json.dumps(record))
    path = rng.choice(list(paths(copy)) or [()])
    if not path:
        return rng.choice(NASTY)
    above = copy
    for key in path[:-1]:
        above = above[key]
    key, what = path[-1], rng.randrange(8)
    if what == 0:
        del above[key]
    elif what == 1:
        above[key] = [above[key]]
    elif what == 2:
        above[key] = {"inside": above[key]}
    elif what == 3 and isinstance(key, str):
        above[rng.choice((key.upper(), f"{key} ", f"x{key}"))] = above.pop(key)
    elif what == 4:
        return rng.choice((copy, [copy], above[key], {"wrapped": copy}))
    else:
        above[key] = rng.choice(NASTY)
    return copy


def damaged(log: Log, rng: random.Random) -> list[bytes]:
    """Lines of *log* (with their ends) after one kind of damage."""
    lines = [line + b"\n" for line in log.lines(rng.choice(((",", ":"), (", ", ": "))))]
    damage = rng.choice((_values, _values, _values, _values, _bytes, _doubled, _between, _file))
    lines = damage(lines, log, rng)
    end = rng.choice((b"\n", b"\n", b"\n", b"\n", b"\n", b"\r\n", b"\r"))
    return [line.removesuffix(b"\n") + end if line.endswith(b"\n") else line for line in lines]


def _values(lines: list[bytes], log: Log, rng: random.Random) -> list[bytes]:
    """Values of a record or two are others."""
    for _ in range(rng.choice((1, 1, 1, 2))):
        where = rng.randrange(len(log.calls))
        depth = rng.choice((150, 300, 900, 960, 990, 1000, 100_000))
        record = changed(log.calls[where], rng)
        lines[len(log.head) + where] = dumped(record, depth=depth) + b"\n"
    return lines


def _bytes(lines: list[bytes], log: Log, rng: random.Random) -> list[bytes]:
    """Bytes of a line are lost, or others."""
    for _ in range(rng.choice((1, 1, 3))):
        where = rng.randrange(len(log.head), len(lines))
        line = lines[where]
        spot = rng.randrange(len(line))
        after = spot + rng.choice((0, 0, 1, rng.randint(1, len(line))))
        lines[where] = line[:spot] + rng.choice((b"", *ATOMS)) + line[after:]
        if not lines[where]:
            del lines[where]
            break
    return lines


def _doubled(lines: list[bytes], log: Log, rng: random.Random) -> list[bytes]:
    """A key of a record stands twice, something else under the first."""
    where = rng.randrange(len(log.calls))
    line = dumped(log.calls[where]).decode()
    found = rng.choice(list(re.finditer(r'"\w+":', line)))
    first = f"{found[0]}{json.dumps(rng.choice(ONES))},"
    doubled = line[: found.start()] + first + line[found.start() :]
    lines[len(log.head) + where] = doubled.encode() + b"\n"
    return lines


def _between(lines: list[bytes], log: Log, rng: random.Random) -> list[bytes]:
    """Something is between the lines."""
    where = rng.randrange(len(log.head), len(lines))
    half = lines[where][: len(lines[where]) // 2]
    other = rng.choice(list(KINDS.values()))
    lines.insert(where, rng.choice((
        b"\n", b"  \t\n", b"\r\n", b"null\n", b"12\n", b'"text"\n', b"[]\n", b"{}\n", b"[[]]\n",
        b"{\n", b"}\n", b"not json\n", b"\x00\x00\n", b"{}{}\n", b"[1,\n", b"NaN\n",
        half + b"\n",  # a write that was torn, and done again
        half + b'{"type":"user","sessionId":"s1"}\n',  # and one went on after it
        dumped(changed(other.call(900, Spent(1, 2, 3, 4)), rng)) + b"\n",
    )))  # fmt: skip
    return lines


def _file(lines: list[bytes], log: Log, rng: random.Random) -> list[bytes]:
    """The same is done to all lines, or the file's end is another."""
    data = b"".join(lines)
    what = rng.randrange(6)
    if what == 0:
        data = data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n")))
    elif what == 1:
        data = b"\xef\xbb\xbf" + data
    elif what == 2:
        data = data.decode().encode(rng.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32")))
    elif what == 3:
        data = data.rstrip(b"\n") + rng.choice((b"", b"\x00" * 7, b"\n\x00\x00", b"\x1a"))
    else:
        data = data[: rng.randrange(len(data))]
    return data.splitlines(keepends=True)
