"""Real servers, started by the tests and stopped after: PostgreSQL, and Spark in local mode.

A program that is missing is a skip that names it, or a failure where CACHEAUDIT_ENGINES_REQUIRED
is set (as continuous integration does: there a skip would look like a pass).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.missing import Missing, lacking
from tests.engines.postgres import Postgres, running_postgres
from tests.engines.spark import Spark, running_spark

HERE = Path(__file__).resolve().parent
PYSPARK_4_0 = [
    "ignore:The copy keyword is deprecated",  # pandas 3 renamed what it calls
    "ignore:unclosed <socket.socket.*127.0.0.1:ResourceWarning",  # collect() leaves one behind
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is marked `engines`."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.engines)
            for warning in PYSPARK_4_0:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server on a free port of loopback; its clocks show New York's time."""
    try:
        with running_postgres() as server:
            yield server
    except Missing as missing:
        lacking(missing)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    """Spark in this process's own JVM; its session shows New York's time."""
    try:
        with running_spark(tmp_path_factory.mktemp("spark")) as session:
            yield session
    except Missing as missing:
        lacking(missing)
