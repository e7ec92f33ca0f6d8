"""After a cutover: is the traffic that moved back where it was, and in time? Pure.

moves     which cohorts moved to another version, from when on, and when all of it had
usual     the frozen baseline: what the same hours read before, and how far they stray
stretches a stretch of hours against its baseline, with an interval
hours     what moved, before on the old version and after on the new
watch     both gates, the hours since the cutover, and what is missing
result    what is said of it
"""

from .moves import Move, moves
from .result import Group, Rollout
from .watch import watch

__all__ = ["Group", "Move", "Rollout", "moves", "watch"]
