"""What is warm at the cutover, as receipts prove it. Pure.

A prefix is warm at a moment where the last call that read it or wrote it began less than a lifetime
before. Where none did, and a call that may have been served left no counts in that time, it is not
known. What is proven is one machine's cache: a provider may serve the next request from another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..probing.candidate import Candidate
from ..probing.receipt import BILLED, Receipt
from .prefix import Prefix
from .setup import QUESTION, asked_of, says_writes
from .touched import touched_of

Verdict = Literal["warm", "not_warm", "not_known"]
UNREACHED, EXPIRED = "unreached", "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmth:
    """One prefix at the cutover.

    tokens     of the prefix as the endpoint counts them; about, by its bytes, where none was proven
    proven_s   start of the last call that read it or wrote it, s since 1970; None: none did
    warm_for_s how much longer it lives after the cutover unless it is used; 0 where it is not warm
    touches    answered calls; reads: that read it; rewritten: that wrote it anew
    failed     calls that were not answered with their counts
    why        what kept it from being warm: expired, unreached, budget, stopped, not_cached, an
               outcome; "" where it is warm
    """

    prefix: Prefix
    verdict: Verdict
    tokens: int
    exact: bool
    proven_s: float | None
    warm_for_s: float
    touches: int
    reads: int
    rewritten: int
    failed: int
    usd: float
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without what was sent."""
        plain = {k: v for k, v in asdict(self).items() if k != "prefix"}
        one = self.prefix
        return {
            "number": one.number, "first": one.first, "uses": one.uses, "digest": one.digest,
            "whole": one.whole, "lives_s": one.lives_s, **plain,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmShare:
    """How much of what was to be warm is; shares are of prefixes, low to high where some are not
    known; of tokens, the proven ones."""

    prefixes: int
    warm: int
    not_warm: int
    not_known: int
    tokens: int
    warm_tokens: int
    exact: bool
    bar: float

    @property
    def share(self) -> float:
        """Proven warm, of all."""
        return self.warm / self.prefixes

    @property
    def share_high(self) -> float:
        """Were all that is not known warm."""
        return (self.warm + self.not_known) / self.prefixes

    @property
    def tokens_share(self) -> float:
        """Of the tokens."""
        return self.warm_tokens / self.tokens if self.tokens else 0.0

    @property
    def verdict(self) -> str:
        """warmed, less_warm, or not_known where what is not known decides."""
        if self.share >= self.bar:
            return "warmed"
        return "less_warm" if self.share_high < self.bar else "not_known"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {
            "share": self.share, "share_high": self.share_high, "tokens_share": self.tokens_share,
        }  # fmt: skip


def warmths(
    prefixes: Sequence[Prefix],
    candidate: Candidate,
    receipts: Sequence[Receipt],
    at_s: float,
    why: Mapping[str, str],
    stopped: str = "",
) -> list[Warmth]:
    """Each of *prefixes* at *at_s*; *why* by digest, as keep_warm() tells it."""
    grouped: dict[str, list[Receipt]] = {}
    for one in receipts:
        if one.question == QUESTION and one.sent_s < at_s:
            grouped.setdefault(one.asked, []).append(one)
    return [
        _warmth(
            one, candidate, grouped.get(asked_of(candidate, one), []), at_s,
            why.get(one.digest, stopped),
        )
        for one in prefixes
    ]  # fmt: skip


def _warmth(
    prefix: Prefix, candidate: Candidate, mine: list[Receipt], at_s: float, why: str
) -> Warmth:
    touched = touched_of(mine, says_writes=says_writes(candidate))
    lives_s = prefix.lives_s or 0.0
    left_s = 0.0 if touched.proven_s is None else max(0.0, touched.proven_s + lives_s - at_s)
    unseen = any(
        not one.counted and one.outcome in BILLED and one.outcome != "other_model"
        and one.sent_s > at_s - lives_s for one in mine
    )  # fmt: skip
    verdict: Verdict = "warm" if left_s > 0 else "not_known" if unseen else "not_warm"
    return Warmth(
        prefix=prefix,
        verdict=verdict,
        tokens=touched.tokens or prefix.about_tokens,
        exact=touched.tokens is not None,
        proven_s=touched.proven_s,
        warm_for_s=left_s,
        touches=touched.touches,
        reads=touched.reads,
        rewritten=touched.rewritten,
        failed=sum(not one.counted for one in mine),
        usd=sum(one.spent_usd for one in mine),
        why="" if verdict == "warm" else _why(mine, touched.proven_s, why),
    )


def _why(mine: list[Receipt], proven_s: float | None, why: str) -> str:
    """What kept it from being warm, the most telling first."""
    if why:
        return why
    last = max(mine, key=lambda one: one.sent_s, default=None)
    if last is not None and not last.counted:
        return last.outcome
    return UNREACHED if proven_s is None else EXPIRED


def warm_share(found: Sequence[Warmth], bar: float) -> WarmShare:
    """The sum of *found*; there is at least one."""
    verdicts = [one.verdict for one in found]
    return WarmShare(
        prefixes=len(found),
        warm=verdicts.count("warm"),
        not_warm=verdicts.count("not_warm"),
        not_known=verdicts.count("not_known"),
        tokens=sum(one.tokens for one in found),
        warm_tokens=sum(one.tokens for one in found if one.verdict == "warm"),
        exact=all(one.exact for one in found),
        bar=bar,
    )
