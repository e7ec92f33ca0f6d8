"""What an earlier run found out, read again from its receipts."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .ask import Ask
from .candidate import Candidate
from .protocols import Protocol, Void
from .receipt import Receipt


@dataclass(frozen=True, slots=True)
class Found:
    """A finding."""

    found: Any


def asked_of(candidate: Candidate, ask: Ask) -> str:
    """A name for what *ask* asks of *candidate*, the nonce left out: whom, where, what and when."""
    whom = (candidate.model, candidate.api, candidate.base_url)
    what = (str(ask.shape), ask.after_s, ask.generate, ask.stream, ask.before_id is not None)
    return hashlib.sha256(json.dumps([whom, what]).encode()).hexdigest()[:16]


def replayed(
    protocol: Protocol, heard: Sequence[Receipt], name: Callable[[Ask], str]
) -> Found | None:
    """What *protocol* finds in *heard*; None where it is void, not at its end, or of other calls.

    name   asked_of, for the candidate of a call
    """
    rest = sorted(heard, key=lambda receipt: receipt.step)
    said: Any = None
    try:
        while True:
            step = protocol.send(said)
            asks = (step,) if isinstance(step, Ask) else step
            taken, rest = rest[: len(asks)], rest[len(asks) :]
            if [one.asked for one in taken] != [name(ask) for ask in asks]:
                return None
            said = taken[0] if isinstance(step, Ask) else tuple(taken)
    except StopIteration as end:
        return Found(end.value)
    except Void:
        return None
