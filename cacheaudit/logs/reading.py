"""Files and a reader to calls: which format a log is in, and what of it could be read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from ..errors import ParamError, SourceError
from .formats import FORMATS
from .lines import records
from .loss import Loss
from .record import Call, Reader, Record, Skip

SAMPLES, SAMPLED_FILES = (20, 400), 8  # records of a file


def reader_for(files: Sequence[Path], format: str = "") -> Reader:
    """The reader called *format*, or the one that recognises most of the first records.

    Raises ParamError for a name that no reader has, SourceError where none recognises anything.
    """
    if format:
        if format not in FORMATS:
            raise ParamError(f"requests_format is {format!r}; expected one of {sorted(FORMATS)}.")
        return FORMATS[format]
    for most in SAMPLES:  # most logs are known by their first lines; some begin with other things
        seen = [value for file in files[:SAMPLED_FILES] for value in _sample(file, most)]
        scores = {
            name: sum(isinstance(v, Mapping) and reader.recognises(v) for v in seen)
            for name, reader in FORMATS.items()
        }
        best = max(scores, key=lambda name: scores[name])
        if scores[best]:
            break
    else:
        keys = next((sorted(map(str, v))[:8] for v in seen if isinstance(v, Mapping)), [])
        raise SourceError(
            f"{files[0].name}: nothing in it is known; found records with {keys or 'no fields'};"
            f" expected one of {', '.join(FORMATS)} (the request table's own columns). Name yours"
            " with `columns`, or see docs/SOURCES.md."
        )
    return FORMATS[best]


def calls(files: Iterable[Path], reader: Reader, loss: Loss) -> Iterator[Call]:
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


def _sample(file: Path, most: int) -> Iterator[object]:
    for found in islice(records(file), most):
        if isinstance(found, Record):
            yield found.value
