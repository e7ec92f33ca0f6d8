"""A run's findings in words: what the plain part of a mail says, and it stands alone."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ..show import plain
from ..words import NBSP

WIDTH = 76
STATUS = {
    "identified": "Incident", "narrowed": "Incident", "not_identifiable": "Incident",
    "no_incident": "No incident", "unfit_data": "Data unfit", "ready": "READY",
    "not_ready": "NOT READY", "not_yet_known": "NOT YET KNOWN",
}  # fmt: skip
MADE_UP = (
    "This is the made-up sample that comes with cacheaudit: it says nothing about your traffic. The"
    " parameter source names your own."
)
SIGNS = {"pass": "pass", "fail": "FAIL", "unknown": "unknown"}


def status_of(findings: Mapping[str, Any]) -> str:
    """The verdict as a word or two."""
    verdict = str(findings["verdict"])
    return STATUS.get(verdict, verdict.replace("_", " ").capitalize())


def title_of(findings: Mapping[str, Any]) -> str:
    """Kind and name of the report."""
    return plain(f"{str(findings['kind']).capitalize()}: {findings['name']}")


def made_up(findings: Mapping[str, Any]) -> str:
    """What is said first of a report on the sample; "" of any other."""
    return MADE_UP if findings["provenance"].get("params", {}).get("source") == "sample" else ""


def mail_text(findings: Mapping[str, Any], *, where: str, notes: Sequence[str] = ()) -> str:
    """Verdict, headline, summary, gates and what would decide them, wrapped for a mail.

    notes   sentences above the summary, such as what is known already
    where   where the whole report is
    """
    lines = [made_up(findings), "", title_of(findings), ""]
    lines += [f"{status_of(findings)}: {findings['headline']}", ""]
    lines += [part for note in notes for part in (note, "")]
    lines += [part for sentence in findings["summary"] for part in (str(sentence), "")]
    if gates := findings.get("gates"):
        lines += ["Gates", *(_gate(one) for one in gates), ""]
        lines += [f"To decide: {need}." for need in _needs(gates)]
        lines += [""]
    lines += [f"Data: {text}" for text in _warnings(findings)]
    lines += ["", where]
    wrapped = [_wrapped(line) for line in lines]
    return _squeezed("\n".join(wrapped)) + "\n"


def known_text(findings: Mapping[str, Any], known: Sequence[str], *, where: str) -> str:
    """A report of which all is known already: a line each."""
    lines = [made_up(findings), "", title_of(findings), "", *known, "", where]
    return _squeezed("\n".join(_wrapped(line) for line in lines)) + "\n"


def _gate(gate: Mapping[str, Any]) -> str:
    name = str(gate["name"]).replace("_", " ") + (f", {gate['about']}" if gate["about"] else "")
    return f"- {SIGNS[gate['standing']]}: {name}. {gate['reason']}"


def _needs(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(one["needs"]) for one in gates if one["needs"]))


def _warnings(findings: Mapping[str, Any]) -> list[str]:
    return [
        str(note["text"])
        for note in findings.get("data_quality", ())
        if note.get("severity") in ("blind", "unfit")
    ]


def _wrapped(line: str) -> str:
    """*line* within WIDTH; no-break spaces are for pages, and a header or a terminal shows them
    as they please."""
    clean = plain(line.replace(NBSP, " ").replace("\u202f", " "))
    indent = "  " if clean.startswith("- ") else ""
    return "\n".join(
        textwrap.wrap(clean, WIDTH, subsequent_indent=indent, break_long_words=False,
                      break_on_hyphens=False)
    )  # fmt: skip


def _squeezed(text: str) -> str:
    """At most one empty line in a row, and none at the ends."""
    lines: list[str] = []
    for line in text.strip().split("\n"):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines)
