"""When traffic moves to another version, in which parts, and what is done to keep it warm."""

from dataclasses import dataclass
from typing import Literal, get_args

import pandas as pd

from ..errors import ParamError

SplitBy = Literal["session", "new_session", "prefix", "request", "spread"]
AGAIN = 0.8  # of a lifetime, after which a prefix that is kept warm is sent again


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefill:
    """The *prefixes* with the most tokens re-used are sent to the new version in advance.

    lead_s      from so long before traffic first moves until all of it has moved
    lookback_s  of the log before that, in which re-use is counted
    again       of the lifetime, after which each is sent again
    """

    prefixes: int
    lead_s: float = 300.0
    lookback_s: float = 3600.0
    again: float = AGAIN

    def __post_init__(self) -> None:
        if self.prefixes < 0 or self.lead_s < 0 or self.lookback_s <= 0 or not 0 < self.again < 1:
            raise ParamError(
                f"a prefill of {self.prefixes} prefixes, {self.lead_s:g} s ahead, every"
                f" {self.again:g} of a lifetime, from {self.lookback_s:g} s of log; expected 0 or"
                " more, 0 or more, between 0 and 1, above 0."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutover:
    """Traffic of *from_model* moves to another version.

    at          when all of it has moved, UTC
    to          the version that it moves to
    from_model  None: whatever served
    steps       (time, share on the new version), in order, the last at *at*; none: a straight cut
    split_by    what a share is a share of. `session`: conversations, which move as a whole, also
                in their middle; `new_session`: conversations that begin after the step, the others
                stay where they are until they end; `prefix`: shared prefixes; `request`: every
                n-th call, whatever it belongs to, which traffic that comes round in step can be
                blind to; `spread`: calls as if drawn at random. A call without a conversation (or
                prefix) is its own: where the log names none, these shares are of calls
    keep_old_warm   share of the traffic that stays on the old version
    rollback_at     when all of it goes back
    """

    at: pd.Timestamp
    to: str
    from_model: str | None = None
    steps: tuple[tuple[pd.Timestamp, float], ...] = ()
    split_by: SplitBy = "session"
    prefill: Prefill | None = None
    keep_old_warm: float = 0.0
    rollback_at: pd.Timestamp | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", _utc(self.at, "at"))
        steps = tuple((_utc(when, "steps"), float(share)) for when, share in self.steps)
        object.__setattr__(self, "steps", steps or ((self.at, 1.0),))
        if self.rollback_at is not None:
            object.__setattr__(self, "rollback_at", _utc(self.rollback_at, "rollback_at"))
        self._check()

    def _check(self) -> None:
        if self.split_by not in get_args(SplitBy):
            raise ParamError(
                f"split_by is {self.split_by!r}; expected one of {', '.join(get_args(SplitBy))}."
            )
        whens = [when for when, _ in self.steps]
        shares = [share for _, share in self.steps]
        if whens != sorted(set(whens)) or not all(0 <= share <= 1 for share in shares):
            raise ParamError("steps go back in time or have a share outside 0 to 1; expected"
                             " (time, share) pairs in order.")  # fmt: skip
        if whens[-1] != self.at or shares[-1] != 1:
            raise ParamError(
                f"the last step is {shares[-1]:g} at {whens[-1]:%Y-%m-%d %H:%M}; expected all of"
                f" the traffic (1.0) at {self.at:%Y-%m-%d %H:%M}, which is `at`."
            )
        if not 0 <= self.keep_old_warm < 1:
            raise ParamError(f"keep_old_warm is {self.keep_old_warm:g}; expected a share from 0"
                             " to below 1.")  # fmt: skip
        if self.rollback_at is not None and self.rollback_at <= self.begins:
            raise ParamError("rollback_at is not after the first step; expected a later time.")

    @property
    def begins(self) -> pd.Timestamp:
        """When traffic first moves."""
        return self.steps[0][0]

    def shares_ms(self) -> list[tuple[int, float]]:
        """(milliseconds since 1970, share on the new version from then on), in order."""
        most = 1.0 - self.keep_old_warm
        steps = [(_ms(when), min(share, most)) for when, share in self.steps]
        if self.rollback_at is None:
            return steps
        back = _ms(self.rollback_at)
        return [step for step in steps if step[0] < back] + [(back, 0.0)]

    def touches_ms(self, ttl_s: float) -> list[int]:
        """When each prefix of the prefill is sent; empty without one."""
        if self.prefill is None or not self.prefill.prefixes:
            return []
        end = self.at if self.rollback_at is None else min(self.at, self.rollback_at)
        first = _ms(self.begins) - round(1000 * self.prefill.lead_s)
        step = max(1, round(1000 * self.prefill.again * ttl_s))
        return list(range(first, max(_ms(end), first + 1), step))


def _utc(when: pd.Timestamp, name: str) -> pd.Timestamp:
    at = pd.Timestamp(when)
    if at.tzinfo is None:
        raise ParamError(f"{name} is {at} without a zone; expected a time like {at}Z.")
    return at.tz_convert("UTC")


def _ms(at: pd.Timestamp) -> int:
    return int(at.value // 1_000_000) if at.unit == "ns" else round(at.timestamp() * 1000)
