"""Everything cacheaudit raises on purpose.

AuditError
├── ParamError         a parameter is unknown, missing, of a wrong type or out of range
├── SchemaError        a frame is not what schema.py describes
├── SourceError        a provider or a file could not be read
│   ├── AccessDenied       the key is missing, or lacks a permission
│   ├── EmptyWindow        the source answered, and has nothing in the window
│   └── IncompletePull     some pages arrived and some did not; nothing was kept
├── UnfitData          the data is there, and cannot carry the question
└── RunFailed          a notebook stopped; the message names the cell

A message says what was found, what was expected and what to do. It never holds a key, a
prompt, or the value of a local variable.
"""


class AuditError(Exception):
    """Base class: catch this to catch every deliberate failure."""


class ParamError(AuditError, ValueError):
    """A parameter is unknown, missing, of a wrong type or out of range."""


class SchemaError(AuditError, ValueError):
    """A frame is not what schema.py describes."""


class SourceError(AuditError):
    """A provider or a file could not be read."""


class AccessDenied(SourceError):
    """The key is missing, or lacks a permission."""


class EmptyWindow(SourceError):
    """The source answered, and has nothing in the window."""


class IncompletePull(SourceError):
    """Some pages arrived and some did not; nothing was kept."""


class UnfitData(AuditError):
    """The data is there, and cannot carry the question."""


class RunFailed(AuditError):
    """A notebook stopped; the message names the cell."""


class LogWarning(UserWarning):
    """What the reader of a log must know: calls that repeat, lines that could not be read."""


def ours(name: str) -> type[AuditError] | None:
    """The class called *name*, if it is raised on purpose here: its messages are safe to quote."""
    kind = globals().get(name)
    return kind if isinstance(kind, type) and issubclass(kind, AuditError) else None
