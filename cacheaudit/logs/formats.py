"""The formats that are read, by name; adding one is a module, a name here and a payload test.

A format's module is named as its reader is, and imported when it is first asked for: a sum in the
terminal over a format that is known by its first lines waits for no other.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module

from .record import Reader

_NAMES = (
    *("claude_code", "codex", "otel", "litellm", "langfuse"),
    *("bedrock", "helicone", "openrouter", "responses", "own"),
)


class _Formats(Mapping[str, Reader]):
    """Readers by name, in the order in which they are asked whether they recognise a record."""

    def __getitem__(self, name: str) -> Reader:
        if name not in _NAMES:
            raise KeyError(name)
        reader: Reader = import_module(f".{name}", __package__).READER
        return reader

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


FORMATS: Mapping[str, Reader] = _Formats()
