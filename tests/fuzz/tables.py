"""The readers of tables that lose nothing: the request table on the engine, LiteLLM's daily tables.

Both hold every row, or none and the reason: a sum of the rest would be taken for the sum.
"""

import csv
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from cacheaudit.engine import read_requests, rollup
from cacheaudit.errors import AuditError
from cacheaudit.params import PostmortemParams
from cacheaudit.sources.litellm_daily import fetch

from .damage import ATOMS, ONES, changed
from .files import SUMMED, as_csv, as_rows
from .formats import KINDS, own_told
from .judge import LEFT_OUT, REFUSED, Outcome, asked, records_of
from .kind import Spent, dumped, made
from .values import Bad, Told, Unknowable, count, in_utc, inclusive, named


def engine(name: str, rng: random.Random, folder: Path) -> Outcome:
    """The request table's own columns on the engine."""
    rows: list[Any] = list(made(KINDS[name], rng).calls)
    where, what = rng.randrange(len(rows)), rng.randrange(10)
    if what < 6:
        changed_one = rng.choice([column for column in rows[0] if column != "mine"])
        rows[where] = rows[where] | {changed_one: rng.choice(ONES)}
    kind = rng.choice((".jsonl", ".csv"))
    parts = [dumped(row) + b"\n" for row in rows]
    if kind == ".csv":
        parts = [as_csv(cells) for cells in as_rows(rows)]
    if what >= 6:
        spot = rng.randrange(len(parts))
        parts[spot] = spoiled(parts[spot], rng)
    data = b"".join(parts)
    if what == 9:
        data = rng.choice((
            data[: rng.randrange(len(data))], data.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + data,
        ))  # fmt: skip
    path = folder / f"own{kind}"
    path.write_bytes(data)
    usage = asked(lambda: rollup(read_requests(path)))
    if isinstance(usage, AuditError):
        return REFUSED
    try:
        due = billed(path, data)
    except Unknowable:
        return LEFT_OUT
    assert int(usage["requests"].sum()) == len(due), (usage["requests"].sum(), len(due))
    for column in SUMMED:
        assert int(usage[column].sum()) == sum(row.get(column, 0) for row in due), column
    return Outcome("read", len(due))


def spoiled(part: bytes, rng: random.Random) -> bytes:
    """*part* with something in it that does not belong there."""
    spot = rng.randrange(len(part))
    return part[:spot] + rng.choice(ATOMS) + part[spot + rng.choice((0, 1)) :]


def billed(path: Path, data: bytes) -> list[Told]:
    """Columns of every row that did not fail; all can be read. Raises Unknowable."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    due = []
    for row in csv_rows(text) if path.suffix == ".csv" else json_rows(text):
        if not all(named(row, label) for label in ("provider", "model")):
            raise Unknowable  # a label is text there, whatever it holds
        try:
            told, failed = own_told(row), (count(row.get("status")) or 200) >= 400
        except Bad:
            if any(isinstance(value, str) and value.isdigit() for value in row.values()):
                raise Unknowable from None  # digits of another script are a number to some
            raise AssertionError(f"a row that cannot be read was: {row}") from None
        if not failed:
            due.append(told)
    return due


def csv_rows(text: str) -> list[Any]:
    if '"' in text:
        raise Unknowable  # of stray quotes, parsers think differently
    rows = list(csv.DictReader(re.split("\r\n|\n|\r", text)))
    assert not any(None in row or None in row.values() for row in rows), "a short or long row"
    return rows


def json_rows(text: str) -> list[Any]:
    """A lone return ends a line, unless what it stands in is whole with it: between the parts of an
    object it is a blank (RFC 8259, section 2)."""
    lines = [part for line in text.split("\n") for part in _whole_or_parts(line) if part.strip()]
    return all_of(lines, json.loads)


def _whole_or_parts(line: str) -> list[str]:
    try:
        json.loads(line)
    except ValueError:
        return line.split("\r")
    return [line]


def all_of(items: list[Any], read: Callable[[Any], Any]) -> list[Any]:
    """What *read* makes of each of *items*, which were all read; none may be unreadable."""
    found = []
    for item in items:
        try:
            found.append(read(item))
        except (Bad, ValueError, AttributeError):
            raise AssertionError(f"what cannot be read was: {item!r:.300}") from None
    return found


def day(number: int, spent: Spent) -> dict[str, Any]:
    return {
        "date": f"2026-03-{number:02}", "user_id": "u1", "api_key": f"k{number}",
        "model": "claude-opus-5", "model_group": "opus", "custom_llm_provider": "anthropic",
        "endpoint": "/chat/completions", "prompt_tokens": spent.rest + spent.read + spent.wrote,
        "completion_tokens": spent.out, "cache_read_input_tokens": spent.read,
        "cache_creation_input_tokens": spent.wrote, "successful_requests": 10 + number,
    }  # fmt: skip


DAY = ("requests", "uncached_input_tokens", "cache_read_tokens", "cache_write_other_tokens",
       "output_tokens")  # fmt: skip


def day_told(row: Any) -> tuple[int, ...]:
    """DAY of one row. Raises Bad."""
    names = ("prompt_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
             "completion_tokens", "successful_requests")  # fmt: skip
    prompt, read, wrote, output, requests = (count(row.get(name)) for name in names)
    if not prompt and not output:
        return (0,) * len(DAY)
    if not named(row, "custom_llm_provider"):
        raise Bad
    in_utc(str(row.get("date"))[:10])
    told = inclusive(prompt or 0, read or 0, {"other": wrote}, output)
    rest = told["uncached_input_tokens"]
    return tuple(value or 0 for value in (requests, rest, read, wrote, output))


def daily(_: str, rng: random.Random, folder: Path) -> Outcome:
    """LiteLLM's daily tables."""
    rows: list[Any] = [
        day(number, Spent(*(rng.randint(1, 10**5) for _ in range(4)))) for number in range(1, 6)
    ]
    where, what = rng.randrange(len(rows)), rng.randrange(4)
    if what < 2:
        rows[where] = rows[where] | {rng.choice(list(rows[0])): rng.choice(ONES)}
    elif what == 2:
        rows[where] = changed(rows[where], rng)
    parts = [dumped(row, depth=150) + b"\n" for row in rows]
    if what == 3:
        parts[where] = spoiled(parts[where], rng)
    path = folder / "days.jsonl"
    path.write_bytes(b"".join(parts))
    now = pd.Timestamp("2027-01-01", tz="UTC")
    pulled = asked(lambda: fetch(PostmortemParams(path=str(path)), now=now))
    if isinstance(pulled, AuditError):
        return REFUSED
    found = [line.decode("utf-8", "replace") for part in parts for line in part.split(b"\n")]
    given = all_of([line for line in found if line.strip()], json.loads)
    flat = [row for one in given for row in records_of(one)]
    due = all_of(flat, day_told)
    if pulled.usage[list(DAY[1:4])].isna().any(axis=None):
        return Outcome("read", len(due))  # no endpoint, another provider: open by definition
    for column, values in zip(DAY, zip(*due, strict=True), strict=True):
        assert int(pulled.usage[column].sum()) == sum(values), column
    return Outcome("read", len(due))
