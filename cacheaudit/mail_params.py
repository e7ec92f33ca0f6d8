"""Parameters of the mail: from whom, to whom, through which server, and when to stay quiet."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from email.headerregistry import Address
from typing import Any, Literal, get_args

from .credentials import refuse_credentials
from .errors import ParamError
from .params import VARIABLE, Params

Security = Literal["starttls", "tls", "none"]
LOOPBACK = ("localhost", "127.0.0.1", "::1")
PORTS = {"starttls": 587, "tls": 465, "none": 25}  # RFC 6409 section 3.1, RFC 8314 section 7.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An incident that is acknowledged: until *until* its report is one line.

    start    minute of its start as the report says it, UTC: 2026-03-17 14:20
    report   name of its report; "" for any
    cause    id of a cause that leads; "" for any. Without it, it is one incident that starts then
             and no other
    note     said with it
    """

    start: str
    until: date
    report: str = ""
    cause: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailParams(Params):
    """Keys of params/mail*.yaml; the password comes from the environment alone.

    sender          address that the mail is from
    readers         addresses that get reports
    owners          addresses that get the errors of runs that failed; empty: the readers do not,
                    and nobody does
    host            SMTP server
    port            0 takes the usual one of `security`
    security        starttls, tls, or none (on loopback alone)
    user            name to log in with; "" does not log in
    password_variable   environment variable with the password
    attach          whether report.html is attached whole
    link            URL under which run folders are served; "" for none
    sent_path       where it is kept what was sent, so that no report is sent twice; at most once
                    more after a crash between the two
    quiet           whether a report is kept back while nothing that matters has changed since the
                    last one sent
    acknowledged    incidents that are known, each with start (as the report says it, UTC), until (a
                    day), report (its name) or cause (one that leads) or both, and, if wanted, note:
                    until that day each is one line
    timeout_s       after which the server counts as not there
    """

    sender: str = ""
    readers: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    host: str = ""
    port: int = 0
    security: str = "starttls"
    user: str = ""
    password_variable: str = "CACHEAUDIT_MAIL_PASSWORD"
    attach: bool = True
    link: str = ""
    sent_path: str = "reports/.sent.jsonl"
    quiet: bool = False
    acknowledged: list[dict[str, Any]] = field(default_factory=list)
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        for name, value in (("sender", self.sender), ("host", self.host)):
            if not value:
                raise ParamError(f"{name} is empty; expected one. See params/mail.yaml.")
        if not self.readers and not self.owners:
            raise ParamError("readers and owners are both empty; expected at least one address.")
        for address in (self.sender, *self.readers, *self.owners):
            _checked(address)
        if "@" in self.host:
            raise ParamError(
                "host holds a user; expected the server's name alone, the user in user, and the"
                " password in the environment."
            )
        refuse_credentials(self.link, "link")  # it is in every mail
        if self.security not in get_args(Security):
            raise ParamError(
                f"security is {self.security!r}; expected {', '.join(get_args(Security))}."
            )
        if self.security == "none" and self.host not in LOOPBACK:
            raise ParamError(
                f"security is none for {self.host}; expected starttls or tls: a report and a"
                " password are not sent in the clear but on loopback."
            )
        if not VARIABLE.fullmatch(self.password_variable):
            raise ParamError(
                "password_variable is no name of an environment variable; expected letters, digits"
                " and underscores. The password itself belongs into the environment, never here."
            )
        if not 0 <= self.port < 65536 or not (math.isfinite(self.timeout_s) and self.timeout_s > 0):
            raise ParamError("port or timeout_s is out of range; expected 0 to 65535, and above 0.")
        _ = self.known  # refuses what is no acknowledgement

    @property
    def usual_port(self) -> int:
        """The port to speak to."""
        return self.port or PORTS[self.security]

    @property
    def known(self) -> tuple[Known, ...]:
        """What is acknowledged, in the order given."""
        return tuple(_known(number, one) for number, one in enumerate(self.acknowledged, 1))


def _known(number: int, one: Mapping[str, Any]) -> Known:
    names = tuple(field.name for field in fields(Known))
    if unknown := sorted(set(one) - set(names)):
        raise ParamError(
            f"acknowledged {number} has {unknown[0]!r}; expected some of {', '.join(names)}."
        )
    try:
        until = date.fromisoformat(str(one["until"]))
        start = str(one["start"]).replace("T", " ")[:16]
    except (KeyError, ValueError) as error:
        raise ParamError(
            f"acknowledged {number} lacks a start or a day; expected start: 2026-03-17 14:20 and"
            " until: 2026-04-01."
        ) from error
    rest = {name: str(one.get(name) or "") for name in ("report", "cause", "note")}
    if not rest["report"] and not rest["cause"]:
        raise ParamError(
            f"acknowledged {number} says when an incident began, and not which; expected the name"
            " of its report (report), a cause that leads (cause), or both."
        )
    return Known(start=start, until=until, **rest)


def _checked(address: str) -> None:
    """Refuse what is no address, without repeating it: it may be a slip with something secret."""
    try:
        found = Address(addr_spec=address)
    except Exception as error:
        raise ParamError("an address is none; expected one like team@example.org.") from error
    if not found.username or ("." not in found.domain and found.domain not in LOOPBACK):
        raise ParamError("an address has no name or no domain; expected one like team@example.org.")
