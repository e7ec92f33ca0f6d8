"""What keeping prefixes warm needs, and what comes of it; names of touches in receipts."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from ..probing.candidate import Candidate
from ..probing.money import Budget, Rates
from ..probing.receipt import Receipt, Receipts
from ..probing.run import Clock
from .pace import Limits
from .prefix import Prefix
from .ways import Way

QUESTION = "prefill"
SLICE_S = 5.0  # a stop that is asked for is seen after so long
STOPPED, BUDGET, CUTOVER, NOT_CACHED, OVER_BOUND = (
    "stopped", "budget", "cutover", "not_cached", "over_bound"
)  # fmt: skip

Touch = Callable[[Candidate, Prefix, Way, Receipt], Receipt]  # the last with what was planned


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setup:
    """What keeping warm needs: whom to ask, at which rates and pace, from when until when.

    begin_s, until_s  first moment, and the cutover; s since 1970
    refresh_share     of the lifetime, after which a prefix is touched again
    together          calls in flight at most
    stop              whether a stop was asked for; it is looked at every slice_s
    trusted           whether the endpoint is known to keep a limit of output
    learn_lengths     whether an answer bounds what the next call of the same prefix may cost
    rates_of          rates of another model that answered; None where it has no price
    """

    candidate: Candidate
    rates: Rates
    limits: Limits
    touch: Touch
    clock: Clock
    receipts: Receipts
    budget: Budget
    begin_s: float
    until_s: float
    refresh_share: float = 0.8
    together: int = 1
    stop: Callable[[], bool] = lambda: False
    slice_s: float = SLICE_S
    trusted: bool = False
    learn_lengths: bool = True
    rates_of: Callable[[str], Rates | None] = lambda served: None

    def interval_s(self, prefix: Prefix) -> float:
        """After which *prefix* is touched again."""
        return self.refresh_share * (prefix.lives_s or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How it ended: by digest of the prefix, why it is not touched any more (absent: it was until
    the end); and "stopped" where that was asked for."""

    why: dict[str, str]
    stopped: str = ""


def asked_of(candidate: Candidate, prefix: Prefix) -> str:
    """A name for touches of *prefix* on *candidate*: whom and what."""
    whom = (candidate.model, candidate.api, candidate.base_url)
    return hashlib.sha256(json.dumps([whom, prefix.digest]).encode()).hexdigest()[:16]


def unit_of(prefix: Prefix) -> int:
    """The number of *prefix* in receipts: the same in every run, whatever else is warmed."""
    return int(prefix.digest[:12], 16)


def says_writes(candidate: Candidate) -> bool:
    """Whether a write of 0 is documented to mean that nothing was written."""
    return candidate.rule is not None and candidate.rule.writes_billed is True
