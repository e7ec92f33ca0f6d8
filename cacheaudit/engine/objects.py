"""Files of a request log in an object store, read by DuckDB through fsspec.

Keys, region and endpoint come from the environment alone, under the names that each store's own
tools use: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE,
AWS_ENDPOINT_URL; GOOGLE_APPLICATION_CREDENTIALS, STORAGE_EMULATOR_HOST; AZURE_STORAGE_ACCOUNT_NAME,
AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_CONNECTION_STRING. S3 is tested; the others are fsspec's.
"""

from importlib import import_module
from typing import Any

import ibis
import ibis.expr.types as ir

from ..errors import AccessDenied, SourceError
from .files import KINDS, kind_of, load

STORES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}  # scheme -> package
DRIVERS = {"botocore", "aiohttp", "gcsfs", "google", "azure"}
MAGIC = "*?["


def object_table(where: str, scheme: str) -> ir.Table:
    """The objects that *where* (an object, a glob, a folder) means, as one DuckDB table."""
    store = _store(scheme)
    try:
        found = _objects(store, where)
        connection = ibis.duckdb.connect()
        connection.register_filesystem(store)
        return load(connection, [f"{scheme}://{name}" for name in found], where)
    except PermissionError:
        raise AccessDenied(
            f"{where}: the store refused the key; expected one in the environment that may list"
            " and read it."
        ) from None  # the store's own answer may quote the key's id
    except FileNotFoundError:
        raise SourceError(
            f"{where}: the store has no such bucket or object; check both names."
        ) from None
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__module__.split(".")[0] not in DRIVERS:
            raise
        raise SourceError(
            f"{where}: the store could not be reached ({type(error).__name__}); check the network"
            " and the endpoint in the environment."
        ) from None


def _store(scheme: str) -> Any:
    package = STORES[scheme]
    try:
        fsspec = import_module("fsspec")

        return fsspec.filesystem(scheme, skip_instance_cache=True)
    except ImportError as error:
        raise SourceError(
            f"{scheme}:// needs the package {package}, which is not installed;"
            f" pip install {package}."
        ) from error


def _objects(store: Any, where: str) -> list[str]:
    """Names without the scheme, sorted. A name with no match is no error to fsspec; load's is."""
    if any(sign in where for sign in MAGIC):
        return [str(name) for name in sorted(store.glob(where))]
    if where.lower().endswith(tuple(KINDS)):
        return [str(store.info(where)["name"])]
    return [str(name) for name in sorted(store.find(where)) if kind_of(str(name))]
