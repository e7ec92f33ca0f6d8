"""A migration: from what to what, when, under which rules, and what counts as good enough."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from ..errors import ParamError
from ..replaying import Cutover, Rules

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """Traffic of *from_model* moves to *to_model*.

    rules        by version; with prices, or nothing is priced
    at           times in the past at which it is tried out, UTC: when all traffic has moved. Empty
                 takes one on each day that the log covers
    clock        "HH:MM" (UTC) of the cutover on those days; empty takes that of the middle of the
                 log
    ramp_shares, ramp_s    shares of a ramp and how long it takes; it ends when all has moved
    canary_share, canary_s    share that moves first, and for how long
    prefixes     how many a prefill sends; lead_s: from so long before traffic first moves
    keep_old_warm  share that stays on the old version in the plan that does so
    rollback_after_s   after all has moved: when a rollback is tried
    notice_s     how long a bad version serves before somebody notices
    floor        least hit rate, as a share of what versions that had always served would have, in
                 any `floor_s` of the migration, minute by minute
    limit_tokens_per_min   rate limit on the new version; None: not known
    reads_count  whether reads count towards it (OpenAI: yes; Anthropic: no, docs, 2026-08)
    most_days    days tried out, the latest
    """

    from_model: str
    to_model: str
    rules: Mapping[str, Rules]
    at: tuple[pd.Timestamp, ...] = ()
    clock: str = ""
    ramp_shares: tuple[float, ...] = (0.1, 0.25, 0.5)
    ramp_s: float = 6 * HOUR_S
    canary_share: float = 0.1
    canary_s: float = 2 * HOUR_S
    prefixes: int = 20
    lead_s: float = 300.0
    keep_old_warm: float = 0.05
    rollback_after_s: float = HOUR_S
    notice_s: float = HOUR_S
    floor: float = 0.5
    floor_s: float = HOUR_S
    limit_tokens_per_min: float | None = None
    reads_count: bool = False
    most_days: int = 5
    proposals: Mapping[str, Cutover] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.from_model == self.to_model:
            raise ParamError(f"from_model and to_model are both {self.to_model}; expected two.")
        if lacking := [m for m in (self.from_model, self.to_model) if m not in self.rules]:
            raise ParamError(f"there are no rules for {', '.join(lacking)}; expected a Rules for"
                             " the old version and the new (rules_of makes them).")  # fmt: skip
        shares = (*self.ramp_shares, self.canary_share, self.keep_old_warm, self.floor)
        if not all(0 <= share <= 1 for share in shares):
            raise ParamError("a share is outside 0 to 1; look at ramp_shares, canary_share,"
                             " keep_old_warm and floor.")  # fmt: skip
        if list(self.ramp_shares) != sorted(self.ramp_shares):
            raise ParamError("ramp_shares fall; expected shares that rise.")
        spans = (self.ramp_s, self.canary_s, self.rollback_after_s, self.notice_s, self.floor_s)
        if min(spans) <= 0 or self.most_days < 1:
            raise ParamError("a span of the migration is not above 0 s; look at ramp_s, canary_s,"
                             " rollback_after_s, notice_s, floor_s and most_days.")  # fmt: skip

    @property
    def longest_ttl_s(self) -> float:
        """The longest lifetime of the two versions."""
        return max(self.rules[self.from_model].ttl_s, self.rules[self.to_model].ttl_s)

    @property
    def before_s(self) -> float:
        """How much of the past a cutover needs: the longest plan, and before it warm caches."""
        first = max(self.ramp_s, self.canary_s, self._own_s()) + self.lead_s
        return first + max(HOUR_S, self.longest_ttl_s)

    @property
    def after_s(self) -> float:
        """And after it: what is judged, a rollback, and until the caches have forgotten it."""
        return max(self.rollback_after_s + self.longest_ttl_s, self.judged_s)

    @property
    def judged_s(self) -> float:
        """How long after the cutover it is judged, however soon a rollback is tried."""
        return max(self.rollback_after_s, HOUR_S)

    def _own_s(self) -> float:
        leads = [(one.at - one.begins).total_seconds() for one in self.proposals.values()]
        return max(leads, default=0.0)
