"""What was found, for a terminal and for a machine. Words only; nothing is decided here."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from .audit import Audit, Found
from .standing import Kind, Standing

if TYPE_CHECKING:
    from .answered import Answered, Move  # with it comes pandas

# escape codes in a file's name would speak to the terminal
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
ELSEWHERE = {
    "comment": "in comments",
    "prose": "in prose",
    "lookup": "looked up or compared",
    "test": "in tests",
    "allowed": "allowed",
}


def audit_as_text(audit: Audit, everything: bool = False) -> str:
    """A line for each place that counts (or for each place), a paragraph for each name, a sum."""
    shown = audit.found if everything else audit.counted
    rows = [_row(one, audit.day, everything) for one in shown]
    names = {one.standing.name: one.standing for one in shown}
    told = [_paragraph(names[name]) for name in sorted(names)]
    blocks = ["\n".join(_aligned(rows)), "\n".join(told), _sum(audit)]
    return "\n\n".join(block for block in blocks if block)


def answers_as_text(asked: "Sequence[Answered]") -> str:
    """A paragraph for each name that was answered by another."""
    return "\n".join(line for one in asked for line in _answered(one))


def audit_as_dict(audit: Audit) -> dict[str, Any]:
    """Plain values, for JSON; days are ISO 8601."""
    names = {one.standing.name: one.standing for one in audit.found}
    return {
        "day": audit.day.isoformat(),
        "files": audit.files,
        "unread": [_plain(name) for name in audit.unread],
        "counted": len(audit.counted),
        "places": [_place(one) for one in audit.found],
        "names": [_standing(names[name]) for name in sorted(names)],
    }


def answers_as_dict(asked: "Sequence[Answered]") -> list[dict[str, Any]]:
    """Plain values, for JSON; times are ISO 8601."""
    return [
        {
            "provider": one.provider,
            "requested": _plain(one.requested),
            "versions": [
                asdict(v) | {"first": v.first.isoformat(), "last": v.last.isoformat()}
                for v in one.versions
            ],
            "moves": [
                asdict(m) | {"since": m.since.isoformat(), "until": m.until.isoformat()}
                for m in one.moves
            ],
        }
        for one in asked
    ]


def kinds_words(one: Standing, day: date) -> str:
    """The standings of a name in a few words.

    >>> from .standing import standing
    >>> kinds_words(standing("", "claude-sonnet-4-5", date(2026, 11, 23)), date(2026, 11, 23))
    'retires 2026-11-30 (7 days), moving'
    """
    words: dict[Kind, str] = {}
    if one.retires_on is not None:
        left = (one.retires_on - day).days
        in_days = f"{left} days" if left != 1 else "1 day"
        words["retiring"] = f"retires {one.retires_on} ({in_days if left > 0 else 'overdue'})"
        words["retired"] = f"retired {one.retires_on}"
    return ", ".join(words.get(kind, kind) for kind in one.kinds)


def _row(one: Found, day: date, everything: bool) -> list[str]:
    cell = f"cell {one.place.cell}:" if one.place.cell else ""
    at = f"{_plain(one.file)}:{cell}{one.place.line}:{one.place.column}"
    where = [] if one.place.where == "code" else [ELSEWHERE[one.place.where]]
    marks = [*where, *([] if one.counts or not everything else ["not counted"])]
    row = [at, _plain(one.place.name), kinds_words(one.standing, day)]
    return [*row, f"({', '.join(marks)})" if marks else ""]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _paragraph(one: Standing) -> str:
    source = f" Read at {one.source}." if one.source else ""
    differs = f" But {one.disagrees}." if one.disagrees else ""
    return f"{_plain(one.name)}: {one.why}.{differs}{source}"


def _sum(audit: Audit) -> str:
    names = len({one.standing.name for one in audit.found})
    rest = [one for one in audit.found if not one.counts]
    where = Counter(ELSEWHERE.get(one.place.where) or f"{one.standing.kind}" for one in rest)
    kept = ", ".join(f"{count} {what}" for what, count in sorted(where.items()))
    text = (
        f"{_counted(len(audit.counted), 'place')} of {len(audit.found)} count;"
        f" {_counted(names, 'name')} in {_counted(audit.files, 'file')} that were read."
    )
    if kept:
        text += f" Not counted: {kept}."
    if audit.unread:
        text += f" Not read: {_counted(len(audit.unread), 'file')} (binary, too large, or cut)."
    return text


def _answered(one: "Answered") -> Iterator[str]:
    name = f"{_plain(one.requested)} ({_plain(one.provider)})"
    if not one.moves:
        yield f"{name}: answered by {_plain(one.versions[0].model)} throughout."
    for move in one.moves:
        yield f"{name}: {_moved(move)}"


def _moved(move: "Move") -> str:
    before, after = _plain(move.before), _plain(move.after)
    since, until = (f"{at:%Y-%m-%d %H:%M} UTC" for at in (move.since, move.until))
    if not move.both:
        return f"{before} until {until}, {after} since {since}."
    return f"{before} and, since {since}, {after} as well; {before} until {until}."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _place(one: Found) -> dict[str, Any]:
    return {
        "file": _plain(one.file),
        "cell": one.place.cell,
        "line": one.place.line,
        "column": one.place.column,
        "name": _plain(one.place.name),
        "where": one.place.where,
        "kinds": list(one.standing.kinds),
        "counts": one.counts,
    }


def _standing(one: Standing) -> dict[str, Any]:
    ends = one.retires_on.isoformat() if one.retires_on else None
    return asdict(one) | {"name": _plain(one.name), "retires_on": ends, "kinds": list(one.kinds)}


def _plain(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)
