"""Fuzz of every reader of logs: valid logs, damage to them, and what must come of it.

values    what a count, a label or a time is
kind      a format as the fuzz sees it; a valid log of it
formats   KINDS: one valid log per format, and what its definition says of a record
damage    to values, lines, bytes, the file
judge     what was read against what the lines say
files     campaigns over lines, gzip, documents, CSV, Parquet
tables    campaigns over the engine and LiteLLM's daily tables
"""

import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import files, tables
from .formats import KINDS
from .judge import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One kind of damage, and the kinds of logs that it is done to.

    run      (kind, random source, empty folder) to its outcome; raises where the claim is broken
    seconds  of one log, about; dear ones are tried more seldom
    """

    name: str
    run: Callable[[str, random.Random, Path], Outcome]
    kinds: tuple[str, ...]
    seconds: float = 0.001

    def once(self, kind: str, seed: int) -> Outcome:
        """The outcome of the log that *seed* makes."""
        with tempfile.TemporaryDirectory() as folder:
            return self.run(kind, random.Random(seed), Path(folder))


EVERY = tuple(KINDS)
FLAT = tuple(name for name, kind in KINDS.items() if kind.flat)
APART = tuple(name for name, kind in KINDS.items() if not kind.ordered)
CAMPAIGNS = (
    Campaign(name="lines", run=files.lines, kinds=EVERY),
    Campaign(name="odd_values", run=files.odd_values, kinds=EVERY, seconds=0.006),
    Campaign(name="packed", run=files.packed, kinds=EVERY),
    Campaign(name="document", run=files.document, kinds=APART),
    Campaign(name="table", run=files.table, kinds=FLAT),
    Campaign(name="parquet", run=files.parquet, kinds=FLAT, seconds=0.003),
    Campaign(name="alike", run=files.alike, kinds=EVERY),
    Campaign(name="summed", run=files.summed, kinds=EVERY, seconds=0.075),
    Campaign(name="engine", run=tables.engine, kinds=("own",), seconds=0.065),
    Campaign(name="daily", run=tables.daily, kinds=("litellm_daily",), seconds=0.01),
)
