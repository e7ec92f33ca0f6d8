"""Spark in local mode: one JVM beside this process, no page of its own, nothing off loopback.

Its session shows the time of a zone with daylight saving; so does the JVM.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import pytest

from tests.engines.missing import package, program

ZONE = "America/New_York"
PATIENCE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """A running session, and where files for it may lie."""

    session: Any
    folder: Path

    def connect(self, zone: str = "") -> Any:
        """A new Ibis connection, with a session of its own.

        zone   of the session, in place of the UTC that Ibis asks for
        """
        connection = ibis.pyspark.connect(self.session.newSession())
        if zone:
            connection.raw_sql(f"set time zone '{zone}'")
        return connection


@contextlib.contextmanager
def running_spark(folder: Path) -> Iterator[Spark]:
    """A session, until the block ends. Raises Missing without Java or pyspark."""
    package("pyspark", install="cacheaudit[spark]")
    program("java", install="Debian's package default-jre-headless")
    from pyspark.sql import SparkSession

    told = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": f"-Duser.timezone={ZONE} -Dderby.system.home={folder}",
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": ZONE,
    }
    builder = SparkSession.builder.master("local[2]").appName("cacheaudit tests")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        session = builder.config(map=told).getOrCreate()
    try:
        session.sparkContext.setLogLevel("ERROR")
        yield Spark(session=session, folder=folder)
    finally:
        _stop(session)


def _stop(session: Any) -> None:
    """The session, and the JVM: Spark alone would leave it running until Python ends."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    session.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()  # on which it ends
    gateway.proc.wait(PATIENCE_S)
    SparkContext._gateway = SparkContext._jvm = None
