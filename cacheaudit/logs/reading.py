"""Files and a reader to calls: which format a log is in, and what of it could be read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from ..errors import ParamError, SourceError
from .formats import FORMATS
from .lines import File, records
from .loss import Loss
from .record import Call, Reader, Record, Skip

SAMPLES, SAMPLED_FILES = (20, 400), 8  # records of a file


def reader_for(files: Sequence[File], format: str = "") -> Reader:
    """The reader called *format*, or the one that recognises most of the first records.

    Raises ParamError for a name that no reader has, SourceError where none recognises anything.
    """
    if format:
        if format not in FORMATS:
            raise ParamError(f"requests_format is {format!r}; expected one of {sorted(FORMATS)}.")
        return FORMATS[format]
    for most in SAMPLES:  # most logs are known by their first lines; some begin with other things
        sampled = (value for file in files[:SAMPLED_FILES] for value in _sample(file, most))
        seen = [value for value in sampled if isinstance(value, Mapping)]
        scores = {}
        for name, reader in FORMATS.items():
            scores[name] = sum(reader.recognises(value) for value in seen)
            if scores[name] == len(seen):
                break  # none can have more, and of equals it is the first
        best = max(scores, key=lambda name: scores[name])
        if scores[best]:
            break
    else:
        keys = sorted(map(str, seen[0]))[:8] if seen else []
        raise SourceError(
            f"{files[0].name}: nothing in it is known; found records with {keys or 'no fields'};"
            f" expected one of {', '.join(FORMATS)} (the request table's own columns). Name yours"
            " with `columns`, or see docs/SOURCES.md."
        )
    return FORMATS[best]


def calls(files: Iterable[File], reader: Reader, loss: Loss) -> Iterator[Call]:
    """All calls of *files*, as often as the log repeats them; what is not read goes to *loss*."""
    for file in files:
        for found in reader.read(counted(records(file, reader), file.name, loss)):
            if isinstance(found, Skip):
                loss.skip(file.name, found)
            else:
                loss.calls += 1
                yield found


def counted(found: Iterable[Record | Skip], name: str, loss: Loss) -> Iterator[Record]:
    """The records of the file called *name*; their number, and what is none, go to *loss*."""
    for one in found:
        loss.records += 1
        if isinstance(one, Skip):
            loss.skip(name, one)
        else:
            yield one


def _sample(file: File, most: int) -> Iterator[object]:
    for found in islice(records(file), most):
        if isinstance(found, Record):
            yield found.value
