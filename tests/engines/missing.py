"""What a test needs and this machine lacks: skipped by name, or failed where it is required."""

import os
import shutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRED = "CACHEAUDIT_ENGINES_REQUIRED"


class Missing(Exception):
    """A program or package that is not installed, and what to install."""


def lacking(missing: Missing) -> NoReturn:
    """Skip the test, or fail it if all engines are required."""
    if os.environ.get(REQUIRED):
        pytest.fail(f"{missing} ({REQUIRED} is set, so this is no skip)", pytrace=False)
    pytest.skip(str(missing))


def program(name: str, *, folders: Iterable[Path] = (), install: str) -> Path:
    """Where *name* is: on the PATH, else in the folder of the latest version among *folders*."""
    latest = sorted(folders, key=_version, reverse=True)
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, latest)))
    if found is None:
        raise Missing(f"no program {name}; install {install}")
    return Path(found)


def package(name: str, *, install: str) -> None:
    """Raise Missing unless *name* can be imported."""
    if find_spec(name) is None:
        raise Missing(f"no Python package {name}; install {install}")


def _version(folder: Path) -> list[int]:
    """[15] for /usr/lib/postgresql/15/bin: 9.6 comes before 15."""
    return [int(part) for part in str(folder).replace(".", "/").split("/") if part.isdigit()]
