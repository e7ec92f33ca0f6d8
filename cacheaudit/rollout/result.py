"""What is said of a cutover: frozen results, with their gates and their verdict."""

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from ..gates import Gate, GateBars, exit_code_of, rollout_window, verdict_of
from .moves import Move
from .usual import Seen

Verdict = Literal["on_time", "late", "not_yet_known", "no_cutover"]
Objective = Literal["met", "missed", "pending", "not_applicable"]
EXIT_CODES = {"late": 3, "not_yet_known": 4}
VERDICTS: dict[str, Verdict] = {
    "ready": "on_time", "not_ready": "late", "not_yet_known": "not_yet_known",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Moved traffic that is judged together: a large cohort, or the small ones.

    label             whose it is, in words
    window, recovery  its two gates
    hours             since the cutover, a row an hour: `at`, `rate`, `usual`, `tokens`
    now               the last day of the data, or all since the cutover where that is shorter
    recent            the last stretch of the data, as long as the rollout window
    write_share, uncached_share   of the input of `now`; None where not known
    requests          since the cutover; None where not counted
    recovered_at      first hour from which it was back (stretches.recovered_at); None: it is not
    lost_in_ttl_tokens, lost_later_tokens   what the usual rate would have read and was not, within
                      one lifetime after all had moved (to a bucket), and after that
    outlasts_ttl      whether it was below the bar from one lifetime after all had moved on: no cold
                      start does that. None where it cannot be told
    """

    label: str
    moves: tuple[Move, ...]
    window: Gate
    recovery: Gate
    hours: pd.DataFrame
    now: Seen | None
    recent: Seen | None
    write_share: float | None
    uncached_share: float | None
    requests: float | None
    recovered_at: pd.Timestamp | None
    lost_in_ttl_tokens: float | None
    lost_later_tokens: float | None
    outlasts_ttl: bool | None

    @property
    def gates(self) -> tuple[Gate, Gate]:
        """The rollout window, and recovery."""
        return self.window, self.recovery

    @property
    def start(self) -> pd.Timestamp:
        """When the first of it moved."""
        return min(move.start for move in self.moves)

    @property
    def full(self) -> pd.Timestamp | None:
        """When all of it had moved; None: not yet."""
        ends = [move.full for move in self.moves if move.full is not None]
        return max(ends) if len(ends) == len(self.moves) else None

    @property
    def old_share(self) -> float:
        """The most that the old version still serves of one of its cohorts."""
        return max(move.old_share for move in self.moves)

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {
            "about": self.label,
            "cohorts": [
                {"provider": m.provider, "scope": m.scope, "route": m.route,
                 "moved_from": m.from_model, "moved_to": m.to_model, "start": m.start,
                 "full": m.full, "old_share": m.old_share}
                for m in self.moves
            ],
            "baseline": None if self.now is None else self.now.usual,
            "now": None if self.now is None else self.now.rate,
            "now_low": None if self.now is None else self.now.low,
            "now_high": None if self.now is None else self.now.high,
            "write_share": self.write_share,
            "uncached_share": self.uncached_share,
            "requests": self.requests,
            "recovered_at": self.recovered_at,
            "lost_in_ttl_tokens": self.lost_in_ttl_tokens,
            "lost_later_tokens": self.lost_later_tokens,
            "outlasts_ttl": self.outlasts_ttl,
            "curve": {name: list(self.hours[name]) for name in self.hours},
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """What became of the traffic that moved.

    cutover, full_cutover   when it began, and when all of it had moved; None: not known, not yet
    baseline_window         [start, end) of the old version's traffic; None where nothing moved
    until                   end of the data
    measure                 hit_rate, or read_share_of_cached where uncached input is not reported
    ttl_s                   longest lifetime in use; None where not known
    telemetry               the gate of the requests' cache fields
    """

    cutover: pd.Timestamp | None
    full_cutover: pd.Timestamp | None
    baseline_window: tuple[pd.Timestamp, pd.Timestamp] | None
    until: pd.Timestamp
    measure: str
    ttl_s: float | None
    groups: tuple[Group, ...]
    telemetry: Gate
    bars: GateBars

    @property
    def gates(self) -> tuple[Gate, ...]:
        """All gates; that of a cutover that was named and is not in the data is unknown."""
        own = tuple(gate for group in self.groups for gate in group.gates)
        if not own and self.cutover is not None:
            missing = "a cutover in this data: no cohort moved to another version then"
            own = (
                rollout_window(None, None, None, baseline=None, bars=self.bars, missing=missing),
            )
        return (*own, self.telemetry)

    @property
    def verdict(self) -> Verdict:
        """on_time, late, not_yet_known; no_cutover where none was named and none is seen."""
        if not self.groups:
            return "no_cutover" if self.cutover is None else "not_yet_known"
        return VERDICTS[verdict_of([gate for group in self.groups for gate in group.gates])]

    @property
    def exit_code(self) -> int:
        """0 on time, 3 late or cache fields missing, 4 what could not be judged."""
        if self.verdict in ("late", "not_yet_known"):
            return EXIT_CODES[self.verdict]
        return exit_code_of([self.telemetry])

    @property
    def requests(self) -> float | None:
        """Of all that moved, since the cutover; None where some of it was not counted."""
        known = [group.requests for group in self.groups if group.requests is not None]
        return sum(known) if known and len(known) == len(self.groups) else None

    @property
    def objective(self) -> Objective:
        """Recovery against its time limit, in the words of a postmortem."""
        standings = {group.recovery.standing for group in self.groups}
        if "fail" in standings:
            return "missed"
        return "met" if standings == {"pass"} else "pending" if standings else "not_applicable"

    @property
    def recovered_at(self) -> pd.Timestamp | None:
        """When the last of what moved was back; None while some of it is not."""
        back = [group.recovered_at for group in self.groups if group.recovered_at is not None]
        return max(back) if self.groups and len(back) == len(self.groups) else None

    @property
    def baseline(self) -> float | None:
        """Usual rate of the hours of the last day, over all that moved."""
        return self._now("usual")

    @property
    def now(self) -> float | None:
        """Rate of the last day, over all that moved."""
        return self._now("rate")

    def _now(self, name: str) -> float | None:
        known = [group.now for group in self.groups if group.now is not None]
        tokens = sum(one.tokens for one in known)
        return sum(getattr(one, name) * one.tokens for one in known) / tokens if tokens else None
