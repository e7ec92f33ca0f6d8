"""Two or more processes over the files of one log: each reads a part, and no call is counted twice.

parent     reads its part                    hears ids, says which are twice    adds up
worker     reads its part, says its ids      hears them                         says rows of these,
                                                                                sums of the rest

A worker is a copy of this process (fork): nothing has to be imported or recognised again. One that
fails or is ended from outside says nothing, and its part is read here, which says why.
"""

import marshal
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import IO, Any, NoReturn

from .daily import Days, Seen, add, daily, put, read_once, take
from .lines import File
from .loss import Loss
from .record import Reader

SHARED_BYTES = 8_000_000  # below it a second process costs more than it saves


def read_shared(files: list[File], reader: Reader, processes: int = 0) -> tuple[Days, int, Loss]:
    """Sums of *files*, how many calls they are, and the loss.

    processes   how many may share the work; 0 is one a core
    """
    most = (processes or len(os.sched_getaffinity(0))) if _may_fork() else 1
    first, *others = shares(files, most)
    loss = Loss()
    workers = [_Worker(share, reader) for share in others]
    try:
        seen = read_once(first, reader, loss)
        told = [worker.hear() for worker in workers]
        for share, ids in zip(others, told, strict=True):
            if ids is None:  # it failed: so will this, and say why
                put(seen, read_once(share, reader, loss).values())
        twice = _twice([_ids(seen), *(ids or [] for ids in told)])
        for worker in workers:
            worker.say(twice)
        apart = take(seen, twice)
        days, kept = daily(seen.values()), len(seen)
        seen.clear()  # while others still work
        for share, worker, ids in zip(others, workers, told, strict=True):
            answer = worker.hear() if ids is not None else None
            if answer is not None:
                elsewhere, there, calls_there, lost = answer
                put(apart, elsewhere)
                add(days, there)
                _add_loss(loss, lost)
                kept += calls_there
            elif ids is not None:  # it was ended from outside
                put(apart, read_once(share, reader, loss).values())
    finally:  # whatever happens here, no worker is left behind
        for worker in workers:
            worker.close()
        for worker in workers:  # all are closed by now: each holds the pipes of those before it
            os.waitpid(worker.process, 0)
    add(days, daily(apart.values()))
    return days, kept + len(apart), loss


def shares(files: list[File], most: int) -> list[list[File]]:
    """*files* in order, in parts of about the same size; never more than are worth a process."""
    sizes = [file.stat().st_size for file in files]
    parts = max(1, min(most, len(files), sum(sizes) // SHARED_BYTES))
    found: list[list[File]] = [[] for _ in range(parts)]
    before = 0
    for file, size in zip(files, sizes, strict=True):
        found[min(before * parts // max(sum(sizes), 1), parts - 1)].append(file)
        before += size
    return [share for share in found if share]


def _may_fork() -> bool:
    """Whether a copy of this process is safe: threads would leave their locks behind in it."""
    return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208


def _ids(seen: Seen) -> list[int]:
    """Hashes of the ids in *seen*: the same in a copy of this process, and soon said."""
    return [hash(row[2]) for row in seen.values() if row[2] is not None]


def _twice(many: Iterable[list[int]]) -> set[int]:
    """The ids that more than one has seen: calls to be compared one by one, not as sums."""
    known: set[int] = set()
    twice: set[int] = set()
    for ids in many:
        twice |= known.intersection(ids)
        known.update(ids)
    return twice


def _add_loss(loss: Loss, told: Sequence[Any]) -> None:
    found, looked_at, reasons, unfinished = told
    loss.calls += found
    loss.records += looked_at
    loss.unfinished += unfinished
    for why, (count, first) in reasons.items():
        before, at = loss.reasons.get(why, (0, first))
        loss.reasons[why] = (before + count, at)


def _say(what: Any, mouth: IO[bytes]) -> None:
    said = marshal.dumps(what)
    mouth.write(len(said).to_bytes(8, "big") + said)
    mouth.flush()


def _hear(ear: IO[bytes]) -> Any:
    """What was said, whole. Raises EOFError where it ends before that."""
    size = int.from_bytes(ear.read(8), "big")  # marshal.load would ask for a few bytes at a time
    said = ear.read(size)
    if not size or len(said) < size:
        raise EOFError
    return marshal.loads(said)


class _Worker:
    """A copy of this process that reads some of the files.

    It says the ids of its calls, hears which of them others have as well, and says
    (rows of these, sums of the rest by day, how many calls these are, loss).
    """

    def __init__(self, files: list[File], reader: Reader) -> None:
        hears, said = os.pipe()
        heard, says = os.pipe()
        self.process = os.fork()
        if not self.process:
            os.close(hears)
            os.close(says)
            _work(files, reader, os.fdopen(heard, "rb"), os.fdopen(said, "wb"))
        os.close(said)
        os.close(heard)
        self.ear, self.mouth = os.fdopen(hears, "rb"), os.fdopen(says, "wb")

    def hear(self) -> Any:
        """What it says next; None where it has ended."""
        try:
            return _hear(self.ear)
        except EOFError:
            return None

    def say(self, ids: set[int]) -> None:
        """Tell it which ids others have as well."""
        with suppress(BrokenPipeError):  # hear() will notice
            _say(ids, self.mouth)

    def close(self) -> None:
        """Let it go: where it still writes, it stops there."""
        self.ear.close()
        with suppress(BrokenPipeError):
            self.mouth.close()


def _work(files: list[File], reader: Reader, ear: IO[bytes], mouth: IO[bytes]) -> NoReturn:
    """The life of a worker."""
    try:
        loss = Loss()
        seen = read_once(files, reader, loss)
        _say(_ids(seen), mouth)
        elsewhere = list(take(seen, _hear(ear)).values())
        lost = loss.calls, loss.records, loss.reasons, loss.unfinished
        _say((elsewhere, daily(seen.values()), len(seen), lost), mouth)
    finally:
        os._exit(0)  # nothing of the parent's may run here: no handlers, no buffers, no traces
