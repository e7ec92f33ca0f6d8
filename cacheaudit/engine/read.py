"""A request log by where it is kept: a file, a folder, an object store, a database."""

from collections.abc import Mapping
from pathlib import Path

import ibis.expr.types as ir

from ..buckets import STORES
from ..errors import AuditError, ParamError, SourceError
from .databases import SCHEMES, database_table
from .files import file_table
from .objects import object_table
from .table import as_table


def read_requests(
    where: str | Path, *, table: str = "", columns: Mapping[str, str] | None = None
) -> ir.Table:
    """A request table, left where it is: what is counted of it is counted there.

    where     a file, glob or folder of .parquet, .csv, .jsonl (the last two also .gz), here or
              under s3://, gs://, az://; or a database: duckdb:///file.duckdb, postgres://,
              pyspark://, clickhouse://, bigquery://, snowflake://. Keys come from the environment;
              in a database's URL as $NAME
    table     of a database: name, schema.name or catalog.schema.name
    columns   name in the request table -> the log's own (table.as_table)

    Exercised by tests: files, S3 (against a server on loopback) and DuckDB; PostgreSQL and Spark
    on real ones (tests/engines). The other stores and databases are offered as fsspec and Ibis
    offer them, and nobody has run them here.
    Raises ParamError, SourceError or AccessDenied for what cannot be opened, SchemaError for a
    table that lacks what is required or holds what cannot be read. No message holds a secret.
    """
    text = str(where)
    scheme = text.partition("://")[0] if "://" in text else ""
    if text.startswith("$") or scheme in SCHEMES:
        found = database_table(text, table)
    elif scheme and scheme not in STORES:
        raise ParamError(
            f"{scheme}:// is nothing that can be read; expected a file, or one of"
            f" {', '.join(f'{s}://' for s in [*STORES, *SCHEMES])}."
        )
    elif table:
        raise ParamError(f"table is {table!r}, but {text} is no database; leave it empty.")
    else:
        found = object_table(text, scheme) if scheme else file_table(text)
    name = text if not scheme and not text.startswith("$") else f"{scheme or text}://…"
    try:
        return as_table(found, columns)
    except AuditError:
        raise
    except Exception as error:
        if not of_an_engine(error):
            raise
        raise SourceError(
            f"{name} could not be counted ({type(error).__name__}); check that it is whole and"
            " that the account may read it."
        ) from None  # an engine quotes the row it stopped at, or the address with its password


def of_an_engine(error: Exception) -> bool:
    """Whether an engine or its driver raised *error*; anything else is a fault of ours."""
    kinds = {"duckdb", "_duckdb", "ibis", "psycopg", "pyspark", "py4j", "clickhouse_connect"}
    kinds |= {"google", "snowflake", "fsspec", "s3fs", "botocore", "gcsfs", "adlfs", "azure"}
    return any(kind.__module__.split(".")[0] in kinds for kind in type(error).__mro__)
