"""Addresses that hold a credential: refused wherever a place to read or to keep things is given.

Parameters are written into the report, an error names the place that it is about, and both are
mailed. So an address is refused before anything is tried with it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import ParamError

NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")  # of an environment variable: no credential itself
SECRET = re.compile(
    r"pass|pwd|secret|token|key|credential|signature|authorization|\b(?:sig|auth)\b", re.IGNORECASE
)
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
FOLDED = re.compile(r"\A([A-Za-z][A-Za-z0-9+.-]+):/(?!/)")  # of a Path: it makes one slash of two
PAGES = ("http", "https")  # whose user alone may be a token
ACCOUNTS = ("clickhouse", "bigquery", "snowflake")  # whose user may be one, by its name


def refuse_credentials(where: str | Path, name: str = "") -> None:
    """Raise ParamError where *where* is an address with a password, a signature, a token or a key.

    Its scheme is told and nothing else of it. What stands for a credential in the environment
    ($NAME) is none; neither is anything in a path without a scheme.

    name   of the parameter
    """
    text = FOLDED.sub(r"\1://", str(where)) if isinstance(where, Path) else where
    found = ADDRESS.search(text)
    if found is None:
        return
    scheme, rest = found[1], found[2]
    if any(one and not NAME.fullmatch(one) for one in _held(scheme.lower(), rest)):
        named = f"{name}: " if name else ""
        raise ParamError(
            f"{named}{scheme}://… holds a secret, and parameters are written into the report;"
            " expected it in the environment: of a database with its name here ($NAME), of an"
            " object store under the names that its own tools use (AWS_SECRET_ACCESS_KEY)."
        )


def refuse_secret(name: str, url: str) -> None:
    """Refuse a *url* that may hold a secret, without repeating it: parameters are written into the
    report, and the report is mailed. Raises ParamError."""
    try:
        parts = urlsplit(url)
        held = "@" in parts.netloc or "@" in url.partition("/")[0] or parts.query or parts.fragment
    except ValueError:
        raise ParamError(f"{name} is no URL; expected one like https://host/path.") from None
    if held:
        raise ParamError(
            f"{name} holds a user, a password or a query, and parameters are written into the"
            " report; expected the endpoint alone, and the key in the environment."
        )


def _held(scheme: str, rest: str) -> Iterator[str]:
    """What of *rest*, after the scheme, is in the place of a credential."""
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, at, _ = host.rpartition("@")
    account, colon, password = user.partition(":")
    if colon:
        yield password
    elif at and (scheme in PAGES or (scheme in ACCOUNTS and SECRET.search(account))):
        yield account
    elif not at:
        yield _cut_password(host, rest)
    for pair in re.split(r"[?&;#]", rest[len(host) :])[1:]:
        key, _, value = pair.partition("=")
        if "/" not in key and SECRET.search(unquote(key)):  # with one it is a folder, after a ?
            yield unquote(value)


def _cut_password(host: str, rest: str) -> str:
    """A password with a slash, a ? or a # in it, at which the host seems to end; "" for none."""
    account, colon, begun = re.sub(r"\A\[[^]]*\]", "", host).partition(":")
    of_a_drive = len(account) == 1 and not begun  # C:/...
    if not colon or begun.isdigit() or of_a_drive or "@" not in rest[len(host) :]:
        return ""
    return rest.rpartition("@")[0].partition(":")[2]
