"""Files of a request log in an object store, as one DuckDB table."""

import ibis
import ibis.expr.types as ir

from ..buckets import failures_of, named_objects, opened_store
from .files import KINDS, load


def object_table(where: str, scheme: str) -> ir.Table:
    """The objects that *where* (an object, a glob, a folder) means, as one DuckDB table."""
    with failures_of(where):
        store = opened_store(scheme)
        found = named_objects(store, where, tuple(KINDS))
        connection = ibis.duckdb.connect()
        connection.register_filesystem(store)
        return load(connection, [f"{scheme}://{name}" for name in found], where)
