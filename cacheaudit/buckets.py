"""Object stores through fsspec: what is in a bucket, and an object as a file.

Keys, region and endpoint come from the environment alone, under the names that each store's own
tools use: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE,
AWS_ENDPOINT_URL; GOOGLE_APPLICATION_CREDENTIALS, STORAGE_EMULATOR_HOST; AZURE_STORAGE_ACCOUNT_NAME,
AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_CONNECTION_STRING. S3 is tested; the others are fsspec's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePosixPath
from typing import IO, Any, cast

from .credentials import refuse_credentials
from .errors import AccessDenied, ParamError, SourceError

STORES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}  # scheme -> package
DRIVERS = {"botocore", "aiohttp", "gcsfs", "google", "azure"}
MAGIC = "*?["


@dataclass(frozen=True, slots=True)
class Size:
    """What `stat` says of an object."""

    st_size: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One object, with what a reader of files asks of a path.

    (universal-pathlib offers more, but keeps its connections for good: a key that changed in the
    environment of a running notebook would not be used.)
    """

    store: Any
    url: str

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.url.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The end of its name, from the last dot on."""
        return PurePosixPath(self.name).suffix

    def stat(self) -> Size:
        """How many bytes it has."""
        return Size(int(self.store.info(self.url)["size"]))

    def open(self, mode: str = "rb", buffering: int = -1) -> IO[bytes]:
        """Its bytes as a stream, fetched in blocks as they are read."""
        return cast(IO[bytes], self.store.open(self.url, mode))

    def __str__(self) -> str:
        return self.url


def stored_files(where: str, ends: tuple[str, ...]) -> list[StoredFile]:
    """The objects that *where* (an object, a glob, a folder) means; of a folder, those in *ends*.

    Raises ParamError for a scheme that is no store's, and what failures_of says.
    """
    scheme = where.partition("://")[0]
    if scheme not in STORES:
        raise ParamError(
            f"{scheme}:// is no object store; expected {', '.join(f'{s}://' for s in STORES)}."
        )
    with failures_of(where):
        store = opened_store(scheme)
        return [StoredFile(store, f"{scheme}://{n}") for n in named_objects(store, where, ends)]


@contextmanager
def failures_of(where: object) -> Iterator[None]:
    """What a store answers to a request for *where*, as AccessDenied or SourceError.

    They name it: so ParamError, before anything is asked, where it holds a credential.
    """
    if isinstance(where, str):  # not what the store itself has listed
        refuse_credentials(where)
    try:
        yield
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


def opened_store(scheme: str) -> Any:
    """The file system of *scheme*, new: a key that changed in the environment is used."""
    package = STORES[scheme]
    try:
        fsspec = import_module("fsspec")

        return fsspec.filesystem(scheme, skip_instance_cache=True)
    except ImportError as error:
        raise SourceError(
            f"{scheme}:// needs the package {package}, which is not installed;"
            f" pip install {package}."
        ) from error


def named_objects(store: Any, where: str, ends: tuple[str, ...]) -> list[str]:
    """Names without the scheme, sorted. A name with no match is no error to fsspec; load's is."""
    if any(sign in where for sign in MAGIC):
        return [str(name) for name in sorted(store.glob(where))]
    if where.lower().endswith(ends):
        return [str(store.info(where)["name"])]
    return [str(name) for name in sorted(store.find(where)) if str(name).lower().endswith(ends)]
