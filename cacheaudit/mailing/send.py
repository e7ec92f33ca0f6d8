"""Messages to an SMTP server; the password comes from the environment."""

import os
import smtplib
import socket
import ssl
from email.message import EmailMessage

from ..errors import AccessDenied, ParamError, SourceError
from ..mail_params import MailParams


def send(message: EmailMessage, params: MailParams) -> int:
    """Hand *message* to the server of *params*, encrypted; how many addresses it refused.

    Raises AccessDenied for a login that is refused, SourceError for a server that cannot be
    reached, is not who it says, or refuses all addresses. No message holds the password.
    """
    password = _password(params)
    try:
        with _server(params) as server:
            if password is not None:
                server.login(params.user, password)
            return len(server.send_message(message))
    except smtplib.SMTPAuthenticationError as error:
        raise AccessDenied(
            f"{params.host} refused the login of {params.user} ({error.smtp_code}); check"
            f" {params.password_variable} in the environment."
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        raise SourceError(
            f"{params.host} refused all {len(error.recipients)} addresses; check readers."
        ) from None
    except ssl.SSLError as error:
        raise SourceError(
            f"{params.host} could not be trusted ({type(error).__name__}): its certificate does not"
            " hold. Nothing was sent."
        ) from None
    except socket.gaierror:
        raise SourceError(
            f"no host is called {params.host}; check host. Nothing was sent."
        ) from None
    except (smtplib.SMTPException, OSError) as error:
        raise SourceError(
            f"{params.host}:{params.usual_port} took no mail ({type(error).__name__}); check host,"
            " port and security. Nothing was sent."
        ) from None  # a server's words may quote what it was told


def _password(params: MailParams) -> str | None:
    if not params.user:
        return None
    found = os.environ.get(params.password_variable)
    if not found:
        raise ParamError(
            f"user is {params.user}, and {params.password_variable} is not in the environment;"
            " expected the password there."
        )
    return found


def _server(params: MailParams) -> smtplib.SMTP:
    """Connected, and encrypted but on loopback with security none."""
    where = params.host, params.usual_port
    trusted = ssl.create_default_context()
    if params.security == "tls":
        return smtplib.SMTP_SSL(*where, timeout=params.timeout_s, context=trusted)
    server = smtplib.SMTP(*where, timeout=params.timeout_s)
    if params.security == "starttls":
        try:
            server.starttls(context=trusted)
        except BaseException:
            server.close()
            raise
    return server
