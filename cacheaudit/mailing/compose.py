"""Messages out of findings and a page. Pure: no clock, no network, no disk."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from ..mail_params import MailParams
from ..show import plain
from ..words import NBSP, listing
from .beside import later
from .page import mail_page
from .text import known_text, made_up, mail_text, status_of, title_of

MOST_SUBJECT = 140
REPORT = "report.html"


def report_message(
    findings: Mapping[str, Any],
    page: str,
    params: MailParams,
    *,
    folder: str,
    at: datetime,
    notes: Sequence[str] = (),
) -> EmailMessage:
    """The report to its readers: words, page with its figures, and the whole page if attached.

    folder   name of the run folder, for the link
    at       when it is sent
    notes    sentences above the summary
    """
    where = where_it_is(params, folder)
    shown = mail_page(page, where=where, first=made_up(findings))
    message = _begun(params.sender, params.readers, _subject(findings), at)
    message["Message-ID"] = f"<{_digest(folder, findings['headline'])}@cacheaudit>"
    message.set_content(mail_text(findings, where=where, notes=notes), cte="quoted-printable")
    message.add_alternative(shown.html, subtype="html", cte="quoted-printable")
    html = list(message.iter_parts())[-1]
    for image in shown.images:
        html.add_related(
            image.content, "image", image.kind, cid=f"<{image.cid}>", disposition="inline",
            filename=f"{image.cid.partition('@')[0]}.{image.kind.partition('+')[0]}",
        )  # fmt: skip
    if params.attach:
        message.add_attachment(page, subtype="html", cte="base64", filename=REPORT)
    return message


def known_message(
    findings: Mapping[str, Any],
    known: Sequence[str],
    params: MailParams,
    *,
    folder: str,
    at: datetime,
) -> EmailMessage:
    """A report that says nothing but what is known: a line each."""
    message = _begun(params.sender, params.readers, _subject(findings, "Known: "), at)
    message["Message-ID"] = f"<{_digest(folder, 'known')}@cacheaudit>"
    names = later(findings)
    but = f", but names that end or move later: {listing(list(names))}" if names else ""
    where = f"Nothing else was found{but}. The report is in the run folder {folder}."
    message.set_content(known_text(findings, known, where=where), cte="quoted-printable")
    return message


def failure_message(
    what: str, error: str, params: MailParams, *, at: datetime, again: str = "", folder: str = ""
) -> EmailMessage:
    """A run that stopped, or whose report could not be mailed, to its owners alone.

    what    the run, such as "postmortem demo"
    error   the message of an AuditError, which holds no secret and names the cell
    again   the command that stopped, without values that may be secret; with a folder, the one that
            mails it again
    folder  name of the run folder, where the run was done and its mail stopped; "" for a run that
            stopped
    """
    failed = "Could not mail" if folder else "Could not run"
    message = _begun(params.sender, params.owners, f"{failed}: {_line(what)}", at)
    message["Message-ID"] = f"<{_digest(what, error, at.isoformat())}@cacheaudit>"
    began = f"{_line(what)} stopped, and no report was written. Its readers got no mail."
    if folder:
        began = (
            f"{_line(what)} is done, and its report is in the run folder {_line(folder)}."
            " Mailing it went wrong."
        )
    do = "To mail it again" if folder else "The command, without the values of its options"
    again = f"\n{do}:\n\n    {_line(again)}\n" if again else ""
    text = f"{began}\n\n{plain(error.replace(NBSP, ' '))}\n{again}"
    message.set_content(text, cte="quoted-printable")
    return message


def where_it_is(params: MailParams, folder: str) -> str:
    """A sentence for the end of a mail."""
    if params.link:
        return f"The whole report: {params.link.rstrip('/')}/{folder}/{REPORT}"
    if params.attach:
        return f"The whole report is attached ({REPORT})."
    return f"The whole report is in the run folder {folder}."


def _begun(sender: str, to: Sequence[str], subject: str, at: datetime) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Subject"] = subject
    message["Date"] = format_datetime(at)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice answers it
    return message


def _subject(findings: Mapping[str, Any], known: str = "") -> str:
    """One line, whatever the data held."""
    sample = "Made-up sample: " if made_up(findings) else ""
    words = f"{sample}{known}{status_of(findings)}: {findings['headline']} ({title_of(findings)})"
    line = _line(words)
    return line if len(line) <= MOST_SUBJECT else f"{line[: MOST_SUBJECT - 1]}…"


def _line(words: str) -> str:
    """*words* without line ends and control characters: nothing of them can begin a header."""
    return " ".join(
        plain(" ".join(words.replace(NBSP, " ").split())).replace("\ufffd", " ").split()
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()[:24]
