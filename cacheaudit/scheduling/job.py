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


class _Readable(yaml.SafeDumper):
    """Text of several lines as it stands, line by line."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text)


def as_yaml(document: object) -> str:
    """*document* for a file that people read, in its own order."""
    text: str = yaml.dump(document, Dumper=_Readable, sort_keys=False, width=4096)
    return text.replace("\n'on':", "\non:")
