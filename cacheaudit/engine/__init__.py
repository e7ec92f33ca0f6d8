"""The request table on an engine: Ibis expressions that run where the rows live.

read (a file, a bucket, a database) -> table (its own columns, checked once) -> rollup (usage frame)

What is asked of it are sums and counts by group, so a laptop file and a warehouse answer alike.
A pandas frame in the table's columns is taken as well, and runs on DuckDB in memory.
"""

from .read import read_requests
from .rollup import rollup
from .table import as_table

__all__ = ["as_table", "read_requests", "rollup"]
