"""Whether a report is due: nothing is sent twice, and what is known is one line. Pure, but for the
file of what was sent."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ..errors import SourceError
from ..mail_params import MailParams

PASSING = ("provenance",)  # when and how a report was made is no part of what it says


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to be done with a report.

    send    whether it is sent
    why     in a few words
    known   a sentence per incident that is acknowledged
    all_known   whether there is nothing else in it
    """

    send: bool
    why: str
    known: tuple[str, ...] = ()
    all_known: bool = False


def due(
    findings: Mapping[str, Any], sent: Sequence[Mapping[str, Any]], params: MailParams, day: date
) -> Due:
    """Hold *findings* against what was *sent* before, and what is acknowledged on *day*."""
    own = [one for one in sent if one["report"] == report_of(findings)]
    if own and own[-1]["whole"] == whole_of(findings):
        return Due(send=False, why="the same report was sent already")
    known, rest = _known(findings, params, day)
    if params.quiet and own and own[-1]["matters"] == matters_of(findings):
        return Due(
            send=False, why="nothing that matters has changed since the last one", known=known
        )
    told = known if rest or not known else ()
    return Due(send=True, why="it is new", known=known, all_known=bool(known) and not told)


def _known(
    findings: Mapping[str, Any], params: MailParams, day: date
) -> tuple[tuple[str, ...], bool]:
    """Sentences about incidents that are known on *day*, and whether anything else is there."""
    lines, rest = [], any(one["standing"] == "fail" for one in findings.get("gates") or ())
    for one in findings.get("incidents") or ():
        start = str(one["incident"]["start"]).replace("T", " ")[:16]
        until, note = params.known.get(start, (date.min, ""))
        if day > until:
            rest = True
            continue
        said = f": {note}" if note else ""
        lines.append(f"Known until {until}: the incident since {start} UTC{said}.")
    return tuple(lines), rest


def report_of(findings: Mapping[str, Any]) -> str:
    """Which report it is: the next of its kind and name is held against the last."""
    return f"{findings['kind']}/{findings['name']}"


def whole_of(findings: Mapping[str, Any]) -> str:
    """A hash of all that it says."""
    return _hash({key: value for key, value in findings.items() if key not in PASSING})


def matters_of(findings: Mapping[str, Any]) -> str:
    """A hash of what a reader would act on: verdict, incidents, gates, and data that is unfit."""
    return _hash(
        [
            findings["verdict"],
            [
                [one["incident"]["start"], one["incident"]["end"] is None, one.get("verdict"),
                 sorted(cause["id"] for cause in one["causes"] if cause["standing"] == "leading")]
                for one in findings.get("incidents") or ()
            ],
            [[one["name"], one["about"], one["standing"]] for one in findings.get("gates") or ()],
            [one["id"] for one in findings.get("data_quality") or () if one["severity"] == "unfit"],
        ]
    )  # fmt: skip


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read_sent(path: Path) -> list[dict[str, Any]]:
    """What was sent, in order; a line that was cut off by a crash is left out."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict) and {"report", "whole", "matters"} <= set(row):
            rows.append(row)
    return rows


def keep_sent(path: Path, findings: Mapping[str, Any], at: str) -> None:
    """Add *findings* to what was sent; on the disk when this returns."""
    row = {
        "at": at,
        "report": report_of(findings),
        "whole": whole_of(findings),
        "matters": matters_of(findings),
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One sender at a time: two schedules that meet do not both send."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f"{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise SourceError(
            f"cannot keep what was sent in {path}: {error.strerror}. Give another sent_path."
        ) from error
