"""The most that a cold cache can have cost, what was seen of it, and what outlasted it."""

from dataclasses import dataclass
from typing import Any, Literal

import ibis.expr.types as ir
import pandas as pd

from ..causes.case import Case
from ..cost import MTOK, Costed
from ..schema import BUCKET, CACHE_WRITE, COHORT, INPUT
from .ceiling import ceiling, moves, tokens_in
from .estimate import null, total
from .total import gap, windows

Basis = Literal["log", "usage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """What a cold cache can have cost at most, and what was seen.

    ceiling_usd    one write instead of one read for all that was live at the cutover
    observed_usd   writes above the baseline within one lifetime of the cutover, at that premium
    persisted_usd  excess that accrued later than one lifetime after traffic stopped moving
    ttl_s          the lifetime
    basis          log: each live prefix counts once; usage: each token that was touched counts,
                   which is more by the number of times that a prefix was
    used_again_usd of the ceiling, what the log shows to have been used again within its lifetime:
                   what an ideal cache rewrote; None where usage is all there is
    prefixes       distinct prefixes that were live; None where usage is all there is
    reason         why the basis is usage
    """

    ceiling_usd: float
    observed_usd: float
    persisted_usd: float
    ttl_s: float
    basis: Basis
    used_again_usd: float | None
    prefixes: int | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {
            "ceiling_usd": null(self.ceiling_usd),
            "observed_usd": null(self.observed_usd),
            "persisted_after_ttl_usd": null(self.persisted_usd),
            "ttl_s": self.ttl_s,
            "basis": self.basis,
            "used_again_usd": None if self.used_again_usd is None else null(self.used_again_usd),
            "prefixes": self.prefixes,
            "reason": self.reason,
        }


def cold_start(
    case: Case, usage: pd.DataFrame, priced: Costed, requests: ir.Table | None = None
) -> ColdStart | None:
    """The cold-start ceiling of the cohorts that moved and fell; None if none moved.

    Every prefix live at the cutover T was touched within one lifetime before T. A log (*requests*,
    engine.as_table) names them. Without one, the tokens that were read or written in the buckets
    that cover [T - TTL, T) are at least those that were live: an upper bound, tight when buckets
    are short against the lifetime. Of the bucket of the cutover, and of a ramp, what the old
    version served counts, and what it had to write anew.
    """
    if not case.moved or not case.in_a_rate:
        return None
    base, inside = windows(case, usage)
    ttl = pd.Timedelta(seconds=case.longest_ttl_s)
    began = [c.change.start for c in case.moved if c.change is not None]
    near = usage["bucket_end"] > min(began, default=case.incident.start) - ttl
    recent = usage.loc[near, [*BUCKET, *COHORT, "model", *INPUT]]
    groups = list(moves(case, recent))
    found = [ceiling(g, case, priced.book, requests) for g in groups]
    observed = 0.0
    for moved in groups:
        more = tokens_in(moved.new[CACHE_WRITE]) - moved.usual_writes
        observed += max(0.0, more) * moved.premium(priced.book)[0] / MTOK
    settled = max([case.incident.start, *(g.stop + ttl for g in groups)])
    late = inside[inside["bucket_start"] >= settled]
    gaps = [gap(c, case, base, late, priced) for c in case.affected]
    known = [f.prefixes for f in found if f.prefixes is not None]
    reason = next((f.reason for f in found if f.reason), "")
    return ColdStart(
        ceiling_usd=sum(f.usd for f in found),
        observed_usd=observed,
        persisted_usd=total(gaps).value,
        ttl_s=case.longest_ttl_s,
        basis="usage" if reason else "log",
        used_again_usd=None if reason else sum(f.used_again_usd or 0.0 for f in found),
        prefixes=None if reason else sum(known),
        reason=reason,
    )
