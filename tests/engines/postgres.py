"""A PostgreSQL server of our own: made in a temporary folder, on loopback, and gone after.

It is made to disagree with DuckDB where it can: the server's time zone is one with daylight
saving, and text sorts by the rules of a language (ICU), not by its bytes.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis

from tests.engines.missing import package, program

ZONE = "America/New_York"
DEBIAN = Path("/usr/lib/postgresql")  # it keeps them off the PATH, by version
INSTALL = "Debian's package postgresql (apt-get install postgresql)"
USER = "nobody"  # the server refuses to run as root
PATIENCE_S = 60
QUICK = [
    *("fsync=off", "full_page_writes=off", "synchronous_commit=off"),  # nothing here is kept
    *("shared_buffers=32MB", "max_connections=100", "jit=off"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A running server. It closes the connections that were made to it."""

    port: int
    password: str
    open: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What a user would give to ibis.connect."""
        return f"postgres://postgres:{self.password}@127.0.0.1:{self.port}/postgres"

    def connect(self, zone: str = "") -> Any:
        """A new Ibis connection.

        zone   of the session, in place of the UTC that Ibis asks for
        """
        self.open.append(ibis.connect(self.url))
        if zone:
            self.open[-1].raw_sql(f"set timezone = '{zone}'").close()
        return self.open[-1]

    def close(self) -> None:
        for connection in self.open:
            connection.disconnect()


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server, until the block ends. Raises Missing without its programs."""
    package("psycopg", install="cacheaudit[postgres]")
    initdb, postgres = (
        program(name, folders=DEBIAN.glob("*/bin"), install=INSTALL)
        for name in ("initdb", "postgres")
    )
    password = secrets.token_urlsafe()
    folder = Path(tempfile.mkdtemp(prefix="cacheaudit-postgres-"))
    try:
        (folder / "password").write_text(password)
        _hand_over(folder)
        _make(initdb, folder)
        with _serving(postgres, folder) as port:
            server = Postgres(port=port, password=password)
            yield server
            server.close()
    finally:
        shutil.rmtree(folder)


def _make(initdb: Path, folder: Path) -> None:
    sorting = ["--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US"]
    access = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}"]
    made = subprocess.run(
        [initdb, "--no-sync", *sorting, *access, folder / "data"],
        **_as_user(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stdout}{made.stderr}")


@contextlib.contextmanager
def _serving(postgres: Path, folder: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = [*QUICK, "listen_addresses=127.0.0.1", "unix_socket_directories=", f"timezone={ZONE}"]
    told = [part for one in given for part in ("-c", one)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [postgres, "-D", folder / "data", "-p", str(port), *told],
            **_as_user(folder),
            stdout=log,
            stderr=log,
        )
    try:
        _wait(server, port, folder / "log")
        yield port
    finally:
        server.send_signal(signal.SIGINT)  # fast: open sessions are ended
        server.wait(PATIENCE_S)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until the server accepts connections."""
    late = time.monotonic() + PATIENCE_S
    while "ready to accept connections" not in log.read_text(errors="replace"):
        if server.poll() is not None or time.monotonic() > late:
            raise RuntimeError(f"PostgreSQL did not start on port {port}: {log.read_text()}")
        time.sleep(0.05)


def _hand_over(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, USER)


def _as_user(folder: Path) -> dict[str, Any]:
    """Who runs the programs, where, and with what environment: none of the tester's keys."""
    who: dict[str, Any] = {"user": USER, "extra_groups": []} if os.geteuid() == 0 else {}
    return {**who, "cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}}
