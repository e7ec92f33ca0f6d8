"""What runs: a command, and where."""

import shlex
from dataclasses import dataclass

import yaml

ENV = ".cacheaudit.env"
WHERE_KEYS = f"Keys: one NAME=value a line in {ENV}, without quotes, readable by you alone."


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """*words* of a command that run in *folder*, a clone of the project.

    name   of the unit; log: where cron writes what the command says
    """

    words: tuple[str, ...]
    folder: str
    name: str

    @property
    def line(self) -> str:
        """The command, for a shell."""
        return shlex.join((".venv/bin/cacheaudit", *self.words))

    @property
    def spoken(self) -> str:
        """The command as people know it."""
        return shlex.join(("cacheaudit", *self.words))


def as_yaml(document: object) -> str:
    """*document* for a file that people read, in its own order."""
    text: str = yaml.safe_dump(document, sort_keys=False, width=4096)
    return text.replace("\n'on':", "\non:")
