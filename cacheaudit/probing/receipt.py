"""What was asked and what came back, for good.

A line is written before a call is sent (`sent`, with the money set aside for it) and another when
it has ended, which stands in place of the first: a run that is killed loses no cost. It holds
counts, times and ids, and no text: of the prompt its length and a hash, of an error its kind. What
was not answered is no miss: `outcome` says what it was, and only `answered` is counted.

    outcome      meaning
    answered     whole, by the model that was asked, with its cache fields
    no_counts    answered without a field for what was read: nothing can be said of it
    other_model  answered by another model than was asked (a gateway's fallback, a moved alias)
    denied       401, 403         no_model    404          refused     400, 413, 422
    busy         429              overloaded  503, 529     failed      any other error of the server
    timeout      nothing in time: it may have been served and billed
    cut          an answer that ends before its end: it was served and billed
    unreachable  no connection: nothing was served
    sent         nobody saw how it ended: it may have been served and billed
    unsent       kept back: by the time its line was on the disk it was too late to send it

A file belongs to one run at a time, for as long as that takes: two would each spend the budget.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any, Literal, Self

from ..errors import SourceError

Outcome = Literal[
    "answered", "no_counts", "other_model", "denied", "no_model", "refused", "busy", "overloaded",
    "failed", "timeout", "cut", "unreachable", "sent", "unsent",
]  # fmt: skip
FINAL = ("denied", "no_model")  # no call after it will fare better
BILLED = ("answered", "no_counts", "other_model", "timeout", "cut", "failed", "sent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One call. Tokens are disjoint, as everywhere; None is "not reported".

    question, unit, attempt, step   which protocol it was part of, which repetition, how often that
                    was begun, which call of it
    sent_s          start of the request, s since 1970
    candidate       its label; asker: whose unit it is part of
    model, served   what was asked for, and what answered
    asked           a name for the call without its nonce: whom, where, what and when
    cache_write_long_tokens   of the writes, those that live an hour or longer
    prompt_words    length of the prompt in words of ours; prompt_hash: of its text with the nonce
    wait_s          since the call of the unit that warmed its prefix; None for a first
    latency_ms      until the whole answer; first_token_ms: until its first piece, of a stream
    limit_tokens    of output: what it might generate
    worst_usd       the most it could cost, set aside before it was sent; held_usd: the part of it
                    that is for an endpoint which ignores its limit; cost_usd: what its counts cost,
                    at the dearer price where another model answered; None where it has none or no
                    price
    diagnosis       the provider's own reason for a miss, "no_divergence" or "cache_hit"; "" where
                    it diagnosed nothing
    retry_after_s   how long the provider asked to wait
    workspace       that the provider says the key is of
    """

    question: str
    unit: int
    attempt: int
    step: int
    sent_s: float
    candidate: str
    asker: str
    model: str
    served: str = ""
    outcome: Outcome
    status: int | None = None
    asked: str = ""
    prompt_words: int = 0
    prompt_hash: str = ""
    wait_s: float | None = None
    uncached_input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_long_tokens: int | None = None
    output_tokens: int | None = None
    latency_ms: float | None = None
    first_token_ms: float | None = None
    limit_tokens: int | None = None
    worst_usd: float | None = None
    held_usd: float | None = None
    cost_usd: float | None = None
    diagnosis: str = ""
    retry_after_s: float | None = None
    response_id: str = ""
    request_id: str = ""
    workspace: str = ""

    @property
    def counted(self) -> bool:
        """Whether it says something of the cache."""
        return self.outcome == "answered"

    @property
    def input_tokens(self) -> int | None:
        """All input, where it is reported."""
        if self.uncached_input_tokens is None or self.cache_read_tokens is None:
            return None
        return self.uncached_input_tokens + self.cache_read_tokens + (self.cache_write_tokens or 0)

    @property
    def spent_usd(self) -> float:
        """What it counts for in the budget: its cost, or all that was set aside for it."""
        if self.outcome not in BILLED:
            return 0.0
        return (self.worst_usd or 0.0) if self.cost_usd is None else self.cost_usd

    @property
    def over_bound(self) -> bool:
        """Whether more was generated than it might, or it cost more than was set aside."""
        if self.limit_tokens is not None and (self.output_tokens or 0) > self.limit_tokens:
            return True
        return self.cost_usd is not None and self.cost_usd > (self.worst_usd or 0.0)

    @property
    def attempted(self) -> tuple[str, str, int, int]:
        """Which attempt at which unit it was part of."""
        return self.asker, self.question, self.unit, self.attempt

    @property
    def place(self) -> tuple[tuple[str, str, int, int], int]:
        """Which call it is of."""
        return self.attempted, self.step

    def to_line(self) -> str:
        """JSON, on one line."""
        return json.dumps({k: v for k, v in asdict(self).items() if v not in (None, "")})

    @classmethod
    def of_line(cls, line: str) -> Self:
        """From *line*. Raises ValueError or TypeError where it is no receipt."""
        given = json.loads(line)
        known = {field.name for field in fields(cls)}
        if not isinstance(given, dict) or set(given) - known:
            raise ValueError("unknown fields")
        return cls(**given)


class Receipts:
    """Receipts by call, in a file where one is given; each is on the disk when `add` returns.

    The file is locked until `close`. Raises SourceError where another run holds it, where it cannot
    be written, and where it is no file of receipts.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._kept: dict[object, Receipt] = {}
        self._file: IO[str] | None = None
        if path is not None:
            self._file = _locked(path)
            try:
                self._kept = {receipt.place: receipt for receipt in read_receipts(path)}
                _mend(path, self._file)
            except BaseException:
                self._file.close()
                raise

    @property
    def all(self) -> list[Receipt]:
        """One receipt per call, in the order in which they were sent."""
        return list(self._kept.values())

    def add(self, receipt: Receipt) -> None:
        """Keep *receipt*, in place of an earlier one of the same call."""
        self._kept[receipt.place] = receipt
        if self._file is not None:
            self._file.write(receipt.to_line() + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file, which is free for another run then."""
        if self._file is not None:
            self._file.close()


def read_receipts(path: Path) -> Iterator[Receipt]:
    """The lines at *path* as they were written, without a last one that is cut; none without it.

    Raises SourceError where another line is no receipt.
    """
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        if number == len(lines) and not line.endswith("\n"):
            return
        try:
            yield Receipt.of_line(line)
        except (ValueError, TypeError) as error:
            raise SourceError(
                f"{path.name} line {number} is no receipt; expected one JSON object a line. Move"
                " the file away to start anew."
            ) from error


def _locked(path: Path) -> IO[str]:
    """The file at *path*, to append to, and nobody else's; a lock ends with its process."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise SourceError(
            f"cannot keep receipts in {path.name}: {error.strerror}. Give another receipts_path."
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        taken = isinstance(error, BlockingIOError)
        found = "another run is under way with it" if taken else f"no lock ({error.strerror})"
        raise SourceError(
            f"{path.name} cannot be had alone: {found}; expected one run at a time, because each"
            " would spend the budget. Wait for its end, or give another receipts_path."
        ) from error
    return file


def _mend(path: Path, file: IO[str]) -> None:
    """Drop a last line that was cut, so that the next one stands alone; the others stay."""
    if (held := path.read_bytes()) and not held.endswith(b"\n"):
        file.truncate(held.rfind(b"\n") + 1)


def plain(receipt: Receipt) -> dict[str, Any]:
    """Every field, for a frame."""
    return asdict(receipt)
