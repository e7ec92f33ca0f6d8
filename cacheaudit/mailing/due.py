"""Whether a report is due: nothing is sent again that was sent, and what is known is one line.
Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ..mail_params import MailParams
from .beside import beside, unpriced
from .known import Seen, grown, run_out, seen

PASSING = ("provenance",)  # when and how a report was made is no part of what it says
FIELDS = ("report", "whole", "matters", "incidents")  # of a row of what was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to be done with a report, and what came of it.

    send    whether it is sent
    why     in a few words
    known   a sentence per incident that is acknowledged
    all_known   whether there is nothing else in it
    refused readers that the server refused; the others have it, and it counts as sent
    """

    send: bool
    why: str
    known: tuple[str, ...] = ()
    all_known: bool = False
    refused: int = 0


def due(
    findings: Mapping[str, Any], sent: Sequence[Mapping[str, Any]], params: MailParams, day: date
) -> Due:
    """Hold *findings* against what was *sent* before (ledger), and what is acknowledged on *day*.

    What was told as known and is so no more is due, also where nothing else has changed.
    """
    incidents, known = seen(findings, params.known, day)
    all_known = bool(known) and all(one.known for one in incidents) and not beside(findings)
    if not params.readers:
        return Due(send=False, why="there are no readers", known=known, all_known=all_known)
    last = next((one for one in reversed(sent) if one["report"] == report_of(findings)), None)
    if last is not None:
        before = [Seen.of(one) for one in last["incidents"]]
        open_again = run_out(before, incidents)
        if last["whole"] == whole_of(findings) and not open_again:
            return Due(send=False, why="the same report was sent already", known=known)
        same = last["matters"] == matters_of(findings) and not grown(before, incidents)
        if params.quiet and same and not open_again:
            why = "nothing that matters has changed since the last one"
            return Due(send=False, why=why, known=known)
    return Due(send=True, why="it is new", known=known, all_known=all_known)


def row_of(findings: Mapping[str, Any], params: MailParams, day: date) -> dict[str, Any]:
    """What is kept of a report that was sent on *day*."""
    incidents, _ = seen(findings, params.known, day)
    return {
        "report": report_of(findings),
        "whole": whole_of(findings),
        "matters": matters_of(findings),
        "incidents": [one.to_dict() for one in incidents],
    }


def report_of(findings: Mapping[str, Any]) -> str:
    """Which report it is: the next of its kind and name is held against the last."""
    return f"{findings['kind']}/{findings['name']}"


def whole_of(findings: Mapping[str, Any]) -> str:
    """A hash of all that it says."""
    return _hash({key: value for key, value in findings.items() if key not in PASSING})


def matters_of(findings: Mapping[str, Any]) -> str:
    """A hash of what a reader would act on: verdict, incidents, gates, data that is unfit, and
    models without a price."""
    return _hash(
        [
            findings["verdict"],
            [one.key for one in seen(findings, (), date.min)[0]],
            [[one["name"], one["about"], one["standing"]] for one in findings.get("gates") or ()],
            [one["id"] for one in findings.get("data_quality") or () if one["severity"] == "unfit"],
            sorted(json.dumps(one.get("model")) for one in unpriced(findings)),
        ]
    )


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
