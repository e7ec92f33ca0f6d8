"""A request log in a database, through an Ibis URL.

papermill writes parameters into the notebook it ran, so a URL in params never holds a secret:
`postgres://audit:$PGPASSWORD@warehouse/logs`. Names are replaced when the connection opens, and no
message quotes what they stand for, nor what a driver says of it.
"""

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ibis
import ibis.expr.types as ir

from ..credentials import NAME, refuse_credentials
from ..errors import AccessDenied, AuditError, ParamError, SourceError

SCHEMES = {
    "duckdb": "", "postgres": "postgres", "postgresql": "postgres", "pyspark": "spark",
    "clickhouse": "clickhouse", "bigquery": "bigquery", "snowflake": "snowflake",
}  # scheme -> extra to install  # fmt: skip
DENIED = re.compile(r"authenti|permission|denied|password|unauthor|forbidden|login", re.IGNORECASE)


def database_table(url: str, table: str) -> ir.Table:
    """The table *table* (name, schema.name or catalog.schema.name) of the database at *url*."""
    refuse_credentials(url)
    if not table:
        raise ParamError(f"{shown(url)} is a database; expected `table`, such as logs.requests.")
    *schema, name = table.split(".")
    if len(schema) > 2 or not all([*schema, name]):
        raise ParamError(f"table is {table!r}; expected name, schema.name or catalog.schema.name.")
    connection = connect(url)
    database: Any = None if not schema else schema[0] if len(schema) == 1 else tuple(schema)
    try:
        return connection.table(name, database=database)
    except Exception as error:  # noqa: BLE001  each driver has its own
        failure = _not_there(connection, url, table, error)
        connection.disconnect()
        raise failure from None


def connect(url: str) -> Any:
    """A connection of Ibis to *url*, with each $NAME from the environment in its place."""
    scheme, _, rest = expand(url).partition("://")
    if scheme not in SCHEMES:
        raise ParamError(f"{shown(url)} names no database; expected one of {', '.join(SCHEMES)}.")
    try:
        if scheme == "duckdb":
            return _duckdb(rest, url)
        return ibis.connect(f"{scheme}://{rest}")
    except AuditError:
        raise
    except ImportError:
        raise SourceError(
            f"{scheme}:// needs packages that are not installed;"
            f" pip install 'cacheaudit[{SCHEMES[scheme]}]'."
        ) from None
    except Exception as error:  # noqa: BLE001  each driver has its own
        if DENIED.search(str(error)):
            raise AccessDenied(
                f"{shown(url)}: the database refused the account; check the user, and the password"
                " in the environment."
            ) from None
        raise SourceError(
            f"{shown(url)} could not be opened ({type(error).__name__}); check host, port and the"
            " database's name."
        ) from None


def expand(url: str) -> str:
    """*url* with each $NAME replaced; inside a URL what it stands for is quoted."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in os.environ:
            raise ParamError(f"{shown(url)} names ${name}, which the environment lacks; export it.")
        held = os.environ[name]
        return held if match[0] == url else quote(held, safe="")

    return NAME.sub(value, url)


def shown(url: str) -> str:
    """*url* as it may stand in a message: as it was given, and without user or query."""
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"


def _duckdb(rest: str, url: str) -> Any:
    """A DuckDB file, opened for reading: several audits at once, and none makes an empty one."""
    path = Path(rest.removeprefix("/") if not Path(rest).is_file() else rest)
    if not path.is_file():
        raise SourceError(f"{shown(url)}: found no file; check the path.")
    return ibis.duckdb.connect(path, read_only=True)


def _not_there(connection: Any, url: str, table: str, error: Exception) -> SourceError:
    name = table.rpartition(".")[2]
    try:
        known = connection.table("tables", database="information_schema").table_name
        near = get_close_matches(name, known.to_pyarrow().to_pylist(), n=3)
    except Exception:  # noqa: BLE001  the hint alone is lost; the failure is told all the same
        near = []
    hint = f"did you mean {' or '.join(near)}?" if near else "check the schema and the name."
    return SourceError(f"{shown(url)} has no table {table} ({type(error).__name__}); {hint}")
