"""A run folder in, a mail out: read, decide, compose, send. Clock and disk end here."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from .. import clock
from ..errors import SourceError
from ..files import write_whole
from ..finished import SCHEMA, as_written
from ..mail_params import MailParams
from .beside import beside
from .compose import failure_message, known_message, report_message
from .due import Due, due, matters_of, row_of
from .ledger import alone, keep_sent, read_sent
from .send import send
from .text import mail_text


def deliver(
    folder: Path, params: MailParams, *, dry_run: Path | None = None, now: datetime | None = None
) -> Due:
    """Mail the report in run *folder*, if it is due; with *dry_run*, write it there as .eml.

    Raises SourceError for what is no run folder or cannot be written, and what send() raises; what
    was not sent is not kept as sent. What a part of the readers was refused is: another try would
    mail the others again. Nothing is kept of a dry run.
    """
    at = clock.now().to_pydatetime() if now is None else now
    findings, page = _read(folder)
    kept = Path(params.sent_path)
    if dry_run is not None:
        decided = due(findings, read_sent(kept), params, at.date())
        _write(dry_run, _message(findings, page, params, decided, folder, at))
        return decided
    with alone(kept):
        decided = due(findings, read_sent(kept), params, at.date())
        if decided.send:
            refused = send(_message(findings, page, params, decided, folder, at), params)
            row = row_of(findings, params, at.date())
            keep_sent(kept, row, at.isoformat(timespec="seconds"))
            decided = replace(decided, refused=refused)
    return decided


def deliver_failure(
    what: str,
    error: str,
    params: MailParams,
    *,
    again: str = "",
    folder: Path | None = None,
    now: datetime | None = None,
) -> bool:
    """Mail the *error* of a run, or of the mail of a run *folder*, to the owners; False where
    there are none. Raises what send() raises."""
    if not params.owners:
        return False
    at = clock.now().to_pydatetime() if now is None else now
    name = "" if folder is None else _name(folder)
    send(failure_message(what, error, params, at=at, again=again, folder=name), params)
    return True


def _message(
    findings: Mapping[str, Any],
    page: str,
    params: MailParams,
    decided: Due,
    folder: Path,
    at: datetime,
) -> EmailMessage:
    name = _name(folder)
    if decided.all_known:
        return known_message(findings, decided.known, params, folder=name, at=at)
    return report_message(findings, page, params, folder=name, at=at, notes=decided.known)


def _name(folder: Path) -> str:
    """Its own name, also where it was given as "."."""
    return folder.resolve().name


def _write(target: Path, message: EmailMessage) -> None:
    try:
        write_whole(target, message.as_bytes())
    except OSError as error:
        raise SourceError(
            f"{target} could not be written ({error.strerror}); expected a file in a folder that is"
            " there. Check the folder and its free space."
        ) from error


def _read(folder: Path) -> tuple[dict[str, Any], str]:
    try:
        findings = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
        page = (folder / "report.html").read_text(encoding="utf-8")
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(
            f"{folder} is no finished run: findings.json or report.html cannot be read; expected a"
            " folder that cacheaudit postmortem, readiness, weekly, probe or prefill wrote."
        ) from error
    schema = findings.get("schema") if isinstance(findings, dict) else None
    if schema != SCHEMA:
        raise SourceError(
            f"findings.json in {folder} has schema {schema!r}; expected {SCHEMA}. It is of no run,"
            " or of another version of cacheaudit: run it again."
        )
    with as_written(by="what wrote it"):
        _demand_whole(findings)
    return findings, page


def _demand_whole(findings: dict[str, Any]) -> None:
    """Raises one of EDITED where something is missing that a mail says, or has another form."""
    dict(findings["provenance"].get("params", {}))
    "".join(findings[name] for name in ("kind", "name", "verdict", "headline"))
    matters_of(findings), beside(findings), mail_text(findings, where="")
